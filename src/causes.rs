//! An error with what caused it, on one line, for the log.
//!
//! A leaf. Each error's `Display` tells its own level only, and the JSON form of the log prints no more than that: a
//! line that shall name the cause names it through here.

use std::error::Error;
use std::fmt;

/// The error and its sources, outermost first: `cannot connect to the upstream: Connection refused`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Causes<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect to the upstream")]
    struct Connect(#[source] std::io::Error);

    #[test]
    fn every_cause_is_on_the_line() {
        let refused = std::io::Error::from_raw_os_error(111);
        let line = Causes(&Connect(refused)).to_string();
        assert_eq!(
            line,
            "cannot connect to the upstream: Connection refused (os error 111)"
        );
    }
}
