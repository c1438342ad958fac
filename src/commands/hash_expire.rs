//! Expire times of the fields of a hash.

use crate::commands::spec::CommandSpec;

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[];
