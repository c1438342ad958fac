//! Tests of both forms of a sorted set against a sorted `Vec`.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::*;
use crate::types::chance::Chance;

const ALWAYS_LARGE: Limits = Limits {
    entries: 0,
    value: 64,
};
const NEVER_LARGE: Limits = Limits {
    entries: usize::MAX,
    value: usize::MAX,
};
const DEFAULT: Limits = Limits {
    entries: 128,
    value: 64,
};

/// What a sorted set is: members in order, and no thought of speed.
#[derive(Clone, Default)]
struct Model {
    members: Vec<(f64, Vec<u8>)>,
    scores: HashMap<Vec<u8>, f64>,
}

fn compare(one: (f64, &[u8]), other: (f64, &[u8])) -> Ordering {
    let by_score = one.0.partial_cmp(&other.0).expect("no NaN");
    by_score.then_with(|| one.1.cmp(other.1))
}

impl Model {
    fn place(&self, member: &[u8], score: f64) -> usize {
        self.members
            .partition_point(|(s, m)| compare((*s, m), (score, member)) == Ordering::Less)
    }

    fn insert(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let before = self.scores.get(member).copied();
        if before == Some(score) {
            return before;
        }
        self.remove(member);
        self.members
            .insert(self.place(member, score), (score, member.to_vec()));
        self.scores.insert(member.to_vec(), score);
        before
    }

    fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.members.remove(self.place(member, score));
        Some(score)
    }

    fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = *self.scores.get(member)?;
        Some((self.place(member, score), score))
    }
}

fn bits(score: Option<f64>) -> Option<u64> {
    score.map(f64::to_bits)
}

fn is_same(left: Option<(&[u8], f64)>, right: Option<&(f64, Vec<u8>)>) -> bool {
    match (left, right) {
        (Some((member, score)), Some((other_score, other))) => {
            member == other && score.to_bits() == other_score.to_bits()
        }
        (None, None) => true,
        _ => false,
    }
}

/// Compares everything that can be asked.
fn check(set: &SortedSet, model: &Model) {
    if let Form::Large(large) = set.0.get() {
        large.check();
    }
    assert_eq!(set.len(), model.members.len());
    assert_eq!(set.is_empty(), model.members.is_empty());
    let mut forwards = set.iter();
    for (index, expected) in model.members.iter().enumerate() {
        assert_eq!(forwards.len(), model.members.len() - index);
        assert!(is_same(forwards.next(), Some(expected)));
    }
    assert!(forwards.next().is_none() && forwards.next_back().is_none());
    let mut backwards = set.iter();
    for expected in model.members.iter().rev() {
        assert!(is_same(backwards.next_back(), Some(expected)));
    }
    assert!(backwards.next_back().is_none() && backwards.next().is_none());
}

/// Compares one range, taken from both ends at random.
fn check_range(set: &SortedSet, model: &Model, chance: &mut Chance) {
    let len = model.members.len();
    let (from, to) = (chance.below(len + 3), chance.below(len + 3));
    let mut range = set.range(from, to);
    let to = to.min(len);
    let mut expected = model.members[from.min(to)..to].iter();
    for _ in 0..chance.below(200) {
        assert_eq!(range.len(), expected.len());
        if chance.below(2) == 0 {
            assert!(is_same(range.next(), expected.next()));
        } else {
            assert!(is_same(range.next_back(), expected.next_back()));
        }
    }
}

fn check_partition(set: &SortedSet, model: &Model, member: &[u8], score: f64) {
    let place = set.partition_point(|s, m| compare((s, m), (score, member)) == Ordering::Less);
    assert_eq!(place, model.place(member, score));
    let below = model.members.partition_point(|(other, _)| *other < score);
    assert_eq!(set.partition_point_by_score(|other| other < score), below);
    let behind = model.members.partition_point(|(other, _)| *other <= score);
    assert_eq!(set.partition_point_by_score(|other| other <= score), behind);
}

/// Members and scores to choose from.
struct Kind {
    members: usize,
    scores: usize,
    limits: Limits,
}

impl Kind {
    fn member(&self, chance: &mut Chance) -> Vec<u8> {
        let number = chance.below(self.members);
        match number % 7 {
            0 => format!("{number:0>40}").into_bytes(),
            1 => format!("{number:x}").into_bytes(),
            _ => format!("user:{number}").into_bytes(),
        }
    }

    fn score(&self, chance: &mut Chance) -> f64 {
        match chance.below(40) {
            0 => f64::INFINITY,
            1 => f64::NEG_INFINITY,
            2 => -0.0,
            3 => 0.0,
            4 => f64::MIN_POSITIVE / 2.0,
            _ => chance.below(self.scores) as f64 / 4.0 - (self.scores / 8) as f64,
        }
    }
}

fn remove_range(set: &mut SortedSet, model: &mut Model, from: usize, to: usize) {
    let mut removed = Vec::new();
    set.remove_range(from, to, |member, score| {
        removed.push((score, member.to_vec()))
    });
    let to = to.min(model.members.len());
    let expected: Vec<_> = model.members.drain(from.min(to)..to).collect();
    assert_eq!(removed, expected);
    for (_, member) in &expected {
        model.scores.remove(member);
    }
}

/// One random change, made to both and compared.
fn change(set: &mut SortedSet, model: &mut Model, kind: &Kind, growing: bool, chance: &mut Chance) {
    let (member, score) = (kind.member(chance), kind.score(chance));
    match chance.below(100) {
        0 if chance.below(8) == 0 => {
            let from = chance.below(model.members.len() + 2);
            let most = if growing { 20 } else { 500 };
            remove_range(set, model, from, from + chance.below(most));
        }
        1..=4 => {
            // A small step, which often keeps the order.
            let near = model
                .scores
                .get(&member)
                .map_or(score, |score| score + 0.25);
            let before = set.insert(&member, near, kind.limits);
            assert_eq!(bits(before), bits(model.insert(&member, near)));
        }
        5..=9 => {
            let expected = model.rank(&member);
            assert_eq!(set.rank(&member), expected);
            assert_eq!(
                bits(set.score(&member)),
                bits(expected.map(|(_, score)| score))
            );
            check_partition(set, model, &member, score);
        }
        10..=12 => check_range(set, model, chance),
        kind_of_change if (kind_of_change < 70) == growing => {
            let before = set.insert(&member, score, kind.limits);
            assert_eq!(bits(before), bits(model.insert(&member, score)));
        }
        _ => assert_eq!(bits(set.remove(&member)), bits(model.remove(&member))),
    }
}

#[test]
fn agrees_with_a_model() {
    let kinds = [
        (6_000, 1_000_000, ALWAYS_LARGE, 40_000),
        (6_000, 3, ALWAYS_LARGE, 40_000),
        (3_000, 200, ALWAYS_LARGE, 40_000),
        (400, 50, DEFAULT, 12_000),
        (60, 8, NEVER_LARGE, 12_000),
        (700, 100, NEVER_LARGE, 8_000),
    ];
    for (seed, (members, scores, limits, steps)) in kinds.into_iter().enumerate() {
        let kind = Kind {
            members,
            scores,
            limits,
        };
        let mut chance = Chance::new(seed as u64);
        let (mut set, mut model) = (SortedSet::new(), Model::default());
        for step in 0..steps {
            let growing = step * 3 / steps != 1;
            change(&mut set, &mut model, &kind, growing, &mut chance);
            if step % (steps / 40) == 0 {
                check(&set, &model);
            }
        }
        check(&set, &model);
        assert_eq!(set.is_compact(), limits == NEVER_LARGE);
        let clone = set.clone();
        check(&clone, &model);
        assert_eq!(clone.encoding(), set.encoding());
        while !model.members.is_empty() {
            let rank = chance.below(model.members.len());
            let member = model.members[rank].1.clone();
            assert_eq!(set.remove(&member), model.remove(&member));
            if model.members.len() % 257 == 0 {
                check(&set, &model);
            }
        }
        check(&set, &model);
        assert_eq!(set.insert(b"again", 1.0, limits), None);
        assert_eq!((set.len(), set.rank(b"again")), (1, Some((0, 1.0))));
        assert_eq!(clone.len(), clone.iter().count());
    }
}

#[test]
fn ranges_are_removed_at_every_place() {
    let mut chance = Chance::new(9);
    for round in 0..120 {
        let limits = [ALWAYS_LARGE, NEVER_LARGE][round % 2];
        let (mut set, mut model) = (SortedSet::new(), Model::default());
        for number in 0..chance.below(3_000) {
            let score = chance.below(500) as f64;
            let member = format!("{number}").into_bytes();
            set.insert(&member, score, limits);
            model.insert(&member, score);
        }
        while !model.members.is_empty() {
            let from = match chance.below(3) {
                0 => 0,
                1 => model.members.len().saturating_sub(300),
                _ => chance.below(model.members.len()),
            };
            let to = if chance.below(20) == 0 {
                usize::MAX
            } else {
                from + chance.below(700)
            };
            remove_range(&mut set, &mut model, from, to);
            check(&set, &model);
        }
    }
}

#[test]
fn order_of_insertion_does_not_matter() {
    let ascending: Vec<usize> = (0..20_000).collect();
    let descending = ascending.iter().rev().copied().collect();
    let mut shuffled = ascending.clone();
    let mut chance = Chance::new(4);
    for at in (1..shuffled.len()).rev() {
        shuffled.swap(at, chance.below(at + 1));
    }
    for (order, least) in [(ascending, 0.9), (descending, 0.9), (shuffled, 0.75)] {
        let mut set = SortedSet::new();
        for number in &order {
            set.insert(
                format!("{number:08}").as_bytes(),
                (number / 3) as f64,
                DEFAULT,
            );
        }
        for (rank, (member, score)) in set.iter().enumerate() {
            assert_eq!(
                (member, score),
                (format!("{rank:08}").as_bytes(), (rank / 3) as f64)
            );
        }
        let Form::Large(large) = set.0.get() else {
            panic!("too many for the compact form")
        };
        large.check();
        assert!(large.fill() > least, "{}", large.fill());
    }
}

#[test]
fn converts_beyond_its_limits_and_never_back() {
    let limits = Limits {
        entries: 4,
        value: 3,
    };
    let mut set = SortedSet::new();
    assert_eq!((set.encoding(), set.heap_bytes()), ("listpack", 0));
    for (count, member) in [b"a", b"b", b"c", b"d"].into_iter().enumerate() {
        assert_eq!(set.insert(member, -(count as f64), limits), None);
    }
    assert_eq!(set.insert(b"a", 7.0, limits), Some(0.0));
    assert!(set.is_compact());
    assert_eq!(set.insert(b"e", 0.0, limits), None);
    assert_eq!(set.encoding(), "skiplist");
    set.remove_range(1, 9, |_, _| ());
    assert_eq!(set.iter().collect::<Vec<_>>(), [(&b"d"[..], -3.0)]);
    assert_eq!(set.encoding(), "skiplist");
    set.remove_range(0, 1, |_, _| ());
    assert_eq!((set.encoding(), set.len()), ("skiplist", 0));

    let mut set = SortedSet::new();
    set.insert(b"abc", 1.0, limits);
    assert!(set.is_compact());
    set.insert(b"abcd", 1.0, limits);
    assert!(!set.is_compact());
    // Tighter limits do not matter until a member is new.
    let mut set = SortedSet::new();
    set.insert(b"abc", 1.0, limits);
    let none = Limits {
        entries: 0,
        value: 0,
    };
    assert_eq!(set.insert(b"abc", 2.0, none), Some(1.0));
    assert!(set.is_compact());
    set.expect(4, limits);
    assert!(set.is_compact());
    set.expect(5, limits);
    assert_eq!((set.encoding(), set.score(b"abc")), ("skiplist", Some(2.0)));
}

#[test]
fn members_of_any_length() {
    for limits in [ALWAYS_LARGE, NEVER_LARGE] {
        let mut set = SortedSet::new();
        let lengths = [0, 1, 21, 22, 23, 24, 127, 128, 300, 20_000, 2_100_000];
        for (index, len) in lengths.into_iter().enumerate() {
            assert_eq!(set.insert(&vec![0xff; len], index as f64, limits), None);
        }
        let bytes: usize = lengths.iter().sum();
        assert!(set.heap_bytes() > bytes && set.heap_bytes() < bytes * 9 / 8 + 4_000);
        let found: Vec<_> = set.iter().map(|(member, _)| member.len()).collect();
        assert_eq!(found, lengths);
        for len in lengths.into_iter().rev() {
            assert!(set.remove(&vec![0xff; len]).is_some());
            assert_eq!(set.score(&vec![0xff; len]), None);
        }
        assert!(set.is_empty() && set.heap_bytes() < 4_000);
    }
}

#[test]
fn zeros_are_equal_and_keep_their_sign() {
    for limits in [ALWAYS_LARGE, NEVER_LARGE] {
        let mut set = SortedSet::new();
        for (member, score) in [(b"c", 0.0), (b"b", -0.0), (b"a", 0.0), (b"d", -0.0)] {
            set.insert(member, score, limits);
        }
        assert_eq!(bits(set.insert(b"a", -0.0, limits)), bits(Some(0.0)));
        let found: Vec<_> = set
            .iter()
            .map(|(member, score)| (member, score.to_bits()))
            .collect();
        let (plus, minus) = (0.0f64.to_bits(), (-0.0f64).to_bits());
        let expected = [(b"a", plus), (b"b", minus), (b"c", plus), (b"d", minus)];
        assert_eq!(found, expected.map(|(member, score)| (&member[..], score)));
    }
}

#[test]
fn a_scan_returns_what_stays() {
    let mut chance = Chance::new(11);
    for round in 0..30 {
        let mut set = SortedSet::new();
        let stays: HashSet<Vec<u8>> = (0..chance.below(3_000))
            .map(|number| format!("stays:{number}").into_bytes())
            .collect();
        for member in &stays {
            set.insert(member, chance.below(100) as f64, ALWAYS_LARGE);
        }
        for number in 0..chance.below(6_000) {
            set.insert(format!("{number}").as_bytes(), number as f64, ALWAYS_LARGE);
        }
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 1 + chance.below(200), |member, score| {
                assert_eq!(set.score(member), Some(score));
                *seen.entry(member.to_vec()).or_default() += 1;
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..chance.below(600) {
                let member = format!("{}", chance.below(6_000)).into_bytes();
                if round % 3 == 0 {
                    set.insert(&member, 5.0, ALWAYS_LARGE);
                } else {
                    set.remove(&member);
                }
            }
            for member in stays.iter().take(20) {
                set.insert(member, chance.below(100) as f64, ALWAYS_LARGE);
            }
        }
        assert!(stays.iter().all(|member| seen.get(member) == Some(&1)));
    }
}

#[test]
fn a_compact_set_is_scanned_at_once() {
    let mut set = SortedSet::new();
    for number in 0..50 {
        set.insert(format!("{number}").as_bytes(), -f64::from(number), DEFAULT);
    }
    let mut seen = Vec::new();
    assert_eq!(set.scan(0, 1, |_, score| seen.push(score)), 0);
    assert!(seen.len() == 50 && seen.is_sorted());
}

/// The sum of squared deviations from 100 expected picks of each; its mean is `sizes` - 1.
#[test]
fn random_is_uniform() {
    for (size, limits) in [(1, DEFAULT), (20, DEFAULT), (500, DEFAULT)] {
        let mut chance = Chance::new(5);
        let mut set = SortedSet::new();
        for number in 0..size {
            set.insert(format!("{number}").as_bytes(), (number / 9) as f64, limits);
        }
        let mut picks: HashMap<Vec<u8>, f64> = HashMap::new();
        for _ in 0..size * 100 {
            let (member, score) = set.random(|below| chance.below(below)).expect("not empty");
            assert_eq!(set.score(member), Some(score));
            *picks.entry(member.to_vec()).or_default() += 1.0;
        }
        let mut sum = (size - picks.len()) as f64 * 100.0;
        sum += picks
            .values()
            .map(|picks| (picks - 100.0).powi(2) / 100.0)
            .sum::<f64>();
        let freedom = (size - 1) as f64;
        let spread = (2.0 * freedom).sqrt();
        assert!((sum - freedom).abs() <= 4.0 * spread, "{size}: {sum}");
    }
    assert_eq!(SortedSet::new().random(|_| unreachable!()), None);
}

#[test]
fn a_million_may_be_compact_in_name_only() {
    // Limits may be set to anything; it only gets slow.
    let mut set = SortedSet::new();
    for number in 0..3_000 {
        set.insert(
            format!("{:06}", number * 7 % 3_000).as_bytes(),
            0.0,
            NEVER_LARGE,
        );
    }
    assert!(set.is_compact());
    assert_eq!(set.rank(b"002999"), Some((2_999, 0.0)));
    assert_eq!(set.range(1_500, 1_501).next(), Some((&b"001500"[..], 0.0)));
}

#[test]
fn memory_goes_back_when_members_go() {
    let mut set = SortedSet::new();
    for number in 0..40_000 {
        set.insert(
            format!("member:{number}").as_bytes(),
            f64::from(number * 7 % 40_000),
            DEFAULT,
        );
    }
    let full = set.heap_bytes();
    assert!(full < 40_000 * 75, "{}", full / 40_000);
    for number in 0..39_000 {
        set.remove(format!("member:{number}").as_bytes());
    }
    assert!(
        set.heap_bytes() < full / 8,
        "{} of {full}",
        set.heap_bytes()
    );
}
