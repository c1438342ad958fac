//! Lists.

mod blocking;
mod edit;
mod pop;
mod position;
mod push;
mod read;
mod transfer;

use crate::commands::spec::{Arg, ArgKind, CommandSpec, KeyFlags, KeySpec, members};
use crate::resp::Reply;
use crate::types::list::Element;

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    blocking::BLMOVE,
    blocking::BLMPOP,
    blocking::BLPOP,
    blocking::BRPOP,
    blocking::BRPOPLPUSH,
    read::LINDEX,
    edit::LINSERT,
    read::LLEN,
    transfer::LMOVE,
    pop::LMPOP,
    pop::LPOP,
    position::LPOS,
    push::LPUSH,
    push::LPUSHX,
    read::LRANGE,
    edit::LREM,
    edit::LSET,
    edit::LTRIM,
    pop::RPOP,
    transfer::RPOPLPUSH,
    push::RPUSH,
    push::RPUSHX,
];

const KEY: Arg = Arg::new("key", ArgKind::Key(0));
const ELEMENT: Arg = Arg::new("element", ArgKind::String);

/// What adding does with a key.
const INSERTED: KeyFlags = members!(KeyFlags: RW | INSERT);

/// What popping does with a key.
const POPPED: KeyFlags = members!(KeyFlags: RW | ACCESS | DELETE);

const READ: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))];

/// Writes an element as a bulk string.
#[inline]
fn write(element: Element<'_>, reply: &mut Reply<'_>) {
    match element {
        Element::Int(number) => reply.bulk_integer(number),
        Element::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// The elements from `start` to `stop`, both included and counted from the end if negative, as a range
/// without its end.
fn resolve(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let from_end = |index: i64| {
        if index < 0 {
            index.saturating_add(len)
        } else {
            index
        }
    };
    let start = from_end(start).max(0);
    let stop = from_end(stop).min(len - 1);
    if start > stop {
        return 0..0;
    }
    start as usize..stop as usize + 1
}
