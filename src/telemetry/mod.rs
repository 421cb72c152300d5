//! Logs and metrics.

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
    /// For people on a terminal, JSON elsewhere.
    Auto,
}

/// What the log runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How lines look.
    pub format: Format,
    /// What is logged, in the words of `tracing_subscriber::EnvFilter`.
    pub filter: String,
}
