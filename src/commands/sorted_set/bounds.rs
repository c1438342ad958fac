//! Ranges of a sorted set by rank, score or member: how they are written, and which ranks they are.

use std::ops::Range;

use crate::error::Error;
use crate::types::{SortedSet, number};

/// A bound that may be left out of the range itself.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bound<T> {
    at: T,
    excluded: bool,
}

/// A range of ranks, both ends included; negative ones count from the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct RankRange {
    /// The first rank.
    pub(super) start: i64,
    /// The last rank.
    pub(super) stop: i64,
}

impl RankRange {
    /// Which of `len` ranks these are. Counted from the highest one if `reverse`.
    pub(super) fn ranks(self, len: usize, reverse: bool) -> Range<usize> {
        let count = len as i64;
        let from_start = |rank: i64| if rank < 0 { rank + count } else { rank };
        let start = from_start(self.start).max(0);
        let stop = from_start(self.stop).min(count - 1);
        if start > stop {
            return 0..0;
        }
        let (start, end) = (start as usize, stop as usize + 1);
        if reverse {
            len - end..len - start
        } else {
            start..end
        }
    }
}

/// A range of scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScoreRange {
    min: Bound<f64>,
    max: Bound<f64>,
}

impl ScoreRange {
    /// Reads a lower and an upper bound: a number as C's `strtod` reads it, after `(` if it is excluded.
    ///
    /// # Errors
    /// `ERR min or max is not a float`.
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, Error> {
        let bound = |text: &[u8]| {
            let (excluded, number) = match text {
                [b'(', rest @ ..] => (true, rest),
                _ => (false, text),
            };
            number::parse_c_f64(number)
                .map(|at| Bound { at, excluded })
                .ok_or(Error::Static("ERR min or max is not a float"))
        };
        Ok(ScoreRange {
            min: bound(min)?,
            max: bound(max)?,
        })
    }

    fn is_below(self, score: f64) -> bool {
        score < self.min.at || self.min.excluded && score == self.min.at
    }

    fn is_not_above(self, score: f64) -> bool {
        score < self.max.at || !self.max.excluded && score == self.max.at
    }

    /// The ranks of the members whose scores are in the range. O(log n).
    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        let from = set.partition_point_by_score(|score| self.is_below(score));
        let to = set.partition_point_by_score(|score| self.is_not_above(score));
        from..to.max(from)
    }
}

/// A bound of a range of members.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LexBound<'a> {
    /// `-`: before every member.
    First,
    Member(Bound<&'a [u8]>),
    /// `+`: after every member.
    Last,
}

/// A range of members by their bytes. Only where all members have the same score are these neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) struct LexRange<'a> {
    min: LexBound<'a>,
    max: LexBound<'a>,
}

impl<'a> LexRange<'a> {
    /// Reads a lower and an upper bound: `-`, `+`, or a member after `[`, or after `(` if it is excluded.
    ///
    /// # Errors
    /// `ERR min or max not valid string range item`.
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, Error> {
        let bound = |text: &'a [u8]| match text {
            [b'-'] | [b'-', 0, ..] => Ok(LexBound::First),
            [b'+'] | [b'+', 0, ..] => Ok(LexBound::Last),
            [b'(', at @ ..] => Ok(LexBound::Member(Bound { at, excluded: true })),
            [b'[', at @ ..] => Ok(LexBound::Member(Bound {
                at,
                excluded: false,
            })),
            _ => Err(Error::Static("ERR min or max not valid string range item")),
        };
        Ok(LexRange {
            min: bound(min)?,
            max: bound(max)?,
        })
    }

    fn is_below(self, member: &[u8]) -> bool {
        match self.min {
            LexBound::First => false,
            LexBound::Member(min) => member < min.at || min.excluded && member == min.at,
            LexBound::Last => true,
        }
    }

    fn is_not_above(self, member: &[u8]) -> bool {
        match self.max {
            LexBound::First => false,
            LexBound::Member(max) => member < max.at || !max.excluded && member == max.at,
            LexBound::Last => true,
        }
    }

    /// The ranks of the members in the range, from its lower end. O(log n).
    pub(super) fn ranks(self, set: &SortedSet) -> Range<usize> {
        self.limited_ranks(set, false, Limit::NONE)
    }

    /// The ranks of the members in the range, `limit` being counted from the lower end, or from the
    /// upper one if `reverse`. O(log n).
    pub(super) fn limited_ranks(
        self,
        set: &SortedSet,
        reverse: bool,
        limit: Limit,
    ) -> Range<usize> {
        if set.is_compact() {
            return self.walk(set, reverse, limit);
        }
        let from = set.partition_point(|_, member| self.is_below(member));
        let to = set.partition_point(|_, member| self.is_not_above(member));
        limit.apply(from..to.max(from), reverse)
    }

    /// As Redis walks a small set, from the first member that is not outside to the next one that is. It
    /// matters where scores differ: then the members in the range are no neighbours.
    fn walk(self, set: &SortedSet, reverse: bool, limit: Limit) -> Range<usize> {
        let len = set.len();
        let reaches = |end: Option<(&[u8], f64)>, inside: &dyn Fn(&[u8]) -> bool| {
            end.is_some_and(|(member, _)| inside(member))
        };
        let above_min = |member: &[u8]| !self.is_below(member);
        let below_max = |member: &[u8]| self.is_not_above(member);
        if !reaches(set.range(len.saturating_sub(1), len).next(), &above_min)
            || !reaches(set.range(0, 1).next(), &below_max)
        {
            return 0..0;
        }
        if reverse {
            let members = set.iter().rev().map(|(member, _)| member);
            let ends = limit.stretch(members, below_max, above_min);
            len - ends.end..len - ends.start
        } else {
            let members = set.iter().map(|(member, _)| member);
            limit.stretch(members, above_min, below_max)
        }
    }
}

/// The option LIMIT.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// How many members to skip; with none, nothing is left.
    offset: Option<usize>,
    count: usize,
}

impl Limit {
    /// Everything.
    pub(super) const NONE: Limit = Limit {
        offset: Some(0),
        count: usize::MAX,
    };

    /// A negative count is no limit; a negative offset leaves nothing.
    //
    // DIFFERENCE: in large sets Redis counts a negative offset from the other end of the range, and
    // goes on from there in the same direction; in small ones it leaves nothing, as before 7.2.
    pub(super) fn new(offset: i64, count: i64) -> Limit {
        Limit {
            offset: usize::try_from(offset).ok(),
            count: usize::try_from(count).unwrap_or(usize::MAX),
        }
    }

    /// What is left of these ranks, counted from the last if `reverse`.
    pub(super) fn apply(self, ranks: Range<usize>, reverse: bool) -> Range<usize> {
        let Some(offset) = self.offset.filter(|&offset| offset < ranks.len()) else {
            return 0..0;
        };
        let count = self.count.min(ranks.len() - offset);
        if reverse {
            let end = ranks.end - offset;
            end - count..end
        } else {
            let start = ranks.start + offset;
            start..start + count
        }
    }

    /// Positions among `members`: from the first that has begun, if it has not ended, past the offset to
    /// the next that has ended.
    fn stretch<'m>(
        self,
        members: impl Iterator<Item = &'m [u8]>,
        has_begun: impl Fn(&[u8]) -> bool,
        has_not_ended: impl Fn(&[u8]) -> bool,
    ) -> Range<usize> {
        let mut members = members.enumerate();
        let begun = members.find(|(_, member)| has_begun(member));
        let (Some((first, member)), Some(offset)) = (begun, self.offset) else {
            return 0..0;
        };
        if !has_not_ended(member) {
            return 0..0;
        }
        let count = std::iter::once(member)
            .chain(members.map(|(_, member)| member))
            .skip(offset)
            .take_while(|member| has_not_ended(member))
            .take(self.count)
            .count();
        if count == 0 {
            return 0..0;
        }
        first + offset..first + offset + count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Limits;
    use crate::types::chance::Chance;

    const TRIES: usize = 3_000;

    fn make(members: &[(Vec<u8>, f64)], compact: bool) -> SortedSet {
        let entries = if compact { usize::MAX } else { 0 };
        let limits = Limits { entries, value: 64 };
        let mut set = SortedSet::new();
        for (member, score) in members {
            set.insert(member, *score, limits);
        }
        assert!(set.is_empty() || set.is_compact() == compact);
        set
    }

    /// The ranks that a naive search finds: those of the members inside, the limit taken in the given
    /// direction.
    fn naive(
        set: &SortedSet,
        reverse: bool,
        (offset, count): (i64, i64),
        inside: impl Fn(&[u8], f64) -> bool,
    ) -> Vec<usize> {
        let mut ranks: Vec<usize> = set
            .iter()
            .enumerate()
            .filter(|(_, (member, score))| inside(member, *score))
            .map(|(rank, _)| rank)
            .collect();
        if reverse {
            ranks.reverse();
        }
        let mut ranks: Vec<usize> = match usize::try_from(offset) {
            Ok(offset) => ranks.into_iter().skip(offset).collect(),
            Err(_) => Vec::new(),
        };
        ranks.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        ranks.sort_unstable();
        ranks
    }

    fn limit(chance: &mut Chance) -> (i64, i64) {
        (chance.below(6) as i64 - 1, chance.below(8) as i64 - 2)
    }

    #[test]
    fn score_ranges_are_those_of_a_naive_search() {
        let mut chance = Chance::new(5);
        let bound = |chance: &mut Chance| {
            let excluded = if chance.below(2) == 0 { "(" } else { "" };
            let texts = ["-inf", "inf", "-1", "0", "1", "2", "2.5", "3"];
            format!("{excluded}{}", texts[chance.below(texts.len())])
        };
        for _ in 0..TRIES {
            let members: Vec<(Vec<u8>, f64)> = (0..chance.below(12))
                .map(|_| (chance.text(b"abc", 3), chance.below(5) as f64 - 1.0))
                .collect();
            let compact = chance.below(2) == 0;
            let set = make(&members, compact);
            let (min, max) = (bound(&mut chance), bound(&mut chance));
            let range = ScoreRange::parse(min.as_bytes(), max.as_bytes()).unwrap();
            let (low, high) = (min.trim_start_matches('('), max.trim_start_matches('('));
            let (low, high): (f64, f64) = (low.parse().unwrap(), high.parse().unwrap());
            let inside = |_: &[u8], score: f64| {
                (score > low || score == low && !min.starts_with('('))
                    && (score < high || score == high && !max.starts_with('('))
            };
            let reverse = chance.below(2) == 0;
            let (offset, count) = limit(&mut chance);
            let found = Limit::new(offset, count).apply(range.ranks(&set), reverse);
            let expected = naive(&set, reverse, (offset, count), inside);
            assert_eq!(
                found.collect::<Vec<_>>(),
                expected,
                "{min} {max} {offset} {count} of {members:?}"
            );
        }
    }

    #[test]
    fn member_ranges_are_those_of_a_naive_search() {
        let mut chance = Chance::new(6);
        let bound = |chance: &mut Chance| match chance.below(8) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            kind => {
                let mark = if kind % 2 == 0 { b'(' } else { b'[' };
                [vec![mark], chance.text(b"abc", 3)].concat()
            }
        };
        for _ in 0..TRIES {
            let members: Vec<(Vec<u8>, f64)> = (0..chance.below(12))
                .map(|_| (chance.text(b"abc", 3), 0.0))
                .collect();
            let compact = chance.below(2) == 0;
            let set = make(&members, compact);
            let (min, max) = (bound(&mut chance), bound(&mut chance));
            let range = LexRange::parse(&min, &max).unwrap();
            let inside = |member: &[u8], _: f64| {
                let above = match min[0] {
                    b'-' => true,
                    b'+' => false,
                    b'(' => member > &min[1..],
                    _ => member >= &min[1..],
                };
                let below = match max[0] {
                    b'-' => false,
                    b'+' => true,
                    b'(' => member < &max[1..],
                    _ => member <= &max[1..],
                };
                above && below
            };
            let reverse = chance.below(2) == 0;
            let (offset, count) = limit(&mut chance);
            let found = range.limited_ranks(&set, reverse, Limit::new(offset, count));
            let expected = naive(&set, reverse, (offset, count), inside);
            assert_eq!(
                found.collect::<Vec<_>>(),
                expected,
                "{min:?} {max:?} {offset} {count} reverse {reverse} compact {compact} of {members:?}"
            );
        }
    }

    #[test]
    fn rank_ranges() {
        for (start, stop, reverse, expected) in [
            (0, -1, false, 0..5),
            (0, 0, false, 0..1),
            (0, 0, true, 4..5),
            (1, 2, true, 2..4),
            (-2, -1, false, 3..5),
            (-2, -1, true, 0..2),
            (-100, 100, true, 0..5),
            (i64::MIN, i64::MAX, false, 0..5),
            (3, 2, false, 0..0),
            (5, 9, false, 0..0),
            (0, -6, false, 0..0),
            (i64::MAX, i64::MIN, true, 0..0),
        ] {
            let range = RankRange { start, stop };
            assert_eq!(range.ranks(5, reverse), expected, "{start} {stop}");
        }
        let range = RankRange { start: 0, stop: -1 };
        assert_eq!(range.ranks(0, false), 0..0);
    }
}
