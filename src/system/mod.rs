//! The machine around us: clock, shutdown, service manager.

mod clock;

pub use clock::Clock;
