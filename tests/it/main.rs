//! The integration tests, one binary.

mod journal_contract;
