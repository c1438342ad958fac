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
        _ => SmallVec::new(),
    }
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
