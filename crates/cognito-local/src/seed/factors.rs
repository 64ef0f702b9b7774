//! The keys of a seed that are about factors: MFA, choice-based sign-in, devices and passkeys.

use std::collections::BTreeSet;

use super::UserSeed;
use super::reader::{At, Reader, key_of, suggestion};
use crate::state::{
    DeviceSettings, FirstFactor, MfaConfiguration, MfaMethod, MfaSettings, PoolSettings,
    WebAuthnSettings,
};

/// Keys of `[[pool]]`.
pub(super) const POOL_KEYS: [&str; 5] = [
    "mfa",
    "mfa_methods",
    "first_factors",
    "devices",
    "web_authn",
];

/// Keys of `[[pool.user]]`.
pub(super) const USER_KEYS: [&str; 3] = ["mfa", "preferred_mfa", "totp_secret"];

impl<'t> Reader<'t> {
    pub(super) fn pool_factors(&mut self, at: &At<'t>, settings: &mut PoolSettings) {
        let configuration = self.converted(at, "mfa", r#""OFF", "OPTIONAL" or "ON""#, |value| {
            MfaConfiguration::from_name(value.as_str()?)
        });
        let methods = self.choices(at, "mfa_methods", MfaMethod::from_name, &MFA_METHODS);
        settings.mfa = MfaSettings {
            configuration: configuration.unwrap_or_default(),
            methods,
        };
        settings.first_factors = self.choices(
            at,
            "first_factors",
            FirstFactor::from_name,
            &FirstFactor::ALL.map(FirstFactor::name),
        );
        settings.devices = self.table(at, "devices").map(|at| self.devices(&at));
        settings.web_authn = self.table(at, "web_authn").map(|at| self.web_authn(&at));
    }

    pub(super) fn user_factors(&mut self, at: &At<'t>, user: &mut UserSeed) {
        user.mfa = self.choices(at, "mfa", MfaMethod::from_name, &MFA_METHODS);
        user.preferred_mfa = self.converted(
            at,
            "preferred_mfa",
            r#""SOFTWARE_TOKEN_MFA", "SMS_MFA" or "EMAIL_OTP""#,
            |value| MfaMethod::from_name(value.as_str()?),
        );
        user.totp_secret = self.text(at, "totp_secret", r#""JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP""#);
    }

    fn devices(&mut self, at: &At<'t>) -> DeviceSettings {
        self.known(
            at,
            &[
                "challenge_required_on_new_device",
                "only_remembered_on_user_prompt",
            ],
        );
        DeviceSettings {
            challenge_required_on_new_device: self
                .flag(at, "challenge_required_on_new_device")
                .unwrap_or(false),
            only_remembered_on_user_prompt: self
                .flag(at, "only_remembered_on_user_prompt")
                .unwrap_or(false),
        }
    }

    fn web_authn(&mut self, at: &At<'t>) -> WebAuthnSettings {
        self.known(at, &["relying_party_id", "user_verification", "factor"]);
        let verification = r#""preferred" or "required""#;
        let factor = r#""SINGLE_FACTOR" or "MULTI_FACTOR_WITH_USER_VERIFICATION""#;
        WebAuthnSettings {
            relying_party_id: self
                .text(at, "relying_party_id", r#""localhost""#)
                .unwrap_or_default(),
            user_verification_required: self
                .converted(at, "user_verification", verification, |value| {
                    match value.as_str()? {
                        "required" => Some(true),
                        "preferred" => Some(false),
                        _ => None,
                    }
                })
                .unwrap_or(false),
            multi_factor: self
                .converted(at, "factor", factor, |value| match value.as_str()? {
                    "MULTI_FACTOR_WITH_USER_VERIFICATION" => Some(true),
                    "SINGLE_FACTOR" => Some(false),
                    _ => None,
                })
                .unwrap_or(false),
        }
    }

    /// A list of names out of a few.
    fn choices<T: Ord>(
        &mut self,
        at: &At<'t>,
        key: &str,
        from_name: fn(&str) -> Option<T>,
        names: &[&str],
    ) -> BTreeSet<T> {
        let mut chosen = BTreeSet::new();
        for name in self
            .texts(at, key, &format!("{names:?}"))
            .unwrap_or_default()
        {
            if let Some(choice) = from_name(&name) {
                chosen.insert(choice);
            } else {
                let key = key_of(at, key);
                let text = format!(
                    "{name:?} is none of them{}; there are {}",
                    suggestion(&name, names),
                    names.join(", ")
                );
                self.problem(self.line_of(&key), key, text);
            }
        }
        chosen
    }
}

const MFA_METHODS: [&str; 3] = ["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"];
