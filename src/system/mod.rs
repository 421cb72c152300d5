//! The machine around us: clock, the lock on the data directory, room on its disks, the service
//! manager; and what of our own a reload replaces.

mod clock;
mod data_dir;
mod disk;
mod instance;
mod live;
mod service;
mod space;

pub use clock::{Clock, later};
pub use data_dir::{DataDir, Taken};
pub use disk::{Disk, Room};
pub use instance::instance;
pub use live::Live;
pub use service::{Hangups, Service, shutdown};
pub use space::{Floor, Low, Size, free_space, is_low};
