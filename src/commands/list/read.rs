//! LINDEX, LLEN and LRANGE.

use crate::commands::list::{KEY, READ, resolve, write};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
};
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::List;

pub(super) const LINDEX: CommandSpec =
    CommandSpec::read("LINDEX", Arity::exactly(3), Group::List, lindex)
        .categories(Categories::LIST)
        .keys(READ)
        .doc(
            "1.0.0",
            "O(N/1000) where N is the number of elements between the index and the nearer end.",
            "Returns the element of a list at an index.",
        )
        .args(&[KEY, Arg::new("index", ArgKind::Integer)]);

fn lindex(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let Some(list) = view.object::<List>(args.key(1))? else {
        reply.null();
        return Ok(());
    };
    let index = index_of(args.integer(2)?, list.len());
    match index.and_then(|index| list.get(index)) {
        Some(element) => write(element, reply),
        None => reply.null(),
    }
    Ok(())
}

/// An index that counts from the end if it is negative.
pub(super) fn index_of(index: i64, len: usize) -> Option<usize> {
    let from_front = if index < 0 {
        index.checked_add(len as i64)?
    } else {
        index
    };
    usize::try_from(from_front)
        .ok()
        .filter(|&index| index < len)
}

pub(super) const LLEN: CommandSpec =
    CommandSpec::read("LLEN", Arity::exactly(2), Group::List, llen)
        .flags(Flags::FAST)
        .categories(Categories::LIST)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .doc("1.0.0", "O(1)", "Returns the number of elements of a list.")
        .args(&[KEY]);

fn llen(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let list = view.object::<List>(args.key(1))?;
    reply.count(list.map_or(0, List::len));
    Ok(())
}

pub(super) const LRANGE: CommandSpec =
    CommandSpec::read("LRANGE", Arity::exactly(4), Group::List, lrange)
        .categories(Categories::LIST)
        .keys(READ)
        .doc(
            "1.0.0",
            "O(S/1000+N) where S is the number of elements between the start and the nearer end, and N the number of elements that are returned.",
            "Returns the elements of a list between two indexes.",
        )
        .args(&[
            KEY,
            Arg::new("start", ArgKind::Integer),
            Arg::new("stop", ArgKind::Integer),
        ]);

fn lrange(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (start, stop) = (args.integer(2)?, args.integer(3)?);
    let Some(list) = view.object::<List>(args.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    let range = resolve(start, stop, list.len());
    let elements = list.range(range.start, range.end);
    reply.array(elements.len());
    elements.for_each(|element| write(element, reply));
    Ok(())
}
