//! A client with a secret, a scripted pool's replies, and ways to look at what was sent: for the tests of this crate.

use std::collections::BTreeMap;

use crate::{
    Answer, AnswerError, AppClient, Call, CognitoSession, Context, Credentials, Entropy, Flow,
    FlowError, FlowKind, FlowSettings, Pending, RememberedDevice, Reply, Secret, Step, TokenSet,
    UnixSeconds,
};

pub(crate) const USERNAME: &str = "Jane@Example.com";
pub(crate) const PASSWORD: &str = "Correct-Horse-9!";
/// The pool's session before the question that [`Bed::question`] puts.
pub(crate) const SESSION: &str = "session-of-the-question";

/// What stays the same from step to step.
pub(crate) struct Bed {
    pub(crate) client: AppClient,
    pub(crate) settings: FlowSettings,
    pub(crate) device: Option<RememberedDevice>,
}

impl Bed {
    pub(crate) fn of(kind: FlowKind) -> Self {
        let client = AppClient::new(
            "eu-west-1_AbC123xyz".parse().unwrap(),
            "1example23456789".parse().unwrap(),
            Some(secret("9gjlk3aexampleexampleexample0secret")),
        );
        Self {
            client,
            settings: FlowSettings::new(kind),
            device: None,
        }
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            client: &self.client,
            settings: &self.settings,
            device: self.device.as_ref(),
            now: UnixSeconds(1_772_510_706),
            entropy: Entropy::new([7; 48]),
        }
    }

    pub(crate) fn begin(&self) -> (Call, Flow) {
        call(Flow::begin(credentials(), self.context()))
    }

    /// What a challenge in reply to the password leads to.
    pub(crate) fn meet(&self, name: &str, parameters: &[(&str, &str)]) -> Result<Step, FlowError> {
        let (_, flow) = self.begin();
        flow.on_reply(challenge(name, parameters, Some(SESSION)), self.context())
    }

    /// The same, where it is a question for the person.
    pub(crate) fn question(&self, name: &str, parameters: &[(&str, &str)]) -> Pending {
        ask(self.meet(name, parameters))
    }

    pub(crate) fn answer(&self, pending: Pending, text: &str) -> Result<Step, AnswerError> {
        pending.answer(Answer::new(secret(text)), self.context())
    }

    pub(crate) fn secret_hash(&self, username: &str) -> String {
        self.client.secret_hash(username).unwrap().expose().clone()
    }
}

/// A browser that is remembered.
pub(crate) fn device() -> RememberedDevice {
    RememberedDevice {
        device_key: "eu-west-1_device".to_owned(),
        device_group_key: "-group".to_owned(),
        password: secret("device-password"),
    }
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub(crate) fn credentials() -> Credentials {
    Credentials {
        username: USERNAME.to_owned(),
        password: Some(secret(PASSWORD)),
        preferred: None,
        session: None,
    }
}

#[track_caller]
pub(crate) fn call<E: std::fmt::Debug>(step: Result<Step, E>) -> (Call, Flow) {
    match step {
        Ok(Step::Call(call, flow)) => (call, flow),
        other => panic!("not a call: {other:?}"),
    }
}

#[track_caller]
pub(crate) fn ask<E: std::fmt::Debug>(step: Result<Step, E>) -> Pending {
    match step {
        Ok(Step::Ask(pending)) => pending,
        other => panic!("not a question: {other:?}"),
    }
}

pub(crate) fn map(members: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    members.iter().map(owned).collect()
}

pub(crate) fn challenge(name: &str, parameters: &[(&str, &str)], session: Option<&str>) -> Reply {
    Reply::Challenge {
        name: name.to_owned(),
        parameters: map(parameters),
        session: session.map(|session| CognitoSession::new(session.to_owned())),
        available: Vec::new(),
    }
}

/// A challenge that lists what can be chosen.
pub(crate) fn select_challenge(available: &[&str]) -> Reply {
    Reply::Challenge {
        name: "SELECT_CHALLENGE".to_owned(),
        parameters: BTreeMap::new(),
        session: Some(CognitoSession::new(SESSION.to_owned())),
        available: available.iter().map(|name| (*name).to_owned()).collect(),
    }
}

pub(crate) fn tokens() -> Reply {
    Reply::Tokens(TokenSet {
        access_token: secret("access"),
        id_token: secret("id"),
        refresh_token: Some(secret("refresh")),
        expires_in: 3600,
        new_device: None,
    })
}

/// Operation, flow or challenge name, parameters, session.
pub(crate) type Sent<'a> = (
    &'static str,
    &'static str,
    Vec<(&'a str, &'a str)>,
    Option<&'a str>,
);

#[track_caller]
pub(crate) fn sent(call: &Call) -> Sent<'_> {
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
        other => panic!("neither of the two calls with parameters: {other:?}"),
    }
}

/// What was sent, without the parameters of every call (USERNAME and SECRET_HASH).
#[track_caller]
pub(crate) fn sent_besides_the_name(call: &Call) -> Sent<'_> {
    let (operation, name, mut parameters, session) = sent(call);
    parameters.retain(|(name, _)| !matches!(*name, "USERNAME" | "SECRET_HASH"));
    (operation, name, parameters, session)
}
