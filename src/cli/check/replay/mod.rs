//! Known sign-ins of nobody, played to the pool's triggers of custom authentication.
//!
//! The events are exactly Cognito's (developer guide, "Custom authentication challenge Lambda triggers").
//! `define` and `verify` judge their functions. CreateAuthChallenge is called once, for the parameters
//! that VerifyAuthChallengeResponse compares with; if it sends a code, the address is one of AWS's own for tests.

mod define;
#[cfg(test)]
mod tests;
mod verify;

use cognito_flow::FlowSettings;
use serde_json::{Map, Value, json};

use self::define::Define;
use super::finding::{Finding, Severity};
use super::function::{Function, GivenTrigger, Kind};
use super::is_custom;
use crate::cognito::{PoolSettings, Settings};

/// AWS's mailbox simulator takes every message and counts none as bounced (SES developer guide).
const EMAIL: &str = "success@simulator.amazonses.com";

/// The functions that can be reached.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    define: Option<Function>,
    create: Option<Function>,
    verify: Option<Function>,
}

impl Triggers {
    pub(super) fn given(triggers: &[GivenTrigger]) -> Self {
        let mut all = Self::default();
        for GivenTrigger { kind, function } in triggers {
            *all.place(*kind) = Some(function.clone());
        }
        all
    }

    /// Adds those of the pool that have a URL: a local pool's. Functions at AWS have an ARN.
    pub(super) fn add_described(&mut self, pool: &PoolSettings) {
        for kind in Kind::ALL {
            let place = self.place(kind);
            let function = pool.triggers.get(kind.name());
            if place.is_none()
                && let Some(text) = function.filter(|text| text.starts_with("http"))
            {
                *place = Function::read(text).ok();
            }
        }
    }

    fn place(&mut self, kind: Kind) -> &mut Option<Function> {
        match kind {
            Kind::Define => &mut self.define,
            Kind::Create => &mut self.create,
            Kind::Verify => &mut self.verify,
        }
    }
}

/// Plays everything there is a function for.
pub(super) async fn replay(triggers: &Triggers, settings: &Settings) -> Vec<Finding> {
    let replay = Replay {
        flow: &settings.flow,
        region: settings.client.pool_id().region(),
        pool_id: settings.client.pool_id().as_str(),
        client_id: settings.client.client_id().as_str(),
    };
    let mut findings = Vec::new();
    if triggers.define.is_none() && is_custom(replay.flow.kind) {
        findings.push(
            Finding::note(Kind::Define.check(), "not replayed: the function cannot be reached from here")
                .remedy("run it on this machine, and name it: sidegate check --trigger define=URL_OR_COMMAND"),
        );
    }
    let mut challenge = Challenge::default();
    if let Some(create) = &triggers.create {
        match replay.create(create).await {
            Ok(created) => {
                findings.push(Finding::ok(Kind::Create.check(), "it makes a challenge"));
                challenge = created;
            }
            Err(finding) => findings.push(finding),
        }
    }
    if let Some(define) = &triggers.define {
        let define = Define {
            replay: &replay,
            function: define,
            metadata: &challenge.metadata,
        };
        let told = define.play().await;
        findings.extend(or_ok(
            told,
            Kind::Define,
            "every known history gets a sound answer",
        ));
    }
    if let Some(verify) = &triggers.verify {
        let told = replay.verify(verify, &challenge).await;
        findings.extend(or_ok(
            told,
            Kind::Verify,
            "it takes no missing, empty or wrong answer as right",
        ));
    }
    findings
}

fn or_ok(told: Vec<Finding>, kind: Kind, what: &str) -> Vec<Finding> {
    if told.iter().any(|finding| finding.severity > Severity::Note) {
        return told;
    }
    let ok = Finding::ok(kind.check(), what);
    std::iter::once(ok).chain(told).collect()
}

/// What all events have in common.
struct Replay<'a> {
    flow: &'a FlowSettings,
    region: &'a str,
    pool_id: &'a str,
    client_id: &'a str,
}

/// What CreateAuthChallenge made.
#[derive(Default)]
struct Challenge {
    private_parameters: Option<Value>,
    metadata: Value,
}

impl Replay<'_> {
    /// An event; the function is to fill in the members named by `response`.
    fn event<const N: usize>(
        &self,
        kind: Kind,
        request: [(&str, Value); N],
        response: &[&str],
    ) -> Value {
        let user = [
            (
                "userAttributes",
                json!({
                    "sub": "00000000-0000-4000-8000-000000000000",
                    "cognito:user_status": "CONFIRMED",
                    "email": EMAIL,
                    "email_verified": "true",
                }),
            ),
            ("userNotFound", false.into()),
        ];
        let members = user.into_iter().chain(request);
        let request: Map<_, _> = members
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let empty = |name: &&str| ((*name).to_owned(), Value::Null);
        let response: Map<_, _> = response.iter().map(empty).collect();
        json!({
            "version": "1",
            "triggerSource": format!("{}_Authentication", kind.name()),
            "region": self.region,
            "userPoolId": self.pool_id,
            "userName": "sidegate-check",
            "callerContext": {
                "awsSdkVersion": "aws-sdk-unknown-unknown",
                "clientId": self.client_id,
            },
            "request": request,
            "response": response,
        })
    }

    async fn create(&self, create: &Function) -> Result<Challenge, Finding> {
        const CHECK: &str = Kind::Create.check();
        let why = "nobody can sign in by a custom challenge";
        let event = self.event(
            Kind::Create,
            [
                ("challengeName", "CUSTOM_CHALLENGE".into()),
                ("session", json!([])),
            ],
            &[
                "publicChallengeParameters",
                "privateChallengeParameters",
                "challengeMetadata",
            ],
        );
        let answer = create.call(&event).await;
        let answer = answer.map_err(|error| Finding::error(CHECK, error.to_string()).why(why))?;
        let public = answer.get("publicChallengeParameters");
        let private = answer.get("privateChallengeParameters");
        for (name, parameters) in [("public", public), ("private", private)] {
            let texts = match parameters {
                None | Some(Value::Null) => true,
                Some(Value::Object(members)) => members.values().all(Value::is_string),
                Some(_) => false,
            };
            if !texts {
                let what = format!("{name}ChallengeParameters is not an object of texts");
                return Err(Finding::error(CHECK, what)
                    .why("Cognito refuses such an answer: InvalidLambdaResponseException")
                    .remedy("make every value a text, numbers with String(…) and objects with JSON.stringify(…)"));
            }
        }
        Ok(Challenge {
            private_parameters: private.filter(|parameters| !parameters.is_null()).cloned(),
            metadata: answer.get("challengeMetadata").cloned().unwrap_or_default(),
        })
    }
}
