//! What the drives of people's clouds have in common: a login, calls with its token, uploads in
//! pieces that go on after a cut wire, and folders by a path. Knows none of the drives.

mod path;
mod refusal;
mod upload;
mod wire;

pub use self::path::{FolderPath, InvalidFolder};
pub(super) use self::{
    refusal::{Fault, Refusal},
    upload::{Sent, Session, upload},
    wire::{Call, Content, Wire, blocks},
};

use reqwest::header::HeaderValue;
use url::Url;

use crate::model::{Cause, ErrorKind, Failure, Finding};

/// Photos under way at once when the configuration names no number.
pub const DEFAULT_CONCURRENCY: usize = 4;
/// Time one call may take when the configuration names none: that of one piece, not of a photo.
pub const DEFAULT_TIMEOUT: std::time::Duration = std::time::Duration::from_mins(2);

/// Space below which an administrator is warned, in bytes.
const LITTLE: u64 = 1 << 30;
/// What a person can do about an other side that cannot serve.
pub(super) const PASSES: &str = "nothing to do if it passes; it is tried again by itself";

/// What is left of the space, in bytes; `None` where there is no end of it.
pub(super) fn space(whom: &str, left: Option<u64>) -> Finding {
    let fix = format!("make room at {whom} or buy more");
    match left {
        None => Finding::ok("space", "no limit is told"),
        Some(0) => Finding::error("space", "none is left", fix),
        Some(left) if left < LITTLE => {
            Finding::warning("space", format!("only {} MiB are left", left >> 20), fix)
        }
        Some(left) => Finding::ok("space", format!("{} GiB are left", left >> 30)),
    }
}

/// What arrived is not what was sent; it was removed again.
pub(super) fn garbled(whom: &str) -> Failure {
    let what = format!("{whom} got other bytes than were sent, and they were removed");
    let fix = "it is sent again by itself; if it comes back, look for a proxy in between";
    Failure::Later { after: None, cause: Cause::new(ErrorKind::Protocol, what, fix) }
}

/// A good answer to a write that does not tell what was written.
pub(super) fn untold(whom: &str) -> Failure {
    let what = format!("{whom} does not say what it stored");
    let fix = "nothing to do: the next try looks first; if it comes back, look for a proxy in \
               between";
    Failure::Unknown { cause: Cause::new(ErrorKind::Protocol, what, fix) }
}

/// A media type that fits a header.
pub(super) fn header_value(media_type: &str) -> &str {
    match HeaderValue::from_str(media_type) {
        Ok(value) if value.to_str().is_ok() => media_type,
        _ => "application/octet-stream",
    }
}

/// An address that the other side gave and that opens something by itself, if the way to it is
/// as private as that to the API.
pub(super) fn signed(address: &str, api: &Url) -> Option<Url> {
    let url = Url::parse(address).ok()?;
    let is_private = url.scheme() == "https" || url.scheme() == api.scheme();
    (is_private && url.has_host()).then_some(url)
}

/// A failure of a call that changed nothing that anybody sees.
pub(super) fn nothing_stored(failure: Failure) -> Failure {
    match failure {
        Failure::Unknown { cause } => Failure::Later { after: None, cause },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_address_is_as_private_as_the_api() {
        let is_fit = |address: &str, api: &str| signed(address, &api.parse().unwrap()).is_some();
        assert!(is_fit("https://up.example/?t=1", "https://api.example"));
        assert!(is_fit("http://127.0.0.1:1/?t=1", "http://127.0.0.1:2"));
        for address in ["http://up.example/", "file:///etc/passwd", "data:,x", "/up", ""] {
            assert!(!is_fit(address, "https://api.example"), "{address}");
        }
    }
}
