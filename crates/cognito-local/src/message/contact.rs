//! Where a message goes: an e-mail address or a phone number, and how Cognito masks it in answers.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::{Pool, User, is_email, is_phone_number};

/// `DeliveryMedium`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Medium {
    Sms,
    Email,
}

impl Medium {
    /// The name on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Email => "EMAIL",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Sms, Self::Email]
            .into_iter()
            .find(|medium| medium.name() == name)
    }

    /// The attribute that holds the address.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Self::Sms => "phone_number",
            Self::Email => "email",
        }
    }

    /// The medium of `email` or `phone_number`.
    pub(crate) fn of_attribute(attribute: &str) -> Option<Self> {
        [Self::Sms, Self::Email]
            .into_iter()
            .find(|medium| medium.attribute() == attribute)
    }

    /// The attribute that says whether the address is proven.
    pub(crate) fn verified_attribute(self) -> &'static str {
        match self {
            Self::Sms => "phone_number_verified",
            Self::Email => "email_verified",
        }
    }
}

/// An address and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) medium: Medium,
    pub(crate) address: String,
}

/// Where a code went, as answers tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeDelivery {
    /// Masked.
    pub(crate) destination: String,
    pub(crate) medium: Medium,
}

impl Contact {
    /// The user's address for a medium, proven or not.
    pub(crate) fn of(user: &User, medium: Medium) -> Option<Self> {
        let address = user.attributes.get(medium.attribute())?;
        (!address.is_empty()).then(|| Self {
            medium,
            address: address.clone(),
        })
    }

    /// As `of`, if the address is proven.
    pub(crate) fn verified(user: &User, medium: Medium) -> Option<Self> {
        let proven = user
            .attributes
            .get(medium.verified_attribute())
            .is_some_and(|proven| proven == "true");
        Self::of(user, medium).filter(|_| proven)
    }

    /// Where a code for nobody would have gone: the typed address, or one made from the pool's secret, the same every
    /// time. `media` are those the pool would use, the preferred one first; `None` without any.
    pub(crate) fn stand_in(pool: &Pool, media: &[Medium], typed: &str) -> Option<Self> {
        let typed_medium = match typed {
            email if is_email(email) => Some(Medium::Email),
            number if is_phone_number(number) => Some(Medium::Sms),
            _ => None,
        };
        if let Some(medium) = typed_medium.filter(|medium| media.contains(medium)) {
            let address = typed.to_owned();
            return Some(Self { medium, address });
        }
        let medium = *media.first()?;
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &pool.secret);
        let name = format!("stand-in address\0{}", pool.key(typed));
        let made = hmac::sign(&secret, name.as_bytes());
        let letter = |index: usize| {
            let byte = made.as_ref().get(index).copied().unwrap_or_default();
            char::from(b'a' + byte % 26)
        };
        let digits = made
            .as_ref()
            .first_chunk::<4>()
            .copied()
            .unwrap_or_default();
        let address = match medium {
            Medium::Email => format!("{}@{}", letter(0), letter(1)),
            Medium::Sms => format!("+1555555{:04}", u32::from_be_bytes(digits) % 10_000),
        };
        Some(Self { medium, address })
    }

    /// What an answer tells of it.
    pub(crate) fn delivery(&self) -> CodeDelivery {
        CodeDelivery {
            destination: match self.medium {
                Medium::Email => masked_email(&self.address),
                Medium::Sms => masked_number(&self.address),
            },
            medium: self.medium,
        }
    }
}

impl CodeDelivery {
    /// `CodeDeliveryDetails`.
    pub(crate) fn details(&self) -> Value {
        json!({
            "Destination": self.destination,
            "DeliveryMedium": self.medium.name(),
            "AttributeName": self.medium.attribute(),
        })
    }
}

/// `j***@e***`: the first letters of both parts.
fn masked_email(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first = |part: &str| part.chars().next().map(String::from).unwrap_or_default();
    format!("{}***@{}***", first(local), first(domain))
}

/// `+*******1234`: the last four digits.
fn masked_number(number: &str) -> String {
    let digits = number.trim_start_matches('+');
    let hidden = digits.chars().count().saturating_sub(4);
    let last: String = digits.chars().skip(hidden).collect();
    format!("+{}{last}", "*".repeat(hidden))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_masked_as_cognito_masks_them() {
        for (medium, address, masked) in [
            (Medium::Email, "jane@example.com", "j***@e***"),
            (Medium::Email, "ä@ö.example", "ä***@ö***"),
            (Medium::Sms, "+15555551234", "+*******1234"),
            (Medium::Sms, "+1234", "+1234"),
        ] {
            let address = address.to_owned();
            assert_eq!(Contact { medium, address }.delivery().destination, masked);
        }
    }
}
