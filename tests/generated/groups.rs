//! Requests to the consumer groups of streams: as many IDs as keys, and idle times that are far from
//! what is asked for, so that no reply depends on how long the test takes.

use crate::commands::{Args, Generator, Request, is, words};
use crate::judge::Rule;
use crate::support::random::Random;
use crate::support::resp::Value;
use crate::values;
use redouble::commands::spec::Group;
use redouble::types::number;

/// An idle time that is asked for: more than the test takes, and less than [`LONG_IDLE`].
const IDLE: &str = "500000000";

/// An idle time that is set, or the one that comes of a time at the beginning of 1970.
const LONG_IDLE: &str = "1000000000";

/// How far apart, in milliseconds, the clocks of two replies may be.
const APART: u64 = 20_000;

/// A name of a group or a consumer.
pub fn name(random: &mut Random, kind: &str) -> Vec<u8> {
    let names: &[&str] = match kind {
        "group" => &["g", "g", "g", "h"],
        _ => &["one", "one", "two", "three"],
    };
    match random.below(20) {
        0 => values::any(random),
        _ => values::pick(random, names).as_bytes().to_vec(),
    }
}

/// Makes the request one that is mostly good and does not depend on time.
pub fn tame(random: &mut Random, args: &mut Args) {
    match () {
        _ if is(args, 0, "XREADGROUP") => balance(random, args),
        _ if is(args, 0, "XCLAIM") => {
            tame_idle(args, 4, IDLE);
            for at in 5..args.len() {
                if is(args, at - 1, "IDLE") {
                    tame_idle(args, at, LONG_IDLE);
                }
                if is(args, at - 1, "TIME") && is_between(args, at, 10_000, i64::MAX - 1) {
                    args[at] = b"4102444800000".to_vec();
                }
            }
        }
        _ if is(args, 0, "XAUTOCLAIM") => tame_idle(args, 4, IDLE),
        _ if is(args, 0, "XPENDING") && is(args, 3, "IDLE") => tame_idle(args, 4, IDLE),
        _ => {}
    }
}

/// Whether it may make a consumer, or tells of consumers and of how far a group has read: before 7.2 a consumer was
/// only made once it had got something, and counts of what was read took other turns.
pub fn is_known_otherwise(args: &Args) -> bool {
    let named = |names: &[&str]| names.iter().any(|name| is(args, 0, name));
    named(&["XREADGROUP", "XCLAIM", "XAUTOCLAIM", "XINFO"])
}

fn is_between(args: &Args, at: usize, least: i64, most: i64) -> bool {
    let number = args.get(at).and_then(|arg| number::parse_i64(arg));
    number.is_some_and(|number| (least..=most).contains(&number))
}

fn tame_idle(args: &mut Args, at: usize, instead: &str) {
    if is_between(args, at, 1, i64::MAX / 2) {
        args[at] = instead.as_bytes().to_vec();
    }
}

/// As many IDs as keys, but seldom.
fn balance(random: &mut Random, args: &mut Args) {
    let streams = (4..args.len()).find(|at| is(args, *at, "STREAMS"));
    let Some(streams) = streams.filter(|_| random.below(12) != 0) else {
        return;
    };
    args.truncate(streams + 1);
    let keys = 1 + random.below(5) / 3;
    for _ in 0..keys {
        args.push(values::key_for(random, Group::Stream));
    }
    for _ in 0..keys {
        args.push(match random.below(4) {
            0 => values::stream_id(random),
            _ => b">".to_vec(),
        });
    }
}

impl Generator {
    /// Shows at times what the request has left pending.
    pub fn look_at_pending(&mut self, args: &Args, out: &mut Vec<Request>) {
        let named = |names: &[&str]| names.iter().any(|name| is(args, 0, name));
        let key = match () {
            _ if named(&["XACK", "XCLAIM", "XAUTOCLAIM"]) => Some(1),
            _ if named(&["XREADGROUP"]) => (4..args.len()).find(|at| is(args, at - 1, "STREAMS")),
            _ => None,
        };
        let named = key.and_then(|key| args.get(key).zip(args.get(2)));
        if let Some((key, group)) = named
            && self.one_in(3)
        {
            let mut look = words(&["XPENDING"]);
            look.extend([key.clone(), group.clone()]);
            look.extend(words(&["-", "+", "10"]));
            self.push(look, Rule::Clocks, out);
        }
    }

    /// A stream with a group, of which something is pending for two consumers.
    pub fn stream_with_group(&mut self, out: &mut Vec<Request>) {
        let key = values::key_for(&mut self.random, Group::Stream);
        let about = |before: &[&str], after: &[&str]| {
            let mut args = words(before);
            args.push(key.clone());
            args.extend(words(after));
            args
        };
        if self.one_in(3) {
            self.push(about(&["DEL"], &[]), Rule::Exact, out);
        }
        for _ in 0..self.random.below(12) {
            let id = values::pick(&mut self.random, &["5-*", "6-*", "7-*", "7-*"]);
            self.push(about(&["XADD"], &[id, "f", "v"]), Rule::Exact, out);
        }
        let create = about(&["XGROUP", "CREATE"], &["g", "0", "MKSTREAM"]);
        self.push(create, Rule::Exact, out);
        for consumer in ["one", "two"] {
            let count = self.random.below(6).to_string();
            let before = [
                "XREADGROUP",
                "GROUP",
                "g",
                consumer,
                "COUNT",
                &count,
                "STREAMS",
            ];
            self.push(about(&before, &[">"]), Rule::Exact, out);
        }
    }
}

/// Whether two replies agree but for their times: what a clock says, alone in a list of pending entries or under
/// its name, may differ a little.
pub fn agree(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let clock = match &a[..] {
                // An ID, a consumer, a time and a count; or without the consumer.
                [Value::Bulk(_), Value::Bulk(_), Value::Int(_), Value::Int(_)] => Some(2),
                [Value::Bulk(_), Value::Int(_), Value::Int(_)] => Some(1),
                _ => None,
            };
            a.iter().zip(b).enumerate().all(|(at, (ours, theirs))| {
                let named = at > 0 && is_clock(&a[at - 1]);
                match named || clock == Some(at) {
                    true => are_near(ours, theirs),
                    false => agree(ours, theirs),
                }
            })
        }
        (Value::Map(a), Value::Map(b)) if a.len() == b.len() => a.iter().zip(b).all(|(a, b)| {
            a.0 == b.0
                && match is_clock(&a.0) {
                    true => are_near(&a.1, &b.1),
                    false => agree(&a.1, &b.1),
                }
        }),
        _ => ours == theirs,
    }
}

fn is_clock(name: &Value) -> bool {
    const NAMES: [&[u8]; 4] = [b"idle", b"inactive", b"seen-time", b"active-time"];
    name.text().is_some_and(|text| NAMES.contains(&&text[..]))
}

fn are_near(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Int(a), Value::Int(b)) => (*a < 0) == (*b < 0) && a.abs_diff(*b) <= APART,
        _ => ours == theirs,
    }
}
