//! XDEL and XSETID.

use smallvec::SmallVec;

use super::{KEY, strict_id};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::StreamId;

pub(super) const XDEL: CommandSpec =
    CommandSpec::write("XDEL", Arity::at_least(3), Group::Stream, xdel)
        .flags(Flags::FAST)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | DELETE))])
        .doc(
            "5.0.0",
            "O(log(N)) for each ID, N being the number of entries.",
            "Deletes entries of a stream by their IDs.",
        )
        .args(&[KEY, Arg::new("ID", ArgKind::String).multiple()]);

fn xdel(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let deleted = db.edit_object(args.key(1), Missing::Skip, "xdel", |stream: &mut Stream| {
        let ids = (2..args.len()).map(|index| strict_id(args, index, 0));
        let ids = ids.collect::<Result<SmallVec<[StreamId; 8]>, Error>>()?;
        let deleted = ids.iter().filter(|&&id| stream.delete(id)).count();
        Ok((deleted, deleted as u64))
    })?;
    reply.count(deleted.unwrap_or(0));
    Ok(())
}

pub(super) const XSETID: CommandSpec =
    CommandSpec::write("XSETID", Arity::at_least(3), Group::Stream, xsetid)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "5.0.0",
            "O(1)",
            "Sets the last ID of a stream, and what it has counted. An internal command.",
        )
        .args(&[
            KEY,
            Arg::new("last-id", ArgKind::String),
            Arg::new("entries-added", ArgKind::Integer)
                .token("ENTRIESADDED")
                .optional()
                .since("7.0.0"),
            Arg::new("max-deleted-id", ArgKind::String)
                .token("MAXDELETEDID")
                .optional()
                .since("7.0.0"),
        ]);

fn xsetid(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let id = strict_id(args, 2, 0)?;
    let mut added = None;
    let mut deleted = StreamId::MIN;
    let mut at = 3;
    while at < args.len() {
        if at + 1 == args.len() {
            return Err(Error::Syntax);
        }
        if args.is(at, "ENTRIESADDED") {
            let count = u64::try_from(args.integer(at + 1)?);
            added = Some(count.map_err(|_| Error::Static("ERR entries_added must be positive"))?);
        } else if args.is(at, "MAXDELETEDID") {
            deleted = strict_id(args, at + 1, 0)?;
            if id < deleted {
                return Err(Error::Static(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(Error::Syntax);
        }
        at += 2;
    }
    let key = args.key(1);
    let set = db.edit_object(key, Missing::Skip, "xsetid", |stream: &mut Stream| {
        check(stream, id, added)?;
        stream.set_last_id(id);
        if let Some(added) = added {
            stream.set_entries_added(added);
        }
        if deleted != StreamId::MIN {
            stream.set_max_deleted_id(deleted);
        }
        // As in Redis, that is nothing that watchers hear of.
        Ok(((), 0))
    })?;
    set.ok_or(Error::NoSuchKey)?;
    db.count_more(1);
    db.notify(key, "xsetid");
    reply.ok();
    Ok(())
}

/// Whether a stream may get this last ID and number of entries that were ever added.
fn check(stream: &Stream, id: StreamId, added: Option<u64>) -> Result<(), Error> {
    let text = if id < stream.max_deleted_id() {
        "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
    } else if id < stream.top_id() {
        "ERR The ID specified in XSETID is smaller than the target stream top item"
    } else if added.is_some_and(|added| added < stream.len() as u64) {
        "ERR The entries_added specified in XSETID is smaller than the target stream length"
    } else {
        return Ok(());
    };
    Err(Error::Static(text))
}
