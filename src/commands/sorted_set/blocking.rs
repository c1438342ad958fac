//! Pops that wait until there is a member.

use std::ops::Range;

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, KeyFlags, KeySpec, members,
};
use crate::commands::timeout;
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Want};
use crate::keyspace::{Db, Missing, Object};
use crate::resp::{Args, Key, Reply};
use crate::types::SortedSet;

const KEYS_TIMEOUT: &[Arg] = &[
    Arg::new("key", ArgKind::Key(0)).multiple(),
    Arg::new("timeout", ArgKind::Double),
];

/// The first of the keys that holds a member, if any; else what to wait for, until `until`.
///
/// # Errors
/// `WRONGTYPE` if another type comes first.
fn first_ready<'a>(
    db: &mut Db<'_>,
    args: Args<'a>,
    keys: Range<usize>,
    until: Option<i64>,
) -> Result<Result<Key<'a>, Attempt>, Error> {
    for index in keys.clone() {
        let key = args.key(index);
        if db.covers(key) && db.object::<SortedSet>(key)?.is_some() {
            return Ok(Ok(key));
        }
    }
    Ok(Err(Attempt::Wait(Want {
        kind: SortedSet::KIND,
        keys,
        until,
    })))
}

/// From which end members are popped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

fn pop(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    count: usize,
) -> Result<Vec<(Vec<u8>, f64)>, Error> {
    let event = match end {
        End::Min => "zpopmin",
        End::Max => "zpopmax",
    };
    let popped = db.edit_object::<SortedSet, _>(key, Missing::Skip, event, |sorted_set| {
        let len = sorted_set.len();
        let count = count.min(len);
        let (from, to) = match end {
            End::Min => (0, count),
            End::Max => (len - count, len),
        };
        let mut popped = Vec::new();
        sorted_set.remove_range(from, to, |member, score| {
            popped.push((member.to_vec(), score))
        });
        if end == End::Max {
            popped.reverse();
        }
        Ok((popped, count as u64))
    })?;
    Ok(popped.unwrap_or_default())
}

fn attempt_pop(
    db: &mut Db<'_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<Attempt, Error> {
    let last = args.len() - 1;
    let until = timeout::seconds(args.get(last), db.access.now)?;
    let key = match first_ready(db, args, 1..last, until)? {
        Ok(key) => key,
        Err(wait) => return Ok(wait),
    };
    for (member, score) in pop(db, key, end, 1)? {
        reply.array(3);
        reply.bulk(key.bytes);
        reply.bulk(&member);
        reply.score(score);
    }
    Ok(Attempt::Done)
}

const BZPOPMAX: CommandSpec =
    CommandSpec::blocking("BZPOPMAX", Arity::at_least(3), Group::SortedSet, bzpopmax)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::range(
            1,
            -2,
            1,
            members!(KeyFlags: RW | ACCESS | DELETE),
        )])
        .doc(
            "5.0.0",
            "O(log(N)) with N being the number of members.",
            "Pops the member with the highest score from the first sorted set that has one, and waits until there is one.",
        )
        .args(KEYS_TIMEOUT);

fn bzpopmax(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    attempt_pop(db, args, End::Max, reply)
}

const BZPOPMIN: CommandSpec =
    CommandSpec::blocking("BZPOPMIN", Arity::at_least(3), Group::SortedSet, bzpopmin)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::range(
            1,
            -2,
            1,
            members!(KeyFlags: RW | ACCESS | DELETE),
        )])
        .doc(
            "5.0.0",
            "O(log(N)) with N being the number of members.",
            "Pops the member with the lowest score from the first sorted set that has one, and waits until there is one.",
        )
        .args(KEYS_TIMEOUT);

fn bzpopmin(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    attempt_pop(db, args, End::Min, reply)
}

/// The blocking ones, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[BZPOPMAX, BZPOPMIN];
