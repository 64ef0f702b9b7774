//! What a refusal tells depends on what was proven before: without a password, not even that the user exists.

use super::*;

fn preferring_a_code() -> Credentials {
    Credentials {
        preferred: Some(cognito_flow::FirstFactor::EmailOtp),
        ..credentials()
    }
}

/// The status of a refusal that only a user who exists can get, at the question that the last of `replies` puts.
async fn status_at(flow: FlowKind, credentials: Credentials, replies: &[Say]) -> StatusCode {
    let mut answers = replies.to_vec();
    answers.push(Say::exception("PasswordResetRequiredException", ""));
    let stub = Stub::with_keys(in_turn(answers)).await;
    let pool = pool(stub.address, flow);
    let Ok(Progress::Ask(pending)) = pool.begin(credentials, &mut None).await else {
        panic!("not asked");
    };
    // As it comes back from the browser.
    let pending = Pending::decode(pending.encode().expose()).unwrap();
    let answer = Answer::new(Secret::new("123456".to_owned()));
    pool.answer(pending, answer, None)
        .await
        .unwrap_err()
        .status()
}

#[tokio::test]
async fn a_code_or_a_custom_answer_tells_of_the_user_after_a_password_only() {
    let code = Say::challenge("EMAIL_OTP", &json!({"USERNAME": "jane"}));
    let question = Say::challenge("CUSTOM_CHALLENGE", &json!({"USERNAME": "jane"}));
    let second = [code.clone()];
    let status = status_at(FlowKind::UserPasswordAuth, credentials(), &second).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let status = status_at(FlowKind::UserAuth, preferring_a_code(), &second).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    let after_srp = [srp_challenge(), question.clone()];
    let status = status_at(FlowKind::CustomWithSrp, credentials(), &after_srp).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let status = status_at(FlowKind::CustomWithoutSrp, credentials(), &[question]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
