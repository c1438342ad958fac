//! Members drawn by chance: every member, or every choice of as many members, with the same chance.

use std::collections::HashSet;

use super::{write_all, write_member};
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

/// SRANDMEMBER of at least this fraction of the members goes through the whole set once; it draws
/// fewer one by one.
const PASS: usize = 3;

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
    let count = args
        .integer(2)
        .ok()
        .and_then(|count| usize::try_from(count).ok())
        .ok_or(Error::Static("ERR value is out of range, must be positive"))?;
    let limits = db.access.set_limits();
    let popped = db.edit_object(args.key(1), Missing::Skip, "spop", |set: &mut Set| {
        let left = set.len().saturating_sub(count);
        let popped = if left == 0 {
            // All of them: the key goes too.
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
        return write_draws(set, many, view.access.longest_string(), reply);
    }
    let many = many.min(set.len());
    reply.array(many);
    // A small set is passed too: to find one of its members by chance may mean to walk to it.
    if set.is_compact() || many.saturating_mul(PASS) >= set.len() {
        write_choice(set, many, reply);
    } else {
        write_sample(set, many, reply);
    }
    Ok(())
}

/// Fewest bytes of a member in a reply.
const SHORTEST: usize = b"$0\r\n\r\n".len();

/// Members drawn one after another, the same ones again and again; the reply may have `limit` bytes.
///
/// DIFFERENCE: Redis sends however many are asked for, and a few bytes from a client can thus fill its
/// memory.
fn write_draws(set: &Set, count: usize, limit: usize, reply: &mut Reply<'_>) -> CommandResult {
    if count > limit / SHORTEST {
        return Err(Error::OutOfRange);
    }
    // Rather than to walk to a member of a small set many times, remember where they are.
    let members: Vec<Member<'_>> = if set.is_compact() && count >= set.len() {
        set.iter().collect()
    } else {
        Vec::new()
    };
    let start = reply.mark();
    reply.array(count);
    for _ in 0..count {
        let drawn = if members.is_empty() {
            set.random(random::below)
        } else {
            members.get(random::below(members.len())).copied()
        };
        if let Some(member) = drawn {
            write_member(member, reply);
        }
        if reply.mark() - start > limit {
            return Err(Error::OutOfRange);
        }
    }
    Ok(())
}

/// `count` different members, in the order of the set: each in turn is taken with the chance that as many
/// of those still to come are wanted. O(members).
fn write_choice(set: &Set, count: usize, reply: &mut Reply<'_>) {
    let mut wanted = count;
    for (passed, member) in set.iter().enumerate() {
        if random::below(set.len() - passed) < wanted {
            write_member(member, reply);
            wanted -= 1;
        }
        if wanted == 0 {
            break;
        }
    }
}

/// `count` different members, drawn until there are as many. O(count) expected while that is less than the
/// set by a factor.
fn write_sample(set: &Set, count: usize, reply: &mut Reply<'_>) {
    let mut drawn = HashSet::with_capacity_and_hasher(count, ahash::RandomState::new());
    while drawn.len() < count {
        let Some(member) = set.random(random::below) else {
            return;
        };
        let identity = match member {
            Member::Int(number) => (Some(number), &b""[..]),
            Member::Bytes(bytes) => (None, bytes),
        };
        if drawn.insert(identity) {
            write_member(member, reply);
        }
    }
}
