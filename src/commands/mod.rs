//! The commands: what a command is ([`spec`]), the list of them ([`registry`]), and a file for each family.

pub mod context;
pub mod registry;
pub mod spec;
