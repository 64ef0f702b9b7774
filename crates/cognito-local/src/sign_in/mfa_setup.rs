//! MFA_SETUP: a user whom the pool does not let in without a second factor sets one up while signing in.
//!
//! An authenticator app: AssociateSoftwareToken and VerifySoftwareToken with the `Session`, each giving a new one, then
//! the challenge is answered. An e-mail address: the answer names it, and EMAIL_OTP proves it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::code::{self, CodeChallenge, Role};
use super::mfa::{self, Due};
use super::{
    Caller, Parameters, Step, UnderWay, attempts_exceeded, foreign_session, go_on, new_session,
    open_session, required, seal, spend, spend_in,
};
use crate::error::ApiError;
use crate::message::{Contact, Medium};
use crate::sealed::Session;
use crate::secret_hash;
use crate::service::Service;
use crate::state::{CodeCheck, MfaMethod, Pool, SoftwareToken, code_attempts, is_email};
use crate::totp;

const NAME: &str = "MFA_SETUP";

/// How far the set-up is.
#[derive(Serialize, Deserialize)]
enum SetUp {
    Begun,
    /// The app's secret is handed out.
    Associated(String),
    Verified,
}

pub(super) fn challenge(
    service: &Service,
    caller: &Caller,
    under_way: UnderWay,
    methods: &[MfaMethod],
) -> Result<Step, ApiError> {
    let parameters = json!({
        // JSON in a text.
        "MFAS_CAN_SETUP": mfa::names(methods).to_string(),
        "USER_ID_FOR_SRP": under_way.name,
    });
    super::challenge(service, caller, NAME, under_way, &SetUp::Begun, parameters)
}

/// RespondToAuthChallenge with MFA_SETUP.
pub(crate) async fn respond(
    service: &Service,
    caller: &Caller,
    session: Option<&str>,
    responses: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(responses, "USERNAME")?;
    secret_hash::check(
        &caller.client,
        username,
        responses.get("SECRET_HASH").map(String::as_str),
    )?;
    let session = open_session(service, caller, NAME, username, session)?;
    let mut under_way = session.under_way.clone();
    under_way.see_device(responses);
    // Clients send the first; the other one stands in a sample of the service's guide.
    let email = responses.get("EMAIL").or_else(|| responses.get("email"));
    if let Some(email) = email {
        service.read(|state| check_email(state.pool(&caller.pool)?, &under_way, email))?;
        spend(service, caller, &session)?;
        let contact = Contact {
            medium: Medium::Email,
            address: email.clone(),
        };
        let role = Role::SetUp {
            email: email.clone(),
        };
        return code::ask(
            service,
            caller,
            under_way,
            CodeChallenge::EmailOtp,
            &contact,
            role,
        )
        .await;
    }
    if !matches!(session.own()?, SetUp::Verified) {
        return Err(ApiError::invalid_parameter(
            "Verify a software token first, or name an EMAIL.",
        ));
    }
    spend(service, caller, &session)?;
    under_way.prove(NAME);
    under_way.second_factor = true;
    go_on(service, caller, under_way).await
}

/// An address that may become the user's: the pool takes e-mail as a factor, and there is no other address.
fn check_email(pool: &Pool, under_way: &UnderWay, email: &str) -> Result<(), ApiError> {
    check_due(pool, under_way, MfaMethod::EmailOtp)?;
    if !is_email(email) {
        return Err(ApiError::invalid_parameter("Invalid email address format."));
    }
    let user = pool
        .users
        .get(&under_way.user)
        .ok_or_else(foreign_session)?;
    if user
        .attributes
        .get("email")
        .is_some_and(|known| pool.key(known) != pool.key(email))
    {
        return Err(ApiError::not_authorized(
            "Cannot modify an already provided email",
        ));
    }
    Ok(())
}

/// The set-up is still due, by this method: a factor set up by another call in the meantime is not replaced.
fn check_due(pool: &Pool, under_way: &UnderWay, method: MfaMethod) -> Result<(), ApiError> {
    let user = pool
        .users
        .get(&under_way.user)
        .filter(|user| user.enabled)
        .ok_or_else(foreign_session)?;
    match mfa::due(pool, user, under_way)? {
        Due::SetUp(methods) if methods.contains(&method) => Ok(()),
        Due::SetUp(_) if method == MfaMethod::SoftwareTokenMfa => {
            Err(ApiError::software_token_mfa_not_found(
                "Software Token MFA has not been enabled by the userPool",
            ))
        }
        Due::SetUp(_) => Err(ApiError::invalid_parameter(format!(
            "{} is not enabled for the user pool",
            method.name()
        ))),
        Due::Nothing | Due::One(_) | Due::Choice(_) => Err(foreign_session()),
    }
}

/// AssociateSoftwareToken with a `Session`: the secret of a new authenticator app, and the next session.
pub(crate) fn associate(service: &Service, session: &str) -> Result<(String, String), ApiError> {
    let (caller, session) = open(service, session)?;
    service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        check_due(pool, &session.under_way, MfaMethod::SoftwareTokenMfa)
    })?;
    let secret = totp::secret()?;
    spend(service, &caller, &session)?;
    let own = SetUp::Associated(secret.clone());
    let next = new_session(service, &caller, NAME, session.under_way, &own)?;
    Ok((secret, seal(service, &caller, next)?))
}

/// VerifySoftwareToken with a `Session`: the next session, after a right code. A wrong one leaves the session usable.
pub(crate) fn verify(
    service: &Service,
    session: &str,
    code: &str,
    friendly_name: Option<String>,
) -> Result<String, ApiError> {
    let (caller, session) = open(service, session)?;
    let SetUp::Associated(secret) = session.own()? else {
        return Err(ApiError::software_token_mfa_not_found(
            "No software token was associated.",
        ));
    };
    let mut token = SoftwareToken {
        secret,
        friendly_name,
        last_step: 0,
    };
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        check_due(pool, &session.under_way, MfaMethod::SoftwareTokenMfa)?;
        let attempts = code_attempts(&session.under_way.user);
        if pool.lockout.is_locked(&attempts, now) {
            return Err(attempts_exceeded());
        }
        if token.check(code, now) != CodeCheck::Right {
            pool.lockout.failed(&attempts, now);
            return Err(ApiError::enable_software_token_mfa("Code mismatch"));
        }
        spend_in(pool, &session, now)?;
        pool.lockout.clear(&attempts);
        let user = pool
            .users
            .get_mut(&session.under_way.user)
            .ok_or_else(foreign_session)?;
        user.factors.software_token = Some(token);
        user.factors.enabled.insert(MfaMethod::SoftwareTokenMfa);
        user.modified = now;
        Ok(())
    })?;
    let next = new_session(service, &caller, NAME, session.under_way, &SetUp::Verified)?;
    seal(service, &caller, next)
}

/// The session of a call that names neither client nor user: the session itself does.
fn open(service: &Service, text: &str) -> Result<(Caller, Session), ApiError> {
    let (caller, name) = service.read(|state| {
        let (pool, session) = state
            .pools
            .values()
            .find_map(|pool| Some((pool, Session::open(&pool.secret, text)?)))
            .ok_or_else(foreign_session)?;
        let client = pool
            .clients
            .get(&session.client)
            .ok_or_else(foreign_session)?;
        Ok::<_, ApiError>((Caller::of(pool, client), session.under_way.name))
    })?;
    let session = open_session(service, &caller, NAME, &name, Some(text))?;
    Ok((caller, session))
}
