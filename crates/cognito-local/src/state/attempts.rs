//! How often an hour one name may ask for a code, try one, or change the password.
//!
//! Cognito's quotas per user and hour. In memory: a restart forgives. Names of nobody are counted like those of users, else
//! the limit would tell who exists.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::error::ApiError;

const HOUR: Duration = Duration::from_secs(3_600);

/// Names kept before those that are idle are cleared out.
const SWEEP_AT: usize = 10_000;

/// A call that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    ChangePassword,
    ConfirmForgotPassword,
    ConfirmSignUp,
    ForgotPassword,
    AttributeCode,
    ResendCode,
    VerifyAttribute,
}

impl Action {
    /// Calls an hour. Cognito says 5 to 20 for a forgotten password.
    fn limit(self) -> usize {
        match self {
            Self::ChangePassword
            | Self::AttributeCode
            | Self::ResendCode
            | Self::ForgotPassword => 5,
            Self::ConfirmForgotPassword | Self::ConfirmSignUp | Self::VerifyAttribute => 15,
        }
    }
}

#[derive(Default)]
pub(crate) struct Attempts(HashMap<(String, Action), VecDeque<Duration>>);

impl Attempts {
    /// Counts a call, or LimitExceededException when the hour has seen enough of them.
    pub(crate) fn count(
        &mut self,
        key: &str,
        action: Action,
        now: Duration,
    ) -> Result<(), ApiError> {
        let recent = |time: &Duration| *time + HOUR > now;
        if self.0.len() >= SWEEP_AT {
            self.0.retain(|_, times| times.back().is_some_and(recent));
        }
        let times = self.0.entry((key.to_owned(), action)).or_default();
        times.retain(recent);
        if times.len() >= action.limit() {
            return Err(ApiError::limit_exceeded(
                "Attempt limit exceeded, please try after some time.",
            ));
        }
        times.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_per_name_and_call_and_moves_with_the_hour() {
        let mut attempts = Attempts::default();
        let mut count = |key: &str, action, seconds| {
            attempts
                .count(key, action, Duration::from_secs(seconds))
                .is_ok()
        };
        for second in 0..5 {
            assert!(count("ada", Action::ForgotPassword, second));
        }
        assert!(!count("ada", Action::ForgotPassword, 6));
        assert!(count("bob", Action::ForgotPassword, 6));
        assert!(count("ada", Action::ResendCode, 6));
        assert!(!count("ada", Action::ForgotPassword, 3_599));
        assert!(count("ada", Action::ForgotPassword, 3_600));
        assert!(!count("ada", Action::ForgotPassword, 3_600));
    }
}
