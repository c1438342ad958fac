//! Members drawn by chance: every member, or every choice of as many members, with the same chance.

use super::{write_all, write_member};
use crate::commands::pops;
use crate::commands::sample;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing, View};
use crate::random;
use crate::resp::{Args, Reply};
use crate::types::Set;
use crate::types::set::Member;

/// SPOP leaves this fraction of the members, or less, by drawing the ones that stay, as Redis does.
const NEARLY_ALL: usize = 5;

pub(super) const SPOP: CommandSpec =
    CommandSpec::write("SPOP", Arity::at_least(2), Group::Set, spop)
        .flags(Flags::FAST)
        .categories(Categories::SET)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE))])
        .doc(
            "1.0.0",
            "O(1), or O(N) with a count, where N is the count.",
            "Removes members drawn by chance from a set and returns them.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("count", ArgKind::Integer)
                .optional()
                .since("3.2.0"),
        ]);

fn spop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match args.len() {
        2 => {}
        3 => return spop_count(db, args, reply),
        _ => return Err(Error::Syntax),
    }
    let popped = db.edit_object(args.key(1), Missing::Skip, "spop", |set: &mut Set| {
        let popped = set.pop(random::below);
        let changes = u64::from(popped.is_some());
        Ok((popped, changes))
    })?;
    match popped.flatten() {
        Some(member) => reply.bulk(&member),
        None => reply.null(),
    }
    Ok(())
}

fn spop_count(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = pops::count(args.get(2))?;
    let limits = db.access.set_limits();
    let hits = &db.access.stats.keyspace_hits;
    let popped = db.edit_object(args.key(1), Missing::Skip, "spop", |set: &mut Set| {
        let left = set.len().saturating_sub(count);
        let popped = if left == 0 {
            // All of them: the key goes too. Redis answers as SUNION does, which counts as a read.
            hits.add(1);
            Some(std::mem::take(set))
        } else if left * NEARLY_ALL <= count {
            let mut kept = if set.encoding() == "intset" {
                Set::new()
            } else {
                Set::of_strings()
            };
            for member in std::iter::from_fn(|| set.pop(random::below)).take(left) {
                kept.add(&member, &limits);
            }
            Some(std::mem::replace(set, kept))
        } else {
            reply.set(count);
            for member in std::iter::from_fn(|| set.pop(random::below)).take(count) {
                reply.bulk(&member);
            }
            return Ok((None, count as u64));
        };
        let changes = popped.as_ref().map_or(0, Set::len) as u64;
        Ok((popped, changes))
    })?;
    match popped {
        None => reply.set(0),
        Some(None) => {}
        Some(Some(members)) => {
            write_all(&members, reply);
            db.discard_object(members);
        }
    }
    Ok(())
}

pub(super) const SRANDMEMBER: CommandSpec =
    CommandSpec::read("SRANDMEMBER", Arity::at_least(2), Group::Set, srandmember)
        .categories(Categories::SET)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "1.0.0",
            "O(1), or O(N) with a count, where N is its absolute value.",
            "Returns members of a set drawn by chance.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("count", ArgKind::Integer)
                .optional()
                .since("2.6.0"),
        ]);

fn srandmember(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match args.len() {
        2 => {}
        3 => return srandmember_count(view, args, reply),
        _ => return Err(Error::Syntax),
    }
    let set = view.object::<Set>(args.key(1))?;
    match set.and_then(|set| set.random(random::below)) {
        Some(member) => write_member(member, reply),
        None => reply.null(),
    }
    Ok(())
}

fn srandmember_count(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = args.integer_between(2, -i64::MAX, i64::MAX)?;
    let many = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(set) = view.object::<Set>(args.key(1))?.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 {
        return write_draws(set, many, reply);
    }
    let many = many.min(set.len());
    reply.array(many);
    write_choice(set, many, reply);
    Ok(())
}

/// Members drawn one after another, the same ones again and again.
fn write_draws(set: &Set, count: usize, reply: &mut Reply<'_>) -> CommandResult {
    // Rather than to walk to a member of a small set many times, remember where they are.
    let members: Vec<Member<'_>> = if set.is_compact() && count >= set.len() {
        set.iter().collect()
    } else {
        Vec::new()
    };
    reply.array(count);
    sample::repeat(count as u64, reply, |reply| {
        let drawn = if members.is_empty() {
            set.random(random::below)
        } else {
            members.get(random::below(members.len())).copied()
        };
        if let Some(member) = drawn {
            write_member(member, reply);
        }
    })
}

/// `count` different members.
fn write_choice(set: &Set, count: usize, reply: &mut Reply<'_>) {
    let write = |member| write_member(member, reply);
    // A small set is passed too: to find one of its members by chance may mean to walk to it.
    if set.is_compact() || !sample::is_drawn(count, set.len()) {
        sample::subset(set.iter(), set.len(), count, write);
    } else {
        let identity = |member: &Member<'_>| match *member {
            Member::Int(number) => (Some(number), std::ptr::null(), 0),
            // A member's place tells it apart, and its length the empty one, which has none.
            Member::Bytes(bytes) => (None, bytes.as_ptr(), bytes.len()),
        };
        sample::distinct(count, || set.random(random::below), identity, write);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::resp::Protocol;
    use crate::types::Limits;
    use crate::types::set::SetLimits;

    const ROUNDS: usize = 20_000;

    /// A set of `len` members, compact or not.
    fn make(len: usize, compact: bool) -> Set {
        let limits = SetLimits {
            intset: 0,
            listpack: Limits {
                entries: if compact { len } else { 0 },
                value: 64,
            },
        };
        let mut set = Set::new();
        for number in 0..len {
            set.add(format!("m{number}").as_bytes(), &limits);
        }
        assert_eq!(set.is_compact(), compact);
        set
    }

    /// The members that `write` writes behind an array's head, if it writes one.
    fn members(write: impl FnOnce(&mut Reply<'_>)) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, Protocol::Resp2));
        let text = String::from_utf8(out).unwrap();
        let lines = text.split_terminator("\r\n");
        lines
            .filter(|line| line.starts_with('m'))
            .map(str::to_owned)
            .collect()
    }

    /// Every pair of members is drawn about equally often: as often as expected, but for six times
    /// the standard deviation.
    fn pairs_are_fair(len: usize, count: usize, different: bool, draw: impl Fn() -> Vec<String>) {
        let mut seen = BTreeMap::new();
        for _ in 0..ROUNDS {
            let drawn = draw();
            assert_eq!(drawn.len(), count);
            for (at, one) in drawn.iter().enumerate() {
                for other in &drawn[..at] {
                    assert!(!different || one != other);
                    let pair = (one.min(other).clone(), one.max(other).clone());
                    *seen.entry(pair).or_insert(0) += 1;
                }
            }
        }
        let drawn = (ROUNDS * count * (count - 1) / 2) as f64;
        let pairs = len * (len - 1) / 2;
        let chance = match different {
            true => 1.0 / pairs as f64,
            // Of two draws, in both orders.
            false => 2.0 / (len * len) as f64,
        };
        let expected = drawn * chance;
        let mixed = seen.iter().filter(|((one, other), _)| one != other);
        assert_eq!(mixed.clone().count(), pairs);
        for (pair, &times) in mixed {
            // The pairs of one round are not independent: allow for all of them at once.
            let allowed = 6.0 * (expected * count as f64).sqrt();
            let off = (f64::from(times) - expected).abs();
            assert!(off < allowed, "{pair:?}: {times} times, not {expected}");
        }
    }

    #[test]
    fn a_choice_is_fair() {
        for (len, compact) in [(10, true), (10, false), (15, false)] {
            let set = make(len, compact);
            pairs_are_fair(len, 4, true, || {
                members(|reply| write_choice(&set, 4, reply))
            });
        }
    }

    #[test]
    fn a_choice_of_all_and_of_none() {
        for compact in [true, false] {
            let set = make(10, compact);
            assert_eq!(members(|reply| write_choice(&set, 10, reply)).len(), 10);
            assert_eq!(members(|reply| write_choice(&set, 0, reply)).len(), 0);
        }
    }

    #[test]
    fn draws_are_fair() {
        for (compact, count) in [(true, 3), (true, 9), (false, 4)] {
            let set = make(8, compact);
            pairs_are_fair(8, count, false, || {
                members(|reply| write_draws(&set, count, reply).unwrap())
            });
        }
    }
}
