//! How a user pool behaves: sign-in names, attributes, password rules, triggers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{DeviceSettings, FirstFactor, MfaConfiguration, MfaSettings, WebAuthnSettings};
use crate::error::ApiError;
use crate::message::Medium;
use crate::trigger::Triggers;

/// Cognito's standard attributes, without `sub`.
pub(crate) const STANDARD_ATTRIBUTES: [&str; 19] = [
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

/// How a user pool behaves; the names are CreateUserPool's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolSettings {
    /// `email`, `phone_number`: users sign in with these, and the internal user name is a UUID.
    pub username_attributes: BTreeSet<String>,
    /// `email`, `phone_number`, `preferred_username`: further names of a user who has a user name.
    pub alias_attributes: BTreeSet<String>,
    /// Whether `Jane` and `jane` are two users.
    pub case_sensitive: bool,
    /// Attributes every user must have; those missing are asked for with the new password.
    pub required_attributes: BTreeSet<String>,
    /// Custom attributes with the `custom:` prefix, and their data type (`String`, `Number`, …).
    pub custom_attributes: BTreeMap<String, String>,
    /// Rules for new passwords.
    pub password_policy: PasswordPolicy,
    /// `email`, `phone_number`: sign-up and changes of these send a code, and the right code proves the address.
    #[serde(default)]
    pub auto_verified_attributes: BTreeSet<String>,
    /// Auto-verified attributes that keep their old value until the code for the new one came back.
    #[serde(default)]
    pub attributes_require_verification_before_update: BTreeSet<String>,
    /// Only AdminCreateUser makes users: SignUp is refused.
    #[serde(default)]
    pub allow_admin_create_user_only: bool,
    /// Ways to a forgotten password, the preferred one first. Empty: a verified phone number, else a verified e-mail
    /// address, as Cognito does when nothing is said.
    #[serde(default)]
    pub account_recovery: Vec<Recovery>,
    /// Functions the pool calls.
    #[serde(alias = "user_migration", deserialize_with = "Triggers::kept")]
    pub triggers: Triggers,
    /// Second factors.
    pub mfa: MfaSettings,
    /// `SignInPolicy.AllowedFirstAuthFactors`: what USER_AUTH may begin with. Empty is the password alone.
    pub first_factors: BTreeSet<FirstFactor>,
    /// Remembering devices; `None` is off.
    pub devices: Option<DeviceSettings>,
    /// Passkeys; `None` is off.
    pub web_authn: Option<WebAuthnSettings>,
}

/// A name of `AccountRecoverySetting.RecoveryMechanisms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// A code to the verified e-mail address.
    VerifiedEmail,
    /// A code to the verified phone number.
    VerifiedPhoneNumber,
    /// Only the administration resets passwords.
    AdminOnly,
}

impl Recovery {
    /// Every way there is.
    pub const ALL: [Self; 3] = [
        Self::VerifiedEmail,
        Self::VerifiedPhoneNumber,
        Self::AdminOnly,
    ];

    /// The name on the wire and in the seed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VerifiedEmail => "verified_email",
            Self::VerifiedPhoneNumber => "verified_phone_number",
            Self::AdminOnly => "admin_only",
        }
    }

    /// The way of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    fn medium(self) -> Option<Medium> {
        match self {
            Self::VerifiedEmail => Some(Medium::Email),
            Self::VerifiedPhoneNumber => Some(Medium::Sms),
            Self::AdminOnly => None,
        }
    }
}

/// `Policies.PasswordPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the four rules of Cognito's own shape"
)]
pub struct PasswordPolicy {
    /// 6 to 99 characters.
    pub minimum_length: u8,
    /// At least one of A to Z.
    pub require_uppercase: bool,
    /// At least one of a to z.
    pub require_lowercase: bool,
    /// At least one digit.
    pub require_numbers: bool,
    /// At least one of Cognito's symbols.
    pub require_symbols: bool,
    /// Days a temporary password works: 1 to 365.
    pub temporary_password_validity_days: u16,
    /// Passwords that may not come back, the current one included: 0 to 24.
    #[serde(default)]
    pub password_history_size: u8,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 8,
            require_uppercase: true,
            require_lowercase: true,
            require_numbers: true,
            require_symbols: true,
            temporary_password_validity_days: 7,
            password_history_size: 0,
        }
    }
}

impl PasswordPolicy {
    /// The first rule a password breaks, in Cognito's words.
    pub(crate) fn broken_rule(&self, password: &str) -> Option<&'static str> {
        let has = |kind: fn(char) -> bool| password.contains(kind);
        if password.chars().count() < usize::from(self.minimum_length) {
            Some("Password not long enough")
        } else if self.require_uppercase && !has(|letter| letter.is_ascii_uppercase()) {
            Some("Password must have uppercase characters")
        } else if self.require_lowercase && !has(|letter| letter.is_ascii_lowercase()) {
            Some("Password must have lowercase characters")
        } else if self.require_numbers && !has(|letter| letter.is_ascii_digit()) {
            Some("Password must have numeric characters")
        } else if self.require_symbols
            && !has(|letter| r#"^$*.[]{}()?-"!@#%&/\,><':;|_~`+="#.contains(letter))
        {
            Some("Password must have symbol characters")
        } else {
            None
        }
    }

    /// InvalidPasswordException for a password that breaks a rule.
    pub(crate) fn check(&self, password: &str) -> Result<(), ApiError> {
        match self.broken_rule(password) {
            None => Ok(()),
            Some(rule) => Err(ApiError::invalid_password(format!(
                "Password did not conform with policy: {rule}"
            ))),
        }
    }
}

impl PoolSettings {
    /// Where codes for new users go, the preferred one first: of two auto-verified attributes only the phone number
    /// is written to.
    pub(crate) fn verification_media(&self) -> impl Iterator<Item = Medium> {
        [Medium::Sms, Medium::Email]
            .into_iter()
            .filter(|medium| self.auto_verified_attributes.contains(medium.attribute()))
    }

    /// Where codes for forgotten passwords go, the preferred one first. Empty: the administration resets passwords.
    pub(crate) fn recovery_media(&self) -> Vec<Medium> {
        if self.account_recovery.is_empty() {
            return vec![Medium::Sms, Medium::Email];
        }
        self.account_recovery
            .iter()
            .filter_map(|way| way.medium())
            .collect()
    }

    /// Everything that does not fit together, one line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut names = |member: &str, given: &BTreeSet<String>, allowed: &[&str]| {
            for name in given
                .iter()
                .filter(|name| !allowed.contains(&name.as_str()))
            {
                problems.push(format!(
                    "{member}: {name} is none of {}",
                    allowed.join(", ")
                ));
            }
        };
        names(
            "UsernameAttributes",
            &self.username_attributes,
            &["email", "phone_number"],
        );
        names(
            "AliasAttributes",
            &self.alias_attributes,
            &["email", "phone_number", "preferred_username"],
        );
        names(
            "required attributes",
            &self.required_attributes,
            &STANDARD_ATTRIBUTES,
        );
        names(
            "AutoVerifiedAttributes",
            &self.auto_verified_attributes,
            &["email", "phone_number"],
        );
        if !self.username_attributes.is_empty() && !self.alias_attributes.is_empty() {
            problems.push(
                "Only one of the aliasAttributes or usernameAttributes can be set in a user pool."
                    .to_owned(),
            );
        }
        for name in self
            .attributes_require_verification_before_update
            .difference(&self.auto_verified_attributes)
        {
            problems.push(format!(
                "AttributesRequireVerificationBeforeUpdate: {name} must be among AutoVerifiedAttributes"
            ));
        }
        if self.account_recovery.contains(&Recovery::AdminOnly) && self.account_recovery.len() > 1 {
            problems.push("RecoveryMechanisms: admin_only excludes every other way".to_owned());
        }
        if self.password_policy.password_history_size > 24 {
            problems.push("PasswordHistorySize must be 0 to 24".to_owned());
        }
        for name in self.custom_attributes.keys() {
            let bare = name.strip_prefix("custom:").unwrap_or_default();
            if !(1..=20).contains(&bare.chars().count()) || bare.contains(char::is_whitespace) {
                problems.push(format!(
                    "{name} is no custom attribute: custom: and 1 to 20 characters"
                ));
            }
        }
        if !(6..=99).contains(&self.password_policy.minimum_length) {
            problems.push("MinimumLength must be 6 to 99".to_owned());
        }
        if !(1..=365).contains(&self.password_policy.temporary_password_validity_days) {
            problems.push("TemporaryPasswordValidityDays must be 1 to 365".to_owned());
        }
        if !(1..=100).contains(&self.triggers.custom_challenge_limit) {
            problems.push("custom_challenge_limit must be 1 to 100".to_owned());
        }
        if self.mfa.configuration != MfaConfiguration::Off && self.mfa.methods.is_empty() {
            problems.push(format!(
                "MfaConfiguration {} needs a second factor: SOFTWARE_TOKEN_MFA, SMS_MFA or EMAIL_OTP",
                self.mfa.configuration.name()
            ));
        }
        if let Some(web_authn) = &self.web_authn
            && !is_domain(&web_authn.relying_party_id)
        {
            problems.push(
                "RelyingPartyId must be a domain name in lower case, without scheme and port, such as localhost or example.com"
                    .to_owned(),
            );
        }
        problems
    }
}

fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.len() <= 127 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_of_the_policy_has_its_own_text() {
        let policy = PasswordPolicy::default();
        let rows = [
            ("Ab1-", Some("Password not long enough")),
            ("abcdefg1-", Some("Password must have uppercase characters")),
            ("ABCDEFG1-", Some("Password must have lowercase characters")),
            ("Abcdefgh-", Some("Password must have numeric characters")),
            ("Abcdefgh1", Some("Password must have symbol characters")),
            ("Abcdefg1-", None),
        ];
        for (password, rule) in rows {
            assert_eq!(policy.broken_rule(password), rule, "{password}");
        }
    }
}
