//! USER_PASSWORD_AUTH and the admin password flow, with migration of users from elsewhere.

use super::{Caller, Flow, Parameters, Step, Target, UnderWay, go_on, required, settle};
use crate::error::ApiError;
use crate::secret_hash;
use crate::service::Service;
use crate::trigger::authentication;
use crate::trigger::user_migration::{self, Migrated, Migration};

/// InitiateAuth with USER_PASSWORD_AUTH, AdminInitiateAuth with ADMIN_USER_PASSWORD_AUTH.
pub(crate) async fn begin(
    service: &Service,
    caller: &Caller,
    flow: Flow,
    parameters: &Parameters,
) -> Result<Step, ApiError> {
    let username = required(parameters, "USERNAME")?;
    let password = required(parameters, "PASSWORD")?.to_owned();
    secret_hash::check(
        &caller.client,
        username,
        parameters.get("SECRET_HASH").map(String::as_str),
    )?;
    let mut target = Target::look_up(service, caller, username)?;
    if !target.known {
        let migration = Migration {
            caller,
            typed: username,
            password: Some(&password),
        };
        let refusal = match user_migration::migrate(service, &migration).await? {
            Migrated::TakenOver => None,
            Migrated::Unknown => Some(ApiError::user_missing()),
            Migrated::Refused(error) => Some(error),
        };
        match refusal {
            None => target = Target::look_up(service, caller, username)?,
            Some(refusal) if !caller.hides_users() => {
                // Counted here as well: the function behind the trigger must not become a place to guess at.
                let _refused = settle(service, caller, &target, false);
                return Err(refusal);
            }
            Some(_) => {}
        }
    }
    let under_way = UnderWay::begin(&target, flow, parameters.get("DEVICE_KEY"));
    authentication::begins(service, caller, &under_way).await?;
    let under_way = prove(service, caller, &target, under_way, password).await?;
    go_on(service, caller, under_way).await
}

/// Looks at a password and counts it; a right one is proven afterwards.
pub(super) async fn prove(
    service: &Service,
    caller: &Caller,
    target: &Target,
    mut under_way: UnderWay,
    password: String,
) -> Result<UnderWay, ApiError> {
    let right = {
        let target = target.clone();
        service
            .compute(move || {
                target
                    .password
                    .matches(&target.pool_name, &target.name, &password)
            })
            .await??
    };
    settle(service, caller, target, right && under_way.known)?;
    under_way.password = Some(target.password.salt.clone());
    Ok(under_way)
}
