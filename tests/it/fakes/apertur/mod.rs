//! A fake Apertur (`fixtures/contracts/apertur.md`): `photo` knows every shape of a delivery,
//! `sign` every way of signing one, `post` puts it on a socket, `server` gives links and the
//! download API, `api` and `sessions` the rest of the API.
//!
//! Nothing here uses the bridge's own code: what both sides got wrong alike would not be seen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod photo;
mod post;
mod server;
mod sessions;
mod sign;

pub(crate) use api::Reply;
pub(crate) use photo::Photo;
pub(crate) use post::{Answer, Framing, Request, connect, deliver, get, post, raw};
pub(crate) use server::{FakeApertur, Way};
pub(crate) use sessions::{PROJECT, Refused};
pub(crate) use sign::{SECRET, Scheme, Signer};

/// Apertur's ids of a destination that posts to the bridge, and of the one that photos go to
/// where a session names none.
pub(crate) const WEBHOOK_DESTINATION: &str = "d0d0d0d0-2222-4333-8444-555555555551";
pub(crate) const KEY_DESTINATION: &str = "d0d0d0d0-2222-4333-8444-555555555552";
