//! Failures made on purpose: throttling, outages and slowness, so that clients can be tested against them.
//!
//! Applied before an operation runs. On a command line a fault is written `OPERATION:EXCEPTION:SHARE:DELAY`.

use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::ApiError;
use crate::random;
use crate::settings::{Fault, FaultWhen};

/// The longest delay that can be written.
const LONGEST_DELAY: Duration = Duration::from_secs(10 * 60);

/// Why a text is no fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// Not four parts.
    #[error(
        "write OPERATION:EXCEPTION:SHARE:DELAY, such as InitiateAuth:TooManyRequestsException:0.5:200ms"
    )]
    Parts,
    /// The operation has not the form of one.
    #[error("{0:?} is no operation; write one of Cognito's, such as InitiateAuth")]
    Operation(String),
    /// The exception has not the form of one.
    #[error(
        "{0:?} is no exception; write one of Cognito's, such as TooManyRequestsException, or nothing for a delay alone: \
         InitiateAuth::1:2s"
    )]
    Exception(String),
    /// No number from 0 to 1.
    #[error("{0:?} is no share of the calls; write a number from 0 to 1, such as 0.5")]
    Share(String),
    /// No span of time, or a long one.
    #[error("{0:?} is no delay; write a number and ms, s or m, at most 10m, such as 200ms")]
    Delay(String),
}

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `InitiateAuth:TooManyRequestsException:0.5:200ms`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        let parts: Vec<&str> = text.split(':').collect();
        let [operation, exception, share, delay] = parts.as_slice() else {
            return Err(FaultError::Parts);
        };
        if !is_name(operation) || operation.ends_with("Exception") {
            return Err(FaultError::Operation((*operation).to_owned()));
        }
        let named = is_name(exception) && exception.ends_with("Exception");
        if !named && !exception.is_empty() {
            return Err(FaultError::Exception((*exception).to_owned()));
        }
        let wrong_share = || FaultError::Share((*share).to_owned());
        let part: f64 = share.parse().map_err(|_no_number| wrong_share())?;
        if !(0.0..=1.0).contains(&part) {
            return Err(wrong_share());
        }
        Ok(Self {
            operation: (*operation).to_owned(),
            exception: (!exception.is_empty()).then(|| (*exception).to_owned()),
            when: FaultWhen::Share(part),
            delay: span(delay)
                .filter(|delay| *delay <= LONGEST_DELAY)
                .ok_or_else(|| FaultError::Delay((*delay).to_owned()))?,
        })
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn span(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let amount: u64 = plain.then(|| digits.parse().ok()).flatten()?;
    amount.checked_mul(unit).map(Duration::from_millis)
}

/// The ordered faults and how many calls each still hits.
pub(crate) struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        Self(Mutex::new(faults))
    }

    /// Applies the first fault that is due for this call, before the operation runs.
    pub(crate) async fn apply(&self, operation: &str) -> Result<(), ApiError> {
        let Some(fault) = self.due(operation)? else {
            return Ok(());
        };
        tokio::time::sleep(fault.delay).await;
        match fault.exception {
            None => Ok(()),
            Some(name) => Err(ApiError::named(
                name,
                "A fault ordered by the settings of the local pool.",
            )),
        }
    }

    fn due(&self, operation: &str) -> Result<Option<Fault>, ApiError> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in faults
            .iter_mut()
            .filter(|fault| fault.operation == operation)
        {
            let due = match &mut fault.when {
                FaultWhen::Share(share) => chance()? < *share,
                FaultWhen::Next(0) => false,
                FaultWhen::Next(left) => {
                    *left -= 1;
                    true
                }
            };
            if due {
                return Ok(Some(fault.clone()));
            }
        }
        Ok(None)
    }
}

/// A number drawn evenly from [0, 1).
fn chance() -> Result<f64, ApiError> {
    Ok(f64::from(u32::from_be_bytes(random::bytes()?)) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(when: FaultWhen) -> Faults {
        let fault = Fault {
            operation: "InitiateAuth".to_owned(),
            exception: Some("TooManyRequestsException".to_owned()),
            when,
            delay: Duration::ZERO,
        };
        Faults::new(vec![fault])
    }

    #[tokio::test]
    async fn a_counted_fault_hits_that_many_calls_of_its_operation_and_then_stops() {
        let faults = faults(FaultWhen::Next(2));
        faults.apply("GetUser").await.unwrap();
        for _call in 0..2 {
            assert_eq!(
                faults.apply("InitiateAuth").await.unwrap_err().name(),
                "TooManyRequestsException"
            );
        }
        faults.apply("InitiateAuth").await.unwrap();
    }

    #[tokio::test]
    async fn a_share_of_one_is_always_and_of_zero_never() {
        let (always, never) = (faults(FaultWhen::Share(1.0)), faults(FaultWhen::Share(0.0)));
        for _call in 0..50 {
            always.apply("InitiateAuth").await.unwrap_err();
            never.apply("InitiateAuth").await.unwrap();
        }
    }

    #[test]
    fn a_fault_is_written_in_four_parts() {
        let fault: Fault = "InitiateAuth:TooManyRequestsException:0.5:200ms"
            .parse()
            .unwrap();
        assert_eq!(
            fault,
            Fault {
                operation: "InitiateAuth".to_owned(),
                exception: Some("TooManyRequestsException".to_owned()),
                when: FaultWhen::Share(0.5),
                delay: Duration::from_millis(200),
            }
        );
        let delay: Fault = "GetUser::1:2s".parse().unwrap();
        assert_eq!(
            (delay.exception, delay.delay),
            (None, Duration::from_secs(2))
        );
    }

    #[test]
    fn what_is_wrong_with_a_fault_is_told_with_an_example() {
        for (text, word) in [
            ("", "OPERATION:EXCEPTION:SHARE:DELAY"),
            ("InitiateAuth", "OPERATION:EXCEPTION:SHARE:DELAY"),
            ("InitiateAuth:A:1:1s:x", "OPERATION:EXCEPTION:SHARE:DELAY"),
            ("initiate auth::1:1s", "InitiateAuth"),
            ("TooManyRequestsException::1:1s", "InitiateAuth"),
            ("InitiateAuth:TooMany:1:1s", "TooManyRequestsException"),
            ("InitiateAuth::2:1s", "0.5"),
            ("InitiateAuth::-0.1:1s", "0.5"),
            ("InitiateAuth::NaN:1s", "0.5"),
            ("InitiateAuth::half:1s", "0.5"),
            ("InitiateAuth::1:", "200ms"),
            ("InitiateAuth::1:5", "200ms"),
            ("InitiateAuth::1:1h", "200ms"),
            ("InitiateAuth::1:11m", "200ms"),
            ("InitiateAuth::1:99999999999999999999s", "200ms"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }
}
