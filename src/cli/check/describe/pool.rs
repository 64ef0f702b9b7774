//! The pool's own settings against the configuration: triggers, plan, devices, factors, accounts, MFA, passkeys.

use cognito_flow::FlowKind;
use url::{Host, Url};

use super::Wanted;
use crate::cli::check::finding::{Finding, Severity};
use crate::cli::check::{is_custom, probes};
use crate::cognito::{MfaSettings, PoolSettings};

const PASSKEY: &str = "WEB_AUTHN";

impl Wanted<'_> {
    pub(super) fn judge_pool(&self, pool: &PoolSettings) -> Vec<Finding> {
        let judged = [
            self.judge_migration(pool),
            self.judge_triggers(pool),
            self.judge_plan(pool),
            self.judge_devices(pool),
            self.judge_preferred_challenge(pool),
            self.judge_sign_up(pool),
            self.judge_recovery(pool),
        ];
        judged.into_iter().flatten().collect()
    }

    fn judge_migration(&self, pool: &PoolSettings) -> Option<Finding> {
        let uses_srp = matches!(
            self.flow,
            FlowKind::UserSrpAuth | FlowKind::CustomWithSrp | FlowKind::UserAuth
        );
        if !uses_srp || !pool.triggers.contains_key("UserMigration") {
            return None;
        }
        Some(
            Finding::warning(
                "user-migration",
                format!("the pool has a UserMigration trigger, and {} never calls it", self.flow),
            )
            .why("Cognito calls it only with a password in hand: users who are still elsewhere cannot sign in")
            .remedy(
                "set cognito.flow = \"USER_PASSWORD_AUTH\" and allow it to the app client, or remove the trigger once everybody is moved",
            )
            .command(self.aws.allow_flow("ALLOW_USER_PASSWORD_AUTH")),
        )
    }

    fn judge_triggers(&self, pool: &PoolSettings) -> Option<Finding> {
        let missing: Vec<_> = [
            "DefineAuthChallenge",
            "CreateAuthChallenge",
            "VerifyAuthChallengeResponse",
        ]
        .into_iter()
        .filter(|name| !pool.triggers.contains_key(name))
        .collect();
        if !is_custom(self.flow) || missing.is_empty() {
            return None;
        }
        let what = format!("the pool lacks the trigger {}", missing.join(", "));
        Some(probes::no_triggers(what))
    }

    fn judge_plan(&self, pool: &PoolSettings) -> Option<Finding> {
        if self.flow != FlowKind::UserAuth || pool.tier.as_deref() != Some("LITE") {
            return None;
        }
        Some(
            Finding::error("plan", "the pool's plan is Lite, which does not have USER_AUTH")
                .why("nobody can sign in")
                .remedy("change the plan to Essentials or Plus (AWS console: Settings, Feature plan), or cognito.flow"),
        )
    }

    fn judge_devices(&self, pool: &PoolSettings) -> Option<Finding> {
        const CHECK: &str = "devices";
        let remembers = self.config.sign_in.remember_device.is_on();
        match (remembers, &pool.devices) {
            (true, None) => Some(
                Finding::warning(CHECK, "device.remember is on, and the pool does not track devices")
                    .why("no browser is ever remembered, whatever people are told: the second factor is asked at each sign-in")
                    .remedy("switch device tracking on (AWS console: Sign-in, Device tracking), or set device.remember = \"off\""),
            ),
            (true, Some(devices)) if !devices.replace_second_factor => Some(
                Finding::note(CHECK, "remembered browsers are asked for the second factor all the same")
                    .why("ChallengeRequiredOnNewDevice of the pool is false, so that remembering leaves nothing out")
                    .remedy("let remembered devices suppress MFA (AWS console: Sign-in, Device tracking), or set device.remember = \"off\""),
            ),
            (false, Some(_)) => Some(
                Finding::note(CHECK, "the pool tracks devices, and device.remember is off")
                    .why("sidegate confirms a device at each sign-in, or its tokens could not be renewed, and forgets it: the pool's list of each user's devices grows")
                    .remedy("set device.remember = \"ask\" or \"always\", or switch device tracking off (AWS console: Sign-in, Device tracking)"),
            ),
            (true, Some(_)) | (false, None) => None,
        }
    }

    fn judge_preferred_challenge(&self, pool: &PoolSettings) -> Option<Finding> {
        let preferred = self.config.cognito.flow.preferred_challenge?;
        // The pool has one name for both ways to prove a password.
        let factor = if preferred.is_password() {
            "PASSWORD"
        } else {
            preferred.name()
        };
        let allowed = first_factors(pool);
        if allowed.contains(&factor) {
            return None;
        }
        Some(
            Finding::warning(
                "preferred-challenge",
                format!("cognito.preferred_challenge is {preferred}, and the pool allows {}", allowed.join(", ")),
            )
            .why("it is never asked first: the pool answers with what it allows")
            .remedy(format!(
                "add {factor} to the pool's AllowedFirstAuthFactors (AWS console: Sign-in, Options for choice-based sign-in), or change cognito.preferred_challenge"
            )),
        )
    }

    fn judge_sign_up(&self, pool: &PoolSettings) -> Option<Finding> {
        const CHECK: &str = "sign-up";
        let has_secret = self.config.cognito.client.client_secret().is_some();
        match (self.config.sign_in.account.sign_up, pool.admin_create_user_only) {
            (true, true) => Some(
                Finding::warning(CHECK, "account.sign_up is on, and only administrators may create users of the pool")
                    .why("whoever fills in the sign-up page is refused")
                    .remedy("allow self-registration (AWS console: Sign-up; AllowAdminCreateUserOnly false), or set account.sign_up = false"),
            ),
            (false, false) if !has_secret => Some(
                Finding::note(CHECK, "account.sign_up is off, and the pool lets anybody sign up")
                    .why("not through sidegate, but whoever knows the client id can call SignUp, and then sign in here")
                    .remedy("unless that is meant, let only administrators create users (AWS console: Sign-up; AllowAdminCreateUserOnly true)"),
            ),
            _ => None,
        }
    }

    fn judge_recovery(&self, pool: &PoolSettings) -> Option<Finding> {
        let by_admin_only = pool.recovery.iter().any(|name| name == "admin_only");
        if !self.config.sign_in.account.reset_password || !by_admin_only {
            return None;
        }
        Some(
            Finding::warning(
                "account-recovery",
                "account.reset_password is on, and only administrators may reset passwords of the pool",
            )
            .why("whoever has forgotten a password fills in the page and never gets a code")
            .remedy("allow self-service account recovery (AWS console: Sign-in, User account recovery), or set account.reset_password = false"),
        )
    }

    pub(super) fn judge_mfa(&self, mfa: &MfaSettings) -> Option<Finding> {
        if mfa.mode != "ON" || mfa.factors != ["SMS_MFA"] {
            return None;
        }
        Some(
            Finding::warning("mfa", "MFA is ON, and its only factor is SMS")
                .why("a telephone number cannot be set in the middle of a sign-in: users without a verified one cannot sign in")
                .remedy("allow authenticator apps too (AWS console: Sign-in, Multi-factor authentication), or see that every user has a verified phone_number"),
        )
    }

    /// Codes as a first factor do not go with MFA that everybody must use.
    pub(super) fn judge_codes(&self, pool: &PoolSettings, mfa: &MfaSettings) -> Option<Finding> {
        let codes: Vec<_> = first_factors(pool)
            .into_iter()
            .filter(|factor| factor.ends_with("_OTP"))
            .collect();
        if self.flow != FlowKind::UserAuth || mfa.mode != "ON" || codes.is_empty() {
            return None;
        }
        let preferred = self.config.cognito.flow.preferred_challenge;
        let severity = match preferred {
            Some(preferred) if codes.contains(&preferred.name()) => Severity::Warning,
            _ => Severity::Note,
        };
        Some(
            Finding::new(
                severity,
                "mfa",
                format!("MFA is ON, so the pool never offers {} to begin with", codes.join(", ")),
            )
            .why("a code as the first factor does not go with a second one that everybody must use")
            .remedy("set MFA to optional (AWS console: Sign-in, Multi-factor authentication), or count on passwords"),
        )
    }

    pub(super) fn judge_passkeys(&self, pool: &PoolSettings, mfa: &MfaSettings) -> Vec<Finding> {
        const CHECK: &str = "passkeys";
        let has_pages = self.config.sign_in.account.passkeys;
        let allowed = first_factors(pool).contains(&PASSKEY);
        let asked = allowed && self.flow == FlowKind::UserAuth;
        let mut findings = Vec::new();
        if has_pages && !allowed {
            findings.push(
                Finding::warning(CHECK, "the pages for passkeys are on, and the pool takes no passkeys")
                    .why("whoever adds one meets an error")
                    .remedy("add WEB_AUTHN to the pool's AllowedFirstAuthFactors (AWS console: Sign-in, Options for choice-based sign-in), or switch passkey.manage and passkey.offer off"),
            );
        } else if has_pages && !asked {
            findings.push(
                Finding::note(CHECK, format!("people can add passkeys here, and {} never asks for one", self.flow))
                    .why("only USER_AUTH signs in with a passkey")
                    .remedy("set cognito.flow = \"USER_AUTH\", or switch passkey.manage and passkey.offer off"),
            );
        }
        if !(asked || has_pages && allowed) {
            return findings;
        }
        let origin = &self.config.public_origin;
        // The pool's own domain stands in for an id that is not set.
        let id = mfa
            .relying_party_id
            .as_deref()
            .or(pool.custom_domain.as_deref());
        let what = match id {
            Some(id) if is_in_domain(origin.url(), id) => return findings,
            Some(id) => format!("passkeys of the pool belong to {id}, and people are at {origin}"),
            None => format!("the pool has no relying-party id, and people are at {origin}"),
        };
        let finding = if asked {
            Finding::error(CHECK, what)
        } else {
            Finding::warning(CHECK, what)
        };
        findings.push(
            finding
                .why("browsers make and use a passkey only on the relying party's domain and below it")
                .remedy(relying_party_for(origin.url())),
        );
        findings
    }
}

/// AllowedFirstAuthFactors; a pool that names none takes passwords.
fn first_factors(pool: &PoolSettings) -> Vec<&str> {
    if pool.first_factors.is_empty() {
        vec!["PASSWORD"]
    } else {
        pool.first_factors.iter().map(String::as_str).collect()
    }
}

/// What to set, for people who are at `url`.
pub(super) fn relying_party_for(url: &Url) -> String {
    let Some(Host::Domain(host)) = url.host() else {
        return "put a host name into public_origin, and set the pool's relying-party id to it: an address has no passkeys".to_owned();
    };
    let or_above = if host.contains('.') {
        " or a domain above it"
    } else {
        ""
    };
    format!(
        "set the pool's relying-party id to {host}{or_above} (AWS console: Sign-in, Passkey); passkeys made so far are lost by that"
    )
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
