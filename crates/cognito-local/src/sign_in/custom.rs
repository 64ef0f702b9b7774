//! CUSTOM_AUTH: rounds of challenges that functions of the pool make and judge.
//!
//! Define says what comes next, Create makes a challenge, Verify judges its answer. What Create keeps from the client
//! (`privateChallengeParameters`) travels sealed in the `Session`. Whatever Define says, a user who does not exist gets
//! no tokens. That Define may let somebody through who proved nothing is Cognito's rule, and kept: `sidegate check` warns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chain::Next;
use super::{
    Caller, Entry, Flow, Parameters, Step, Target, UnderWay, challenge, go_on, open_session,
    required, spend, srp,
};
use crate::error::ApiError;
use crate::secret_hash;
use crate::service::Service;
use crate::state::AuthFlow;
use crate::trigger::{self, Event, Kind, add_metadata, authentication};

const NAME: &str = "CUSTOM_CHALLENGE";

/// The step that starts a custom flow with a password.
const SRP_A: &str = "SRP_A";

/// What a round keeps until its answer comes.
#[derive(Serialize, Deserialize)]
struct Round {
    private: BTreeMap<String, String>,
    metadata: Option<String>,
}

/// InitiateAuth with CUSTOM_AUTH; with `CHALLENGE_NAME=SRP_A` the password comes first.
pub(crate) async fn begin(
    service: &Service,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Step, ApiError> {
    let configured = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        Ok::<_, ApiError>(pool.settings.triggers.can_challenge())
    })?;
    if !configured {
        return Err(not_configured());
    }
    let username = required(parameters, "USERNAME")?;
    let srp_a = match parameters.get("CHALLENGE_NAME").map(String::as_str) {
        None | Some(NAME) => None,
        Some(SRP_A) => Some(srp::public(parameters)?),
        Some(_) => return Err(ApiError::invalid_parameter("Invalid CHALLENGE_NAME.")),
    };
    secret_hash::check(
        &caller.client,
        username,
        parameters.get("SECRET_HASH").map(String::as_str),
    )?;
    let target = Target::look_up(service, caller, username)?;
    if !target.known && !caller.hides_users() {
        return Err(ApiError::user_missing());
    }
    let mut under_way = UnderWay::begin(&target, Flow::Custom, parameters.get("DEVICE_KEY"));
    authentication::begins(service, caller, &under_way).await?;
    if srp_a.is_some() {
        under_way.prove(SRP_A);
        under_way.srp_a = srp_a;
    }
    go_on(service, caller, under_way).await
}

/// RespondToAuthChallenge with CUSTOM_CHALLENGE. A wrong answer is no error: Define says what becomes of it.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    caller.check_flow(AuthFlow::AllowCustomAuth)?;
    let username = required(responses, "USERNAME")?;
    let answer = required(responses, "ANSWER")?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, NAME, username, session)?;
    let round: Round = session.own()?;
    // Before the answer is judged: a session is one answer, however many come at once.
    spend(service, caller, &session)?;
    let mut under_way = session.under_way;
    under_way.see_device(responses);
    let right = verify(service, caller, &under_way, &round, answer).await?;
    under_way.proven.push(Entry {
        challenge_name: NAME.to_owned(),
        challenge_result: right,
        challenge_metadata: round.metadata,
    });
    go_on(service, caller, under_way).await
}

/// Asks Define what comes next, and makes it.
pub(super) async fn next(
    service: &Service,
    caller: &Caller,
    mut under_way: UnderWay,
) -> Result<Next, ApiError> {
    if under_way.let_through {
        return Ok(Next::LetThrough(under_way));
    }
    let verdict = define(service, caller, &under_way).await?;
    if verdict.fail_authentication == Some(true) {
        return Err(ApiError::incorrect());
    }
    if verdict.issue_tokens == Some(true) {
        if !under_way.known {
            return Err(ApiError::incorrect());
        }
        under_way.let_through = true;
        return Ok(Next::LetThrough(under_way));
    }
    match verdict.challenge_name.as_deref() {
        Some(NAME) => create(service, caller, under_way).await.map(Next::Ask),
        Some("PASSWORD_VERIFIER") if under_way.srp_a.is_some() => {
            srp::verifier(service, caller, under_way)
                .await
                .map(Next::Ask)
        }
        _ => Err(trigger::unusable()),
    }
}

/// `response` of DefineAuthChallenge.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    challenge_name: Option<String>,
    issue_tokens: Option<bool>,
    fail_authentication: Option<bool>,
}

async fn define(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
) -> Result<Verdict, ApiError> {
    let mut request = request(service, caller, under_way);
    request.insert("session".to_owned(), json!(under_way.proven));
    let response =
        json!({ "challengeName": null, "issueTokens": null, "failAuthentication": null });
    let kind = Kind::DefineAuthChallenge;
    let answer = call(service, caller, under_way, kind, request, response).await?;
    trigger::read(answer)
}

/// `response` of CreateAuthChallenge. The values are texts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    public_challenge_parameters: Option<BTreeMap<String, String>>,
    private_challenge_parameters: Option<BTreeMap<String, String>>,
    challenge_metadata: Option<String>,
}

async fn create(service: &Service, caller: &Caller, under_way: UnderWay) -> Result<Step, ApiError> {
    let limit = service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        Ok::<_, ApiError>(pool.settings.triggers.custom_challenge_limit)
    })?;
    let rounds = under_way
        .proven
        .iter()
        .filter(|entry| entry.challenge_name == NAME)
        .count();
    if rounds >= usize::try_from(limit).unwrap_or(usize::MAX) {
        tracing::warn!(
            limit,
            "DefineAuthChallenge asks for more challenges than custom_challenge_limit allows"
        );
        return Err(ApiError::incorrect());
    }
    let mut request = request(service, caller, &under_way);
    request.insert("challengeName".to_owned(), NAME.into());
    request.insert("session".to_owned(), json!(under_way.proven));
    let response = json!({
        "publicChallengeParameters": null,
        "privateChallengeParameters": null,
        "challengeMetadata": null,
    });
    let kind = Kind::CreateAuthChallenge;
    let answer = call(service, caller, &under_way, kind, request, response).await?;
    let made: Made = trigger::read(answer)?;
    let mut parameters = made.public_challenge_parameters.unwrap_or_default();
    parameters.insert("USERNAME".to_owned(), under_way.name.clone());
    let round = Round {
        private: made.private_challenge_parameters.unwrap_or_default(),
        metadata: made.challenge_metadata,
    };
    challenge(service, caller, NAME, under_way, &round, json!(parameters))
}

/// `response` of VerifyAuthChallengeResponse.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    answer_correct: Option<bool>,
}

async fn verify(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
    round: &Round,
    answer: &str,
) -> Result<bool, ApiError> {
    let mut request = request(service, caller, under_way);
    request.insert(
        "privateChallengeParameters".to_owned(),
        json!(round.private),
    );
    request.insert("challengeAnswer".to_owned(), answer.into());
    let kind = Kind::VerifyAuthChallengeResponse;
    let response = json!({ "answerCorrect": null });
    let answer = call(service, caller, under_way, kind, request, response).await?;
    let judged: Judged = trigger::read(answer)?;
    Ok(judged.answer_correct == Some(true))
}

/// What the `request` of all three begins with.
fn request(service: &Service, caller: &Caller, under_way: &UnderWay) -> Map<String, Value> {
    let mut request = authentication::about(service, caller, under_way);
    add_metadata(&mut request, &caller.metadata);
    request
}

async fn call(
    service: &Service,
    caller: &Caller,
    under_way: &UnderWay,
    kind: Kind,
    request: Map<String, Value>,
    response: Value,
) -> Result<Map<String, Value>, ApiError> {
    let event = Event {
        pool: &caller.pool,
        client: &caller.client.id,
        kind,
        source: &format!("{}_Authentication", kind.name()),
        user_name: &under_way.event_name,
        request,
        response,
    };
    trigger::call(service, event)
        .await?
        .ok_or_else(not_configured)
}

fn not_configured() -> ApiError {
    ApiError::invalid_parameter("Custom auth lambda trigger is not configured for the user pool.")
}
