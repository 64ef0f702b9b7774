//! The JSON API for single-page apps: the same steps as the pages, in the words of AWS Amplify (amplify-js).
//!
//! Here is what all its endpoints share: reading a request, and the two kinds of answer. Against forgery:
//! `application/json`, which no form can send, and R-26. Attempts are bound to the browser cookie, which comes with the
//! first answer. Failures are problem documents (RFC 9457) with the statuses of the pages; `name` is Cognito's exception,
//! which Amplify apps branch on. Tokens never reach the browser.

mod account;
mod object;
mod openapi;
mod passkeys;
mod sign_in;

use std::sync::Arc;

use cognito_flow::{AnswerError, Secret};
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::body::Body;
use crate::causes::Causes;
use crate::cognito::CognitoError;
use crate::refusal::{Audience, Refusal};
use crate::session::{Found, NoAccessToken};

use super::SignIn;
use super::error::{Fault, StepError, TurnedAway};
use super::form::{self, FormError};
use super::page::put_retry_after;
use super::same_origin::is_same_origin;
use super::visit::Visit;
use object::object;

/// Wiped when it is dropped.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretText(Secret<String>);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

/// Why the API did not do what was asked.
enum ApiError {
    TurnedAway(TurnedAway),
    NotSignedIn(NoAccessToken),
    Step(Arc<StepError>),
}

impl From<TurnedAway> for ApiError {
    fn from(why: TurnedAway) -> Self {
        Self::TurnedAway(why)
    }
}

impl From<FormError> for ApiError {
    fn from(error: FormError) -> Self {
        Self::TurnedAway(error.into())
    }
}

impl From<NoAccessToken> for ApiError {
    fn from(why: NoAccessToken) -> Self {
        Self::NotSignedIn(why)
    }
}

impl From<StepError> for ApiError {
    fn from(error: StepError) -> Self {
        Self::Step(Arc::new(error))
    }
}

impl From<Arc<StepError>> for ApiError {
    fn from(error: Arc<StepError>) -> Self {
        Self::Step(error)
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        StepError::from(fault).into()
    }
}

impl SignIn {
    /// GET api/session: who is signed in. Gives the browser its cookie, which a sign-in needs.
    pub(super) async fn api_session(&self, visit: &Visit<'_>) -> Response<Body> {
        let document = match self.sessions.find(visit.headers()).await {
            Found::Caller(caller) => json!({
                "isSignedIn": true,
                "username": caller.identity.username,
                "sub": caller.identity.subject,
                "name": caller.identity.display_name,
                "groups": caller.identity.groups,
            }),
            Found::None => json!({ "isSignedIn": false }),
            Found::Unavailable => return self.refuse_program(visit, Refusal::PoolUnavailable),
        };
        match self.browser_of(visit) {
            Ok((_, cookie)) => answer(&document, cookie.as_ref()),
            Err(fault) => self.problem(visit, &fault.into()),
        }
    }

    /// POST api/sign-out. Its body says nothing and may be empty.
    pub(super) async fn api_sign_out(&self, visit: &Visit<'_>, body: Body) -> Response<Body> {
        if let Err(why) = self.read_body(visit, body).await {
            return self.problem(visit, &why.into());
        }
        let cookies = self.sessions.end(visit.headers()).await;
        answer(&json!({ "isSignedIn": false }), &cookies)
    }

    /// Reads a request of the API: its members are known, and each is there once.
    async fn read_json<T>(&self, visit: &Visit<'_>, body: Body) -> Result<T, TurnedAway>
    where
        T: for<'de> Deserialize<'de>,
    {
        let bytes = self.read_body(visit, body).await?;
        let mut parser = serde_json::Deserializer::from_slice(&bytes);
        let read = object(&mut parser).and_then(|request| parser.end().map(|()| request));
        // The parser's message may quote the password.
        read.map_err(|_| FormError::Malformed.into())
    }

    /// R-26 first, then type and size.
    async fn read_body(
        &self,
        visit: &Visit<'_>,
        body: Body,
    ) -> Result<Zeroizing<Vec<u8>>, TurnedAway> {
        if !is_same_origin(visit.headers(), &self.origin) {
            return Err(TurnedAway::CrossSite);
        }
        Ok(form::read(visit.headers(), body, form::JSON).await?)
    }

    fn problem(&self, visit: &Visit<'_>, error: &ApiError) -> Response<Body> {
        match error {
            ApiError::TurnedAway(why) => self.turned_away(visit, why),
            ApiError::NotSignedIn(why) => self.api_not_signed_in(visit, *why),
            ApiError::Step(error) => self.not_taken(visit, error),
        }
    }

    fn turned_away(&self, visit: &Visit<'_>, why: &TurnedAway) -> Response<Body> {
        tracing::info!(reason = %why, "API request refused");
        match why {
            TurnedAway::CrossSite => self.refuse_program(visit, Refusal::WrongOrigin),
            TurnedAway::Form(FormError::TooLarge) => self.refuse_program(visit, Refusal::TooLarge),
            TurnedAway::Form(_) => self.refuse_program(visit, Refusal::BadRequest(FORM)),
            TurnedAway::NoCookie(_) | TurnedAway::NotYours(_) | TurnedAway::Expired(_) => {
                document(visit, why.status(), why.code(), why.message(), None, None)
            }
        }
    }

    fn not_taken(&self, visit: &Visit<'_>, error: &StepError) -> Response<Body> {
        let (name, more) = match error {
            StepError::Fault(fault) => {
                tracing::error!(
                    error = %Causes(fault),
                    "the sign-in API failed"
                );
                return self.refuse_program(visit, Refusal::Internal);
            }
            StepError::Pool(error) => (error.exception_name(), missing_attributes(error)),
            StepError::Field { id, .. } => (None, Some(("field", json!(id)))),
        };
        let (status, code, message) = (error.status(), error.code(), error.message());
        let mut response = document(visit, status, code, message, name, more);
        put_retry_after(&mut response, error);
        response
    }

    fn refuse_program(&self, visit: &Visit<'_>, refusal: Refusal) -> Response<Body> {
        refusal.into_response(Audience::Program, visit.request_id(), &self.url)
    }
}

const FORM: &str = "Send application/json with the members this endpoint names, each once, as texts that are not empty.";

/// What an application must ask for again, beside what the person reads.
fn missing_attributes(error: &CognitoError) -> Option<(&'static str, Value)> {
    match error {
        CognitoError::Answer(AnswerError::MissingAttributes(names)) => {
            Some(("missingAttributes", json!(names)))
        }
        _ => None,
    }
}

/// A problem document (RFC 9457) like those of `refusal`, with Cognito's name for the error if it has one, and a further
/// member.
fn document(
    visit: &Visit<'_>,
    status: StatusCode,
    code: &str,
    message: &str,
    name: Option<&str>,
    more: Option<(&str, Value)>,
) -> Response<Body> {
    let mut document = json!({
        "type": format!("urn:sidegate:problem:{code}"),
        "title": title(status),
        "status": status.as_u16(),
        "detail": message,
        "code": code,
        "request_id": visit.request_id(),
    });
    if let Some(members) = document.as_object_mut() {
        members.extend(name.map(|name| ("name".to_owned(), name.into())));
        members.extend(more.map(|(member, value)| (member.to_owned(), value)));
    }
    let mut response = answer(&document, []);
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}

const fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::SERVICE_UNAVAILABLE => "Sign-in is not available just now",
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
        StatusCode::UNPROCESSABLE_ENTITY => "This answer cannot be taken",
        _ => "Sign-in was refused",
    }
}

fn answer<'a>(
    document: &Value,
    cookies: impl IntoIterator<Item = &'a HeaderValue>,
) -> Response<Body> {
    let mut response = Response::new(Body::from(document.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie.clone());
    }
    response
}
