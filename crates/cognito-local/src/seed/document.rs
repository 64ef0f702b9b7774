//! Reads a seed from TOML, key by key, and goes on after a problem: the reader of the message fixes all at once.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, DeValue};

use super::{
    ClientSeed, GroupSeed, PoolSeed, Problem, SecretSeed, Seed, SeedError, UserSeed, check,
};
use crate::state::{
    AuthFlow, ClientSettings, PasswordPolicy, PoolSettings, Unit, UserStatus, Validity,
};
use crate::trigger::Trigger;

/// Reads and checks a document.
pub(super) fn read(text: &str, origin: &str) -> Result<Seed, SeedError> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader {
        text,
        origin,
        lines: BTreeMap::new(),
        problems: Vec::new(),
    };
    for error in &errors {
        let line = error.span().map(|span| reader.line(span.start));
        reader.problem(
            line.unwrap_or(1),
            "syntax".to_owned(),
            error.message().replace('\n', ", "),
        );
    }
    // What was recovered from broken syntax would only give rise to more, untrue problems.
    let seed = if errors.is_empty() {
        reader.seed(document.get_ref())
    } else {
        Seed::default()
    };
    if reader.problems.is_empty() {
        for (key, text) in check::problems(&seed) {
            reader.problem(reader.line_of(&key), key, text);
        }
    }
    reader.problems.sort_by_key(|(line, _)| *line);
    let problems: Vec<_> = reader
        .problems
        .into_iter()
        .map(|(_, problem)| problem)
        .collect();
    if problems.is_empty() {
        Ok(seed)
    } else {
        Err(SeedError { problems })
    }
}

struct Reader<'t> {
    text: &'t str,
    origin: &'t str,
    /// The line of every table and key seen, by its full key.
    lines: BTreeMap<String, usize>,
    problems: Vec<(usize, Problem)>,
}

/// A table of the document and its key.
struct At<'t> {
    key: String,
    table: &'t DeTable<'t>,
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
        self.known(
            at,
            &[
                "name",
                "id",
                "username_attributes",
                "alias_attributes",
                "case_sensitive",
                "required_attributes",
                "custom_attributes",
                "password_policy",
                "triggers",
                "client",
                "group",
                "user",
            ],
        );
        let names = |reader: &mut Self, key: &str, example: &str| {
            reader.texts(at, key, example).unwrap_or_default()
        };
        let settings = PoolSettings {
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
            user_migration: self.table(at, "triggers").and_then(|at| self.triggers(&at)),
        };
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
        }
    }

    /// A text is an Invoke URL, a list is a command.
    fn triggers(&mut self, at: &At<'t>) -> Option<Trigger> {
        self.known(at, &["user_migration"]);
        const EXAMPLE: &str = r#""http://127.0.0.1:3001/2015-03-31/functions/MigrateUser/invocations" or ["node", "migrate.js"]"#;
        let (line, value) = self.value(at, "user_migration")?;
        if let Some(url) = value.as_str() {
            return match url.parse() {
                Ok(url) => Some(Trigger::Url(url)),
                Err(error) => {
                    self.problem(
                        line,
                        key_of(at, "user_migration"),
                        format!("{url:?} is {error}"),
                    );
                    None
                }
            };
        }
        let command = words(value)
            .filter(|command| command.first().is_some_and(|program| !program.is_empty()));
        if command.is_none() {
            self.wrong(line, at, "user_migration", EXAMPLE);
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
        self.known(
            at,
            &["username", "password", "status", "groups", "attributes"],
        );
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
        UserSeed {
            username: self
                .text(at, "username", r#""ada@example.com""#)
                .unwrap_or_default(),
            password: self.text(at, "password", r#""Correct-Horse-9""#),
            status: status.unwrap_or_default(),
            attributes: attributes.unwrap_or_default(),
            groups: self
                .texts(at, "groups", r#"["admins"]"#)
                .unwrap_or_default(),
        }
    }

    fn text(&mut self, at: &At<'t>, key: &str, example: &str) -> Option<String> {
        self.converted(at, key, example, |value| value.as_str().map(str::to_owned))
    }

    fn texts(&mut self, at: &At<'t>, key: &str, example: &str) -> Option<BTreeSet<String>> {
        self.converted(at, key, example, |value| {
            words(value).map(BTreeSet::from_iter)
        })
    }

    fn flag(&mut self, at: &At<'t>, key: &str) -> Option<bool> {
        self.converted(at, key, "true or false", DeValue::as_bool)
    }

    fn number<N: std::str::FromStr>(&mut self, at: &At<'t>, key: &str, example: &str) -> Option<N> {
        self.converted(at, key, example, |value| {
            value.as_integer()?.as_str().parse().ok()
        })
    }

    /// A span of time with its unit: `90s`, `15m`, `1h`, `30d`.
    fn validity(&mut self, at: &At<'t>, key: &str, example: &str) -> Option<Validity> {
        self.converted(
            at,
            key,
            &format!("{example:?}, a number and s, m, h or d"),
            |value| validity(value.as_str()?),
        )
    }

    /// A span of time in whole units of `seconds`.
    fn whole(&mut self, at: &At<'t>, key: &str, example: &str, seconds: u64) -> Option<u8> {
        self.converted(at, key, &format!("{example:?}"), |value| {
            let span = validity(value.as_str()?)?.duration().as_secs();
            if span.is_multiple_of(seconds) {
                u8::try_from(span / seconds).ok()
            } else {
                None
            }
        })
    }

    fn table(&mut self, at: &At<'t>, key: &str) -> Option<At<'t>> {
        let (line, value) = self.value(at, key)?;
        let Some(table) = value.as_table() else {
            self.problem(
                line,
                key_of(at, key),
                format!("must be a table: write [pool.{key}]"),
            );
            return None;
        };
        Some(At {
            key: key_of(at, key),
            table,
        })
    }

    /// The tables of `[[key]]`, numbered from 1.
    fn tables(&mut self, at: &At<'t>, key: &str) -> Vec<At<'t>> {
        let Some((line, value)) = self.value(at, key) else {
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (number, item) in (1..).zip(value.as_array().into_iter().flatten()) {
            let key = format!("{}[{number}]", key_of(at, key));
            self.lines.insert(key.clone(), self.line(item.span().start));
            tables.extend(item.get_ref().as_table().map(|table| At { key, table }));
        }
        if tables.is_empty() {
            let nested = if at.key.is_empty() {
                key.to_owned()
            } else {
                format!("pool.{key}")
            };
            self.problem(
                line,
                key_of(at, key),
                format!("must be a list of tables: write [[{nested}]]"),
            );
        }
        tables
    }

    fn converted<T>(
        &mut self,
        at: &At<'t>,
        key: &str,
        example: &str,
        convert: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<T> {
        let (line, value) = self.value(at, key)?;
        let converted = convert(value);
        if converted.is_none() {
            self.wrong(line, at, key, example);
        }
        converted
    }

    fn value(&mut self, at: &At<'t>, key: &str) -> Option<(usize, &'t DeValue<'t>)> {
        let (name, value) = at.table.iter().find(|(name, _)| name.get_ref() == key)?;
        let line = self.line(name.span().start);
        self.lines.insert(key_of(at, key), line);
        Some((line, value.get_ref()))
    }

    /// The value is not repeated: it may be a secret.
    fn wrong(&mut self, line: usize, at: &At<'t>, key: &str, example: &str) {
        self.problem(
            line,
            key_of(at, key),
            format!("cannot be used; for example {key} = {example}"),
        );
    }

    fn known(&mut self, at: &At<'t>, known: &[&str]) {
        for name in at
            .table
            .keys()
            .filter(|name| !known.contains(&name.get_ref().as_ref()))
        {
            let text = format!(
                "unknown key{}; there are {}",
                suggestion(name.get_ref(), known),
                known.join(", ")
            );
            self.problem(
                self.line(name.span().start),
                key_of(at, name.get_ref()),
                text,
            );
        }
    }

    fn problem(&mut self, line: usize, key: String, text: String) {
        let origin = Some(format!("{} line {line}", self.origin));
        self.problems.push((line, Problem { key, origin, text }));
    }

    fn line(&self, offset: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(offset)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    /// The line of a key, or of the nearest table around it: a key that is missing has none.
    fn line_of(&self, key: &str) -> usize {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return *line;
            }
            match key.rsplit_once('.') {
                Some((around, _)) => key = around,
                None => return 1,
            }
        }
    }
}

fn key_of(at: &At<'_>, key: &str) -> String {
    if at.key.is_empty() {
        key.to_owned()
    } else {
        format!("{}.{key}", at.key)
    }
}

fn words(value: &DeValue<'_>) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|word| word.get_ref().as_str().map(str::to_owned))
        .collect()
}

fn validity(text: &str) -> Option<Validity> {
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => Unit::Seconds,
        "m" => Unit::Minutes,
        "h" => Unit::Hours,
        "d" => Unit::Days,
        _ => return None,
    };
    let amount = amount
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| amount.parse().ok())??;
    Some(Validity { amount, unit })
}

/// `, did you mean …?` when a known name is a slip of the finger away.
fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (distance(name, known), known))
        .min();
    match nearest {
        Some((slips, known)) if slips <= 1 + known.len() / 4 => format!(", did you mean {known}?"),
        _ => String::new(),
    }
}

/// Letters to insert, remove or change (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (cell, against) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = diagonal + usize::from(letter != against);
            diagonal = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
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
            r#"pool[1].name (pool.toml line 3): cannot be used; for example name = "dev""#,
            "pool[1].usernam_attributes (pool.toml line 4): unknown key, did you mean username_attributes?",
            r#"pool[1].client[1].explicit_auth_flows (pool.toml line 7): "ALLOW_USER_SRP_AUT" is no auth flow, did you mean ALLOW_USER_SRP_AUTH?"#,
            r#"pool[1].client[1].access_token_validity (pool.toml line 8): cannot be used; for example access_token_validity = "1h""#,
            "pool[1].client[1].auth_session_validity (pool.toml line 9)",
            "pool[1].client[1].secret (pool.toml line 10): secret and generate_secret exclude each other",
            "pool[1].user[1].password (pool.toml line 14)",
            "pool[1].user[1].status (pool.toml line 15)",
            "pool[1].triggers.user_migration (pool.toml line 17): \"https://example.com/\" is https is not offered",
            "other (pool.toml line 18): unknown key; there are pool",
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
            "pool[1].id (pool.toml line 4)",
            "pool[1].client[1] (pool.toml line 6): AccessTokenValidity",
            "pool[1].client[2].name (pool.toml line 10): two clients",
            "pool[1].user[1].username (pool.toml line 12): Username should be either an email",
            "pool[1].user[1].password (pool.toml line 13): the pool's password_policy refuses it: Password not long enough",
            "pool[1].user[1].groups (pool.toml line 14): the pool has no [[pool.group]] named \"admins\"",
            "pool[1].user[2].attributes (pool.toml line 17): shoe_size",
            "pool[1].user[3].username (pool.toml line 19): An account with the given email already exists.",
            "pool[2].name (pool.toml line 20): a pool needs a name",
        ] {
            assert!(error.contains(expected), "missing: {expected}\n{error}");
        }
    }

    #[test]
    fn broken_syntax_is_told_with_its_line() {
        let error = Seed::from_toml("[[pool]]\nname = \n", "pool.toml")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("syntax (pool.toml line 2):"), "{error}");
    }

    #[test]
    fn spans_of_time_have_a_unit() {
        assert_eq!(
            validity("15m"),
            Some(Validity {
                amount: 15,
                unit: Unit::Minutes
            })
        );
        for refused in ["", "15", "m", "-1m", "1.5h", "15 m", "15ms", "1é"] {
            assert_eq!(validity(refused), None, "{refused}");
        }
    }
}
