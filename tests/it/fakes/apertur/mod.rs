//! A fake Apertur (`fixtures/contracts/apertur.md`): `photo` knows every shape of a delivery,
//! `sign` every way of signing one, `seal` the envelope of an encrypted one, `post` puts it on a
//! socket, `server` gives links and the download API, `api`, `sessions`, `standing` and `limits`
//! the rest of it. `guest` is the phone and what it uploads to; `delivering` has `outbox` post what
//! was uploaded to `places` and `hooks`, on its own `clock`.
//!
//! Nothing here uses the bridge's own code: what both sides got wrong alike would not be seen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod clock;
mod delivering;
mod guest;
mod hooks;
mod limits;
mod outbox;
mod photo;
mod places;
mod post;
mod seal;
mod selftest;
mod server;
mod sessions;
mod sign;
mod standing;

pub(crate) use api::Reply;
pub(crate) use hooks::Hook;
pub(crate) use photo::Photo;
pub(crate) use places::Format;
pub(crate) use post::{Answer, Framing, Request, connect, deliver, get, post, raw};
pub(crate) use seal::Customer;
pub(crate) use server::{FakeApertur, Way};
pub(crate) use sessions::PROJECT;
pub(crate) use sign::{SECRET, Scheme, Signer};

/// Apertur's ids of a destination that posts to the bridge, and of the one that photos go to
/// where a session names none.
pub(crate) const WEBHOOK_DESTINATION: &str = "d0d0d0d0-2222-4333-8444-555555555551";
pub(crate) const KEY_DESTINATION: &str = "d0d0d0d0-2222-4333-8444-555555555552";
