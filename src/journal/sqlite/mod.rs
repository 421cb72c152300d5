//! sqlite placeholder
use std::path::Path;
/// x
#[derive(Debug)]
pub struct Sqlite;
