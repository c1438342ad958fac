//! Sorted sets.

pub mod blocking;
