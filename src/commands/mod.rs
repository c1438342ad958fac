//! The commands: what a command is ([`spec`]), the list of them ([`registry`]), where their keys are
//! ([`keys`]), and a file for each family.

pub mod admin;
pub mod client;
pub mod command;
pub mod config;
pub mod connection;
pub mod context;
pub mod debug;
pub mod describe;
pub mod expire;
pub mod generic;
pub mod help;
pub mod info;
pub mod keys;
mod lolwut;
pub mod object;
pub mod registry;
pub mod shutdown;
pub mod spec;
pub mod string;
pub mod transactions;
