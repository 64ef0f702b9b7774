//! What holds for every request, whoever sends it: framing, host, method, path.
//!
//! The first look at a request's head, our own pages included. It reads nothing that a client forwards
//! about itself and decides nothing about persons. hyper lets through most of what is refused here.

use http::header::{self, HeaderMap, HeaderValue};
use http::uri::Scheme;
use http::{Method, Request, Uri, Version};

use super::Settings;
use super::path::{PathForm, judge_path};
use crate::origin::PublicOrigin;
use crate::refusal::{Refusal, STANDARD_METHODS};

#[derive(Debug)]
pub(super) struct Admission {
    /// Without ports and final dots; IPv6 in brackets.
    hosts: Vec<String>,
    further_methods: Vec<Method>,
    strict_paths: bool,
}

impl Admission {
    pub(super) fn new(settings: &Settings, origin: &PublicOrigin) -> Self {
        let loopback: &[&str] = if origin.is_loopback() {
            &["localhost", "127.0.0.1", "[::1]"]
        } else {
            &[]
        };
        let configured = settings.hosts.iter().map(String::as_str);
        let hosts = std::iter::once(origin.host())
            .chain(loopback.iter().copied())
            .chain(configured);
        Self {
            hosts: hosts
                .map(|host| without_final_dot(host).to_owned())
                .collect(),
            further_methods: settings.methods.clone(),
            strict_paths: settings.strict_paths,
        }
    }

    /// What the path is like, when the request is let in at all.
    pub(super) fn judge<B>(&self, request: &Request<B>) -> Result<PathForm, Refusal> {
        judge_framing(request.version(), request.headers())?;
        judge_target(request.uri(), request.version())?;
        self.judge_host(request)?;
        self.judge_method(request.method())?;
        judge_path(request.uri().path(), self.strict_paths)
    }

    fn judge_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let host = host_field(request.headers())?;
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let asked = match (request.version(), authority, host) {
            (Version::HTTP_2, None, _) => {
                return Err(Refusal::BadRequest("The :authority is missing."));
            }
            (Version::HTTP_2, Some(authority), None) => authority,
            (_, _, None) => return Err(Refusal::BadRequest("The Host field is missing.")),
            (_, Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
                return Err(Refusal::BadRequest("Two different hosts are asked for."));
            }
            (_, _, Some(host)) => host,
        };
        let name = host_name(asked).ok_or(Refusal::BadRequest("The host is malformed."))?;
        let known = |host: &String| host.eq_ignore_ascii_case(name);
        if self.hosts.iter().any(known) {
            Ok(())
        } else {
            Err(Refusal::WrongHost)
        }
    }

    fn judge_method(&self, method: &Method) -> Result<(), Refusal> {
        let never = [Method::TRACE, Method::CONNECT].contains(method);
        if !never && (is_standard(method) || self.further_methods.contains(method)) {
            Ok(())
        } else {
            Err(Refusal::MethodNotAllowed)
        }
    }
}

/// Case counts: `get` is none of them.
fn is_standard(method: &Method) -> bool {
    STANDARD_METHODS
        .split(", ")
        .any(|name| name == method.as_str())
}

/// two readers of one message must not see two different ends of it.
fn judge_framing(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    let Some(coding) = codings.next() else {
        return Ok(());
    };
    if version < Version::HTTP_11 {
        return Err(Refusal::BadRequest("HTTP/1.0 has no Transfer-Encoding."));
    }
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Refusal::BadRequest(
            "Transfer-Encoding must be chunked and nothing else.",
        ));
    }
    if headers.contains_key(header::CONTENT_LENGTH) {
        return Err(Refusal::BadRequest("The body's length is given twice."));
    }
    Ok(())
}

/// hyper reads `GET a` as an authority without a path, and leaves any scheme in an absolute target.
fn judge_target(uri: &Uri, version: Version) -> Result<(), Refusal> {
    let known_scheme = match uri.scheme() {
        Some(scheme) => *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS,
        None => version == Version::HTTP_2 || uri.authority().is_none(),
    };
    if known_scheme {
        Ok(())
    } else {
        Err(Refusal::BadRequest("The target is not an http address."))
    }
}

/// The one Host field, if there is one.
fn host_field(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    const MALFORMED: Refusal = Refusal::BadRequest("The host is malformed.");
    let mut fields = headers.get_all(header::HOST).into_iter();
    let first = fields.next().map(HeaderValue::to_str);
    if fields.next().is_some() {
        return Err(Refusal::BadRequest("There is more than one Host field."));
    }
    first.transpose().map_err(|_| MALFORMED)
}

/// The name in `name[:port]`, without a final dot; IPv6 keeps its brackets.
fn host_name(authority: &str) -> Option<&str> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (name, port) = authority.split_at_checked(end)?;
    let port = port.strip_prefix(':').unwrap_or(port);
    let name = without_final_dot(name);
    let well_formed = !name.is_empty()
        && !name.contains(['@', '/'])
        && port.bytes().all(|byte| byte.is_ascii_digit());
    well_formed.then_some(name)
}

fn without_final_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(origin: &str) -> Admission {
        let settings = Settings {
            public: Vec::new(),
            hosts: vec!["Other.Example.".to_owned()],
            methods: vec![Method::from_bytes(b"PROPFIND").unwrap()],
            websocket_origins: Vec::new(),
            strict_paths: true,
        };
        Admission::new(&settings, &origin.parse().unwrap())
    }

    fn request(
        version: Version,
        method: &str,
        target: &str,
        fields: &[(&str, &str)],
    ) -> Request<()> {
        let mut request = Request::builder()
            .version(version)
            .method(method)
            .uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn get(target: &str, fields: &[(&str, &str)]) -> Result<PathForm, Refusal> {
        judge(&request(Version::HTTP_11, "GET", target, fields))
    }

    fn judge(request: &Request<()>) -> Result<PathForm, Refusal> {
        admission("https://app.example.com").judge(request)
    }

    fn is_bad(outcome: Result<PathForm, Refusal>) -> bool {
        matches!(outcome, Err(Refusal::BadRequest(_)))
    }

    const HOST: (&str, &str) = ("host", "app.example.com");

    #[test]
    fn the_hosts_that_are_served_are_let_in_in_any_spelling() {
        //
        for host in [
            "app.example.com",
            "APP.example.COM",
            "app.example.com.",
            "app.example.com:4280",
            "app.example.com.:443",
            "app.example.com:",
            "other.example",
        ] {
            assert!(get("/", &[("host", host)]).is_ok(), "{host}");
        }
    }

    #[test]
    fn any_other_host_is_misdirected() {
        for host in [
            "evil.example",
            "app.example.com.evil.example",
            "evilapp.example.com",
            "example.com",
            "localhost",
            "127.0.0.1",
            "[::1]",
            "app.example.com..",
        ] {
            assert_eq!(
                get("/", &[("host", host)]),
                Err(Refusal::WrongHost),
                "{host}"
            );
        }
    }

    #[test]
    fn a_host_that_is_none_is_a_bad_request() {
        for host in [
            "",
            ":80",
            "user@app.example.com",
            "x/../y@app.example.com",
            "app.example.com:80:80",
            "app.example.com:x",
            "[::1",
            "[::1]x",
        ] {
            assert!(is_bad(get("/", &[("host", host)])), "{host}");
        }
        assert!(is_bad(get("/", &[])), "none");
        assert!(is_bad(get("/", &[HOST, HOST])), "two");
        assert!(is_bad(get("/", &[HOST, ("host", "evil.example")])), "two");
    }

    #[test]
    fn on_a_loopback_origin_every_name_of_loopback_is_served() {
        let admission = admission("http://localhost:4280");
        for host in ["localhost:4280", "127.0.0.1:4280", "[::1]:4280"] {
            let request = request(Version::HTTP_11, "GET", "/", &[("host", host)]);
            assert!(admission.judge(&request).is_ok(), "{host}");
        }
    }

    #[test]
    fn on_http2_the_authority_decides_and_host_must_not_differ() {
        let h2 = |target, fields: &[_]| judge(&request(Version::HTTP_2, "GET", target, fields));
        let target = "https://app.example.com/";
        assert!(h2(target, &[]).is_ok());
        assert!(h2(target, &[HOST]).is_ok());
        assert!(is_bad(h2(target, &[("host", "evil.example")])));
        assert!(is_bad(h2("/", &[HOST])), "no :authority");
        assert!(is_bad(h2(target, &[HOST, HOST])));
        let other = h2("https://evil.example/", &[]);
        assert_eq!(other, Err(Refusal::WrongHost));
    }

    #[test]
    fn an_absolute_target_must_name_the_host_and_be_http() {
        //
        assert!(get("http://app.example.com/a", &[HOST]).is_ok());
        assert!(is_bad(get("http://evil.example/a", &[HOST])));
        assert!(is_bad(get("http://u@app.example.com/a", &[HOST])));
        assert!(is_bad(get("ftp://app.example.com/a", &[HOST])));
        assert!(is_bad(get("a", &[HOST])), "hyper takes it for an authority");
        assert!(is_bad(get("app.example.com", &[HOST])));
        assert!(is_bad(judge(&request(
            Version::HTTP_11,
            "OPTIONS",
            "*",
            &[HOST]
        ))));
    }

    #[test]
    fn only_the_standard_and_the_configured_methods_are_let_in() {
        //
        let with = |method| judge(&request(Version::HTTP_11, method, "/", &[HOST]));
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
        ] {
            assert!(with(method).is_ok(), "{method}");
        }
        for method in [
            "get",
            "Get",
            "TRACE",
            "CONNECT",
            "PROPPATCH",
            "propfind",
            "GETX",
        ] {
            assert_eq!(with(method), Err(Refusal::MethodNotAllowed), "{method}");
        }
    }

    #[test]
    fn trace_and_connect_cannot_be_configured() {
        let settings = Settings {
            public: Vec::new(),
            hosts: Vec::new(),
            methods: vec![Method::TRACE, Method::CONNECT],
            websocket_origins: Vec::new(),
            strict_paths: true,
        };
        let admission = Admission::new(&settings, &"https://app.example.com".parse().unwrap());
        for method in ["TRACE", "CONNECT"] {
            let outcome = admission.judge(&request(Version::HTTP_11, method, "/", &[HOST]));
            assert_eq!(outcome, Err(Refusal::MethodNotAllowed));
        }
    }

    #[test]
    fn a_body_ends_in_one_way() {
        //
        let te = |value| ("transfer-encoding", value);
        assert!(get("/", &[HOST, te("chunked")]).is_ok());
        assert!(get("/", &[HOST, te("Chunked")]).is_ok());
        for coding in [
            "gzip, chunked",
            "chunked, chunked",
            "identity",
            "xchunked",
            "",
            "chunked;q=1",
        ] {
            assert!(is_bad(get("/", &[HOST, te(coding)])), "{coding:?}");
        }
        assert!(is_bad(get("/", &[HOST, te("chunked"), te("chunked")])));
        assert!(is_bad(get(
            "/",
            &[HOST, te("chunked"), ("content-length", "3")]
        )));
        let old = request(Version::HTTP_10, "POST", "/", &[HOST, te("chunked")]);
        assert!(is_bad(judge(&old)));
    }

    #[test]
    fn the_query_is_the_apps_own_but_holds_no_control_byte() {
        assert!(get("/a?b=100%&c=%00&d=//..", &[HOST]).is_ok());
        for byte in (0..=b' ').chain([0x7f]) {
            // `http` sees to that.
            assert!(
                Uri::try_from([b"/a?".as_slice(), &[byte]].concat()).is_err(),
                "{byte}"
            );
        }
    }

    #[test]
    fn forwarded_fields_decide_nothing() {
        //
        let forged = [
            ("x-forwarded-host", "app.example.com"),
            ("x-original-url", "/public/x"),
            ("x-http-method-override", "GET"),
            ("host", "evil.example"),
        ];
        assert_eq!(get("/", &forged), Err(Refusal::WrongHost));
    }
}
