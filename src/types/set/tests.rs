//! Sets against a naive model, and the rules by which they change their form.

use std::collections::{HashMap, HashSet};

use super::*;
use crate::types::chance::Chance;

const DEFAULTS: SetLimits = SetLimits {
    intset: 512,
    listpack: Limits {
        entries: 128,
        value: 64,
    },
};

const TINY: SetLimits = SetLimits {
    intset: 4,
    listpack: Limits {
        entries: 6,
        value: 5,
    },
};

/// Far above what Redis suggests.
const HUGE: SetLimits = SetLimits {
    intset: 1_000_000,
    listpack: Limits {
        entries: 1_000_000,
        value: 1_000_000,
    },
};

fn text(member: Member<'_>) -> Vec<u8> {
    member.bytes(&mut itoa::Buffer::new()).to_vec()
}

fn members(set: &Set) -> Vec<Vec<u8>> {
    set.iter().map(text).collect()
}

fn set_of(members: impl IntoIterator<Item = impl AsRef<[u8]>>, limits: &SetLimits) -> Set {
    let mut set = Set::new();
    for member in members {
        set.add(member.as_ref(), limits);
    }
    set
}

/// Members in a `Vec`, and the form by the words of Redis's source.
struct Model {
    members: Vec<Vec<u8>>,
    form: &'static str,
}

impl Model {
    fn add(&mut self, member: &[u8], limits: &SetLimits) -> bool {
        if self.members.iter().any(|other| other == member) {
            return false;
        }
        let listpack = limits.listpack;
        let integer = number::parse_i64(member).is_some();
        let len = self.members.len();
        let longest_now = self.members.iter().map(Vec::len).max().unwrap_or(0);
        self.form = match self.form {
            "intset" if integer && len < limits.intset => "intset",
            "intset" if integer => "hashtable",
            "intset"
                if len < listpack.entries && longest_now.max(member.len()) <= listpack.value =>
            {
                "listpack"
            }
            "listpack" if len < listpack.entries && member.len() <= listpack.value => "listpack",
            _ => "hashtable",
        };
        self.members.push(member.to_vec());
        true
    }
}

fn some_member(chance: &mut Chance, kind: usize) -> Vec<u8> {
    match kind {
        0 => (chance.bits() as i64 >> (40 + chance.below(22)))
            .to_string()
            .into_bytes(),
        1 => chance.text(b"0123456789", 3),
        2 => chance.text(b"ab\0\xff", 4),
        3 => chance.text(b"xyz", 30),
        _ => chance.text(b"long", 400),
    }
}

fn check(set: &Set, model: &Model) {
    assert_eq!(set.encoding(), model.form);
    assert_eq!(set.is_compact(), model.form != "hashtable");
    assert_eq!(set.len(), model.members.len());
    assert_eq!(set.is_empty(), model.members.is_empty());
    let mut found = members(set);
    found.sort();
    let mut wanted = model.members.clone();
    wanted.sort();
    assert_eq!(found, wanted);
    let mut heap = 0;
    if let Form::Large(large) = set.0.get() {
        heap = large.table.iter().map(Stored::heap_bytes).sum::<usize>();
        assert_eq!(large.heap, heap);
    }
    assert!(set.heap_bytes() >= heap);
}

#[test]
fn agrees_with_a_naive_model() {
    assert_eq!(size_of::<Set>(), 8);
    let mut chance = Chance::new(3);
    for round in 0..400 {
        let limits = [DEFAULTS, TINY, HUGE][round % 3];
        let kinds = 1 + chance.below(5);
        let mut set = Set::new();
        let mut model = Model {
            members: Vec::new(),
            form: "intset",
        };
        for step in 0..150 {
            let kind = chance.below(kinds);
            let member = match model.members.len() {
                len @ 1.. if chance.below(3) == 0 => model.members[chance.below(len)].clone(),
                _ => some_member(&mut chance, kind),
            };
            let at = model.members.iter().position(|other| *other == member);
            assert_eq!(set.contains(&member), at.is_some());
            assert_eq!(
                set.contains_hashed(Set::hash(&member), &member),
                at.is_some()
            );
            assert_eq!(set.contains_member(Member::Bytes(&member)), at.is_some());
            if let Some(number) = number::parse_i64(&member) {
                assert_eq!(set.contains_member(Member::Int(number)), at.is_some());
            }
            match chance.below(8) {
                0 | 1 => {
                    assert_eq!(set.remove(&member), at.is_some());
                    at.map(|at| model.members.remove(at));
                }
                2 if model.members.len() > 20 => {
                    let popped = set.pop(|end| chance.below(end)).unwrap();
                    let at = model.members.iter().position(|other| *other == popped);
                    model.members.remove(at.unwrap());
                }
                3 => set = set.clone(),
                4 if number::parse_i64(&member).is_some() => {
                    let number = number::parse_i64(&member).unwrap();
                    let fresh = set.add_member(Member::Int(number), &limits);
                    assert_eq!(fresh, model.add(&member, &limits));
                }
                _ => assert_eq!(set.add(&member, &limits), model.add(&member, &limits)),
            }
            if step % 10 == 0 {
                check(&set, &model);
            }
        }
        while !set.is_empty() {
            let at = chance.below(model.members.len());
            assert!(set.remove(&model.members.swap_remove(at)));
        }
        assert!(model.members.is_empty());
        assert_eq!(set.iter().count(), 0);
        assert_eq!(set.random(|_| 0), None);
        assert_eq!(set.pop(|_| 0), None);
    }
}

#[test]
fn forms_change_where_those_of_redis_do() {
    let integers = |end: i32| (0..end).map(|value| value.to_string());
    assert_eq!(Set::new().encoding(), "intset");
    assert_eq!(set_of(integers(512), &DEFAULTS).encoding(), "intset");
    assert_eq!(set_of(integers(513), &DEFAULTS).encoding(), "hashtable");
    let mut set = set_of(integers(127), &DEFAULTS);
    set.add(b"a", &DEFAULTS);
    assert_eq!(set.encoding(), "listpack");
    assert_eq!(set.len(), 128);
    assert!(
        !set.add(b"5", &DEFAULTS) && set.contains(b"126") && set.contains_member(Member::Int(126))
    );
    set.add(b"b", &DEFAULTS);
    assert_eq!((set.encoding(), set.len()), ("hashtable", 129));
    let mut set = set_of(integers(128), &DEFAULTS);
    set.add(b"a", &DEFAULTS);
    assert_eq!((set.encoding(), set.len()), ("hashtable", 129));
    for (len, encoding) in [(64, "listpack"), (65, "hashtable")] {
        let long = vec![b'x'; len];
        assert_eq!(set_of([&long], &DEFAULTS).encoding(), encoding);
        assert_eq!(
            set_of([b"1".as_slice(), &long], &DEFAULTS).encoding(),
            encoding
        );
        assert_eq!(
            set_of([b"a".as_slice(), &long], &DEFAULTS).encoding(),
            encoding
        );
    }
    // An integer too long for a listpack, when the first string comes.
    for (integer, encoding) in [
        ("-1234", "listpack"),
        ("-12345", "hashtable"),
        ("123456", "hashtable"),
    ] {
        assert_eq!(set_of([integer, "x"], &TINY).encoding(), encoding);
    }
    // Not the canonical text of an integer.
    for member in ["01", "+1", "-0", "", " 1", "9223372036854775808"] {
        assert_eq!(set_of([member], &DEFAULTS).encoding(), "listpack");
    }
}

#[test]
fn many_members_at_once_choose_the_form() {
    let with = |first: &str, count: usize| {
        let mut set = Set::new();
        set.prepare(first.as_bytes(), count, &DEFAULTS);
        set.add(first.as_bytes(), &DEFAULTS);
        set.encoding()
    };
    assert_eq!(with("1", 512), "intset");
    assert_eq!(with("1", 513), "hashtable");
    assert_eq!(with("a", 128), "listpack");
    assert_eq!(with("a", 129), "hashtable");
    let few_integers = SetLimits {
        intset: 10,
        ..DEFAULTS
    };
    let mut set = Set::new();
    set.prepare(b"1", 11, &few_integers);
    set.add(b"1", &few_integers);
    assert_eq!(
        (set.encoding(), members(&set)),
        ("listpack", vec![b"1".to_vec()])
    );

    let again = |mut set: Set, count: usize| {
        set.prepare(b"1", count, &DEFAULTS);
        assert_eq!(set.len(), 2);
        set.encoding()
    };
    assert_eq!(again(set_of(["1", "2"], &DEFAULTS), 512), "intset");
    assert_eq!(again(set_of(["1", "2"], &DEFAULTS), 513), "hashtable");
    assert_eq!(again(set_of(["a", "2"], &DEFAULTS), 128), "listpack");
    assert_eq!(again(set_of(["a", "2"], &DEFAULTS), 129), "hashtable");
}

#[test]
fn results_start_as_strings_and_may_become_integers() {
    let mut set = Set::of_strings();
    set.add(b"7", &DEFAULTS);
    assert_eq!(set.encoding(), "listpack");
    assert_eq!(set.clone().into_integers(&DEFAULTS).encoding(), "intset");
    set.add(b"x", &DEFAULTS);
    assert_eq!(set.into_integers(&DEFAULTS).encoding(), "listpack");

    let mut large = Set::of_strings();
    for value in (-100..100).rev() {
        large.add_member(Member::Int(value * 1_000), &DEFAULTS);
    }
    assert_eq!(large.encoding(), "hashtable");
    let small = SetLimits {
        intset: 199,
        ..DEFAULTS
    };
    assert_eq!(large.clone().into_integers(&small).encoding(), "hashtable");
    let integers = large.into_integers(&DEFAULTS);
    assert_eq!(integers.encoding(), "intset");
    assert!(
        integers
            .iter()
            .eq((-100..100).map(|value| Member::Int(value * 1_000)))
    );
}

#[test]
fn huge_limits_and_long_members_stay_right() {
    let mut set = Set::new();
    let long = vec![b'l'; 300_000];
    set.add(b"first", &HUGE);
    set.add(&long, &HUGE);
    for number in 0..2_000 {
        set.add(format!("member:{number}").as_bytes(), &HUGE);
    }
    assert_eq!((set.encoding(), set.len()), ("listpack", 2_002));
    assert!(set.contains(&long) && !set.contains(&long[1..]) && set.contains(b"member:1999"));
    assert!(set.remove(&long) && !set.remove(&long) && set.contains(b"member:1999"));

    let mut integers = Set::new();
    for number in (0..100_000).rev() {
        integers.add_member(Member::Int(number * 3), &HUGE);
    }
    assert_eq!((integers.encoding(), integers.len()), ("intset", 100_000));
    assert!(integers.contains(b"299997") && !integers.contains(b"299998"));
}

#[test]
fn compares_with_other_sets() {
    let mut chance = Chance::new(5);
    for round in 0..60 {
        let limits = [DEFAULTS, TINY][round % 2];
        let sets: Vec<Set> = (0..1 + chance.below(4))
            .map(|_| {
                let (len, kinds) = (chance.below(700), 1 + chance.below(3));
                let texts = (0..len).map(|_| match chance.below(kinds) {
                    0 => chance.below(900).to_string(),
                    _ => format!("m{}", chance.below(900)),
                });
                set_of(texts.collect::<Vec<_>>(), &limits)
            })
            .collect();
        let others: Vec<&Set> = sets[1..].iter().collect();
        for shared in [true, false] {
            let wanted: Vec<_> = members(&sets[0])
                .into_iter()
                .filter(|member| others.iter().all(|other| other.contains(member) == shared))
                .collect();
            let mut found = Vec::new();
            sets[0].compare(&others, shared, |member| {
                found.push(text(member));
                true
            });
            assert_eq!(found, wanted);
            let mut few = 0;
            sets[0].compare(&others, shared, |_| {
                few += 1;
                few < 5
            });
            assert_eq!(few, wanted.len().min(5));
        }
    }
}

#[test]
fn what_stays_is_scanned_while_the_set_changes() {
    let mut chance = Chance::new(6);
    for limits in [DEFAULTS, HUGE] {
        let mut set = set_of((0..5_000).map(|n| format!("stays:{n}")), &limits);
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut cursor = 0;
        loop {
            cursor = set.scan(cursor, 10, |member| {
                *seen.entry(text(member)).or_default() += 1
            });
            assert!(cursor < 1 << 49);
            for _ in 0..20 {
                let name = format!("passes:{}", chance.below(20_000));
                match chance.below(2) {
                    0 => set.add(name.as_bytes(), &DEFAULTS),
                    _ => set.remove(name.as_bytes()),
                };
            }
            if cursor == 0 {
                break;
            }
        }
        for number in 0..5_000 {
            assert_eq!(seen.get(format!("stays:{number}").as_bytes()), Some(&1));
        }
    }
    // A set that shrinks all the time is also scanned to its end, and small sets at once.
    let mut set = set_of((0..3_000).map(|n| format!("{n}x")), &DEFAULTS);
    let mut seen = HashSet::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, 5, |member| {
            seen.insert(text(member));
        });
        for _ in 0..20 {
            if set.len() > 100 {
                set.pop(|end| chance.below(end));
            }
        }
        if cursor == 0 {
            break;
        }
    }
    assert!(members(&set).iter().all(|member| seen.contains(member)));
    let mut count = 0;
    assert_eq!(set_of(["a", "b"], &DEFAULTS).scan(77, 1, |_| count += 1), 0);
    assert_eq!(count, 2);
}

#[test]
fn chance_is_the_same_for_all() {
    let mut chance = Chance::new(7);
    for set in [
        set_of((0..50).map(|n| n.to_string()), &DEFAULTS),
        set_of((0..50).map(|n| format!("m{n}")), &DEFAULTS),
        set_of((0..50).map(|n| format!("m{n}")), &TINY),
        set_of((0..3_000).map(|n| format!("m{n}")), &TINY),
    ] {
        let draws = set.len() * 400;
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..draws {
            let member = set.random(|end| chance.below(end)).unwrap();
            *seen.entry(text(member)).or_default() += 1;
        }
        // The sum of squares over the expectation has mean n - 1 and variance 2(n - 1): within 5 sigma.
        let degrees = (set.len() - 1) as f64;
        let square = |count: &usize| (*count as f64 - 400.0).powi(2) / 400.0;
        let unseen = (set.len() - seen.len()) as f64 * 400.0;
        let sum = seen.values().map(square).sum::<f64>() + unseen;
        assert!(
            (sum - degrees).abs() < 5.0 * (2.0 * degrees).sqrt(),
            "{sum} of {degrees}"
        );
    }
}
