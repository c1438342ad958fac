//! What the test targets share: servers, a raw client, the script runner, seeded chance.
//!
//! Every target compiles this module on its own and none uses all of it.
#![allow(dead_code)]

pub mod client;
pub mod notation;
pub mod random;
pub mod resp;
pub mod runner;
pub mod script;
pub mod server;
