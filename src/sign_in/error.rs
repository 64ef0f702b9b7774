//! What can go wrong between a posted form and the next page, and how it is told.
//!
//! `Display` is for the log. The person's words are in `message`, the API's name for it in `code`, the status of both in
//! `status`: pages and API never tell different stories.

use http::StatusCode;

use crate::cognito::CognitoError;
use crate::session::SessionError;

use super::attempt::Restart;
use super::form::FormError;

/// Why a posted form, or a request to the API, was not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum TurnedAway {
    #[error("the Origin header is missing or names another site")]
    CrossSite,
    #[error(transparent)]
    Form(#[from] FormError),
    #[error("no browser cookie came with the form")]
    NoCookie(Restart),
    #[error("the form or attempt is forged, of another browser, or sealed with keys that are gone")]
    NotYours(Restart),
    #[error("the form was open for too long")]
    Expired(Restart),
}

/// Why a step that was let in did not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error("the input {id} cannot be taken")]
    Field {
        /// The input's id.
        id: String,
        /// What to say of it.
        message: &'static str,
    },
    #[error(transparent)]
    Pool(CognitoError),
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A fault of our own.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("the system's random source failed")]
    Random,
    #[error("a header could not be written")]
    Header,
    #[error("an attempt could not be sealed")]
    Seal,
    #[error(
        "an attempt of {0} bytes does not fit into a form; does a user attribute hold a document?"
    )]
    AttemptTooLong(usize),
    #[error("a template could not be rendered")]
    Template(#[source] minijinja::Error),
    #[error("a session could not be begun")]
    Session(#[source] SessionError),
    #[error("a step of a sign-in panicked")]
    Task(#[source] tokio::task::JoinError),
}

impl TurnedAway {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::CrossSite | Self::NoCookie(_) | Self::NotYours(_) => StatusCode::FORBIDDEN,
            Self::Form(FormError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Form(_) => StatusCode::BAD_REQUEST,
            Self::Expired(_) => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// A stable name for programs and for the log.
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::CrossSite => "wrong_origin",
            Self::Form(FormError::TooLarge) => "too_large",
            Self::Form(_) => "bad_request",
            Self::NoCookie(_) => "cookies_blocked",
            Self::NotYours(_) => "attempt_not_yours",
            Self::Expired(_) => "attempt_expired",
        }
    }

    pub(super) const fn message(&self) -> &'static str {
        match self {
            Self::CrossSite => {
                "This form was sent by another site. Open the sign-in page at its own address."
            }
            Self::Form(FormError::TooLarge) => {
                "This form is too large. Shorten what you entered and try again."
            }
            Self::Form(_) => "This form could not be read. Open the sign-in page again.",
            Self::NoCookie(_) => {
                "Your browser did not send this site's cookie. Allow cookies for this site, then sign in here."
            }
            Self::NotYours(_) => {
                "This form is no longer valid, or was opened in another browser. Please sign in here."
            }
            Self::Expired(_) => "This page was open for too long. Please sign in again.",
        }
    }
}

impl StepError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Field { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Pool(error) => error.status(),
            Self::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A stable name for programs.
    pub(super) fn code(&self) -> &'static str {
        let error = match self {
            Self::Field { .. } => return "field_refused",
            Self::Fault(_) => return "internal",
            Self::Pool(error) => error,
        };
        match error.exception_name() {
            Some("UserNotConfirmedException") => "user_not_confirmed",
            Some("PasswordResetRequiredException") => "password_reset_required",
            _ if error.start_again() => "sign_in_ended",
            _ if error.retry_same_step() => "answer_refused",
            _ if error.is_outage() => "sign_in_unavailable",
            _ => match error.status() {
                StatusCode::UNAUTHORIZED => "bad_credentials",
                StatusCode::TOO_MANY_REQUESTS => "too_many_attempts",
                _ => "sign_in_refused",
            },
        }
    }

    pub(super) fn message(&self) -> &'static str {
        match self {
            Self::Field { message, .. } => message,
            Self::Pool(error) => error.user_message(),
            Self::Fault(_) => "Something went wrong here. Please try again.",
        }
    }
}
