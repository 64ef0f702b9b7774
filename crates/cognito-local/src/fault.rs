//! Failures made on purpose: throttling, outages and slowness, so that clients can be tested against them.

use std::sync::{Mutex, PoisonError};

use crate::error::ApiError;
use crate::random;
use crate::settings::{Fault, FaultWhen};

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
    use std::time::Duration;

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
}
