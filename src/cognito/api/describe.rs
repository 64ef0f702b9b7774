//! What the pool's own settings are: DescribeUserPool, DescribeUserPoolClient, GetUserPoolMfaConfig.
//!
//! Signed calls, for `sidegate check` alone: a running sidegate has no credentials of AWS. They are
//! handed in; nothing here looks for any. Only what `check` judges is taken out of the answers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Api, CognitoError, SdkTransport, Secret, Stage, sdk, unlogged};
use sdk::types::{LambdaConfigType, TimeUnitsType, UserPoolClientType, UserPoolType};

/// Credentials of AWS, as the environment has them.
#[derive(Clone, Debug)]
pub struct AwsCredentials {
    /// AWS_ACCESS_KEY_ID.
    pub access_key_id: String,
    /// AWS_SECRET_ACCESS_KEY.
    pub secret_access_key: Secret<String>,
    /// AWS_SESSION_TOKEN, for temporary ones.
    pub session_token: Option<Secret<String>>,
}

/// Everything that could be read; each part for itself, since each needs a permission of its own.
#[derive(Debug)]
pub struct Described {
    /// DescribeUserPool.
    pub pool: Result<PoolSettings, CognitoError>,
    /// DescribeUserPoolClient.
    pub client: Result<ClientSettings, CognitoError>,
    /// GetUserPoolMfaConfig.
    pub mfa: Result<MfaSettings, CognitoError>,
}

/// Of a user pool. Names and values are Cognito's.
#[derive(Clone, Debug, Default)]
pub struct PoolSettings {
    /// LambdaConfig: the trigger's name and the function's ARN, or URL at a local pool.
    pub triggers: BTreeMap<&'static str, String>,
    /// DeviceConfiguration; `None` where the pool does not track devices.
    pub devices: Option<DeviceSettings>,
    /// AdminCreateUserConfig.AllowAdminCreateUserOnly.
    pub admin_create_user_only: bool,
    /// SignInPolicy.AllowedFirstAuthFactors.
    pub first_factors: Vec<String>,
    /// UserPoolTier.
    pub tier: Option<String>,
    /// AccountRecoverySetting: the names of its mechanisms.
    pub recovery: Vec<String>,
    /// CustomDomain.
    pub custom_domain: Option<String>,
}

/// Of device tracking.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeviceSettings {
    /// ChallengeRequiredOnNewDevice: a remembered device stands in for the second factor.
    pub replace_second_factor: bool,
}

/// Of an app client. Names and values are Cognito's; durations are in effect, defaults filled in.
#[derive(Clone, Debug, Default)]
pub struct ClientSettings {
    /// ClientSecret.
    pub secret: Option<Secret<String>>,
    /// ExplicitAuthFlows.
    pub explicit_auth_flows: Vec<String>,
    /// PreventUserExistenceErrors is LEGACY, which is the API's default.
    pub tells_existence: bool,
    /// AccessTokenValidity.
    pub access_token: Duration,
    /// IdTokenValidity.
    pub id_token: Duration,
    /// RefreshTokenValidity.
    pub refresh_token: Duration,
    /// AuthSessionValidity.
    pub auth_session: Duration,
    /// RetryGracePeriodSeconds, if RefreshTokenRotation is on.
    pub rotation_grace: Option<Duration>,
    /// EnableTokenRevocation.
    pub revocation: bool,
    /// AllowedOAuthFlowsUserPoolClient: managed login can be used.
    pub managed_login: bool,
    /// CallbackURLs.
    pub callback_urls: Vec<String>,
    /// LogoutURLs.
    pub logout_urls: Vec<String>,
    /// ReadAttributes; `None` when it was not told, which is the default set.
    pub read_attributes: Option<Vec<String>>,
    /// WriteAttributes; `None` when it was not told, which is the default set.
    pub write_attributes: Option<Vec<String>>,
}

/// Of multi-factor authentication and passkeys.
#[derive(Clone, Debug, Default)]
pub struct MfaSettings {
    /// MfaConfiguration: OFF, ON, OPTIONAL.
    pub mode: String,
    /// The challenges that its factors lead to: `SOFTWARE_TOKEN_MFA`, `SMS_MFA`, `EMAIL_OTP`.
    pub factors: Vec<&'static str>,
    /// WebAuthnConfiguration.RelyingPartyId.
    pub relying_party_id: Option<String>,
}

impl Api {
    /// Reads the pool's settings, in three calls at once.
    pub(in crate::cognito) async fn describe(&self, credentials: AwsCredentials) -> Described {
        let signing = self
            .sdk
            .config()
            .to_builder()
            .http_client(SdkTransport(self.transport.clone()))
            .credentials_provider(sdk::config::Credentials::new(
                credentials.access_key_id,
                credentials.secret_access_key.expose(),
                credentials
                    .session_token
                    .map(|token| token.expose().clone()),
                None,
                "environment",
            ))
            .build();
        let sdk = sdk::Client::from_conf(signing);
        let pool_id = self.client.pool_id().as_str();
        let client_id = self.client.client_id().as_str();
        let pool = sdk.describe_user_pool().user_pool_id(pool_id);
        let client = sdk
            .describe_user_pool_client()
            .user_pool_id(pool_id)
            .client_id(client_id);
        let mfa = sdk.get_user_pool_mfa_config().user_pool_id(pool_id);

        const POOL: &str = "DescribeUserPool";
        const CLIENT: &str = "DescribeUserPoolClient";
        const MFA: &str = "GetUserPoolMfaConfig";
        let pool = async {
            let output = unlogged(pool.send()).await;
            let output = output.map_err(|error| self.error(POOL, Stage::Describe, None, error))?;
            let pool = output.user_pool;
            pool.map(PoolSettings::from)
                .ok_or_else(|| self.bad_reply(POOL, "no UserPool"))
        };
        let client = async {
            let output = unlogged(client.send()).await;
            let output =
                output.map_err(|error| self.error(CLIENT, Stage::Describe, None, error))?;
            let client = output.user_pool_client;
            client
                .map(ClientSettings::from)
                .ok_or_else(|| self.bad_reply(CLIENT, "no UserPoolClient"))
        };
        let mfa = async {
            let output = unlogged(mfa.send()).await;
            let output = output.map_err(|error| self.error(MFA, Stage::Describe, None, error))?;
            let mode = output.mfa_configuration;
            let software_token = output.software_token_mfa_configuration;
            let factors = [
                (
                    "SOFTWARE_TOKEN_MFA",
                    software_token.is_some_and(|factor| factor.enabled),
                ),
                ("SMS_MFA", output.sms_mfa_configuration.is_some()),
                ("EMAIL_OTP", output.email_mfa_configuration.is_some()),
            ];
            let factors = factors.into_iter().filter(|(_, is_on)| *is_on);
            Ok(MfaSettings {
                mode: mode.map_or_else(|| "OFF".to_owned(), |mode| mode.as_str().to_owned()),
                factors: factors.map(|(name, _)| name).collect(),
                relying_party_id: output
                    .web_authn_configuration
                    .and_then(|web_authn| web_authn.relying_party_id),
            })
        };
        let (pool, client, mfa) = tokio::join!(
            self.bounded(POOL, pool, |_| "done".to_owned()),
            self.bounded(CLIENT, client, |_| "done".to_owned()),
            self.bounded(MFA, mfa, |_| "done".to_owned()),
        );
        Described { pool, client, mfa }
    }
}

impl From<UserPoolType> for PoolSettings {
    fn from(pool: UserPoolType) -> Self {
        let sign_in = pool.policies.and_then(|policies| policies.sign_in_policy);
        let factors = sign_in.and_then(|policy| policy.allowed_first_auth_factors);
        let recovery = pool.account_recovery_setting;
        let mechanisms = recovery.and_then(|setting| setting.recovery_mechanisms);
        Self {
            triggers: pool.lambda_config.map(triggers).unwrap_or_default(),
            devices: pool.device_configuration.map(|devices| DeviceSettings {
                replace_second_factor: devices.challenge_required_on_new_device,
            }),
            admin_create_user_only: pool
                .admin_create_user_config
                .is_some_and(|config| config.allow_admin_create_user_only),
            first_factors: factors
                .unwrap_or_default()
                .iter()
                .map(|factor| factor.as_str().to_owned())
                .collect(),
            tier: pool.user_pool_tier.map(|tier| tier.as_str().to_owned()),
            recovery: mechanisms
                .unwrap_or_default()
                .iter()
                .map(|mechanism| mechanism.name.as_str().to_owned())
                .collect(),
            custom_domain: pool.custom_domain,
        }
    }
}

/// The triggers that `check` has something to say about.
fn triggers(config: LambdaConfigType) -> BTreeMap<&'static str, String> {
    [
        ("DefineAuthChallenge", config.define_auth_challenge),
        ("CreateAuthChallenge", config.create_auth_challenge),
        (
            "VerifyAuthChallengeResponse",
            config.verify_auth_challenge_response,
        ),
        ("UserMigration", config.user_migration),
    ]
    .into_iter()
    .filter_map(|(name, function)| Some((name, function?)))
    .collect()
}

impl From<UserPoolClientType> for ClientSettings {
    fn from(client: UserPoolClientType) -> Self {
        let units = client.token_validity_units;
        let (access, id, refresh) = units.map_or((None, None, None), |units| {
            (units.access_token, units.id_token, units.refresh_token)
        });
        let flows = client.explicit_auth_flows.unwrap_or_default();
        let existence = client.prevent_user_existence_errors;
        let rotation = client
            .refresh_token_rotation
            .filter(|rotation| rotation.feature.as_str() == "ENABLED");
        let hour = Duration::from_secs(60 * 60);
        let validity =
            |amount: Option<i32>, unit: Option<TimeUnitsType>, default: Duration, usual| {
                match u32::try_from(amount.unwrap_or_default()) {
                    Ok(0) | Err(_) => default,
                    Ok(amount) => unit.map_or(usual, |unit| length(&unit)) * amount,
                }
            };
        let minutes = client.auth_session_validity.unwrap_or_default();
        Self {
            secret: client.client_secret.map(Secret::new),
            explicit_auth_flows: flows.iter().map(|flow| flow.as_str().to_owned()).collect(),
            tells_existence: existence.is_none_or(|existence| existence.as_str() == "LEGACY"),
            access_token: validity(client.access_token_validity, access, hour, hour),
            id_token: validity(client.id_token_validity, id, hour, hour),
            refresh_token: validity(
                Some(client.refresh_token_validity),
                refresh,
                hour * 24 * 30,
                hour * 24,
            ),
            // 3 minutes is the default of the service.
            auth_session: match u32::try_from(minutes) {
                Ok(0) | Err(_) => Duration::from_secs(3 * 60),
                Ok(minutes) => Duration::from_secs(60) * minutes,
            },
            rotation_grace: rotation.map(|rotation| {
                let grace = rotation.retry_grace_period_seconds.unwrap_or_default();
                Duration::from_secs(u64::try_from(grace).unwrap_or_default())
            }),
            revocation: client.enable_token_revocation.unwrap_or_default(),
            managed_login: client
                .allowed_o_auth_flows_user_pool_client
                .unwrap_or_default(),
            callback_urls: client.callback_urls.unwrap_or_default(),
            logout_urls: client.logout_urls.unwrap_or_default(),
            read_attributes: client.read_attributes,
            write_attributes: client.write_attributes,
        }
    }
}

fn length(unit: &TimeUnitsType) -> Duration {
    Duration::from_secs(match unit.as_str() {
        "seconds" => 1,
        "minutes" => 60,
        "days" => 24 * 60 * 60,
        _ => 60 * 60,
    })
}
