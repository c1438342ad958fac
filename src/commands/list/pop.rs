//! LPOP and RPOP, and the popping itself, which other commands share.

use crate::commands::list::transfer::{self, WHERE};
use crate::commands::list::{KEY, POPPED, write};
use crate::commands::pops::{self, COUNT, KEY_NUMBER, MultiPop, NUMKEYS};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandResult, CommandSpec, Flags, Group, KeySpec,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Key, Reply};
use crate::types::List;
use crate::types::list::End;

const KEYS: &[KeySpec] = &[KeySpec::at(1, POPPED)];
const KEY_COUNT: &[Arg] = &[
    KEY,
    Arg::new("count", ArgKind::Integer)
        .optional()
        .since("6.2.0"),
];
const COMPLEXITY: &str = "O(N) where N is the number of elements that are removed.";

pub(super) const LMPOP: CommandSpec =
    CommandSpec::write("LMPOP", Arity::at_least(4), Group::List, lmpop)
        .categories(Categories::LIST)
        .keys(&[KeySpec {
            begin: BeginSearch::Index(1),
            find: KEY_NUMBER,
            flags: POPPED,
            notes: None,
        }])
        .doc(
            "7.0.0",
            "O(N+M) where N is the number of keys, and M the number of elements that are removed.",
            "Removes and returns the first or last elements of the first list that is not empty.",
        )
        .args(&[NUMKEYS, KEY.multiple(), WHERE, COUNT]);

fn lmpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let MultiPop { keys, end, count } = MultiPop::parse(args, 1, transfer::end)?;
    for index in keys {
        if pop_keyed(db, args.key(index), end, count, reply)? {
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

pub(super) const LPOP: CommandSpec =
    CommandSpec::write("LPOP", Arity::at_least(2), Group::List, lpop)
        .flags(Flags::FAST)
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "1.0.0",
            COMPLEXITY,
            "Removes and returns the first elements of a list.",
        )
        .args(KEY_COUNT);

fn lpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    pop_end(db, args, End::Front, "lpop", reply)
}

pub(super) const RPOP: CommandSpec =
    CommandSpec::write("RPOP", Arity::at_least(2), Group::List, rpop)
        .flags(Flags::FAST)
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "1.0.0",
            COMPLEXITY,
            "Removes and returns the last elements of a list.",
        )
        .args(KEY_COUNT);

fn rpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    pop_end(db, args, End::Back, "rpop", reply)
}

fn pop_end(
    db: &mut Db<'_>,
    args: Args<'_>,
    end: End,
    name: &'static str,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let key = args.key(1);
    match args.try_get(2) {
        _ if args.len() > 3 => Err(Error::WrongArity(name)),
        None => {
            if !pop_one(db, key, end, reply)? {
                reply.null();
            }
            Ok(())
        }
        Some(count) => {
            let count = pops::count(count)?;
            if !pop(db, key, end, count, reply)? {
                reply.null_array();
            }
            Ok(())
        }
    }
}

/// The event of elements that were removed from one end.
pub(super) fn event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// Removes the element at one end of the list under a key of the selected database, and writes it. False if
/// there is no such key: then nothing is written. O(1).
///
/// # Errors
/// `WRONGTYPE`; then nothing is written.
pub(super) fn pop_one(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    pop_one_after(db, key, end, reply, |_| {})
}

/// As [`pop_one`], behind what `before` writes.
///
/// # Errors
/// As [`pop_one`].
pub(super) fn pop_one_after(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    reply: &mut Reply<'_>,
    before: impl FnOnce(&mut Reply<'_>),
) -> Result<bool, Error> {
    let fill = db.access.list_fill();
    let popped = db.edit_object(key, Missing::Skip, event(end), |list: &mut List| {
        before(reply);
        list.pop(end, |element| write(element, reply));
        list.settle(fill);
        Ok(((), 1))
    })?;
    Ok(popped.is_some())
}

/// Removes up to `count` elements from one end, and writes them as an array, the outermost first. False if
/// there is no such key: then nothing is written. O(1) for each element.
///
/// # Errors
/// `WRONGTYPE`; then nothing is written.
pub(super) fn pop(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    count: usize,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    pop_after(db, key, end, count, reply, |_| {})
}

/// As [`pop`], behind the key in an array of two.
///
/// # Errors
/// As [`pop`].
pub(super) fn pop_keyed(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    count: usize,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    pop_after(db, key, end, count, reply, |reply| {
        reply.array(2);
        reply.bulk(key.bytes);
    })
}

fn pop_after(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    count: usize,
    reply: &mut Reply<'_>,
    before: impl FnOnce(&mut Reply<'_>),
) -> Result<bool, Error> {
    let fill = db.access.list_fill();
    let popped = db.edit_object(key, Missing::Skip, event(end), |list: &mut List| {
        before(reply);
        let len = list.len();
        let count = count.min(len);
        reply.array(count);
        if count == 0 {
            return Ok(((), 0));
        }
        let range = match end {
            End::Front => 0..count,
            End::Back => len - count..len,
        };
        let elements = list.range(range.start, range.end);
        match end {
            End::Front => elements.for_each(|element| write(element, reply)),
            End::Back => elements.rev().for_each(|element| write(element, reply)),
        }
        list.remove_range(range.start, range.end);
        list.settle(fill);
        Ok(((), count as u64))
    })?;
    Ok(popped.is_some())
}
