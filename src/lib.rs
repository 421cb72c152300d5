//! apertur-bridge: photos that Apertur collects, delivered into business systems, durably.
//!
//! The way of one photo, which is also the order of the modules: the door ([`receive`]) reads
//! and verifies a signed request, [`route`] says who wants the photo, the [`journal`] and the
//! [`spool`] make it durable, only then Apertur gets its 2xx: that is [`intake`],
//! for whoever brings a photo. [`follow`] takes those that wait at Apertur, and looks for those of
//! our own sessions that never came. The collector ([`collect`])
//! fetches what was only announced, the sender (`deliver`) hands it to the
//! [`destinations`]. [`webhook`] knows Apertur's requests: how they are signed and written.
//! [`sessions`] makes the sessions in which photos are collected, [`collect_page`] lets people make
//! them. `ops` are the operator's verbs over the journal, [`console`] and `cli` speak them.
//! [`pages`] is what both kinds of pages have in common. [`alert`] tells people what needs them,
//! [`doctor`] looks at all of it and says what is wrong.
//!
//! A room sees only rooms below it; `tests/it/house/table.rs` holds the table.

pub mod model;

pub mod system;
pub mod webhook;

pub mod journal;
pub mod route;
pub mod spool;
pub mod telemetry;

pub mod http;

pub mod apertur;
pub mod destinations;
pub mod work;

pub mod intake;

pub mod alert;
pub mod collect;
pub mod deliver;
pub mod follow;
pub mod ops;
pub mod receive;
pub mod sessions;

pub mod pages;

pub mod collect_page;
pub mod doctor;

pub mod console;

pub mod config;

pub mod serve;

pub mod cli;
