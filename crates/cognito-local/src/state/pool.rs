//! A user pool: what it holds, and the look-ups by name, alias and id that every operation starts with.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Attempts, Client, CodeUse, Codes, Grant, Lockout, PoolSettings, STANDARD_ATTRIBUTES, Spent,
    User, UserName,
};
use crate::constraint::USERNAME;
use crate::error::ApiError;
use crate::keys::StoredKeys;
use crate::message::{self, Contact};
use crate::random;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) role_arn: Option<String>,
    /// Lower comes first.
    pub(crate) precedence: Option<i64>,
    pub(crate) created: Duration,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Pool {
    /// `local_` and a random part, or what the seed says; the part after the underscore goes into every verifier.
    pub(crate) id: String,
    pub(crate) name: String,
    /// Seals sessions and makes the stand-ins of users who do not exist.
    pub(crate) secret: [u8; 32],
    pub(crate) settings: PoolSettings,
    /// Members of CreateUserPool that the pool keeps and shows but does not act on.
    pub(crate) shown: Map<String, Value>,
    /// `EmailMfaConfiguration` as it was given: shown, since the pool sends its own texts.
    #[serde(default)]
    pub(crate) email_mfa: Map<String, Value>,
    pub(crate) keys: Option<StoredKeys>,
    pub(crate) clients: BTreeMap<String, Client>,
    pub(crate) groups: BTreeMap<String, Group>,
    /// By folded internal name: see `key`.
    pub(crate) users: BTreeMap<String, User>,
    /// By `event_id`.
    pub(crate) grants: BTreeMap<String, Grant>,
    pub(crate) spent: Spent,
    #[serde(default)]
    pub(crate) codes: Codes,
    pub(crate) created: Duration,
    #[serde(skip)]
    pub(crate) lockout: Lockout,
    #[serde(skip)]
    pub(crate) attempts: Attempts,
}

impl Pool {
    /// An empty pool. Without an id it gets `local_` and nine random characters.
    pub(crate) fn new(
        id: Option<String>,
        name: String,
        settings: PoolSettings,
        now: Duration,
    ) -> Result<Self, Unspecified> {
        let id = match id {
            Some(id) => id,
            None => format!("local_{}", random::text(random::ALPHANUMERIC, 9)?),
        };
        Ok(Self {
            id,
            name,
            secret: random::bytes()?,
            settings,
            shown: Map::new(),
            email_mfa: Map::new(),
            keys: None,
            clients: BTreeMap::new(),
            groups: BTreeMap::new(),
            users: BTreeMap::new(),
            grants: BTreeMap::new(),
            spent: Spent::default(),
            codes: Codes::default(),
            created: now,
            lockout: Lockout::default(),
            attempts: Attempts::default(),
        })
    }

    /// What SRP hashes for the pool: the id after the underscore.
    pub(crate) fn srp_name(&self) -> &str {
        self.id
            .split_once('_')
            .map_or(self.id.as_str(), |(_, name)| name)
    }

    /// The form of a name under which it is kept and compared.
    pub(crate) fn key(&self, name: &str) -> String {
        if self.settings.case_sensitive {
            name.to_owned()
        } else {
            name.to_lowercase()
        }
    }

    /// The user a person means: by internal name, `sub`, sign-in attribute or alias.
    pub(crate) fn find(&self, typed: &str) -> Option<(&str, &User)> {
        let key = self.key(typed);
        let by_name = self.users.get_key_value(&key);
        by_name
            .or_else(|| {
                self.users
                    .iter()
                    .find(|(_, user)| user.sub() == typed || self.is_alias_of(&key, user))
            })
            .map(|(key, user)| (key.as_str(), user))
    }

    /// As `find`, or UserNotFoundException: for calls that may know.
    pub(crate) fn user(&self, typed: &str) -> Result<&User, ApiError> {
        self.find(typed)
            .map(|(_, user)| user)
            .ok_or_else(ApiError::user_missing)
    }

    /// As `user`, to change it.
    pub(crate) fn user_mut(&mut self, typed: &str) -> Result<&mut User, ApiError> {
        let key = self
            .find(typed)
            .map(|(key, _)| key.to_owned())
            .ok_or_else(ApiError::user_missing)?;
        self.users.get_mut(&key).ok_or_else(ApiError::user_missing)
    }

    /// An e-mail address or phone number is an alias only once verified; as a sign-in attribute it always is a name.
    fn is_alias_of(&self, key: &str, user: &User) -> bool {
        let names = |attribute: &str| {
            user.attributes
                .get(attribute)
                .is_some_and(|value| self.key(value) == key)
        };
        let verified = |attribute: &str| {
            attribute == "preferred_username"
                || user
                    .attributes
                    .get(&format!("{attribute}_verified"))
                    .is_some_and(|verified| verified == "true")
        };
        self.settings
            .username_attributes
            .iter()
            .any(|attribute| names(attribute))
            || self
                .settings
                .alias_attributes
                .iter()
                .any(|attribute| names(attribute) && verified(attribute))
    }

    /// The attribute another user already has as a name, when `user` may not have it too.
    pub(crate) fn taken_alias(&self, user: &User) -> Option<(&str, &str)> {
        let own_key = self.key(&user.name);
        self.settings
            .username_attributes
            .iter()
            .chain(&self.settings.alias_attributes)
            .find_map(|attribute| {
                let key = self.key(user.attributes.get(attribute)?);
                if !self.is_alias_of(&key, user) {
                    return None;
                }
                let holder = self
                    .users
                    .iter()
                    .find(|(other, holder)| **other != own_key && self.is_alias_of(&key, holder))?;
                Some((attribute.as_str(), holder.0.as_str()))
            })
    }

    /// The internal name of a new user who signs in with `typed`; `chosen` is another one a migration asked for.
    pub(crate) fn internal_name(
        &self,
        typed: &str,
        chosen: Option<&str>,
    ) -> Result<UserName, ApiError> {
        let sign_in = &self.settings.username_attributes;
        if !sign_in.is_empty() {
            let fits = (sign_in.contains("email") && is_email(typed))
                || (sign_in.contains("phone_number") && is_phone_number(typed));
            return if fits {
                Ok(UserName::Sub(random::uuid()?))
            } else {
                Err(ApiError::invalid_parameter(
                    "Username should be either an email or a phone number.",
                ))
            };
        }
        let name = chosen.unwrap_or(typed);
        let alias = (is_email(name) && self.settings.alias_attributes.contains("email"))
            || (is_phone_number(name) && self.settings.alias_attributes.contains("phone_number"));
        if alias {
            let text = "Username cannot be of email format, since user pool is configured for email alias.";
            return Err(ApiError::invalid_parameter(text));
        }
        if !USERNAME.allows(name) {
            return Err(ApiError::invalid_parameter("Invalid user name."));
        }
        Ok(UserName::Chosen(name.to_owned()))
    }

    /// In a pool with UsernameAttributes the name a user is made with is the attribute of that kind.
    pub(crate) fn add_sign_in_attribute(
        &self,
        typed: &str,
        attributes: &mut BTreeMap<String, String>,
    ) {
        let kind = if is_email(typed) {
            "email"
        } else {
            "phone_number"
        };
        if self.settings.username_attributes.contains(kind) {
            attributes
                .entry(kind.to_owned())
                .or_insert_with(|| typed.to_owned());
        }
    }

    /// Adds a user. An alias somebody else has is refused, or taken away from them with `force_alias`.
    pub(crate) fn add_user(&mut self, user: User, force_alias: bool) -> Result<&User, ApiError> {
        let key = self.key(&user.name);
        if self.users.contains_key(&key) {
            return Err(ApiError::username_exists("User account already exists"));
        }
        while let Some((attribute, holder)) = self.taken_alias(&user) {
            let (attribute, holder) = (attribute.to_owned(), holder.to_owned());
            if !force_alias || self.settings.username_attributes.contains(&attribute) {
                return Err(ApiError::username_exists(format!(
                    "An account with the given {attribute} already exists."
                )));
            }
            self.release_alias(&holder, &attribute);
        }
        // Codes that nobody was told, from before the name had a user.
        self.codes.forget(&key);
        Ok(self.users.entry(key).or_insert(user))
    }

    /// Proves an address of a user: stores it and sets its verified flag. In a pool where it is an alias somebody
    /// else may have it already: AliasExistsException, or taken away from them with `force_alias`.
    pub(crate) fn prove(
        &mut self,
        key: &str,
        contact: &Contact,
        force_alias: bool,
        now: Duration,
    ) -> Result<(), ApiError> {
        let medium = contact.medium;
        let mut proven = self
            .users
            .get(key)
            .ok_or_else(ApiError::user_missing)?
            .clone();
        proven
            .attributes
            .insert(medium.attribute().to_owned(), contact.address.clone());
        proven
            .attributes
            .insert(medium.verified_attribute().to_owned(), "true".to_owned());
        proven.modified = now;
        self.claim_aliases(&proven, force_alias)?;
        self.users.insert(key.to_owned(), proven);
        Ok(())
    }

    /// AliasExistsException when somebody else has a name this user would get; with `force_alias` an alias moves,
    /// a sign-in attribute never does.
    pub(crate) fn claim_aliases(&mut self, user: &User, force_alias: bool) -> Result<(), ApiError> {
        while let Some((attribute, holder)) = self.taken_alias(user) {
            let (attribute, holder) = (attribute.to_owned(), holder.to_owned());
            if !force_alias || self.settings.username_attributes.contains(&attribute) {
                return Err(ApiError::alias_exists(format!(
                    "An account with the given {attribute} already exists."
                )));
            }
            self.release_alias(&holder, &attribute);
        }
        Ok(())
    }

    /// Makes a code that is about to be sent to `contact` and remembers it.
    pub(crate) fn issue_code(
        &mut self,
        key: &str,
        purpose: CodeUse,
        contact: Contact,
        now: Duration,
    ) -> Result<String, ApiError> {
        let code = message::code(message::CODE_DIGITS)?;
        let users = &self.users;
        self.codes.sweep(now, |key| users.contains_key(key));
        self.codes
            .put(&self.secret, key, purpose, &code, contact, now);
        Ok(code)
    }

    /// Forgets a user with everything that hangs on it.
    pub(crate) fn remove_user(&mut self, key: &str) {
        self.users.remove(key);
        self.codes.forget(key);
        self.grants.retain(|_, grant| grant.user != key);
    }

    /// Makes an attribute of a user no alias any longer: unverified, or gone where no verification is needed.
    fn release_alias(&mut self, holder: &str, attribute: &str) {
        let Some(holder) = self.users.get_mut(holder) else {
            return;
        };
        if attribute == "preferred_username" {
            holder.attributes.remove(attribute);
        } else {
            holder
                .attributes
                .insert(format!("{attribute}_verified"), "false".to_owned());
        }
    }

    /// Required attributes the user lacks, in alphabetical order.
    pub(crate) fn missing_attributes(&self, user: &User) -> Vec<&str> {
        let missing =
            |attribute: &&String| user.attributes.get(*attribute).is_none_or(String::is_empty);
        self.settings
            .required_attributes
            .iter()
            .filter(missing)
            .map(String::as_str)
            .collect()
    }

    /// InvalidParameterException for an attribute that the pool does not have or whose value has the wrong form.
    pub(crate) fn check_attribute(&self, name: &str, value: &str) -> Result<(), ApiError> {
        let known = STANDARD_ATTRIBUTES.contains(&name)
            || self.settings.custom_attributes.contains_key(name);
        if name == "sub" {
            Err(ApiError::invalid_parameter(
                "Cannot modify the non-mutable attribute sub",
            ))
        } else if !known {
            let text = format!(
                "Attributes did not conform to the schema: Type for attribute {{{name}}} could not be determined"
            );
            Err(ApiError::invalid_parameter(text))
        } else if name == "email" && !is_email(value) {
            Err(ApiError::invalid_parameter("Invalid email address format."))
        } else if name == "phone_number" && !is_phone_number(value) {
            Err(ApiError::invalid_parameter("Invalid phone number format."))
        } else {
            Ok(())
        }
    }

    /// The user's groups: lowest precedence first, those without one last.
    pub(crate) fn groups_of(&self, user: &User) -> Vec<&Group> {
        let mut groups: Vec<_> = user
            .groups
            .iter()
            .filter_map(|name| self.groups.get(name))
            .collect();
        groups.sort_by_key(|group| group.precedence.unwrap_or(i64::MAX));
        groups
    }

    /// Ends every sign-in of a user: refresh tokens, and access tokens at the pool's own operations.
    pub(crate) fn revoke_all(&mut self, key: &str) {
        self.grants
            .values_mut()
            .filter(|grant| grant.user == key)
            .for_each(|grant| grant.revoked = true);
    }
}

/// Whether a text has the form of an e-mail address, as far as Cognito looks.
pub(crate) fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    }) && !text.contains(char::is_whitespace)
}

/// Whether a text is an E.164 number.
pub(crate) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (2..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_told_from_other_text() {
        for good in ["ada@example.com", "a+b@x.y.z"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "ada",
            "@example.com",
            "ada@",
            "ada@com",
            "ada@.com",
            "a b@example.com",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(is_phone_number("+15555550100"));
        for bad in ["15555550100", "+", "+1a", "+1234567890123456", "+1 555"] {
            assert!(!is_phone_number(bad), "{bad}");
        }
    }
}
