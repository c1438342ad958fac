//! Pops and moves that wait until there is an element.

use crate::commands::list::pop::{pop_keyed, pop_one_after};
use crate::commands::list::transfer::{
    DESTINATION, KEYS, SOURCE, WHERE, WHERE_FROM, WHERE_TO, end, transfer,
};
use crate::commands::list::{KEY, POPPED};
use crate::commands::pops::{COUNT, KEY_NUMBER, MultiPop, NUMKEYS, pop_or_wait};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandSpec, Flags, Group, KeySpec,
};
use crate::commands::timeout;
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Want};
use crate::keyspace::{Db, Object};
use crate::resp::{Args, Reply};
use crate::types::List;
use crate::types::list::End;

const TIMEOUT: Arg = Arg::new("timeout", ArgKind::Double);
const POP_KEYS: &[KeySpec] = &[KeySpec::range(1, -2, 1, POPPED)];
const POP_ARGS: &[Arg] = &[KEY.multiple(), TIMEOUT];

pub(super) const BLMOVE: CommandSpec =
    CommandSpec::blocking("BLMOVE", Arity::exactly(6), Group::List, blmove)
        .flags(Flags::DENY_OOM)
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "6.2.0",
            "O(1)",
            "As LMOVE, but waits until there is an element.",
        )
        .args(&[SOURCE, DESTINATION, WHERE_FROM, WHERE_TO, TIMEOUT]);

fn blmove(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let ends = (end(args, 3)?, end(args, 4)?);
    let until = timeout::seconds(args.get(5), db.access.now)?;
    move_or_wait(db, args, ends, until, reply)
}

pub(super) const BLMPOP: CommandSpec =
    CommandSpec::blocking("BLMPOP", Arity::at_least(5), Group::List, blmpop)
        .categories(Categories::LIST)
        .keys(&[KeySpec {
            begin: BeginSearch::Index(2),
            find: KEY_NUMBER,
            flags: POPPED,
            notes: None,
        }])
        .doc(
            "7.0.0",
            "O(N+M) where N is the number of keys, and M the number of elements that are removed.",
            "As LMPOP, but waits until there is an element.",
        )
        .args(&[TIMEOUT, NUMKEYS, KEY.multiple(), WHERE, COUNT]);

fn blmpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let MultiPop { keys, end, count } = MultiPop::parse(args, 2, end)?;
    let until = timeout::seconds(args.get(1), db.access.now)?;
    pop_or_wait(db, args, Want::new(List::KIND, keys, until), |db, key| {
        pop_keyed(db, key, end, count, reply)
    })
}

pub(super) const BLPOP: CommandSpec =
    CommandSpec::blocking("BLPOP", Arity::at_least(3), Group::List, blpop)
        .categories(Categories::LIST)
        .keys(POP_KEYS)
        .doc(
            "2.0.0",
            "O(N) where N is the number of keys.",
            "Removes and returns the first element of the first list that is not empty, and waits until there is one.",
        )
        .args(POP_ARGS);

fn blpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    pop_first(db, args, End::Front, reply)
}

pub(super) const BRPOP: CommandSpec =
    CommandSpec::blocking("BRPOP", Arity::at_least(3), Group::List, brpop)
        .categories(Categories::LIST)
        .keys(POP_KEYS)
        .doc(
            "2.0.0",
            "O(N) where N is the number of keys.",
            "Removes and returns the last element of the first list that is not empty, and waits until there is one.",
        )
        .args(POP_ARGS);

fn brpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    pop_first(db, args, End::Back, reply)
}

pub(super) const BRPOPLPUSH: CommandSpec =
    CommandSpec::blocking("BRPOPLPUSH", Arity::exactly(4), Group::List, brpoplpush)
        .flags(Flags::DENY_OOM)
        .categories(Categories::LIST)
        .keys(KEYS)
        .doc(
            "2.2.0",
            "O(1)",
            "As RPOPLPUSH, but waits until there is an element.",
        )
        .deprecated("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
        .args(&[SOURCE, DESTINATION, TIMEOUT]);

fn brpoplpush(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let until = timeout::seconds(args.get(3), db.access.now)?;
    move_or_wait(db, args, (End::Back, End::Front), until, reply)
}

/// BLPOP and BRPOP: keys, then the timeout.
fn pop_first(
    db: &mut Db<'_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<Attempt, Error> {
    let last = args.len() - 1;
    let until = timeout::seconds(args.get(last), db.access.now)?;
    pop_or_wait(
        db,
        args,
        Want::new(List::KIND, 1..last, until),
        |db, key| {
            pop_one_after(db, key, end, reply, |reply| {
                reply.array(2);
                reply.bulk(key.bytes);
            })
        },
    )
}

/// Moves an element, or says for what to wait.
///
/// # Errors
/// `WRONGTYPE`; nothing is moved then.
fn move_or_wait(
    db: &mut Db<'_>,
    args: Args<'_>,
    ends: (End, End),
    until: Option<i64>,
    reply: &mut Reply<'_>,
) -> Result<Attempt, Error> {
    let (from, to) = (args.key(1), args.key(2));
    debug_assert!(db.covers(to), "who brings an element locks where it may go");
    if db.covers(to) && transfer(db, from, to, ends, reply)? {
        return Ok(Attempt::Done);
    }
    Ok(Attempt::Wait(Want::new(List::KIND, 1..2, until).to(2)))
}
