//! What `sidegate check` learns of a pool.

use super::*;

#[tokio::test]
async fn a_probe_tells_what_is_wrong_and_how_to_change_it() {
    let not_enabled = Say::exception(
        "InvalidParameterException",
        "USER_SRP_AUTH is not enabled for the client.",
    );
    let no_client = Say::exception(
        "ResourceNotFoundException",
        "User pool client x does not exist.",
    );
    let no_secret = Say::exception(
        "NotAuthorizedException",
        "Unable to verify secret hash for client x",
    );
    let no_user = Say::exception("UserNotFoundException", "User does not exist.");
    let trigger = Say::exception(
        "UserLambdaValidationException",
        "PreAuthentication failed with error x.",
    );
    let wrong = Say::exception("NotAuthorizedException", "Incorrect username or password.");
    for (answer, outcome, hint) in [
        (srp_challenge(), Outcome::Ok, ""),
        (wrong, Outcome::Ok, ""),
        (trigger, Outcome::Ok, ""),
        (no_user, Outcome::Warning, "PreventUserExistenceErrors"),
        (not_enabled, Outcome::Failed, "ALLOW_USER_SRP_AUTH"),
        (no_client, Outcome::Failed, "eu-west-1_AbC123xyz"),
        (no_secret, Outcome::Failed, "cognito.client_secret_file"),
        (Say::Close, Outcome::Failed, "did not answer"),
    ] {
        let stub = Stub::with_keys(in_turn(vec![answer.clone()])).await;
        let findings = pool(stub.address, FlowKind::UserSrpAuth).probe().await;
        let [keys, client] = findings.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!(
            (keys.outcome, keys.detail.as_str()),
            (Outcome::Ok, "2 keys to check tokens with")
        );
        assert_eq!(client.outcome, outcome, "{answer:?}: {client:?}");
        assert!(
            client.hint.as_deref().unwrap_or_default().contains(hint),
            "{client:?}"
        );
        assert_eq!(client.hint.is_none(), outcome == Outcome::Ok, "{client:?}");
    }
}

#[tokio::test]
async fn a_probe_of_a_dead_pool_fails_in_both_parts() {
    let stub = Stub::start(|_| Say::Json(503, String::new())).await;
    let findings = password_pool(stub.address).probe().await;
    assert!(
        findings
            .iter()
            .all(|finding| finding.outcome == Outcome::Failed && finding.hint.is_some()),
        "{findings:?}"
    );
}
