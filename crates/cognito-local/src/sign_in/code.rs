//! One-time codes to a phone or an e-mail address: SMS_MFA, EMAIL_OTP, SMS_OTP.
//!
//! The code travels sealed in the `Session`, so it is worth nothing without it and ends with it. A wrong code leaves the
//! session usable; the lock-out counts it, apart from the passwords (R-81 holds for names nobody has as well).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Caller, Parameters, Step, UnderWay, attempts_exceeded, foreign_session, go_on, open_session,
    required, spend_in,
};
use crate::error::ApiError;
use crate::message::{self, Contact, Medium, Message, Purpose};
use crate::secret_hash;
use crate::service::Service;
use crate::state::{MfaMethod, Pool, code_attempts};

/// Digits of a code by e-mail; by SMS there are `message::CODE_DIGITS`.
const EMAIL_DIGITS: usize = 8;

/// A challenge that asks for a code which was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeChallenge {
    SmsMfa,
    EmailOtp,
    SmsOtp,
}

/// What a right code proves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Role {
    FirstFactor,
    SecondFactor,
    /// Second factor that is set up with it: the address is the user's from now on.
    SetUp {
        email: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Sent {
    code: String,
    role: Role,
}

impl CodeChallenge {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SmsMfa => "SMS_MFA",
            Self::EmailOtp => "EMAIL_OTP",
            Self::SmsOtp => "SMS_OTP",
        }
    }

    pub(super) fn medium(self) -> Medium {
        match self {
            Self::EmailOtp => Medium::Email,
            Self::SmsMfa | Self::SmsOtp => Medium::Sms,
        }
    }

    fn response(self) -> &'static str {
        match self {
            Self::SmsMfa => "SMS_MFA_CODE",
            Self::EmailOtp => "EMAIL_OTP_CODE",
            Self::SmsOtp => "SMS_OTP_CODE",
        }
    }
}

/// Sends a code and asks for it. For a name nobody has, everything happens but the sending.
pub(super) async fn ask(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
    challenge: CodeChallenge,
    contact: &Contact,
    role: Role,
) -> Result<Step, ApiError> {
    let code = message::code(match contact.medium {
        Medium::Email => EMAIL_DIGITS,
        Medium::Sms => message::CODE_DIGITS,
    })?;
    let delivery = if under_way.known {
        let message = Message {
            pool: &caller.pool,
            client: &caller.client.id,
            metadata: &caller.metadata,
            purpose: Purpose::Authentication,
            user: &under_way.user,
            contact,
            code: &code,
        };
        message::send(service, &message).await?
    } else {
        contact.delivery()
    };
    let mut parameters = json!({
        "CODE_DELIVERY_DELIVERY_MEDIUM": delivery.medium.name(),
        "CODE_DELIVERY_DESTINATION": delivery.destination,
    });
    if challenge == CodeChallenge::SmsMfa
        && let Some(parameters) = parameters.as_object_mut()
    {
        parameters.insert("USER_ID_FOR_SRP".to_owned(), under_way.name.as_str().into());
    }
    let sent = Sent { code, role };
    super::challenge(
        service,
        caller,
        challenge.name(),
        under_way,
        &sent,
        parameters,
    )
}

/// RespondToAuthChallenge with SMS_MFA, EMAIL_OTP or SMS_OTP.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    challenge: CodeChallenge,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    let code = required(responses, challenge.response())?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, challenge.name(), username, session)?;
    let sent: Sent = session.own()?;
    let mut under_way = session.under_way.clone();
    under_way.see_device(responses);
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let attempts = code_attempts(&under_way.user);
        if pool.lockout.is_locked(&attempts, now) {
            return Err(attempts_exceeded());
        }
        let same = verify_slices_are_equal(sent.code.as_bytes(), code.as_bytes()).is_ok();
        if !same || !under_way.known {
            pool.lockout.failed(&attempts, now);
            return Err(mismatch());
        }
        spend_in(pool, &session, now)?;
        pool.lockout.clear(&attempts);
        if let Role::SetUp { email } = &sent.role {
            set_up(pool, &under_way, email)?;
        }
        Ok(())
    })?;
    under_way.prove(challenge.name());
    under_way.second_factor |= sent.role != Role::FirstFactor;
    go_on(service, caller, under_way).await
}

/// The user has proven to read mail at the address: it is theirs, and a factor.
fn set_up(pool: &mut Pool, under_way: &UnderWay, email: &str) -> Result<(), ApiError> {
    let user = pool
        .users
        .get(&under_way.user)
        .ok_or_else(foreign_session)?;
    let mut after = user.clone();
    after.attributes.extend(
        [("email", email), ("email_verified", "true")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    after.factors.enabled.insert(MfaMethod::EmailOtp);
    if pool.taken_alias(&after).is_some() {
        return Err(ApiError::alias_exists(
            "An account with the given email already exists.",
        ));
    }
    pool.users.insert(under_way.user.clone(), after);
    Ok(())
}

pub(super) fn mismatch() -> ApiError {
    ApiError::code_mismatch("Invalid verification code provided, please try again.")
}
