//! AWS JSON 1.1 over HTTP: one call in, one answer out, one line in the log.
//!
//! `POST /` with `X-Amz-Target: AWSCognitoIdentityProviderService.{Operation}`; signed or not is the same here. An answer
//! goes out only after what the call changed is on disk. The log line never holds a name, password, code or token.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::constraint::CLIENT_ID;
use crate::error::ApiError;
use crate::operations;
use crate::random;
use crate::service::Service;

const TARGET_PREFIX: &str = "AWSCognitoIdentityProviderService.";

/// The largest request body; Cognito's own members stay far below.
const LARGEST_BODY: usize = 1 << 20;

/// A body that takes longer is not coming.
const BODY_TIME: Duration = Duration::from_secs(30);

/// Answers one call of an operation.
pub(crate) async fn call(service: &Service, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let operation = operation(&head.headers);
    let body = read(body).await;
    let result = match (&operation, &body) {
        (Some(operation), Ok(body)) => run(service, operation, body).await,
        (None, Ok(_)) => Err(ApiError::unknown_operation("")),
        (_, Err(_)) => Err(ApiError::internal("unread")),
    };
    let client_id = body.as_deref().ok().and_then(client_id).unwrap_or_default();
    let result = body.and(result);
    let outcome = match &result {
        Ok(answer) => answer
            .get("ChallengeName")
            .and_then(Value::as_str)
            .unwrap_or("ok"),
        Err(error) => error.name(),
    };
    tracing::info!(
        operation = operation.as_deref().unwrap_or("none"),
        outcome,
        client_id,
        "call"
    );
    answer(&result)
}

async fn run(service: &Service, operation: &str, body: &[u8]) -> Result<Value, ApiError> {
    service.faults.apply(operation).await?;
    let result = operations::run(service, operation, body).await;
    // A refusal changes things as well: a SECRET_BLOCK is used up by a wrong answer.
    service.persist().await.map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the state is not on disk"
        );
        ApiError::internal("The local pool could not write its state.")
    })?;
    result
}

/// The operation's name, when it has the form of one: it is logged.
fn operation(headers: &HeaderMap) -> Option<String> {
    let name = headers
        .get("x-amz-target")?
        .to_str()
        .ok()?
        .strip_prefix(TARGET_PREFIX)?;
    let plain =
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| name.to_owned())
}

async fn read(body: Incoming) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(BODY_TIME, Limited::new(body, LARGEST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::too_large(
            "The request body is larger than 1 MiB.",
        )),
        Ok(Err(_)) | Err(_) => Err(ApiError::serialization("The request body did not arrive.")),
    }
}

/// The client id a call names, for the log, when it has the form of one.
fn client_id(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Named {
        client_id: Option<String>,
    }
    serde_json::from_slice::<Named>(body)
        .ok()?
        .client_id
        .filter(|id| CLIENT_ID.allows(id))
}

fn answer(result: &Result<Value, ApiError>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(id) = random::uuid()
        .ok()
        .and_then(|id| HeaderValue::try_from(id).ok())
    {
        headers.insert("x-amzn-requestid", id);
    }
    let body = match result {
        Ok(Value::Null) => String::new(),
        Ok(answer) => answer.to_string(),
        Err(error) => {
            headers.insert(
                "x-amzn-errortype",
                header_text(&format!("{}:", error.name())),
            );
            headers.insert("x-amzn-errormessage", header_text(error.message()));
            json!({ "__type": error.name(), "message": error.message() }).to_string()
        }
    };
    *response.status_mut() = result
        .as_ref()
        .err()
        .map_or(StatusCode::OK, ApiError::status);
    *response.body_mut() = Full::from(body);
    response
}

/// A text as a header may carry it: what is not printable ASCII becomes `?`.
fn header_text(text: &str) -> HeaderValue {
    let plain: String = text
        .chars()
        .map(|letter| {
            if (' '..='~').contains(&letter) {
                letter
            } else {
                '?'
            }
        })
        .collect();
    HeaderValue::try_from(plain).unwrap_or(HeaderValue::from_static("?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(value: &'static str) -> Option<String> {
        operation(&HeaderMap::from_iter([(
            header::HeaderName::from_static("x-amz-target"),
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn the_target_names_the_operation_of_this_service_only() {
        assert_eq!(
            target("AWSCognitoIdentityProviderService.InitiateAuth").as_deref(),
            Some("InitiateAuth")
        );
        for other in [
            "",
            "InitiateAuth",
            "AWSCognitoIdentityService.GetId",
            "AWSCognitoIdentityProviderService.",
            "AWSCognitoIdentityProviderService.a\tb",
        ] {
            assert_eq!(target(other), None, "{other}");
        }
    }

    #[test]
    fn header_texts_are_printable_ascii_whatever_the_message_holds() {
        assert_eq!(
            header_text("wörong\r\nset-cookie: x"),
            "w?rong??set-cookie: x"
        );
    }
}
