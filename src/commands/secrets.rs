//! Arguments that no log may show: passwords.

use smallvec::SmallVec;

use crate::commands::registry::Command;
use crate::config::Config;
use crate::resp::Args;

/// What is shown instead.
pub const REDACTED: &[u8] = b"(redacted)";

/// The places of a command's secret arguments, as far as they are there: also if the command is wrong, for
/// then a password may still be among them.
pub fn places(command: &Command, args: Args<'_>) -> SmallVec<[usize; 2]> {
    match command.full_name {
        // With more arguments it is no attempt to authenticate.
        "auth" if args.len() <= 3 => (1..args.len()).collect(),
        "config|set" => (2..args.len().saturating_sub(1))
            .step_by(2)
            .filter(|&index| Config::is_secret(args.get(index)))
            .map(|index| index + 1)
            .collect(),
        "hello" => hello(args),
        "migrate" => migrate(args),
        _ => SmallVec::new(),
    }
}

/// `MIGRATE host port key database timeout [AUTH password] [AUTH2 name password] [KEYS ...]`.
fn migrate(args: Args<'_>) -> SmallVec<[usize; 2]> {
    let mut places = SmallVec::new();
    let mut index = 6;
    while index < args.len() && !args.is(index, "KEYS") {
        let secrets = if args.is(index, "AUTH") {
            1
        } else if args.is(index, "AUTH2") {
            2
        } else {
            0
        };
        places.extend((index + 1..=index + secrets).filter(|&place| place < args.len()));
        index += 1 + secrets;
    }
    places
}

/// `HELLO version [AUTH name password] [SETNAME name]`.
fn hello(args: Args<'_>) -> SmallVec<[usize; 2]> {
    let mut places = SmallVec::new();
    let mut index = 2;
    while index < args.len() {
        if args.is(index, "AUTH") && index + 2 < args.len() {
            places.extend([index + 1, index + 2]);
            index += 2;
        } else if args.is(index, "SETNAME") {
            index += 1;
        }
        index += 1;
    }
    places
}
