//! App clients: their secret, their flows, and how long their tokens live.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) secret: Option<String>,
    pub(crate) settings: ClientSettings,
    /// Members of CreateUserPoolClient that the pool keeps and shows but does not act on (OAuth settings).
    pub(crate) shown: Map<String, Value>,
    pub(crate) created: Duration,
}

impl Client {
    /// Characters of an id; the service's ids have as many.
    pub(crate) const ID_LENGTH: usize = 26;
    /// Characters of a secret; the service's secrets have about as many.
    pub(crate) const SECRET_LENGTH: usize = 52;
}

/// How an app client behaves; the names are CreateUserPoolClient's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSettings {
    /// Empty means Cognito's default: refresh, SRP and custom.
    pub explicit_auth_flows: BTreeSet<AuthFlow>,
    /// `true` is ENABLED, `false` LEGACY. ENABLED when nothing is said, unlike the service's API.
    pub prevent_user_existence_errors: bool,
    /// 5 minutes to 1 day.
    pub access_token_validity: Validity,
    /// 5 minutes to 1 day.
    pub id_token_validity: Validity,
    /// 1 hour to 10 years.
    pub refresh_token_validity: Validity,
    /// Minutes a `Session` string lives: 3 to 15.
    pub auth_session_validity: u8,
    /// Whether RevokeToken works and tokens carry `origin_jti`.
    pub enable_token_revocation: bool,
    /// Rotation of refresh tokens with this grace period in seconds (0 to 60); `None` is off.
    pub refresh_token_rotation: Option<u8>,
    /// Attributes the client may see; `None` is all.
    pub read_attributes: Option<BTreeSet<String>>,
    /// Attributes the client may set; `None` is all.
    pub write_attributes: Option<BTreeSet<String>>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            explicit_auth_flows: BTreeSet::new(),
            prevent_user_existence_errors: true,
            access_token_validity: Validity {
                amount: 1,
                unit: Unit::Hours,
            },
            id_token_validity: Validity {
                amount: 1,
                unit: Unit::Hours,
            },
            refresh_token_validity: Validity {
                amount: 30,
                unit: Unit::Days,
            },
            auth_session_validity: 3,
            enable_token_revocation: true,
            refresh_token_rotation: None,
            read_attributes: None,
            write_attributes: None,
        }
    }
}

impl ClientSettings {
    /// Whether the client may start a sign-in this way.
    pub(crate) fn allows(&self, flow: AuthFlow) -> bool {
        let flows = &self.explicit_auth_flows;
        if flows.is_empty() {
            return matches!(
                flow,
                AuthFlow::AllowRefreshTokenAuth
                    | AuthFlow::AllowUserSrpAuth
                    | AuthFlow::AllowCustomAuth
            );
        }
        if !flows.iter().any(|flow| flow.is_legacy()) {
            return flows.contains(&flow);
        }
        // The names of before ALLOW_*: SRP and refresh were always on, and one of them switched SRP off.
        match flow {
            AuthFlow::AllowRefreshTokenAuth => true,
            AuthFlow::AllowUserSrpAuth => !flows.contains(&AuthFlow::CustomAuthFlowOnly),
            AuthFlow::AllowCustomAuth => flows.contains(&AuthFlow::CustomAuthFlowOnly),
            AuthFlow::AllowUserPasswordAuth => flows.contains(&AuthFlow::UserPasswordAuth),
            AuthFlow::AllowAdminUserPasswordAuth => flows.contains(&AuthFlow::AdminNoSrpAuth),
            _ => false,
        }
    }

    /// Whether the client may see an attribute.
    pub(crate) fn reads(&self, attribute: &str) -> bool {
        attribute == "sub"
            || self
                .read_attributes
                .as_ref()
                .is_none_or(|readable| readable.contains(attribute))
    }

    /// Whether the client may set an attribute.
    pub(crate) fn writes(&self, attribute: &str) -> bool {
        self.write_attributes
            .as_ref()
            .is_none_or(|writable| writable.contains(attribute))
    }

    /// Everything that is out of range, one line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, validity) in [
            ("AccessTokenValidity", self.access_token_validity),
            ("IdTokenValidity", self.id_token_validity),
        ] {
            if !(Duration::from_secs(300)..=Duration::from_secs(86_400))
                .contains(&validity.duration())
            {
                problems.push(format!("{name} must be 5 minutes to 1 day"));
            }
        }
        if !(Duration::from_secs(3_600)..=Duration::from_secs(315_360_000))
            .contains(&self.refresh_token_validity.duration())
        {
            problems.push("RefreshTokenValidity must be 1 hour to 10 years".to_owned());
        }
        if !(3..=15).contains(&self.auth_session_validity) {
            problems.push("AuthSessionValidity must be 3 to 15 minutes".to_owned());
        }
        if self.refresh_token_rotation.is_some_and(|grace| grace > 60) {
            problems.push("RetryGracePeriodSeconds must be 0 to 60".to_owned());
        }
        let legacy = self
            .explicit_auth_flows
            .iter()
            .filter(|flow| flow.is_legacy())
            .count();
        if legacy != 0 && legacy != self.explicit_auth_flows.len() {
            problems
                .push("ExplicitAuthFlows must not mix ALLOW_ names with the old names".to_owned());
        }
        problems
    }
}

/// An entry of `ExplicitAuthFlows`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthFlow {
    /// AdminInitiateAuth with user name and password.
    AllowAdminUserPasswordAuth,
    /// Challenges made by triggers.
    AllowCustomAuth,
    /// InitiateAuth with user name and password; user migration needs it.
    AllowUserPasswordAuth,
    /// SRP: the password never leaves the client.
    AllowUserSrpAuth,
    /// REFRESH_TOKEN_AUTH.
    AllowRefreshTokenAuth,
    /// Choice of the first factor.
    AllowUserAuth,
    /// Old name of the admin password flow.
    AdminNoSrpAuth,
    /// Old name: custom only, no SRP.
    CustomAuthFlowOnly,
    /// Old name of the password flow.
    UserPasswordAuth,
}

impl AuthFlow {
    /// Every entry the pool knows.
    pub const ALL: [Self; 9] = [
        Self::AllowAdminUserPasswordAuth,
        Self::AllowCustomAuth,
        Self::AllowUserPasswordAuth,
        Self::AllowUserSrpAuth,
        Self::AllowRefreshTokenAuth,
        Self::AllowUserAuth,
        Self::AdminNoSrpAuth,
        Self::CustomAuthFlowOnly,
        Self::UserPasswordAuth,
    ];

    /// The name on the wire and in the seed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllowAdminUserPasswordAuth => "ALLOW_ADMIN_USER_PASSWORD_AUTH",
            Self::AllowCustomAuth => "ALLOW_CUSTOM_AUTH",
            Self::AllowUserPasswordAuth => "ALLOW_USER_PASSWORD_AUTH",
            Self::AllowUserSrpAuth => "ALLOW_USER_SRP_AUTH",
            Self::AllowRefreshTokenAuth => "ALLOW_REFRESH_TOKEN_AUTH",
            Self::AllowUserAuth => "ALLOW_USER_AUTH",
            Self::AdminNoSrpAuth => "ADMIN_NO_SRP_AUTH",
            Self::CustomAuthFlowOnly => "CUSTOM_AUTH_FLOW_ONLY",
            Self::UserPasswordAuth => "USER_PASSWORD_AUTH",
        }
    }

    /// The entry of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flow| flow.name() == name)
    }

    fn is_legacy(self) -> bool {
        matches!(
            self,
            Self::AdminNoSrpAuth | Self::CustomAuthFlowOnly | Self::UserPasswordAuth
        )
    }
}

/// A token's life as Cognito writes it: a number and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validity {
    /// How many units.
    pub amount: u32,
    /// Of what.
    pub unit: Unit,
}

/// The units of `TokenValidityUnits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// 60 seconds.
    Minutes,
    /// 60 minutes.
    Hours,
    /// 24 hours.
    Days,
}

impl Validity {
    /// The life as a span of time.
    #[must_use]
    pub fn duration(self) -> Duration {
        let unit = match self.unit {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 3_600,
            Unit::Days => 86_400,
        };
        Duration::from_secs(u64::from(self.amount) * unit)
    }
}

impl Unit {
    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Seconds, Self::Minutes, Self::Hours, Self::Days]
            .into_iter()
            .find(|unit| unit.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::AuthFlow::*;
    use super::*;

    fn settings(flows: &[AuthFlow]) -> ClientSettings {
        ClientSettings {
            explicit_auth_flows: flows.iter().copied().collect(),
            ..ClientSettings::default()
        }
    }

    #[test]
    fn the_flows_a_client_may_use_follow_its_explicit_auth_flows() {
        let rows: [(&[AuthFlow], &[AuthFlow]); 5] = [
            (
                &[],
                &[AllowCustomAuth, AllowUserSrpAuth, AllowRefreshTokenAuth],
            ),
            (&[AllowUserPasswordAuth], &[AllowUserPasswordAuth]),
            (
                &[UserPasswordAuth],
                &[
                    AllowUserPasswordAuth,
                    AllowUserSrpAuth,
                    AllowRefreshTokenAuth,
                ],
            ),
            (
                &[AdminNoSrpAuth],
                &[
                    AllowAdminUserPasswordAuth,
                    AllowUserSrpAuth,
                    AllowRefreshTokenAuth,
                ],
            ),
            (
                &[CustomAuthFlowOnly],
                &[AllowCustomAuth, AllowRefreshTokenAuth],
            ),
        ];
        for (explicit, expected) in rows {
            let settings = settings(explicit);
            let allowed: Vec<_> = AuthFlow::ALL
                .into_iter()
                .filter(|flow| settings.allows(*flow))
                .collect();
            assert_eq!(allowed, expected, "{explicit:?}");
        }
    }

    #[test]
    fn settings_out_of_range_are_each_named() {
        let mut settings = settings(&[AllowUserSrpAuth, AdminNoSrpAuth]);
        settings.access_token_validity = Validity {
            amount: 4,
            unit: Unit::Minutes,
        };
        settings.refresh_token_validity = Validity {
            amount: 59,
            unit: Unit::Minutes,
        };
        settings.auth_session_validity = 16;
        settings.refresh_token_rotation = Some(61);
        assert_eq!(settings.problems().len(), 5, "{:?}", settings.problems());
        assert!(ClientSettings::default().problems().is_empty());
    }
}
