//! Streams.

mod add;
mod claim;
mod edit;
mod group;
mod info;
mod info_groups;
mod info_stream;
mod pending;
mod range;
pub mod read;
mod read_group;

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::{Entry, StreamId, Text};

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    read_group::XACK,
    add::XADD,
    claim::XAUTOCLAIM,
    claim::XCLAIM,
    edit::XDEL,
    group::XGROUP,
    info::XINFO,
    XLEN,
    pending::XPENDING,
    range::XRANGE,
    read::XREAD,
    read_group::XREADGROUP,
    range::XREVRANGE,
    edit::XSETID,
    add::XTRIM,
];

const KEY: Arg = Arg::new("key", ArgKind::Key(0));
const COUNT: Arg = Arg::new("count", ArgKind::Integer)
    .token("COUNT")
    .optional();

/// What is no ID.
pub const INVALID_ID: Error =
    Error::Static("ERR Invalid stream ID specified as stream command argument");

/// Argument `index` as an ID, with `missing_seq` as its number if it has none; `-` and `+` are none.
///
/// # Errors
/// `ERR Invalid stream ID specified as stream command argument`.
pub fn strict_id(args: Args<'_>, index: usize, missing_seq: u64) -> Result<StreamId, Error> {
    StreamId::parse_strict(args.get(index), missing_seq).ok_or(INVALID_ID)
}

/// Writes an ID.
#[inline]
pub fn write_id(id: StreamId, reply: &mut Reply<'_>) {
    reply.bulk(id.text().bytes());
}

/// Writes an entry: its ID, and its fields and values flat in one array.
#[inline]
pub fn write_entry(entry: &Entry<'_>, reply: &mut Reply<'_>) {
    reply.array(2);
    write_id(entry.id, reply);
    reply.array(2 * entry.len());
    for (field, value) in entry.pairs() {
        write_text(field, reply);
        write_text(value, reply);
    }
}

#[inline]
fn write_text(text: Text<'_>, reply: &mut Reply<'_>) {
    match text {
        Text::Bytes(bytes) => reply.bulk(bytes),
        Text::Int(number) => reply.bulk_integer(number),
    }
}

/// Writes at most `most` entries as an array, of which there are about `guess`. O(n).
pub fn write_entries<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    most: usize,
    guess: usize,
    reply: &mut Reply<'_>,
) {
    reply.guessed_array(guess, |reply| {
        let mut written = 0;
        for entry in entries.take(most) {
            write_entry(&entry, reply);
            written += 1;
        }
        written
    });
}

const XLEN: CommandSpec = CommandSpec::read("XLEN", Arity::exactly(2), Group::Stream, xlen)
    .flags(Flags::FAST)
    .categories(Categories::STREAM)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc(
        "5.0.0",
        "O(1)",
        "Returns the number of entries of a stream.",
    )
    .args(&[KEY]);

fn xlen(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let stream = view.object::<Stream>(args.key(1))?;
    reply.count(stream.map_or(0, Stream::len));
    Ok(())
}
