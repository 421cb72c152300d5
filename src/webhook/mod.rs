//! A webhook request as Apertur makes it: what it says of a photo, the forms that carry one, and
//! the three signatures (`fixtures/contracts/apertur.md`, section 1). Pure; the bytes of a photo
//! stay where they are.
//!
//! Whoever sends such a request writes it with this room: outgoing webhooks, `webhook send` and
//! the demo. Who takes one, at the door, has the keys from here.

mod about;
mod signature;
mod wrapping;

pub use self::{
    about::{About, Picture, metadata_of, ping},
    signature::{NoKey, Signer, Signing, keys, prefix},
    wrapping::{Format, Wrapping},
};
