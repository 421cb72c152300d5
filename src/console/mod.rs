//! The operator's listener.

pub mod access;
pub mod api;
