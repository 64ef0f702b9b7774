//! What the pool's own settings say, where the environment has credentials of AWS for reading them.
//!
//! `cognito::describe` reads; here is what the settings mean for the configuration. Each judgement is a
//! function of its own that asks nobody. Without credentials this says what could not be looked at.

use std::collections::BTreeMap;
use std::time::Duration;

use cognito_flow::{Challenge, Secret};
use url::{Host, Url};

use super::aws::Aws;
use super::finding::Finding;
use super::probes::{self, explicit_flow};
use crate::cognito::{
    AwsCredentials, ClientSettings, CognitoError, Described, Fault, MfaSettings, PoolSettings,
};
use crate::config::Config;
use crate::session;

const CHECK: &str = "pool-settings";

/// What is judged against what.
struct Wanted<'a> {
    config: &'a Config,
    /// `cognito.flow`.
    flow: &'a str,
    aws: &'a Aws,
}

/// The credentials that the environment holds; nothing else is looked up.
pub(super) fn credentials(
    environment: &BTreeMap<String, String>,
) -> Result<Option<AwsCredentials>, Finding> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let pair = (
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
    );
    match pair {
        (Some(access_key_id), Some(secret)) => Ok(Some(AwsCredentials {
            access_key_id: access_key_id.clone(),
            secret_access_key: Secret::new(secret.clone()),
            session_token: variable("AWS_SESSION_TOKEN").cloned().map(Secret::new),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half("AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => Err(half("AWS_ACCESS_KEY_ID")),
    }
}

fn half(missing: &str) -> Finding {
    Finding::warning(
        CHECK,
        format!("not read: {missing} is not set, its counterpart is"),
    )
    .remedy("set both, or neither")
}

/// What nobody could look at, and how they could.
pub(super) fn not_read(config: &Config, aws: &Aws) -> Finding {
    let finding = Finding::note(
        CHECK,
        "not read, for want of AWS credentials in the environment: trigger configuration, token lifetimes, \
         token revocation and rotation, MFA, remembered devices, passkeys, plan, callback URLs, readable attributes",
    );
    if config.sign_in.dev {
        return finding
            .remedy("the local pool takes any credentials: set AWS_ACCESS_KEY_ID=any and AWS_SECRET_ACCESS_KEY=any");
    }
    finding.remedy(format!(
        "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary ones, AWS_SESSION_TOKEN; this policy is enough: {}",
        aws.policy()
    ))
}

/// Judges everything that could be read. `known` are the findings so far: what they told is not told again.
pub(super) fn judge(
    described: &Described,
    config: &Config,
    aws: &Aws,
    known: &[Finding],
) -> Vec<Finding> {
    let flow = config.cognito.flow.kind.to_string();
    let wanted = Wanted {
        config,
        flow: &flow,
        aws,
    };
    let Described { pool, client, mfa } = described;
    let mut findings: Vec<_> = [
        pool.as_ref().err(),
        client.as_ref().err(),
        mfa.as_ref().err(),
    ]
    .into_iter()
    .flatten()
    .map(|error| unreadable(error, aws))
    .collect();
    // Bad credentials fail all three calls in one way.
    findings.dedup_by(|later, earlier| later.remedy == earlier.remedy);
    let unread = findings.len();
    if let Ok(pool) = pool {
        findings.extend(wanted.judge_pool(pool));
    }
    if let Ok(client) = client {
        findings.extend(wanted.judge_client(client));
    }
    if let Ok(mfa) = mfa {
        findings.extend(wanted.judge_mfa(mfa));
        let factors = pool.as_ref().map(|pool| pool.first_factors.as_slice());
        findings.extend(wanted.judge_passkeys(mfa, factors.unwrap_or_default()));
    }
    if findings.len() == unread && unread < 3 {
        findings.push(Finding::ok(CHECK, "what was read fits the configuration"));
    }
    let is_known = |finding: &Finding| {
        known
            .iter()
            .any(|other| (other.check, other.severity) == (finding.check, finding.severity))
    };
    findings.retain(|finding| !is_known(finding));
    findings
}

/// A part of the settings that could not be read.
fn unreadable(error: &CognitoError, aws: &Aws) -> Finding {
    let finding = Finding::warning(CHECK, format!("not read: {error}"));
    match error {
        CognitoError::Misconfigured {
            fault: Fault::Permission,
            ..
        } => finding.remedy(format!(
            "attach this policy to the identity of the credentials: {}",
            aws.policy()
        )),
        CognitoError::Misconfigured {
            fault: Fault::NoSuchClient { .. },
            ..
        } => finding.remedy(
            "the pool has no such client, or the account of the credentials no such pool: check cognito.user_pool_id, \
             cognito.client_id and whose credentials these are",
        ),
        error => match error.operator_hint() {
            Some(hint) => finding.remedy(hint),
            None => finding,
        },
    }
}

impl Wanted<'_> {
    fn uses_srp(&self) -> bool {
        matches!(self.flow, "USER_SRP_AUTH" | "CUSTOM_WITH_SRP" | "USER_AUTH")
    }

    fn judge_pool(&self, pool: &PoolSettings) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.uses_srp() && pool.triggers.contains_key("UserMigration") {
            findings.push(
                Finding::warning(
                    "user-migration",
                    format!("the pool has a UserMigration trigger, and {} never calls it", self.flow),
                )
                .why("Cognito calls it only with a password in hand: users who are still elsewhere cannot sign in")
                .remedy(
                    "set cognito.flow = \"USER_PASSWORD_AUTH\" and allow it to the app client, or remove the trigger once everybody is moved",
                )
                .command(self.aws.allow_flow("ALLOW_USER_PASSWORD_AUTH")),
            );
        }
        if self.flow.starts_with("CUSTOM") {
            let missing: Vec<_> = [
                "DefineAuthChallenge",
                "CreateAuthChallenge",
                "VerifyAuthChallengeResponse",
            ]
            .into_iter()
            .filter(|name| !pool.triggers.contains_key(name))
            .collect();
            if !missing.is_empty() {
                findings.push(probes::no_triggers(format!(
                    "the pool lacks the trigger {}",
                    missing.join(", ")
                )));
            }
        }
        if pool.remembers_devices {
            findings.push(
                Finding::error("devices", "the pool remembers devices, and sidegate confirms none")
                    .why("such a pool refuses to renew tokens without a confirmed device: sessions end with their first access token")
                    .remedy("switch it off for this pool (AWS console: Sign-in, Device tracking, Do not remember)"),
            );
        }
        if self.flow == "USER_AUTH" && pool.tier.as_deref() == Some("LITE") {
            findings.push(
                Finding::error("plan", "the pool's plan is Lite, which does not have USER_AUTH")
                    .why("nobody can sign in")
                    .remedy("change the plan to Essentials or Plus (AWS console: Settings, Feature plan), or cognito.flow"),
            );
        }
        findings
    }

    fn judge_client(&self, client: &ClientSettings) -> Vec<Finding> {
        let mut findings = Vec::new();
        let allows = |flow: &str| client.explicit_auth_flows.iter().any(|other| other == flow);
        // Names of an older API, which exclude those that begin with ALLOW_.
        let by_old_name = match self.flow {
            "USER_PASSWORD_AUTH" => allows("USER_PASSWORD_AUTH"),
            "CUSTOM_WITH_SRP" | "CUSTOM_WITHOUT_SRP" => allows("CUSTOM_AUTH_FLOW_ONLY"),
            _ => false,
        };
        // Left unset, the client allows SRP, custom and refresh.
        let by_default = client.explicit_auth_flows.is_empty()
            && !matches!(self.flow, "USER_PASSWORD_AUTH" | "USER_AUTH");
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

    fn judge_mfa(&self, mfa: &MfaSettings) -> Option<Finding> {
        let mut needed = mfa.factors.clone();
        if mfa.mode == "ON" {
            needed.push("MFA_SETUP");
        }
        if mfa.factors.len() > 1 {
            needed.push("SELECT_MFA_TYPE");
        }
        needed.retain(|name| !Challenge::is_known(name));
        if mfa.mode == "OFF" || needed.is_empty() {
            return None;
        }
        let what = format!(
            "MFA is {}, and sidegate does not answer {}",
            mfa.mode,
            needed.join(", ")
        );
        let finding = if mfa.mode == "ON" {
            Finding::error("mfa", what)
                .why("whoever is asked for it cannot sign in, which is everybody")
        } else {
            Finding::warning("mfa", what).why("users who have it switched on cannot sign in")
        };
        Some(finding.remedy("switch MFA off, or leave only factors that sidegate answers (AWS console: Sign-in, Multi-factor authentication)"))
    }

    fn judge_passkeys(&self, mfa: &MfaSettings, first_factors: &[String]) -> Option<Finding> {
        let id = mfa.relying_party_id.as_deref()?;
        if !first_factors.iter().any(|factor| factor == "WEB_AUTHN") {
            return None;
        }
        let origin = &self.config.public_origin;
        if is_in_domain(origin.url(), id) {
            return None;
        }
        let what = format!("passkeys of the pool belong to {id}, and people are at {origin}");
        let finding = match self.flow {
            "USER_AUTH" => Finding::error("passkeys", what),
            _ => Finding::note("passkeys", what),
        };
        Some(
            finding
                .why("browsers use a passkey only on the relying party's domain and below it")
                .remedy(format!(
                    "set the pool's relying-party id to {} or a domain above it (AWS console: Sign-in, Passkey); passkeys made so far are lost by that",
                    origin.host()
                )),
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

/// Whether a page at `url` may use passkeys of the relying party `id` (WebAuthn §5.1.3).
fn is_in_domain(url: &Url, id: &str) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => {
            host == id
                || host
                    .strip_suffix(id)
                    .is_some_and(|rest| rest.ends_with('.'))
        }
        _ => false,
    }
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
