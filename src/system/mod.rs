//! The machine around us: clock, the lock on the data directory, the service manager.

mod clock;
mod data_dir;
mod disk;
mod instance;
mod service;

pub use clock::{Clock, later};
pub use data_dir::{DataDir, Taken};
pub use disk::{Disk, Room};
pub use instance::{INSTANCE, instance};
pub use service::{Service, shutdown};
