//! Redouble: an in-memory server that speaks the Redis protocol.
//!
//! `ARCHITECTURE.md` is the map of the rooms. What must stay true everywhere:
//!
//! 1. Only `transaction` has shards locked, and always in ascending order; out of order only where it does
//!    not wait for the lock.
//! 2. No await and no socket under a shard lock.
//! 3. Only `keyspace::db` hands out mutable values, and every change is signalled there.
//! 4. Only `clock` reads time, and only `random` makes chance.
//! 5. Only `resp::reply` knows how RESP2 and RESP3 differ.
//! 6. `types` is pure: it uses nothing of ours, no clock and no chance.
//! 7. A stored value never points into a network buffer.
//! 8. Input from the network cannot panic, and cannot make us allocate more than it sent by more than a
//!    constant factor.
//!
//! # Embedding
//!
//! [`server::run`] serves until it is told to end, with settings made by [`config::Config::with`].

pub mod acl_log;
pub mod clients;
pub mod clock;
pub mod commands;
pub mod config;
pub mod error;
pub mod keyspace;
pub mod latency;
pub mod log;
pub mod memory;
pub mod observers;
pub mod pause;
pub mod random;
pub mod rdb;
pub mod reaper;
pub mod resp;
pub mod saves;
pub mod server;
pub mod session;
pub mod stats;
pub mod transaction;
pub mod types;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;
