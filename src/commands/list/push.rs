//! LPUSH, LPUSHX, RPUSH and RPUSHX.

use crate::commands::list::{ELEMENT, INSERTED, KEY};
use crate::commands::spec::{
    Arg, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeySpec, members,
};
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Reply};
use crate::types::List;
use crate::types::list::End;

const KEYS: &[KeySpec] = &[KeySpec::at(1, INSERTED)];
const KEY_ELEMENTS: &[Arg] = &[KEY, ELEMENT.multiple()];
const COMPLEXITY: &str = "O(N) where N is the number of elements to add.";

pub(super) const LPUSH: CommandSpec = CommandSpec::write(
    "LPUSH",
    Arity::at_least(3),
    Group::List,
    lpush,
)
.flags(members!(Flags: DENY_OOM | FAST))
.categories(Categories::LIST)
.keys(KEYS)
.doc(
    "1.0.0",
    COMPLEXITY,
    "Adds elements at the front of a list, one after another; makes the key if it is missing.",
)
.args(KEY_ELEMENTS);

fn lpush(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    push(db, args, End::Front, Missing::Make, reply)
}

pub(super) const LPUSHX: CommandSpec =
    CommandSpec::write("LPUSHX", Arity::at_least(3), Group::List, lpushx)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "2.2.0",
            COMPLEXITY,
            "Adds elements at the front of a list, one after another, if there is a list.",
        )
        .args(KEY_ELEMENTS);

fn lpushx(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    push(db, args, End::Front, Missing::Skip, reply)
}

pub(super) const RPUSH: CommandSpec = CommandSpec::write(
    "RPUSH",
    Arity::at_least(3),
    Group::List,
    rpush,
)
.flags(members!(Flags: DENY_OOM | FAST))
.categories(Categories::LIST)
.keys(KEYS)
.doc(
    "1.0.0",
    COMPLEXITY,
    "Adds elements at the back of a list, one after another; makes the key if it is missing.",
)
.args(KEY_ELEMENTS);

fn rpush(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    push(db, args, End::Back, Missing::Make, reply)
}

pub(super) const RPUSHX: CommandSpec =
    CommandSpec::write("RPUSHX", Arity::at_least(3), Group::List, rpushx)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "2.2.0",
            COMPLEXITY,
            "Adds elements at the back of a list, one after another, if there is a list.",
        )
        .args(KEY_ELEMENTS);

fn rpushx(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    push(db, args, End::Back, Missing::Skip, reply)
}

/// The event of elements that were added at one end.
pub(super) fn event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

fn push(
    db: &mut Db<'_>,
    args: Args<'_>,
    end: End,
    missing: Missing,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let fill = db.access.list_fill();
    let len = db.edit_object(args.key(1), missing, event(end), |list: &mut List| {
        let elements = args.from(2);
        let count = elements.len();
        let bytes = args.from(2).map(<[u8]>::len).sum();
        list.expect(bytes, count, fill);
        elements.for_each(|element| list.push(end, element));
        Ok((list.len(), count as u64))
    })?;
    reply.count(len.unwrap_or(0));
    Ok(())
}
