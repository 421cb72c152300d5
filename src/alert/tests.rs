//! Telling, with a clock that is stepped.
