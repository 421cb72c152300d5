//! The machine around us: clock, the lock on the data directory, the service manager.

mod clock;
mod data_dir;
mod service;

pub use clock::{Clock, later};
pub use data_dir::{DataDir, Taken};
pub use service::{Service, shutdown};
