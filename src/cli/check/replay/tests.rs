//! Triggers that are wrong in each known way, behind the Lambda Invoke API.

use cognito_flow::FlowKind;

use super::*;
use crate::cognito::testing::{Say, Stub, settings};

/// A session's entries as a trigger sees them.
type Session<'a> = &'a [(&'a str, bool)];

fn ask(name: &str) -> Value {
    json!({"challengeName": name, "issueTokens": false, "failAuthentication": false})
}

fn tokens() -> Value {
    json!({"issueTokens": true, "failAuthentication": false})
}

fn fail() -> Value {
    json!({"issueTokens": false, "failAuthentication": true})
}

/// Takes both starts, looks at the last entry's name, and gives up after three wrong answers.
fn sound(session: Session<'_>) -> Value {
    let wrong = session
        .iter()
        .filter(|entry| **entry == ("CUSTOM_CHALLENGE", false));
    match session.last() {
        _ if wrong.count() >= 3 => fail(),
        Some(("SRP_A", true)) if session.len() == 1 => ask("PASSWORD_VERIFIER"),
        Some(("PASSWORD_VERIFIER", false)) => fail(),
        Some(("CUSTOM_CHALLENGE", true)) => tokens(),
        _ => ask("CUSTOM_CHALLENGE"),
    }
}

/// Every event is checked for its form on the way.
async fn define(function: impl Fn(Session<'_>) -> Value + Send + Sync + 'static) -> Stub {
    Stub::start(move |heard| {
        assert!(
            heard
                .head
                .starts_with("POST /2015-03-31/functions/F/invocations ")
        );
        let mut event: Value = serde_json::from_str(&heard.body).unwrap();
        assert_eq!(event["triggerSource"], "DefineAuthChallenge_Authentication");
        let entries = event["request"]["session"].as_array().unwrap();
        let session: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    entry["challengeName"].as_str().unwrap(),
                    entry["challengeResult"].as_bool().unwrap(),
                )
            })
            .collect();
        let response = function(&session);
        event["response"] = response;
        Say::Json(200, event.to_string())
    })
    .await
}

fn function(stub: &Stub) -> Function {
    let url = format!("http://{}/2015-03-31/functions/F/invocations", stub.address);
    Function::read(&url).unwrap()
}

fn replay(flow: &FlowSettings) -> Replay<'_> {
    Replay {
        flow,
        region: "eu-west-1",
        pool_id: "eu-west-1_AbC123xyz",
        client_id: "1h57kf5cpq17m0eml12EXAMPLE",
    }
}

/// Severity and text of what is found under a flow, one a line.
async fn found(
    flow: FlowKind,
    decide: impl Fn(Session<'_>) -> Value + Send + Sync + 'static,
) -> String {
    found_with(&FlowSettings::new(flow), decide).await
}

async fn found_with(
    flow: &FlowSettings,
    decide: impl Fn(Session<'_>) -> Value + Send + Sync + 'static,
) -> String {
    let stub = define(decide).await;
    let define = Define {
        replay: &replay(flow),
        function: &function(&stub),
        metadata: &Value::Null,
    };
    let told = define.play().await;
    assert!(
        told.iter()
            .all(|finding| finding.why.is_some() && finding.remedy.is_some()),
        "{told:?}"
    );
    let lines: Vec<_> = told
        .iter()
        .map(|finding| format!("{}: {}", finding.severity.name(), finding.what))
        .collect();
    lines.join("\n")
}

const FLOWS: [FlowKind; 3] = [
    FlowKind::CustomWithSrp,
    FlowKind::CustomWithoutSrp,
    FlowKind::UserSrpAuth,
];

#[tokio::test]
async fn a_sound_trigger_has_no_faults_under_any_flow() {
    assert_eq!(found(FlowKind::CustomWithoutSrp, sound).await, "");
    assert_eq!(found(FlowKind::UserSrpAuth, sound).await, "");
    assert_eq!(
        found(FlowKind::CustomWithSrp, sound).await,
        "note: it also takes sign-ins that begin without a password"
    );
    // One that takes sign-ins with a password only, as CUSTOM_WITH_SRP asks for.
    let closed = |session: Session<'_>| match session {
        [] => fail(),
        session => sound(session),
    };
    assert_eq!(
        found(FlowKind::CustomWithSrp, closed).await,
        "note: it fails at once on an empty session"
    );
}

/// The most dangerous one: under CUSTOM_WITH_SRP the password is never asked.
#[tokio::test]
async fn tokens_for_srp_a_alone_are_an_error_under_every_flow() {
    for flow in FLOWS {
        let text = found(flow, |session: Session<'_>| match session {
            [("SRP_A", true)] => tokens(),
            session => sound(session),
        })
        .await;
        assert!(
            text.contains("error: it issues tokens when its session holds only SRP_A"),
            "{flow}: {text}"
        );
    }
}

#[tokio::test]
async fn a_password_that_is_never_asked_is_an_error_unless_that_is_wanted() {
    let skips = |session: Session<'_>| match session {
        [("SRP_A", true)] => ask("CUSTOM_CHALLENGE"),
        session => sound(session),
    };
    let text = found(FlowKind::CustomWithSrp, skips).await;
    assert!(
        text.contains("error: it answers a session of only SRP_A with CUSTOM_CHALLENGE"),
        "{text}"
    );
    assert_eq!(found(FlowKind::CustomWithoutSrp, skips).await, "");
    let mut lenient = FlowSettings::new(FlowKind::CustomWithSrp);
    lenient.custom_may_skip_password = true;
    let text = found_with(&lenient, skips).await;
    assert!(
        text.contains("warning: it answers a session of only SRP_A with CUSTOM_CHALLENGE"),
        "{text}"
    );
}

/// As the widely copied CAPTCHA sample is printed: its first condition is inverted.
#[tokio::test]
async fn the_published_captcha_sample_lets_nobody_in() {
    let printed = |session: Session<'_>| {
        if !session.is_empty() {
            ask("CUSTOM_CHALLENGE")
        } else if session.last().is_some_and(|(_, right)| *right) {
            tokens()
        } else {
            fail()
        }
    };
    assert_eq!(
        found(FlowKind::CustomWithoutSrp, printed).await,
        "error: it fails at once on an empty session"
    );
    assert_eq!(
        found(FlowKind::UserSrpAuth, printed).await,
        "warning: it fails at once on an empty session\n\
         error: it answers a session of only SRP_A with CUSTOM_CHALLENGE"
    );
}

#[tokio::test]
async fn tokens_for_nothing_are_an_error() {
    for flow in FLOWS {
        let text = found(flow, |_: Session<'_>| tokens()).await;
        assert!(
            text.contains("error: it issues tokens for an empty session"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_endless_asker_is_found_with_both_starts() {
    let endless = |session: Session<'_>| match session.last() {
        Some(("CUSTOM_CHALLENGE", false)) => ask("CUSTOM_CHALLENGE"),
        _ => sound(session),
    };
    let text = found(FlowKind::UserSrpAuth, endless).await;
    for start in [FlowKind::CustomWithSrp, FlowKind::CustomWithoutSrp] {
        let told = format!("warning: it asks for ever: 20 wrong answers do not fail ({start})");
        assert!(text.contains(&told), "{text}");
    }
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[tokio::test]
async fn an_entry_that_is_not_expected_must_not_count_as_passed() {
    let any_true = |session: Session<'_>| match session.last() {
        Some((name, true)) if !["SRP_A", "PASSWORD_VERIFIER"].contains(name) => tokens(),
        _ => sound(session),
    };
    assert_eq!(
        found(FlowKind::UserSrpAuth, any_true).await,
        "error: it issues tokens because SMS_MFA, last in its session, is true"
    );
    let by_length = |session: Session<'_>| match session {
        [_, _, (name, _)] if *name != "CUSTOM_CHALLENGE" => fail(),
        session => sound(session),
    };
    assert_eq!(
        found(FlowKind::UserSrpAuth, by_length).await,
        "warning: it does not go on after SMS_MFA"
    );
}

#[tokio::test]
async fn wrong_passwords_wrong_answers_and_left_out_rounds_are_found() {
    let blind = |session: Session<'_>| match session.last() {
        Some(("PASSWORD_VERIFIER" | "CUSTOM_CHALLENGE", _)) => tokens(),
        _ => sound(session),
    };
    assert_eq!(
        found(FlowKind::UserSrpAuth, blind).await,
        "error: it issues tokens after a wrong answer (CUSTOM_WITHOUT_SRP)\n\
         error: it issues tokens after a wrong password\n\
         warning: it issues tokens after the password alone"
    );
    let never = |session: Session<'_>| match session.last() {
        Some(("CUSTOM_CHALLENGE", true)) => ask("CUSTOM_CHALLENGE"),
        _ => sound(session),
    };
    assert_eq!(
        found(FlowKind::CustomWithoutSrp, never).await,
        "error: right answers bring no tokens (CUSTOM_WITHOUT_SRP)\n\
         note: right answers bring no tokens (CUSTOM_WITH_SRP)"
    );
}

#[tokio::test]
async fn an_answer_that_cognito_refuses_is_told() {
    for (response, told) in [
        (json!({}), "it neither asks, nor issues tokens, nor fails"),
        (
            json!({"challengeName": "CAPTCHA"}),
            "its challengeName is none of Cognito's",
        ),
        (
            json!({"issueTokens": "true"}),
            "issueTokens is neither true nor false",
        ),
    ] {
        let text = found(FlowKind::CustomWithoutSrp, move |_: Session<'_>| {
            response.clone()
        })
        .await;
        assert!(
            text.starts_with(&format!("error: on an empty session, {told}")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_trigger_that_is_not_there_is_told_once() {
    let stub = Stub::start(|_| Say::Json(404, "{}".to_owned())).await;
    let triggers = Triggers {
        define: Some(function(&stub)),
        ..Triggers::default()
    };
    let settings = settings(stub.address, FlowKind::UserSrpAuth);
    let told = super::replay(&triggers, &settings).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].what.contains("404 Not Found"), "{told:?}");
    assert_eq!(stub.heard().len(), 1);
}

/// What VerifyAuthChallengeResponse is found guilty of; `create` keeps an answer.
async fn verified(is_right: impl Fn(&Value, &Value) -> Value + Send + Sync + 'static) -> String {
    let stub = Stub::start(move |heard| {
        let mut event: Value = serde_json::from_str(&heard.body).unwrap();
        event["response"] = if event["triggerSource"] == "CreateAuthChallenge_Authentication" {
            assert_eq!(event["request"]["challengeName"], "CUSTOM_CHALLENGE");
            json!({
                "publicChallengeParameters": {"captchaUrl": "url/1.jpg"},
                "privateChallengeParameters": {"answer": "5"}, "challengeMetadata": "CAPTCHA",
            })
        } else {
            let request = &event["request"];
            let answer = &request["privateChallengeParameters"]["answer"];
            json!({"answerCorrect": is_right(answer, &request["challengeAnswer"])})
        };
        Say::Json(200, event.to_string())
    })
    .await;
    let triggers = Triggers {
        create: Some(function(&stub)),
        verify: Some(function(&stub)),
        ..Triggers::default()
    };
    let settings = settings(stub.address, FlowKind::UserSrpAuth);
    let told = super::replay(&triggers, &settings).await;
    let lines: Vec<_> = told
        .iter()
        .map(|finding| format!("{}: {}", finding.severity.name(), finding.what))
        .collect();
    lines.join("\n")
}

#[tokio::test]
async fn a_verifier_that_takes_no_answer_as_right_is_found() {
    let made = "ok: it makes a challenge\n";
    let compares = |right: &Value, given: &Value| (given.is_string() && right == given).into();
    assert_eq!(
        verified(compares).await,
        format!("{made}ok: it takes no missing, empty or wrong answer as right")
    );
    assert_eq!(
        verified(
            |right, given| (given.as_str().is_none_or(str::is_empty) || right == given).into()
        )
        .await,
        format!("{made}error: it takes a missing, a null, an empty answer as right")
    );
    assert_eq!(
        verified(|_, _| true.into()).await,
        format!("{made}error: it takes a missing, a null, an empty, a wrong answer as right")
    );
    assert_eq!(
        verified(|right, given| (right == given).into()).await,
        format!(
            "{made}warning: it takes a missing answer as right when privateChallengeParameters is empty"
        )
    );
    assert_eq!(
        verified(|_, _| "yes".into()).await,
        format!("{made}error: its answer is not the whole event with a response")
    );
}
