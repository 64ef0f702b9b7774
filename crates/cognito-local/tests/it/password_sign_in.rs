//! USER_PASSWORD_AUTH and the admin flow: order of checks, lock-out, hidden users, status.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::bed::{ADA, ADA_PASSWORD, Answer, Bed, secret_hash};

const INCORRECT: (&str, &str) = ("NotAuthorizedException", "Incorrect username or password.");

async fn admin(bed: &Bed, operation: &str, username: &str) {
    bed.call(
        operation,
        json!({ "UserPoolId": "local_MailPool1", "Username": username }),
    )
    .await
    .ok();
}

#[tokio::test]
async fn the_right_password_signs_in_and_every_refusal_reads_the_same() {
    let bed = Bed::start().await;
    let answer = bed
        .password_sign_in("web", "ADA@example.com", ADA_PASSWORD)
        .await
        .ok();
    assert_eq!(answer["ChallengeParameters"], json!({}));
    assert_eq!(answer["AuthenticationResult"]["TokenType"], "Bearer");
    assert_eq!(answer["AuthenticationResult"]["ExpiresIn"], 3600);
    admin(&bed, "AdminDisableUser", "unconfirmed@example.com").await;
    for (username, password) in [
        (ADA, "wrong"),
        ("nobody@example.com", ADA_PASSWORD),
        ("reset@example.com", "wrong"),
        ("unconfirmed@example.com", ADA_PASSWORD),
    ] {
        bed.password_sign_in("web", username, password)
            .await
            .assert_error(INCORRECT.0, INCORRECT.1);
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_state_of_the_user_is_told_only_to_who_knows_the_password() {
    let bed = Bed::start().await;
    for (username, name, text) in [
        (
            "reset@example.com",
            "PasswordResetRequiredException",
            "Password reset required for the user",
        ),
        (
            "unconfirmed@example.com",
            "UserNotConfirmedException",
            "User is not confirmed.",
        ),
    ] {
        bed.password_sign_in("web", username, "wrong")
            .await
            .assert_error(INCORRECT.0, INCORRECT.1);
        bed.password_sign_in("web", username, ADA_PASSWORD)
            .await
            .assert_error(name, text);
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_legacy_client_is_told_more() {
    let bed = Bed::start().await;
    let missing = bed
        .password_sign_in("legacy", "nobody@example.com", "wrong")
        .await;
    missing.assert_error("UserNotFoundException", "User does not exist.");
    let reset = bed
        .password_sign_in("legacy", "reset@example.com", "wrong")
        .await;
    assert_eq!(reset.error().0, "PasswordResetRequiredException");
    admin(&bed, "AdminDisableUser", ADA).await;
    let disabled = bed.password_sign_in("legacy", ADA, ADA_PASSWORD).await;
    disabled.assert_error("NotAuthorizedException", "User is disabled.");
    admin(&bed, "AdminEnableUser", ADA).await;
    bed.password_sign_in("legacy", ADA, ADA_PASSWORD)
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn guesses_lock_the_name_longer_and_longer_and_even_the_right_password_fails_meanwhile() {
    let bed = Bed::start().await;
    for username in [ADA, "nobody@example.com"] {
        for _guess in 0..5 {
            bed.password_sign_in("web", username, "wrong")
                .await
                .assert_error(INCORRECT.0, INCORRECT.1);
        }
        for seconds in [1, 2, 4] {
            let locked = bed.password_sign_in("web", username, ADA_PASSWORD).await;
            locked.assert_error("NotAuthorizedException", "Password attempts exceeded");
            bed.advance(Duration::from_millis(seconds * 1000 - 1));
            let locked = bed.password_sign_in("web", username, ADA_PASSWORD).await;
            locked.assert_error("NotAuthorizedException", "Password attempts exceeded");
            bed.advance(Duration::from_millis(1));
            bed.password_sign_in("web", username, "wrong")
                .await
                .assert_error(INCORRECT.0, INCORRECT.1);
        }
    }
    bed.advance(Duration::from_secs(16));
    bed.password_sign_in("web", ADA, ADA_PASSWORD)
        .await
        .tokens();
    // The success cleared the count: four more guesses are free.
    for _guess in 0..4 {
        bed.password_sign_in("web", ADA, "wrong")
            .await
            .assert_error(INCORRECT.0, INCORRECT.1);
    }
    bed.password_sign_in("web", ADA, ADA_PASSWORD)
        .await
        .tokens();
    bed.stop().await;
}

#[tokio::test]
async fn guesses_in_parallel_learn_no_more_than_guesses_in_turn() {
    let bed = Bed::start().await;
    let guesses = (0..12).map(|_guess| bed.password_sign_in("web", ADA, "wrong"));
    let answers: Vec<_> = join_all(guesses).await.iter().map(Answer::error).collect();
    let verdicts = answers
        .iter()
        .filter(|(_, text)| text == INCORRECT.1)
        .count();
    assert_eq!(verdicts, 5, "{answers:?}");
    bed.stop().await;
}

#[tokio::test]
async fn each_flow_must_be_allowed_to_the_client() {
    let bed = Bed::start().await;
    let initiate = async |client: &str, flow: &str| {
        let body =
            json!({ "AuthFlow": flow, "ClientId": client, "AuthParameters": { "USERNAME": ADA } });
        bed.call("InitiateAuth", body).await.error()
    };
    for (flow, text) in [
        (
            "USER_SRP_AUTH",
            "USER_SRP_AUTH is not enabled for the client.",
        ),
        (
            "USER_PASSWORD_AUTH",
            "USER_PASSWORD_AUTH flow not enabled for this client",
        ),
        ("CUSTOM_AUTH", "CUSTOM_AUTH is not enabled for the client."),
        ("USER_AUTH", "USER_AUTH flow not enabled for this client"),
        (
            "ADMIN_USER_PASSWORD_AUTH",
            "Initiate Auth method not supported.",
        ),
        ("ADMIN_NO_SRP_AUTH", "Initiate Auth method not supported."),
    ] {
        assert_eq!(
            initiate("refreshonly", flow).await,
            ("InvalidParameterException".to_owned(), text.to_owned()),
            "{flow}"
        );
    }
    assert_eq!(
        initiate("legacy", "REFRESH_TOKEN_AUTH").await.1,
        "REFRESH_TOKEN_AUTH flow not enabled for this client"
    );
    bed.stop().await;
}

#[tokio::test]
async fn the_checks_run_in_cognitos_order() {
    let bed = Bed::start().await;
    let initiate = async |body: Value| bed.call("InitiateAuth", body).await.error();
    let (name, text) = initiate(json!({ "AuthFlow": "NO_SUCH", "AuthParameters": {} })).await;
    assert_eq!(name, "InvalidParameterException");
    assert!(
        text.starts_with("2 validation errors detected: Value null at 'clientId'"),
        "{text}"
    );
    let unknown = initiate(json!({ "AuthFlow": "USER_SRP_AUTH", "ClientId": "nobody" })).await;
    assert_eq!(
        unknown,
        (
            "ResourceNotFoundException".to_owned(),
            "User pool client nobody does not exist.".to_owned()
        )
    );
    // Flow before parameters, parameters before the secret hash, the secret hash before the user.
    let flow =
        initiate(json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "refreshonly" })).await;
    assert!(flow.1.contains("not enabled"), "{flow:?}");
    let parameters = initiate(json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "server", "AuthParameters": { "USERNAME": "x" } })).await;
    assert_eq!(parameters.1, "Missing required parameter PASSWORD");
    let hash = initiate(json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "server", "AuthParameters": { "USERNAME": "nobody", "PASSWORD": "x" } })).await;
    assert!(hash.1.contains("SECRET_HASH was not received"), "{hash:?}");
    bed.stop().await;
}

#[tokio::test]
async fn explicit_nulls_are_absent_members() {
    let bed = Bed::start().await;
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": "web",
        "AuthParameters": { "USERNAME": ADA, "PASSWORD": ADA_PASSWORD, "SECRET_HASH": null, "DEVICE_KEY": null },
        "ClientMetadata": null,
        "UserContextData": null,
        "AnalyticsMetadata": null,
        "Session": null,
        "SomethingNew": { "a": [null] },
    });
    bed.call("InitiateAuth", body).await.tokens();
    let parameters = json!({ "USERNAME": ADA, "PASSWORD": null });
    let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "web", "AuthParameters": parameters });
    bed.call("InitiateAuth", body).await.assert_error(
        "InvalidParameterException",
        "Missing required parameter PASSWORD",
    );
    bed.stop().await;
}

#[tokio::test]
async fn a_client_with_a_secret_signs_in_with_the_hash_of_the_name_as_typed() {
    let bed = Bed::start().await;
    for (typed, hashed, accepted) in [
        (ADA, ADA, true),
        ("ADA@example.com", "ADA@example.com", true),
        ("ADA@example.com", ADA, false),
    ] {
        let parameters = json!({ "USERNAME": typed, "PASSWORD": ADA_PASSWORD, "SECRET_HASH": secret_hash(hashed, "server") });
        let body = json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "server", "AuthParameters": parameters });
        assert_eq!(
            bed.call("InitiateAuth", body).await.status == 200,
            accepted,
            "{typed} {hashed}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn the_admin_flow_names_its_pool_and_its_client_must_allow_it() {
    let bed = Bed::with_names().await;
    let admin = async |pool: &str, client: &str, flow: &str| -> Answer {
        let parameters = json!({ "USERNAME": ADA, "PASSWORD": ADA_PASSWORD });
        let body = json!({ "UserPoolId": pool, "ClientId": client, "AuthFlow": flow, "AuthParameters": parameters });
        bed.call("AdminInitiateAuth", body).await
    };
    for flow in ["ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"] {
        admin("local_MailPool1", "web", flow).await.tokens();
    }
    let other_flow = admin("local_MailPool1", "web", "USER_PASSWORD_AUTH").await;
    other_flow.assert_error(
        "InvalidParameterException",
        "Initiate Auth method not supported.",
    );
    let not_allowed = admin("local_MailPool1", "legacy", "ADMIN_USER_PASSWORD_AUTH").await;
    not_allowed.assert_error(
        "InvalidParameterException",
        "Auth flow not enabled for this client",
    );
    let other_pool = admin("local_NamesPool", "web", "ADMIN_USER_PASSWORD_AUTH").await;
    other_pool.assert_error(
        "ResourceNotFoundException",
        "User pool client web does not exist.",
    );
    let no_pool = admin("local_None", "web", "ADMIN_USER_PASSWORD_AUTH").await;
    no_pool.assert_error(
        "ResourceNotFoundException",
        "User pool local_None does not exist.",
    );
    bed.stop().await;
}
