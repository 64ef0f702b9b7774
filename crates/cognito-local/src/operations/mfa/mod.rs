//! Second factors of a user: SetUserMFAPreference and its admin form, GetUserAuthFactors. Authenticator apps are in
//! `software_token`; what the pool as a whole asks for is in `config`.

pub(super) mod config;
pub(super) mod software_token;

use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::constraint::{Constraints, POOL_ID, TOKEN, USERNAME};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::{Factors, MfaMethod, Pool, User};
use crate::token::authorize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Preferences {
    access_token: Option<String>,
    user_pool_id: Option<String>,
    username: Option<String>,
    #[serde(flatten)]
    wanted: Wanted,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wanted {
    #[serde(rename = "SMSMfaSettings")]
    sms_mfa_settings: Option<Preference>,
    software_token_mfa_settings: Option<Preference>,
    email_mfa_settings: Option<Preference>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "PascalCase")]
struct Preference {
    enabled: Option<bool>,
    preferred_mfa: Option<bool>,
}

pub(super) async fn set_user_mfa_preference(
    service: &Service,
    request: Preferences,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    set(service, &caller.pool, &request.wanted, |pool| {
        pool.users.get_mut(&caller.user)
    })
}

pub(super) fn admin_set_user_mfa_preference(
    service: &Service,
    request: Preferences,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    constraints.check()?;
    set(service, &pool_id, &request.wanted, |pool| {
        pool.user_mut(&username).ok()
    })
}

/// Factors that are left out stay as they are.
fn set(
    service: &Service,
    pool_id: &str,
    wanted: &Wanted,
    user: impl FnOnce(&mut Pool) -> Option<&mut User>,
) -> Result<Value, ApiError> {
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(pool_id)?;
        let offered = pool.settings.mfa.methods.clone();
        let user = user(pool).ok_or_else(ApiError::user_missing)?;
        let mut factors = user.factors.clone();
        let mut preferred = Vec::new();
        for (method, preference) in [
            (MfaMethod::SmsMfa, wanted.sms_mfa_settings),
            (
                MfaMethod::SoftwareTokenMfa,
                wanted.software_token_mfa_settings,
            ),
            (MfaMethod::EmailOtp, wanted.email_mfa_settings),
        ] {
            let Some(preference) = preference else {
                continue;
            };
            match preference.enabled {
                Some(true) => {
                    if !offered.contains(&method) {
                        return Err(ApiError::invalid_parameter(format!(
                            "{} is not enabled for the user pool",
                            method.name()
                        )));
                    }
                    check_usable(method, user)?;
                    factors.enabled.insert(method);
                }
                Some(false) => {
                    factors.enabled.remove(&method);
                }
                None => {}
            }
            match preference.preferred_mfa {
                Some(true) => preferred.push(method),
                Some(false) if factors.preferred == Some(method) => factors.preferred = None,
                _ => {}
            }
        }
        prefer(&mut factors, &preferred)?;
        user.factors = factors;
        user.modified = now;
        Ok(json!({}))
    })
}

/// A factor that cannot answer a challenge would lock its user out.
fn check_usable(method: MfaMethod, user: &User) -> Result<(), ApiError> {
    let usable = match method {
        MfaMethod::SmsMfa => user.verified("phone_number").is_some(),
        MfaMethod::EmailOtp => user.verified("email").is_some(),
        MfaMethod::SoftwareTokenMfa => user.factors.software_token.is_some(),
    };
    if usable {
        return Ok(());
    }
    Err(ApiError::invalid_parameter(match method {
        MfaMethod::SoftwareTokenMfa => "User has not verified software token mfa",
        MfaMethod::SmsMfa => "User does not have delivery config set to turn on SMS_MFA",
        MfaMethod::EmailOtp => "User does not have delivery config set to turn on EMAIL_OTP",
    }))
}

fn prefer(factors: &mut Factors, preferred: &[MfaMethod]) -> Result<(), ApiError> {
    if let [first, rest @ ..] = preferred {
        if !rest.is_empty() {
            return Err(ApiError::invalid_parameter(
                "Only one MFA method can be set as preferred",
            ));
        }
        factors.preferred = Some(*first);
    }
    match factors.preferred {
        Some(method) if preferred.contains(&method) && !factors.enabled.contains(&method) => {
            Err(ApiError::invalid_parameter(format!(
                "{} must be enabled to be preferred",
                method.name()
            )))
        }
        Some(method) if !factors.enabled.contains(&method) => {
            factors.preferred = None;
            Ok(())
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetUserAuthFactors {
    access_token: Option<String>,
}

pub(super) async fn get_user_auth_factors(
    service: &Service,
    request: GetUserAuthFactors,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    constraints.check()?;
    let caller = authorize(service, &token).await?;
    service.read(|state| {
        let pool = state.pool(&caller.pool)?;
        let user = pool
            .users
            .get(&caller.user)
            .ok_or_else(ApiError::user_missing)?;
        let mut answer = view::mfa(user);
        answer.remove("MFAOptions");
        answer.insert("Username".to_owned(), user.name.as_str().into());
        let configured: Vec<_> = pool
            .first_factors_of(user)
            .iter()
            .map(|factor| factor.name())
            .collect();
        answer.insert("ConfiguredUserAuthFactors".to_owned(), configured.into());
        Ok(answer.into())
    })
}
