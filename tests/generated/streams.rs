//! Requests to streams that would depend on time, or wait.

use crate::commands::{Args, Generator, Request, both_know, is, words};
use crate::judge::Rule;
use crate::support::random::Random;
use crate::values;
use redouble::commands::spec::Group;
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

impl Generator {
    /// A stream with a few entries, or with several nodes; or one whose IDs the server makes, which is removed
    /// again, for they depend on time.
    pub fn fill_stream(&mut self, out: &mut Vec<Request>) {
        if !both_know("XADD", self.version) {
            return;
        }
        let key = values::key_for(&mut self.random, Group::Stream);
        let mut remove = words(&["DEL"]);
        remove.push(key.clone());
        self.push(remove.clone(), Rule::Exact, out);
        let add = |id: &str, pairs: Vec<Vec<u8>>| {
            let mut args = words(&["XADD"]);
            args.extend([key.clone(), id.into()]);
            args.extend(pairs);
            args
        };
        if self.one_in(4) {
            let pairs = (0..2).map(|_| values::member(&mut self.random));
            let args = add("*", pairs.collect());
            self.push(args, Rule::StreamId, out);
            for look in ["XLEN", "TYPE", "EXISTS"] {
                let mut args = words(&[look]);
                args.push(key.clone());
                self.push(args, Rule::Exact, out);
            }
            return self.push(remove, Rule::Exact, out);
        }
        let many = self.one_in(6);
        let entries = self.random.below(if many { 250 } else { 8 });
        for _ in 0..entries {
            let id = values::pick(&mut self.random, &["5-*", "5-*", "6-*", "5-*", "7-*"]);
            let other = self.one_in(5);
            let mut pairs = Vec::new();
            for field in ["1", "name", "f"] {
                let field = if other {
                    values::member(&mut self.random)
                } else {
                    field.into()
                };
                pairs.extend([field, values::member(&mut self.random)]);
            }
            let args = add(id, pairs);
            self.push(args, Rule::Exact, out);
        }
    }
}
