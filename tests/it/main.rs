//! The integration tests, one binary.

mod commands;
mod daemon;
mod fakes;
mod journal_contract;
