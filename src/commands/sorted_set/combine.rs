//! Unions, intersections and differences of sorted sets and sets.
//!
//! Members are borrowed from the sources until the result is known, so that nothing but the result is
//! copied. The members of a sorted set come in its order, and a union keeps those of each source together:
//! a sort that finds such runs has little left to do.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use hashbrown::HashTable;

use crate::types::set::Member;
use crate::types::{Limits, Set, SortedSet, hasher};

/// Where members come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// There is no such key.
    Missing,
    /// A set, whose members all have score 1.
    Set(&'a Set),
    /// A sorted set.
    SortedSet(&'a SortedSet),
}

impl<'a> Source<'a> {
    fn len(self) -> usize {
        match self {
            Source::Missing => 0,
            Source::Set(set) => set.len(),
            Source::SortedSet(set) => set.len(),
        }
    }

    /// Whether the two are the same key's value.
    fn is(self, other: Source<'_>) -> bool {
        match (self, other) {
            (Source::Set(a), Source::Set(b)) => std::ptr::eq(a, b),
            (Source::SortedSet(a), Source::SortedSet(b)) => std::ptr::eq(a, b),
            _ => false,
        }
    }

    fn score(self, member: Member<'_>) -> Option<f64> {
        match self {
            Source::Missing => None,
            Source::Set(set) => set.contains_member(member).then_some(1.0),
            Source::SortedSet(set) => set.score(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// Visits the members and their scores until told to stop.
    fn each(self, mut visit: impl FnMut(Member<'a>, f64) -> ControlFlow<()>) {
        let _ = match self {
            Source::Missing => ControlFlow::Continue(()),
            Source::Set(set) => set.iter().try_for_each(|member| visit(member, 1.0)),
            Source::SortedSet(set) => set
                .iter()
                .try_for_each(|(member, score)| visit(Member::Bytes(member), score)),
        };
    }
}

/// A source and what its scores are multiplied by.
#[derive(Clone, Copy)]
pub struct Weighted<'a> {
    /// The members.
    pub source: Source<'a>,
    /// The factor; never NaN.
    pub weight: f64,
}

/// How the scores of a member of several sources become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// Their sum.
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Aggregate {
    /// Joins two scores. What is no number, such as `inf - inf`, is 0 in a sum and left out otherwise.
    fn join(self, total: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum => number_or_zero(total + score),
            Aggregate::Min if score < total => score,
            Aggregate::Max if score > total => score,
            Aggregate::Min | Aggregate::Max => total,
        }
    }
}

fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The bytes of a member: those of its source, or the text of an integer, which no source has.
#[derive(Clone, Copy)]
enum Name<'a> {
    Borrowed(&'a [u8]),
    Written { len: u8, text: [u8; 20] },
}

impl<'a> Name<'a> {
    fn new(member: Member<'a>) -> Self {
        match member {
            Member::Bytes(bytes) => Name::Borrowed(bytes),
            Member::Int(number) => {
                let mut buffer = itoa::Buffer::new();
                let digits = buffer.format(number).as_bytes();
                let mut text = [0; 20];
                text[..digits.len()].copy_from_slice(digits);
                Name::Written {
                    len: digits.len() as u8,
                    text,
                }
            }
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Name::Borrowed(bytes) => bytes,
            Name::Written { len, text } => &text[..usize::from(*len)],
        }
    }
}

/// A member of the result and its score.
struct Row<'a> {
    name: Name<'a>,
    score: f64,
}

/// The result of a union, intersection or difference, in order: by score, then by the members' bytes.
pub struct Combined<'a>(Vec<Row<'a>>);

impl<'a> Combined<'a> {
    fn new(mut rows: Vec<Row<'a>>) -> Self {
        // Stable, for it is the one that uses the runs.
        rows.sort_by(|a, b| {
            let scores = a.score.partial_cmp(&b.score).unwrap_or(Ordering::Equal);
            scores.then_with(|| a.name.bytes().cmp(b.name.bytes()))
        });
        Combined(rows)
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The members and their scores.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], f64)> {
        self.0.iter().map(|row| (row.name.bytes(), row.score))
    }

    /// A sorted set of its own. O(n).
    pub fn to_sorted_set(&self, limits: Limits) -> SortedSet {
        let lengths = self.iter().map(|(member, _)| member.len());
        let longest = lengths.max().unwrap_or(0);
        // The compact form has 0 for -0, as `put` says. Neither comes before the other.
        let compact = self.len() <= limits.entries && longest <= limits.value;
        let score = |score: f64| if compact { score + 0.0 } else { score };
        let members = self.iter().map(|(member, own)| (member, score(own)));
        SortedSet::from_sorted(self.len(), longest, members, limits)
    }
}

/// Smallest first, as Redis takes them: sums of floating point numbers depend on their order.
fn by_size(sources: &mut [Weighted<'_>]) {
    sources.sort_by_key(|weighted| weighted.source.len());
}

/// The members of any source. O(n log n) with n being the size of all sources.
pub fn union<'a>(mut sources: Vec<Weighted<'a>>, aggregate: Aggregate) -> Combined<'a> {
    by_size(&mut sources);
    let mut rows: Vec<Row<'a>> =
        Vec::with_capacity(sources.last().map_or(0, |last| last.source.len()));
    let mut places: HashTable<usize> = HashTable::new();
    for (number, Weighted { source, weight }) in sources.iter().enumerate() {
        // A source's members are distinct: those of the first are all new, and nobody looks for those of
        // the last.
        let (is_first, is_last) = (rows.is_empty(), number + 1 == sources.len());
        if is_first && !is_last {
            places.reserve(source.len(), |&at| hasher::hash(rows_name(&rows, at)));
        }
        source.each(|member, score| {
            let score = number_or_zero(weight * score);
            let name = Name::new(member);
            if !(is_first && is_last) {
                let hash = hasher::hash(name.bytes());
                let found = (!is_first)
                    .then(|| places.find(hash, |&at| rows_name(&rows, at) == name.bytes()))
                    .flatten();
                if let Some(&at) = found {
                    rows[at].score = aggregate.join(rows[at].score, score);
                    return ControlFlow::Continue(());
                }
                if !is_last {
                    places
                        .insert_unique(hash, rows.len(), |&at| hasher::hash(rows_name(&rows, at)));
                }
            }
            rows.push(Row { name, score });
            ControlFlow::Continue(())
        });
    }
    Combined::new(rows)
}

fn rows_name<'r>(rows: &'r [Row<'_>], at: usize) -> &'r [u8] {
    rows[at].name.bytes()
}

/// Visits the members of all sources and their joined scores until told to stop. O(n k) with n being the
/// size of the smallest of k sources.
fn intersect<'a>(
    mut sources: Vec<Weighted<'a>>,
    aggregate: Aggregate,
    mut visit: impl FnMut(Member<'a>, f64) -> ControlFlow<()>,
) {
    by_size(&mut sources);
    let Some((first, others)) = sources.split_first() else {
        return;
    };
    first.source.each(|member, own| {
        let mut total = number_or_zero(first.weight * own);
        for other in others {
            let found = if other.source.is(first.source) {
                Some(own)
            } else {
                other.source.score(member)
            };
            let Some(score) = found else {
                return ControlFlow::Continue(());
            };
            total = aggregate.join(total, score * other.weight);
        }
        visit(member, total)
    });
}

/// The members of all sources. O(n k + m log m) with n being the size of the smallest of k sources, and m
/// that of the result.
pub fn intersection<'a>(sources: Vec<Weighted<'a>>, aggregate: Aggregate) -> Combined<'a> {
    let mut rows = Vec::new();
    intersect(sources, aggregate, |member, score| {
        let name = Name::new(member);
        rows.push(Row { name, score });
        ControlFlow::Continue(())
    });
    Combined::new(rows)
}

/// How many members are in all sources; no more than `limit`, and then no more is looked for. O(n k).
pub fn intersection_size(sources: Vec<Weighted<'_>>, limit: usize) -> usize {
    let mut size = 0;
    intersect(sources, Aggregate::Sum, |_, _| {
        size += 1;
        match size < limit {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    });
    size
}

/// The members of the first source that are in none of the others. O(min(n k, l) + m log m) with n being
/// the size of the first of k sources, l that of all, and m that of the result.
pub fn difference<'a>(sources: &[Weighted<'a>]) -> Combined<'a> {
    let Some((first, others)) = sources.split_first() else {
        return Combined(Vec::new());
    };
    let first = first.source;
    let mut others: Vec<Source<'_>> = others.iter().map(|other| other.source).collect();
    if others.iter().any(|other| other.is(first)) {
        return Combined(Vec::new());
    }
    // The shortest way, as Redis reckons it: looking up the first source's members is cheaper than
    // removing those of the others.
    let all: usize = first.len() + others.iter().map(|other| other.len()).sum::<usize>();
    if first.len() * sources.len() / 2 <= all {
        others.sort_by_key(|other| std::cmp::Reverse(other.len()));
        Combined::new(remaining(first, &others))
    } else {
        Combined::new(subtracted(first, &others))
    }
}

/// The members of `first` that a look-up finds in none of the others.
fn remaining<'a>(first: Source<'a>, others: &[Source<'_>]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    first.each(|member, score| {
        if !others.iter().any(|other| other.score(member).is_some()) {
            let name = Name::new(member);
            rows.push(Row { name, score });
        }
        ControlFlow::Continue(())
    });
    rows
}

/// The members of `first` without those that a walk through the others meets.
fn subtracted<'a>(first: Source<'a>, others: &[Source<'_>]) -> Vec<Row<'a>> {
    let mut rows: HashTable<Row<'a>> = HashTable::with_capacity(first.len());
    first.each(|member, score| {
        let name = Name::new(member);
        let hash = hasher::hash(name.bytes());
        let row = Row { name, score };
        rows.insert_unique(hash, row, |row| hasher::hash(row.name.bytes()));
        ControlFlow::Continue(())
    });
    for other in others {
        other.each(|member, _| {
            if rows.is_empty() {
                return ControlFlow::Break(());
            }
            let mut buffer = itoa::Buffer::new();
            let bytes = member.bytes(&mut buffer);
            if let Ok(found) = rows.find_entry(hasher::hash(bytes), |row| row.name.bytes() == bytes)
            {
                found.remove();
            }
            ControlFlow::Continue(())
        });
    }
    rows.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::types::chance::Chance;
    use crate::types::set::SetLimits;

    const LIMITS: Limits = Limits {
        entries: 8,
        value: 16,
    };

    /// A key of a test: its value, and what the model says is in it.
    enum Stored {
        Missing,
        Set(Set),
        SortedSet(SortedSet),
    }

    impl Stored {
        fn random(chance: &mut Chance) -> Stored {
            let scores = [
                0.0,
                -0.0,
                1.0,
                -2.5,
                0.1,
                1e300,
                f64::INFINITY,
                f64::NEG_INFINITY,
            ];
            let size = chance.below(30);
            match chance.below(6) {
                0 => Stored::Missing,
                1 | 2 => {
                    let mut set = Set::new();
                    let limits = SetLimits {
                        intset: 16,
                        listpack: LIMITS,
                    };
                    let integers = chance.below(2) == 0;
                    for _ in 0..size {
                        set.add(&member(chance, integers), &limits);
                    }
                    Stored::Set(set)
                }
                _ => {
                    let mut set = SortedSet::new();
                    for _ in 0..size {
                        let score = scores[chance.below(scores.len())];
                        set.insert(&member(chance, false), score, LIMITS);
                    }
                    Stored::SortedSet(set)
                }
            }
        }

        fn source(&self) -> Source<'_> {
            match self {
                Stored::Missing => Source::Missing,
                Stored::Set(set) => Source::Set(set),
                Stored::SortedSet(set) => Source::SortedSet(set),
            }
        }
    }

    fn member(chance: &mut Chance, integer: bool) -> Vec<u8> {
        let number = chance.below(40) as i64 - 20;
        match chance.below(8) {
            0 if !integer => vec![b'x'; chance.below(20)],
            1 if integer => (i64::MIN + number.abs()).to_string().into_bytes(),
            _ => number.to_string().into_bytes(),
        }
    }

    type Model = BTreeMap<Vec<u8>, f64>;

    fn contents(source: Source<'_>) -> Model {
        let mut all = Model::new();
        source.each(|member, score| {
            let bytes = member.bytes(&mut itoa::Buffer::new()).to_vec();
            assert!(all.insert(bytes, score).is_none());
            ControlFlow::Continue(())
        });
        all
    }

    /// What Redis's loops make of the sources, smallest first.
    fn model(sources: &[Weighted<'_>], aggregate: Aggregate) -> (Model, Model) {
        let mut sources = sources.to_vec();
        sources.sort_by_key(|weighted| weighted.source.len());
        let (mut union, mut times) = (Model::new(), BTreeMap::new());
        for weighted in &sources {
            for (member, score) in contents(weighted.source) {
                *times.entry(member.clone()).or_insert(0) += 1;
                let product = score * weighted.weight;
                let score = if product.is_nan() { 0.0 } else { product };
                union
                    .entry(member)
                    .and_modify(|total| {
                        *total = match aggregate {
                            Aggregate::Sum if (*total + score).is_nan() => 0.0,
                            Aggregate::Sum => *total + score,
                            Aggregate::Min => total.min(score),
                            Aggregate::Max => total.max(score),
                        };
                    })
                    .or_insert(score);
            }
        }
        let mut intersection = union.clone();
        intersection.retain(|member, _| times[member] == sources.len());
        (union, intersection)
    }

    fn check(result: &Combined<'_>, model: &Model) {
        let mut wanted: Vec<(&[u8], f64)> = model.iter().map(|(m, s)| (&m[..], *s)).collect();
        wanted.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(b.0)));
        let found: Vec<(&[u8], f64)> = result.iter().collect();
        assert_eq!(found, wanted);
        let stored = result.to_sorted_set(LIMITS);
        assert!(stored.iter().eq(wanted.iter().copied()));
        for (member, score) in &wanted {
            assert_eq!(stored.score(member), Some(*score));
        }
        let long = wanted.iter().any(|(member, _)| member.len() > LIMITS.value);
        let large = wanted.len() > LIMITS.entries || long;
        assert_eq!(stored.encoding() == "skiplist", large);
    }

    #[test]
    fn results_are_those_of_a_naive_model() {
        let weights = [1.0, 1.0, 0.0, -1.0, 2.5, f64::INFINITY];
        let mut chance = Chance::new(7);
        for _ in 0..3_000 {
            let stored: Vec<Stored> = (0..4).map(|_| Stored::random(&mut chance)).collect();
            let sources: Vec<Weighted<'_>> = (0..1 + chance.below(4))
                .map(|_| Weighted {
                    source: stored[chance.below(4)].source(),
                    weight: weights[chance.below(weights.len())],
                })
                .collect();
            let aggregate = [Aggregate::Sum, Aggregate::Min, Aggregate::Max][chance.below(3)];
            let (all, common) = model(&sources, aggregate);
            check(&union(sources.clone(), aggregate), &all);
            // A product that is no number counts as 0 in the smallest source only, as in Redis: the model
            // leaves these to the tests of the commands.
            let products = sources
                .iter()
                .all(|weighted| weighted.weight.is_finite() && weighted.weight != 0.0);
            let intersected = intersection(sources.clone(), aggregate);
            if products {
                check(&intersected, &common);
            }
            assert_eq!(intersected.len(), common.len());
            let limit = 1 + chance.below(10);
            assert_eq!(
                intersection_size(sources.clone(), limit),
                common.len().min(limit)
            );
            let mut rest = contents(sources[0].source);
            for other in &sources[1..] {
                for member in contents(other.source).keys() {
                    rest.remove(member);
                }
            }
            check(&difference(&sources), &rest);
            for rows in [
                remaining(sources[0].source, &others(&sources)),
                subtracted(sources[0].source, &others(&sources)),
            ] {
                check(&Combined::new(rows), &rest);
            }
        }
    }

    fn others<'a>(sources: &[Weighted<'a>]) -> Vec<Source<'a>> {
        sources[1..].iter().map(|other| other.source).collect()
    }
}
