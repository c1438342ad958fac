//! ZRANDMEMBER.

use std::collections::HashSet;

use crate::commands::sorted_set::write_members;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::random;
use crate::resp::{Args, Reply};
use crate::types::SortedSet;

pub(super) const ZRANDMEMBER: CommandSpec =
    CommandSpec::read("ZRANDMEMBER", Arity::at_least(2), Group::SortedSet, zrandmember)
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "6.2.0",
            "O(M*log(N)) where N is the number of members of the sorted set, and M the number of members that are returned.",
            "Returns members of a sorted set chosen by chance.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new(
                "options",
                ArgKind::Block(&[
                    Arg::new("count", ArgKind::Integer),
                    Arg::word("withscores", "WITHSCORES").optional(),
                ]),
            )
            .optional(),
        ]);

fn zrandmember(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if args.len() > 2 {
        return draw_many(view, args, reply);
    }
    let set = view.object::<SortedSet>(args.key(1))?;
    match set.and_then(|set| set.random(random::below)) {
        Some((member, _)) => reply.bulk(member),
        None => reply.null(),
    }
    Ok(())
}

fn draw_many(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let count = args.integer_between(2, -i64::MAX, i64::MAX)?;
    let with_scores = args.len() == 4;
    if args.len() > 4 || with_scores && !args.is(3, "WITHSCORES") {
        return Err(Error::Syntax);
    }
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(Error::OutOfRange);
    }
    let Some(set) = view.object::<SortedSet>(args.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 {
        return draw_with_repetition(set, count.unsigned_abs() as usize, with_scores, reply);
    }
    let count = count as usize;
    if count >= set.len() {
        write_members(set.iter().rev(), with_scores, reply);
    } else {
        let drawn = draw_distinct(set, count, random::below);
        write_members(drawn.into_iter(), with_scores, reply);
    }
    Ok(())
}

/// Members drawn with repetition at most: a reply of more would be out of all proportion to its request.
//
// DIFFERENCE: Redis sends as many as are asked for, and may run out of memory.
const MOST_DRAWS: usize = 1 << 24;

fn draw_with_repetition(
    set: &SortedSet,
    count: usize,
    with_scores: bool,
    reply: &mut Reply<'_>,
) -> CommandResult {
    if count > MOST_DRAWS {
        return Err(Error::OutOfRange);
    }
    let drawn = (0..count).map(|_| set.random(random::below).unwrap_or((b"", 0.0)));
    write_members(drawn, with_scores, reply);
    Ok(())
}

/// `count` different members out of more, every selection with the same chance. O(n) or O(count log n),
/// whatever is less.
fn draw_distinct(
    set: &SortedSet,
    count: usize,
    mut below: impl FnMut(usize) -> usize,
) -> Vec<(&[u8], f64)> {
    let len = set.len();
    if set.is_compact() || count > len / 3 {
        // Each member is taken with the chance that the rest of the selection needs it.
        let (mut wanted, mut left) = (count, len);
        return set
            .iter()
            .filter(|_| {
                let taken = below(left) < wanted;
                left -= 1;
                wanted -= usize::from(taken);
                taken
            })
            .collect();
    }
    // Floyd's algorithm: one draw for each member of the selection.
    let mut ranks = HashSet::with_capacity(count);
    (len - count..len)
        .flat_map(|last| {
            let drawn = below(last + 1);
            let rank = if ranks.insert(drawn) { drawn } else { last };
            ranks.insert(rank);
            set.range(rank, rank + 1)
        })
        .collect()
}
