//! XRANGE and XREVRANGE.

use super::{COUNT, INVALID_ID, KEY, write_entries};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::StreamId;

/// Reads one end of a range: an ID, and whether it is excluded itself.
fn bound(text: &[u8], missing_seq: u64) -> Result<(StreamId, bool), Error> {
    let (id, excluded) = match text {
        [b'(', id @ ..] if !id.is_empty() => (StreamId::parse_strict(id, missing_seq), true),
        _ => (StreamId::parse(text, missing_seq), false),
    };
    Ok((id.ok_or(INVALID_ID)?, excluded))
}

/// Argument `index` as the start of a range; an ID without a number is the first of its millisecond.
///
/// # Errors
/// No ID, or the highest ID excluded.
pub fn start(args: Args<'_>, index: usize) -> Result<StreamId, Error> {
    match bound(args.get(index), 0)? {
        (id, false) => Ok(id),
        (id, true) => id
            .next()
            .ok_or(Error::Static("ERR invalid start ID for the interval")),
    }
}

/// Argument `index` as the end of a range; an ID without a number is the last of its millisecond.
///
/// # Errors
/// No ID, or the lowest ID excluded.
pub fn end(args: Args<'_>, index: usize) -> Result<StreamId, Error> {
    match bound(args.get(index), u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id
            .prev()
            .ok_or(Error::Static("ERR invalid end ID for the interval")),
    }
}

pub(super) const XRANGE: CommandSpec =
    CommandSpec::read("XRANGE", Arity::at_least(4), Group::Stream, xrange)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "5.0.0",
            "O(log(N)+M) with N being the number of entries, and M the number of those returned.",
            "Returns the entries of a stream between two IDs.",
        )
        .args(&[
            KEY,
            Arg::new("start", ArgKind::String),
            Arg::new("end", ArgKind::String),
            COUNT,
        ]);

fn xrange(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (from, to) = (start(args, 2)?, end(args, 3)?);
    write_range(view, args, from, to, false, reply)
}

/// Writes a range, reversed or not, of the stream that argument 1 names.
fn write_range(
    view: &View<'_>,
    args: Args<'_>,
    from: StreamId,
    to: StreamId,
    reversed: bool,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let mut most = usize::MAX;
    let mut at = 4;
    while at < args.len() {
        if at + 1 == args.len() || !args.is(at, "COUNT") {
            return Err(Error::Syntax);
        }
        most = usize::try_from(args.integer(at + 1)?).unwrap_or(0);
        at += 2;
    }
    let Some(stream) = view.object::<Stream>(args.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    if most == 0 {
        reply.null_array();
        return Ok(());
    }
    let guess = most.min(stream.len());
    if reversed {
        write_entries(stream.range_rev(from, to), most, guess, reply);
    } else {
        write_entries(stream.range(from, to), most, guess, reply);
    }
    Ok(())
}

pub(super) const XREVRANGE: CommandSpec =
    CommandSpec::read("XREVRANGE", Arity::at_least(4), Group::Stream, xrevrange)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "5.0.0",
            "O(log(N)+M) with N being the number of entries, and M the number of those returned.",
            "Returns the entries of a stream between two IDs, from the highest on.",
        )
        .args(&[
            KEY,
            Arg::new("end", ArgKind::String),
            Arg::new("start", ArgKind::String),
            COUNT,
        ]);

fn xrevrange(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (from, to) = (start(args, 3)?, end(args, 2)?);
    write_range(view, args, from, to, true, reply)
}
