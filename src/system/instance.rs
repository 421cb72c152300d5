//! Which run of the program this is.

use std::sync::LazyLock;

static INSTANCE: LazyLock<String> = LazyLock::new(|| hex::encode(rand::random::<[u8; 16]>()));

/// A random text, another one in each process and the same as long as it lives: by it a daemon is
/// known through whatever stands in front of it. No secret.
#[must_use]
pub fn instance() -> &'static str {
    &INSTANCE
}
