//! Accounts: what each call carries, what comes of it, and that nobody learns who has one.

use cognito_flow::CognitoSession;

use super::*;
use crate::cognito::{Delivery, Medium, NewAccount};

const CODE: &str = "123456";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn pool_of(stub: &Stub) -> UserPool {
    pool(stub.address, FlowKind::UserAuth)
}

/// SecretHash over the name that is sent.
fn secret_hash() -> String {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let client = settings(address, FlowKind::UserAuth).client;
    client.secret_hash(USERNAME).unwrap().expose().clone()
}

/// Makes one call against a server that says `answer`; its result, and what was sent.
async fn made<T>(
    answer: Value,
    call: impl AsyncFnOnce(&UserPool) -> Result<T, CognitoError>,
) -> (T, String, Value) {
    let stub = Stub::start(move |_| Say::Json(200, answer.to_string())).await;
    let result = call(&pool_of(&stub)).await.unwrap();
    let heard = stub.heard();
    let [heard] = heard.as_slice() else {
        panic!("{} calls", heard.len());
    };
    let body = serde_json::from_str(&heard.body).unwrap();
    (result, heard.operation().to_owned(), body)
}

fn sent_by_email() -> (Value, Option<Delivery>) {
    let details = json!({
        "AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "j***@e***",
    });
    let delivery = Delivery {
        medium: Medium::Email,
        destination: "j***@e***".to_owned(),
    };
    (details, Some(delivery))
}

#[tokio::test]
async fn a_sign_up_and_its_code_carry_what_was_typed() {
    let (details, delivery) = sent_by_email();
    let answer = json!({
        "UserConfirmed": false, "UserSub": "sub", "CodeDeliveryDetails": details, "Session": "one",
    });
    let (signed_up, operation, sent) = made(answer, async |pool| {
        let account = NewAccount {
            username: USERNAME.to_owned(),
            password: Some(secret(PASSWORD)),
            attributes: [("email".to_owned(), "jane@example.com".to_owned())].into(),
        };
        pool.sign_up(account).await
    })
    .await;
    assert_eq!(operation, "SignUp");
    let expected = json!({
        "ClientId": CLIENT_ID, "SecretHash": secret_hash(), "Username": USERNAME, "Password": PASSWORD,
        "UserAttributes": [{"Name": "email", "Value": "jane@example.com"}],
    });
    assert_eq!(sent, expected);
    assert_eq!((signed_up.confirmed, signed_up.delivery), (false, delivery));

    let (session, operation, sent) = made(json!({"Session": "two"}), async |pool| {
        let session = signed_up.session;
        pool.confirm_sign_up(USERNAME, &secret(CODE), session).await
    })
    .await;
    assert_eq!(operation, "ConfirmSignUp");
    let expected = json!({
        "ClientId": CLIENT_ID, "SecretHash": secret_hash(), "Username": USERNAME,
        "ConfirmationCode": CODE, "Session": "one",
    });
    assert_eq!(sent, expected);
    assert_eq!(session.as_ref().map(CognitoSession::expose), Some("two"));
}

#[tokio::test]
async fn whoever_has_just_signed_up_is_signed_in_by_its_session() {
    let stub = Stub::with_keys(|_| tokens(Some(REFRESH_TOKEN))).await;
    let credentials = Credentials {
        username: USERNAME.to_owned(),
        password: None,
        preferred: None,
        session: Some(CognitoSession::new("of-the-sign-up-0123456789".to_owned())),
    };
    signed_in(pool_of(&stub).begin(credentials, &mut None).await);
    let sent: Value = serde_json::from_str(&stub.heard()[0].body).unwrap();
    assert_eq!(sent["AuthFlow"], "USER_AUTH");
    assert_eq!(sent["Session"], "of-the-sign-up-0123456789");
}

#[tokio::test]
async fn a_code_is_sent_again_and_resets_a_password() {
    let named = json!({"ClientId": CLIENT_ID, "SecretHash": secret_hash(), "Username": USERNAME});
    let (details, delivery) = sent_by_email();
    let answer = json!({"CodeDeliveryDetails": details});
    let resend = async |pool: &UserPool| pool.resend_code(USERNAME).await;
    let resent = made(answer.clone(), resend).await;
    let operation = "ResendConfirmationCode".to_owned();
    assert_eq!(resent, (delivery.clone(), operation, named.clone()));

    let forgot = async |pool: &UserPool| pool.forgot_password(USERNAME).await;
    let forgotten = made(answer, forgot).await;
    assert_eq!(
        forgotten,
        (delivery, "ForgotPassword".to_owned(), named.clone())
    );

    let ((), operation, sent) = made(json!({}), async |pool| {
        pool.reset_password(USERNAME, &secret(CODE), &secret(NEW_PASSWORD))
            .await
    })
    .await;
    assert_eq!(operation, "ConfirmForgotPassword");
    let mut expected = named;
    expected["ConfirmationCode"] = CODE.into();
    expected["Password"] = NEW_PASSWORD.into();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn calls_in_the_persons_own_name_carry_the_access_token() {
    let token = secret("planted-access-token");
    let ((), operation, sent) = made(json!({}), async |pool| {
        let (old, new) = (secret(PASSWORD), secret(NEW_PASSWORD));
        pool.change_password(&token, Some(&old), &new).await
    })
    .await;
    assert_eq!(operation, "ChangePassword");
    let expected = json!({
        "AccessToken": token.expose(), "PreviousPassword": PASSWORD, "ProposedPassword": NEW_PASSWORD,
    });
    assert_eq!(sent, expected);

    let details = json!({"DeliveryMedium": "SMS", "Destination": "+*******1234"});
    let answer = json!({"CodeDeliveryDetails": details});
    let (delivery, operation, sent) = made(answer, async |pool| {
        pool.send_attribute_code(&token, "phone_number").await
    })
    .await;
    assert_eq!(operation, "GetUserAttributeVerificationCode");
    let expected = json!({"AccessToken": token.expose(), "AttributeName": "phone_number"});
    assert_eq!(sent, expected);
    let by_sms = Delivery {
        medium: Medium::Sms,
        destination: "+*******1234".to_owned(),
    };
    assert_eq!(delivery, Some(by_sms));

    let ((), operation, sent) = made(json!({}), async |pool| {
        pool.verify_attribute(&token, "email", &secret(CODE)).await
    })
    .await;
    assert_eq!(operation, "VerifyUserAttribute");
    let expected = json!({"AccessToken": token.expose(), "AttributeName": "email", "Code": CODE});
    assert_eq!(sent, expected);

    let answer = json!({"Username": "jane", "UserAttributes": [
        {"Name": "email", "Value": "jane@example.com"}, {"Name": "email_verified", "Value": "true"},
    ]});
    let user = async |pool: &UserPool| pool.user(&token).await;
    let (attributes, operation, sent) = made(answer, user).await;
    assert_eq!(operation, "GetUser");
    assert_eq!(sent, json!({"AccessToken": token.expose()}));
    assert_eq!(attributes["email"], "jane@example.com");
    assert_eq!(attributes["email_verified"], "true");
}

/// what only an account can be refused for is no answer.
#[tokio::test]
async fn asking_for_a_code_tells_nobody_whether_there_is_an_account() {
    for (exception, text) in [
        (
            "UserNotFoundException",
            "Username/client id combination not found.",
        ),
        ("NotAuthorizedException", "User is disabled."),
        (
            "InvalidParameterException",
            "Cannot reset password for the user as there is no registered/verified email or phone_number",
        ),
        ("InvalidParameterException", "User is already confirmed."),
        ("CodeDeliveryFailureException", "no address"),
        (
            "UserLambdaValidationException",
            "CustomMessage failed with error no.",
        ),
    ] {
        let stub = Stub::start(move |_| Say::exception(exception, text)).await;
        let pool = pool_of(&stub);
        let forgotten = pool.forgot_password(USERNAME).await;
        assert!(matches!(forgotten, Ok(None)), "{exception}: {forgotten:?}");
        let resent = pool.resend_code(USERNAME).await;
        assert!(matches!(resent, Ok(None)), "{exception}: {resent:?}");
    }
    for exception in ["LimitExceededException", "TooManyRequestsException"] {
        let stub = Stub::start(move |_| Say::exception(exception, "slow down")).await;
        let error = pool_of(&stub).forgot_password(USERNAME).await.unwrap_err();
        assert!(error.retry_after().is_some(), "{exception}: {error:?}");
    }
}

/// a wrong code of somebody is a wrong code of nobody.
#[tokio::test]
async fn a_code_that_does_not_fit_is_the_same_for_everybody() {
    let mut told = Vec::new();
    for exception in [
        "CodeMismatchException",
        "ExpiredCodeException",
        "UserNotFoundException",
        "NotAuthorizedException",
    ] {
        let stub = Stub::start(move |_| Say::exception(exception, "Attempt refused.")).await;
        let pool = pool_of(&stub);
        let (code, password) = (secret(CODE), secret(NEW_PASSWORD));
        let confirmed = pool.confirm_sign_up(USERNAME, &code, None).await;
        let reset = pool.reset_password(USERNAME, &code, &password);
        for error in [confirmed.unwrap_err(), reset.await.unwrap_err()] {
            let name = error.exception_name().map(str::to_owned);
            told.push((error.status(), error.user_message(), name));
        }
    }
    assert!(told.iter().all(|other| *other == told[0]), "{told:?}");
}

#[tokio::test]
async fn an_access_token_that_is_over_is_told_from_a_wrong_password() {
    let token = secret("planted-access-token");
    let over =
        Stub::start(|_| Say::exception("NotAuthorizedException", "Access Token has expired")).await;
    let error = pool_of(&over).user(&token).await.unwrap_err();
    assert!(
        matches!(error, CognitoError::RefreshRefused(_)),
        "{error:?}"
    );
    let wrong = Stub::start(|_| {
        Say::exception("NotAuthorizedException", "Incorrect username or password.")
    })
    .await;
    let (old, new) = (secret(PASSWORD), secret(NEW_PASSWORD));
    let changed = pool_of(&wrong)
        .change_password(&token, Some(&old), &new)
        .await;
    let error = changed.unwrap_err();
    assert!(
        matches!(error, CognitoError::BadCredentials(_)),
        "{error:?}"
    );
}
