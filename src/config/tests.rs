//! The loader as a whole: what it says to wrong configurations, word for word, and who wins.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::schema::{self, Absent, KEYS, Place};
use super::*;

const MINIMAL: &str = include_str!("../../config/minimal.toml");
const EVERYTHING: &str = include_str!("../../config/sidegate.toml");

/// The minimal file with lines of its own in a table of their own.
fn minimal_and(lines: &str) -> String {
    format!("{MINIMAL}\n{lines}")
}

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn errors(result: Result<Config, Problems>) -> Vec<String> {
    let problems = result.unwrap_err();
    problems.errors.iter().map(ToString::to_string).collect()
}

fn with_variables(text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    load(Some(("sidegate.toml", text)), &environment(variables), &[])
}

#[test]
fn the_minimal_file_is_enough_and_the_rest_has_its_defaults() {
    let config = Config::from_toml("minimal.toml", MINIMAL).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(config.public_origin.as_str(), "https://app.example.com");
    assert_eq!(config.forward.upstream.as_str(), "http://127.0.0.1:3000/");
    assert_eq!(config.forward.idle_timeout, Duration::from_secs(300));
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:4280");
    assert_eq!(config.server.deadlines.keep_alive, Duration::from_secs(75));
    assert_eq!(config.server.limits.head_bytes, 32 * 1024);
    assert!(config.server.tls.is_none());
    assert_eq!(config.session.idle_timeout, Duration::from_secs(30 * 60));
    assert_eq!(config.session.max_bytes, 300 << 20);
    assert_eq!(config.cognito.flow.kind.to_string(), "USER_SRP_AUTH");
    assert_eq!(
        config.cognito.issuer,
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123xyz"
    );
    assert_eq!(config.sign_in.app_name, "app.example.com");
    assert!(!config.sign_in.dev);
    assert_eq!(config.log.level, "info");
    assert_eq!(config.identity.claims, IdentityHeaders::default().claims);
    assert!(config.gate.strict_paths);
}

#[test]
fn every_wrong_setting_is_told_with_its_place_and_what_to_write() {
    let cases = include_str!("../../tests/data/settings.wrong");
    let mut lines = cases
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    let mut seen = 0;
    while let Some(case) = lines.next() {
        let (table, setting) = case.split_once("] ").unwrap();
        let (text, head, line) = minimal_with(table, setting);
        let mut expected = Vec::new();
        while let Some(problem) = lines.next_if(|line| line.starts_with(' ')) {
            let problem = problem
                .trim_start()
                .replace("(LINE)", &format!("({line})"))
                .replace("(HEAD)", &format!("({head})"));
            expected.push(problem.replacen(" (", " (m.toml:", 1));
        }
        assert_eq!(
            errors(Config::from_toml("m.toml", &text)),
            expected,
            "{case}"
        );
        seen += 1;
    }
    assert!(seen > 60, "{seen}");
}

/// The minimal file with one setting put in or replaced, the line of its table, and its own.
fn minimal_with(table: &str, setting: &str) -> (String, usize, usize) {
    let mut lines: Vec<&str> = MINIMAL.lines().collect();
    let header = format!("{table}]");
    let key = setting.split('=').next().unwrap();
    let head = if table == "[" {
        Some(0)
    } else {
        lines.iter().position(|line| *line == header)
    };
    let head = head.unwrap_or_else(|| {
        lines.push(&header);
        lines.len() - 1
    });
    let end = (head + 1..lines.len())
        .find(|at| lines[*at].is_empty())
        .unwrap_or(lines.len());
    match (head..end).find(|at| lines[*at].starts_with(key)) {
        Some(at) => {
            lines[at] = setting;
            (lines.join("\n"), head + 1, at + 1)
        }
        None => {
            lines.insert(head + 1, setting);
            (lines.join("\n"), head + 1, head + 2)
        }
    }
}

#[test]
fn a_local_pool_needs_its_own_issuer() {
    let text = MINIMAL.replace("https://app.example.com", "http://localhost:4280")
        + "endpoint = \"http://127.0.0.1:4282\"\n";
    assert_eq!(
        errors(Config::from_toml("m.toml", &text)),
        [
            "cognito.endpoint (m.toml:10): this is a local pool, but tokens of AWS's pool would be believed; \
             write cognito.issuer = \"http://127.0.0.1:4282/eu-west-1_AbC123xyz\" as well"
        ]
    );
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "
        [cognito]
        client_id = \"a b\"
        endpont = \"x\"
        [session]
        idle_timeout = \"5\"
        absolute_timeout = \"5\"
        [gate]
        hosts = [
            \"good.example\",
            \"bad:80\",
            \"worse:80\",
        ]
    ";
    let variables = [
        ("SIDEGATE__LOG__FORMAT", "xml"),
        ("SIDEGATE__SESSION__IDLETIMEOUT", "5m"),
    ];
    assert_eq!(
        errors(with_variables(text, &variables)),
        [
            "cognito.endpont (sidegate.toml:4): there is no such setting; did you mean cognito.endpoint?",
            "session.idletimeout (SIDEGATE__SESSION__IDLETIMEOUT): there is no such setting; did you mean session.idle_timeout?",
            "public_origin (sidegate.toml): this is missing; write public_origin = \"https://app.example.com\" above all tables, or set SIDEGATE__PUBLIC_ORIGIN",
            "upstream.url (sidegate.toml): this is missing; write url = \"http://127.0.0.1:3000\" under [upstream], or set SIDEGATE__UPSTREAM__URL",
            "cognito.user_pool_id (sidegate.toml): this is missing; write user_pool_id = \"eu-west-1_AbC123xyz\" under [cognito], or set SIDEGATE__COGNITO__USER_POOL_ID",
            "cognito.client_id (sidegate.toml:3): expected 1 to 128 letters, digits, _ or +, e.g. 1h57kf5cpq17m0eml12EXAMPLE",
            "session.idle_timeout (sidegate.toml:6): \"5\" has no unit; write 5s, 5m or 5h",
            "session.absolute_timeout (sidegate.toml:7): \"5\" has no unit; write 5s, 5m or 5h",
            "gate.hosts (sidegate.toml:11): \"bad:80\" is not a host name without a port; write app.example.com",
            "gate.hosts (sidegate.toml:12): \"worse:80\" is not a host name without a port; write app.example.com",
            "log.format (SIDEGATE__LOG__FORMAT): \"xml\" is not a format; write auto, json or text",
        ]
    );
}

#[test]
fn a_syntax_error_has_line_and_column_and_does_not_show_the_file() {
    let text = "public_origin = \"https://a.example\"\n[cognito]\nclient_secret = \"hunter2\n";
    let said = errors(Config::from_toml("bad.toml", text));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("bad.toml:3:25: this is not TOML: "),
        "{said:?}"
    );
    assert!(!said[0].contains("hunter2"), "{said:?}");
    let twice = errors(Config::from_toml(
        "bad.toml",
        "[log]\nlevel = \"info\"\nlevel = \"warn\"\n",
    ));
    assert!(
        twice[0].starts_with("bad.toml:3:1: this is not TOML: "),
        "{twice:?}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_the_one_problem() {
    let sources = Sources {
        file: Some("/nonexistent/sidegate.toml".into()),
        ..Sources::default()
    };
    assert_eq!(
        errors(Config::load(&sources)),
        [
            "/nonexistent/sidegate.toml: the file cannot be read: No such file or directory (os error 2)"
        ]
    );
}

#[test]
fn without_a_file_a_missing_setting_is_told_without_a_place() {
    let said = errors(Config::load(&Sources::default()));
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(
        said[0].starts_with("public_origin: this is missing; "),
        "{said:?}"
    );
}

#[test]
fn flags_win_over_the_environment_that_over_the_file_that_over_defaults() {
    let listen = |file: bool, variable: bool, flag: bool| {
        let text = minimal_and(if file {
            "[server]\nlisten = \"127.0.0.1:1\""
        } else {
            ""
        });
        let variables = if variable {
            &[("SIDEGATE__SERVER__LISTEN", "127.0.0.1:2")][..]
        } else {
            &[]
        };
        let flags = flag.then(|| Flag {
            key: "server.listen",
            name: "--listen",
            value: "127.0.0.1:3".to_owned(),
        });
        let flags: Vec<Flag> = flags.into_iter().collect();
        let config = load(Some(("m.toml", &text)), &environment(variables), &flags).unwrap();
        config.server.listen.to_string()
    };
    assert_eq!(listen(false, false, false), "0.0.0.0:4280");
    assert_eq!(listen(true, false, false), "127.0.0.1:1");
    assert_eq!(listen(true, true, false), "127.0.0.1:2");
    assert_eq!(listen(true, true, true), "127.0.0.1:3");
    assert_eq!(listen(false, true, false), "127.0.0.1:2");
}

#[test]
fn the_environment_alone_can_say_everything_that_is_needed() {
    let variables = [
        ("SIDEGATE__PUBLIC_ORIGIN", "https://app.example.com"),
        ("SIDEGATE__UPSTREAM__URL", "http://127.0.0.1:3000"),
        ("SIDEGATE__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1"),
        ("SIDEGATE__COGNITO__USER_POOL_ID", "eu-west-1_AbC123xyz"),
        ("SIDEGATE__COGNITO__CLIENT_ID", "0012345"),
        ("SIDEGATE__GATE__STRICT_PATHS", "false"),
        ("SIDEGATE__LOG__LEVEL", ""),
        ("SIDEGATE_SERVICE_HOST", "10.0.0.1"),
        ("PATH", "/bin"),
    ];
    let config = load(None, &environment(&variables), &[]).unwrap();
    assert_eq!(config.cognito.client.client_id().as_str(), "0012345");
    assert!(!config.gate.strict_paths);
    assert_eq!(config.log.level, "info");
    let proxies: Vec<String> = config
        .forward
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.1/32"]);
}

#[test]
fn a_variable_that_means_nothing_or_almost_something_is_told() {
    for (variable, text) in [
        (
            "SIDEGATE__COGNITO__CLIENTID",
            "cognito.clientid (SIDEGATE__COGNITO__CLIENTID): there is no such setting; did you mean cognito.client_id?",
        ),
        (
            "SIDEGATE__CLIENT_ID",
            "client_id (SIDEGATE__CLIENT_ID): there is no such setting; did you mean cognito.client_id?",
        ),
        (
            "SIDEGATE__GATE__PUBLIC__0__PATH",
            "gate.public.0.path (SIDEGATE__GATE__PUBLIC__0__PATH): a variable cannot hold a table; write [[gate.public]] path = \"/assets/\" in the file",
        ),
        (
            "SIDEGATE_COGNITO_CLIENT_ID",
            "cognito.client_id (SIDEGATE_COGNITO_CLIENT_ID): two underscores stand between the parts; write SIDEGATE__COGNITO__CLIENT_ID",
        ),
        (
            "SIDEGATE_COGNITO__CLIENT_ID",
            "cognito.client_id (SIDEGATE_COGNITO__CLIENT_ID): two underscores stand between the parts; write SIDEGATE__COGNITO__CLIENT_ID",
        ),
    ] {
        assert_eq!(errors(with_variables(MINIMAL, &[(variable, "x")])), [text]);
    }
}

#[test]
fn a_secret_from_the_environment_is_taken_with_a_warning_and_never_shown() {
    let variables = [("SIDEGATE__COGNITO__CLIENT_SECRET", "hunter2")];
    let config = with_variables(MINIMAL, &variables).unwrap();
    assert_eq!(
        config.cognito.client.client_secret().unwrap().expose(),
        "hunter2"
    );
    assert_eq!(config.warnings.len(), 1);
    assert!(
        config.warnings[0]
            .to_string()
            .starts_with("cognito.client_secret (SIDEGATE__COGNITO__CLIENT_SECRET): "),
        "{:?}",
        config.warnings
    );
    assert!(!format!("{config:?}").contains("hunter2"));
    let sources = Sources {
        environment: environment(&variables),
        ..Sources::default()
    };
    assert!(!format!("{sources:?}").contains("hunter2"));
    let wrong = with_variables(&minimal_and("[log]\nlevel = \"x\""), &variables).unwrap_err();
    assert!(!format!("{wrong:?}{wrong}").contains("hunter2"));
}

#[test]
fn what_is_allowed_but_unwise_is_a_warning() {
    let text = MINIMAL.replace("127.0.0.1:3000", "app.internal:3000")
        + "[session]\nidle_timeout = \"40d\"\nabsolute_timeout = \"90d\"\n";
    let variables = [("SIDEGATE__SERVER__TRUSTED_PROXIES", "0.0.0.0/0")];
    let config = with_variables(&text, &variables).unwrap();
    let keys: Vec<_> = config
        .warnings
        .iter()
        .filter_map(|warning| warning.key.as_deref())
        .collect();
    assert_eq!(
        keys,
        [
            "server.trusted_proxies",
            "upstream.url",
            "session.idle_timeout",
            "session.absolute_timeout"
        ]
    );
}

#[test]
fn a_table_of_headers_replaces_the_default_one_and_keeps_its_order() {
    let text = minimal_and("[identity.headers]\n\"X-Zed\" = \"sub\"\n\"X-Alpha\" = \"email\"\n");
    let config = Config::from_toml("m.toml", &text).unwrap();
    let headers: Vec<_> = config
        .identity
        .claims
        .iter()
        .map(|(name, claim)| (name.as_str(), claim.as_str()))
        .collect();
    assert_eq!(headers, [("x-zed", "sub"), ("x-alpha", "email")]);
    let none = Config::from_toml("m.toml", &minimal_and("[identity.headers]\n")).unwrap();
    assert_eq!(none.identity.claims, []);
}

#[test]
fn public_rules_are_read_in_order() {
    let text = minimal_and(
        "[[gate.public]]\npath = \"/assets/\"\n[[gate.public]]\npath = \"/hook\"\nmethods = [\"POST\"]\n",
    );
    let config = Config::from_toml("m.toml", &text).unwrap();
    let debug = format!("{:?}", config.gate.public);
    assert_eq!(config.gate.public.len(), 2, "{debug}");
    assert!(
        debug.find("/assets/").unwrap() < debug.find("/hook").unwrap(),
        "{debug}"
    );
    assert!(debug.contains("POST"), "{debug}");
}

#[test]
fn a_local_pool_is_marked_as_one() {
    let text = include_str!("../../config/dev.toml");
    let config = Config::from_toml("dev.toml", text).unwrap();
    assert!(config.sign_in.dev);
    assert_eq!(config.cognito.endpoint.as_str(), "http://127.0.0.1:4282/");
    assert_eq!(
        config.cognito.jwks_url.as_str(),
        "http://127.0.0.1:4282/local_AbC123xyz/.well-known/jwks.json"
    );
}

#[test]
fn every_sample_file_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // The local pool's own seeds, not configurations of sidegate.
        if path
            .file_name()
            .is_some_and(|name| name == "pool.toml" || name == "pools")
        {
            continue;
        }
        let sources = Sources {
            file: Some(path),
            ..Sources::default()
        };
        let config = Config::load(&sources).unwrap();
        assert_eq!(config.warnings, []);
        seen += 1;
    }
    assert!(seen >= 3);
}

/// `config/sidegate.toml` with every option set.
fn everything_set() -> String {
    let is_option = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '))
    };
    let lines = EVERYTHING
        .lines()
        .map(|line| if is_option(line) { &line[1..] } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_file_names_every_setting_and_no_other() {
    let text = everything_set();
    let mut problems = Vec::new();
    let layer = file::layer("sidegate.toml", &text, &mut problems).unwrap();
    assert_eq!(problems, [], "names that are no settings");
    let merged = Merged::of([Layer::default(), layer, Layer::default(), Layer::default()]).unwrap();
    for key in KEYS {
        let written = merged.find(key.name).is_some();
        let expected = key.place != Place::EnvironmentOnly;
        assert_eq!(written, expected, "{}", key.name);
    }
}

#[test]
fn the_sample_file_shows_the_default_of_every_setting_that_has_one() {
    let document: toml::Table = everything_set().parse().unwrap();
    for key in KEYS {
        let Absent::Default(default) = key.absent else {
            continue;
        };
        let mut value = &toml::Value::Table(document.clone());
        for part in key.name.split('.') {
            value = &value[part];
        }
        let shown = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(list) => {
                let texts = list.iter().map(|text| text.as_str().unwrap());
                texts.collect::<Vec<_>>().join(",")
            }
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            other => panic!("{}: {other:?}", key.name),
        };
        assert_eq!(shown, default, "{}", key.name);
    }
}

#[test]
fn the_sample_file_shows_the_default_headers() {
    let document: toml::Table = everything_set().parse().unwrap();
    let shown = document["identity"]["headers"].as_table().unwrap();
    let default = IdentityHeaders::default().claims;
    assert_eq!(shown.len(), default.len());
    for (name, claim) in shown {
        let name = name.to_ascii_lowercase();
        assert!(
            default
                .iter()
                .any(|(other, its)| other.as_str() == name && Some(its.as_str()) == claim.as_str()),
            "{name}"
        );
    }
}

#[test]
fn each_key_is_there_once_and_has_a_variable_that_leads_back_to_it() {
    for (index, key) in KEYS.iter().enumerate() {
        assert!(
            KEYS.iter()
                .skip(index + 1)
                .all(|other| other.name != key.name),
            "{}",
            key.name
        );
        let name = key.variable().to_ascii_lowercase().replace("__", ".");
        assert_eq!(name.strip_prefix("sidegate."), Some(key.name));
        assert!(
            !schema::is_table(key.name),
            "{} is a table as well",
            key.name
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_the_loader_panic(text in "\\PC{0,200}|[\\[\\]{}=\",.a-z0-9_ \n#-]{0,200}") {
        let _ = Config::from_toml("any.toml", &text);
    }

    #[test]
    fn no_value_of_any_setting_makes_the_loader_panic(
        at in 0..KEYS.len(),
        value in "\\PC{0,40}|[0-9]{1,30}[a-zA-Z]{0,3}|https?://[a-z0-9.:@/\\[\\]-]{0,20}",
        raw in any::<bool>(),
    ) {
        let name = KEYS[at].name;
        let written = if raw { value.clone() } else { format!("{value:?}") };
        let _ = Config::from_toml("any.toml", &format!("{name} = {written}\n"));
        let _ = load(None, &environment(&[(&KEYS[at].variable(), &value)]), &[]);
    }
}
