//! Requests to streams that would depend on time, or wait.

use crate::commands::{Args, is};
use crate::support::random::Random;
use crate::values;
use redouble::types::number;

/// Whether it may wait for an entry.
pub fn waits(args: &Args) -> bool {
    reads(args) && (1..args.len()).any(|at| is(args, at, "BLOCK"))
}

fn reads(args: &Args) -> bool {
    is(args, 0, "XREAD") || is(args, 0, "XREADGROUP")
}

/// Whether Redis 7.0 answers it with other words, or checks it in another order: keys without IDs, times,
/// and what 7.4 has brought.
pub fn is_read_otherwise(args: &Args) -> bool {
    let last = |args: &Args| args.iter().skip(1).any(|arg| arg == b"+");
    let uneven =
        (1..args.len()).any(|at| is(args, at, "STREAMS") && (args.len() - at).is_multiple_of(2));
    reads(args) && (uneven || last(args))
}

/// Gives XADD an ID that does not depend on time, in place of `*`, and a wait a short end.
pub fn tame(random: &mut Random, args: &mut Args) {
    if is(args, 0, "XADD") {
        // Where it is depends on the options; what looks like one elsewhere may as well be another text.
        for arg in args.iter_mut().skip(2) {
            while arg == b"*" || arg.starts_with(b"*\0") {
                *arg = values::new_stream_id(random);
            }
        }
    }
    if reads(args) {
        for at in 1..args.len().saturating_sub(1) {
            let millis = number::parse_i64(&args[at + 1]);
            if is(args, at, "BLOCK") && millis.is_some_and(|millis| millis >= 0) {
                args[at + 1] = b"10".to_vec();
            }
        }
    }
}
