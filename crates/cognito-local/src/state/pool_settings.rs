//! How a user pool behaves: sign-in names, attributes, password rules, triggers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::ApiError;
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
    /// Functions the pool calls.
    #[serde(default, alias = "user_migration", deserialize_with = "Triggers::kept")]
    pub triggers: Triggers,
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
        if !self.username_attributes.is_empty() && !self.alias_attributes.is_empty() {
            problems.push(
                "Only one of the aliasAttributes or usernameAttributes can be set in a user pool."
                    .to_owned(),
            );
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
        problems
    }
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
