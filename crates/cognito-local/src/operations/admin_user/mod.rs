//! Administration of users: AdminCreateUser, AdminSetUserPassword, AdminGetUser and their kin.

pub(super) mod list;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::sign_up::pre_sign_up_event;
use super::{Attribute, attribute_map, text_map, view};
use crate::constraint::{Constraints, PASSWORD, POOL_ID, USERNAME};
use crate::error::ApiError;
use crate::message::{self, Medium, NO_CLIENT};
use crate::password;
use crate::service::Service;
use crate::srp::Password;
use crate::state::{State, User, UserStatus};
use crate::trigger;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AdminCreateUser {
    user_pool_id: Option<String>,
    username: Option<String>,
    user_attributes: Option<Vec<Attribute>>,
    temporary_password: Option<String>,
    force_alias_creation: Option<bool>,
    message_action: Option<String>,
    desired_delivery_mediums: Option<Vec<String>>,
    validation_data: Option<Vec<Attribute>>,
    #[serde(default, deserialize_with = "text_map")]
    client_metadata: BTreeMap<String, String>,
}

/// How a new user learns of the temporary password.
struct Invitation {
    media: Vec<Medium>,
    metadata: BTreeMap<String, String>,
}

/// Makes a user with a temporary password and sends it by each of DesiredDeliveryMediums (SMS when none is named) that
/// the user has an address for; SUPPRESS sends nothing. RESEND makes a new temporary password for a user who still has
/// one, and sends that. In a pool where users may do without a password, one who is given none has none, and is confirmed.
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
    let mut media = Vec::new();
    for medium in request.desired_delivery_mediums.iter().flatten() {
        constraints.one_of("desiredDeliveryMediums", Some(medium), &["SMS", "EMAIL"]);
        media.extend(Medium::from_name(medium));
    }
    if media.is_empty() {
        media.push(Medium::Sms);
    }
    if request.message_action.as_deref() == Some("SUPPRESS") {
        media.clear();
    }
    let mut attributes = attribute_map(&mut constraints, "userAttributes", request.user_attributes);
    let validation = attribute_map(&mut constraints, "validationData", request.validation_data);
    constraints.check()?;
    let invitation = Invitation {
        media,
        metadata: request.client_metadata,
    };
    let resend = request.message_action.as_deref() == Some("RESEND");

    let now = service.now();
    let (pool_name, name, temporary) = service.read(|state| {
        let pool = state.pool(&pool_id)?;
        attributes
            .iter()
            .try_for_each(|(name, value)| pool.check_attribute(name, value))?;
        pool.add_sign_in_attribute(&username, &mut attributes);
        let policy = &pool.settings.password_policy;
        let temporary = match temporary {
            None if !resend && pool.settings.is_passwordless() => None,
            None => Some(password::generate(policy)?),
            Some(temporary) => {
                policy.check(&temporary)?;
                Some(temporary)
            }
        };
        let name = if resend {
            None
        } else {
            Some(pool.internal_name(&username, None)?)
        };
        Ok::<_, ApiError>((pool.srp_name().to_owned(), name, temporary))
    })?;
    let Some(name) = name else {
        let temporary = temporary.unwrap_or_default();
        return resend_invitation(service, &pool_id, &username, temporary, &invitation).await;
    };
    let mut user = User::new(name, attributes, now)?;
    // The function may refuse; what it says about confirming is for those who sign up themselves.
    let source = "PreSignUp_AdminCreateUser";
    let metadata = &invitation.metadata;
    let event = pre_sign_up_event(&pool_id, NO_CLIENT, source, &user, &validation, metadata);
    trigger::call(service, event).await?;
    if let Some(chosen) = temporary.clone() {
        let internal = user.name.clone();
        let password = service
            .compute(move || Password::new(&pool_name, &internal, &chosen))
            .await??;
        user.set_password(password, UserStatus::ForceChangePassword, now);
    } else {
        user.status = UserStatus::Confirmed;
    }
    let force = request.force_alias_creation == Some(true);
    let (key, answer) = service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let key = pool.key(&user.name);
        let user = pool.add_user(user, force)?;
        let view = view::user(user, "Attributes", view::attributes(user, |_| true));
        Ok::<_, ApiError>((key, json!({ "User": view })))
    })?;
    if let Some(temporary) = temporary {
        invitation.send(service, &pool_id, &key, &temporary).await?;
    }
    Ok(answer)
}

impl Invitation {
    async fn send(
        &self,
        service: &Service,
        pool: &str,
        key: &str,
        temporary: &str,
    ) -> Result<(), ApiError> {
        let (metadata, media) = (&self.metadata, &self.media);
        message::invite(service, pool, NO_CLIENT, metadata, key, media, temporary).await
    }
}

async fn resend_invitation(
    service: &Service,
    pool_id: &str,
    username: &str,
    temporary: String,
    invitation: &Invitation,
) -> Result<Value, ApiError> {
    let waiting = |state: &State| {
        let pool = state.pool(pool_id)?;
        let user = pool.user(username)?;
        match user.status {
            UserStatus::ForceChangePassword => Ok(pool.key(&user.name)),
            _ => Err(ApiError::unsupported_user_state(
                "Resend not possible. User is not in the state FORCE_CHANGE_PASSWORD.",
            )),
        }
    };
    let key = service.read(waiting)?;
    set_password(
        service,
        pool_id,
        &key,
        temporary.clone(),
        UserStatus::ForceChangePassword,
    )
    .await?;
    invitation.send(service, pool_id, &key, &temporary).await?;
    service.read(|state| {
        let user = state.pool(pool_id)?.user(username)?;
        Ok(json!({ "User": view::user(user, "Attributes", view::attributes(user, |_| true)) }))
    })
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
    let key = service.read(|state| {
        let pool = state.pool(&pool_id)?;
        Ok::<_, ApiError>(pool.key(&pool.user(&username)?.name))
    })?;
    set_password(service, &pool_id, &key, password, status).await?;
    Ok(json!({}))
}

/// `key` is the user's in the pool.
async fn set_password(
    service: &Service,
    pool_id: &str,
    key: &str,
    chosen: String,
    status: UserStatus,
) -> Result<(), ApiError> {
    let password = password::enrol(service, pool_id, key, chosen).await?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(pool_id)?;
        let user = pool.users.get_mut(key).ok_or_else(ApiError::user_missing)?;
        user.set_password(password, status, now);
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
        pool.remove_user(&key);
        Ok(Value::Null)
    })
}
