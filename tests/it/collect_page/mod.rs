//! The collect page over real sockets: a clock that is stepped, a desk that does as it is told,
//! and the fake Apertur. `site` is all that; the other files are cases.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod entering;
mod making;
mod manners;
mod showing;
mod site;
mod troubles;
