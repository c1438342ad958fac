//! Redouble: an in-memory server that speaks the Redis protocol.
//!
//! # Invariants
//!
//! `tests/tidy.rs` checks what reading the text can check, under these numbers.
//!
//! 1. Only [`transaction`] locks shards, and always in ascending order.
//! 2. No await and no socket under a shard's lock.
//! 3. Only [`keyspace::db`] hands out mutable values, and every change is signalled there.
//! 4. Only [`clock`] reads time, and only [`random`] makes chance.
//! 5. Only [`resp::reply`] knows the protocol's version.
//! 6. [`types`] is pure: it uses nothing of ours, no clock and no socket.
//! 7. A stored value never points into a network buffer.
//! 8. Input from the network cannot panic, and cannot make us allocate more than it sent by more
//!    than a constant factor.

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
