//! Intersections, unions and differences of sets.
//!
//! What is only answered goes straight into the reply: no result is built but where building one saves
//! look-ups. What is stored is built as Redis builds it, for the steps decide its encoding.

use std::cmp::Reverse;

use super::{write_all, write_member};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandResult, CommandSpec, FindKeys, Flags,
    Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Db, Entry, View};
use crate::resp::{Args, Reply};
use crate::types::Set;
use crate::types::set::SetLimits;

/// What adding a member to a set costs, in look-ups.
const COST_OF_ADDING: usize = 3;

/// The keys of a command that only reads.
const SOURCES: KeySpec = KeySpec::range(1, -1, 1, members!(KeyFlags: RO | ACCESS));

/// The keys of a command that stores its result.
const DESTINATION_AND_SOURCES: &[KeySpec] = &[
    KeySpec::at(1, members!(KeyFlags: OW | UPDATE)),
    KeySpec::range(2, -1, 1, members!(KeyFlags: RO | ACCESS)),
];

const STORE_ARGS: &[Arg] = &[
    Arg::new("destination", ArgKind::Key(0)),
    Arg::new("key", ArgKind::Key(1)).multiple(),
];

pub(super) const SDIFF: CommandSpec =
    CommandSpec::read("SDIFF", Arity::at_least(2), Group::Set, sdiff)
        .categories(Categories::SET)
        .keys(&[SOURCES])
        .doc(
            "1.0.0",
            "O(N) where N is the number of members of all sets.",
            "Returns the members of the first set that no other set has.",
        )
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn sdiff(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let sets = look_up(view, args, 1)?;
    write_difference(&sets, &view.access.set_limits(), reply)
}

fn write_difference(
    sets: &[Option<&Set>],
    limits: &SetLimits,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let Some(parts) = Difference::new(sets) else {
        reply.set(0);
        return Ok(());
    };
    let Difference { first, others, .. } = &parts;
    reply.deferred_set(|reply| {
        let mut count = 0;
        let mut write = |member| {
            write_member(member, reply);
            count += 1;
            true
        };
        if parts.by_removing {
            let gone = shared_members(first, others, limits);
            first.compare(&[&gone], false, &mut write);
        } else {
            first.compare(others, false, &mut write);
        }
        Ok(count)
    })
}

pub(super) const SDIFFSTORE: CommandSpec =
    CommandSpec::write("SDIFFSTORE", Arity::at_least(3), Group::Set, sdiffstore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SET)
        .keys(DESTINATION_AND_SOURCES)
        .doc(
            "1.0.0",
            "O(N) where N is the number of members of all sets.",
            "Stores the members of the first set that no other set has.",
        )
        .args(STORE_ARGS);

fn sdiffstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    store(db, args, reply, "sdiffstore", difference)
}

/// The difference as a set of its own.
fn difference(sets: &[Option<&Set>], limits: &SetLimits) -> Set {
    let Some(parts) = Difference::new(sets) else {
        return Set::new();
    };
    if !parts.by_removing {
        let mut result = Set::new();
        parts.first.compare(&parts.others, false, |member| {
            result.add_member(member, limits);
            true
        });
        return result;
    }
    let mut result = copy(parts.first, limits);
    for other in parts.others {
        let mut buffer = itoa::Buffer::new();
        for member in other.iter() {
            result.remove(member.bytes(&mut buffer));
        }
        if result.is_empty() {
            break;
        }
    }
    result
}

/// What SDIFF works on.
struct Difference<'a> {
    first: &'a Set,
    /// The sets to take away, the largest first: it is the likeliest to have a member.
    others: Vec<&'a Set>,
    /// Whether the members of the other sets are to be taken away one by one, because to look each
    /// member of the first up in every other set would cost more.
    by_removing: bool,
}

impl<'a> Difference<'a> {
    /// `None` if the result is empty whatever the sets hold.
    fn new(sets: &[Option<&'a Set>]) -> Option<Self> {
        let (first, rest) = sets.split_first()?;
        let first = (*first)?;
        let mut others: Vec<&Set> = rest.iter().flatten().copied().collect();
        if others.iter().any(|other| std::ptr::eq(*other, first)) {
            return None;
        }
        // Redis's estimates of the two ways; the first has the smaller constants. Counted before
        // the same set is left out.
        let looking_up = (others.len() + 1) * first.len() / 2;
        let removing = first.len() + others.iter().map(|other| other.len()).sum::<usize>();
        others.sort_by_key(|other| Reverse(identity(other)));
        others.dedup_by(|one, other| std::ptr::eq(*one, *other));
        Some(Difference {
            first,
            others,
            by_removing: looking_up > removing,
        })
    }
}

/// The members of `first` that one of `others` has.
fn shared_members(first: &Set, others: &[&Set], limits: &SetLimits) -> Set {
    let mut shared = Set::new();
    for other in others {
        other.compare(&[first], true, |member| {
            shared.add_member(member, limits);
            true
        });
    }
    shared
}

pub(super) const SINTER: CommandSpec =
    CommandSpec::read("SINTER", Arity::at_least(2), Group::Set, sinter)
        .categories(Categories::SET)
        .keys(&[SOURCES])
        .doc(
            "1.0.0",
            "O(N*M) at worst, where N is the number of members of the smallest set and M the number of sets.",
            "Returns the members that all sets have.",
        )
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn sinter(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    write_intersection(&look_up(view, args, 1)?, reply)
}

fn write_intersection(sets: &[Option<&Set>], reply: &mut Reply<'_>) -> CommandResult {
    let Some(Intersection { smallest, others }) = Intersection::new(sets) else {
        reply.set(0);
        return Ok(());
    };
    if others.is_empty() {
        write_all(smallest, reply);
        return Ok(());
    }
    reply.deferred_set(|reply| {
        let mut count = 0;
        smallest.compare(&others, true, |member| {
            write_member(member, reply);
            count += 1;
            true
        });
        Ok(count)
    })
}

pub(super) const SINTERCARD: CommandSpec = CommandSpec::read(
    "SINTERCARD",
    Arity::at_least(3),
    Group::Set,
    sintercard,
)
.categories(Categories::SET)
.keys(&[KeySpec {
    begin: BeginSearch::Index(1),
    find: FindKeys::KeyNum {
        index: 0,
        first: 1,
        step: 1,
    },
    flags: members!(KeyFlags: RO | ACCESS),
    notes: None,
}])
.doc(
    "7.0.0",
    "O(N*M) at worst, where N is the number of members of the smallest set and M the number of sets.",
    "Counts the members that all sets have.",
)
.args(&[
    Arg::new("numkeys", ArgKind::Integer),
    Arg::new("key", ArgKind::Key(0)).multiple(),
    Arg::new("limit", ArgKind::Integer)
        .token("LIMIT")
        .optional(),
]);

fn sintercard(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (last, limit) = intercard_options(args)?;
    let sets = look_up_between(view, args, 2, last)?;
    reply.count(count_intersection(&sets, limit));
    Ok(())
}

fn count_intersection(sets: &[Option<&Set>], limit: usize) -> usize {
    let Some(Intersection { smallest, others }) = Intersection::new(sets) else {
        return 0;
    };
    if others.is_empty() {
        return smallest.len().min(limit);
    }
    let mut count = 0;
    smallest.compare(&others, true, |_| {
        count += 1;
        count < limit
    });
    count
}

/// The argument behind the last key, and the most to count.
fn intercard_options(args: Args<'_>) -> Result<(usize, usize), Error> {
    let keys = args
        .integer(1)
        .ok()
        .and_then(|keys| usize::try_from(keys).ok())
        .filter(|&keys| keys > 0)
        .ok_or(Error::Static("ERR numkeys should be greater than 0"))?;
    if keys > args.len() - 2 {
        return Err(Error::Static(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    let mut limit = 0;
    let mut index = keys + 2;
    while index < args.len() {
        if !args.is(index, "LIMIT") || index + 1 == args.len() {
            return Err(Error::Syntax);
        }
        limit = args
            .integer(index + 1)
            .ok()
            .and_then(|limit| usize::try_from(limit).ok())
            .ok_or(Error::Static("ERR LIMIT can't be negative"))?;
        index += 2;
    }
    Ok((keys + 2, if limit == 0 { usize::MAX } else { limit }))
}

pub(super) const SINTERSTORE: CommandSpec =
    CommandSpec::write("SINTERSTORE", Arity::at_least(3), Group::Set, sinterstore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SET)
        .keys(DESTINATION_AND_SOURCES)
        .doc(
            "1.0.0",
            "O(N*M) at worst, where N is the number of members of the smallest set and M the number of sets.",
            "Stores the members that all sets have.",
        )
        .args(STORE_ARGS);

fn sinterstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    store(db, args, reply, "sinterstore", intersection)
}

/// The intersection as a set of its own.
fn intersection(sets: &[Option<&Set>], limits: &SetLimits) -> Set {
    let Some(Intersection { smallest, others }) = Intersection::new(sets) else {
        return Set::new();
    };
    let mut result = if smallest.encoding() == "intset" {
        Set::new()
    } else {
        Set::of_strings()
    };
    smallest.compare(&others, true, |member| {
        result.add_member(member, limits);
        true
    });
    result.into_integers(limits)
}

/// What SINTER works on.
struct Intersection<'a> {
    /// The first of the smallest sets.
    smallest: &'a Set,
    /// The other sets, the smallest first: it is the likeliest to lack a member.
    others: Vec<&'a Set>,
}

impl<'a> Intersection<'a> {
    /// `None` if there is no set under one of the keys.
    fn new(sets: &[Option<&'a Set>]) -> Option<Self> {
        let sets: Option<Vec<&Set>> = sets.iter().copied().collect();
        let mut others = sets?;
        let smallest = *others.iter().min_by_key(|set| set.len())?;
        others.sort_by_key(|set| identity(set));
        others.dedup_by(|one, other| std::ptr::eq(*one, *other));
        others.retain(|set| !std::ptr::eq(*set, smallest));
        Some(Intersection { smallest, others })
    }
}

pub(super) const SUNION: CommandSpec =
    CommandSpec::read("SUNION", Arity::at_least(2), Group::Set, sunion)
        .categories(Categories::SET)
        .keys(&[SOURCES])
        .doc(
            "1.0.0",
            "O(N) where N is the number of members of all sets.",
            "Returns the members that any of the sets has.",
        )
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn sunion(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let sets = look_up(view, args, 1)?;
    write_union(&sets, &view.access.set_limits(), reply)
}

fn write_union(found: &[Option<&Set>], limits: &SetLimits, reply: &mut Reply<'_>) -> CommandResult {
    let mut sets: Vec<&Set> = found.iter().flatten().copied().collect();
    sets.sort_by_key(|set| Reverse(identity(set)));
    sets.dedup_by(|one, other| std::ptr::eq(*one, *other));
    if sets.len() <= 1 {
        match sets.first() {
            Some(set) => write_all(set, reply),
            None => reply.set(0),
        }
        return Ok(());
    }
    let looking_up: usize = sets
        .iter()
        .enumerate()
        .map(|(at, set)| at * set.len())
        .sum();
    let adding = COST_OF_ADDING * sets.iter().map(|set| set.len()).sum::<usize>();
    if looking_up > adding {
        write_all(&union(found, limits), reply);
        return Ok(());
    }
    reply.deferred_set(|reply| {
        let mut count = 0;
        for (at, set) in sets.iter().enumerate() {
            set.compare(&sets[..at], false, |member| {
                write_member(member, reply);
                count += 1;
                true
            });
        }
        Ok(count)
    })
}

pub(super) const SUNIONSTORE: CommandSpec =
    CommandSpec::write("SUNIONSTORE", Arity::at_least(3), Group::Set, sunionstore)
        .flags(Flags::DENY_OOM)
        .categories(Categories::SET)
        .keys(DESTINATION_AND_SOURCES)
        .doc(
            "1.0.0",
            "O(N) where N is the number of members of all sets.",
            "Stores the members that any of the sets has.",
        )
        .args(STORE_ARGS);

fn sunionstore(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    store(db, args, reply, "sunionstore", union)
}

/// The union as a set of its own.
fn union(sets: &[Option<&Set>], limits: &SetLimits) -> Set {
    let Some(largest) = sets.iter().flatten().max_by_key(|set| set.len()) else {
        return Set::new();
    };
    // Only a set that is larger than any compact one may come first out of turn: what remains of a
    // smaller one's form would depend on the order.
    let mut result = if is_beyond_compact(largest, limits) {
        Set::clone(largest)
    } else {
        Set::new()
    };
    let cloned = !result.is_empty();
    for set in sets.iter().flatten() {
        if cloned && std::ptr::eq(*set, *largest) {
            continue;
        }
        for member in set.iter() {
            result.add_member(member, limits);
        }
    }
    result
}

/// Size and address: equal only for the same set.
fn identity(set: &Set) -> (usize, usize) {
    (set.len(), std::ptr::from_ref(set).addr())
}

/// Whether a set with these members is a table however it came to be.
fn is_beyond_compact(set: &Set, limits: &SetLimits) -> bool {
    !set.is_compact() && set.len() > limits.intset.max(limits.listpack.entries)
}

/// The set in the form that it has when its members are added one by one.
fn copy(set: &Set, limits: &SetLimits) -> Set {
    if is_beyond_compact(set, limits) {
        return set.clone();
    }
    let mut copy = Set::new();
    for member in set.iter() {
        copy.add_member(member, limits);
    }
    copy
}

/// The sets under the keys from argument `start` on; `None` for a missing key.
fn look_up<'a>(
    view: &'a View<'_>,
    args: Args<'_>,
    start: usize,
) -> Result<Vec<Option<&'a Set>>, Error> {
    look_up_between(view, args, start, args.len())
}

/// As [`look_up`], up to argument `end`, exclusive.
fn look_up_between<'a>(
    view: &'a View<'_>,
    args: Args<'_>,
    start: usize,
    end: usize,
) -> Result<Vec<Option<&'a Set>>, Error> {
    (start..end)
        .map(|index| view.object(args.key(index)))
        .collect()
}

/// Stores what `compute` makes of the sets under the keys from argument 2 on under the key in argument 1,
/// and answers its size.
fn store(
    db: &mut Db<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    event: &'static str,
    compute: impl FnOnce(&[Option<&Set>], &SetLimits) -> Set,
) -> CommandResult {
    // The look-ups that count; they end at the first key of another type, as in Redis, and afterwards no
    // source is past its expiry.
    for index in 2..args.len() {
        db.read(args.key(index))
            .map(Entry::object::<Set>)
            .transpose()?;
    }
    let limits = db.access.set_limits();
    let view = db.view();
    let sets = look_up(&view, args, 2)?;
    let result = compute(&sets, &limits);
    reply.count(result.len());
    db.store_object(args.key(1), result, event);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::resp::Protocol;
    use crate::types::Limits;
    use crate::types::chance::Chance;

    type Model = BTreeSet<Vec<u8>>;

    const LIMITS: SetLimits = SetLimits {
        intset: 16,
        listpack: Limits {
            entries: 8,
            value: 12,
        },
    };

    /// A set and its model: none, small or large, of integers, of texts or of both, from few values, so
    /// that sets share some.
    fn make(chance: &mut Chance) -> Option<(Set, Model)> {
        let len = match chance.below(5) {
            0 => return None,
            1 | 2 => 1 + chance.below(12),
            3 => 1 + chance.below(100),
            _ => 200 + chance.below(600),
        };
        let span = len * 2 + chance.below(20);
        let texts = chance.below(3);
        let mut set = Set::new();
        let mut model = Model::new();
        for _ in 0..len {
            let number = chance.below(span);
            let member = match texts {
                0 => number.to_string(),
                1 => format!("member:{number}"),
                _ if number.is_multiple_of(2) => number.to_string(),
                _ => format!("a long member of a set: {number}"),
            };
            set.add(member.as_bytes(), &LIMITS);
            model.insert(member.into_bytes());
        }
        Some((set, model))
    }

    /// The members of a reply, none of them twice.
    fn written(write: impl FnOnce(&mut Reply<'_>) -> CommandResult) -> Model {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, Protocol::Resp3)).unwrap();
        let text = String::from_utf8(out).unwrap();
        let mut lines = text.split_terminator("\r\n");
        let count: usize = lines.next().unwrap()[1..].parse().unwrap();
        let mut members = Model::new();
        while let (Some(len), Some(member)) = (lines.next(), lines.next()) {
            assert_eq!(len[1..].parse(), Ok(member.len()));
            members.insert(member.into());
        }
        assert_eq!(members.len(), count, "{text:?}");
        members
    }

    fn of(set: &Set) -> Model {
        let members = set
            .iter()
            .map(|member| member.bytes(&mut itoa::Buffer::new()).to_vec());
        members.collect()
    }

    #[test]
    fn results_are_those_of_a_model() {
        let mut chance = Chance::new(1);
        for round in 0..100 {
            let mut made: Vec<_> = (0..1 + chance.below(6))
                .map(|_| make(&mut chance))
                .collect();
            if round % 3 == 0 {
                // Many small ones, for which other ways are cheaper.
                made.extend((0..12).map(|_| make(&mut chance).filter(|(set, _)| set.len() < 20)));
            }
            let mut order: Vec<usize> = (0..made.len()).collect();
            if round % 4 == 0 {
                order.push(chance.below(made.len()));
            }
            let sets: Vec<Option<&Set>> = order
                .iter()
                .map(|&at| made[at].as_ref().map(|(set, _)| set))
                .collect();
            let models: Vec<Model> = order
                .iter()
                .map(|&at| made[at].as_ref().map(|(_, model)| model.clone()))
                .map(Option::unwrap_or_default)
                .collect();
            let all = models.iter().flatten().cloned().collect::<Model>();
            let shared: Model = models[0]
                .iter()
                .filter(|member| models.iter().all(|model| model.contains(*member)))
                .cloned()
                .collect();
            let only: Model = models[0]
                .iter()
                .filter(|member| !models[1..].iter().any(|model| model.contains(*member)))
                .cloned()
                .collect();
            assert_eq!(of(&union(&sets, &LIMITS)), all);
            assert_eq!(written(|reply| write_union(&sets, &LIMITS, reply)), all);
            assert_eq!(of(&intersection(&sets, &LIMITS)), shared);
            assert_eq!(written(|reply| write_intersection(&sets, reply)), shared);
            let limit = 1 + chance.below(30);
            assert_eq!(count_intersection(&sets, limit), shared.len().min(limit));
            assert_eq!(of(&difference(&sets, &LIMITS)), only);
            assert_eq!(
                written(|reply| write_difference(&sets, &LIMITS, reply)),
                only
            );
        }
    }
}
