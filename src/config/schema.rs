//! Every setting there is: its key, its default, an example, and where it may be written.
//!
//! The one list behind unknown keys, environment variables, defaults and missing settings;
//! `config/sidegate.toml` explains each of them, and a test holds the two together.

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// `table.key`, as in the file.
    pub(super) name: &'static str,
    /// What holds when nobody wrote it.
    pub(super) absent: Absent,
    /// A value that is right; shown in problems.
    pub(super) example: &'static str,
    /// Where it may be written.
    pub(super) place: Place,
}

/// What holds for a setting that nobody wrote.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// It must be written.
    Required,
    /// As if this were written. Lists have the empty text.
    Default(&'static str),
    /// It is off, or follows from other settings.
    Nothing,
}

/// Where a setting may be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    /// Tables: an environment variable can hold none.
    FileOnly,
    /// Secrets: a file of settings is shown, copied and committed (R-85).
    EnvironmentOnly,
}

impl Key {
    /// The environment variable of this setting.
    pub(super) fn variable(&self) -> String {
        format!(
            "{VARIABLE_PREFIX}{}",
            self.name.to_ascii_uppercase().replace('.', "__")
        )
    }

    /// Table and key, `("server.tls", "key_file")`; the table is empty for a key outside all tables.
    pub(super) fn table_and_key(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }
}

/// What the environment variables of settings begin with; `__` also stands between table and key.
pub(super) const VARIABLE_PREFIX: &str = "SIDEGATE__";

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether settings live under this table, directly or in tables of it.
pub(super) fn is_table(name: &str) -> bool {
    KEYS.iter().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

/// All tables, `server`, `server.tls`, ….
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .map(|key| key.table_and_key().0)
        .filter(|table| !table.is_empty())
}

/// The settings, in the order of `config/sidegate.toml`.
pub(super) const KEYS: &[Key] = &[
    required("public_origin", "https://app.example.com"),
    // upstream
    required("upstream.url", "http://127.0.0.1:3000"),
    optional("upstream.ca_file", "/etc/sidegate/upstream-ca.pem"),
    default("upstream.connect_timeout", "3s"),
    default("upstream.head_timeout", "60s"),
    default("upstream.idle_timeout", "5m"),
    default("upstream.upgrade_idle_timeout", "10m"),
    default("upstream.preserve_host", "true"),
    default("upstream.pass_authorization", "false"),
    // cognito
    required("cognito.user_pool_id", "eu-west-1_AbC123xyz"),
    required("cognito.client_id", "1h57kf5cpq17m0eml12EXAMPLE"),
    optional(
        "cognito.client_secret_file",
        "/run/secrets/cognito-client-secret",
    ),
    Key {
        name: "cognito.client_secret",
        absent: Absent::Nothing,
        example: "",
        place: Place::EnvironmentOnly,
    },
    default("cognito.flow", "USER_SRP_AUTH"),
    optional("cognito.preferred_challenge", "EMAIL_OTP"),
    optional(
        "cognito.endpoint",
        "https://cognito-idp.eu-west-1.amazonaws.com/",
    ),
    optional(
        "cognito.issuer",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123xyz",
    ),
    optional(
        "cognito.jwks_url",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123xyz/.well-known/jwks.json",
    ),
    optional("cognito.ca_file", "/etc/sidegate/cognito-ca.pem"),
    default("cognito.call_timeout", "5s"),
    // session
    default("session.idle_timeout", "30m"),
    default("session.absolute_timeout", "12h"),
    default("session.max_sessions", "100000"),
    default("session.max_bytes", "300MiB"),
    default("session.max_sessions_per_user", "20"),
    optional("session.cookie_suffix", "reports"),
    list("session.key_files", "/run/secrets/sidegate-key"),
    // gate
    list("gate.hosts", "app.example.com"),
    list("gate.methods", "REPORT"),
    list("gate.websocket_origins", "https://other.example.com"),
    default("gate.strict_paths", "true"),
    table("gate.public", r#"[[gate.public]] path = "/assets/""#),
    // identity
    table(
        "identity.headers",
        r#""X-Forwarded-User" = "cognito:username""#,
    ),
    // sign_in
    optional("sign_in.app_name", "Reports"),
    optional("sign_in.template_dir", "/etc/sidegate/templates"),
    list("sign_in.return_origins", "https://other.example.com"),
    // challenge
    default("challenge.image_param", "captchaUrl"),
    list("challenge.image_hosts", "pictures.example.com"),
    optional(
        "challenge.image_base",
        "https://pictures.example.com/captcha/",
    ),
    default("challenge.allow_data_images", "false"),
    list("challenge.show", "attemptsLeft"),
    default("challenge.answer_label", "Answer"),
    optional("challenge.answer_inputmode", "numeric"),
    optional("challenge.answer_autocomplete", "one-time-code"),
    optional("challenge.template_param", "type"),
    default("challenge.alternative_param", "alternative"),
    default("challenge.max_rounds", "10"),
    default("challenge.allow_skipped_password", "false"),
    // account
    default("account.reset_password", "true"),
    default("account.sign_up", "false"),
    default("account.sign_up_attributes", "email"),
    default("account.verify_attributes", "true"),
    // passkey
    default("passkey.manage", "false"),
    default("passkey.offer", "false"),
    // device
    default("device.remember", "off"),
    // server
    default("server.listen", "0.0.0.0:4280"),
    list("server.trusted_proxies", "10.0.0.0/8"),
    default("server.drain_timeout", "25s"),
    optional("server.tls.certificate_file", "/etc/sidegate/tls.crt"),
    optional("server.tls.key_file", "/etc/sidegate/tls.key"),
    default("server.deadlines.first_byte", "10s"),
    default("server.deadlines.tls_handshake", "10s"),
    default("server.deadlines.request_head", "10s"),
    default("server.deadlines.h2_settings", "10s"),
    default("server.deadlines.keep_alive", "75s"),
    default("server.deadlines.h2_ping", "20s"),
    default("server.deadlines.request_body_idle", "30s"),
    default("server.deadlines.write_stall", "30s"),
    default("server.limits.head_bytes", "32KiB"),
    default("server.limits.head_fields", "100"),
    default("server.limits.target_bytes", "8KiB"),
    default("server.limits.connections", "10000"),
    default("server.limits.connections_per_address", "256"),
    default("server.limits.h2_streams", "100"),
    default("server.limits.requests", "2000"),
    // log
    default("log.format", "auto"),
    default("log.level", "info"),
];

const fn required(name: &'static str, example: &'static str) -> Key {
    Key {
        name,
        absent: Absent::Required,
        example,
        place: Place::Anywhere,
    }
}

const fn default(name: &'static str, value: &'static str) -> Key {
    Key {
        name,
        absent: Absent::Default(value),
        example: value,
        place: Place::Anywhere,
    }
}

const fn optional(name: &'static str, example: &'static str) -> Key {
    Key {
        name,
        absent: Absent::Nothing,
        example,
        place: Place::Anywhere,
    }
}

const fn list(name: &'static str, example: &'static str) -> Key {
    Key {
        name,
        absent: Absent::Default(""),
        example,
        place: Place::Anywhere,
    }
}

const fn table(name: &'static str, example: &'static str) -> Key {
    Key {
        name,
        absent: Absent::Nothing,
        example,
        place: Place::FileOnly,
    }
}
