//! ZPOPMIN, ZPOPMAX and ZMPOP, and the popping itself, which blocking commands share.

use crate::commands::pops::{self, COUNT, KEY_NUMBER, MultiPop, NUMKEYS};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandResult, CommandSpec, Flags, Group,
    KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Key, Reply};
use crate::types::SortedSet;

/// What popping does with a key.
pub(super) const POPPED: KeyFlags = members!(KeyFlags: RW | ACCESS | DELETE);

pub(super) const ZMPOP: CommandSpec =
    CommandSpec::write("ZMPOP", Arity::at_least(4), Group::SortedSet, zmpop)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec {
            begin: BeginSearch::Index(1),
            find: KEY_NUMBER,
            flags: POPPED,
            notes: None,
        }])
        .doc(
            "7.0.0",
            "O(K) + O(M*log(N)) where K is the number of keys, N the number of members of the sorted set, and M the number of members that are removed.",
            "Removes and returns the members with the lowest or highest scores of the first sorted set that is not empty.",
        )
        .args(&[
            NUMKEYS,
            Arg::new("key", ArgKind::Key(0)).multiple(),
            Arg::new(
                "where",
                ArgKind::OneOf(&[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            ),
            COUNT,
        ]);

fn zmpop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = MultiPop::parse(args, 1, End::parse)?;
    for index in options.keys {
        if pop(
            db,
            args.key(index),
            options.end,
            options.count,
            Shape::Keyed,
            reply,
        )? {
            return Ok(());
        }
    }
    reply.null_array();
    Ok(())
}

pub(super) const ZPOPMAX: CommandSpec =
    CommandSpec::write("ZPOPMAX", Arity::at_least(2), Group::SortedSet, zpopmax)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::at(1, POPPED)])
        .doc(
            "5.0.0",
            "O(log(N)*M) where N is the number of members of the sorted set, and M the number of members that are removed.",
            "Removes and returns the members with the highest scores of a sorted set.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("count", ArgKind::Integer).optional(),
        ]);

fn zpopmax(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    pop_end(db, args, End::Max, reply)
}

pub(super) const ZPOPMIN: CommandSpec =
    CommandSpec::write("ZPOPMIN", Arity::at_least(2), Group::SortedSet, zpopmin)
        .flags(Flags::FAST)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::at(1, POPPED)])
        .doc(
            "5.0.0",
            "O(log(N)*M) where N is the number of members of the sorted set, and M the number of members that are removed.",
            "Removes and returns the members with the lowest scores of a sorted set.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("count", ArgKind::Integer).optional(),
        ]);

fn zpopmin(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    pop_end(db, args, End::Min, reply)
}

fn pop_end(db: &mut Db<'_>, args: Args<'_>, end: End, reply: &mut Reply<'_>) -> CommandResult {
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let (count, shape) = match args.try_get(2) {
        None => (1, Shape::Flat),
        Some(count) => (pops::count(count)?, Shape::Pairs),
    };
    if !pop(db, args.key(1), end, count, shape, reply)? {
        reply.array(0);
    }
    Ok(())
}

/// The end of a sorted set from which members are popped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The lowest scores, lowest first.
    Min,
    /// The highest scores, highest first.
    Max,
}

impl End {
    /// Argument `index`, which says MIN or MAX.
    ///
    /// # Errors
    /// A syntax error.
    pub fn parse(args: Args<'_>, index: usize) -> Result<End, Error> {
        match args.try_get(index) {
            Some(word) if word.eq_ignore_ascii_case(b"MIN") => Ok(End::Min),
            Some(word) if word.eq_ignore_ascii_case(b"MAX") => Ok(End::Max),
            _ => Err(Error::Syntax),
        }
    }
}

/// How popped members are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Members and scores, flat in one array (ZPOPMIN without a count).
    Flat,
    /// As [`Reply::pairs`] (ZPOPMIN with a count).
    Pairs,
    /// The key, members and scores, flat in one array (BZPOPMIN).
    KeyedFlat,
    /// The key, and an array of arrays of two (ZMPOP, BZMPOP).
    Keyed,
}

impl Shape {
    fn begin(self, key: Key<'_>, count: usize, reply: &mut Reply<'_>) {
        match self {
            Shape::Flat => reply.array(2 * count),
            Shape::Pairs => reply.pairs(count),
            Shape::KeyedFlat => {
                reply.array(2 * count + 1);
                reply.bulk(key.bytes);
            }
            Shape::Keyed => {
                reply.array(2);
                reply.bulk(key.bytes);
                reply.array(count);
            }
        }
    }

    fn member(self, member: &[u8], score: f64, reply: &mut Reply<'_>) {
        match self {
            Shape::Flat | Shape::KeyedFlat => {}
            Shape::Pairs => reply.pair(),
            Shape::Keyed => reply.array(2),
        }
        reply.bulk(member);
        reply.score(score);
    }
}

/// Removes up to `count` members from one end of the sorted set under a key of the selected database,
/// and writes them. False if there is no such key: then nothing is written.
///
/// With a `count` of 0 it writes an empty array, whatever the shape. O(log n) for each member.
///
/// # Errors
/// `WRONGTYPE`; then nothing is written.
pub fn pop(
    db: &mut Db<'_>,
    key: Key<'_>,
    end: End,
    count: usize,
    shape: Shape,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    let event = match end {
        End::Min => "zpopmin",
        End::Max => "zpopmax",
    };
    let popped = db.edit_object(key, Missing::Skip, event, |set: &mut SortedSet| {
        if count == 0 {
            reply.array(0);
            return Ok(((), 0));
        }
        let count = count.min(set.len());
        let from = match end {
            End::Min => 0,
            End::Max => set.len() - count,
        };
        shape.begin(key, count, reply);
        let mut write = |(member, score): (&[u8], f64)| shape.member(member, score, reply);
        match end {
            End::Min => set.range(from, from + count).for_each(&mut write),
            End::Max => set.range(from, from + count).rev().for_each(&mut write),
        }
        set.remove_range(from, from + count, |_, _| {});
        Ok(((), count as u64))
    })?;
    Ok(popped.is_some())
}
