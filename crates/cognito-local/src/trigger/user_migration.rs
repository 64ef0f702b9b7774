//! The UserMigration trigger: takes a user over from elsewhere, at the first sign-in by password or when the password is
//! forgotten.
//!
//! Runs when nobody has the name. What the function refuses counts as a wrong password, or as nobody: a migrated pool
//! must not tell who is left in the old directory. What is wrong with the function itself is told.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Event, Kind, TriggerError, ask};
use crate::error::ApiError;
use crate::message::{self, Contact, Medium};
use crate::service::Service;
use crate::sign_in::Caller;
use crate::srp::Password;
use crate::state::{MfaMethod, User, UserStatus};

/// Stands for the password in a welcome: users who come from elsewhere know theirs.
const UNTOLD: &str = "********";

/// A call by a name nobody has.
pub(crate) struct Migration<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) typed: &'a str,
    /// Absent when the password is forgotten.
    pub(crate) password: Option<&'a str>,
}

/// What a function answers (the members of its `response`).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    user_attributes: Option<BTreeMap<String, String>>,
    final_user_status: Option<String>,
    /// `SUPPRESS`, or nothing for a welcome.
    message_action: Option<String>,
    desired_delivery_mediums: Option<Vec<String>>,
    force_alias_creation: Option<bool>,
    #[serde(rename = "enableSMSMFA")]
    enable_sms_mfa: Option<bool>,
}

/// What became of a migration.
pub(crate) enum Migrated {
    /// The user is in the pool now, with the given password if there was one.
    TakenOver,
    /// There is no function, or it does not know the user.
    Unknown,
    /// The function threw: it knows the user and refuses the password, or wants to say something else.
    Refused(ApiError),
}

/// Asks the pool's function for the user.
///
/// With `finalUserStatus` CONFIRMED a sign-in goes on; without it the right password leads to
/// PasswordResetRequiredException, now and later. The password policy is not applied. Who forgot the password comes
/// without one and only with a proven address to send the code to.
pub(crate) async fn migrate(
    service: &Service,
    migration: &Migration<'_>,
) -> Result<Migrated, ApiError> {
    let response = match ask(service, event(migration)).await {
        Ok(Some(response)) => response,
        Ok(None) => return Ok(Migrated::Unknown),
        // Its text is for the caller, and may name the user: not for the log.
        Err(error @ TriggerError::Thrown(_)) => {
            tracing::info!("the UserMigration trigger threw; nobody was taken over");
            return Ok(Migrated::Refused(error.exception(Kind::UserMigration)));
        }
        Err(error) => {
            tracing::warn!(%error, "the UserMigration trigger failed");
            return Err(error.exception(Kind::UserMigration));
        }
    };
    let Some(user) = read(response)? else {
        return Ok(Migrated::Unknown);
    };
    store(service, migration, user).await
}

fn event<'a>(migration: &Migration<'a>) -> Event<'a> {
    let caller = migration.caller;
    let mut request = Map::new();
    let source = match migration.password {
        Some(password) => {
            request.insert("password".to_owned(), password.into());
            "UserMigration_Authentication"
        }
        None => "UserMigration_ForgotPassword",
    };
    request.insert("validationData".to_owned(), caller.validation_data());
    request.insert("clientMetadata".to_owned(), json!(caller.metadata));
    Event {
        pool: &caller.pool,
        client: &caller.client.id,
        kind: Kind::UserMigration,
        source,
        user_name: migration.typed,
        request,
        response: json!({
            "userAttributes": null,
            "finalUserStatus": null,
            "messageAction": null,
            "desiredDeliveryMediums": null,
            "forceAliasCreation": null,
            "enableSMSMFA": null,
        }),
    }
}

/// The answer, if it names a user. Values the service does not know are refused rather than guessed at.
fn read(response: Map<String, Value>) -> Result<Option<Answer>, ApiError> {
    let unusable = || TriggerError::BadAnswer.exception(Kind::UserMigration);
    let answer: Answer =
        serde_json::from_value(response.into()).map_err(|_wrong_shape| unusable())?;
    let attributes = match &answer.user_attributes {
        Some(attributes) if !attributes.is_empty() => attributes,
        _ => return Ok(None),
    };
    let mediums = answer
        .desired_delivery_mediums
        .as_deref()
        .unwrap_or_default();
    let known = answer
        .message_action
        .as_deref()
        .is_none_or(|action| action == "SUPPRESS")
        && mediums
            .iter()
            .all(|medium| Medium::from_name(medium).is_some());
    let reachable = answer.enable_sms_mfa != Some(true) || attributes.contains_key("phone_number");
    if known && reachable {
        Ok(Some(answer))
    } else {
        Err(unusable())
    }
}

async fn store(
    service: &Service,
    migration: &Migration<'_>,
    answer: Answer,
) -> Result<Migrated, ApiError> {
    let mut attributes = answer.user_attributes.unwrap_or_default();
    let named = attributes.remove("username");
    let pool_id = &migration.caller.pool;
    let checked = service.read(|state| {
        let pool = state.pool(pool_id)?;
        attributes
            .iter()
            .try_for_each(|(name, value)| pool.check_attribute(name, value))?;
        pool.add_sign_in_attribute(migration.typed, &mut attributes);
        Ok::<_, ApiError>((
            pool.srp_name().to_owned(),
            pool.internal_name(migration.typed, named.as_deref())?,
        ))
    });
    let (pool_name, name) = checked
        .map_err(|_not_for_this_pool| TriggerError::BadAnswer.exception(Kind::UserMigration))?;
    let now = service.now();
    let internal = name.as_str().to_owned();
    let mut user = User::new(name, attributes, now)?;
    if answer.enable_sms_mfa == Some(true) {
        user.factors.enabled.insert(MfaMethod::SmsMfa);
    }
    match migration.password {
        Some(password) => {
            let password = password.to_owned();
            let password = service
                .compute(move || Password::new(&pool_name, &internal, &password))
                .await??;
            let status = match answer.final_user_status.as_deref() {
                Some("CONFIRMED") => UserStatus::Confirmed,
                _ => UserStatus::ResetRequired,
            };
            user.set_password(password, status, now);
        }
        None => {
            let reachable = |medium| Contact::verified(&user, medium).is_some();
            if ![Medium::Email, Medium::Sms].into_iter().any(reachable) {
                return Ok(Migrated::Unknown);
            }
            user.status = UserStatus::ResetRequired;
        }
    }
    let force = answer.force_alias_creation == Some(true);
    // A name taken in the meantime, or an alias that may not move: the migration fails, the call goes on without it.
    let added = service.change(|state| {
        let pool = state.pool_mut(pool_id).ok()?;
        let key = pool.key(&user.name);
        pool.add_user(user, force).ok()?;
        Some(key)
    });
    let Some(key) = added else {
        return Ok(Migrated::Unknown);
    };
    if answer.message_action.is_none() {
        let media: Vec<Medium> = match answer.desired_delivery_mediums {
            Some(names) if !names.is_empty() => names
                .iter()
                .filter_map(|name| Medium::from_name(name))
                .collect(),
            _ => vec![Medium::Sms],
        };
        let caller = migration.caller;
        let (client, metadata) = (&caller.client.id, &caller.metadata);
        message::invite(service, pool_id, client, metadata, &key, &media, UNTOLD).await?;
    }
    Ok(Migrated::TakenOver)
}
