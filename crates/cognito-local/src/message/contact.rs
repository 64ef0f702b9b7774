//! Where a message goes: an e-mail address or a phone number, and how Cognito masks it in answers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::state::User;

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
