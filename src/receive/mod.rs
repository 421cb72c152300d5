//! The door: signed requests of Apertur become events.

use std::time::Duration;

use secrecy::SecretString;

/// What the door runs on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The path of the webhook, `/apertur/webhook`.
    pub webhook_path: String,
    /// Largest body, in bytes.
    pub max_body: u64,
    /// The webhook secrets, at least one; any of them may have signed a request.
    pub secrets: Vec<SecretString>,
    /// Oldest and newest signature that carries a time, counted from now.
    pub max_age: Duration,
    /// Longest silence while a body is sent.
    pub body_timeout: Duration,
}
