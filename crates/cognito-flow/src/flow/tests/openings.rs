//! How each flow begins on the wire, what may come in reply, and when the password counts as proven.

use super::*;

/// What InitiateAuth carried besides USERNAME and SECRET_HASH.
fn opening(bed: &Bed, credentials: Credentials) -> (Vec<(String, String)>, Option<String>) {
    let (first, _) = call(Flow::begin(credentials, bed.context()));
    let (operation, name, parameters, session) = sent_besides_the_name(&first);
    assert_eq!(operation, "InitiateAuth");
    assert_eq!(name, bed.settings.kind.auth_flow());
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    (
        parameters.into_iter().map(owned).collect(),
        session.map(str::to_owned),
    )
}

fn names(parameters: &[(String, String)]) -> Vec<&str> {
    parameters.iter().map(|(name, _)| name.as_str()).collect()
}

/// Of a person who prefers a way to sign in.
fn preferring(factor: Option<FirstFactor>) -> Credentials {
    Credentials {
        preferred: factor,
        ..credentials()
    }
}

fn verifier(session: Option<&str>) -> Reply {
    Reply::Challenge {
        name: "PASSWORD_VERIFIER".to_owned(),
        parameters: vectors::load().vectors[0].parameters(),
        session: session.map(|session| CognitoSession::new(session.to_owned())),
        available: Vec::new(),
    }
}

#[test]
fn each_flow_begins_with_exactly_its_parameters() {
    for (kind, auth_flow, expected) in [
        (FlowKind::UserSrpAuth, "USER_SRP_AUTH", &["SRP_A"][..]),
        (
            FlowKind::UserPasswordAuth,
            "USER_PASSWORD_AUTH",
            &["PASSWORD"],
        ),
        (
            FlowKind::CustomWithSrp,
            "CUSTOM_AUTH",
            &["CHALLENGE_NAME", "SRP_A"],
        ),
        (FlowKind::CustomWithoutSrp, "CUSTOM_AUTH", &[]),
        (FlowKind::UserAuth, "USER_AUTH", &[]),
    ] {
        assert_eq!(kind.auth_flow(), auth_flow);
        let (parameters, session) = opening(&Bed::of(kind), credentials());
        assert_eq!(
            (names(&parameters), session),
            (expected.to_vec(), None),
            "{kind}"
        );
    }
}

#[test]
fn custom_with_srp_says_so_by_its_challenge_name() {
    let (parameters, _) = opening(&Bed::of(FlowKind::CustomWithSrp), credentials());
    assert_eq!(
        parameters[0],
        ("CHALLENGE_NAME".to_owned(), "SRP_A".to_owned())
    );
}

#[test]
fn a_preferred_first_factor_is_asked_for_with_what_proves_it() {
    let bed = Bed::of(FlowKind::UserAuth);
    for (factor, proof) in [
        (FirstFactor::Password, vec!["PASSWORD"]),
        (FirstFactor::PasswordSrp, vec!["SRP_A"]),
        (FirstFactor::EmailOtp, vec![]),
        (FirstFactor::SmsOtp, vec![]),
        (FirstFactor::WebAuthn, vec![]),
    ] {
        let (parameters, _) = opening(&bed, preferring(Some(factor)));
        let preferred = ("PREFERRED_CHALLENGE".to_owned(), factor.name().to_owned());
        assert!(parameters.contains(&preferred), "{factor}");
        let mut expected = vec!["PREFERRED_CHALLENGE"];
        expected.extend(proof);
        expected.sort_unstable();
        assert_eq!(names(&parameters), expected, "{factor}");
    }
}

#[test]
fn the_session_of_a_sign_up_lets_in_without_more() {
    let of_sign_up = || Credentials {
        session: Some(CognitoSession::new("of-the-sign-up".to_owned())),
        ..preferring(Some(FirstFactor::Password))
    };
    let bed = Bed::of(FlowKind::UserAuth);
    let (parameters, session) = opening(&bed, of_sign_up());
    assert_eq!(
        (parameters, session.as_deref()),
        (vec![], Some("of-the-sign-up"))
    );
    let (_, flow) = call(Flow::begin(of_sign_up(), bed.context()));
    let step = flow.on_reply(tokens(), bed.context());
    assert!(matches!(step, Ok(Step::Done(_))));
    // Of no use to the others.
    let (_, session) = opening(&Bed::of(FlowKind::UserSrpAuth), of_sign_up());
    assert_eq!(session, None);
}

#[test]
fn a_remembered_browser_is_named_at_the_start_or_with_the_proof() {
    for kind in FlowKind::ALL {
        let bed = Bed {
            device: Some(device()),
            ..Bed::of(kind)
        };
        let (first, flow) = bed.begin();
        let named = |call: &Call| sent(call).2.contains(&("DEVICE_KEY", "eu-west-1_device"));
        // Amplify names it with the proof only, where a custom flow begins with SRP.
        assert_eq!(named(&first), kind != FlowKind::CustomWithSrp, "{kind}");
        if matches!(kind, FlowKind::UserSrpAuth | FlowKind::CustomWithSrp) {
            let (proof, _) = call(flow.on_reply(verifier(None), bed.context()));
            assert!(named(&proof), "{kind}");
        }
    }
}

#[test]
fn a_flow_that_begins_with_a_password_does_not_begin_without() {
    let missing = |kind: FlowKind, preferred| {
        let credentials = Credentials {
            password: None,
            ..preferring(preferred)
        };
        let begun = Flow::begin(credentials, Bed::of(kind).context());
        begun.err() == Some(FlowError::PasswordMissing { flow: kind.name() })
    };
    assert!(missing(FlowKind::UserSrpAuth, None));
    assert!(missing(FlowKind::UserPasswordAuth, None));
    assert!(missing(FlowKind::CustomWithSrp, None));
    assert!(!missing(FlowKind::CustomWithoutSrp, None));
    for factor in FirstFactor::ALL {
        let is_password = factor.is_password();
        assert_eq!(
            missing(FlowKind::UserAuth, Some(factor)),
            is_password,
            "{factor}"
        );
    }
    assert!(!missing(FlowKind::UserAuth, None));
}

#[test]
fn custom_with_srp_goes_from_the_proof_to_the_pools_questions() {
    let bed = Bed::of(FlowKind::CustomWithSrp);
    let (_, flow) = bed.begin();
    let (proof, flow) = call(flow.on_reply(verifier(Some("one")), bed.context()));
    assert_eq!(
        (sent(&proof).1, sent(&proof).3),
        ("PASSWORD_VERIFIER", Some("one"))
    );
    let question = challenge("CUSTOM_CHALLENGE", &[("captchaUrl", "u")], Some("two"));
    let pending = ask(flow.on_reply(question, bed.context()));
    let (answered, flow) = call(bed.answer(pending, "4"));
    let expected = vec![("ANSWER", "4")];
    assert_eq!(
        sent_besides_the_name(&answered),
        (
            "RespondToAuthChallenge",
            "CUSTOM_CHALLENGE",
            expected,
            Some("two")
        )
    );
    let step = flow.on_reply(tokens(), bed.context());
    assert!(matches!(step, Ok(Step::Done(_))));
}

#[test]
fn triggers_that_skip_the_password_are_found_out_unless_the_operator_lets_them() {
    let mut bed = Bed::of(FlowKind::CustomWithSrp);
    let question = || challenge("CUSTOM_CHALLENGE", &[], Some("s"));
    for (reply, got) in [
        (question(), "CUSTOM_CHALLENGE"),
        (tokens(), "AuthenticationResult"),
    ] {
        let (_, flow) = bed.begin();
        let got = got.to_owned();
        let error = flow.on_reply(reply, bed.context()).unwrap_err();
        assert_eq!(error, FlowError::PasswordSkipped { got });
    }
    bed.settings.custom_may_skip_password = true;
    let (_, flow) = bed.begin();
    let pending = ask(flow.on_reply(question(), bed.context()));
    assert!(!pending.password_proven());
    let (_, flow) = bed.begin();
    let step = flow.on_reply(tokens(), bed.context());
    assert!(matches!(step, Ok(Step::Done(_))));
}

#[test]
fn a_preferred_password_may_lead_to_a_choice_but_not_past_it() {
    let bed = Bed::of(FlowKind::UserAuth);
    let begin = || {
        let by_srp = preferring(Some(FirstFactor::PasswordSrp));
        call(Flow::begin(by_srp, bed.context())).1
    };
    let choice = ask(begin().on_reply(select_challenge(&["EMAIL_OTP"]), bed.context()));
    assert_eq!(choice.challenge().name(), "SELECT_CHALLENGE");
    let error = begin().on_reply(tokens(), bed.context()).unwrap_err();
    let want = "PASSWORD_VERIFIER";
    let got = "AuthenticationResult".to_owned();
    assert_eq!(error, FlowError::OutOfTurn { want, got });
}

#[test]
fn the_password_is_proven_once_the_pool_has_taken_it() {
    let code = || challenge("EMAIL_OTP", &[], Some("s"));
    let proven_at = |bed: &Bed, credentials, reply| {
        let (_, flow) = call(Flow::begin(credentials, bed.context()));
        ask(flow.on_reply(reply, bed.context())).password_proven()
    };
    let bed = Bed::of(FlowKind::UserPasswordAuth);
    assert!(proven_at(&bed, credentials(), code()));

    let bed = Bed::of(FlowKind::UserSrpAuth);
    let (_, flow) = bed.begin();
    assert!(!flow.password_proven());
    let (_, flow) = call(flow.on_reply(verifier(None), bed.context()));
    let pending = ask(flow.on_reply(code(), bed.context()));
    assert!(pending.password_proven());
    let read = Pending::decode(pending.encode().expose()).unwrap();
    let (_, flow) = call(bed.answer(read, "123456"));
    assert!(flow.password_proven());

    let bed = Bed::of(FlowKind::CustomWithoutSrp);
    let question = challenge("CUSTOM_CHALLENGE", &[], Some("s"));
    assert!(!proven_at(&bed, credentials(), question));

    let bed = Bed::of(FlowKind::UserAuth);
    let by_password = || preferring(Some(FirstFactor::Password));
    assert!(!proven_at(
        &bed,
        preferring(Some(FirstFactor::EmailOtp)),
        code()
    ));
    assert!(proven_at(&bed, by_password(), code()));
    let asked_for_it = challenge("PASSWORD", &[], Some("s"));
    assert!(!proven_at(&bed, by_password(), asked_for_it));
    // The password was not looked at: this person signs in another way.
    assert!(!proven_at(
        &bed,
        by_password(),
        select_challenge(&["EMAIL_OTP"])
    ));
}
