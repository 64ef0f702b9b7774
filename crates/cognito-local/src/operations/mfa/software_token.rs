//! AssociateSoftwareToken and VerifySoftwareToken: how an authenticator app becomes a factor.
//!
//! With an access token here; with the `Session` of MFA_SETUP in `sign_in::mfa_setup`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::constraint::{Constraints, FRIENDLY_NAME, SESSION, TOKEN, USER_CODE};
use crate::error::ApiError;
use crate::service::Service;
use crate::sign_in::mfa_setup;
use crate::state::{CodeCheck, MfaMethod, Pool, SoftwareToken, code_attempts};
use crate::token::authorize;
use crate::totp;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct AssociateSoftwareToken {
    access_token: Option<String>,
    session: Option<String>,
}

/// The secret replaces one that was handed out before and never verified. An app in use stays the factor until then.
pub(in crate::operations) async fn associate_software_token(
    service: &Service,
    request: AssociateSoftwareToken,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.optional("accessToken", request.access_token, &TOKEN);
    let session = constraints.optional("session", request.session, &SESSION);
    constraints.check()?;
    if let Some(session) = session {
        let (secret, session) = mfa_setup::associate(service, &session)?;
        return Ok(json!({ "SecretCode": secret, "Session": session }));
    }
    let caller = authorize(service, &token.ok_or_else(nobody)?).await?;
    let secret = totp::secret()?;
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        check_offered(pool)?;
        let user = pool
            .users
            .get_mut(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        user.factors.associating = Some(secret.clone());
        Ok(json!({ "SecretCode": secret }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct VerifySoftwareToken {
    access_token: Option<String>,
    session: Option<String>,
    user_code: Option<String>,
    friendly_device_name: Option<String>,
}

pub(in crate::operations) async fn verify_software_token(
    service: &Service,
    request: VerifySoftwareToken,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.optional("accessToken", request.access_token, &TOKEN);
    let session = constraints.optional("session", request.session, &SESSION);
    let code = constraints.required("userCode", request.user_code, &USER_CODE);
    let name = constraints.optional(
        "friendlyDeviceName",
        request.friendly_device_name,
        &FRIENDLY_NAME,
    );
    constraints.check()?;
    if let Some(session) = session {
        let session = mfa_setup::verify(service, &session, &code, name)?;
        return Ok(json!({ "Status": "SUCCESS", "Session": session }));
    }
    let caller = authorize(service, &token.ok_or_else(nobody)?).await?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        check_offered(pool)?;
        let user = pool
            .users
            .get_mut(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        let secret = user.factors.associating.clone().ok_or_else(not_found)?;
        let attempts = code_attempts(&caller.user);
        if pool.lockout.is_locked(&attempts, now) {
            return Err(ApiError::not_authorized("Password attempts exceeded"));
        }
        let mut token = SoftwareToken {
            secret,
            friendly_name: name,
            last_step: 0,
        };
        if token.check(&code, now) != CodeCheck::Right {
            pool.lockout.failed(&attempts, now);
            return Err(ApiError::enable_software_token_mfa("Code mismatch"));
        }
        pool.lockout.clear(&attempts);
        user.factors.software_token = Some(token);
        user.factors.associating = None;
        user.modified = now;
        Ok(json!({ "Status": "SUCCESS" }))
    })
}

/// SoftwareTokenMFANotFoundException unless the pool knows authenticator apps.
fn check_offered(pool: &Pool) -> Result<(), ApiError> {
    if pool
        .settings
        .mfa
        .methods
        .contains(&MfaMethod::SoftwareTokenMfa)
    {
        return Ok(());
    }
    Err(ApiError::software_token_mfa_not_found(
        "Software Token MFA has not been enabled by the userPool",
    ))
}

fn nobody() -> ApiError {
    ApiError::invalid_parameter("Either AccessToken or Session is required.")
}

fn not_found() -> ApiError {
    ApiError::software_token_mfa_not_found("No software token was associated.")
}
