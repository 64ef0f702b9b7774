//! USER_SRP_AUTH: the proof, its single use, and what a guesser can learn.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::{ADA, ADA_PASSWORD, Bed, claims, secret_hash, text};
use crate::srp_client::{Client, initiate, respond, responses, sign_in};

const A: &str = "9e8d7c6b5a49382716253443526170f09e8d7c6b5a49382716253443526170f0";
const POOL: &str = "MailPool1";

fn parameter(challenge: &Value, name: &str) -> String {
    text(&challenge["ChallengeParameters"][name])
}

#[tokio::test]
async fn the_right_password_gives_tokens_and_the_wrong_one_does_not() {
    let bed = Bed::start().await;
    let tokens = sign_in(&bed, "web", POOL, ADA, ADA_PASSWORD).await.tokens();
    assert_eq!(claims(&tokens["IdToken"])["email"], ADA);
    let refused = sign_in(&bed, "web", POOL, ADA, "Correct-Horse-8").await;
    refused.assert_error("NotAuthorizedException", "Incorrect username or password.");
    bed.stop().await;
}

#[tokio::test]
async fn the_challenge_is_the_one_cognito_gives_and_carries_no_session() {
    let bed = Bed::start().await;
    let challenge = initiate(&bed, "web", ADA, &Client::new(A)).await.ok();
    assert_eq!(challenge["ChallengeName"], "PASSWORD_VERIFIER");
    assert!(
        challenge.get("Session").is_none(),
        "clients must manage without one"
    );
    let user = parameter(&challenge, "USER_ID_FOR_SRP");
    assert_eq!(parameter(&challenge, "USERNAME"), user);
    assert_eq!(
        user.len(),
        36,
        "the internal name is a UUID where users sign in by e-mail"
    );
    for name in ["SALT", "SRP_B"] {
        let hex = parameter(&challenge, name);
        assert!(
            !hex.starts_with('0')
                && hex
                    .bytes()
                    .all(|digit| b"0123456789abcdef".contains(&digit)),
            "{hex}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn an_alias_finds_the_user_and_srp_runs_over_the_internal_name() {
    let bed = Bed::with_names().await;
    for typed in ["Grace", "grace", "grace@example.com", "GRACE@example.com"] {
        sign_in(&bed, "names", "NamesPool", typed, ADA_PASSWORD)
            .await
            .tokens();
    }
    let challenge = initiate(&bed, "names", "grace@example.com", &Client::new(A))
        .await
        .ok();
    assert_eq!(parameter(&challenge, "USER_ID_FOR_SRP"), "Grace");
    bed.stop().await;
}

#[tokio::test]
async fn the_typed_name_is_accepted_in_the_answer_and_another_users_name_is_not() {
    let bed = Bed::start().await;
    for (username, accepted) in [
        (ADA, true),
        ("new@example.com", false),
        ("nobody@example.com", false),
    ] {
        let client = Client::new(A);
        let challenge = initiate(&bed, "web", ADA, &client).await.ok();
        let mut answer = responses(&bed, POOL, &challenge, &client, ADA_PASSWORD);
        answer["USERNAME"] = username.into();
        let status = respond(&bed, "web", answer).await.status;
        assert_eq!(status == 200, accepted, "{username}");
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_user_who_does_not_exist_cannot_be_told_from_one_who_does() {
    let bed = Bed::with_names().await;
    for (client_id, pool_name, known, unknown) in [
        ("web", POOL, ADA, "nobody@example.com"),
        ("names", "NamesPool", "grace", "nobody"),
    ] {
        let client = Client::new(A);
        let shape = |challenge: &Value| {
            let mut names: Vec<String> = challenge["ChallengeParameters"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            names.extend(challenge.as_object().unwrap().keys().cloned());
            (names, parameter(challenge, "USER_ID_FOR_SRP").len() == 36)
        };
        let real = initiate(&bed, client_id, known, &client).await.ok();
        let first = initiate(&bed, client_id, unknown, &client).await.ok();
        let second = initiate(&bed, client_id, &unknown.to_uppercase(), &client)
            .await
            .ok();
        assert_eq!(shape(&real), shape(&first));
        for name in ["SALT", "USER_ID_FOR_SRP"] {
            assert_eq!(
                parameter(&first, name),
                parameter(&second, name),
                "{name} must be stable"
            );
            assert_ne!(parameter(&first, name), parameter(&real, name));
        }
        assert_ne!(parameter(&first, "SRP_B"), parameter(&second, "SRP_B"));
        let refused = respond(
            &bed,
            client_id,
            responses(&bed, pool_name, &first, &client, ADA_PASSWORD),
        )
        .await;
        let wrong = respond(
            &bed,
            client_id,
            responses(&bed, pool_name, &real, &client, "wrong"),
        )
        .await;
        assert_eq!(refused.error(), wrong.error());
    }
    // The stand-in is the same for every client of the pool, as a real user's salt is.
    let by = async |client_id| {
        let hash = secret_hash("nobody@example.com", client_id);
        let parameters = json!({ "USERNAME": "nobody@example.com", "SRP_A": Client::new(A).public, "SECRET_HASH": hash });
        let body = json!({ "AuthFlow": "USER_SRP_AUTH", "ClientId": client_id, "AuthParameters": parameters });
        parameter(&bed.call("InitiateAuth", body).await.ok(), "SALT")
    };
    assert_eq!(by("web").await, by("server").await);
    bed.stop().await;
}

#[tokio::test]
async fn a_legacy_client_is_told_that_a_user_does_not_exist() {
    let bed = Bed::start().await;
    let refused = initiate(&bed, "legacy", "nobody@example.com", &Client::new(A)).await;
    refused.assert_error("UserNotFoundException", "User does not exist.");
    bed.stop().await;
}

#[tokio::test]
async fn a_secret_block_is_good_for_one_answer_right_or_wrong() {
    let bed = Bed::start().await;
    let client = Client::new(A);
    let used = "Invalid session for the user, session can only be used once.";
    for (first, status) in [(ADA_PASSWORD, 200), ("wrong", 400)] {
        let challenge = initiate(&bed, "web", ADA, &client).await.ok();
        assert_eq!(
            respond(
                &bed,
                "web",
                responses(&bed, POOL, &challenge, &client, first)
            )
            .await
            .status,
            status
        );
        let replay = respond(
            &bed,
            "web",
            responses(&bed, POOL, &challenge, &client, ADA_PASSWORD),
        )
        .await;
        replay.assert_error("NotAuthorizedException", used);
    }
    bed.stop().await;
}

#[tokio::test]
async fn a_secret_block_expires_belongs_to_its_client_and_dies_with_the_password() {
    let bed = Bed::start().await;
    let client = Client::new(A);
    let challenge = initiate(&bed, "web", ADA, &client).await.ok();
    let foreign = respond(
        &bed,
        "legacy",
        responses(&bed, POOL, &challenge, &client, ADA_PASSWORD),
    )
    .await;
    foreign.assert_error("NotAuthorizedException", "Invalid session for the user.");
    bed.advance(Duration::from_secs(30));
    let late = respond(
        &bed,
        "web",
        responses(&bed, POOL, &challenge, &client, ADA_PASSWORD),
    )
    .await;
    late.assert_error(
        "NotAuthorizedException",
        "Invalid session for the user, session is expired.",
    );

    let challenge = initiate(&bed, "web", ADA, &client).await.ok();
    let same = json!({ "UserPoolId": "local_MailPool1", "Username": ADA, "Password": ADA_PASSWORD, "Permanent": true });
    bed.call("AdminSetUserPassword", same).await.ok();
    let old = respond(
        &bed,
        "web",
        responses(&bed, POOL, &challenge, &client, ADA_PASSWORD),
    )
    .await;
    old.assert_error("NotAuthorizedException", "Incorrect username or password.");
    bed.stop().await;
}

#[tokio::test]
async fn an_srp_a_that_is_long_or_zero_is_refused_and_the_server_lives_on() {
    let bed = Bed::start().await;
    for a in [
        "f".repeat(769),
        "f".repeat(100_000),
        "0".to_owned(),
        "00".to_owned(),
        "xyz".to_owned(),
    ] {
        let parameters = json!({ "USERNAME": ADA, "SRP_A": a });
        let body =
            json!({ "AuthFlow": "USER_SRP_AUTH", "ClientId": "web", "AuthParameters": parameters });
        let (name, _) = bed.call("InitiateAuth", body).await.error();
        assert_eq!(name, "InvalidParameterException");
    }
    sign_in(&bed, "web", POOL, ADA, ADA_PASSWORD).await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_than_five_minutes_fails_and_a_foreign_form_is_explained() {
    let bed = Bed::start().await;
    let client = Client::new(A);
    for (timestamp, name) in [
        ("Tue Mar 3 03:59:00 UTC 2026", "NotAuthorizedException"),
        ("Tue Mar 3 04:11:00 UTC 2026", "NotAuthorizedException"),
        ("Di 3 Mrz 04:05:06 UTC 2026", "InvalidParameterException"),
    ] {
        let challenge = initiate(&bed, "web", ADA, &client).await.ok();
        let mut answer = responses(&bed, POOL, &challenge, &client, ADA_PASSWORD);
        answer["TIMESTAMP"] = timestamp.into();
        assert_eq!(
            respond(&bed, "web", answer).await.error().0,
            name,
            "{timestamp}"
        );
    }
    bed.stop().await;
}

#[tokio::test]
async fn five_wrong_proofs_lock_known_and_unknown_names_alike() {
    let bed = Bed::start().await;
    for username in [ADA, "nobody@example.com"] {
        for _guess in 0..5 {
            let refused = sign_in(&bed, "web", POOL, username, "wrong").await;
            refused.assert_error("NotAuthorizedException", "Incorrect username or password.");
        }
        let locked = initiate(&bed, "web", username, &Client::new(A)).await;
        locked.assert_error("NotAuthorizedException", "Password attempts exceeded");
    }
    bed.advance(Duration::from_secs(1));
    sign_in(&bed, "web", POOL, ADA, ADA_PASSWORD).await.tokens();
    bed.stop().await;
}

#[tokio::test]
async fn a_client_with_a_secret_needs_a_hash_over_each_name_it_sends() {
    let bed = Bed::start().await;
    let client = Client::new(A);
    let initiate = async |hash: Value| {
        let parameters = json!({ "USERNAME": ADA, "SRP_A": client.public, "SECRET_HASH": hash });
        let body = json!({ "AuthFlow": "USER_SRP_AUTH", "ClientId": "server", "AuthParameters": parameters });
        bed.call("InitiateAuth", body).await
    };
    let missing = "Client server is configured with secret but SECRET_HASH was not received";
    initiate(Value::Null)
        .await
        .assert_error("NotAuthorizedException", missing);
    let differs = "SecretHash does not match for the client: server";
    initiate("d3Jvbmc=".into())
        .await
        .assert_error("NotAuthorizedException", differs);

    let challenge = initiate(secret_hash(ADA, "server").into()).await.ok();
    let user = parameter(&challenge, "USER_ID_FOR_SRP");
    let mut answer = responses(&bed, POOL, &challenge, &client, ADA_PASSWORD);
    answer["SECRET_HASH"] = secret_hash(ADA, "server").into();
    respond(&bed, "server", answer.clone())
        .await
        .assert_error("NotAuthorizedException", differs);
    answer["SECRET_HASH"] = secret_hash(&user, "server").into();
    respond(&bed, "server", answer).await.tokens();
    bed.stop().await;
}
