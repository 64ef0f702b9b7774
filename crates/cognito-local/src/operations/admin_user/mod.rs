//! Administration of users: AdminCreateUser, AdminSetUserPassword, AdminGetUser and their kin.

pub(super) mod list;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Attribute, view};
use crate::constraint::{
    ATTRIBUTE_NAME, ATTRIBUTE_VALUE, Constraints, PASSWORD, POOL_ID, USERNAME,
};
use crate::error::ApiError;
use crate::password;
use crate::service::Service;
use crate::srp::Password;
use crate::state::{State, User, UserStatus};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminCreateUser {
    user_pool_id: Option<String>,
    username: Option<String>,
    user_attributes: Option<Vec<Attribute>>,
    temporary_password: Option<String>,
    force_alias_creation: Option<bool>,
    message_action: Option<String>,
}

/// Makes a user with a temporary password. No message is sent: without `TemporaryPassword` only AdminSetUserPassword
/// gets the user in. RESEND starts the life of the temporary password anew.
pub(super) async fn admin_create_user(
    service: &Service,
    request: AdminCreateUser,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let temporary =
        constraints.optional("temporaryPassword", request.temporary_password, &PASSWORD);
    constraints.one_of(
        "messageAction",
        request.message_action.as_deref(),
        &["RESEND", "SUPPRESS"],
    );
    let mut attributes = attributes(&mut constraints, request.user_attributes);
    constraints.check()?;
    let resend = request.message_action.as_deref() == Some("RESEND");

    let now = service.now();
    let (pool_name, name, temporary) = service.read(|state| {
        let pool = state.pool(&pool_id)?;
        attributes
            .iter()
            .try_for_each(|(name, value)| pool.check_attribute(name, value))?;
        pool.add_sign_in_attribute(&username, &mut attributes);
        let policy = &pool.settings.password_policy;
        let temporary = temporary.map_or_else(|| password::generate(policy), Ok)?;
        policy.check(&temporary)?;
        let name = if resend {
            None
        } else {
            Some(pool.internal_name(&username, None)?)
        };
        Ok::<_, ApiError>((pool.srp_name().to_owned(), name, temporary))
    })?;
    let Some(name) = name else {
        return resend_invitation(service, &pool_id, &username, temporary).await;
    };
    let internal = name.as_str().to_owned();
    let password = service
        .compute(move || Password::new(&pool_name, &internal, &temporary))
        .await??;
    let mut user = User::new(name, attributes, now)?;
    user.set_password(password, UserStatus::ForceChangePassword, now);
    let force = request.force_alias_creation == Some(true);
    service.change(|state| {
        let user = state.pool_mut(&pool_id)?.add_user(user, force)?;
        Ok(json!({ "User": view::user(user, "Attributes", view::attributes(user, |_| true)) }))
    })
}

async fn resend_invitation(
    service: &Service,
    pool_id: &str,
    username: &str,
    temporary: String,
) -> Result<Value, ApiError> {
    let waiting = |state: &State| {
        let user = state.pool(pool_id)?.user(username)?;
        match user.status {
            UserStatus::ForceChangePassword => Ok(()),
            _ => Err(ApiError::unsupported_user_state(
                "Resend not possible. User is not in the state FORCE_CHANGE_PASSWORD.",
            )),
        }
    };
    service.read(waiting)?;
    set_password(
        service,
        pool_id,
        username,
        temporary,
        UserStatus::ForceChangePassword,
    )
    .await?;
    service.read(|state| {
        let user = state.pool(pool_id)?.user(username)?;
        Ok(json!({ "User": view::user(user, "Attributes", view::attributes(user, |_| true)) }))
    })
}

fn attributes(
    constraints: &mut Constraints,
    list: Option<Vec<Attribute>>,
) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    for attribute in list.unwrap_or_default() {
        let name = constraints.required(
            "userAttributes.member.name",
            attribute.name,
            &ATTRIBUTE_NAME,
        );
        let value = constraints.optional(
            "userAttributes.member.value",
            attribute.value,
            &ATTRIBUTE_VALUE,
        );
        attributes.insert(name, value.unwrap_or_default());
    }
    attributes
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminSetUserPassword {
    user_pool_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    permanent: Option<bool>,
}

pub(super) async fn admin_set_user_password(
    service: &Service,
    request: AdminSetUserPassword,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let username = constraints.required("username", request.username, &USERNAME);
    let password = constraints.required("password", request.password, &PASSWORD);
    constraints.check()?;
    let permanent = request.permanent == Some(true);
    let status = if permanent {
        UserStatus::Confirmed
    } else {
        UserStatus::ForceChangePassword
    };
    set_password(service, &pool_id, &username, password, status).await?;
    Ok(json!({}))
}

async fn set_password(
    service: &Service,
    pool_id: &str,
    username: &str,
    password: String,
    status: UserStatus,
) -> Result<(), ApiError> {
    let (pool_name, name) = service.read(|state| {
        let pool = state.pool(pool_id)?;
        let user = pool.user(username)?;
        pool.settings.password_policy.check(&password)?;
        Ok::<_, ApiError>((pool.srp_name().to_owned(), user.name.clone()))
    })?;
    let internal = name.clone();
    let password = service
        .compute(move || Password::new(&pool_name, &internal, &password))
        .await??;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(pool_id)?;
        pool.user_mut(&name)?.set_password(password, status, now);
        Ok(())
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PoolAndUsername {
    user_pool_id: Option<String>,
    username: Option<String>,
}

impl PoolAndUsername {
    fn check(self) -> Result<(String, String), ApiError> {
        let mut constraints = Constraints::default();
        let pool_id = constraints.required("userPoolId", self.user_pool_id, &POOL_ID);
        let username = constraints.required("username", self.username, &USERNAME);
        constraints.check()?;
        Ok((pool_id, username))
    }
}

pub(super) fn admin_get_user(
    service: &Service,
    request: PoolAndUsername,
) -> Result<Value, ApiError> {
    let (pool_id, username) = request.check()?;
    service.read(|state| {
        let user = state.pool(&pool_id)?.user(&username)?;
        let mut answer = view::user(user, "UserAttributes", view::attributes(user, |_| true));
        answer.append(&mut view::mfa(user));
        Ok(answer.into())
    })
}

pub(super) fn admin_enable_user(
    service: &Service,
    request: PoolAndUsername,
) -> Result<Value, ApiError> {
    set_enabled(service, request, true)
}

/// Also ends the user's sign-ins.
pub(super) fn admin_disable_user(
    service: &Service,
    request: PoolAndUsername,
) -> Result<Value, ApiError> {
    set_enabled(service, request, false)
}

fn set_enabled(
    service: &Service,
    request: PoolAndUsername,
    enabled: bool,
) -> Result<Value, ApiError> {
    let (pool_id, username) = request.check()?;
    let now: Duration = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let user = pool.user_mut(&username)?;
        user.enabled = enabled;
        user.modified = now;
        let name = user.name.clone();
        if !enabled {
            let key = pool.key(&name);
            pool.revoke_all(&key);
        }
        Ok(json!({}))
    })
}

pub(super) fn admin_user_global_sign_out(
    service: &Service,
    request: PoolAndUsername,
) -> Result<Value, ApiError> {
    let (pool_id, username) = request.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let key = pool.key(&pool.user(&username)?.name);
        pool.revoke_all(&key);
        Ok(json!({}))
    })
}

pub(super) fn admin_delete_user(
    service: &Service,
    request: PoolAndUsername,
) -> Result<Value, ApiError> {
    let (pool_id, username) = request.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let key = pool.key(&pool.user(&username)?.name);
        pool.users.remove(&key);
        pool.grants.retain(|_, grant| grant.user != key);
        Ok(Value::Null)
    })
}
