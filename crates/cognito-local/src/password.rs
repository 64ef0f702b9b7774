//! Passwords the pool makes up, for seed users without one and as temporary passwords; and the check and enrolment of
//! those that are chosen.

use aws_lc_rs::error::Unspecified;

use crate::error::ApiError;
use crate::random;
use crate::service::Service;
use crate::srp::{Password, SrpError};
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

/// Enrols the next password of a user, `key` in the pool.
///
/// # Errors
/// InvalidPasswordException when it breaks the policy, PasswordHistoryPolicyViolationException when the user had it
/// lately (`PasswordHistorySize`).
pub(crate) async fn enrol(
    service: &Service,
    pool: &str,
    key: &str,
    chosen: String,
) -> Result<Password, ApiError> {
    let (pool_name, name, former) = service.read(|state| {
        let pool = state.pool(pool)?;
        let user = pool.users.get(key).ok_or_else(ApiError::user_missing)?;
        let policy = &pool.settings.password_policy;
        policy.check(&chosen)?;
        let former: Vec<Password> = user
            .password
            .iter()
            .chain(&user.password_history)
            .take(usize::from(policy.password_history_size))
            .cloned()
            .collect();
        Ok::<_, ApiError>((pool.srp_name().to_owned(), user.name.clone(), former))
    })?;
    let enrolled = service.compute(move || {
        for password in &former {
            if password.matches(&pool_name, &name, &chosen)? {
                return Ok(None);
            }
        }
        Password::new(&pool_name, &name, &chosen).map(Some)
    });
    let enrolled: Result<Option<Password>, SrpError> = enrolled.await?;
    enrolled?.ok_or_else(|| ApiError::password_history("Password has been used before."))
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
