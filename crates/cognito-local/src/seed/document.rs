//! Reads a seed from TOML, key by key, and goes on after a problem: the reader of the message fixes all at once.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::reader::{At, Reader, key_of, suggestion, words};
use super::{
    ClientSeed, GroupSeed, PoolSeed, SecretSeed, Seed, SeedError, UserSeed, check, factors,
};
use crate::state::{AuthFlow, ClientSettings, PasswordPolicy, PoolSettings, Recovery, UserStatus};
use crate::trigger::{Kind, LambdaVersion, Trigger, Triggers};

/// Reads and checks a document.
pub(super) fn read(text: &str, origin: &str) -> Result<Seed, SeedError> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(text, origin);
    for error in &errors {
        let line = error.span().map(|span| reader.line(span.start));
        reader.problem(
            line.unwrap_or(1),
            "syntax".to_owned(),
            error.message().replace('\n', ", "),
        );
    }
    // What was recovered from broken syntax would only give rise to more, untrue problems.
    if !errors.is_empty() {
        return Err(SeedError {
            problems: reader.into_problems(),
        });
    }
    let seed = reader.seed(document.get_ref());
    for (key, text) in check::problems(&seed) {
        // A value that could not be read is told already; that it is missing now is no second problem.
        if !reader.has_problem(&key) {
            reader.problem(reader.line_of(&key), key, text);
        }
    }
    let problems = reader.into_problems();
    if problems.is_empty() {
        Ok(seed)
    } else {
        Err(SeedError { problems })
    }
}

impl<'t> Reader<'t> {
    fn seed(&mut self, document: &'t DeTable<'t>) -> Seed {
        let root = At {
            key: String::new(),
            table: document,
        };
        self.known(&root, &["pool"]);
        Seed {
            pools: self
                .tables(&root, "pool")
                .iter()
                .map(|at| self.pool(at))
                .collect(),
        }
    }

    fn pool(&mut self, at: &At<'t>) -> PoolSeed {
        const KEYS: [&str; 16] = [
            "name",
            "id",
            "username_attributes",
            "alias_attributes",
            "case_sensitive",
            "required_attributes",
            "custom_attributes",
            "password_policy",
            "auto_verified_attributes",
            "attributes_require_verification_before_update",
            "allow_sign_up",
            "account_recovery",
            "triggers",
            "client",
            "group",
            "user",
        ];
        self.known(at, &[&KEYS[..], &factors::POOL_KEYS].concat());
        let names = |reader: &mut Self, key: &str, example: &str| {
            reader.texts(at, key, example).unwrap_or_default()
        };
        let mut settings = PoolSettings {
            username_attributes: names(self, "username_attributes", r#"["email"]"#),
            alias_attributes: names(
                self,
                "alias_attributes",
                r#"["email", "preferred_username"]"#,
            ),
            case_sensitive: self.flag(at, "case_sensitive").unwrap_or(false),
            required_attributes: names(self, "required_attributes", r#"["email", "given_name"]"#),
            custom_attributes: names(self, "custom_attributes", r#"["custom:team"]"#)
                .into_iter()
                .map(|name| (name, "String".to_owned()))
                .collect(),
            password_policy: self
                .table(at, "password_policy")
                .map(|at| self.password_policy(&at))
                .unwrap_or_default(),
            auto_verified_attributes: names(self, "auto_verified_attributes", r#"["email"]"#),
            attributes_require_verification_before_update: names(
                self,
                "attributes_require_verification_before_update",
                r#"["email"]"#,
            ),
            allow_admin_create_user_only: !self.flag(at, "allow_sign_up").unwrap_or(true),
            account_recovery: self.account_recovery(at),
            triggers: self
                .table(at, "triggers")
                .map(|at| self.triggers(&at))
                .unwrap_or_default(),
            ..PoolSettings::default()
        };
        self.pool_factors(at, &mut settings);
        PoolSeed {
            name: self.text(at, "name", r#""dev""#).unwrap_or_default(),
            id: self.text(at, "id", r#""local_AbC123xyz""#),
            settings,
            clients: self
                .tables(at, "client")
                .iter()
                .map(|at| self.client(at))
                .collect(),
            groups: self
                .tables(at, "group")
                .iter()
                .map(|at| self.group(at))
                .collect(),
            users: self
                .tables(at, "user")
                .iter()
                .map(|at| self.user(at))
                .collect(),
        }
    }

    fn account_recovery(&mut self, at: &At<'t>) -> Vec<Recovery> {
        let example = r#"["verified_email", "verified_phone_number"] or ["admin_only"]"#;
        let ways = self.converted(at, "account_recovery", example, |value| {
            words(value)?
                .iter()
                .map(|name| Recovery::from_name(name))
                .collect()
        });
        ways.unwrap_or_default()
    }

    fn password_policy(&mut self, at: &At<'t>) -> PasswordPolicy {
        self.known(
            at,
            &[
                "minimum_length",
                "require_uppercase",
                "require_lowercase",
                "require_numbers",
                "require_symbols",
                "temporary_password_validity_days",
                "password_history_size",
            ],
        );
        let default = PasswordPolicy::default();
        PasswordPolicy {
            minimum_length: self
                .number(at, "minimum_length", "8")
                .unwrap_or(default.minimum_length),
            require_uppercase: self
                .flag(at, "require_uppercase")
                .unwrap_or(default.require_uppercase),
            require_lowercase: self
                .flag(at, "require_lowercase")
                .unwrap_or(default.require_lowercase),
            require_numbers: self
                .flag(at, "require_numbers")
                .unwrap_or(default.require_numbers),
            require_symbols: self
                .flag(at, "require_symbols")
                .unwrap_or(default.require_symbols),
            temporary_password_validity_days: self
                .number(at, "temporary_password_validity_days", "7")
                .unwrap_or(default.temporary_password_validity_days),
            password_history_size: self
                .number(at, "password_history_size", "4")
                .unwrap_or(default.password_history_size),
        }
    }

    fn triggers(&mut self, at: &At<'t>) -> Triggers {
        const VERSION: &str = "pre_token_generation_version";
        const LIMIT: &str = "custom_challenge_limit";
        let mut known: Vec<_> = Kind::ALL.into_iter().map(Kind::key).collect();
        known.extend([VERSION, LIMIT]);
        self.known(at, &known);
        let default = Triggers::default();
        Triggers {
            functions: Kind::ALL
                .into_iter()
                .filter_map(|kind| Some((kind, self.function(at, kind.key())?)))
                .collect(),
            pre_token_generation_version: self
                .converted(at, VERSION, r#""V1_0", "V2_0" or "V3_0""#, |value| {
                    LambdaVersion::from_name(value.as_str()?)
                })
                .unwrap_or(default.pre_token_generation_version),
            custom_challenge_limit: self
                .number(at, LIMIT, "10")
                .unwrap_or(default.custom_challenge_limit),
        }
    }

    /// A text is an Invoke URL, a list is a command.
    fn function(&mut self, at: &At<'t>, key: &str) -> Option<Trigger> {
        const EXAMPLE: &str = r#""http://127.0.0.1:3001/2015-03-31/functions/MyTrigger/invocations" or ["node", "trigger.js"]"#;
        let (line, value) = self.value(at, key)?;
        if let Some(url) = value.as_str() {
            return match url.parse() {
                Ok(url) => Some(Trigger::Url(url)),
                Err(error) => {
                    self.problem(line, key_of(at, key), format!("{url:?}: {error}"));
                    None
                }
            };
        }
        let command = words(value)
            .filter(|command| command.first().is_some_and(|program| !program.is_empty()));
        if command.is_none() {
            self.wrong(line, at, key, EXAMPLE);
        }
        command.map(Trigger::Command)
    }

    fn client(&mut self, at: &At<'t>) -> ClientSeed {
        self.known(
            at,
            &[
                "name",
                "id",
                "secret",
                "generate_secret",
                "explicit_auth_flows",
                "prevent_user_existence_errors",
                "access_token_validity",
                "id_token_validity",
                "refresh_token_validity",
                "auth_session_validity",
                "enable_token_revocation",
                "refresh_token_rotation_grace",
                "read_attributes",
                "write_attributes",
            ],
        );
        let secret = match (
            self.text(at, "secret", r#""24 to 64 letters and digits""#),
            self.flag(at, "generate_secret"),
        ) {
            (Some(secret), None | Some(false)) => SecretSeed::Given(secret),
            (None, Some(true)) => SecretSeed::Generated,
            (None, None | Some(false)) => SecretSeed::None,
            (Some(_), Some(true)) => {
                let key = key_of(at, "secret");
                self.problem(
                    self.line_of(&key),
                    key,
                    "secret and generate_secret exclude each other: remove one".to_owned(),
                );
                SecretSeed::None
            }
        };
        ClientSeed {
            name: self.text(at, "name", r#""web""#).unwrap_or_default(),
            id: self.text(at, "id", r#""3n4b5urk1ft4fl3mg5e62d9ado""#),
            secret,
            settings: self.client_settings(at),
        }
    }

    fn client_settings(&mut self, at: &At<'t>) -> ClientSettings {
        let default = ClientSettings::default();
        ClientSettings {
            explicit_auth_flows: self.auth_flows(at),
            prevent_user_existence_errors: self
                .converted(
                    at,
                    "prevent_user_existence_errors",
                    r#""ENABLED" or "LEGACY""#,
                    |value| match value.as_str()? {
                        "ENABLED" => Some(true),
                        "LEGACY" => Some(false),
                        _ => None,
                    },
                )
                .unwrap_or(default.prevent_user_existence_errors),
            access_token_validity: self
                .validity(at, "access_token_validity", "1h")
                .unwrap_or(default.access_token_validity),
            id_token_validity: self
                .validity(at, "id_token_validity", "1h")
                .unwrap_or(default.id_token_validity),
            refresh_token_validity: self
                .validity(at, "refresh_token_validity", "30d")
                .unwrap_or(default.refresh_token_validity),
            auth_session_validity: self
                .whole(at, "auth_session_validity", "3m", 60)
                .unwrap_or(default.auth_session_validity),
            enable_token_revocation: self
                .flag(at, "enable_token_revocation")
                .unwrap_or(default.enable_token_revocation),
            refresh_token_rotation: self.whole(at, "refresh_token_rotation_grace", "10s", 1),
            read_attributes: self.texts(at, "read_attributes", r#"["email", "name"]"#),
            write_attributes: self.texts(at, "write_attributes", r#"["name"]"#),
        }
    }

    fn auth_flows(&mut self, at: &At<'t>) -> BTreeSet<AuthFlow> {
        const KEY: &str = "explicit_auth_flows";
        let mut flows = BTreeSet::new();
        for name in self
            .texts(
                at,
                KEY,
                r#"["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]"#,
            )
            .unwrap_or_default()
        {
            if let Some(flow) = AuthFlow::from_name(&name) {
                flows.insert(flow);
            } else {
                let key = key_of(at, KEY);
                let known: Vec<_> = AuthFlow::ALL.into_iter().map(AuthFlow::name).collect();
                let text = format!(
                    "{name:?} is no auth flow{}; there are {}",
                    suggestion(&name, &known),
                    known.join(", ")
                );
                self.problem(self.line_of(&key), key, text);
            }
        }
        flows
    }

    fn group(&mut self, at: &At<'t>) -> GroupSeed {
        self.known(at, &["name", "description", "precedence", "role_arn"]);
        GroupSeed {
            name: self.text(at, "name", r#""admins""#).unwrap_or_default(),
            description: self.text(at, "description", r#""May do everything""#),
            precedence: self
                .number(at, "precedence", "1")
                .map(|precedence: u32| precedence.into()),
            role_arn: self.text(at, "role_arn", r#""arn:aws:iam::000000000000:role/admin""#),
        }
    }

    fn user(&mut self, at: &At<'t>) -> UserSeed {
        const KEYS: [&str; 5] = ["username", "password", "status", "groups", "attributes"];
        self.known(at, &[&KEYS[..], &factors::USER_KEYS].concat());
        let status = self.converted(
            at,
            "status",
            r#""CONFIRMED", "FORCE_CHANGE_PASSWORD", "RESET_REQUIRED" or "UNCONFIRMED""#,
            |value| {
                [
                    UserStatus::Confirmed,
                    UserStatus::ForceChangePassword,
                    UserStatus::ResetRequired,
                    UserStatus::Unconfirmed,
                ]
                .into_iter()
                .find(|status| Some(status.name()) == value.as_str())
            },
        );
        let attributes = self.converted(
            at,
            "attributes",
            r#"{ given_name = "Ada", email_verified = "true" }"#,
            |value| {
                let pairs = value.as_table()?.iter().map(|(name, value)| {
                    Some((
                        name.get_ref().to_string(),
                        value.get_ref().as_str()?.to_owned(),
                    ))
                });
                pairs.collect::<Option<BTreeMap<_, _>>>()
            },
        );
        let mut user = UserSeed {
            username: self
                .text(at, "username", r#""ada@example.com""#)
                .unwrap_or_default(),
            password: self.text(at, "password", r#""Correct-Horse-9""#),
            status: status.unwrap_or_default(),
            attributes: attributes.unwrap_or_default(),
            groups: self
                .texts(at, "groups", r#"["admins"]"#)
                .unwrap_or_default(),
            ..UserSeed::default()
        };
        self.user_factors(at, &mut user);
        user
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_seed_is_sound() {
        let seed = Seed::from_toml(
            include_str!("../../../../config/pool.toml"),
            "config/pool.toml",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        let [pool] = seed.pools.as_slice() else {
            panic!("one pool")
        };
        assert_eq!(
            (pool.clients.len(), pool.groups.len(), pool.users.len()),
            (2, 2, 3)
        );
        assert!(
            pool.users.iter().all(|user| user.password.is_none()),
            "no password is embedded in the binary (R-132)"
        );
    }

    #[test]
    fn every_problem_is_told_with_its_line_and_how_it_would_be_right() {
        let text = r#"
[[pool]]
name = 7
usernam_attributes = ["email"]
[[pool.client]]
name = "web"
explicit_auth_flows = ["ALLOW_USER_SRP_AUT"]
access_token_validity = "60"
auth_session_validity = "200s"
secret = "hunter2-hunter2-hunter2"
generate_secret = true
[[pool.user]]
username = "ada"
password = ["hunter2"]
status = "CONFIRMD"
[pool.triggers]
user_migration = "https://example.com/"
[other]
"#;
        let error = Seed::from_toml(text, "pool.toml").unwrap_err().to_string();
        for expected in [
            r#"pool[1].name (pool.toml:3): cannot be used; for example name = "dev""#,
            "pool[1].usernam_attributes (pool.toml:4): unknown key, did you mean username_attributes?",
            r#"pool[1].client[1].explicit_auth_flows (pool.toml:7): "ALLOW_USER_SRP_AUT" is no auth flow, did you mean ALLOW_USER_SRP_AUTH?"#,
            r#"pool[1].client[1].access_token_validity (pool.toml:8): cannot be used; for example access_token_validity = "1h""#,
            "pool[1].client[1].auth_session_validity (pool.toml:9)",
            "pool[1].client[1].secret (pool.toml:10): secret and generate_secret exclude each other",
            "pool[1].user[1].password (pool.toml:14)",
            "pool[1].user[1].status (pool.toml:15)",
            "pool[1].triggers.user_migration (pool.toml:17): \"https://example.com/\": https is not offered",
            "other (pool.toml:18): unknown key; known here: pool",
        ] {
            assert!(error.contains(expected), "missing: {expected}\n{error}");
        }
        assert_eq!(error.lines().count(), 10, "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_does_not_fit_together_is_told_at_the_line_of_its_key() {
        let text = r#"
[[pool]]
name = "dev"
id = "local_a_b"
username_attributes = ["email"]
[[pool.client]]
name = "web"
access_token_validity = "2d"
[[pool.client]]
name = "web"
[[pool.user]]
username = "ada"
password = "short"
groups = ["admins"]
[[pool.user]]
username = "bob@example.com"
attributes = { shoe_size = "44" }
[[pool.user]]
username = "BOB@example.com"
[[pool]]
"#;
        let error = Seed::from_toml(text, "pool.toml").unwrap_err().to_string();
        for expected in [
            "pool[1].id (pool.toml:4)",
            "pool[1].client[1] (pool.toml:6): AccessTokenValidity",
            "pool[1].client[2].name (pool.toml:10): two clients",
            "pool[1].user[1].username (pool.toml:12): Username should be either an email",
            "pool[1].user[1].password (pool.toml:13): the pool's password_policy refuses it: Password not long enough",
            "pool[1].user[1].groups (pool.toml:14): the pool has no [[pool.group]] named \"admins\"",
            "pool[1].user[2].attributes (pool.toml:17): shoe_size",
            "pool[1].user[3].username (pool.toml:19): An account with the given email already exists.",
            "pool[2].name (pool.toml:20): a pool needs a name",
        ] {
            assert!(error.contains(expected), "missing: {expected}\n{error}");
        }
    }

    #[test]
    fn broken_syntax_is_told_with_its_line() {
        let error = Seed::from_toml("[[pool]]\nname = \n", "pool.toml")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("syntax (pool.toml:2):"), "{error}");
    }

    #[test]
    fn who_may_sign_up_and_where_codes_go_is_read() {
        let text = r#"
[[pool]]
name = "dev"
allow_sign_up = false
auto_verified_attributes = ["email", "phone_number"]
attributes_require_verification_before_update = ["email"]
account_recovery = ["verified_phone_number", "verified_email"]
[pool.password_policy]
password_history_size = 4
"#;
        let pool = Seed::from_toml(text, "pool.toml").unwrap().pools.remove(0);
        let settings = pool.settings;
        assert!(settings.allow_admin_create_user_only);
        assert_eq!(settings.auto_verified_attributes.len(), 2);
        assert_eq!(
            settings.account_recovery,
            [Recovery::VerifiedPhoneNumber, Recovery::VerifiedEmail]
        );
        assert_eq!(settings.password_policy.password_history_size, 4);
        for (wrong, told) in [
            ("account_recovery = [\"post\"]", "verified_email"),
            (
                "account_recovery = [\"admin_only\", \"verified_email\"]",
                "admin_only",
            ),
            (
                "auto_verified_attributes = [\"name\"]",
                "AutoVerifiedAttributes",
            ),
            (
                "attributes_require_verification_before_update = [\"email\"]",
                "must be among AutoVerifiedAttributes",
            ),
            (
                "password_policy = { password_history_size = 25 }",
                "0 to 24",
            ),
        ] {
            let text = format!("[[pool]]\nname = \"dev\"\n{wrong}\n");
            let error = Seed::from_toml(&text, "pool.toml").unwrap_err().to_string();
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }
}
