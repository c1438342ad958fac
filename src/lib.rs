//! Redouble: an in-memory server that speaks the Redis protocol.

pub mod config;
pub mod log;
