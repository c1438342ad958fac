//! The commands: what a command is ([`spec`]), the list of them ([`registry`]), where their keys are
//! ([`keys`]), and a file for each family.

pub mod absent;
pub mod acl;
pub mod admin;
pub mod bitmap;
pub mod client;
pub mod cluster;
pub mod command;
pub mod config;
pub mod connection;
pub mod context;
pub mod debug;
pub mod describe;
pub mod expire;
pub mod generic;
pub mod hash;
pub mod hash_expire;
pub mod help;
pub mod info;
pub mod keys;
mod lolwut;
pub mod memory;
pub mod module;
pub mod object;
pub mod persistence;
pub mod pubsub;
pub mod registry;
pub mod replication;
pub mod sample;
pub mod scan;
pub mod set;
pub mod shutdown;
pub mod sorted_set;
pub mod spec;
pub mod string;
pub mod timeout;
pub mod transactions;
