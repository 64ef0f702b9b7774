//! Whatever the functions answer, in whatever order: no tokens but those Define issued to a user who exists.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use cognito_local::Kind;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{CHALLENGES, answer, captcha, initiate, proof, start_with_srp};
use crate::bed::{Answer, Bed};
use crate::lambda::{Lambda, PASSWORD};

/// What Define may say.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    Custom,
    Password,
    Issue,
    Fail,
    Both,
    Nothing,
}

impl Verdict {
    fn response(self) -> Value {
        match self {
            Self::Custom => json!({ "challengeName": "CUSTOM_CHALLENGE" }),
            Self::Password => json!({ "challengeName": "PASSWORD_VERIFIER" }),
            Self::Issue => json!({ "issueTokens": true }),
            Self::Fail => json!({ "failAuthentication": true }),
            Self::Both => json!({ "issueTokens": true, "failAuthentication": true }),
            Self::Nothing => json!({}),
        }
    }
}

/// One sign-in.
#[derive(Debug, Clone)]
struct Case {
    user: &'static str,
    password_first: bool,
    /// Whether each answer, or the password, is right.
    right: Vec<bool>,
    verdicts: Vec<Verdict>,
}

fn cases() -> impl Strategy<Value = Case> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Custom),
        2 => Just(Verdict::Password),
        2 => Just(Verdict::Issue),
        1 => Just(Verdict::Fail),
        1 => Just(Verdict::Both),
        1 => Just(Verdict::Nothing),
    ];
    (
        prop_oneof![Just("ada"), Just("nobody")],
        any::<bool>(),
        proptest::collection::vec(any::<bool>(), 14),
        proptest::collection::vec(verdict, 1..14),
    )
        .prop_map(|(user, password_first, right, verdicts)| Case {
            user,
            password_first,
            right,
            verdicts,
        })
}

/// Plays a sign-in to its end; whether it got tokens, and how many custom challenges it met.
async fn play(bed: &Bed, case: &Case) -> (bool, usize) {
    let mut reply: Answer = if case.password_first {
        start_with_srp(bed, case.user).await
    } else {
        initiate(bed, "app", json!({ "USERNAME": case.user })).await
    };
    let mut challenges = 0;
    for right in &case.right {
        if reply.status != 200 {
            assert_ne!(reply.error().0, "InternalErrorException");
            return (false, challenges);
        }
        let challenge = reply.ok();
        if challenge.get("AuthenticationResult").is_some() {
            return (true, challenges);
        }
        reply = if challenge["ChallengeName"] == "PASSWORD_VERIFIER" {
            let password = if *right { PASSWORD } else { "wrong" };
            let body = proof(bed, &challenge, password);
            bed.call("RespondToAuthChallenge", body).await
        } else {
            challenges += 1;
            let reply = answer(bed, &challenge, if *right { "5" } else { "4" }).await;
            let again = answer(bed, &challenge, "5").await;
            assert_eq!(again.error().0, "NotAuthorizedException", "a session twice");
            reply
        };
    }
    panic!("a sign-in without end: {}", reply.body)
}

#[test]
fn no_row_of_answers_gives_tokens_that_define_did_not_issue_to_a_user_who_exists() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let verdicts = Arc::new(Mutex::new(VecDeque::new()));
    let told = Arc::new(Mutex::new(Vec::new()));
    let (queue, said) = (Arc::clone(&verdicts), Arc::clone(&told));
    let (lambda, bed) = runtime.block_on(async {
        let lambda = Lambda::start(move |kind, event: &Value| {
            if kind != Kind::DefineAuthChallenge {
                return captcha(kind, event);
            }
            let verdict = queue.lock().unwrap().pop_front().unwrap_or(Verdict::Custom);
            said.lock().unwrap().push(verdict);
            Ok(verdict.response())
        })
        .await;
        let bed = lambda.bed(&CHALLENGES).await;
        (lambda, bed)
    });
    let config = ProptestConfig {
        cases: 40,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config)
        .run(&cases(), |case| {
            *verdicts.lock().unwrap() = case.verdicts.iter().copied().collect();
            told.lock().unwrap().clear();
            // The lock-out is another test's: here a wrong password must not end the next case.
            bed.advance(std::time::Duration::from_secs(16 * 60));
            let (tokens, challenges) = runtime.block_on(play(&bed, &case));
            let last = told.lock().unwrap().last().copied();
            prop_assert_eq!(
                tokens,
                tokens && case.user == "ada" && last == Some(Verdict::Issue)
            );
            prop_assert!(challenges <= 10);
            Ok(())
        })
        .unwrap();
    lambda.take();
    runtime.block_on(bed.stop());
}
