//! Whole sign-ins against a scripted pool: the vectors give what it sends, and what it must get.

use proptest::prelude::*;

use super::*;
use crate::vectors::{self, Kind};
use crate::{Answer, CognitoSession};

fn client() -> AppClient {
    let client_secret = Secret::new("9gjlk3aexampleexampleexample0secret".to_owned());
    AppClient::new(
        "eu-west-1_AbC123xyz".parse().unwrap(),
        "1example23456789".parse().unwrap(),
        Some(client_secret),
    )
}

fn context(client: &AppClient) -> Context<'_> {
    Context {
        client,
        now: UnixSeconds(1_772_510_706),
        entropy: Entropy::new([7; 48]),
    }
}

fn credentials(username: &str, password: &str) -> Credentials {
    Credentials {
        username: username.to_owned(),
        password: Secret::new(password.to_owned()),
    }
}

fn begin(kind: FlowKind, client: &AppClient) -> (Call, Flow) {
    call(Flow::begin(
        kind,
        credentials("Jane@Example.com", "Correct-Horse-9!"),
        context(client),
    ))
}

fn call(step: Result<Step, FlowError>) -> (Call, Flow) {
    match step {
        Ok(Step::Call(call, flow)) => (call, flow),
        other => panic!("not a call: {other:?}"),
    }
}

fn ask(step: Result<Step, FlowError>) -> Pending {
    match step {
        Ok(Step::Ask(pending)) => pending,
        other => panic!("not a question: {other:?}"),
    }
}

fn challenge(name: &str, parameters: &[(&str, &str)], session: Option<&str>) -> Reply {
    Reply::Challenge {
        name: name.to_owned(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        session: session.map(|session| CognitoSession::new(session.to_owned())),
        available: Vec::new(),
    }
}

fn tokens() -> Reply {
    let token = |text: &str| Secret::new(text.to_owned());
    Reply::Tokens(TokenSet {
        access_token: token("access"),
        id_token: token("id"),
        refresh_token: Some(token("refresh")),
        expires_in: 3600,
        new_device: None,
    })
}

/// Operation, flow or challenge name, parameters, session.
fn sent(call: &Call) -> (&'static str, &'static str, Vec<(&str, &str)>, Option<&str>) {
    match call {
        Call::InitiateAuth {
            auth_flow: name,
            parameters,
            session,
        }
        | Call::RespondToAuthChallenge {
            challenge: name,
            responses: parameters,
            session,
        } => {
            let session = session.as_ref().map(CognitoSession::expose);
            (call.operation(), name, parameters.iter().collect(), session)
        }
        Call::GetTokensFromRefreshToken { .. } => panic!("not a sign-in call: {call:?}"),
    }
}

fn secret_hash(client: &AppClient, username: &str) -> String {
    client.secret_hash(username).unwrap().expose().clone()
}

#[test]
fn srp_sends_what_every_user_vector_says() {
    for vector in vectors::load()
        .vectors
        .iter()
        .filter(|vector| vector.kind == Kind::User)
    {
        let (name, client) = (vector.name(), vector.client());
        let exponent: Vec<u8> = format!("{:0>256}", vector.a)
            .as_bytes()
            .chunks(2)
            .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
            .collect();
        let credentials = credentials("An.Alias@Example.com", &vector.password);
        let (first, flow) = call(Ok(Flow::begin_with(
            FlowKind::UserSrpAuth,
            credentials,
            &client,
            &exponent,
        )));
        let alias_hash = secret_hash(&client, "An.Alias@Example.com");
        let expected = vec![
            ("SECRET_HASH", alias_hash.as_str()),
            ("SRP_A", vector.srp_a.as_str()),
            ("USERNAME", "An.Alias@Example.com"),
        ];
        assert_eq!(
            sent(&first),
            ("InitiateAuth", "USER_SRP_AUTH", expected, None),
            "{name}"
        );

        let reply = Reply::Challenge {
            name: "PASSWORD_VERIFIER".to_owned(),
            parameters: vector.parameters(),
            session: None,
            available: Vec::new(),
        };
        let at = Context {
            now: vector.now(),
            ..context(&client)
        };
        let (second, flow) = call(flow.on_reply(reply, at));
        let user_hash = secret_hash(&client, &vector.user_id);
        let expected = vec![
            ("PASSWORD_CLAIM_SECRET_BLOCK", vector.secret_block.as_str()),
            ("PASSWORD_CLAIM_SIGNATURE", vector.signature.as_str()),
            ("SECRET_HASH", user_hash.as_str()),
            ("TIMESTAMP", vector.timestamp.as_str()),
            ("USERNAME", vector.user_id.as_str()),
        ];
        assert_eq!(
            sent(&second),
            (
                "RespondToAuthChallenge",
                "PASSWORD_VERIFIER",
                expected,
                None
            ),
            "{name}"
        );
        assert!(
            matches!(flow.on_reply(tokens(), context(&client)), Ok(Step::Done(_))),
            "{name}"
        );
    }
}

#[test]
fn under_srp_no_call_carries_the_password() {
    let client = client();
    let vector = &vectors::load().vectors[0];
    let (first, flow) = begin(FlowKind::UserSrpAuth, &client);
    let reply = Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters: vector.parameters(),
        session: None,
        available: Vec::new(),
    };
    let (second, _) = call(flow.on_reply(reply, context(&client)));
    for call in [first, second] {
        assert!(
            sent(&call)
                .2
                .iter()
                .all(|(_, value)| !value.contains("Correct-Horse-9!")),
            "{call:?}"
        );
    }
}

#[test]
fn the_password_flow_sends_the_password_and_takes_tokens() {
    let client = client();
    let (first, flow) = begin(FlowKind::UserPasswordAuth, &client);
    let hash = secret_hash(&client, "Jane@Example.com");
    let expected = vec![
        ("PASSWORD", "Correct-Horse-9!"),
        ("SECRET_HASH", hash.as_str()),
        ("USERNAME", "Jane@Example.com"),
    ];
    assert_eq!(
        sent(&first),
        ("InitiateAuth", "USER_PASSWORD_AUTH", expected, None)
    );
    let Ok(Step::Done(tokens)) = flow.on_reply(tokens(), context(&client)) else {
        panic!("not done");
    };
    assert_eq!(tokens.access_token.expose(), "access");
    assert_eq!(tokens.expires_in, 3600);
}

#[test]
fn a_client_without_a_secret_sends_no_secret_hash() {
    let client = AppClient::new("local_Ab12".parse().unwrap(), "abc".parse().unwrap(), None);
    let (first, _) = begin(FlowKind::UserPasswordAuth, &client);
    assert_eq!(
        sent(&first).2,
        [
            ("PASSWORD", "Correct-Horse-9!"),
            ("USERNAME", "Jane@Example.com")
        ]
    );
}

#[test]
fn the_newest_session_and_the_pools_own_user_name_are_passed_on() {
    let client = client();
    let vector = &vectors::load().vectors[0];
    let (_, flow) = begin(FlowKind::UserSrpAuth, &client);
    let mut parameters = vector.parameters();
    parameters.insert("USER_ID_FOR_SRP".to_owned(), "internal-name".to_owned());
    let reply = Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters,
        session: Some(CognitoSession::new("first".to_owned())),
        available: Vec::new(),
    };
    let (second, flow) = call(flow.on_reply(reply, context(&client)));
    assert_eq!(sent(&second).3, Some("first"));

    let pending = ask(flow.on_reply(
        challenge("NEW_PASSWORD_REQUIRED", &[], Some("second")),
        context(&client),
    ));
    assert_eq!(pending.username(), "internal-name");
    let answer = Answer::NewPassword {
        password: Secret::new("New-Horse-10!".to_owned()),
        attributes: BTreeMap::new(),
    };
    let Ok(Step::Call(third, flow)) = pending.answer(answer, context(&client)) else {
        panic!("not a call");
    };
    let hash = secret_hash(&client, "internal-name");
    let expected = vec![
        ("NEW_PASSWORD", "New-Horse-10!"),
        ("SECRET_HASH", hash.as_str()),
        ("USERNAME", "internal-name"),
    ];
    assert_eq!(
        sent(&third),
        (
            "RespondToAuthChallenge",
            "NEW_PASSWORD_REQUIRED",
            expected,
            Some("second")
        )
    );
    assert!(matches!(
        flow.on_reply(tokens(), context(&client)),
        Ok(Step::Done(_))
    ));
}

#[test]
fn a_challenges_user_name_replaces_the_alias_when_there_is_one() {
    let client = client();
    let name_after = |parameters: &[(&str, &str)]| {
        let (_, flow) = begin(FlowKind::UserPasswordAuth, &client);
        let reply = challenge("NEW_PASSWORD_REQUIRED", parameters, Some("s"));
        ask(flow.on_reply(reply, context(&client)))
            .username()
            .to_owned()
    };
    assert_eq!(name_after(&[]), "Jane@Example.com");
    assert_eq!(name_after(&[("USERNAME", "")]), "Jane@Example.com");
    assert_eq!(name_after(&[("USER_ID_FOR_SRP", "by-id")]), "by-id");
    assert_eq!(
        name_after(&[("USERNAME", "by-name"), ("USER_ID_FOR_SRP", "by-id")]),
        "by-name"
    );
}

#[test]
fn the_same_challenge_may_come_again_after_an_answer() {
    let client = client();
    let (_, flow) = begin(FlowKind::UserPasswordAuth, &client);
    let pending = ask(flow.on_reply(
        challenge("NEW_PASSWORD_REQUIRED", &[], Some("one")),
        context(&client),
    ));
    let answer = Answer::NewPassword {
        password: Secret::new("p".to_owned()),
        attributes: BTreeMap::new(),
    };
    let Ok(Step::Call(_, flow)) = pending.answer(answer, context(&client)) else {
        panic!("not a call");
    };
    ask(flow.on_reply(
        challenge("NEW_PASSWORD_REQUIRED", &[], Some("two")),
        context(&client),
    ));
}

#[test]
fn a_challenge_nobody_knows_is_an_error_with_its_name() {
    let client = client();
    for kind in [FlowKind::UserSrpAuth, FlowKind::UserPasswordAuth] {
        for name in ["CUSTOM_CHALLENGE", "", "SOMETHING_NEW"] {
            let (_, flow) = begin(kind, &client);
            let error = flow
                .on_reply(challenge(name, &[], None), context(&client))
                .unwrap_err();
            assert_eq!(
                error,
                FlowError::UnsupportedChallenge {
                    name: name.to_owned()
                },
                "{kind}"
            );
        }
    }
}

#[test]
fn before_the_password_is_proven_only_its_verifier_is_in_turn() {
    let client = client();
    let new_password = challenge("NEW_PASSWORD_REQUIRED", &[], Some("s"));
    for (reply, name) in [
        (tokens(), "AuthenticationResult"),
        (new_password, "NEW_PASSWORD_REQUIRED"),
    ] {
        let got = name.to_owned();
        let (_, flow) = begin(FlowKind::UserSrpAuth, &client);
        let error = flow.on_reply(reply, context(&client)).unwrap_err();
        assert_eq!(
            error,
            FlowError::OutOfTurn {
                want: "PASSWORD_VERIFIER",
                got
            }
        );
    }
}

#[test]
fn a_verifier_nobody_waits_for_is_out_of_turn() {
    let client = client();
    let (_, flow) = begin(FlowKind::UserPasswordAuth, &client);
    let error = flow
        .on_reply(challenge("PASSWORD_VERIFIER", &[], None), context(&client))
        .unwrap_err();
    assert!(matches!(error, FlowError::OutOfTurn { got, .. } if got == "PASSWORD_VERIFIER"));
}

#[test]
fn a_verifier_without_one_of_its_parameters_is_an_error_that_names_it() {
    let client = client();
    let complete = vectors::load().vectors[0].parameters();
    for parameter in ["SALT", "SRP_B", "SECRET_BLOCK", "USER_ID_FOR_SRP"] {
        for change in [None, Some(String::new())] {
            let mut parameters = complete.clone();
            parameters.remove(parameter);
            parameters.extend(change.map(|value| (parameter.to_owned(), value)));
            let reply = Reply::Challenge {
                name: "PASSWORD_VERIFIER".to_owned(),
                parameters,
                session: None,
                available: Vec::new(),
            };
            let (_, flow) = begin(FlowKind::UserSrpAuth, &client);
            let error = flow.on_reply(reply, context(&client)).unwrap_err();
            let challenge = "PASSWORD_VERIFIER";
            assert_eq!(
                error,
                FlowError::MissingParameter {
                    challenge,
                    parameter
                }
            );
        }
    }
}

#[test]
fn flow_names_are_cognitos_and_an_unknown_one_is_told_the_valid_ones() {
    for kind in FlowKind::ALL {
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert!(UnknownFlowKind.to_string().contains(kind.name()), "{kind}");
    }
    for text in ["", "user_srp_auth", "USER_SRP_AUTH ", "CUSTOM_AUTH"] {
        assert_eq!(text.parse::<FlowKind>(), Err(UnknownFlowKind), "{text:?}");
    }
}

/// A parameter map with the names the flows read, each with a right, an almost right or an arbitrary value.
fn any_parameters() -> impl Strategy<Value = BTreeMap<String, String>> {
    let name = prop::sample::select(vec![
        "SALT",
        "SRP_B",
        "SECRET_BLOCK",
        "USERNAME",
        "USER_ID_FOR_SRP",
        "userAttributes",
        "requiredAttributes",
        "OTHER",
    ]);
    let value = prop_oneof![
        "[0-9a-f]{0,40}",
        "[0-9A-Fa-f]{760,780}",
        "[A-Za-z0-9+/]{8}",
        Just("{\"email\":\"a\"}".to_owned()),
        Just("[\"userAttributes.email\"]".to_owned()),
        ".*",
    ];
    prop::collection::btree_map(name.prop_map(str::to_owned), value, 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_reply_makes_a_flow_panic(
        srp in any::<bool>(),
        verifier in any::<bool>(),
        other in "[A-Z_]{0,12}|NEW_PASSWORD_REQUIRED",
        mut parameters in any_parameters(),
        complete in any::<bool>(),
    ) {
        let client = client();
        let kind = if srp { FlowKind::UserSrpAuth } else { FlowKind::UserPasswordAuth };
        let name = if verifier { "PASSWORD_VERIFIER".to_owned() } else { other };
        if complete {
            for (name, value) in [("SALT", "1"), ("SRP_B", "2"), ("SECRET_BLOCK", "AA=="), ("USER_ID_FOR_SRP", "u")] {
                parameters.entry(name.to_owned()).or_insert(value.to_owned());
            }
        }
        let (_, flow) = begin(kind, &client);
        let reply = Reply::Challenge { name, parameters, session: None, available: Vec::new() };
        let step = flow.on_reply(reply, context(&client));
        prop_assert!(!matches!(step, Ok(Step::Done(_))), "a challenge gave tokens");
    }
}
