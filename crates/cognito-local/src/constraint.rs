//! The service model's limits on members, and Cognito's way of reporting all that fail at once.
//!
//! Runs first in every operation, before anything is looked up. Values never appear in the text: some are secret.

use std::ops::RangeInclusive;

use crate::error::ApiError;

/// Length and pattern of a text member.
pub(crate) struct Limit {
    length: RangeInclusive<usize>,
    pattern: &'static str,
    matches: fn(&str) -> bool,
}

pub(crate) const ATTRIBUTE_NAME: Limit = Limit {
    length: 1..=32,
    pattern: r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+",
    matches: is_printed,
};
pub(crate) const ATTRIBUTE_VALUE: Limit = Limit {
    length: 0..=2048,
    pattern: "",
    matches: |_| true,
};
pub(crate) const CLIENT_ID: Limit = Limit {
    length: 1..=128,
    pattern: r"[\w+]+",
    matches: is_word_or_plus,
};
pub(crate) const CLIENT_NAME: Limit = Limit {
    length: 1..=128,
    pattern: r"[\w\s+=,.@-]+",
    matches: |_| true,
};
pub(crate) const CLIENT_SECRET: Limit = Limit {
    length: 24..=64,
    pattern: r"[\w+]+",
    matches: is_word_or_plus,
};
pub(crate) const CODE: Limit = Limit {
    length: 1..=2048,
    pattern: r"[\S]+",
    matches: |text| !text.contains(char::is_whitespace),
};
pub(crate) const DEVICE_KEY: Limit = Limit {
    length: 1..=55,
    pattern: r"[\w-]+_[0-9a-f-]+",
    matches: is_device_key,
};
pub(crate) const DEVICE_NAME: Limit = Limit {
    length: 1..=1024,
    pattern: "",
    matches: |_| true,
};
pub(crate) const GROUP_NAME: Limit = Limit {
    length: 1..=128,
    pattern: r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+",
    matches: is_printed,
};
pub(crate) const NAME: Limit = Limit {
    length: 1..=128,
    pattern: "",
    matches: |_| true,
};
pub(crate) const PASSWORD: Limit = Limit {
    length: 1..=256,
    pattern: r"[\S]+",
    matches: |text| !text.contains(char::is_whitespace),
};
pub(crate) const POOL_ID: Limit = Limit {
    length: 1..=55,
    pattern: r"[\w-]+_[0-9a-zA-Z]+",
    matches: is_pool_id,
};
pub(crate) const SECRET_HASH: Limit = Limit {
    length: 1..=128,
    pattern: r"[\w+=/]+",
    matches: |text| {
        text.chars()
            .all(|letter| is_word(letter) || "+=/".contains(letter))
    },
};
pub(crate) const SESSION: Limit = Limit {
    length: 20..=4096,
    pattern: "",
    matches: |_| true,
};
pub(crate) const TOKEN: Limit = Limit {
    length: 1..=16_384,
    pattern: "[A-Za-z0-9-_=.]+",
    matches: is_token,
};
pub(crate) const TEXT: Limit = Limit {
    length: 0..=2048,
    pattern: "",
    matches: |_| true,
};
pub(crate) const USER_CODE: Limit = Limit {
    length: 6..=6,
    pattern: "[0-9]+",
    matches: |text| text.bytes().all(|byte| byte.is_ascii_digit()),
};
pub(crate) const FRIENDLY_NAME: Limit = Limit {
    length: 0..=131_072,
    pattern: "",
    matches: |_| true,
};
pub(crate) const USERNAME: Limit = Limit {
    length: 1..=128,
    pattern: r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+",
    matches: is_printed,
};

/// Collects every failed constraint of one request.
#[derive(Default)]
pub(crate) struct Constraints {
    failures: Vec<String>,
}

impl Constraints {
    /// A member that must be there. Stands in an empty text for a missing one: `check` refuses the request.
    pub(crate) fn required(
        &mut self,
        member: &str,
        value: Option<String>,
        limit: &Limit,
    ) -> String {
        if value.is_none() {
            self.failures.push(format!(
                "Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ));
        }
        self.optional(member, value, limit).unwrap_or_default()
    }

    /// A member that may be absent.
    pub(crate) fn optional(
        &mut self,
        member: &str,
        value: Option<String>,
        limit: &Limit,
    ) -> Option<String> {
        if let Some(value) = &value {
            self.failures.extend(
                limit.failure(value).map(|what| {
                    format!("Value at '{member}' failed to satisfy constraint: {what}")
                }),
            );
        }
        value
    }

    /// A number that may be absent.
    pub(crate) fn number(
        &mut self,
        member: &str,
        value: Option<i64>,
        range: &RangeInclusive<i64>,
    ) -> Option<i64> {
        if value.is_some_and(|value| value < *range.start()) {
            let least = range.start();
            self.fail(
                member,
                &format!("Member must have value greater than or equal to {least}"),
            );
        } else if value.is_some_and(|value| value > *range.end()) {
            let most = range.end();
            self.fail(
                member,
                &format!("Member must have value less than or equal to {most}"),
            );
        }
        value
    }

    /// A text that must be one of an enumeration.
    pub(crate) fn one_of(&mut self, member: &str, value: Option<&str>, allowed: &[&str]) {
        if value.is_some_and(|value| !allowed.contains(&value)) {
            self.fail(
                member,
                &format!(
                    "Member must satisfy enum value set: [{}]",
                    allowed.join(", ")
                ),
            );
        }
    }

    fn fail(&mut self, member: &str, what: &str) {
        self.failures.push(format!(
            "Value at '{member}' failed to satisfy constraint: {what}"
        ));
    }

    /// InvalidParameterException with every failure, or nothing.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        let count = self.failures.len();
        match count {
            0 => Ok(()),
            1 => Err(ApiError::invalid_parameter(format!(
                "1 validation error detected: {}",
                self.failures.join("; ")
            ))),
            _ => Err(ApiError::invalid_parameter(format!(
                "{count} validation errors detected: {}",
                self.failures.join("; ")
            ))),
        }
    }
}

impl Limit {
    /// Whether a value keeps the limit.
    pub(crate) fn allows(&self, value: &str) -> bool {
        self.failure(value).is_none()
    }

    fn failure(&self, value: &str) -> Option<String> {
        let length = value.chars().count();
        if length < *self.length.start() {
            Some(format!(
                "Member must have length greater than or equal to {}",
                self.length.start()
            ))
        } else if length > *self.length.end() {
            Some(format!(
                "Member must have length less than or equal to {}",
                self.length.end()
            ))
        } else if !(self.matches)(value) {
            Some(format!(
                "Member must satisfy regular expression pattern: {}",
                self.pattern
            ))
        } else {
            None
        }
    }
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn is_word_or_plus(text: &str) -> bool {
    text.chars().all(|letter| is_word(letter) || letter == '+')
}

fn is_pool_id(text: &str) -> bool {
    text.rsplit_once('_').is_some_and(|(region, name)| {
        !region.is_empty()
            && region
                .chars()
                .all(|letter| is_word(letter) || letter == '-')
            && !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric())
    })
}

fn is_device_key(text: &str) -> bool {
    text.rsplit_once('_').is_some_and(|(region, id)| {
        !region.is_empty()
            && region
                .chars()
                .all(|letter| is_word(letter) || letter == '-')
            && !id.is_empty()
            && id
                .chars()
                .all(|letter| matches!(letter, '0'..='9' | 'a'..='f' | '-'))
    })
}

fn is_token(text: &str) -> bool {
    text.chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_=.".contains(letter))
}

/// Letters, marks, symbols, numbers and punctuation: no white space, no control characters.
fn is_printed(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_failures_are_reported_together_and_without_the_values() {
        let mut constraints = Constraints::default();
        constraints.required("clientId", None, &CLIENT_ID);
        constraints.optional("password", Some("has a space".to_owned()), &PASSWORD);
        constraints.number("limit", Some(61), &(0..=60));
        let text = constraints.check().unwrap_err().message().to_owned();
        assert!(
            text.starts_with("3 validation errors detected: Value null at 'clientId'"),
            "{text}"
        );
        assert!(text.contains("Value at 'limit' failed to satisfy constraint: Member must have value less than or equal to 60"), "{text}");
        assert!(!text.contains("has a space"), "{text}");
    }

    #[test]
    fn a_pool_id_is_two_parts_with_a_plain_second_one() {
        for good in ["us-east-1_AbC123xyz", "local_1", "a_b_c"] {
            assert!(POOL_ID.allows(good), "{good}");
        }
        for bad in [
            "local",
            "local_",
            "_abc",
            "local_a-b",
            "lo cal_abc",
            &format!("local_{}", "a".repeat(50)),
        ] {
            assert!(!POOL_ID.allows(bad), "{bad}");
        }
    }
}
