//! A fake Apertur (`fixtures/contracts/apertur.md`): `photo` knows every shape of a delivery,
//! `sign` every way of signing one, `post` puts it on a socket, `server` gives links and the
//! download API.
//!
//! Nothing here uses the bridge's own code: what both sides got wrong alike would not be seen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod photo;
mod post;
mod server;
mod sign;

pub(crate) use photo::Photo;
pub(crate) use post::{Answer, Framing, Request, connect, deliver, get, post, raw};
pub(crate) use server::{FakeApertur, Way};
pub(crate) use sign::{SECRET, Scheme, Signer};
