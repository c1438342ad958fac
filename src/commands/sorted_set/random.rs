//! ZRANDMEMBER.

use crate::commands::sample;
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
    let picks = Picks { set, with_scores };
    if count < 0 {
        return picks.write_repeated(count.unsigned_abs(), reply);
    }
    picks.write_distinct(usize::try_from(count).unwrap_or(usize::MAX), reply);
    Ok(())
}

/// What ZRANDMEMBER with a count is to return.
#[derive(Clone, Copy)]
struct Picks<'a> {
    set: &'a SortedSet,
    with_scores: bool,
}

impl<'a> Picks<'a> {
    /// Different members, as many as there are at most: then all of them, from the highest score on.
    fn write_distinct(self, count: usize, reply: &mut Reply<'_>) {
        let len = self.set.len();
        if count >= len {
            return write_members(self.set.iter().rev(), self.with_scores, reply);
        }
        self.header(count, reply);
        let write = |member| self.member(member, reply);
        if count == 1 {
            self.draw().into_iter().for_each(write);
        } else if self.is_quick_to_draw(count) {
            // A member's place tells it apart, and its length the empty one, which has none.
            let identity = |&(member, _): &(&[u8], f64)| (member.as_ptr(), member.len());
            sample::distinct(count, || self.draw(), identity, write);
        } else {
            sample::subset(self.set.iter(), len, count, write);
        }
    }

    /// Members of which each stands alone, so that it may come several times.
    fn write_repeated(self, count: u64, reply: &mut Reply<'_>) -> CommandResult {
        let picks = usize::try_from(count).unwrap_or(usize::MAX);
        self.header(picks, reply);
        if picks == 1 || self.is_quick_to_draw(picks) {
            return sample::repeat(count, reply, |reply| {
                self.draw()
                    .into_iter()
                    .for_each(|member| self.member(member, reply));
            });
        }
        let all: Vec<_> = self.set.iter().collect();
        sample::repeat(count, reply, |reply| {
            self.member(all[random::below(all.len())], reply);
        })
    }

    /// Whether drawing members one by one is quicker than passing over all of them.
    fn is_quick_to_draw(self, count: usize) -> bool {
        !self.set.is_compact() && sample::is_drawn(count, self.set.len())
    }

    fn draw(self) -> Option<(&'a [u8], f64)> {
        self.set.random(random::below)
    }

    fn header(self, count: usize, reply: &mut Reply<'_>) {
        if self.with_scores {
            reply.pairs(count);
        } else {
            reply.array(count);
        }
    }

    fn member(self, (member, score): (&[u8], f64), reply: &mut Reply<'_>) {
        if self.with_scores {
            reply.pair();
        }
        reply.bulk(member);
        if self.with_scores {
            reply.score(score);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::resp::Protocol;
    use crate::types::Limits;

    const ROUNDS: usize = 10_000;

    fn make(len: usize, compact: bool) -> SortedSet {
        let entries = if compact { len } else { 0 };
        let limits = Limits { entries, value: 64 };
        let mut set = SortedSet::new();
        for number in 0..len {
            set.insert(format!("m{number}").as_bytes(), number as f64, limits);
        }
        assert_eq!(set.is_compact(), compact);
        set
    }

    /// The members that are written.
    fn picked(write: impl FnOnce(&mut Reply<'_>)) -> Vec<String> {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, Protocol::Resp2));
        let text = String::from_utf8(out).unwrap();
        let lines = text.split("\r\n").filter(|line| line.starts_with('m'));
        lines.map(str::to_owned).collect()
    }

    /// Every member is picked about equally often: as expected, but for six times the standard deviation.
    fn is_fair(len: usize, count: usize, pick: impl Fn() -> Vec<String>) {
        let mut seen = BTreeMap::new();
        for _ in 0..ROUNDS {
            let members = pick();
            assert_eq!(members.len(), count);
            for member in members {
                *seen.entry(member).or_insert(0usize) += 1;
            }
        }
        let expected = (ROUNDS * count) as f64 / len as f64;
        assert_eq!(seen.len(), len);
        for (member, times) in seen {
            let off = (times as f64 - expected).abs();
            assert!(off < 6.0 * expected.sqrt(), "{member}: {times}");
        }
    }

    #[test]
    fn picks_are_fair() {
        for (len, compact) in [(12, true), (12, false)] {
            let set = make(len, compact);
            let picks = Picks {
                set: &set,
                with_scores: false,
            };
            for count in [1, 3, 8] {
                is_fair(len, count, || {
                    let members = picked(|reply| picks.write_distinct(count, reply));
                    let mut different = members.clone();
                    different.sort();
                    different.dedup();
                    assert_eq!(different.len(), count);
                    members
                });
                is_fair(len, count, || {
                    picked(|reply| picks.write_repeated(count as u64, reply).unwrap())
                });
            }
        }
    }
}
