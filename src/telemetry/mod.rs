//! Logs.

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
