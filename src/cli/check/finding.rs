//! What `sidegate check` has to say: one finding, how bad it is, and how it is written.
//!
//! A finding says what is wrong, why it matters and what to do, with the exact setting or command where
//! there is one. No secret and no text of a person gets in.

use std::io::{self, Write};

use serde_json::{Value, json};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Severity {
    /// Looked at, and as it must be.
    Ok,
    /// Worth knowing; nothing need be changed.
    Note,
    /// Works, but should be changed.
    Warning,
    /// People cannot sign in, or the wrong ones can.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Finding {
    pub(in crate::cli) severity: Severity,
    /// Its stable name, for programs: `app-client-flow`.
    pub(in crate::cli) check: &'static str,
    /// What is the case, in a line.
    pub(in crate::cli) what: String,
    /// Why it matters.
    pub(in crate::cli) why: Option<String>,
    /// What to do.
    pub(in crate::cli) remedy: Option<String>,
    /// The same as a command to copy.
    pub(in crate::cli) command: Option<String>,
}

impl Severity {
    /// The word of the report.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Finding {
    pub(super) fn new(severity: Severity, check: &'static str, what: impl Into<String>) -> Self {
        Self {
            severity,
            check,
            what: what.into(),
            why: None,
            remedy: None,
            command: None,
        }
    }

    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Ok, check, what)
    }

    pub(super) fn note(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Note, check, what)
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, check, what)
    }

    pub(super) fn error(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Error, check, what)
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn command(mut self, command: impl Into<String>) -> Self {
        self.command = Some(command.into());
        self
    }

    /// For a person: a line, and one for each of why, what to do, and the command.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{}: {}: {}",
            self.severity.name(),
            self.check,
            self.what
        )?;
        for (label, text) in [
            ("why", &self.why),
            ("do ", &self.remedy),
            ("run", &self.command),
        ] {
            if let Some(text) = text {
                writeln!(out, "    {label}  {text}")?;
            }
        }
        Ok(())
    }

    /// For a program.
    pub(super) fn json(&self) -> Value {
        json!({
            "check": self.check,
            "severity": self.severity.name(),
            "what": self.what,
            "why": self.why,
            "do": self.remedy,
            "run": self.command,
        })
    }
}

/// `1 error, 2 warnings, 1 note`; `None` when there is nothing to count.
pub(super) fn summary(findings: &[Finding]) -> Option<String> {
    let counted = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let count = findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count();
        match count {
            0 => None,
            1 => Some(format!("1 {}", severity.name())),
            many => Some(format!("{many} {}s", severity.name())),
        }
    });
    let counted: Vec<_> = counted.into_iter().flatten().collect();
    (!counted.is_empty()).then(|| counted.join(", "))
}
