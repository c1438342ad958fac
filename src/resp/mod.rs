//! The Redis protocol: requests in, replies out.
//!
//! [`request`] turns bytes into arguments, [`args`] is what a command sees of them, and [`reply`]
//! writes replies; nothing else knows whether a client speaks RESP2 or RESP3.

pub mod args;
pub mod reply;
pub mod request;

pub use args::{Args, Key, Slot};
pub use reply::{Protocol, Push, Reply};
