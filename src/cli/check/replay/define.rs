//! DefineAuthChallenge: it alone decides who gets tokens.
//!
//! It is shown the histories that are most often got wrong: no entry, SRP_A alone, a second factor in
//! between, wrong answers without end.

use cognito_flow::FlowKind;
use serde_json::{Map, Value, json};

use super::Replay;
use crate::cli::check::finding::{Finding, Severity};
use crate::cli::check::function::{CallError, Function, Kind};
use crate::cli::check::is_custom;
use crate::cli::check::probes::skipped_password;

/// Wrong answers after which DefineAuthChallenge should have ended the sign-in. Samples stop at 3.
const ROUNDS: usize = 20;

/// Second factors of Cognito's own that can stand after the password in a session.
const FACTORS: [&str; 3] = ["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"];

/// What DefineAuthChallenge decides.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Tokens,
    Fail,
    Ask(String),
    /// An answer that Cognito refuses, or none.
    Unusable(String),
}

/// One entry of `session`.
type Entry = (&'static str, bool);

const SRP_A: Entry = ("SRP_A", true);
const PASSWORD: Entry = ("PASSWORD_VERIFIER", true);
const RIGHT: Entry = ("CUSTOM_CHALLENGE", true);
const WRONG: Entry = ("CUSTOM_CHALLENGE", false);

/// The two ways a custom sign-in begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    WithSrp,
    WithoutSrp,
}

impl Start {
    /// `session` when the first custom challenge is due.
    const fn history(self) -> &'static [Entry] {
        match self {
            Self::WithSrp => &[SRP_A, PASSWORD],
            Self::WithoutSrp => &[],
        }
    }

    const fn flow(self) -> FlowKind {
        match self {
            Self::WithSrp => FlowKind::CustomWithSrp,
            Self::WithoutSrp => FlowKind::CustomWithoutSrp,
        }
    }
}

/// The function, and what all its calls have in common.
pub(super) struct Define<'a> {
    pub(super) replay: &'a Replay<'a>,
    pub(super) function: &'a Function,
    /// `challengeMetadata` of the custom challenges.
    pub(super) metadata: &'a Value,
}

impl Define<'_> {
    pub(super) async fn play(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        // A function that is not there says nothing about histories.
        if let Err(error @ (CallError::Unavailable(_) | CallError::TimedOut)) =
            self.function.call(&self.event(&[])).await
        {
            return vec![
                Finding::error(Kind::Define.check(), error.to_string())
                    .why("nobody can sign in by a custom challenge")
                    .remedy(format!("see that it can be reached: {}", self.function)),
            ];
        }
        findings.extend(self.play_without_srp().await);
        findings.extend(self.play_with_srp().await);
        findings
    }

    async fn play_without_srp(&self) -> Vec<Finding> {
        let start = Start::WithoutSrp;
        let mut findings = Vec::new();
        match self.decide(&[]).await {
            Verdict::Ask(name) if name == "CUSTOM_CHALLENGE" => {
                if self.replay.flow.kind == Start::WithSrp.flow() {
                    findings.push(
                        self.finding(Severity::Note, "it also takes sign-ins that begin without a password")
                            .why("not through sidegate, but whoever may use the app client gets tokens by the custom challenge alone")
                            .remedy("answer failAuthentication true to an empty session, unless other applications need it"),
                    );
                }
                findings.extend(self.play_rounds(start).await);
            }
            Verdict::Ask(name) => findings.push(
                self.finding(self.severity(start), format!("it answers an empty session with {name}"))
                    .why("a sign-in that began without SRP_A cannot meet that challenge")
                    .remedy("answer challengeName CUSTOM_CHALLENGE to an empty session"),
            ),
            Verdict::Tokens => findings.push(
                self.finding(Severity::Error, "it issues tokens for an empty session")
                    .why("anybody who knows a user name is signed in: nothing was proven")
                    .remedy("answer challengeName CUSTOM_CHALLENGE and issueTokens false to an empty session"),
            ),
            Verdict::Fail => findings.push(
                self.finding(self.severity(start), "it fails at once on an empty session")
                    .why("no sign-in that begins without a password can succeed; in the widely copied CAPTCHA sample the first condition is inverted against its own comment")
                    .remedy("answer challengeName CUSTOM_CHALLENGE and failAuthentication false when session.length === 0"),
            ),
            Verdict::Unusable(what) => findings.push(self.unusable(start, "an empty session", &what)),
        }
        findings
    }

    async fn play_with_srp(&self) -> Vec<Finding> {
        let start = Start::WithSrp;
        let severity = self.severity(start);
        match self.decide(&[SRP_A]).await {
            Verdict::Ask(name) if name == "PASSWORD_VERIFIER" => {}
            // Without SRP configured, this start only comes from clients that always send SRP_A.
            Verdict::Ask(name)
                if name == "CUSTOM_CHALLENGE"
                    && self.replay.flow.kind == Start::WithoutSrp.flow() =>
            {
                return Vec::new();
            }
            Verdict::Ask(name) => {
                let (severity, why) = skipped_password(self.replay.flow);
                return vec![
                    self.finding(
                        severity,
                        format!("it answers a session of only SRP_A with {name}"),
                    )
                    .why(why)
                    .remedy("answer challengeName PASSWORD_VERIFIER when the only entry is SRP_A"),
                ];
            }
            Verdict::Tokens => {
                return vec![
                    self.finding(Severity::Error, "it issues tokens when its session holds only SRP_A")
                        .why("SRP_A proves nothing: anybody who knows a user name is signed in without the password")
                        .remedy("answer challengeName PASSWORD_VERIFIER and issueTokens false when the only entry is SRP_A"),
                ];
            }
            Verdict::Fail => {
                return vec![
                    self.finding(severity, "it fails on a session of only SRP_A")
                        .why("no sign-in that begins with a password can succeed")
                        .remedy(
                            "answer challengeName PASSWORD_VERIFIER when the only entry is SRP_A",
                        ),
                ];
            }
            Verdict::Unusable(what) => {
                return vec![self.unusable(start, "a session of only SRP_A", &what)];
            }
        }
        let mut findings = Vec::new();
        if self.decide(&[SRP_A, ("PASSWORD_VERIFIER", false)]).await == Verdict::Tokens {
            findings.push(
                self.finding(Severity::Error, "it issues tokens after a wrong password")
                    .why("it looks at the names in its session and not at challengeResult")
                    .remedy("issue tokens only when the last entry is CUSTOM_CHALLENGE and its challengeResult is true"),
            );
        }
        match self.decide(start.history()).await {
            Verdict::Ask(name) if name == "CUSTOM_CHALLENGE" => {
                findings.extend(self.play_factors().await);
                findings.extend(self.play_rounds(start).await);
            }
            Verdict::Ask(name) => findings.push(
                self.finding(severity, format!("it answers a right password with {name}"))
                    .why("the sign-in never gets to the custom challenge")
                    .remedy("answer challengeName CUSTOM_CHALLENGE after [SRP_A, PASSWORD_VERIFIER]"),
            ),
            Verdict::Tokens => findings.push(
                self.finding(Severity::Warning, "it issues tokens after the password alone")
                    .why("the custom challenge is never asked; if that is meant, USER_SRP_AUTH does it without triggers")
                    .remedy("answer challengeName CUSTOM_CHALLENGE after [SRP_A, PASSWORD_VERIFIER]"),
            ),
            Verdict::Fail => findings.push(
                self.finding(severity, "it fails after a right password")
                    .why("no sign-in that begins with a password can succeed")
                    .remedy("answer challengeName CUSTOM_CHALLENGE after [SRP_A, PASSWORD_VERIFIER]"),
            ),
            Verdict::Unusable(what) => {
                findings.push(self.unusable(start, "[SRP_A, PASSWORD_VERIFIER]", &what));
            }
        }
        findings
    }

    /// A second factor of Cognito's own, which it puts after the password.
    async fn play_factors(&self) -> Option<Finding> {
        for factor in FACTORS {
            match self.decide(&[SRP_A, PASSWORD, (factor, true)]).await {
                Verdict::Ask(name) if name == "CUSTOM_CHALLENGE" => {}
                Verdict::Tokens => {
                    return Some(
                        self.finding(Severity::Error, format!("it issues tokens because {factor}, last in its session, is true"))
                            .why("users with MFA never meet the custom challenge: an entry it does not expect counts as passed")
                            .remedy("issue tokens only when the last entry's challengeName is CUSTOM_CHALLENGE; ask it after any other"),
                    );
                }
                _ => {
                    return Some(
                        self.finding(Severity::Warning, format!("it does not go on after {factor}"))
                            .why("Cognito puts MFA after the password: users who have it cannot sign in")
                            .remedy("look at the last entry's name and not at the session's length; ask CUSTOM_CHALLENGE after any entry but SRP_A"),
                    );
                }
            }
        }
        None
    }

    /// The custom rounds: all wrong, and all right.
    async fn play_rounds(&self, start: Start) -> Vec<Finding> {
        let mut findings = Vec::new();
        let flow = start.flow();
        let mut history = start.history().to_vec();
        let mut ended = false;
        for _round in 0..ROUNDS {
            history.push(WRONG);
            match self.decide(&history).await {
                Verdict::Tokens => {
                    findings.push(
                        self.finding(Severity::Error, format!("it issues tokens after a wrong answer ({flow})"))
                            .why("the custom challenge keeps nobody out")
                            .remedy("issue tokens only when the last entry is CUSTOM_CHALLENGE and its challengeResult is true"),
                    );
                    ended = true;
                }
                Verdict::Ask(_) => continue,
                Verdict::Fail | Verdict::Unusable(_) => ended = true,
            }
            break;
        }
        if !ended {
            findings.push(
                self.finding(Severity::Warning, format!("it asks for ever: {ROUNDS} wrong answers do not fail ({flow})"))
                    .why("Cognito does not count custom challenges, so short answers can be tried out; sidegate stops after some rounds, other clients do not")
                    .remedy("count the entries named CUSTOM_CHALLENGE with challengeResult false, and answer failAuthentication true at the third"),
            );
        }
        let mut history = start.history().to_vec();
        for _round in 0..ROUNDS {
            history.push(RIGHT);
            match self.decide(&history).await {
                Verdict::Tokens => return findings,
                Verdict::Ask(_) => {}
                Verdict::Fail | Verdict::Unusable(_) => break,
            }
        }
        findings.push(
            self.finding(self.severity(start), format!("right answers bring no tokens ({flow})"))
                .why("nobody can sign in by the custom challenge")
                .remedy("answer issueTokens true when the last entry is CUSTOM_CHALLENGE and its challengeResult is true"),
        );
        findings
    }

    async fn decide(&self, history: &[Entry]) -> Verdict {
        match self.function.call(&self.event(history)).await {
            Ok(response) => verdict(&response),
            Err(error) => Verdict::Unusable(error.to_string()),
        }
    }

    fn event(&self, history: &[Entry]) -> Value {
        let entry = |(name, result): &Entry| {
            let metadata = match *name {
                "CUSTOM_CHALLENGE" => self.metadata.clone(),
                _ => Value::Null,
            };
            json!({"challengeName": name, "challengeResult": result, "challengeMetadata": metadata})
        };
        let session: Vec<_> = history.iter().map(entry).collect();
        self.replay.event(
            Kind::Define,
            [("session", session.into())],
            &["challengeName", "issueTokens", "failAuthentication"],
        )
    }

    /// How bad it is that a start leads nowhere: sign-in is dead, is not used, or is closed on purpose.
    fn severity(&self, start: Start) -> Severity {
        match self.replay.flow.kind {
            flow if flow == start.flow() => Severity::Error,
            flow if is_custom(flow) => Severity::Note,
            _ => Severity::Warning,
        }
    }

    fn unusable(&self, start: Start, history: &str, what: &str) -> Finding {
        self.finding(self.severity(start), format!("on {history}, {what}"))
            .why("Cognito ends the sign-in with an error")
            .remedy("return the whole event, with response.challengeName, issueTokens or failAuthentication set")
    }

    fn finding(&self, severity: Severity, what: impl Into<String>) -> Finding {
        Finding::new(severity, Kind::Define.check(), what)
    }
}

/// What a response of DefineAuthChallenge means: failAuthentication is looked at first.
fn verdict(response: &Map<String, Value>) -> Verdict {
    let flag = |name: &str| match response.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(Verdict::Unusable(format!(
            "{name} is neither true nor false"
        ))),
    };
    match (
        flag("failAuthentication"),
        flag("issueTokens"),
        response.get("challengeName").and_then(Value::as_str),
    ) {
        (Err(unusable), _, _) | (_, Err(unusable), _) => unusable,
        (Ok(true), _, _) => Verdict::Fail,
        (_, Ok(true), _) => Verdict::Tokens,
        (_, _, Some(name)) if is_challenge(name) => Verdict::Ask(name.to_owned()),
        (_, _, Some(_)) => Verdict::Unusable("its challengeName is none of Cognito's".to_owned()),
        _ => Verdict::Unusable("it neither asks, nor issues tokens, nor fails".to_owned()),
    }
}

fn is_challenge(name: &str) -> bool {
    matches!(name, "CUSTOM_CHALLENGE" | "PASSWORD_VERIFIER" | "SRP_A")
}
