//! Paths of the server, and who may call it from a browser.
//!
//! A web page on the internet must not drive the pool: the Host must be a loopback name, against DNS rebinding,
//! and an Origin must be a loopback origin. Pages on loopback get the CORS headers browsers want.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::loopback::is_loopback_host;
use crate::message::page;
use crate::protocol;
use crate::service::Service;

const ABOUT: &str = "This is a local Amazon Cognito user pool for development. It speaks Cognito's JSON protocol: POST /\n\
                     Codes it sends by e-mail or SMS are read at /outbox and /outbox.json.\n\
                     Its users, keys and tokens are worth nothing elsewhere. Never expose it.\n";

/// Answers one request.
pub(crate) async fn handle(
    service: &Service,
    exposed: bool,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = match refusal(request.headers(), request.uri(), exposed) {
        Some(why) => text(StatusCode::FORBIDDEN, why),
        None => answer(service, request).await,
    };
    let headers = response.headers_mut();
    headers.insert("x-sidegate-dev", HeaderValue::from_static("1"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin.filter(is_loopback_origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed =
            HeaderValue::from_static("x-amzn-requestid, x-amzn-errortype, x-amzn-errormessage");
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    response
}

/// Why a request may not be answered. An exposed pool has names this machine does not know, so only the origin counts.
fn refusal(headers: &HeaderMap, uri: &Uri, exposed: bool) -> Option<&'static str> {
    let named = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| host.parse().ok());
    let authority: Option<http::uri::Authority> = uri.authority().cloned().or(named);
    if !exposed && !authority.is_some_and(|authority| is_loopback_host(authority.host())) {
        return Some(
            "The Host header names another machine. The local pool answers to localhost, 127.0.0.1 and [::1].\n",
        );
    }
    if headers
        .get(header::ORIGIN)
        .is_some_and(|origin| !is_loopback_origin(origin))
    {
        return Some(
            "Web pages may call the local pool from loopback origins only, such as http://localhost:3000.\n",
        );
    }
    None
}

fn is_loopback_origin(origin: &HeaderValue) -> bool {
    let origin: Option<Uri> = origin.to_str().ok().and_then(|origin| origin.parse().ok());
    origin.is_some_and(|origin| {
        matches!(origin.scheme_str(), Some("http" | "https"))
            && origin.host().is_some_and(is_loopback_host)
    })
}

async fn answer(service: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::POST, "/") => protocol::call(service, request).await,
        (&Method::OPTIONS, _) => preflight(request.headers()),
        (&Method::GET | &Method::HEAD, "/") => text(StatusCode::OK, ABOUT),
        (&Method::GET | &Method::HEAD, "/health") => text(StatusCode::OK, "ok\n"),
        (&Method::GET | &Method::HEAD, "/outbox" | "/outbox.json") => {
            outbox(service, request.uri())
        }
        (&Method::GET | &Method::HEAD, path) => document(service, path).await,
        _ => text(
            StatusCode::METHOD_NOT_ALLOWED,
            "Operations are called with POST /.\n",
        ),
    }
}

/// The messages the pool sent. Codes are in it: nothing keeps a copy.
fn outbox(service: &Service, uri: &Uri) -> Response<Full<Bytes>> {
    let filter = page::Filter::of_query(uri.query());
    let (body, kind) = if uri.path() == "/outbox.json" {
        let messages = page::json(&service.outbox, &filter);
        (messages.to_string(), "application/json")
    } else {
        let page = page::html(&service.outbox, &filter);
        (page, "text/html; charset=utf-8")
    };
    let mut response = text(StatusCode::OK, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(page::POLICY),
    );
    response
}

fn preflight(headers: &HeaderMap) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::NO_CONTENT, "");
    let allowed = response.headers_mut();
    allowed.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST"),
    );
    allowed.insert(
        header::ACCESS_CONTROL_MAX_AGE,
        HeaderValue::from_static("600"),
    );
    // SDKs send headers of their own; none of them means anything to the pool.
    if let Some(asked) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        allowed.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// A pool's keys and discovery document.
async fn document(service: &Service, path: &str) -> Response<Full<Bytes>> {
    let found = path
        .strip_prefix('/')
        .and_then(|path| path.split_once("/.well-known/"));
    let known = found.filter(|(pool, _)| service.read(|state| state.pool(pool).is_ok()));
    let document = match known {
        Some((pool, "jwks.json")) => jwks(service, pool).await,
        Some((pool, "openid-configuration")) => Some(discovery(service, pool)),
        _ => return text(StatusCode::NOT_FOUND, "Nothing is here.\n"),
    };
    let Some(document) = document else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The keys of the pool are not available.\n",
        );
    };
    let mut response = text(StatusCode::OK, document.to_string());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// The keys, once they are on disk: what is published must survive a restart.
async fn jwks(service: &Service, pool: &str) -> Option<Value> {
    let keys = service.keys(pool).await.ok()?;
    service
        .persist()
        .await
        .inspect_err(|error| tracing::error!(%error, "the signing keys are not on disk"))
        .ok()?;
    Some(keys.jwks())
}

/// The discovery document. Like the service's for a pool without a domain, it names OAuth endpoints that do not work.
fn discovery(service: &Service, pool: &str) -> Value {
    let url = service.url();
    json!({
        "issuer": service.issuer(pool),
        "jwks_uri": format!("{url}/{pool}/.well-known/jwks.json"),
        "authorization_endpoint": format!("{url}/oauth2/authorize"),
        "token_endpoint": format!("{url}/oauth2/token"),
        "userinfo_endpoint": format!("{url}/oauth2/userInfo"),
        "revocation_endpoint": format!("{url}/oauth2/revoke"),
        "end_session_endpoint": format!("{url}/logout"),
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    })
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn is_refused(host: &str, origin: Option<&str>, exposed: bool) -> bool {
        let mut pairs = vec![(header::HOST, host)];
        pairs.extend(origin.map(|origin| (header::ORIGIN, origin)));
        refusal(&headers(&pairs), &Uri::from_static("/"), exposed).is_some()
    }

    #[test]
    fn only_loopback_hosts_and_loopback_origins_may_call() {
        for host in [
            "localhost",
            "localhost:4282",
            "127.0.0.1:4282",
            "[::1]:4282",
        ] {
            assert!(!is_refused(host, None, false), "{host}");
        }
        for host in [
            "example.com",
            "localhost.example.com:4282",
            "127.0.0.1.nip.io",
            "",
            "user@localhost@evil",
        ] {
            assert!(is_refused(host, None, false), "{host} was let through");
        }
        for origin in [
            "http://localhost:3000",
            "https://127.0.0.1",
            "http://[::1]:8080",
        ] {
            assert!(!is_refused("localhost", Some(origin), false), "{origin}");
        }
        for origin in [
            "https://example.com",
            "null",
            "",
            "http://localhost.example.com",
            "file://localhost",
            "http://localhost@example.com",
        ] {
            assert!(
                is_refused("localhost", Some(origin), false),
                "{origin} was let through"
            );
            assert!(
                is_refused("pool", Some(origin), true),
                "{origin} was let through to an exposed pool"
            );
        }
        assert!(refusal(&HeaderMap::new(), &Uri::from_static("/"), false).is_some());
        assert!(!is_refused("pool:4282", None, true));
    }
}
