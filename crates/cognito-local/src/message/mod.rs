//! Messages to users: codes and invitations, by e-mail or SMS.
//!
//! Nothing leaves the machine: `send` puts the text into the outbox, which `/outbox` shows, and writes one log line.
//! Making and checking codes is `state::Codes`' part; here a code is a word to be told.

pub(crate) mod contact;
mod mailbox;
pub(crate) mod outbox;
pub(crate) mod page;
mod text;

use std::collections::BTreeMap;

pub(crate) use contact::{CodeDelivery, Contact, Medium};
pub use mailbox::{Email, Mailbox};
pub(crate) use outbox::{Outbox, Sent};

use crate::error::ApiError;
use crate::random;
use crate::service::Service;

/// Digits of a code; e-mail one-time codes of a sign-in have eight.
pub(crate) const CODE_DIGITS: usize = 6;

/// `clientId` of events that no app client caused.
pub(crate) const NO_CLIENT: &str = "CLIENT_ID_NOT_APPLICABLE";

/// One message to one user.
pub(crate) struct Message<'a> {
    /// The pool's id.
    pub(crate) pool: &'a str,
    /// The app client whose call caused it; `NO_CLIENT` for a call of the administration.
    pub(crate) client: &'a str,
    /// `ClientMetadata` of that call.
    pub(crate) metadata: &'a BTreeMap<String, String>,
    pub(crate) purpose: Purpose,
    /// Key of the user in the pool.
    pub(crate) user: &'a str,
    pub(crate) contact: &'a Contact,
    /// The code, or the temporary password of an invitation.
    pub(crate) code: &'a str,
}

/// Why a message is sent; the names are those of `CustomMessage_…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignUp,
    AdminCreateUser,
    ResendCode,
    ForgotPassword,
    UpdateUserAttribute,
    VerifyUserAttribute,
    /// SMS_MFA, EMAIL_OTP, SMS_OTP.
    Authentication,
    /// What a trigger sends by itself; no `CustomMessage_…`.
    Trigger,
}

impl Purpose {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignUp => "SignUp",
            Self::AdminCreateUser => "AdminCreateUser",
            Self::ResendCode => "ResendCode",
            Self::ForgotPassword => "ForgotPassword",
            Self::UpdateUserAttribute => "UpdateUserAttribute",
            Self::VerifyUserAttribute => "VerifyUserAttribute",
            Self::Authentication => "Authentication",
            Self::Trigger => "Trigger",
        }
    }
}

/// Welcomes a new user with the temporary password, by each of `media` the user has an address for.
///
/// # Errors
/// As `send`.
pub(crate) async fn invite(
    service: &Service,
    pool: &str,
    client: &str,
    metadata: &BTreeMap<String, String>,
    user: &str,
    media: &[Medium],
    password: &str,
) -> Result<(), ApiError> {
    let contacts: Vec<Contact> = service.read(|state| {
        let user = state.pool(pool)?.users.get(user);
        let user = user.ok_or_else(ApiError::user_missing)?;
        Ok::<_, ApiError>(
            media
                .iter()
                .filter_map(|medium| Contact::of(user, *medium))
                .collect(),
        )
    })?;
    for contact in &contacts {
        let message = Message {
            pool,
            client,
            metadata,
            purpose: Purpose::AdminCreateUser,
            user,
            contact,
            code: password,
        };
        send(service, &message).await?;
    }
    Ok(())
}

/// A random code of so many digits.
pub(crate) fn code(digits: usize) -> Result<String, ApiError> {
    Ok(random::text(random::DIGITS, digits)?)
}

/// Delivers a message into the outbox and says where it went, masked as Cognito masks it.
///
/// # Errors
/// UserNotFoundException when the user is gone; those of the CustomMessage function.
pub(crate) async fn send(
    service: &Service,
    message: &Message<'_>,
) -> Result<CodeDelivery, ApiError> {
    let text = text::of(service, message).await?;
    let (username, now) = (text.username, service.now());
    tracing::info!(
        purpose = message.purpose.name(),
        username,
        destination = message.contact.address,
        code = message.code,
        "message"
    );
    service.outbox.put(Sent {
        number: 0,
        time: now,
        pool: message.pool.to_owned(),
        username,
        purpose: message.purpose,
        contact: message.contact.clone(),
        subject: text.subject,
        text: text.text,
        code: message.code.to_owned(),
    });
    Ok(message.contact.delivery())
}
