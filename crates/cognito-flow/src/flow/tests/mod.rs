//! Whole sign-ins against a scripted pool: the vectors give what it sends, and what it must get.

mod devices;
mod openings;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::CognitoSession;
use crate::testing::*;
use crate::vectors::{self, Kind, Vector};

/// The vector's SRP secret *a*.
fn exponent(vector: &Vector) -> Vec<u8> {
    let digits = format!("{:0>256}", vector.a);
    let byte = |digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap();
    digits.as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn srp_sends_what_every_user_vector_says() {
    let vectors = vectors::load().vectors;
    for vector in vectors
        .into_iter()
        .filter(|vector| vector.kind == Kind::User)
    {
        let name = vector.name();
        let bed = Bed {
            client: vector.client(),
            ..Bed::of(FlowKind::UserSrpAuth)
        };
        let exponent = exponent(&vector);
        let credentials = Credentials {
            username: "An.Alias@Example.com".to_owned(),
            password: Some(secret(&vector.password)),
            preferred: None,
            session: None,
        };
        let begun = Flow::begin_with(credentials, &bed.context(), &exponent);
        let (first, flow) = call(begun);
        let alias_hash = bed.secret_hash("An.Alias@Example.com");
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
            ..bed.context()
        };
        let (second, flow) = call(flow.on_reply(reply, at));
        let user_hash = bed.secret_hash(&vector.user_id);
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
            matches!(flow.on_reply(tokens(), bed.context()), Ok(Step::Done(_))),
            "{name}"
        );
    }
}

#[test]
fn under_srp_no_call_carries_the_password() {
    let bed = Bed::of(FlowKind::UserSrpAuth);
    let vector = &vectors::load().vectors[0];
    let (first, flow) = bed.begin();
    let reply = Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters: vector.parameters(),
        session: None,
        available: Vec::new(),
    };
    let (second, _) = call(flow.on_reply(reply, bed.context()));
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
    let bed = Bed::of(FlowKind::UserPasswordAuth);
    let (first, flow) = bed.begin();
    let hash = bed.secret_hash("Jane@Example.com");
    let expected = vec![
        ("PASSWORD", "Correct-Horse-9!"),
        ("SECRET_HASH", hash.as_str()),
        ("USERNAME", "Jane@Example.com"),
    ];
    assert_eq!(
        sent(&first),
        ("InitiateAuth", "USER_PASSWORD_AUTH", expected, None)
    );
    let Ok(Step::Done(tokens)) = flow.on_reply(tokens(), bed.context()) else {
        panic!("not done");
    };
    assert_eq!(tokens.access_token.expose(), "access");
    assert_eq!(tokens.expires_in, 3600);
}

#[test]
fn a_client_without_a_secret_sends_no_secret_hash() {
    let bed = Bed {
        client: AppClient::new("local_Ab12".parse().unwrap(), "abc".parse().unwrap(), None),
        ..Bed::of(FlowKind::UserPasswordAuth)
    };
    let (first, _) = bed.begin();
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
    let bed = Bed::of(FlowKind::UserSrpAuth);
    let vector = &vectors::load().vectors[0];
    let (_, flow) = bed.begin();
    let mut parameters = vector.parameters();
    parameters.insert("USER_ID_FOR_SRP".to_owned(), "internal-name".to_owned());
    let reply = Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters,
        session: Some(CognitoSession::new("first".to_owned())),
        available: Vec::new(),
    };
    let (second, flow) = call(flow.on_reply(reply, bed.context()));
    assert_eq!(sent(&second).3, Some("first"));

    let pending = ask(flow.on_reply(
        challenge("NEW_PASSWORD_REQUIRED", &[], Some("second")),
        bed.context(),
    ));
    assert_eq!(pending.username(), "internal-name");
    let (third, flow) = call(bed.answer(pending, "New-Horse-10!"));
    let hash = bed.secret_hash("internal-name");
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
        flow.on_reply(tokens(), bed.context()),
        Ok(Step::Done(_))
    ));
}

#[test]
fn a_challenges_user_name_replaces_the_alias_when_there_is_one() {
    let bed = Bed::of(FlowKind::UserPasswordAuth);
    let name_after = |parameters: &[(&str, &str)]| {
        let (_, flow) = bed.begin();
        let reply = challenge("NEW_PASSWORD_REQUIRED", parameters, Some("s"));
        ask(flow.on_reply(reply, bed.context()))
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
    let bed = Bed::of(FlowKind::UserPasswordAuth);
    let (_, flow) = bed.begin();
    let pending = ask(flow.on_reply(
        challenge("NEW_PASSWORD_REQUIRED", &[], Some("one")),
        bed.context(),
    ));
    let (_, flow) = call(bed.answer(pending, "p"));
    ask(flow.on_reply(
        challenge("NEW_PASSWORD_REQUIRED", &[], Some("two")),
        bed.context(),
    ));
}

#[test]
fn a_challenge_nobody_knows_is_an_error_with_its_name() {
    for kind in [
        FlowKind::UserPasswordAuth,
        FlowKind::CustomWithoutSrp,
        FlowKind::UserAuth,
    ] {
        for name in ["ADMIN_NO_SRP_AUTH", "", "SOMETHING_NEW"] {
            let error = Bed::of(kind).meet(name, &[]).unwrap_err();
            let name = name.to_owned();
            assert_eq!(error, FlowError::UnsupportedChallenge { name }, "{kind}");
        }
    }
}

#[test]
fn before_the_password_is_proven_only_its_verifier_is_in_turn() {
    let bed = Bed::of(FlowKind::UserSrpAuth);
    let new_password = challenge("NEW_PASSWORD_REQUIRED", &[], Some("s"));
    for (reply, name) in [
        (tokens(), "AuthenticationResult"),
        (new_password, "NEW_PASSWORD_REQUIRED"),
    ] {
        let got = name.to_owned();
        let (_, flow) = bed.begin();
        let error = flow.on_reply(reply, bed.context()).unwrap_err();
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
    let bed = Bed::of(FlowKind::UserPasswordAuth);
    let (_, flow) = bed.begin();
    let error = flow
        .on_reply(challenge("PASSWORD_VERIFIER", &[], None), bed.context())
        .unwrap_err();
    assert!(matches!(error, FlowError::OutOfTurn { got, .. } if got == "PASSWORD_VERIFIER"));
}

#[test]
fn a_verifier_without_one_of_its_parameters_is_an_error_that_names_it() {
    let bed = Bed::of(FlowKind::UserSrpAuth);
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
            let (_, flow) = bed.begin();
            let error = flow.on_reply(reply, bed.context()).unwrap_err();
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
        let bed = Bed::of(if srp { FlowKind::UserSrpAuth } else { FlowKind::UserPasswordAuth });
        let name = if verifier { "PASSWORD_VERIFIER".to_owned() } else { other };
        if complete {
            for (name, value) in [("SALT", "1"), ("SRP_B", "2"), ("SECRET_BLOCK", "AA=="), ("USER_ID_FOR_SRP", "u")] {
                parameters.entry(name.to_owned()).or_insert(value.to_owned());
            }
        }
        let (_, flow) = bed.begin();
        let reply = Reply::Challenge { name, parameters, session: None, available: Vec::new() };
        let step = flow.on_reply(reply, bed.context());
        prop_assert!(!matches!(step, Ok(Step::Done(_))), "a challenge gave tokens");
    }
}
