//! LINSERT, LREM, LSET and LTRIM.

use crate::commands::list::read::index_of;
use crate::commands::list::{ELEMENT, INSERTED, KEY, resolve};
use crate::commands::spec::KeyFlags;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Reply};
use crate::types::List;
use crate::types::list::End;

const REMOVED: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RW | DELETE))];

pub(super) const LINSERT: CommandSpec =
    CommandSpec::write("LINSERT", Arity::exactly(5), Group::List, linsert)
        .flags(Flags::DENY_OOM)
        .categories(Categories::LIST)
        .keys(&[KeySpec::at(1, INSERTED)])
        .doc(
            "2.2.0",
            "O(N) where N is the number of elements up to the pivot.",
            "Adds an element to a list, before or after the first one that is equal to the pivot.",
        )
        .args(&[
            KEY,
            Arg::new(
                "where",
                ArgKind::OneOf(&[Arg::word("before", "BEFORE"), Arg::word("after", "AFTER")]),
            ),
            Arg::new("pivot", ArgKind::String),
            ELEMENT,
        ]);

fn linsert(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let after = match () {
        () if args.is(2, "AFTER") => true,
        () if args.is(2, "BEFORE") => false,
        () => return Err(Error::Syntax),
    };
    let (pivot, element) = (args.get(3), args.get(4));
    let fill = db.access.list_fill();
    let len = db.edit_object(args.key(1), Missing::Skip, "linsert", |list: &mut List| {
        // As in Redis even if there is no pivot.
        list.expect(element.len(), 1, fill);
        let inserted = list.insert(pivot, after, element);
        let len = if inserted { list.len() as i64 } else { -1 };
        Ok((len, u64::from(inserted)))
    })?;
    reply.integer(len.unwrap_or(0));
    Ok(())
}

pub(super) const LREM: CommandSpec =
    CommandSpec::write("LREM", Arity::exactly(4), Group::List, lrem)
        .categories(Categories::LIST)
        .keys(REMOVED)
        .doc(
            "1.0.0",
            "O(N) where N is the number of elements of the list.",
            "Removes elements that are equal to a given one from a list: all, or some of the first or last.",
        )
        .args(&[KEY, Arg::new("count", ArgKind::Integer), ELEMENT]);

fn lrem(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = args.integer_between(2, -i64::MAX, i64::MAX)?;
    let (end, most) = match count {
        0 => (End::Front, usize::MAX),
        1.. => (End::Front, count as usize),
        _ => (End::Back, count.unsigned_abs() as usize),
    };
    let fill = db.access.list_fill();
    let removed = db.edit_object(args.key(1), Missing::Skip, "lrem", |list: &mut List| {
        let removed = list.remove(args.get(3), most, end);
        list.settle(fill);
        Ok((removed, removed as u64))
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

pub(super) const LSET: CommandSpec =
    CommandSpec::write("LSET", Arity::exactly(4), Group::List, lset)
        .flags(Flags::DENY_OOM)
        .categories(Categories::LIST)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "1.0.0",
            "O(N/1000) where N is the number of elements between the index and the nearer end.",
            "Replaces the element of a list at an index.",
        )
        .args(&[KEY, Arg::new("index", ArgKind::Integer), ELEMENT]);

fn lset(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let element = args.get(3);
    let fill = db.access.list_fill();
    let replaced = db.edit_object(args.key(1), Missing::Skip, "lset", |list: &mut List| {
        let index = args.integer(2)?;
        // As in Redis even if there is no such index.
        list.expect(element.len(), 1, fill);
        let index = index_of(index, list.len()).ok_or(Error::Static("ERR index out of range"))?;
        list.replace(index, element);
        list.settle(fill);
        Ok(((), 1))
    })?;
    replaced.ok_or(Error::NoSuchKey)?;
    reply.ok();
    Ok(())
}

pub(super) const LTRIM: CommandSpec =
    CommandSpec::write("LTRIM", Arity::exactly(4), Group::List, ltrim)
        .categories(Categories::LIST)
        .keys(REMOVED)
        .doc(
            "1.0.0",
            "O(N/1000) where N is the number of elements that are removed.",
            "Removes the elements of a list that are not between two indexes.",
        )
        .args(&[
            KEY,
            Arg::new("start", ArgKind::Integer),
            Arg::new("stop", ArgKind::Integer),
        ]);

fn ltrim(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (start, stop) = (args.integer(2)?, args.integer(3)?);
    let fill = db.access.list_fill();
    let removed = db.edit_object(args.key(1), Missing::Skip, "ltrim", |list: &mut List| {
        let len = list.len();
        let kept = resolve(start, stop, len);
        list.remove_range(kept.end, len);
        list.remove_range(0, kept.start);
        list.settle(fill);
        let removed = len - kept.len();
        // It counts as a change of the key even if nothing is removed.
        Ok((removed, removed.max(1) as u64))
    })?;
    if removed == Some(0) {
        db.count_less(1);
    }
    reply.ok();
    Ok(())
}
