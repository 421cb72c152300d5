//! The integration tests, one binary.

mod fakes;
mod house;
mod journal_contract;
mod odoo;
