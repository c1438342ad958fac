//! Sorted sets.

pub mod algebra;
mod combine;

use crate::commands::spec::CommandSpec;

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[];
