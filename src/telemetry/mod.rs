//! Logs: where they go, how they look, and what they never hold.

mod log;

pub use log::start;

/// What is logged and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Form of the lines.
    pub format: Format,
    /// `info`, or a list with targets: `info,sidegate::cognito=debug`.
    pub level: String,
}

/// Form of the log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            level: "info".to_owned(),
        }
    }
}
