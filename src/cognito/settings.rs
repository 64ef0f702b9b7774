//! How to reach the pool and what to believe, with AWS's own addresses as defaults.

use std::path::PathBuf;
use std::time::Duration;

use cognito_flow::{AppClient, FlowKind, FlowSettings};
use url::{ParseError, Url};

/// Longest wait for one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How to reach the pool and what to believe.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Pool id, client id and, for a client that has one, its secret.
    pub client: AppClient,
    /// The flow that sign-in begins with, and how it goes.
    pub flow: FlowSettings,
    /// Where the Cognito API answers; default `https://cognito-idp.{region}.amazonaws.com/`.
    pub endpoint: Url,
    /// The `iss` of the pool's tokens; default `https://cognito-idp.{region}.amazonaws.com/{pool id}`.
    pub issuer: String,
    /// Where the pool's keys are; default `{issuer}/.well-known/jwks.json`.
    pub jwks_url: Url,
    /// A PEM file with further certificate authorities for these two.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for one call, connecting included (default 5 s).
    pub call_timeout: Duration,
}

impl Settings {
    /// The settings of a pool at AWS: everything follows from the pool id.
    ///
    /// # Errors
    /// When the region cannot be part of a host name.
    pub fn new(client: AppClient, flow: FlowKind) -> Result<Self, ParseError> {
        let region = client.pool_id().region();
        // The China regions are a partition of their own.
        let domain = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let endpoint = Url::parse(&format!("https://cognito-idp.{region}.{domain}/"))?;
        let issuer = format!("{endpoint}{}", client.pool_id());
        Ok(Self {
            jwks_url: Self::jwks_url_of(&issuer)?,
            client,
            flow: FlowSettings::new(flow),
            endpoint,
            issuer,
            ca_file: None,
            call_timeout: CALL_TIMEOUT,
        })
    }

    /// Where the keys of an issuer are.
    ///
    /// # Errors
    /// When the issuer is not a URL.
    pub fn jwks_url_of(issuer: &str) -> Result<Url, ParseError> {
        let issuer = issuer.trim_end_matches('/');
        Url::parse(&format!("{issuer}/.well-known/jwks.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pool_id: &str) -> Settings {
        let client = AppClient::new(pool_id.parse().unwrap(), "abc".parse().unwrap(), None);
        Settings::new(client, FlowKind::UserSrpAuth).unwrap()
    }

    #[test]
    fn everything_follows_from_the_pool_id() {
        let settings = settings("eu-west-1_AbC123xyz");
        assert_eq!(
            settings.endpoint.as_str(),
            "https://cognito-idp.eu-west-1.amazonaws.com/"
        );
        assert_eq!(
            settings.issuer,
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123xyz"
        );
        assert_eq!(
            settings.jwks_url.as_str(),
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123xyz/.well-known/jwks.json"
        );
        assert_eq!(settings.call_timeout, Duration::from_secs(5));
    }

    #[test]
    fn the_china_partition_has_its_own_domain() {
        let settings = settings("cn-north-1_AbC123xyz");
        assert_eq!(
            settings.endpoint.as_str(),
            "https://cognito-idp.cn-north-1.amazonaws.com.cn/"
        );
        assert_eq!(
            settings.issuer,
            "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_AbC123xyz"
        );
    }
}
