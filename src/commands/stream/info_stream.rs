//! XINFO STREAM.

use super::info_groups::write_groups;
use super::{write_entries, write_entry, write_id};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::{Entry, StreamId};

/// Entries, and pending ones of each group and consumer, that FULL tells of if it is not told how many.
const DEFAULT_COUNT: usize = 10;

pub(super) const STREAM: CommandSpec =
    CommandSpec::read("STREAM", Arity::at_least(3), Group::Stream, xinfo_stream)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(2, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "5.0.0",
            "O(N) where N is the number of chunks of some hundred entries.",
            "Tells of a stream, with FULL of its entries, groups and consumers too.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new(
                "full-block",
                ArgKind::Block(&[
                    Arg::word("full", "FULL"),
                    Arg::new("count", ArgKind::Integer)
                        .token("COUNT")
                        .optional(),
                ]),
            )
            .optional(),
        ]);

fn xinfo_stream(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let stream = view
        .object::<Stream>(args.key(2))?
        .ok_or(Error::NoSuchKey)?;
    let full = full_count(args)?;
    reply.map(if full.is_some() { 9 } else { 10 });
    write_counts(stream, reply);
    let Some(most) = full else {
        reply.bulk(b"groups");
        reply.count(stream.groups().len());
        reply.bulk(b"first-entry");
        write_one(stream.iter().next(), reply);
        reply.bulk(b"last-entry");
        let mut from_the_end = stream.range_rev(StreamId::MIN, StreamId::MAX);
        write_one(from_the_end.next(), reply);
        return Ok(());
    };
    reply.bulk(b"entries");
    write_entries(stream.iter(), most, most.min(stream.len()), reply);
    reply.bulk(b"groups");
    write_groups(stream, most, reply);
    Ok(())
}

/// How many entries FULL is to tell of; `None` without FULL.
fn full_count(args: Args<'_>) -> Result<Option<usize>, Error> {
    let fits = match args.len() {
        3 => return Ok(None),
        4 => args.is(3, "FULL"),
        6 => args.is(3, "FULL") && args.is(4, "COUNT"),
        _ => false,
    };
    if !fits {
        return Err(Error::subcommand_syntax(args.get(1), "XINFO"));
    }
    if args.len() == 4 {
        return Ok(Some(DEFAULT_COUNT));
    }
    Ok(Some(match usize::try_from(args.integer(5)?) {
        Ok(0) => usize::MAX,
        Ok(count) => count,
        Err(_) => DEFAULT_COUNT,
    }))
}

fn write_counts(stream: &Stream, reply: &mut Reply<'_>) {
    for (name, count) in [
        ("length", stream.len() as u64),
        ("radix-tree-keys", stream.chunks() as u64),
        ("radix-tree-nodes", stream.radix_nodes() as u64),
    ] {
        reply.bulk(name.as_bytes());
        reply.integer(count as i64);
    }
    for (name, id) in [
        ("last-generated-id", stream.last_id()),
        ("max-deleted-entry-id", stream.max_deleted_id()),
    ] {
        reply.bulk(name.as_bytes());
        write_id(id, reply);
    }
    reply.bulk(b"entries-added");
    reply.integer(stream.entries_added() as i64);
    reply.bulk(b"recorded-first-entry-id");
    write_id(stream.first_id(), reply);
}

fn write_one(entry: Option<Entry<'_>>, reply: &mut Reply<'_>) {
    match entry {
        Some(entry) => write_entry(&entry, reply),
        None => reply.null(),
    }
}
