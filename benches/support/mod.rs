//! What the benchmarks share: the servers, a client, requests, the system calls, tables.
//!
//! Every benchmark compiles this module on its own and none uses all of it. It needs Linux.
#![allow(dead_code)]

pub mod client;
pub mod cores;
pub mod directory;
pub mod histogram;
pub mod machine;
pub mod progress;
pub mod request;
pub mod scan;
pub mod server;
pub mod sys;
pub mod table;

/// What can fail here fails with a text for a person.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
