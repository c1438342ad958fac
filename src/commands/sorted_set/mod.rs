//! Sorted sets.

pub mod algebra;
mod blocking;
mod bounds;
mod combine;
pub mod pop;
mod random;
mod range;
mod read;
mod remove;
pub mod update;

use crate::commands::spec::CommandSpec;
use crate::resp::Reply;
use crate::types::{Limits, SortedSet};

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    blocking::BZMPOP,
    blocking::BZPOPMAX,
    blocking::BZPOPMIN,
    update::ZADD,
    read::ZCARD,
    range::ZCOUNT,
    update::ZINCRBY,
    range::ZLEXCOUNT,
    pop::ZMPOP,
    read::ZMSCORE,
    pop::ZPOPMAX,
    pop::ZPOPMIN,
    random::ZRANDMEMBER,
    range::ZRANGE,
    range::ZRANGEBYLEX,
    range::ZRANGEBYSCORE,
    range::ZRANGESTORE,
    read::ZRANK,
    remove::ZREM,
    remove::ZREMRANGEBYLEX,
    remove::ZREMRANGEBYRANK,
    remove::ZREMRANGEBYSCORE,
    range::ZREVRANGE,
    range::ZREVRANGEBYLEX,
    range::ZREVRANGEBYSCORE,
    read::ZREVRANK,
    read::ZSCAN,
    read::ZSCORE,
];

/// Adds a member or changes its score, as [`SortedSet::insert`]. The compact form keeps -0 as 0, for
/// Redis keeps whole scores as integers there.
#[inline]
pub fn put(set: &mut SortedSet, member: &[u8], score: f64, limits: Limits) -> Option<f64> {
    let negative_zero = score == 0.0 && score.is_sign_negative();
    if negative_zero && stays_compact(set, member, limits) {
        set.insert(member, 0.0, limits)
    } else {
        set.insert(member, score, limits)
    }
}

fn stays_compact(set: &SortedSet, member: &[u8], limits: Limits) -> bool {
    let may_be_added = set.len() < limits.entries && member.len() <= limits.value;
    set.is_compact() && (may_be_added || set.score(member).is_some())
}

/// Writes members, with their scores in pairs if asked for.
fn write_members<'a>(
    members: impl ExactSizeIterator<Item = (&'a [u8], f64)>,
    with_scores: bool,
    reply: &mut Reply<'_>,
) {
    if !with_scores {
        reply.array(members.len());
        members.for_each(|(member, _)| reply.bulk(member));
        return;
    }
    reply.pairs(members.len());
    for (member, score) in members {
        reply.pair();
        reply.bulk(member);
        reply.score(score);
    }
}
