//! LMOVE and RPOPLPUSH, and the move itself, which blocking commands share.

use smallvec::SmallVec;

use crate::commands::list::{INSERTED, POPPED, pop, push};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeySpec,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Key, Reply};
use crate::types::List;
use crate::types::list::End;

pub(super) const KEYS: &[KeySpec] = &[KeySpec::at(1, POPPED), KeySpec::at(2, INSERTED)];
pub(super) const SOURCE: Arg = Arg::new("source", ArgKind::Key(0));
pub(super) const DESTINATION: Arg = Arg::new("destination", ArgKind::Key(1));
const LEFT_OR_RIGHT: ArgKind =
    ArgKind::OneOf(&[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")]);
pub(super) const WHERE: Arg = Arg::new("where", LEFT_OR_RIGHT);
pub(super) const WHERE_FROM: Arg = Arg::new("wherefrom", LEFT_OR_RIGHT);
pub(super) const WHERE_TO: Arg = Arg::new("whereto", LEFT_OR_RIGHT);

pub(super) const LMOVE: CommandSpec =
    CommandSpec::write("LMOVE", Arity::exactly(5), Group::List, lmove)
        .flags(Flags::DENY_OOM)
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "6.2.0",
            "O(1)",
            "Moves an element from one end of a list to one end of another, and returns it.",
        )
        .args(&[SOURCE, DESTINATION, WHERE_FROM, WHERE_TO]);

fn lmove(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let ends = (end(args, 3)?, end(args, 4)?);
    move_or_null(db, args, ends, reply)
}

pub(super) const RPOPLPUSH: CommandSpec =
    CommandSpec::write("RPOPLPUSH", Arity::exactly(3), Group::List, rpoplpush)
        .flags(Flags::DENY_OOM)
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "1.2.0",
            "O(1)",
            "Moves the last element of a list to the front of another, and returns it.",
        )
        .deprecated("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")
        .args(&[SOURCE, DESTINATION]);

fn rpoplpush(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    move_or_null(db, args, (End::Back, End::Front), reply)
}

fn move_or_null(
    db: &mut Db<'_>,
    args: Args<'_>,
    ends: (End, End),
    reply: &mut Reply<'_>,
) -> CommandResult {
    if !transfer(db, args.key(1), args.key(2), ends, reply)? {
        reply.null();
    }
    Ok(())
}

/// Argument `index`, which says LEFT or RIGHT.
///
/// # Errors
/// A syntax error.
pub(super) fn end(args: Args<'_>, index: usize) -> Result<End, Error> {
    match args.try_get(index) {
        Some(word) if word.eq_ignore_ascii_case(b"LEFT") => Ok(End::Front),
        Some(word) if word.eq_ignore_ascii_case(b"RIGHT") => Ok(End::Back),
        _ => Err(Error::Syntax),
    }
}

/// Moves an element from one end of the list under `from` to one end of the list under `to`, and writes it. False
/// if there is no list to take it from: then nothing is written. O(1).
///
/// # Errors
/// `WRONGTYPE` if either is of another type; then nothing is written or moved.
pub(super) fn transfer(
    db: &mut Db<'_>,
    from: Key<'_>,
    to: Key<'_>,
    (take, put): (End, End),
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    let Some(source) = db.object::<List>(from)? else {
        return Ok(false);
    };
    let mut buffer = itoa::Buffer::new();
    let element = source.end(take).map(|element| element.bytes(&mut buffer));
    let element = SmallVec::<[u8; 128]>::from_slice(element.unwrap_or_default());
    let fill = db.access.list_fill();
    let add = |list: &mut List| {
        list.expect(element.len(), 1, fill);
        list.push(put, &element);
        Ok(((), 1))
    };
    if from.bytes == to.bytes {
        db.edit_object(from, Missing::Skip, push::event(put), |list: &mut List| {
            list.pop(take, |_| ());
            let added = add(list);
            list.settle(fill);
            added
        })?;
        db.notify(from, pop::event(take));
    } else {
        db.object::<List>(to)?;
        db.edit_object(to, Missing::Make, push::event(put), add)?;
        db.edit_object(from, Missing::Skip, pop::event(take), |list: &mut List| {
            list.pop(take, |_| ());
            list.settle(fill);
            Ok(((), 1))
        })?;
        // Two keys, but one change.
        db.count_less(1);
    }
    reply.bulk(&element);
    Ok(true)
}
