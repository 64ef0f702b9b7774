//! Calls a function through the Lambda Invoke API of a local runner.
//!
//! `POST /2015-03-31/functions/{name}/invocations` over plain HTTP to loopback. Nothing is signed, no redirect is
//! followed, and other hosts are refused when the URL is read: the event may hold a password.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

use super::{LONGEST_ANSWER, TriggerError};
use crate::loopback::is_loopback_host;

/// The URL of a function at a local Lambda runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InvokeUrl(Uri);

/// Why a text is no Invoke URL the pool calls.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}; for example http://127.0.0.1:3001/2015-03-31/functions/MigrateUser/invocations")]
pub struct InvokeUrlError(&'static str);

impl FromStr for InvokeUrl {
    type Err = InvokeUrlError;

    fn from_str(text: &str) -> Result<Self, InvokeUrlError> {
        let uri: Uri = text
            .parse()
            .map_err(|_invalid| InvokeUrlError("not a URL"))?;
        match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(host)) if is_loopback_host(host) => Ok(Self(uri)),
            (Some("http"), _) => Err(InvokeUrlError(
                "not on this machine: a trigger is called in plain HTTP, so on loopback only",
            )),
            (Some("https"), _) => Err(InvokeUrlError(
                "https is not offered: local Lambda runners speak plain HTTP",
            )),
            _ => Err(InvokeUrlError("not an http:// URL")),
        }
    }
}

impl TryFrom<String> for InvokeUrl {
    type Error = InvokeUrlError;

    fn try_from(text: String) -> Result<Self, InvokeUrlError> {
        text.parse()
    }
}

impl From<InvokeUrl> for String {
    fn from(url: InvokeUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for InvokeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One call; gives back the payload. The caller limits the time.
pub(super) async fn call(url: &InvokeUrl, event: String) -> Result<Bytes, TriggerError> {
    let unavailable = |error: &dyn fmt::Display| TriggerError::Unavailable(error.to_string());
    let host = url
        .0
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let stream = TcpStream::connect((host, url.0.port_u16().unwrap_or(80)))
        .await
        .map_err(|error| unavailable(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unavailable(&error))?;
    let exchange = async move {
        let response = sender
            .send_request(request(url, event)?)
            .await
            .map_err(|error| unavailable(&error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| unavailable(&error))?;
        answer(&head, body.to_bytes())
    };
    tokio::pin!(exchange, connection);
    // The connection only moves while it is polled; when it ends first, the answer is already on its way.
    tokio::select! {
        answer = &mut exchange => answer,
        _ended = &mut connection => exchange.await,
    }
}

fn request(url: &InvokeUrl, event: String) -> Result<Request<Full<Bytes>>, TriggerError> {
    let path = url.0.path_and_query().map_or("/", |path| path.as_str());
    let host = url.0.authority().map_or("", |authority| authority.as_str());
    Request::post(path)
        .header(http::header::HOST, host)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header("x-amz-invocation-type", "RequestResponse")
        .body(Full::new(event.into()))
        .map_err(|error| TriggerError::Unavailable(error.to_string()))
}

/// The Invoke API answers 200 even when the function threw, and says so in a header.
fn answer(head: &http::response::Parts, body: Bytes) -> Result<Bytes, TriggerError> {
    if head.status == http::StatusCode::TOO_MANY_REQUESTS {
        return Err(TriggerError::Throttled);
    }
    if !head.status.is_success() {
        return Err(TriggerError::Unavailable(format!(
            "the Invoke API answered {}",
            head.status
        )));
    }
    if head.headers.contains_key("x-amz-function-error") {
        let error: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = error
            .get("errorMessage")
            .and_then(serde_json::Value::as_str)
            .unwrap_or("the function failed");
        return Err(TriggerError::Thrown(message.to_owned()));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_on_loopback_is_a_trigger_url() {
        for good in [
            "http://127.0.0.1:3001/2015-03-31/functions/F/invocations",
            "http://localhost:9000/x",
            "http://[::1]:1/",
        ] {
            assert_eq!(good.parse::<InvokeUrl>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "127.0.0.1:3001",
            "/2015-03-31",
            "https://127.0.0.1/x",
            "http://example.com/x",
            "http://10.0.0.1/x",
            "ftp://localhost/",
        ] {
            assert!(bad.parse::<InvokeUrl>().is_err(), "{bad:?} was let through");
        }
    }
}
