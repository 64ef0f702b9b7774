//! How users, groups, clients and pools look in answers.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::triggers;
use crate::state::{AuthFlow, Client, FirstFactor, Group, MfaMethod, Pool, User};

/// Seconds since the epoch with a fraction, as the protocol's timestamps are.
pub(super) fn timestamp(time: Duration) -> Value {
    // Milliseconds of this age fit a float exactly.
    json!(Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).as_secs_f64())
}

/// A list of attributes; `shown` says which.
pub(super) fn attributes(user: &User, shown: impl Fn(&str) -> bool) -> Value {
    user.attributes
        .iter()
        .filter(|(name, _)| shown(name))
        .map(|(name, value)| json!({ "Name": name, "Value": value }))
        .collect()
}

/// The members that AdminGetUser and `User` share; attributes go under a different name in each.
pub(super) fn user(user: &User, attributes_member: &str, attributes: Value) -> Map<String, Value> {
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("Username", user.name.as_str().into());
    put(attributes_member, attributes);
    put("UserCreateDate", timestamp(user.created));
    put("UserLastModifiedDate", timestamp(user.modified));
    put("Enabled", user.enabled.into());
    put("UserStatus", user.status.name().into());
    view
}

/// `UserMFASettingList`, `PreferredMfaSetting` and `MFAOptions`, when the user has a factor.
pub(super) fn mfa(user: &User) -> Map<String, Value> {
    let factors = &user.factors;
    let mut view = Map::new();
    if !factors.enabled.is_empty() {
        let names: Vec<_> = factors.enabled.iter().map(|method| method.name()).collect();
        view.insert("UserMFASettingList".to_owned(), names.into());
    }
    if let Some(preferred) = factors.preferred {
        view.insert("PreferredMfaSetting".to_owned(), preferred.name().into());
    }
    // Of before there were other factors: it knows SMS alone.
    if factors.enabled.contains(&MfaMethod::SmsMfa) {
        view.insert(
            "MFAOptions".to_owned(),
            json!([{ "DeliveryMedium": "SMS", "AttributeName": "phone_number" }]),
        );
    }
    view
}

pub(super) fn group(pool: &Pool, group: &Group) -> Value {
    let mut view = Map::new();
    let mut put =
        |name: &str, value: Option<Value>| view.extend(value.map(|value| (name.to_owned(), value)));
    put("GroupName", Some(group.name.as_str().into()));
    put("UserPoolId", Some(pool.id.as_str().into()));
    put("Description", group.description.as_deref().map(Into::into));
    put("RoleArn", group.role_arn.as_deref().map(Into::into));
    put("Precedence", group.precedence.map(Into::into));
    put("CreationDate", Some(timestamp(group.created)));
    put("LastModifiedDate", Some(timestamp(group.created)));
    view.into()
}

pub(super) fn client(pool: &Pool, client: &Client) -> Value {
    let settings = &client.settings;
    let mut view = client.shown.clone();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("UserPoolId", pool.id.as_str().into());
    put("ClientId", client.id.as_str().into());
    put("ClientName", client.name.as_str().into());
    put("CreationDate", timestamp(client.created));
    put("LastModifiedDate", timestamp(client.created));
    put(
        "AccessTokenValidity",
        settings.access_token_validity.amount.into(),
    );
    put("IdTokenValidity", settings.id_token_validity.amount.into());
    put(
        "RefreshTokenValidity",
        settings.refresh_token_validity.amount.into(),
    );
    put(
        "TokenValidityUnits",
        json!({
            "AccessToken": settings.access_token_validity.unit.name(),
            "IdToken": settings.id_token_validity.unit.name(),
            "RefreshToken": settings.refresh_token_validity.unit.name(),
        }),
    );
    put("AuthSessionValidity", settings.auth_session_validity.into());
    put(
        "EnableTokenRevocation",
        settings.enable_token_revocation.into(),
    );
    put(
        "PreventUserExistenceErrors",
        if settings.prevent_user_existence_errors {
            "ENABLED"
        } else {
            "LEGACY"
        }
        .into(),
    );
    put(
        "ExplicitAuthFlows",
        settings
            .explicit_auth_flows
            .iter()
            .copied()
            .map(AuthFlow::name)
            .collect::<Vec<_>>()
            .into(),
    );
    if let Some(secret) = &client.secret {
        put("ClientSecret", secret.as_str().into());
    }
    if let Some(grace) = settings.refresh_token_rotation {
        put(
            "RefreshTokenRotation",
            json!({ "Feature": "ENABLED", "RetryGracePeriodSeconds": grace }),
        );
    }
    for (name, attributes) in [
        ("ReadAttributes", &settings.read_attributes),
        ("WriteAttributes", &settings.write_attributes),
    ] {
        if let Some(attributes) = attributes {
            put(name, json!(attributes));
        }
    }
    view.into()
}

pub(super) fn pool(pool: &Pool) -> Value {
    let (settings, policy) = (&pool.settings, &pool.settings.password_policy);
    let mut view = pool.shown.clone();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("Id", pool.id.as_str().into());
    put("Name", pool.name.as_str().into());
    put(
        "Arn",
        format!(
            "arn:aws:cognito-idp:local:000000000000:userpool/{}",
            pool.id
        )
        .into(),
    );
    put("CreationDate", timestamp(pool.created));
    put("LastModifiedDate", timestamp(pool.created));
    put("EstimatedNumberOfUsers", pool.users.len().into());
    put("MfaConfiguration", settings.mfa.configuration.name().into());
    if let Some(devices) = settings.devices {
        put(
            "DeviceConfiguration",
            json!({
                "ChallengeRequiredOnNewDevice": devices.challenge_required_on_new_device,
                "DeviceOnlyRememberedOnUserPrompt": devices.only_remembered_on_user_prompt,
            }),
        );
    }
    put("UsernameAttributes", json!(settings.username_attributes));
    put("AliasAttributes", json!(settings.alias_attributes));
    put(
        "UsernameConfiguration",
        json!({ "CaseSensitive": settings.case_sensitive }),
    );
    let first_factors: Vec<_> = if settings.first_factors.is_empty() {
        vec![FirstFactor::Password.name()]
    } else {
        settings
            .first_factors
            .iter()
            .map(|factor| factor.name())
            .collect()
    };
    put(
        "Policies",
        json!({ "SignInPolicy": { "AllowedFirstAuthFactors": first_factors }, "PasswordPolicy": {
            "MinimumLength": policy.minimum_length,
            "RequireUppercase": policy.require_uppercase,
            "RequireLowercase": policy.require_lowercase,
            "RequireNumbers": policy.require_numbers,
            "RequireSymbols": policy.require_symbols,
            "TemporaryPasswordValidityDays": policy.temporary_password_validity_days,
            "PasswordHistorySize": policy.password_history_size,
        } }),
    );
    put("SchemaAttributes", schema(pool));
    put(
        "AutoVerifiedAttributes",
        json!(settings.auto_verified_attributes),
    );
    put(
        "UserAttributeUpdateSettings",
        json!({
            "AttributesRequireVerificationBeforeUpdate": settings.attributes_require_verification_before_update,
        }),
    );
    let mut creation = pool
        .shown
        .get("AdminCreateUserConfig")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    creation.insert(
        "AllowAdminCreateUserOnly".to_owned(),
        settings.allow_admin_create_user_only.into(),
    );
    put("AdminCreateUserConfig", creation.into());
    if !settings.account_recovery.is_empty() {
        let ways: Vec<_> = (1..)
            .zip(&settings.account_recovery)
            .map(|(priority, way)| json!({ "Priority": priority, "Name": way.name() }))
            .collect();
        put(
            "AccountRecoverySetting",
            json!({ "RecoveryMechanisms": ways }),
        );
    }
    put("LambdaConfig", triggers::config(&settings.triggers));
    view.into()
}

fn schema(pool: &Pool) -> Value {
    let attribute = |name: &str, kind: &str, required: bool| json!({ "Name": name, "AttributeDataType": kind, "DeveloperOnlyAttribute": false, "Mutable": name != "sub", "Required": required });
    let standard = crate::state::STANDARD_ATTRIBUTES.iter().map(|name| {
        let kind = if name.ends_with("_verified") {
            "Boolean"
        } else {
            "String"
        };
        attribute(
            name,
            kind,
            pool.settings.required_attributes.contains(*name),
        )
    });
    let custom = pool
        .settings
        .custom_attributes
        .iter()
        .map(|(name, kind)| attribute(name, kind, false));
    std::iter::once(attribute("sub", "String", true))
        .chain(standard)
        .chain(custom)
        .collect()
}
