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
use crate::refusal::Refusal;

/// `Method` compares bytes, so `get` is none of them.
const METHODS: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

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
        if !never && (METHODS.contains(method) || self.further_methods.contains(method)) {
            Ok(())
        } else {
            Err(Refusal::MethodNotAllowed)
        }
    }
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
    if !known_scheme {
        return Err(Refusal::BadRequest("The target is not an http address."));
    }
    let query = uri.query().unwrap_or_default();
    if query.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(Refusal::BadRequest("The query holds a control byte."));
    }
    Ok(())
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
