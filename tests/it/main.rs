//! The integration tests, one binary.

mod fakes;
mod journal_contract;
mod odoo;
