//! The integration tests, one binary.

mod commands;
mod daemon;
mod fakes;
mod house;
mod journal_contract;
mod odoo;
mod readme;
