//! Sorted sets.

use crate::commands::spec::CommandSpec;

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[];
