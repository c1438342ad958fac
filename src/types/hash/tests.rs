//! Hashes against a naive model, and the rules by which they change their form.

use std::collections::HashMap;

use super::*;
use crate::types::chance::Chance;

const DEFAULTS: Limits = Limits {
    entries: 128,
    value: 64,
};

const TINY: Limits = Limits {
    entries: 7,
    value: 20,
};

/// Far above what Redis suggests.
const HUGE: Limits = Limits {
    entries: 1_000_000,
    value: 1_000_000,
};

type Owned = (Vec<u8>, Vec<u8>, Option<i64>);

fn owned(field: Field<'_>) -> Owned {
    (field.name.to_vec(), field.value.to_vec(), field.expiry)
}

fn set(hash: &mut Hash, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>, limits: Limits) -> bool {
    hash.set(name.as_ref(), value.as_ref(), FieldExpiry::Clear, limits)
}

/// Fields in the order of a compact hash, and the form.
#[derive(Clone)]
struct Model {
    fields: Vec<Owned>,
    form: &'static str,
}

impl Model {
    fn position(&self, name: &[u8]) -> Option<usize> {
        self.fields.iter().position(|field| field.0 == name)
    }

    fn set(&mut self, name: &[u8], value: &[u8], expiry: FieldExpiry, limits: Limits) -> bool {
        let at = self.position(name);
        if name.len() > limits.value || value.len() > limits.value {
            self.form = "hashtable";
        }
        match at {
            Some(at) => {
                self.fields[at].1 = value.to_vec();
                if expiry == FieldExpiry::Clear {
                    self.set_expiry(name, None);
                }
            }
            None => self.fields.push((name.to_vec(), value.to_vec(), None)),
        }
        if self.fields.len() > limits.entries {
            self.form = "hashtable";
        }
        at.is_none()
    }

    fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) -> bool {
        let Some(at) = self.position(name) else {
            return false;
        };
        if expiry.is_some() && self.form == "listpack" {
            self.form = "listpackex";
        }
        if expiry.is_none() && self.fields[at].2.is_none() {
            return true;
        }
        let mut field = self.fields.remove(at);
        field.2 = expiry;
        let place = expiry.and_then(|at| {
            let later = |field: &Owned| field.2.is_none_or(|other| other >= at);
            self.fields.iter().position(later)
        });
        self.fields
            .insert(place.unwrap_or(self.fields.len()), field);
        true
    }

    fn take_expired(&mut self, now: i64) -> Vec<Vec<u8>> {
        let due = |field: &Owned| field.2.is_some_and(|at| at <= now);
        let gone = self.fields.extract_if(.., |field| due(field));
        gone.map(|field| field.0).collect()
    }
}

fn check(hash: &Hash, model: &Model) {
    assert_eq!(hash.encoding(), model.form);
    assert_eq!(hash.is_compact(), model.form != "hashtable");
    assert_eq!(hash.len(), model.fields.len());
    assert_eq!(hash.is_empty(), model.fields.is_empty());
    let mut found: Vec<Owned> = hash.iter().map(owned).collect();
    let mut wanted = model.fields.clone();
    if !hash.is_compact() {
        found.sort();
        wanted.sort();
    }
    assert_eq!(found, wanted);
    let expiring = model.fields.iter().filter_map(|field| field.2);
    assert_eq!(hash.expiring(), expiring.clone().count());
    assert_eq!(hash.has_expiring(), expiring.clone().count() > 0);
    let earliest = expiring.min();
    assert_eq!(hash.earliest_expiry().is_some(), earliest.is_some());
    if let Some(at) = earliest {
        assert!(hash.earliest_expiry().unwrap() <= at);
        assert!(!hash.is_compact() || hash.earliest_expiry() == Some(at));
    }
    let mut least = 0;
    if let Form::Large(large) = hash.0.get() {
        least = large.table.iter().map(Stored::heap_bytes).sum::<usize>();
        assert_eq!(large.heap, least);
    }
    assert!(hash.heap_bytes() >= least);
}

fn some_name(chance: &mut Chance, model: &Model) -> Vec<u8> {
    match model.fields.len() {
        len @ 1.. if chance.below(2) == 0 => model.fields[chance.below(len)].0.clone(),
        _ if chance.below(20) == 0 => chance.text(b"long", 200),
        _ => chance.text(b"ab\0", 4),
    }
}

#[test]
fn agrees_with_a_naive_model() {
    assert_eq!(size_of::<Hash>(), 8);
    let mut chance = Chance::new(9);
    for round in 0..500 {
        let limits = [DEFAULTS, TINY, HUGE][round % 3];
        let longest = [5, 30, 300][chance.below(3)];
        let expires = chance.below(3) > 0;
        let mut hash = Hash::new();
        let mut model = Model {
            fields: Vec::new(),
            form: "listpack",
        };
        let mut now = 0;
        for step in 0..150 {
            let name = some_name(&mut chance, &model);
            let at = model.position(&name);
            let found = hash.get(&name).map(owned);
            assert_eq!(found, at.map(|at| model.fields[at].clone()));
            match chance.below(9) {
                0 => {
                    assert_eq!(hash.remove(&name), at.is_some());
                    at.map(|at| model.fields.remove(at));
                }
                1 | 2 if expires => {
                    let expiry = (chance.below(5) > 0).then(|| now + chance.below(200) as i64);
                    let done = hash.set_expiry(&name, expiry);
                    assert_eq!(done, model.set_expiry(&name, expiry));
                }
                3 if expires => {
                    now += chance.below(30) as i64;
                    let mut gone = Vec::new();
                    let limit = 1 + chance.below(20);
                    let mut count = 0;
                    loop {
                        let keep = |field: Field<'_>| gone.push(field.name.to_vec());
                        let taken = hash.take_expired(now, limit, keep);
                        count += taken;
                        if taken < limit {
                            break;
                        }
                    }
                    let mut wanted = model.take_expired(now);
                    assert_eq!(count, wanted.len());
                    gone.sort();
                    wanted.sort();
                    assert_eq!(gone, wanted);
                    assert!(hash.earliest_expiry().is_none_or(|at| at > now));
                }
                4 => {
                    hash = hash.clone();
                }
                _ => {
                    let keep = [FieldExpiry::Keep, FieldExpiry::Clear][chance.below(2)];
                    let value = chance.text(b"value", longest);
                    let fresh = hash.set(&name, &value, keep, limits);
                    assert_eq!(fresh, model.set(&name, &value, keep, limits));
                }
            }
            if step % 7 == 0 {
                check(&hash, &model);
            }
        }
        check(&hash, &model);
        while !hash.is_empty() {
            let at = chance.below(model.fields.len());
            assert!(hash.remove(&model.fields.remove(at).0));
            assert_eq!(
                hash.has_expiring(),
                model.fields.iter().any(|field| field.2.is_some())
            );
        }
        assert_eq!((model.fields.len(), hash.iter().count()), (0, 0));
        assert_eq!(hash.random(|_| 0), None);
        assert!(set(&mut hash, "again", "", limits) && hash.get(b"again").is_some());
    }
}

#[test]
fn forms_change_where_those_of_redis_do() {
    let of = |count: usize| {
        let mut hash = Hash::new();
        for number in 0..count {
            set(&mut hash, number.to_string(), "x", DEFAULTS);
        }
        hash
    };
    assert_eq!(of(128).encoding(), "listpack");
    assert_eq!(of(129).encoding(), "hashtable");
    for (len, encoding) in [(64, "listpack"), (65, "hashtable")] {
        let mut hash = of(1);
        set(&mut hash, vec![b'n'; len], "x", DEFAULTS);
        assert_eq!(hash.encoding(), encoding);
        let mut hash = of(1);
        set(&mut hash, "0", vec![b'v'; len], DEFAULTS);
        assert_eq!(hash.encoding(), encoding);
    }
    // Setting a field that is there also looks at the limit, which may have become lower.
    let mut hash = of(8);
    assert!(!set(&mut hash, "0", "x", TINY));
    assert_eq!(hash.encoding(), "hashtable");

    let prepared = |longest: usize, count: usize| {
        let mut hash = of(1);
        hash.prepare(longest, count, DEFAULTS);
        assert_eq!(hash.get(b"0").map(|field| field.value), Some(&b"x"[..]));
        hash.encoding()
    };
    assert_eq!(prepared(64, 128), "listpack");
    assert_eq!(prepared(65, 1), "hashtable");
    assert_eq!(prepared(1, 129), "hashtable");

    let mut hash = of(3);
    assert!(!hash.set_expiry(b"none", Some(5)) && hash.set_expiry(b"0", None));
    assert_eq!(hash.encoding(), "listpack");
    hash.let_expire();
    assert_eq!(
        (hash.encoding(), hash.has_expiring(), hash.len()),
        ("listpackex", false, 3)
    );
    assert!(hash.set_expiry(b"2", Some(9)) && hash.remove(b"2"));
    assert_eq!(hash.encoding(), "listpackex");
    assert_eq!(hash.get(b"1").map(|field| field.expiry), Some(None));
    for number in 0..127 {
        set(&mut hash, format!("more:{number}"), "x", DEFAULTS);
    }
    assert_eq!(hash.encoding(), "hashtable");
}

#[test]
fn huge_limits_and_long_values_stay_right() {
    let mut hash = Hash::new();
    for number in 0..2_000 {
        set(
            &mut hash,
            format!("field:{number}"),
            number.to_string(),
            HUGE,
        );
    }
    let long = vec![b'l'; 400_000];
    set(&mut hash, "field:1000", &long, HUGE);
    set(&mut hash, &long, "", HUGE);
    assert_eq!((hash.encoding(), hash.len()), ("listpack", 2_001));
    assert_eq!(
        hash.get(b"field:1000").map(|field| field.value.len()),
        Some(400_000)
    );
    assert_eq!(hash.get(&long).map(|field| field.value), Some(&b""[..]));
    assert_eq!(
        hash.get(b"field:1999").map(|field| field.value),
        Some(&b"1999"[..])
    );
    hash.set_expiry(b"field:1999", Some(7));
    assert_eq!(hash.earliest_expiry(), Some(7));
    set(&mut hash, "field:1000", "short", HUGE);
    assert_eq!(
        hash.get(b"field:1001").map(|field| field.value),
        Some(&b"1001"[..])
    );
    assert!(hash.remove(&long) && hash.get(b"field:0").is_some());
}

#[test]
fn a_large_hash_looks_only_where_something_is_due() {
    let mut chance = Chance::new(10);
    let mut hash = Hash::new();
    let mut model: HashMap<String, Option<i64>> = HashMap::new();
    for number in 0..20_000 {
        let name = format!("field:{number}");
        set(&mut hash, &name, "value", DEFAULTS);
        let expiry = (number % 3 == 0).then(|| 1_000 + chance.below(1_000) as i64);
        hash.set_expiry(name.as_bytes(), expiry);
        model.insert(name, expiry);
    }
    let mut now = 0;
    while hash.has_expiring() {
        now += 50;
        let mut gone = Vec::new();
        let count = hash.take_expired(now, usize::MAX, |field| gone.push(field.name.to_vec()));
        assert_eq!(count, gone.len());
        for name in gone {
            let at = model.remove(std::str::from_utf8(&name).unwrap()).unwrap();
            assert!(at.unwrap() <= now);
        }
        let earliest = model.values().flatten().min().copied();
        assert!(earliest.is_none_or(|at| at > now && hash.earliest_expiry().unwrap() <= at));
        assert!(hash.earliest_expiry().is_none_or(|at| at > now));
        assert_eq!(hash.len(), model.len());
        // Clearing and setting anew must not hide what comes earlier.
        if let Some(name) = model.keys().nth(7).cloned() {
            set(&mut hash, &name, "again", DEFAULTS);
            hash.set_expiry(name.as_bytes(), Some(now + 60));
            model.insert(name, Some(now + 60));
        }
        if now > 3_000 {
            break;
        }
    }
    assert!(hash.take_expired(i64::MAX, usize::MAX, |_| {}) <= 2);
    assert!(!hash.has_expiring() && hash.earliest_expiry().is_none());
}

/// Whoever removes fields under a lock must not be kept long.
#[test]
fn a_large_hash_loses_what_is_due_in_steps() {
    let mut hash = Hash::new();
    for number in 0..20_000 {
        let name = format!("field:{number}");
        set(&mut hash, &name, "value", DEFAULTS);
        hash.set_expiry(name.as_bytes(), Some(if number % 4 == 0 { 9 } else { 1 }));
    }
    assert_eq!(hash.take_expired(5, 0, |_| {}), 0);
    let mut left = 15_000;
    while left > 0 {
        let count = hash.take_expired(5, 10, |field| assert_eq!(field.expiry, Some(1)));
        assert!((1..10 + 1_024).contains(&count));
        left -= count;
        assert!(left == 0 || hash.earliest_expiry() == Some(1));
    }
    assert_eq!(hash.take_expired(5, 10, |_| {}), 0);
    assert_eq!((hash.len(), hash.earliest_expiry()), (5_000, Some(9)));
}

#[test]
fn what_stays_is_scanned_while_the_hash_changes() {
    let mut chance = Chance::new(11);
    let mut hash = Hash::new();
    for number in 0..5_000 {
        set(
            &mut hash,
            format!("stays:{number}"),
            number.to_string(),
            DEFAULTS,
        );
    }
    let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut cursor = 0;
    loop {
        cursor = hash.scan(cursor, 10, |field| {
            *seen.entry(field.name.to_vec()).or_default() += 1;
        });
        for _ in 0..20 {
            let name = format!("passes:{}", chance.below(20_000));
            match chance.below(2) {
                0 => set(&mut hash, name, "x", DEFAULTS),
                _ => hash.remove(name.as_bytes()),
            };
        }
        if cursor == 0 {
            break;
        }
    }
    for number in 0..5_000 {
        assert_eq!(seen.get(format!("stays:{number}").as_bytes()), Some(&1));
    }
    let mut small = Hash::new();
    set(&mut small, "a", "b", DEFAULTS);
    let mut count = 0;
    assert_eq!(small.scan(5, 1, |_| count += 1), 0);
    assert_eq!(count, 1);
}

#[test]
fn chance_is_the_same_for_all() {
    let mut chance = Chance::new(12);
    for len in [50, 3_000] {
        let mut hash = Hash::new();
        for number in 0..len {
            set(&mut hash, format!("f{number}"), "x", DEFAULTS);
        }
        let mut seen: HashMap<Vec<u8>, usize> = HashMap::new();
        for _ in 0..len * 400 {
            let field = hash.random(|end| chance.below(end)).unwrap();
            *seen.entry(field.name.to_vec()).or_default() += 1;
        }
        // The sum of squares over the expectation has mean n - 1 and variance 2(n - 1): within 5 sigma.
        let degrees = (len - 1) as f64;
        let square = |count: &usize| (*count as f64 - 400.0).powi(2) / 400.0;
        let sum = seen.values().map(square).sum::<f64>() + (len - seen.len()) as f64 * 400.0;
        assert!(
            (sum - degrees).abs() < 5.0 * (2.0 * degrees).sqrt(),
            "{sum} of {degrees}"
        );
    }
}
