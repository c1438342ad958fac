//! Redouble: an in-memory server that speaks the Redis protocol.

pub mod clients;
pub mod clock;
pub mod commands;
pub mod config;
pub mod error;
pub mod keyspace;
pub mod log;
pub mod memory;
pub mod pause;
pub mod random;
pub mod reaper;
pub mod resp;
pub mod server;
pub mod session;
pub mod stats;
pub mod transaction;
pub mod types;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
