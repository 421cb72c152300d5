//! The integration tests, one binary.

mod commands;
mod daemon;
mod door;
mod fakes;
mod journal_contract;
mod look;
mod odoo;
