//! Who may.

pub mod token;
