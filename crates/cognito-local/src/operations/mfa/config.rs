//! SetUserPoolMfaConfig, GetUserPoolMfaConfig, and the same settings where CreateUserPool and UpdateUserPool take them.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::constraint::{Constraints, POOL_ID};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::{
    DeviceSettings, FirstFactor, MfaConfiguration, MfaMethod, MfaSettings, Pool, WebAuthnSettings,
};

/// The members of a pool that hold the texts of its codes: shown, since the pool sends its own.
const SMS_MESSAGE: &str = "SmsAuthenticationMessage";
const SMS_CONFIGURATION: &str = "SmsConfiguration";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct SignInPolicy {
    allowed_first_auth_factors: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct DeviceConfiguration {
    challenge_required_on_new_device: Option<bool>,
    device_only_remembered_on_user_prompt: Option<bool>,
}

impl From<DeviceConfiguration> for DeviceSettings {
    fn from(devices: DeviceConfiguration) -> Self {
        Self {
            challenge_required_on_new_device: devices.challenge_required_on_new_device
                == Some(true),
            only_remembered_on_user_prompt: devices.device_only_remembered_on_user_prompt
                == Some(true),
        }
    }
}

/// `Policies.SignInPolicy`.
pub(in crate::operations) fn first_factors(
    constraints: &mut Constraints,
    policy: Option<SignInPolicy>,
) -> BTreeSet<FirstFactor> {
    let names = policy
        .and_then(|policy| policy.allowed_first_auth_factors)
        .unwrap_or_default();
    for name in &names {
        constraints.one_of(
            "policies.signInPolicy.allowedFirstAuthFactors",
            Some(name),
            &FirstFactor::ALL.map(FirstFactor::name),
        );
    }
    names
        .iter()
        .filter_map(|name| FirstFactor::from_name(name))
        .collect()
}

/// What `MfaConfiguration` means at CreateUserPool and UpdateUserPool, which know the factor SMS alone: the other ones
/// are switched on by SetUserPoolMfaConfig and stay as they were (`before`).
pub(in crate::operations) fn by_sms(
    configuration: Option<&str>,
    has_sms_configuration: bool,
    before: &MfaSettings,
) -> Result<MfaSettings, ApiError> {
    let mut methods = before.methods.clone();
    if has_sms_configuration {
        methods.insert(MfaMethod::SmsMfa);
    } else {
        methods.remove(&MfaMethod::SmsMfa);
    }
    let configuration = configuration
        .and_then(MfaConfiguration::from_name)
        .unwrap_or_default();
    if configuration != MfaConfiguration::Off && methods.is_empty() {
        return Err(ApiError::invalid_parameter(
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional",
        ));
    }
    Ok(MfaSettings {
        configuration,
        methods,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct SetUserPoolMfaConfig {
    user_pool_id: Option<String>,
    mfa_configuration: Option<String>,
    sms_mfa_configuration: Option<SmsMfaConfiguration>,
    software_token_mfa_configuration: Option<SoftwareTokenMfaConfiguration>,
    email_mfa_configuration: Option<Map<String, Value>>,
    web_authn_configuration: Option<WebAuthnConfiguration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SmsMfaConfiguration {
    sms_authentication_message: Option<String>,
    sms_configuration: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SoftwareTokenMfaConfiguration {
    enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WebAuthnConfiguration {
    relying_party_id: Option<String>,
    user_verification: Option<String>,
    factor_configuration: Option<String>,
}

/// With `MfaConfiguration`, the factors named are the pool's from now on; without it, those named are added.
/// `WebAuthnConfiguration` left out stays as it is.
pub(in crate::operations) fn set_user_pool_mfa_config(
    service: &Service,
    request: SetUserPoolMfaConfig,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    constraints.one_of(
        "mfaConfiguration",
        request.mfa_configuration.as_deref(),
        &MfaConfiguration::ALL.map(MfaConfiguration::name),
    );
    let passkeys = request.web_authn_configuration.as_ref();
    constraints.one_of(
        "webAuthnConfiguration.userVerification",
        passkeys.and_then(|passkeys| passkeys.user_verification.as_deref()),
        &["required", "preferred"],
    );
    constraints.one_of(
        "webAuthnConfiguration.factorConfiguration",
        passkeys.and_then(|passkeys| passkeys.factor_configuration.as_deref()),
        &["SINGLE_FACTOR", "MULTI_FACTOR_WITH_USER_VERIFICATION"],
    );
    constraints.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let mut settings = pool.settings.clone();
        if let Some(configuration) = request
            .mfa_configuration
            .as_deref()
            .and_then(MfaConfiguration::from_name)
        {
            settings.mfa = MfaSettings {
                configuration,
                methods: BTreeSet::new(),
            };
        }
        let methods = &mut settings.mfa.methods;
        methods.extend(
            request
                .sms_mfa_configuration
                .is_some()
                .then_some(MfaMethod::SmsMfa),
        );
        methods.extend(
            request
                .email_mfa_configuration
                .is_some()
                .then_some(MfaMethod::EmailOtp),
        );
        match request
            .software_token_mfa_configuration
            .and_then(|token| token.enabled)
        {
            Some(true) => {
                methods.insert(MfaMethod::SoftwareTokenMfa);
            }
            Some(false) => {
                methods.remove(&MfaMethod::SoftwareTokenMfa);
            }
            None => {}
        }
        if let Some(passkeys) = request.web_authn_configuration {
            settings.web_authn = Some(web_authn(passkeys, settings.web_authn.as_ref())?);
        }
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(ApiError::invalid_parameter(problem));
        }
        pool.settings = settings;
        if let Some(sms) = request.sms_mfa_configuration {
            let shown = [
                (SMS_MESSAGE, sms.sms_authentication_message.map(Value::from)),
                (SMS_CONFIGURATION, sms.sms_configuration),
            ];
            pool.shown.extend(
                shown
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            );
        }
        if let Some(email) = request.email_mfa_configuration {
            pool.email_mfa = email;
        }
        Ok(view(pool))
    })
}

fn web_authn(
    given: WebAuthnConfiguration,
    before: Option<&WebAuthnSettings>,
) -> Result<WebAuthnSettings, ApiError> {
    let relying_party_id = given
        .relying_party_id
        .or_else(|| before.map(|before| before.relying_party_id.clone()))
        .ok_or_else(|| ApiError::missing_parameter("RelyingPartyId"))?;
    Ok(WebAuthnSettings {
        relying_party_id,
        user_verification_required: given.user_verification.as_deref() == Some("required"),
        multi_factor: given.factor_configuration.as_deref()
            == Some("MULTI_FACTOR_WITH_USER_VERIFICATION"),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::operations) struct GetUserPoolMfaConfig {
    user_pool_id: Option<String>,
}

pub(in crate::operations) fn get_user_pool_mfa_config(
    service: &Service,
    request: GetUserPoolMfaConfig,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    constraints.check()?;
    service.read(|state| Ok(view(state.pool(&pool_id)?)))
}

fn view(pool: &Pool) -> Value {
    let settings = &pool.settings;
    let mut view = Map::new();
    let mut put = |name: &str, value: Value| view.insert(name.to_owned(), value);
    put("MfaConfiguration", settings.mfa.configuration.name().into());
    for method in &settings.mfa.methods {
        match method {
            MfaMethod::SmsMfa => {
                let sms: Map<_, _> = [SMS_MESSAGE, SMS_CONFIGURATION]
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), pool.shown.get(name)?.clone())))
                    .collect();
                put("SmsMfaConfiguration", sms.into());
            }
            MfaMethod::SoftwareTokenMfa => {
                put("SoftwareTokenMfaConfiguration", json!({ "Enabled": true }));
            }
            MfaMethod::EmailOtp => {
                put("EmailMfaConfiguration", pool.email_mfa.clone().into());
            }
        }
    }
    if let Some(passkeys) = &settings.web_authn {
        put(
            "WebAuthnConfiguration",
            json!({
                "RelyingPartyId": passkeys.relying_party_id,
                "UserVerification": passkeys.user_verification(),
                "FactorConfiguration": passkeys.factor_configuration(),
            }),
        );
    }
    view.into()
}
