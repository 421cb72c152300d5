//! The operator's verbs over journal and spool.

pub mod prune;
