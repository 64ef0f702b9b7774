//! The command line as a person meets it, and the two commands that ask others.

use std::sync::Arc;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use url::Url;

use super::check::{Finding, Report, Scope, Severity};
use super::healthcheck::{PATIENCE, Target};
use super::*;

const MINIMAL: &str = include_str!("../../config/minimal.toml");

#[test]
fn the_command_line_holds_together() {
    Options::command().debug_assert();
}

#[test]
fn no_command_is_run_and_flags_name_their_settings() {
    let options = Options::try_parse_from(["sidegate", "-c", "a.toml", "--listen", "[::1]:1"]);
    let options = options.unwrap();
    assert!(options.command.is_none());
    let sources = options.run.sources(BTreeMap::new());
    assert_eq!(sources.file, Some("a.toml".into()));
    let flags: Vec<_> = sources
        .flags
        .iter()
        .map(|flag| (flag.key, flag.name, flag.value.as_str()))
        .collect();
    assert_eq!(flags, [("server.listen", "--listen", "[::1]:1")]);
}

#[test]
fn every_flag_sets_the_setting_it_names() {
    let arguments = [
        "sidegate",
        "run",
        "-c",
        "a.toml",
        "--listen",
        "127.0.0.1:1",
        "--upstream",
        "http://127.0.0.1:2",
        "--public-origin",
        "http://localhost:1",
        "--log-level",
        "warn",
        "--log-format",
        "json",
    ];
    let Some(Command::Run(options)) = Options::try_parse_from(arguments).unwrap().command else {
        panic!("not run");
    };
    let mut sources = options.sources(BTreeMap::new());
    sources.file = Some("config/minimal.toml".into());
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.forward.upstream.as_str(), "http://127.0.0.1:2/");
    assert_eq!(config.public_origin.as_str(), "http://localhost:1");
    assert_eq!(config.log.level, "warn");
    assert_eq!(config.log.format, crate::telemetry::Format::Json);
}

#[test]
fn a_wrong_command_line_is_64_and_help_is_0() {
    for arguments in [
        &["sidegate", "--bogus"][..],
        &["sidegate", "bogus"],
        &["sidegate", "check", "--listen"],
        &["sidegate", "healthcheck", "--url", "not a url"],
    ] {
        let error = Options::try_parse_from(arguments).unwrap_err();
        assert_eq!(usage(&error), USAGE, "{arguments:?}");
    }
    for arguments in [["sidegate", "--help"], ["sidegate", "--version"]] {
        let error = Options::try_parse_from(arguments).unwrap_err();
        assert_eq!(usage(&error), 0, "{arguments:?}");
    }
}

#[cfg(feature = "dev")]
#[test]
fn what_is_for_development_listens_on_loopback_or_is_told_otherwise_in_so_many_words() {
    for flag in ["--listen", "--pool-listen", "--sample-listen"] {
        let parsed = Options::try_parse_from(["sidegate", "dev", flag, "0.0.0.0:1"]);
        assert_eq!(usage(&parsed.unwrap_err()), USAGE, "{flag}");
        assert!(
            Options::try_parse_from(["sidegate", "dev", flag, "[::1]:0"]).is_ok(),
            "{flag}"
        );
    }
    let Some(Command::Pool(pool)) =
        Options::try_parse_from(["sidegate", "pool", "--listen", "0.0.0.0:0"])
            .unwrap()
            .command
    else {
        panic!("not pool");
    };
    assert_eq!(dev::pool(pool), USAGE);
}

#[cfg(not(feature = "dev"))]
#[test]
fn without_the_local_pool_its_commands_say_how_to_get_it() {
    for command in ["dev", "pool"] {
        let options = Options::try_parse_from(["sidegate", command, "--listen", "x"]).unwrap();
        assert_eq!(dispatch(options), USAGE);
    }
}

fn written(report: &Report, as_json: bool) -> String {
    let mut out = Vec::new();
    report.write(as_json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn check_says_each_problem_on_a_line_and_exits_78() {
    let loaded = Config::from_toml("a.toml", &MINIMAL.replace("client_id", "clientid"));
    let report = Report::of(loaded, &Scope::default()).await;
    assert_eq!(report.exit_code(), CONFIGURATION);
    assert_eq!(
        written(&report, false),
        "cognito.clientid (a.toml:9): there is no such setting; did you mean cognito.client_id?\n\
         cognito.client_id (a.toml): this is missing; write client_id = \"1h57kf5cpq17m0eml12EXAMPLE\" under [cognito], \
         or set SIDEGATE__COGNITO__CLIENT_ID\n\
         2 problems\n"
    );
    let json: serde_json::Value = serde_json::from_str(&written(&report, true)).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["problems"][0]["key"], "cognito.clientid");
    assert_eq!(json["problems"][0]["origin"], "a.toml:9");
}

#[tokio::test]
async fn check_offline_asks_nobody() {
    let scope = Scope {
        offline: true,
        ..Scope::default()
    };
    let report = Report::of(Config::from_toml("a.toml", MINIMAL), &scope).await;
    assert_eq!((report.exit_code(), report.findings.len()), (0, 0));
    assert_eq!(written(&report, false), "ok: the configuration is right\n");
}

#[tokio::test]
async fn check_tells_a_pool_and_an_upstream_that_do_not_answer() {
    // A port that was free a moment ago and is let go: nobody answers there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let text = format!(
        "public_origin = \"http://localhost:1\"\n[upstream]\nurl = \"http://{closed}\"\n[cognito]\n\
         user_pool_id = \"local_a\"\nclient_id = \"a\"\nendpoint = \"http://{closed}\"\nissuer = \"http://{closed}/local_a\"\n"
    );
    let report = Report::of(Config::from_toml("a.toml", &text), &Scope::default()).await;
    let failed: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| finding.check)
        .collect();
    assert_eq!(failed, ["keys", "app-client-flow", "upstream"]);
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.remedy.is_some()),
        "{report:?}"
    );
    assert_eq!(report.exit_code(), FAILED);
}

#[test]
fn findings_stand_with_why_and_what_to_do() {
    let finding = |severity, check, what: &str| Finding {
        severity,
        check,
        what: what.to_owned(),
        why: None,
        remedy: None,
        command: None,
    };
    let report = Report {
        problems: Vec::new(),
        warnings: Vec::new(),
        findings: vec![
            finding(Severity::Ok, "keys", "2 keys"),
            Finding {
                why: Some("nobody can sign in".to_owned()),
                remedy: Some("set cognito.client_id".to_owned()),
                command: Some("aws cognito-idp list-user-pool-clients".to_owned()),
                ..finding(Severity::Error, "app-client", "there is none")
            },
            finding(Severity::Warning, "a", "b"),
            finding(Severity::Warning, "c", "d"),
        ],
    };
    assert_eq!(
        written(&report, false),
        "ok: the configuration is right\nok: keys: 2 keys\nerror: app-client: there is none\n    \
         why  nobody can sign in\n    do   set cognito.client_id\n    run  aws cognito-idp list-user-pool-clients\n\
         warning: a: b\nwarning: c: d\n1 error, 2 warnings\n"
    );
    let json: serde_json::Value = serde_json::from_str(&written(&report, true)).unwrap();
    assert_eq!(json["ok"], false);
    let told = &json["findings"][1];
    assert_eq!(
        (&told["severity"], &told["check"], &told["do"]),
        (
            &"error".into(),
            &"app-client".into(),
            &"set cognito.client_id".into()
        )
    );
    assert_eq!(json["findings"][0]["why"], serde_json::Value::Null);
}

/// Reads one request's head and answers it.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, status: &str) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream
        .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes())
        .await
        .unwrap();
    stream.flush().await.unwrap();
    String::from_utf8(head).unwrap()
}

fn config_listening_on(address: std::net::SocketAddr, lines: &str) -> Config {
    let text = format!("{MINIMAL}\n[server]\nlisten = \"{address}\"\n{lines}");
    Config::from_toml("a.toml", &text).unwrap()
}

#[tokio::test]
async fn a_healthcheck_asks_the_listener_by_the_public_name() {
    for (status, well) in [
        ("200 OK", true),
        ("204 No Content", false),
        ("503 Service Unavailable", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = TaskTracker::new();
        let server =
            tasks.spawn(async move { answer(listener.accept().await.unwrap().0, status).await });
        let target = Target::of_config(&config_listening_on(address, "")).unwrap();
        assert_eq!(target.ask(PATIENCE).await.is_ok(), well, "{status}");
        let head = server.await.unwrap();
        assert!(
            head.starts_with("GET /.sidegate/healthz HTTP/1.1\r\nHost: app.example.com\r\n"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_healthcheck_does_not_wait_for_ever() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let target = Target::of_url(&url).unwrap();
    let error = target.ask(Duration::from_millis(1)).await.unwrap_err();
    assert!(
        error.to_string().contains("no answer within 1ms"),
        "{error}"
    );
}

#[tokio::test]
async fn a_healthcheck_is_not_content_with_another_protocol() {
    let mail = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", mail.local_addr().unwrap())).unwrap();
    let tasks = TaskTracker::new();
    tasks.spawn(async move {
        let (mut stream, _) = mail.accept().await.unwrap();
        stream
            .write_all(b"220 mail.example.com ESMTP\r\n")
            .await
            .unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
    });
    let error = Target::of_url(&url)
        .unwrap()
        .ask(PATIENCE)
        .await
        .unwrap_err();
    assert!(
        format!("{error:#}").contains("no HTTP/1.1 server"),
        "{error:#}"
    );
    assert!(Target::of_url(&Url::parse("https://127.0.0.1/").unwrap()).is_err());
    tasks.close();
    tasks.wait().await;
}

/// A server with this certificate and key, which answers one request.
async fn tls_server(
    listener: TcpListener,
    signed: &rcgen::CertifiedKey<rcgen::KeyPair>,
) -> impl Future<Output = ()> + use<> {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(stream) = acceptor.accept(stream).await {
            answer(stream, "200 OK").await;
        }
    }
}

#[tokio::test]
async fn behind_tls_a_healthcheck_believes_the_configured_certificate_alone() {
    let folder =
        std::env::temp_dir().join(format!("sidegate-healthcheck-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let [ours, another] = ["a", "b"]
        .map(|_| rcgen::generate_simple_self_signed(["app.example.com".to_owned()]).unwrap());
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::write(&certificate, ours.cert.pem()).unwrap();
    std::fs::write(&key, ours.signing_key.serialize_pem()).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let lines = format!(
        "[server.tls]\ncertificate_file = {:?}\nkey_file = {:?}\n",
        certificate.display().to_string(),
        key.display().to_string()
    );
    for (shown, well) in [(&ours, true), (&another, false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = config_listening_on(listener.local_addr().unwrap(), &lines);
        let tasks = TaskTracker::new();
        let server = tasks.spawn(tls_server(listener, shown).await);
        let asked = Target::of_config(&config).unwrap().ask(PATIENCE).await;
        assert_eq!(asked.is_ok(), well, "{asked:?}");
        server.await.unwrap();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
