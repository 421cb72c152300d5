//! The console as the built daemon serves it, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod deliveries;
mod manners;
mod pages;
mod sessions;
mod site;
mod thumbnails;

pub(crate) use self::site::{PASSWORD, keys};
