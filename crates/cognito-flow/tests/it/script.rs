//! A sign-in with a pool and a person that say what a script of bytes makes them say, and what must hold whatever that is.
//!
//! The property test of this crate and the fuzz target `on_reply` both run it, so it uses the public interface alone. A
//! zero byte stands for what is in turn, so that scripts lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use cognito_flow::{
    Answer, AppClient, Call, Challenge, CognitoSession, Context, Credentials, Entropy, FirstFactor,
    Flow, FlowError, FlowKind, FlowSettings, MfaType, Parameters, Pending, RememberedDevice, Reply,
    Secret, Step, TokenSet, UnixSeconds,
};

const USERNAME: &str = "Jane@Example.com";
const PASSWORD: &str = "Correct-Horse-9!";
/// What a sealed form has room for.
const MAX_ENCODED: usize = 8 * 1024;
/// Longer scripts are cut: each step may take powers of large numbers.
const MAX_STEPS: usize = 40;

/// Where a script led.
#[derive(Debug)]
pub struct Seen {
    pub flow: FlowKind,
    /// Challenges that were put to the person: name and step.
    pub asked: BTreeSet<(&'static str, &'static str)>,
    /// Whether it ended with tokens.
    pub tokens: bool,
}

/// Runs a script. Stops at the first broken promise.
pub fn run(bytes: &[u8]) -> Seen {
    let mut script = Script(bytes);
    let mut model = Model::new(&mut script);
    let credentials = model.credentials(&mut script);
    let mut step = Flow::begin(credentials, model.context());
    for _ in 0..MAX_STEPS {
        step = match step {
            Err(_) => break,
            Ok(Step::Done(tokens)) => {
                model.done(&tokens);
                break;
            }
            Ok(Step::Call(call, flow)) => {
                model.sent(&call);
                let reply = model.reply(&mut script);
                let said = Said::of(&reply);
                let next = flow.on_reply(reply, model.context());
                model.replied(said, &next);
                next
            }
            Ok(Step::Ask(_)) if script.0.is_empty() => break,
            Ok(Step::Ask(pending)) => Ok(model.ask(&pending, &mut script)),
        };
    }
    model.seen
}

/// Bytes that decide; zeros when there are no more.
struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// Whether what comes next is out of the ordinary.
    fn is_odd(&mut self) -> bool {
        self.byte() >= 0xc0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let index = usize::from(self.byte()).checked_rem(of.len())?;
        of.get(index).copied()
    }

    fn text(&mut self, of: &[&str]) -> String {
        self.pick(of).unwrap_or_default().to_owned()
    }
}

/// What may come in reply to the call under way.
#[derive(Clone, Copy, PartialEq)]
enum InTurn {
    /// Tokens, or any challenge but the verifiers.
    Anything,
    /// PASSWORD_VERIFIER, and what else where it is not the only one.
    Verifier {
        challenges: bool,
        tokens: bool,
    },
    DeviceVerifier,
    SecretCode,
    Verified,
}

/// What a reply was.
enum Said {
    Challenge(String),
    Tokens(String),
    SecretCode,
    Verified,
}

impl Said {
    fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Challenge { name, .. } => Self::Challenge(name.clone()),
            Reply::Tokens(tokens) => Self::Tokens(tokens.access_token.expose().clone()),
            Reply::SoftwareTokenSecret { .. } => Self::SecretCode,
            Reply::SoftwareTokenVerified { .. } => Self::Verified,
        }
    }

    fn is_in_turn(&self, turn: InTurn) -> bool {
        match (self, turn) {
            (Self::Tokens(_), InTurn::Anything) => true,
            (Self::Tokens(_), InTurn::Verifier { tokens, .. }) => tokens,
            (Self::SecretCode, turn) => turn == InTurn::SecretCode,
            (Self::Verified, turn) => turn == InTurn::Verified,
            (Self::Challenge(name), turn) => match (name.as_str(), turn) {
                ("PASSWORD_VERIFIER", turn) => matches!(turn, InTurn::Verifier { .. }),
                ("DEVICE_PASSWORD_VERIFIER", turn) => turn == InTurn::DeviceVerifier,
                ("DEVICE_SRP_AUTH", turn) => turn == InTurn::Anything,
                (_, InTurn::Verifier { challenges, .. }) => challenges,
                (_, turn) => turn == InTurn::Anything,
            },
            _ => false,
        }
    }
}

/// What the machine was told and has sent, kept apart from it.
struct Model {
    client: AppClient,
    settings: FlowSettings,
    device: Option<RememberedDevice>,
    /// Of sessions and tokens: each is another text.
    serial: usize,
    /// The newest session, until a call has it.
    unspent: Option<String>,
    /// The names the person may be called by.
    names: BTreeSet<String>,
    turn: InTurn,
    /// Whether the call under way has the pool judge the password.
    judges: bool,
    /// Whether one before had.
    judged: bool,
    verifier_answered: bool,
    rounds: u8,
    tokens: Option<String>,
    seen: Seen,
}

impl Model {
    fn new(script: &mut Script<'_>) -> Self {
        let pool_id = "eu-west-1_AbC123xyz".parse();
        let client_id = "1example23456789".parse();
        let (Ok(pool_id), Ok(client_id)) = (pool_id, client_id) else {
            unreachable!("both are well formed")
        };
        let kind = script.pick(&FlowKind::ALL).unwrap_or(FlowKind::UserAuth);
        let preferred = [
            Some(FirstFactor::PasswordSrp),
            None,
            Some(FirstFactor::Password),
            Some(FirstFactor::EmailOtp),
        ];
        Self {
            client: AppClient::new(pool_id, client_id, Some(secret("client-secret"))),
            settings: FlowSettings {
                preferred_challenge: script.pick(&preferred).flatten(),
                max_rounds: 2,
                custom_may_skip_password: script.is_odd(),
                ..FlowSettings::new(kind)
            },
            device: (!script.is_odd()).then(|| RememberedDevice {
                device_key: "eu-west-1_device".to_owned(),
                device_group_key: "-group".to_owned(),
                password: secret("device-password"),
            }),
            serial: 0,
            unspent: None,
            names: [USERNAME.to_owned()].into(),
            turn: InTurn::Anything,
            judges: false,
            judged: false,
            verifier_answered: false,
            rounds: 0,
            tokens: None,
            seen: Seen {
                flow: kind,
                asked: BTreeSet::new(),
                tokens: false,
            },
        }
    }

    fn credentials(&mut self, script: &mut Script<'_>) -> Credentials {
        let session = script.is_odd().then(|| self.session());
        if self.seen.flow != FlowKind::UserAuth {
            // Of use to no other flow.
            self.unspent = None;
        }
        Credentials {
            username: USERNAME.to_owned(),
            password: (!script.is_odd()).then(|| secret(PASSWORD)),
            preferred: self.settings.preferred_challenge,
            session,
        }
    }

    /// Each step draws its own.
    fn context(&mut self) -> Context<'_> {
        self.serial += 1;
        let byte = u8::try_from(self.serial % 255).unwrap_or_default();
        Context {
            client: &self.client,
            settings: &self.settings,
            device: self.device.as_ref(),
            now: UnixSeconds(1_772_510_706),
            entropy: Entropy::new([byte + 1; 48]),
        }
    }

    /// A new session of the longest kind.
    fn session(&mut self) -> CognitoSession {
        self.serial += 1;
        let session = format!("{:-<4096}", self.serial);
        self.unspent = Some(session.clone());
        CognitoSession::new(session)
    }

    /// Each session goes out once, with the very next call; names and their hashes fit; SRP is in step.
    fn sent(&mut self, call: &Call) {
        let (session, parameters) = match call {
            Call::InitiateAuth {
                parameters,
                session,
                ..
            } => (session, Some(("InitiateAuth", parameters))),
            Call::RespondToAuthChallenge {
                challenge,
                responses,
                session,
            } => (session, Some((*challenge, responses))),
            Call::AssociateSoftwareToken { session }
            | Call::VerifySoftwareToken { session, .. } => (session, None),
            Call::GetTokensFromRefreshToken { .. } => unreachable!("no step of a sign-in"),
        };
        let session = session.as_ref().map(CognitoSession::expose);
        assert!(
            session == self.unspent.take().as_deref(),
            "{}: not the newest session, or one that was sent before",
            call.operation()
        );
        self.judges = false;
        if let Some((name, parameters)) = parameters {
            self.sent_parameters(name, parameters);
        }
        self.turn = match (call, parameters) {
            (Call::AssociateSoftwareToken { .. }, _) => InTurn::SecretCode,
            (Call::VerifySoftwareToken { .. }, _) => InTurn::Verified,
            (_, Some((name, parameters))) if parameters.get("SRP_A").is_some() => {
                let kind = self.seen.flow;
                let may_skip =
                    kind == FlowKind::CustomWithSrp && self.settings.custom_may_skip_password;
                match name {
                    "DEVICE_SRP_AUTH" => InTurn::DeviceVerifier,
                    "InitiateAuth" => InTurn::Verifier {
                        challenges: may_skip || kind == FlowKind::UserAuth,
                        tokens: may_skip,
                    },
                    _ => InTurn::Verifier {
                        challenges: false,
                        tokens: false,
                    },
                }
            }
            _ => InTurn::Anything,
        };
    }

    fn sent_parameters(&mut self, name: &str, parameters: &Parameters) {
        let username = parameters.get("USERNAME").unwrap_or_default();
        assert!(self.names.contains(username), "{name}: a made-up name");
        let hash = self.client.secret_hash(username);
        let hash = hash.as_ref().map(|hash| hash.expose().as_str());
        assert!(
            parameters.get("SECRET_HASH") == hash,
            "{name}: another hash"
        );
        let in_clear = matches!(
            self.seen.flow,
            FlowKind::UserPasswordAuth | FlowKind::UserAuth
        );
        for (parameter, value) in parameters.iter() {
            assert!(!value.is_empty(), "{name}: {parameter} is empty");
            assert!(
                !value.contains(PASSWORD) || (in_clear && parameter == "PASSWORD"),
                "{name}: {parameter} tells the password"
            );
        }
        let is_verifier = name == "PASSWORD_VERIFIER";
        self.verifier_answered |= is_verifier;
        self.judges = is_verifier || parameters.get("PASSWORD").is_some();
    }

    fn reply(&mut self, script: &mut Script<'_>) -> Reply {
        let session = (!script.is_odd()).then(|| self.session());
        if script.is_odd() {
            return match script.byte() % 8 {
                0..=4 => self.some_tokens(),
                5 => secret_code(session),
                6 => Reply::SoftwareTokenVerified { session },
                _ => self.some_challenge(session, script),
            };
        }
        match self.turn {
            InTurn::SecretCode => secret_code(session),
            InTurn::Verified => Reply::SoftwareTokenVerified { session },
            InTurn::Verifier { .. } => self.challenge("PASSWORD_VERIFIER", session, script),
            InTurn::DeviceVerifier => self.challenge("DEVICE_PASSWORD_VERIFIER", session, script),
            InTurn::Anything => match (script.byte(), self.seen.flow) {
                (0x01..=0x1f, _) => self.some_tokens(),
                (0, FlowKind::CustomWithSrp | FlowKind::CustomWithoutSrp) => {
                    self.challenge("CUSTOM_CHALLENGE", session, script)
                }
                _ => self.some_challenge(session, script),
            },
        }
    }

    fn some_tokens(&mut self) -> Reply {
        self.serial += 1;
        Reply::Tokens(TokenSet {
            access_token: Secret::new(format!("access-{}", self.serial)),
            id_token: secret("id"),
            refresh_token: Some(secret("refresh")),
            expires_in: 3600,
            new_device: None,
        })
    }

    fn some_challenge(
        &mut self,
        session: Option<CognitoSession>,
        script: &mut Script<'_>,
    ) -> Reply {
        let name = script.text(&[
            "SELECT_CHALLENGE",
            "CUSTOM_CHALLENGE",
            "MFA_SETUP",
            "SELECT_MFA_TYPE",
            "NEW_PASSWORD_REQUIRED",
            "EMAIL_OTP",
            "SMS_OTP",
            "SMS_MFA",
            "SOFTWARE_TOKEN_MFA",
            "WEB_AUTHN",
            "PASSWORD",
            "PASSWORD_SRP",
            "DEVICE_SRP_AUTH",
            "PASSWORD_VERIFIER",
            "DEVICE_PASSWORD_VERIFIER",
            "ADMIN_NO_SRP_AUTH",
            "",
        ]);
        self.challenge(&name, session, script)
    }

    /// A challenge with every parameter there is, some of them wrong.
    fn challenge(
        &mut self,
        name: &str,
        session: Option<CognitoSession>,
        script: &mut Script<'_>,
    ) -> Reply {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut parameters: BTreeMap<String, String> = GOOD.map(owned).into();
        let wrong = if script.is_odd() {
            script.byte() % 8
        } else {
            0
        };
        for nth in 0..wrong {
            let place = usize::from(script.byte().wrapping_add(nth)) % GOOD.len();
            let parameter = GOOD.get(place).map_or("", |(parameter, _)| *parameter);
            let is_name = matches!(parameter, "USERNAME" | "USER_ID_FOR_SRP");
            let value = match script.byte() {
                0..=0x3f if !is_name => LONG.repeat(300),
                0x40..=0x5f if !is_name => LONG.repeat(2_000),
                0x60..=0x7f => String::new(),
                _ => script.text(&WRONG),
            };
            parameters.insert(parameter.to_owned(), value);
        }
        for name in ["USERNAME", "USER_ID_FOR_SRP"] {
            self.names.extend(parameters.get(name).cloned());
        }
        let offered = usize::from(script.byte() % 6);
        let factors = FirstFactor::ALL.iter().skip(offered);
        Reply::Challenge {
            name: name.to_owned(),
            parameters,
            session,
            available: factors.map(|factor| factor.name().to_owned()).collect(),
        }
    }

    /// Tokens come from the pool, in turn, and from nowhere else.
    fn replied(&mut self, said: Said, next: &Result<Step, FlowError>) {
        let in_turn = said.is_in_turn(self.turn);
        assert!(in_turn || next.is_err(), "taken out of turn");
        self.judged |= self.judges;
        if matches!(&said, Said::Challenge(name) if name == "SELECT_CHALLENGE") {
            // A choice in place of what was preferred: nothing was judged.
            self.judged = false;
        }
        match said {
            Said::Tokens(tokens) => {
                assert!(!in_turn || matches!(next, Ok(Step::Done(_))), "not taken");
                self.tokens = Some(tokens);
            }
            _ => assert!(!matches!(next, Ok(Step::Done(_))), "tokens out of nothing"),
        }
    }

    /// A sign-in that waits can be read back, as often as it takes; it is small, and says what it asks.
    fn ask(&mut self, pending: &Pending, script: &mut Script<'_>) -> Step {
        let challenge = pending.challenge();
        let bytes = pending.encode();
        let length = bytes.expose().len();
        assert!(length <= MAX_ENCODED, "{challenge:?}: {length} bytes");
        let Ok(read) = Pending::decode(bytes.expose()) else {
            panic!("{challenge:?} cannot be read back")
        };
        assert_eq!(read.challenge().name(), challenge.name());
        assert_eq!(read.username(), pending.username());
        assert!(self.judged || !read.password_proven(), "nothing was proven");
        assert!(
            serde_json::to_value(challenge.next_step()).is_ok_and(|step| {
                step.get("signInStep")
                    .is_some_and(serde_json::Value::is_string)
            })
        );
        if read.round() > self.rounds {
            self.rounds += 1;
            assert!(self.rounds <= self.settings.max_rounds, "no end of rounds");
        }
        assert_eq!(read.round(), self.rounds);
        let step = challenge.next_step().sign_in_step;
        self.seen.asked.insert((challenge.name(), step));
        let by_srp = challenge.name() == "PASSWORD_SRP";
        let answer = answer(challenge, script);
        match read.answer(answer, self.context()) {
            Ok(step) => {
                if let (true, Step::Call(Call::RespondToAuthChallenge { responses, .. }, _)) =
                    (by_srp, &step)
                {
                    assert!(responses.get("PASSWORD").is_none(), "told, not proven");
                }
                step
            }
            // Nothing was sent, so the same bytes serve again.
            Err(_) => match Pending::decode(bytes.expose()) {
                Ok(again) => Step::Ask(again),
                Err(_) => panic!("{challenge:?} cannot be read again"),
            },
        }
    }

    fn done(&mut self, tokens: &TokenSet) {
        assert_eq!(
            Some(tokens.access_token.expose()),
            self.tokens.as_ref(),
            "not the pool's tokens"
        );
        let proves = match self.seen.flow {
            FlowKind::UserSrpAuth => true,
            FlowKind::CustomWithSrp => !self.settings.custom_may_skip_password,
            FlowKind::UserPasswordAuth | FlowKind::CustomWithoutSrp | FlowKind::UserAuth => false,
        };
        assert!(self.verifier_answered || !proves, "no password was proven");
        self.seen.tokens = true;
    }
}

/// What each challenge needs.
const GOOD: [(&str, &str); 13] = [
    ("SALT", "1f2e3d4c5b6a79881f2e3d4c5b6a7988"),
    ("SRP_B", "5a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7"),
    ("SECRET_BLOCK", "c2VjcmV0LWJsb2Nr"),
    ("USERNAME", "jane"),
    ("USER_ID_FOR_SRP", "jane-by-id"),
    ("userAttributes", r#"{"email":"jane@example.com"}"#),
    (
        "requiredAttributes",
        r#"["userAttributes.email","userAttributes.name"]"#,
    ),
    ("CODE_DELIVERY_DESTINATION", "j***@e***"),
    ("FRIENDLY_DEVICE_NAME", "Phone"),
    (
        "MFAS_CAN_CHOOSE",
        r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#,
    ),
    (
        "MFAS_CAN_SETUP",
        r#"["SMS_MFA","SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#,
    ),
    (
        "CREDENTIAL_REQUEST_OPTIONS",
        r#"{"challenge":"Y2hhbGxlbmdl","allowCredentials":[{"id":"a"}]}"#,
    ),
    ("captchaUrl", "data:image/png;base64,AA=="),
];

const WRONG: [&str; 12] = [
    "0",
    "null",
    "{",
    "{}",
    "[]",
    "[1]",
    r#"["SOFTWARE_TOKEN_MFA"]"#,
    r#"["EMAIL_OTP"]"#,
    r#"["SMS_MFA"]"#,
    "not hex, not base64",
    "\u{0}\u{7f}\u{202e}",
    "\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}",
];

/// Grows when it is written as JSON.
const LONG: &str = "\"\u{1}\n";

fn answer(challenge: &Challenge, script: &mut Script<'_>) -> Answer {
    if script.is_odd() {
        let text = script.text(&[
            "",
            " - ",
            "123 456",
            "TOTP",
            "EMAIL",
            "SMS",
            "PASSWORD_SRP",
            "WEB_AUTHN",
            "{",
            "{}",
        ]);
        let attributes = script
            .is_odd()
            .then(|| ("role".to_owned(), "admin".to_owned()));
        return Answer {
            attributes: attributes.into_iter().collect(),
            ..Answer::new(Secret::new(text))
        };
    }
    let text = match challenge {
        Challenge::SelectChallenge(question) => {
            script.pick(&question.choices).map_or("", FirstFactor::name)
        }
        Challenge::SelectMfaType(question) => {
            script.pick(&question.choices).map_or("", MfaType::name)
        }
        Challenge::MfaSetup(question) => script.pick(&question.choices).map_or("", MfaType::name),
        Challenge::WebAuthn(_) => r#"{"id":"a"}"#,
        _ => "123456",
    };
    let mut answer = Answer::new(secret(text));
    if let Challenge::NewPasswordRequired(question) = challenge {
        let filled_in = |name: &String| (name.clone(), "value".to_owned());
        answer.attributes = question.required_attributes.iter().map(filled_in).collect();
    }
    answer
}

fn secret_code(session: Option<CognitoSession>) -> Reply {
    Reply::SoftwareTokenSecret {
        secret_code: secret("JBSWY3DPEHPK3PXP"),
        session,
    }
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}
