//! No public type prints a secret or a person's details: each is made with a planted text and printed.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::{
    Answer, AppClient, Call, Challenge, CognitoSession, Context, Credentials, DecodeError, Entropy,
    Flow, FlowError, FlowKind, NewDevice, NewPasswordRequired, Parameters, Pending, Refresh,
    RefreshWay, Reply, Secret, Step, TokenSet, UnixSeconds,
};

const PLANTED: &str = "pl4nted";

fn planted() -> Secret<String> {
    Secret::new(PLANTED.to_owned())
}

fn map() -> BTreeMap<String, String> {
    ["SECRET_BLOCK", "USERNAME", "email"]
        .map(|name| (name.to_owned(), PLANTED.to_owned()))
        .into()
}

fn client() -> AppClient {
    AppClient::new(
        "local_Ab12".parse().unwrap(),
        "abc".parse().unwrap(),
        Some(planted()),
    )
}

fn context(client: &AppClient) -> Context<'_> {
    Context {
        client,
        now: UnixSeconds(0),
        entropy: Entropy::new([0x70; 48]),
    }
}

fn credentials() -> Credentials {
    Credentials {
        username: PLANTED.to_owned(),
        password: planted(),
    }
}

fn tokens() -> TokenSet {
    TokenSet {
        access_token: planted(),
        id_token: planted(),
        refresh_token: Some(planted()),
        expires_in: 1,
        new_device: Some(NewDevice {
            device_key: "key".to_owned(),
            device_group_key: "group".to_owned(),
        }),
    }
}

fn challenge() -> Challenge {
    Challenge::NewPasswordRequired(NewPasswordRequired {
        required_attributes: vec!["name".to_owned()],
        user_attributes: map(),
    })
}

fn pending() -> Pending {
    let session = CognitoSession::new(PLANTED.to_owned());
    Pending::new(
        FlowKind::UserSrpAuth,
        PLANTED.to_owned(),
        challenge(),
        Some(session),
    )
}

fn reply() -> Reply {
    Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters: map(),
        session: Some(CognitoSession::new(PLANTED.to_owned())),
        available: Vec::new(),
    }
}

fn assert_silent(value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        // 112 is the planted entropy's byte.
        assert!(!text.contains(PLANTED) && !text.contains("112"), "{text}");
    }
}

#[test]
fn no_public_type_prints_what_it_hides() {
    let client = client();
    assert_silent(&client);
    assert_silent(&client.secret_hash(PLANTED));
    assert_silent(&planted());
    assert_silent(&CognitoSession::new(PLANTED.to_owned()));
    assert_silent(&context(&client));
    assert_silent(&credentials());
    assert_silent(&tokens());
    assert_silent(&reply());
    assert_silent(&Reply::Tokens(tokens()));
    assert_silent(&challenge());
    assert_silent(&pending());
    assert_silent(&pending().encode());
    let attributes = [("name".to_owned(), PLANTED.to_owned())].into();
    let answer = Answer::NewPassword {
        password: planted(),
        attributes,
    };
    assert_silent(&answer);
    assert_silent(&pending().answer(answer, context(&client)).unwrap());
    assert_silent(&Step::Ask(pending()));
    assert_silent(&Step::Done(tokens()));
    assert_silent(&Parameters::for_user(&client, PLANTED));
    for kind in [FlowKind::UserSrpAuth, FlowKind::UserPasswordAuth] {
        assert_silent(&Flow::begin(kind, credentials(), context(&client)).unwrap());
    }
    for way in [
        RefreshWay::GetTokensFromRefreshToken,
        RefreshWay::RefreshTokenAuth,
    ] {
        assert_silent(&Refresh::begin(way, planted(), PLANTED, None, &client));
    }
}

#[test]
fn no_error_repeats_the_value_it_is_about() {
    let client = client();
    let Ok(Step::Call(Call::InitiateAuth { .. }, flow)) =
        Flow::begin(FlowKind::UserSrpAuth, credentials(), context(&client))
    else {
        panic!("not a call");
    };
    let mut parameters: BTreeMap<String, String> =
        ["SALT", "SRP_B", "SECRET_BLOCK", "USER_ID_FOR_SRP"]
            .map(|name| (name.to_owned(), PLANTED.to_owned()))
            .into();
    let reply = Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters: parameters.clone(),
        session: None,
        available: Vec::new(),
    };
    let unusable: FlowError = flow.on_reply(reply, context(&client)).unwrap_err();

    parameters.insert("userAttributes".to_owned(), format!("[\"{PLANTED}\"]"));
    let not_json = Challenge::read("NEW_PASSWORD_REQUIRED", &parameters).unwrap_err();
    for error in [unusable, not_json] {
        assert!(matches!(error, FlowError::BadServerValue { .. }), "{error}");
        assert_silent(&error);
        assert!(!error.to_string().contains(PLANTED), "{error}");
    }

    let malformed: DecodeError =
        Pending::decode(format!("\u{1}{{\"f\":\"{PLANTED}\"}}").as_bytes()).unwrap_err();
    assert!(!malformed.to_string().contains(PLANTED), "{malformed}");
}
