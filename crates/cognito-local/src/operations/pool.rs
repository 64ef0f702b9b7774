//! CreateUserPool, UpdateUserPool, DescribeUserPool, DeleteUserPool, ListUserPools.
//!
//! Members the pool acts on are checked; members that would change how a sign-in goes and that it does not
//! act on are refused, since silence would look like consent; the rest is kept and shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::page::Page;
use super::{mfa, triggers, view};
use crate::constraint::{Constraints, NAME, POOL_ID};
use crate::error::ApiError;
use crate::service::Service;
use crate::state::{PasswordPolicy, Pool, PoolSettings, Recovery, STANDARD_ATTRIBUTES};

/// Kept and shown, not acted on.
const SHOWN: &[&str] = &[
    "DeletionProtection",
    "SmsVerificationMessage",
    "EmailVerificationMessage",
    "EmailVerificationSubject",
    "VerificationMessageTemplate",
    "SmsAuthenticationMessage",
    "EmailConfiguration",
    "SmsConfiguration",
    "UserPoolTags",
    "AdminCreateUserConfig",
    "UserPoolAddOns",
    "UserPoolTier",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateUserPool {
    pool_name: Option<String>,
    alias_attributes: Option<BTreeSet<String>>,
    username_attributes: Option<BTreeSet<String>>,
    username_configuration: Option<UsernameConfiguration>,
    schema: Option<Vec<SchemaAttribute>>,
    #[serde(flatten)]
    changeable: Changeable,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateUserPool {
    user_pool_id: Option<String>,
    pool_name: Option<String>,
    #[serde(flatten)]
    changeable: Changeable,
}

/// What can change during a pool's life.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changeable {
    policies: Option<Policies>,
    lambda_config: Option<Map<String, Value>>,
    mfa_configuration: Option<String>,
    device_configuration: Option<mfa::config::DeviceConfiguration>,
    auto_verified_attributes: Option<BTreeSet<String>>,
    user_attribute_update_settings: Option<UpdateSettings>,
    account_recovery_setting: Option<RecoverySetting>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policies {
    password_policy: Option<Policy>,
    sign_in_policy: Option<mfa::config::SignInPolicy>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    minimum_length: Option<i64>,
    require_uppercase: Option<bool>,
    require_lowercase: Option<bool>,
    require_numbers: Option<bool>,
    require_symbols: Option<bool>,
    password_history_size: Option<i64>,
    temporary_password_validity_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UsernameConfiguration {
    case_sensitive: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSettings {
    attributes_require_verification_before_update: Option<BTreeSet<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecoverySetting {
    recovery_mechanisms: Option<Vec<RecoveryMechanism>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecoveryMechanism {
    priority: Option<i64>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SchemaAttribute {
    name: Option<String>,
    attribute_data_type: Option<String>,
    required: Option<bool>,
}

pub(super) fn create_user_pool(
    service: &Service,
    request: CreateUserPool,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let name = constraints.required("poolName", request.pool_name, &NAME);
    let (required_attributes, custom_attributes) = schema(request.schema.unwrap_or_default())?;
    let fixed = PoolSettings {
        username_attributes: request.username_attributes.unwrap_or_default(),
        alias_attributes: request.alias_attributes.unwrap_or_default(),
        // Left out, the service's API makes a case-sensitive pool.
        case_sensitive: request
            .username_configuration
            .and_then(|configuration| configuration.case_sensitive)
            .unwrap_or(true),
        required_attributes,
        custom_attributes,
        ..PoolSettings::default()
    };
    let (settings, shown) = request.changeable.settings(constraints, fixed)?;
    let mut pool = Pool::new(None, name, settings, service.now())?;
    pool.shown = shown;
    service.change(|state| {
        let answer = json!({ "UserPool": view::pool(&pool) });
        state.pools.insert(pool.id.clone(), pool);
        Ok(answer)
    })
}

/// What the request leaves out gets its default, as in the service.
pub(super) fn update_user_pool(
    service: &Service,
    request: UpdateUserPool,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    let name = constraints.optional("poolName", request.pool_name, &NAME);
    constraints.check()?;
    service.change(|state| {
        let pool = state.pool_mut(&pool_id)?;
        let fixed = pool.settings.clone();
        (pool.settings, pool.shown) = request.changeable.settings(Constraints::default(), fixed)?;
        if let Some(name) = name {
            pool.name = name;
        }
        Ok(json!({}))
    })
}

impl Changeable {
    /// The settings of a pool, and what is shown of it beside them; what cannot change comes from `fixed`.
    fn settings(
        self,
        mut constraints: Constraints,
        fixed: PoolSettings,
    ) -> Result<(PoolSettings, Map<String, Value>), ApiError> {
        constraints.one_of(
            "mfaConfiguration",
            self.mfa_configuration.as_deref(),
            &["OFF", "ON", "OPTIONAL"],
        );
        let account_recovery = recovery(
            &mut constraints,
            self.account_recovery_setting.unwrap_or_default(),
        );
        let (password_policy, sign_in_policy) = self
            .policies
            .map(|policies| (policies.password_policy, policies.sign_in_policy))
            .unwrap_or_default();
        let password_policy = policy(&mut constraints, password_policy);
        let first_factors = mfa::config::first_factors(&mut constraints, sign_in_policy);
        constraints.check()?;
        let mfa = mfa::config::by_sms(
            self.mfa_configuration.as_deref(),
            self.other.contains_key("SmsConfiguration"),
            &fixed.mfa,
        )?;
        let settings = PoolSettings {
            password_policy,
            auto_verified_attributes: self.auto_verified_attributes.unwrap_or_default(),
            attributes_require_verification_before_update: self
                .user_attribute_update_settings
                .and_then(|settings| settings.attributes_require_verification_before_update)
                .unwrap_or_default(),
            allow_admin_create_user_only: self
                .other
                .get("AdminCreateUserConfig")
                .and_then(|config| config.get("AllowAdminCreateUserOnly"))
                .and_then(Value::as_bool)
                .unwrap_or(false),
            account_recovery,
            triggers: triggers::from_config(
                self.lambda_config.unwrap_or_default(),
                &fixed.triggers,
            )?,
            mfa,
            first_factors,
            devices: self.device_configuration.map(Into::into),
            ..fixed
        };
        if let Some(problem) = settings.problems().into_iter().next() {
            return Err(ApiError::invalid_parameter(problem));
        }
        let shown = self
            .other
            .into_iter()
            .filter(|(name, value)| SHOWN.contains(&name.as_str()) && !value.is_null())
            .collect();
        Ok((settings, shown))
    }
}

fn policy(constraints: &mut Constraints, policy: Option<Policy>) -> PasswordPolicy {
    let default = PasswordPolicy::default();
    let Some(policy) = policy else {
        return default;
    };
    let length = constraints.number(
        "policies.passwordPolicy.minimumLength",
        policy.minimum_length,
        &(6..=99),
    );
    let days = "policies.passwordPolicy.temporaryPasswordValidityDays";
    // 0 means the default.
    let days = constraints
        .number(days, policy.temporary_password_validity_days, &(0..=365))
        .filter(|days| *days > 0);
    let history = constraints.number(
        "policies.passwordPolicy.passwordHistorySize",
        policy.password_history_size,
        &(0..=24),
    );
    PasswordPolicy {
        minimum_length: length
            .and_then(|length| u8::try_from(length).ok())
            .unwrap_or(default.minimum_length),
        require_uppercase: policy.require_uppercase.unwrap_or(false),
        require_lowercase: policy.require_lowercase.unwrap_or(false),
        require_numbers: policy.require_numbers.unwrap_or(false),
        require_symbols: policy.require_symbols.unwrap_or(false),
        temporary_password_validity_days: days
            .and_then(|days| u16::try_from(days).ok())
            .unwrap_or(default.temporary_password_validity_days),
        password_history_size: history
            .and_then(|size| u8::try_from(size).ok())
            .unwrap_or_default(),
    }
}

/// The ways to a forgotten password, by their priority.
fn recovery(constraints: &mut Constraints, setting: RecoverySetting) -> Vec<Recovery> {
    let names = Recovery::ALL.map(Recovery::name);
    let mut mechanisms = setting.recovery_mechanisms.unwrap_or_default();
    for mechanism in &mechanisms {
        constraints.one_of(
            "accountRecoverySetting.recoveryMechanisms.name",
            Some(mechanism.name.as_deref().unwrap_or_default()),
            &names,
        );
        constraints.number(
            "accountRecoverySetting.recoveryMechanisms.priority",
            Some(mechanism.priority.unwrap_or_default()),
            &(1..=2),
        );
    }
    mechanisms.sort_by_key(|mechanism| mechanism.priority);
    mechanisms
        .iter()
        .filter_map(|mechanism| Recovery::from_name(mechanism.name.as_deref()?))
        .collect()
}

type Attributes = (BTreeSet<String>, BTreeMap<String, String>);

/// The required standard attributes, and the custom ones with their prefix and type.
fn schema(attributes: Vec<SchemaAttribute>) -> Result<Attributes, ApiError> {
    let (mut required, mut custom) = Attributes::default();
    for attribute in attributes {
        let name = attribute.name.unwrap_or_default();
        let must = attribute.required == Some(true);
        if STANDARD_ATTRIBUTES.contains(&name.as_str()) || name == "sub" {
            required.extend((must && name != "sub").then_some(name));
        } else if must {
            return Err(ApiError::invalid_parameter(
                "Required custom attributes are not supported currently.",
            ));
        } else {
            custom.insert(
                format!("custom:{name}"),
                attribute
                    .attribute_data_type
                    .unwrap_or_else(|| "String".to_owned()),
            );
        }
    }
    Ok((required, custom))
}

pub(super) fn not_offered(what: &str) -> ApiError {
    ApiError::invalid_parameter(format!("The local pool does not offer {what}."))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeUserPool {
    user_pool_id: Option<String>,
}

pub(super) fn describe_user_pool(
    service: &Service,
    request: DescribeUserPool,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    constraints.check()?;
    service.read(|state| Ok(json!({ "UserPool": view::pool(state.pool(&pool_id)?) })))
}

/// A pool of the seed is back after the next start.
pub(super) fn delete_user_pool(
    service: &Service,
    request: DescribeUserPool,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let pool_id = constraints.required("userPoolId", request.user_pool_id, &POOL_ID);
    constraints.check()?;
    service.change(|state| {
        state.pool(&pool_id)?;
        state.pools.remove(&pool_id);
        Ok(Value::Null)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListUserPools {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list_user_pools(
    service: &Service,
    request: ListUserPools,
) -> Result<Value, ApiError> {
    let mut constraints = Constraints::default();
    let page =
        Page::new(&mut constraints, "maxResults", request.max_results).after(request.next_token);
    constraints.check()?;
    let page = page?;
    service.read(|state| {
        let pools = state.pools.iter().map(|(id, pool)| {
            let view = json!({
                "Id": pool.id,
                "Name": pool.name,
                "LambdaConfig": triggers::config(&pool.settings.triggers),
                "CreationDate": view::timestamp(pool.created),
                "LastModifiedDate": view::timestamp(pool.created),
            });
            (id.as_str(), view)
        });
        Ok(page.answer("UserPools", pools))
    })
}
