//! The settings of each part but `cognito`, read and checked; and the checks that join two parts.
//!
//! One function a part, in the order of `config/sidegate.toml`: read everything, then put together.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use cognito_flow::Secret;
use ipnet::IpNet;
use url::Url;

use super::Config;
use super::challenge;
use super::cognito::{self, is_loopback};
use super::reader::Reader;
use super::secret_file;
use super::setting::{CookieSuffix, Host, LogLevel};
use super::tables::{identity_headers, public_rules};
use crate::keys::Keys;
use crate::origin::PublicOrigin;
use crate::sign_in::account;
use crate::{forward, gate, server, session, sign_in, telemetry};

/// Longer sessions than this are most likely a mistake.
const LONG_SESSION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Everything. `None` when there are errors.
pub(super) fn config(
    read: &mut Reader,
    client_secret: Option<(String, Secret<String>)>,
) -> Option<Config> {
    let public_origin: Option<PublicOrigin> = read.setting("public_origin");
    let trusted_proxies = trusted_proxies(read);
    let forward = forward(read, trusted_proxies.as_ref());
    let cognito = cognito::cognito(read, public_origin.as_ref(), client_secret);
    let session = session(read);
    let key_files = key_files(read);
    let gate = gate(read);
    let identity = identity_headers(read);
    let dev = cognito.as_ref().is_some_and(cognito::is_development);
    let challenge = challenge::challenge(read, public_origin.as_ref());
    let account = account(read);
    let sign_in = sign_in(read, public_origin.as_ref(), challenge, account, dev);
    let server = server(read, trusted_proxies);
    let log = log(read);
    if let (Some(forward), Some(server)) = (&forward, &server) {
        refuse_a_circle(read, forward, server);
    }
    Some(Config {
        public_origin: public_origin?,
        server: server?,
        gate: gate?,
        sign_in: sign_in?,
        session: session?,
        cognito: cognito?,
        forward: forward?,
        identity: identity?,
        log: log?,
        key_files: key_files?,
        warnings: Vec::new(),
    })
}

/// The server exempts them from the limit of one address, the forwarder believes their headers.
fn trusted_proxies(read: &mut Reader) -> Option<Vec<IpNet>> {
    const KEY: &str = "server.trusted_proxies";
    let proxies: Option<Vec<IpNet>> = read.list(KEY);
    if proxies.iter().flatten().any(|net| net.prefix_len() == 0) {
        read.warn(
            KEY,
            "this believes the X-Forwarded-For of everybody; name the proxies' own addresses"
                .to_owned(),
        );
    }
    proxies
}

fn forward(read: &mut Reader, trusted_proxies: Option<&Vec<IpNet>>) -> Option<forward::Settings> {
    let upstream = upstream_url(read);
    let ca_file = read.readable_file("upstream.ca_file");
    let connect_timeout = read.setting("upstream.connect_timeout");
    let head_timeout = read.setting("upstream.head_timeout");
    let idle_timeout = read.setting("upstream.idle_timeout");
    let upgrade_idle_timeout = read.setting("upstream.upgrade_idle_timeout");
    let preserve_host = read.setting("upstream.preserve_host");
    let pass_authorization = read.setting("upstream.pass_authorization");
    Some(forward::Settings {
        upstream: upstream?,
        ca_file: ca_file?,
        connect_timeout: connect_timeout?,
        head_timeout: head_timeout?,
        idle_timeout: idle_timeout?,
        upgrade_idle_timeout: upgrade_idle_timeout?,
        preserve_host: preserve_host?,
        pass_authorization: pass_authorization?,
        trusted_proxies: trusted_proxies?.clone(),
    })
}

fn upstream_url(read: &mut Reader) -> Option<Url> {
    const KEY: &str = "upstream.url";
    let url: Url = read.setting(KEY)?;
    if url.path() != "/" {
        let origin = url.origin().ascii_serialization();
        read.refuse(
            KEY,
            format!("the path sent upstream is the one that was judged, so none stands here; write {origin}"),
        );
        return None;
    }
    if !is_loopback(&url) {
        read.warn(
            KEY,
            "the upstream is not on this machine's loopback: whoever reaches it directly can write the identity \
             headers themselves; see that only sidegate reaches it"
                .to_owned(),
        );
    }
    Some(url)
}

fn session(read: &mut Reader) -> Option<session::Settings> {
    let idle_timeout: Option<Duration> = read.setting("session.idle_timeout");
    let absolute_timeout: Option<Duration> = read.setting("session.absolute_timeout");
    let max_sessions = read.count("session.max_sessions", 1..=100_000_000);
    let max_bytes = read.bytes("session.max_bytes", 1 << 20..=1 << 40);
    let max_sessions_per_user = read.count("session.max_sessions_per_user", 1..=100_000);
    let cookie_suffix: Option<Option<CookieSuffix>> = read.optional("session.cookie_suffix");
    if let (Some(idle), Some(absolute)) = (idle_timeout, absolute_timeout)
        && idle > absolute
    {
        let text = "this is longer than session.absolute_timeout, so it would never end a session; \
                    make it shorter, or the other longer";
        read.refuse("session.idle_timeout", text.to_owned());
    }
    for (key, timeout) in [
        ("session.idle_timeout", idle_timeout),
        ("session.absolute_timeout", absolute_timeout),
    ] {
        if timeout.is_some_and(|timeout| timeout > LONG_SESSION) {
            let text = "above 30 days a stolen cookie is good for very long";
            read.warn(key, text.to_owned());
        }
    }
    Some(session::Settings {
        idle_timeout: idle_timeout?,
        absolute_timeout: absolute_timeout?,
        max_sessions: max_sessions?,
        max_bytes: max_bytes?,
        max_sessions_per_user: max_sessions_per_user?,
        cookie_suffix: cookie_suffix?.map(|CookieSuffix(suffix)| suffix),
    })
}

/// The master keys' files. Each is read now, so that a weak key is told with everything else.
fn key_files(read: &mut Reader) -> Option<Vec<PathBuf>> {
    const KEY: &str = "session.key_files";
    let files: Vec<PathBuf> = read.list(KEY)?;
    let mut all_good = true;
    for file in &files {
        let checked = secret_file::check_private(file).and_then(|()| {
            Keys::from_files(file, &[])
                .map(drop)
                .map_err(|error| error.to_string())
        });
        if let Err(text) = checked {
            read.refuse(KEY, text);
            all_good = false;
        }
    }
    all_good.then_some(files)
}

fn gate(read: &mut Reader) -> Option<gate::Settings> {
    let hosts: Option<Vec<Host>> = read.list("gate.hosts");
    let methods = read.list("gate.methods");
    let websocket_origins: Option<Vec<PublicOrigin>> = read.list("gate.websocket_origins");
    let strict_paths = read.setting("gate.strict_paths");
    let public = public_rules(read);
    Some(gate::Settings {
        public: public?,
        hosts: hosts?.into_iter().map(|Host(host)| host).collect(),
        methods: methods?,
        websocket_origins: texts(&websocket_origins?),
        strict_paths: strict_paths?,
    })
}

fn texts(origins: &[PublicOrigin]) -> Vec<String> {
    origins.iter().map(ToString::to_string).collect()
}

fn sign_in(
    read: &mut Reader,
    public_origin: Option<&PublicOrigin>,
    challenge: Option<sign_in::CustomSettings>,
    account: Option<account::Settings>,
    dev: bool,
) -> Option<sign_in::Settings> {
    const TEMPLATES: &str = "sign_in.template_dir";
    let app_name: Option<Option<String>> = read.optional("sign_in.app_name");
    let template_dir: Option<Option<PathBuf>> = read.optional(TEMPLATES);
    let return_origins: Option<Vec<PublicOrigin>> = read.list("sign_in.return_origins");
    let remember_device = read.setting("device.remember");
    if let Some(Some(folder)) = &template_dir
        && !folder.is_dir()
    {
        let text = format!("{}: there is no such folder", folder.display());
        read.refuse(TEMPLATES, text);
    }
    Some(sign_in::Settings {
        app_name: app_name?.or_else(|| Some(public_origin?.host().to_owned()))?,
        template_dir: template_dir?,
        return_origins: texts(&return_origins?),
        account: account?,
        challenge: challenge?,
        remember_device: remember_device?,
        dev,
    })
}

fn account(read: &mut Reader) -> Option<account::Settings> {
    let reset_password = read.setting("account.reset_password");
    let sign_up = read.setting("account.sign_up");
    let sign_up_attributes: Option<Vec<String>> = read.list("account.sign_up_attributes");
    let verify_attributes = read.setting("account.verify_attributes");
    let manage: Option<bool> = read.setting("passkey.manage");
    let offer = read.setting("passkey.offer");
    Some(account::Settings {
        reset_password: reset_password?,
        sign_up: sign_up?,
        sign_up_attributes: sign_up_attributes?,
        verify_attributes: verify_attributes?,
        passkeys: manage? || offer?,
        offer_passkey: offer?,
    })
}

fn server(read: &mut Reader, trusted_proxies: Option<Vec<IpNet>>) -> Option<server::Settings> {
    let listen = read.setting("server.listen");
    let drain_timeout = read.setting("server.drain_timeout");
    let tls = tls(read);
    let deadlines = deadlines(read);
    let limits = limits(read);
    Some(server::Settings {
        listen: listen?,
        tls: tls?,
        deadlines: deadlines?,
        limits: limits?,
        trusted_proxies: trusted_proxies?,
        drain_timeout: drain_timeout?,
    })
}

fn tls(read: &mut Reader) -> Option<Option<server::TlsSettings>> {
    const CERTIFICATE: &str = "server.tls.certificate_file";
    const KEY: &str = "server.tls.key_file";
    let certificate_file = read.readable_file(CERTIFICATE);
    let key_file: Option<Option<PathBuf>> = read.optional(KEY);
    if let Some(Some(key_file)) = &key_file
        && let Err(text) = secret_file::check_private(key_file)
    {
        read.refuse(KEY, text);
    }
    match (certificate_file?, key_file?) {
        (Some(certificate_file), Some(key_file)) => Some(Some(server::TlsSettings {
            certificate_file,
            key_file,
        })),
        (None, None) => Some(None),
        (Some(_), None) => {
            read.refuse(
                CERTIFICATE,
                format!("a certificate needs its key; write {KEY} as well"),
            );
            None
        }
        (None, Some(_)) => {
            read.refuse(
                KEY,
                format!("a key needs its certificate; write {CERTIFICATE} as well"),
            );
            None
        }
    }
}

fn deadlines(read: &mut Reader) -> Option<server::Deadlines> {
    let first_byte = read.setting("server.deadlines.first_byte");
    let tls_handshake = read.setting("server.deadlines.tls_handshake");
    let request_head = read.setting("server.deadlines.request_head");
    let h2_settings = read.setting("server.deadlines.h2_settings");
    let keep_alive = read.setting("server.deadlines.keep_alive");
    let h2_ping = read.setting("server.deadlines.h2_ping");
    let request_body_idle = read.setting("server.deadlines.request_body_idle");
    let write_stall = read.setting("server.deadlines.write_stall");
    Some(server::Deadlines {
        first_byte: first_byte?,
        tls_handshake: tls_handshake?,
        request_head: request_head?,
        h2_settings: h2_settings?,
        keep_alive: keep_alive?,
        h2_ping: h2_ping?,
        request_body_idle: request_body_idle?,
        write_stall: write_stall?,
    })
}

fn limits(read: &mut Reader) -> Option<server::Limits> {
    // hyper's HTTP/1 buffer takes no less than 8 KiB.
    let head_bytes = read.bytes("server.limits.head_bytes", 8 << 10..=1 << 20);
    let head_fields = read.count("server.limits.head_fields", 1..=1_000);
    let target_bytes = read.bytes("server.limits.target_bytes", 1..=1 << 20);
    let connections = read.count("server.limits.connections", 1..=1_000_000);
    let connections_per_address =
        read.count("server.limits.connections_per_address", 1..=1_000_000);
    let h2_streams = read.count("server.limits.h2_streams", 1..=100_000);
    let requests = read.count("server.limits.requests", 1..=1_000_000);
    if let (Some(head), Some(target)) = (head_bytes, target_bytes)
        && target > head
    {
        let text =
            "the target is part of the head; make this no more than server.limits.head_bytes";
        read.refuse("server.limits.target_bytes", text.to_owned());
    }
    Some(server::Limits {
        head_bytes: head_bytes?,
        head_fields: head_fields?,
        target_bytes: target_bytes?,
        connections: connections?,
        connections_per_address: connections_per_address?,
        h2_streams: h2_streams?,
        requests: requests?,
    })
}

fn log(read: &mut Reader) -> Option<telemetry::Settings> {
    let format = read.setting("log.format");
    let level: Option<LogLevel> = read.setting("log.level");
    Some(telemetry::Settings {
        format: format?,
        level: level?.0,
    })
}

/// An upstream that is sidegate itself would send each request round until the connections run out.
fn refuse_a_circle(read: &mut Reader, forward: &forward::Settings, server: &server::Settings) {
    let listens_here = match server.listen.ip() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
    };
    if listens_here
        && is_loopback(&forward.upstream)
        && forward.upstream.port_or_known_default() == Some(server.listen.port())
    {
        let text = format!(
            "this is sidegate's own address (server.listen = {}); write the address of the service behind it",
            server.listen
        );
        read.refuse("upstream.url", text);
    }
}
