//! Passkeys of the signed-in person: documents go through unchanged.

use super::*;
use crate::cognito::Passkey;

const TOKEN: &str = "planted-access-token";

/// A server that says one thing, and a pool there.
async fn at(say: Say) -> (Stub, UserPool, Secret<String>) {
    let stub = Stub::start(move |_| say.clone()).await;
    let pool = pool(stub.address, FlowKind::UserAuth);
    (stub, pool, Secret::new(TOKEN.to_owned()))
}

fn only_body(stub: &Stub, operation: &str) -> Value {
    let heard = stub.heard();
    let [heard] = heard.as_slice() else {
        panic!("{} calls", heard.len());
    };
    assert_eq!(heard.operation(), operation);
    serde_json::from_str(&heard.body).unwrap()
}

#[tokio::test]
async fn what_the_pool_wants_of_a_new_passkey_and_what_the_browser_made_go_through_unchanged() {
    let options = json!({
        "challenge": "Yw", "timeout": 60000, "rp": {"id": "example.com", "name": "Example"},
        "pubKeyCredParams": [{"alg": -7, "type": "public-key"}], "excludeCredentials": [],
    });
    let answer = json!({"CredentialCreationOptions": options});
    let (stub, pool, token) = at(Say::Json(200, answer.to_string())).await;
    let started = pool.start_passkey(&token).await.unwrap();
    assert_eq!(Value::Object(started), options);
    let sent = only_body(&stub, "StartWebAuthnRegistration");
    assert_eq!(sent, json!({"AccessToken": TOKEN}));

    let credential = json!({
        "id": "AQ", "type": "public-key", "clientExtensionResults": {"credProps": {"rk": true}},
        "response": {"attestationObject": "AA", "clientDataJSON": "AA", "transports": ["internal"]},
    });
    let (stub, pool, token) = at(Say::Json(200, "{}".to_owned())).await;
    let Value::Object(members) = credential.clone() else {
        unreachable!("an object")
    };
    pool.complete_passkey(&token, members).await.unwrap();
    let sent = only_body(&stub, "CompleteWebAuthnRegistration");
    assert_eq!(
        sent,
        json!({"AccessToken": TOKEN, "Credential": credential})
    );
}

#[tokio::test]
async fn options_that_are_no_object_are_no_answer_of_cognitos() {
    let answer = json!({"CredentialCreationOptions": ["Yw"]});
    let (_stub, pool, token) = at(Say::Json(200, answer.to_string())).await;
    let error = pool.start_passkey(&token).await.unwrap_err();
    assert!(matches!(error, CognitoError::BadReply { .. }), "{error:?}");
}

#[tokio::test]
async fn passkeys_are_listed_and_deleted_by_their_ids() {
    let answer = json!({"Credentials": [{
        "CredentialId": "AQ", "FriendlyCredentialName": "Laptop", "RelyingPartyId": "example.com",
        "AuthenticatorTransports": ["internal"], "CreatedAt": 1_772_510_706.5,
    }]});
    let (stub, pool, token) = at(Say::Json(200, answer.to_string())).await;
    let laptop = Passkey {
        id: "AQ".to_owned(),
        name: "Laptop".to_owned(),
        created: UnixSeconds(NOW),
    };
    assert_eq!(pool.passkeys(&token).await.unwrap(), [laptop]);
    let sent = only_body(&stub, "ListWebAuthnCredentials");
    assert_eq!(sent, json!({"AccessToken": TOKEN, "MaxResults": 20}));

    let (stub, pool, token) = at(Say::Json(200, "{}".to_owned())).await;
    pool.delete_passkey(&token, "AQ").await.unwrap();
    let sent = only_body(&stub, "DeleteWebAuthnCredential");
    assert_eq!(sent, json!({"AccessToken": TOKEN, "CredentialId": "AQ"}));
}

#[tokio::test]
async fn a_refused_passkey_is_the_persons_to_repeat_and_a_pool_without_them_the_operators() {
    let late = Say::exception("WebAuthnChallengeNotFoundException", "no challenge");
    let (_stub, pool, token) = at(late).await;
    let completed = pool.complete_passkey(&token, serde_json::Map::new()).await;
    let error = completed.unwrap_err();
    assert!(error.retry_same_step() && !error.is_outage(), "{error:?}");
    let off = Say::exception("WebAuthnNotEnabledException", "not enabled");
    let (_stub, pool, token) = at(off).await;
    let error = pool.start_passkey(&token).await.unwrap_err();
    assert!(
        error.is_outage() && error.operator_hint().is_some(),
        "{error:?}"
    );
}
