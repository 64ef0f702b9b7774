//! The app client's settings against the configuration: flows, secret, lifetimes, renewal, URLs, attributes.

use std::time::Duration;

use cognito_flow::FlowKind;
use url::Url;

use super::Wanted;
use crate::cli::check::finding::Finding;
use crate::cli::check::probes::{self, explicit_flow};
use crate::cognito::ClientSettings;
use crate::config::Config;
use crate::session;

impl Wanted<'_> {
    pub(super) fn judge_client(&self, client: &ClientSettings) -> Vec<Finding> {
        let mut findings = Vec::new();
        let allows = |flow: &str| client.explicit_auth_flows.iter().any(|other| other == flow);
        // Names of an older API, which exclude those that begin with ALLOW_.
        let by_old_name = match self.flow {
            FlowKind::UserPasswordAuth => allows("USER_PASSWORD_AUTH"),
            FlowKind::CustomWithSrp | FlowKind::CustomWithoutSrp => allows("CUSTOM_AUTH_FLOW_ONLY"),
            FlowKind::UserSrpAuth | FlowKind::UserAuth => false,
        };
        // Left unset, the client allows SRP, custom and refresh.
        let by_default = client.explicit_auth_flows.is_empty()
            && !matches!(self.flow, FlowKind::UserPasswordAuth | FlowKind::UserAuth);
        if !(allows(explicit_flow(self.flow)) || by_old_name || by_default) {
            findings.push(probes::not_allowed(self.flow, self.aws));
        }
        findings.extend(self.judge_secret(client));
        if client.tells_existence {
            findings.push(probes::told(self.aws));
        }
        findings.extend(self.judge_lifetimes(client));
        findings.extend(self.judge_renewal(client));
        findings.extend(self.judge_urls(client));
        findings.extend(self.judge_attributes(client));
        findings.extend(self.judge_sign_up_attributes(client));
        findings
    }

    fn judge_secret(&self, client: &ClientSettings) -> Option<Finding> {
        let ours = self.config.cognito.client.client_secret();
        match (ours, &client.secret) {
            (Some(ours), Some(theirs)) if ours.expose() != theirs.expose() => {
                Some(probes::wrong_secret())
            }
            (Some(_), None) => Some(probes::unwanted_secret()),
            (None, Some(_)) => Some(probes::missing_secret(self.aws)),
            _ => None,
        }
    }

    fn judge_lifetimes(&self, client: &ClientSettings) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Config {
            session: sessions,
            cognito,
            ..
        } = self.config;
        let margin = session::least_renewal_margin(client.access_token);
        // A call that takes as long as it may, and a second one after a rest.
        if margin < cognito.call_timeout * 2 {
            findings.push(
                Finding::warning(
                    "token-lifetimes",
                    format!(
                        "access tokens live {}, so renewal begins {} before they end, and one call may take {}",
                        spoken(client.access_token),
                        spoken(margin),
                        spoken(cognito.call_timeout)
                    ),
                )
                .why("when the pool is slow, requests wait for the renewal and may be refused")
                .remedy("make access tokens live an hour, or cognito.call_timeout shorter")
                .command(self.aws.update_client(
                    ".AccessTokenValidity = 60 | .TokenValidityUnits.AccessToken = \"minutes\"",
                )),
            );
        }
        if client.refresh_token < sessions.absolute_timeout {
            findings.push(
                Finding::warning(
                    "token-lifetimes",
                    format!(
                        "refresh tokens live {}, and session.absolute_timeout is {}",
                        spoken(client.refresh_token),
                        spoken(sessions.absolute_timeout)
                    ),
                )
                .why("sessions end earlier than the configuration says, in the middle of work")
                .remedy(format!(
                    "make refresh tokens live longer, or set session.absolute_timeout = \"{}s\"",
                    client.refresh_token.as_secs()
                ))
                .command(self.aws.update_client(&format!(
                    ".RefreshTokenValidity = {} | .TokenValidityUnits.RefreshToken = \"hours\"",
                    sessions.absolute_timeout.as_secs().div_ceil(3600) + 1
                ))),
            );
        }
        if client.auth_session < Duration::from_secs(5 * 60) {
            findings.push(
                Finding::note(
                    "auth-session",
                    format!(
                        "people have {} for each step after the password",
                        spoken(client.auth_session)
                    ),
                )
                .why("a new password takes some thought, and a code its time to arrive; afterwards the sign-in begins again")
                .remedy("raise AuthSessionValidity, to 15 minutes at most")
                .command(self.aws.update_client(".AuthSessionValidity = 15")),
            );
        }
        findings
    }

    fn judge_renewal(&self, client: &ClientSettings) -> Vec<Finding> {
        const CHECK: &str = "renewal";
        let mut findings = Vec::new();
        let flows = &client.explicit_auth_flows;
        let allowed =
            flows.is_empty() || flows.iter().any(|flow| flow == "ALLOW_REFRESH_TOKEN_AUTH");
        match client.rotation_grace {
            None if !allowed => findings.push(
                Finding::warning(CHECK, "the app client does not allow REFRESH_TOKEN_AUTH")
                    .why("sidegate renews by GetTokensFromRefreshToken; where that is not offered, sessions end with their first access token")
                    .remedy("add ALLOW_REFRESH_TOKEN_AUTH to the app client's ExplicitAuthFlows")
                    .command(self.aws.allow_flow("ALLOW_REFRESH_TOKEN_AUTH")),
            ),
            Some(grace) if grace.is_zero() => findings.push(
                Finding::warning(CHECK, "refresh tokens rotate without a grace period")
                    .why("when the answer to a renewal is lost on the way, the old token is dead and the session ends")
                    .remedy("give the old token some seconds: RetryGracePeriodSeconds up to 60")
                    .command(self.aws.update_client(
                        ".RefreshTokenRotation = {\"Feature\": \"ENABLED\", \"RetryGracePeriodSeconds\": 30}",
                    )),
            ),
            _ => {}
        }
        if !client.revocation {
            findings.push(
                Finding::warning("revocation", "the app client does not revoke tokens")
                    .why("sign-out ends the session here, and its refresh token lives on at the pool")
                    .remedy("set EnableTokenRevocation to true")
                    .command(self.aws.update_client(".EnableTokenRevocation = true")),
            );
        }
        findings
    }

    /// Managed login is not sidegate's way in, but people who find it must come back to it.
    fn judge_urls(&self, client: &ClientSettings) -> Option<Finding> {
        let origin = self.config.public_origin.url().origin();
        let leads_here = |text: &String| Url::parse(text).is_ok_and(|url| url.origin() == origin);
        let elsewhere: Vec<_> = [
            ("callback URL", &client.callback_urls),
            ("logout URL", &client.logout_urls),
        ]
        .into_iter()
        .filter(|(_, urls)| !urls.is_empty() && !urls.iter().any(leads_here))
        .map(|(name, _)| name)
        .collect();
        if !client.managed_login || elsewhere.is_empty() {
            return None;
        }
        let origin = &self.config.public_origin;
        Some(
            Finding::note(
                "callback-urls",
                format!("no {} of the app client leads to {origin}", elsewhere.join(" and no ")),
            )
            .why("the client allows managed login, which sidegate does not use: a person who signs in there ends up elsewhere, and is not signed in here")
            .remedy("switch managed login off for this client, or use a client of sidegate's own")
            .command(self.aws.update_client(
                ".AllowedOAuthFlowsUserPoolClient = false | del(.AllowedOAuthFlows, .AllowedOAuthScopes, .CallbackURLs, .LogoutURLs, .DefaultRedirectURI)",
            )),
        )
    }

    /// Headers that no user will ever have, because the client may not read their claims.
    fn judge_attributes(&self, client: &ClientSettings) -> Option<Finding> {
        let readable = client.read_attributes.as_ref()?;
        let unreadable: Vec<_> = self
            .config
            .identity
            .claims
            .iter()
            .filter(|(_, claim)| is_attribute(claim) && !readable.contains(claim))
            .map(|(header, claim)| format!("{header} ({claim})"))
            .collect();
        if unreadable.is_empty() {
            return None;
        }
        Some(
            Finding::note(
                "read-attributes",
                format!("the app client may not read what these headers are made of: {}", unreadable.join(", ")),
            )
            .why("the upstream never gets them")
            .remedy("add the attributes to the app client's ReadAttributes, or take the headers out of [identity.headers]"),
        )
    }

    /// Attributes that the sign-up page asks for, and that the client may not write.
    fn judge_sign_up_attributes(&self, client: &ClientSettings) -> Option<Finding> {
        let account = &self.config.sign_in.account;
        let writable = client.write_attributes.as_ref()?;
        let refused: Vec<_> = account
            .sign_up_attributes
            .iter()
            .filter(|name| !writable.contains(name))
            .map(String::as_str)
            .collect();
        if !account.sign_up || refused.is_empty() {
            return None;
        }
        Some(
            Finding::warning(
                "write-attributes",
                format!("signing up asks for what the app client may not write: {}", refused.join(", ")),
            )
            .why("the pool refuses every sign-up that carries it")
            .remedy("add the attributes to the app client's WriteAttributes, or take them out of account.sign_up_attributes")
            .command(self.aws.update_client(&format!(".WriteAttributes += {refused:?}"))),
        )
    }
}

/// Whether a claim is a user attribute, which ReadAttributes governs, and none of Cognito's own.
fn is_attribute(claim: &str) -> bool {
    const STANDARD: &[&str] = &[
        "address",
        "birthdate",
        "email",
        "email_verified",
        "family_name",
        "gender",
        "given_name",
        "locale",
        "middle_name",
        "name",
        "nickname",
        "phone_number",
        "phone_number_verified",
        "picture",
        "preferred_username",
        "profile",
        "updated_at",
        "website",
        "zoneinfo",
    ];
    claim.starts_with("custom:") || STANDARD.contains(&claim)
}

/// `1 h 30 min`: without the units that are nought.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let words: Vec<_> = units
        .into_iter()
        .filter(|(amount, _)| *amount > 0)
        .map(|(amount, unit)| format!("{amount} {unit}"))
        .collect();
    if words.is_empty() {
        format!("{duration:?}")
    } else {
        words.join(" ")
    }
}
