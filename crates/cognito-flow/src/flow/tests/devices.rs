//! Remembered devices in a sign-in: the vectors give what the pool sends, and what it must get.

use super::*;
use crate::vectors::Vector;

/// DEVICE_SRP_AUTH in reply to the password.
fn asked_for_the_device(bed: &Bed) -> (Flow, Reply) {
    let (_, flow) = bed.begin();
    let parameters = [("USERNAME", "internal-name")];
    (flow, challenge("DEVICE_SRP_AUTH", &parameters, Some("one")))
}

fn remembered(vector: &Vector) -> RememberedDevice {
    RememberedDevice {
        device_key: vector.device_key.clone().unwrap(),
        device_group_key: vector.device_group_key.clone().unwrap(),
        password: secret(&vector.password),
    }
}

/// DEVICE_PASSWORD_VERIFIER, with all its parameters but one.
fn verifier(vector: &Vector, without: &str) -> Reply {
    let mut parameters = vector.parameters();
    parameters.remove("USER_ID_FOR_SRP");
    parameters.insert("DEVICE_KEY".to_owned(), vector.device_key.clone().unwrap());
    parameters.remove(without);
    Reply::Challenge {
        name: "DEVICE_PASSWORD_VERIFIER".to_owned(),
        parameters,
        session: Some(CognitoSession::new("two".to_owned())),
        available: Vec::new(),
    }
}

fn device_vectors() -> Vec<Vector> {
    let mut vectors = vectors::load().vectors;
    vectors.retain(|vector| vector.kind == Kind::Device);
    assert!(vectors.len() > 7);
    vectors
}

#[test]
fn a_device_sends_what_every_device_vector_says() {
    for vector in device_vectors() {
        let name = vector.name();
        let bed = Bed {
            client: vector.client(),
            device: Some(remembered(&vector)),
            ..Bed::of(FlowKind::UserPasswordAuth)
        };
        let device_key = bed.device.as_ref().unwrap().device_key.as_str();
        let (flow, reply) = asked_for_the_device(&bed);
        let exponent = exponent(&vector);
        let (first, flow) = call(flow.on_reply_with(reply, &bed.context(), &exponent));
        let hash = bed.secret_hash("internal-name");
        let expected = vec![
            ("DEVICE_KEY", device_key),
            ("SECRET_HASH", hash.as_str()),
            ("SRP_A", vector.srp_a.as_str()),
            ("USERNAME", "internal-name"),
        ];
        assert_eq!(
            sent(&first),
            (
                "RespondToAuthChallenge",
                "DEVICE_SRP_AUTH",
                expected,
                Some("one")
            ),
            "{name}"
        );

        let at = Context {
            now: vector.now(),
            ..bed.context()
        };
        let (second, flow) = call(flow.on_reply(verifier(&vector, ""), at));
        let expected = vec![
            ("DEVICE_KEY", device_key),
            ("PASSWORD_CLAIM_SECRET_BLOCK", vector.secret_block.as_str()),
            ("PASSWORD_CLAIM_SIGNATURE", vector.signature.as_str()),
            ("SECRET_HASH", hash.as_str()),
            ("TIMESTAMP", vector.timestamp.as_str()),
            // The person's name, not the device's key.
            ("USERNAME", "internal-name"),
        ];
        assert_eq!(
            sent(&second),
            (
                "RespondToAuthChallenge",
                "DEVICE_PASSWORD_VERIFIER",
                expected,
                Some("two")
            ),
            "{name}"
        );
        let step = flow.on_reply(tokens(), bed.context());
        assert!(matches!(step, Ok(Step::Done(_))), "{name}");
    }
}

#[test]
fn a_device_that_this_browser_does_not_have_is_not_proven() {
    let bed = Bed::of(FlowKind::UserPasswordAuth);
    let (flow, reply) = asked_for_the_device(&bed);
    let error = flow.on_reply(reply, bed.context()).unwrap_err();
    assert_eq!(error, FlowError::UnknownDevice);
}

#[test]
fn between_the_two_device_challenges_nothing_else_is_in_turn() {
    let bed = Bed {
        device: Some(device()),
        ..Bed::of(FlowKind::UserPasswordAuth)
    };
    let code = challenge("SMS_MFA", &[], None);
    let again = challenge("DEVICE_SRP_AUTH", &[], None);
    for (reply, got) in [
        (tokens(), "AuthenticationResult"),
        (code, "SMS_MFA"),
        (again, "DEVICE_SRP_AUTH"),
    ] {
        let (flow, asked) = asked_for_the_device(&bed);
        let (_, flow) = call(flow.on_reply(asked, bed.context()));
        let error = flow.on_reply(reply, bed.context()).unwrap_err();
        let want = "DEVICE_PASSWORD_VERIFIER";
        let got = got.to_owned();
        assert_eq!(error, FlowError::OutOfTurn { want, got });
    }
}

#[test]
fn a_device_comes_after_the_person_and_its_verifier_after_its_srp_a() {
    let vector = &device_vectors()[0];
    for kind in [FlowKind::UserSrpAuth, FlowKind::UserPasswordAuth] {
        let bed = Bed {
            device: Some(remembered(vector)),
            ..Bed::of(kind)
        };
        let (_, flow) = bed.begin();
        let error = flow
            .on_reply(verifier(vector, ""), bed.context())
            .unwrap_err();
        assert!(
            matches!(error, FlowError::OutOfTurn { .. }),
            "{kind}: {error}"
        );
    }
    let bed = Bed {
        device: Some(remembered(vector)),
        ..Bed::of(FlowKind::UserSrpAuth)
    };
    let (flow, reply) = asked_for_the_device(&bed);
    let error = flow.on_reply(reply, bed.context()).unwrap_err();
    assert!(matches!(error, FlowError::OutOfTurn { .. }), "{error}");
}

#[test]
fn a_device_verifier_without_one_of_its_parameters_is_an_error_that_names_it() {
    let vector = &device_vectors()[0];
    let bed = Bed {
        device: Some(remembered(vector)),
        ..Bed::of(FlowKind::UserPasswordAuth)
    };
    for parameter in ["SALT", "SRP_B", "SECRET_BLOCK"] {
        let (flow, asked) = asked_for_the_device(&bed);
        let (_, flow) = call(flow.on_reply(asked, bed.context()));
        let reply = verifier(vector, parameter);
        let error = flow.on_reply(reply, bed.context()).unwrap_err();
        let challenge = "DEVICE_PASSWORD_VERIFIER";
        let missing = FlowError::MissingParameter {
            challenge,
            parameter,
        };
        assert_eq!(error, missing);
    }
}
