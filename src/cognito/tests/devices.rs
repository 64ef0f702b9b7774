//! Remembered devices: confirmed once, named at the next sign-in, and dropped when the pool has forgotten them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

const DEVICE_KEY: &str = "eu-west-1_planted-device";

fn device() -> RememberedDevice {
    RememberedDevice {
        device_key: DEVICE_KEY.to_owned(),
        device_group_key: "-group".to_owned(),
        password: Secret::new("planted-device-password".to_owned()),
    }
}

/// Tokens of a browser that the pool did not know.
fn tokens_with_a_new_device() -> Say {
    let Say::Json(status, body) = tokens(Some(REFRESH_TOKEN)) else {
        unreachable!("tokens are JSON")
    };
    let mut body: Value = serde_json::from_str(&body).unwrap();
    body["AuthenticationResult"]["NewDeviceMetadata"] =
        json!({"DeviceKey": DEVICE_KEY, "DeviceGroupKey": "-group"});
    Say::Json(status, body.to_string())
}

fn forgotten() -> Say {
    Say::exception("ResourceNotFoundException", "Device does not exist.")
}

/// A sign-in on a new device, at a server that says `confirmed` to ConfirmDevice.
async fn signed_in_on_a_new_device(confirmed: Say) -> (Stub, UserPool, SignedIn) {
    let stub = Stub::with_keys(move |heard| match heard.operation() {
        "InitiateAuth" => tokens_with_a_new_device(),
        "ConfirmDevice" => confirmed.clone(),
        _ => Say::Json(200, "{}".to_owned()),
    })
    .await;
    let pool = password_pool(stub.address);
    let signed_in = signed_in(pool.begin(credentials(), &mut None).await);
    (stub, pool, signed_in)
}

fn must_agree(necessary: bool) -> Say {
    Say::Json(
        200,
        json!({"UserConfirmationNecessary": necessary}).to_string(),
    )
}

/// The bodies of an operation's requests.
fn bodies(stub: &Stub, operation: &str) -> Vec<Value> {
    let heard = stub.heard();
    let of_it = heard.iter().filter(|heard| heard.operation() == operation);
    of_it
        .map(|heard| serde_json::from_str(&heard.body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_new_device_is_confirmed_with_a_verifier_and_kept_with_its_password() {
    let (stub, pool, signed_in) = signed_in_on_a_new_device(must_agree(false)).await;
    let kept = pool.confirm_device(&signed_in, "Firefox", true).await;
    let kept = kept.unwrap().unwrap();
    assert_eq!(kept.device_key, DEVICE_KEY);
    assert_eq!(kept.device_group_key, "-group");
    let password = STANDARD.decode(kept.password.expose()).unwrap();
    assert_eq!(password.len(), 40);
    assert!(
        password.iter().any(|byte| *byte != password[0]),
        "not drawn"
    );

    let [sent] = bodies(&stub, "ConfirmDevice").try_into().unwrap();
    let sent: Value = sent;
    assert_eq!(
        sent["AccessToken"],
        signed_in.access_token.expose().as_str()
    );
    assert_eq!(
        (&sent["DeviceKey"], &sent["DeviceName"]),
        (&json!(DEVICE_KEY), &json!("Firefox"))
    );
    let verifier = &sent["DeviceSecretVerifierConfig"];
    for member in ["PasswordVerifier", "Salt"] {
        let bytes = STANDARD.decode(verifier[member].as_str().unwrap()).unwrap();
        assert!(bytes.len() > 15, "{member}");
    }
    assert!(!sent.to_string().contains(kept.password.expose()));
    assert!(bodies(&stub, "UpdateDeviceStatus").is_empty());
}

#[tokio::test]
async fn where_the_person_must_agree_the_device_is_remembered_only_if_they_do() {
    for agrees in [true, false] {
        let (stub, pool, signed_in) = signed_in_on_a_new_device(must_agree(true)).await;
        let kept = pool.confirm_device(&signed_in, "Firefox", agrees).await;
        assert!(kept.unwrap().is_some());
        let sent = bodies(&stub, "UpdateDeviceStatus");
        let expected = json!({
            "AccessToken": signed_in.access_token.expose(), "DeviceKey": DEVICE_KEY,
            "DeviceRememberedStatus": "remembered",
        });
        assert_eq!(sent, if agrees { vec![expected] } else { vec![] });
    }
}

#[tokio::test]
async fn what_is_confirmed_already_is_nothing_new() {
    let known = Say::exception("DeviceKeyExistsException", "Device already exists");
    let (_stub, pool, signed_in) = signed_in_on_a_new_device(known).await;
    let kept = pool.confirm_device(&signed_in, "Firefox", true).await;
    assert!(kept.unwrap().is_none());

    let stub = Stub::with_keys(|_| tokens(Some(REFRESH_TOKEN))).await;
    let pool = password_pool(stub.address);
    let signed_in = super::signed_in(pool.begin(credentials(), &mut None).await);
    let kept = pool.confirm_device(&signed_in, "Firefox", true).await;
    assert!(kept.unwrap().is_none());
    assert!(bodies(&stub, "ConfirmDevice").is_empty());
}

#[tokio::test]
async fn a_device_that_the_pool_has_forgotten_is_dropped_and_the_sign_in_goes_on() {
    let asks = Say::challenge("DEVICE_SRP_AUTH", &json!({"USERNAME": "jane"}));
    for before in [vec![], vec![asks]] {
        let length = before.len();
        let mut answers = before;
        answers.extend([forgotten(), tokens(Some(REFRESH_TOKEN))]);
        let stub = Stub::with_keys(in_turn(answers)).await;
        let mut device = Some(device());
        let pool = password_pool(stub.address);
        signed_in(pool.begin(credentials(), &mut device).await);
        assert!(device.is_none(), "{length}");
        let begun = bodies(&stub, "InitiateAuth");
        let named = |body: &Value| body["AuthParameters"].get("DEVICE_KEY").is_some();
        assert_eq!(begun.iter().map(named).collect::<Vec<_>>(), [true, false]);
    }
}

#[tokio::test]
async fn a_device_is_dropped_once_and_not_for_another_refusal() {
    let stub = Stub::with_keys(|_| forgotten()).await;
    let mut stale = Some(device());
    let pool = password_pool(stub.address);
    let error = pool.begin(credentials(), &mut stale).await.unwrap_err();
    assert!(matches!(error, CognitoError::DeviceUnknown(_)), "{error:?}");
    assert_eq!(stub.operations(), ["InitiateAuth", "InitiateAuth"]);

    let refused = Say::exception("NotAuthorizedException", "Incorrect username or password.");
    let stub = Stub::with_keys(move |_| refused.clone()).await;
    let mut kept = Some(device());
    let pool = password_pool(stub.address);
    let error = pool.begin(credentials(), &mut kept).await.unwrap_err();
    assert!(
        matches!(error, CognitoError::BadCredentials(_)),
        "{error:?}"
    );
    assert!(kept.is_some());
    assert_eq!(stub.operations(), ["InitiateAuth"]);
}

#[tokio::test]
async fn a_device_that_fails_after_an_answer_begins_the_sign_in_anew() {
    let asks = Say::challenge("DEVICE_SRP_AUTH", &json!({"USERNAME": "jane"}));
    let code = Say::challenge("SMS_MFA", &json!({}));
    let stub = Stub::with_keys(in_turn(vec![code, asks, forgotten()])).await;
    let pool = password_pool(stub.address);
    let progress = pool.begin(credentials(), &mut Some(device())).await;
    let Ok(Progress::Ask(pending)) = progress else {
        panic!("not asked");
    };
    let answer = Answer::new(Secret::new("123456".to_owned()));
    let error = pool.answer(pending, answer, Some(device())).await;
    let error = error.unwrap_err();
    assert!(matches!(error, CognitoError::DeviceUnknown(_)), "{error:?}");
    assert!(error.start_again() && !error.retry_same_step());
}

#[tokio::test]
async fn a_device_is_forgotten_in_the_persons_own_name() {
    let token = Secret::new("planted-access-token".to_owned());
    let stub = Stub::start(|_| Say::Json(200, String::new())).await;
    let pool = password_pool(stub.address);
    pool.forget_device(&token, DEVICE_KEY).await.unwrap();
    let expected = json!({"AccessToken": token.expose(), "DeviceKey": DEVICE_KEY});
    assert_eq!(bodies(&stub, "ForgetDevice"), [expected]);

    let stub = Stub::start(|_| forgotten()).await;
    let forgot = password_pool(stub.address)
        .forget_device(&token, DEVICE_KEY)
        .await;
    assert!(
        matches!(forgot, Err(CognitoError::DeviceUnknown(_))),
        "{forgot:?}"
    );
}
