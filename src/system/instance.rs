//! Which run of the program this is.

use std::sync::LazyLock;

/// The header of `/healthz` that tells it.
pub const INSTANCE: &str = "x-apertur-bridge-instance";

static OURS: LazyLock<String> = LazyLock::new(|| hex::encode(rand::random::<[u8; 16]>()));

/// A random text, another one in each process and the same as long as it lives: by it a daemon is
/// known through whatever stands in front of it. No secret.
#[must_use]
pub fn instance() -> &'static str {
    &OURS
}
