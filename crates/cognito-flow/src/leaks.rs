//! No public type prints a secret or a person's details: each is made with a planted text and printed.

use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::course::Course;
use crate::{
    Answer, AppClient, Call, Challenge, CognitoSession, Context, Credentials, DecodeError, Entropy,
    Flow, FlowError, FlowKind, FlowSettings, NewDevice, NewPasswordRequired, Parameters, Pending,
    Refresh, RefreshWay, RememberedDevice, Reply, Secret, Step, TokenSet, UnixSeconds,
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

fn context<'a>(client: &'a AppClient, settings: &'a FlowSettings) -> Context<'a> {
    Context {
        client,
        settings,
        device: None,
        now: UnixSeconds(0),
        entropy: Entropy::new([0x70; 48]),
    }
}

fn device() -> RememberedDevice {
    RememberedDevice {
        device_key: PLANTED.to_owned(),
        device_group_key: PLANTED.to_owned(),
        password: planted(),
    }
}

fn credentials() -> Credentials {
    Credentials {
        username: PLANTED.to_owned(),
        password: Some(planted()),
        preferred: None,
        session: None,
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
    })
}

fn pending() -> Pending {
    let session = CognitoSession::new(PLANTED.to_owned());
    let course = Course::new(FlowKind::UserSrpAuth, PLANTED.to_owned());
    Pending::new(course, challenge(), Some(session))
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
    let settings = FlowSettings::new(FlowKind::UserSrpAuth);
    assert_silent(&client);
    assert_silent(&client.secret_hash(PLANTED));
    assert_silent(&planted());
    assert_silent(&CognitoSession::new(PLANTED.to_owned()));
    assert_silent(&context(&client, &settings));
    assert_silent(&device());
    assert_silent(&credentials());
    assert_silent(&tokens());
    assert_silent(&reply());
    assert_silent(&Reply::Tokens(tokens()));
    assert_silent(&challenge());
    assert_silent(&pending());
    assert_silent(&pending().encode());
    let attributes = [("name".to_owned(), PLANTED.to_owned())].into();
    let answer = Answer {
        attributes,
        device_name: Some(PLANTED.to_owned()),
        ..Answer::new(planted())
    };
    assert_silent(&answer);
    assert_silent(
        &pending()
            .answer(answer, context(&client, &settings))
            .unwrap(),
    );
    assert_silent(&Step::Ask(pending()));
    assert_silent(&Step::Done(tokens()));
    assert_silent(&Parameters::for_user(&client, PLANTED));
    for kind in FlowKind::ALL {
        let settings = FlowSettings::new(kind);
        assert_silent(&Flow::begin(credentials(), context(&client, &settings)).unwrap());
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
    let settings = FlowSettings::new(FlowKind::UserSrpAuth);
    let context = || context(&client, &settings);
    let Ok(Step::Call(Call::InitiateAuth { .. }, flow)) = Flow::begin(credentials(), context())
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
    let unusable: FlowError = flow.on_reply(reply, context()).unwrap_err();

    let settings = FlowSettings::new(FlowKind::UserPasswordAuth);
    let context = || self::context(&client, &settings);
    let Ok(Step::Call(_, flow)) = Flow::begin(credentials(), context()) else {
        panic!("not a call");
    };
    parameters.insert("userAttributes".to_owned(), format!("[\"{PLANTED}\"]"));
    let reply = Reply::Challenge {
        name: "NEW_PASSWORD_REQUIRED".to_owned(),
        parameters,
        session: None,
        available: Vec::new(),
    };
    let not_json = flow.on_reply(reply, context()).unwrap_err();
    for error in [unusable, not_json] {
        assert!(matches!(error, FlowError::BadServerValue { .. }), "{error}");
        assert_silent(&error);
        assert!(!error.to_string().contains(PLANTED), "{error}");
    }

    let malformed: DecodeError =
        Pending::decode(format!("\u{1}{{\"f\":\"{PLANTED}\"}}").as_bytes()).unwrap_err();
    assert!(!malformed.to_string().contains(PLANTED), "{malformed}");
}
