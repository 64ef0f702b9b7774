//! Devices: ConfirmDevice, UpdateDeviceStatus, ForgetDevice, GetDevice, ListDevices and the admin forms.
//!
//! A sign-in hands out a device key; its client makes a secret for it and confirms it with an SRP verifier. Signing in
//! with a device is in `sign_in::device`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::constraint::{Constraints, DEVICE_KEY, DEVICE_NAME, POOL_ID, TEXT, TOKEN, USERNAME};
use crate::error::ApiError;
use crate::service::Service;
use crate::srp::Password;
use crate::state::{Device, Pool, User};
use crate::token::authorize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ConfirmDevice {
    access_token: Option<String>,
    device_key: Option<String>,
    device_name: Option<String>,
    device_secret_verifier_config: Option<Verifier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Verifier {
    password_verifier: Option<String>,
    salt: Option<String>,
}

pub(super) async fn confirm_device(
    service: &Service,
    request: ConfirmDevice,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let token = constraints.required("accessToken", request.access_token, &TOKEN);
    let key = constraints.required("deviceKey", request.device_key, &DEVICE_KEY);
    let name = constraints.optional("deviceName", request.device_name, &DEVICE_NAME);
    constraints.check()?;
    let password = verifier(request.device_secret_verifier_config)?;
    let caller = authorize(service, &token).await?;
    let now = service.now();
    service.change(|state| {
        let pool = state.pool_mut(&caller.pool)?;
        let devices = pool.settings.devices.ok_or_else(|| {
            ApiError::invalid_user_pool_configuration("The user pool does not remember devices.")
        })?;
        let issued = pool
            .grants
            .get(&caller.event_id)
            .and_then(|grant| grant.device.clone())
            .filter(|device| device.key == key)
            .ok_or_else(|| ApiError::invalid_parameter("Invalid device key given."))?;
        let known = &mut user(pool, &caller.user)?.factors.devices;
        if known.contains_key(&key) {
            return Err(ApiError::device_key_exists("Device already exists."));
        }
        if known.len() >= Device::MOST {
            let oldest = known
                .iter()
                .min_by_key(|(_, device)| device.authenticated)
                .map(|(key, _)| key.clone());
            oldest.map(|oldest| known.remove(&oldest));
        }
        let device = Device {
            group_key: issued.group_key,
            password,
            name,
            remembered: !devices.only_remembered_on_user_prompt,
            created: now,
            modified: now,
            authenticated: now,
        };
        known.insert(key, device);
        Ok(json!({ "UserConfirmationNecessary": devices.only_remembered_on_user_prompt }))
    })
}

fn verifier(config: Option<Verifier>) -> Result<Password, ApiError> {
    let config = config.ok_or_else(|| ApiError::missing_parameter("DeviceSecretVerifierConfig"))?;
    let bytes = |text: Option<String>, name: &str| {
        STANDARD
            .decode(text.ok_or_else(|| ApiError::missing_parameter(name))?)
            .map_err(|_no_base64| ApiError::invalid_parameter(format!("Invalid {name}.")))
    };
    let (verifier, salt) = (
        bytes(config.password_verifier, "PasswordVerifier")?,
        bytes(config.salt, "Salt")?,
    );
    Password::of_device(&salt, &verifier)
        .map_err(|_no_number| ApiError::invalid_parameter("Invalid PasswordVerifier or Salt."))
}

/// A device of the caller, or of a user an administrator names.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneDevice {
    access_token: Option<String>,
    user_pool_id: Option<String>,
    username: Option<String>,
    device_key: Option<String>,
    device_remembered_status: Option<String>,
}

/// Who may speak for the user.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum By {
    User,
    Admin,
}

struct Named {
    pool: String,
    user: String,
    device: String,
}

impl OneDevice {
    async fn named(
        self,
        service: &Service,
        by: By,
        mut constraints: Constraints,
    ) -> Result<Named, ApiError> {
        let device = constraints.required("deviceKey", self.device_key, &DEVICE_KEY);
        let (pool, user) = who(
            service,
            by,
            constraints,
            self.access_token,
            self.user_pool_id,
            self.username,
        )
        .await?;
        Ok(Named { pool, user, device })
    }
}

/// The pool's id and the user's key.
async fn who(
    service: &Service,
    by: By,
    mut constraints: Constraints,
    token: Option<String>,
    pool: Option<String>,
    username: Option<String>,
) -> Result<(String, String), ApiError> {
    match by {
        By::User => {
            let token = constraints.required("accessToken", token, &TOKEN);
            constraints.check()?;
            let caller = authorize(service, &token).await?;
            Ok((caller.pool, caller.user))
        }
        By::Admin => {
            let pool = constraints.required("userPoolId", pool, &POOL_ID);
            let username = constraints.required("username", username, &USERNAME);
            constraints.check()?;
            service.read(|state| {
                let (key, _) = state
                    .pool(&pool)?
                    .find(&username)
                    .ok_or_else(ApiError::user_missing)?;
                Ok((pool.clone(), key.to_owned()))
            })
        }
    }
}

pub(super) async fn update_device_status(
    service: &Service,
    by: By,
    request: OneDevice,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let status = request.device_remembered_status.clone();
    constraints.one_of(
        "deviceRememberedStatus",
        status.as_deref(),
        &["remembered", "not_remembered"],
    );
    let named = request.named(service, by, constraints).await?;
    let now = service.now();
    service.change(|state| {
        let devices = &mut user(state.pool_mut(&named.pool)?, &named.user)?
            .factors
            .devices;
        let device = devices.get_mut(&named.device).ok_or_else(missing)?;
        if let Some(status) = status {
            device.remembered = status == "remembered";
            device.modified = now;
        }
        Ok(json!({}))
    })
}

/// Sign-ins with the device cannot be renewed afterwards: their refresh tokens are bound to it.
pub(super) async fn forget_device(
    service: &Service,
    by: By,
    request: OneDevice,
) -> Result<Value, ApiError> {
    let named = request.named(service, by, Constraints::default()).await?;
    service.change(|state| {
        let user = user(state.pool_mut(&named.pool)?, &named.user)?;
        match user.factors.devices.remove(&named.device) {
            Some(_) => Ok(Value::Null),
            None => Err(missing()),
        }
    })
}

pub(super) async fn get_device(
    service: &Service,
    by: By,
    request: OneDevice,
) -> Result<Value, ApiError> {
    let named = request.named(service, by, Constraints::default()).await?;
    service.read(|state| {
        let users = &state.pool(&named.pool)?.users;
        let user = users.get(&named.user).ok_or_else(ApiError::user_missing)?;
        let device = user
            .factors
            .devices
            .get(&named.device)
            .ok_or_else(missing)?;
        Ok(json!({ "Device": shown(&named.device, device) }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListDevices {
    access_token: Option<String>,
    user_pool_id: Option<String>,
    username: Option<String>,
    limit: Option<i64>,
    pagination_token: Option<String>,
}

pub(super) async fn list_devices(
    service: &Service,
    by: By,
    request: ListDevices,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let limit = constraints.number("limit", request.limit, &(0..=60));
    let after = constraints.optional("paginationToken", request.pagination_token, &TEXT);
    let (pool, user) = who(
        service,
        by,
        constraints,
        request.access_token,
        request.user_pool_id,
        request.username,
    )
    .await?;
    // 0 is the service's way to say "the most".
    let limit = limit
        .and_then(|limit| usize::try_from(limit).ok())
        .filter(|limit| *limit > 0)
        .unwrap_or(60);
    let after = after.map(|token| position(&token)).transpose()?;
    service.read(|state| {
        let users = &state.pool(&pool)?.users;
        let user = users.get(&user).ok_or_else(ApiError::user_missing)?;
        let mut devices = user
            .factors
            .devices
            .iter()
            .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
        let page: Vec<_> = devices.by_ref().take(limit).collect();
        let views: Vec<_> = page
            .iter()
            .map(|(key, device)| shown(key, device))
            .collect();
        let mut answer = json!({ "Devices": views });
        if let (Some(_more), Some((last, _)), Some(answer)) =
            (devices.next(), page.last(), answer.as_object_mut())
        {
            let token = URL_SAFE_NO_PAD.encode(last);
            answer.insert("PaginationToken".to_owned(), token.into());
        }
        Ok(answer)
    })
}

/// Where the last page ended: the key of its last device.
fn position(token: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ApiError::invalid_parameter("Invalid pagination token."))
}

fn shown(key: &str, device: &Device) -> Value {
    let mut attributes = vec![json!({ "Name": "device_status", "Value": device.status() })];
    if let Some(name) = &device.name {
        attributes.push(json!({ "Name": "device_name", "Value": name }));
    }
    json!({
        "DeviceKey": key,
        "DeviceAttributes": attributes,
        "DeviceCreateDate": view::timestamp(device.created),
        "DeviceLastModifiedDate": view::timestamp(device.modified),
        "DeviceLastAuthenticatedDate": view::timestamp(device.authenticated),
    })
}

fn missing() -> ApiError {
    ApiError::resource_not_found("Device does not exist.")
}

fn user<'a>(pool: &'a mut Pool, key: &str) -> Result<&'a mut User, ApiError> {
    pool.users.get_mut(key).ok_or_else(ApiError::user_missing)
}
