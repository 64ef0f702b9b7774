//! Passwords the pool makes up: for seed users without one, and as temporary passwords.

use aws_lc_rs::error::Unspecified;

use crate::random;
use crate::state::PasswordPolicy;

/// No letters that are mistaken for others when a person types them.
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/// A random password that keeps the policy: groups of four joined by `-`, as `k3Xw-9TqB-hm4P`.
pub(crate) fn generate(policy: &PasswordPolicy) -> Result<String, Unspecified> {
    // n groups have 5n - 1 characters.
    let groups = (usize::from(policy.minimum_length) + 1).div_ceil(5).max(3);
    loop {
        let password = (0..groups)
            .map(|_| random::text(LETTERS, 4))
            .collect::<Result<Vec<_>, _>>()?
            .join("-");
        // Each draw misses a kind of character now and then; a second one rarely does.
        if policy.broken_rule(&password).is_none() {
            return Ok(password);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_password_keeps_every_policy() {
        for minimum_length in [6, 8, 14, 15, 20, 99] {
            let policy = PasswordPolicy {
                minimum_length,
                ..PasswordPolicy::default()
            };
            let password = generate(&policy).unwrap();
            assert_eq!(policy.broken_rule(&password), None, "{password}");
            assert_ne!(password, generate(&policy).unwrap());
        }
    }
}
