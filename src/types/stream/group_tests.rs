//! Tests of groups against a naive model.

use std::collections::BTreeMap;

use super::StreamId;
use super::by_id::HasId;
use super::group::*;
use crate::types::chance::Chance;

/// What a group is: a name, a time and a count for each ID.
#[derive(Clone, Default)]
struct Model {
    pending: BTreeMap<StreamId, (Vec<u8>, i64, u64)>,
    consumers: BTreeMap<Vec<u8>, i64>,
}

fn seen(group: &Group, pending: &Pending) -> (Vec<u8>, i64, u64) {
    let name = group.consumer(pending.consumer).name().to_vec();
    (name, pending.time, pending.count)
}

fn check(group: &Group, model: &Model) {
    group.check();
    let all: Vec<_> = (group.pending().iter())
        .map(|pending| (pending.id(), seen(group, pending)))
        .collect();
    assert_eq!(all, Vec::from_iter(model.pending.clone()));
    let consumers: Vec<_> = (group.consumers())
        .map(|consumer| (consumer.name().to_vec(), consumer.seen))
        .collect();
    assert_eq!(consumers, Vec::from_iter(model.consumers.clone()));
    assert_eq!(group.consumer_count(), consumers.len());
}

fn check_from(group: &Group, model: &Model, from: StreamId) {
    let pending = group.pending();
    let ids = pending.iter_from(from).map(HasId::id).take(70);
    let expected = model.pending.range(from..).map(|(id, _)| *id).take(70);
    assert!(ids.eq(expected));
    assert_eq!(
        pending.first().map(HasId::id),
        model.pending.keys().next().copied()
    );
    assert_eq!(
        pending.last().map(HasId::id),
        model.pending.keys().next_back().copied()
    );
    assert_eq!(pending.is_empty(), model.pending.is_empty());
    for name in model.consumers.keys() {
        let consumer = group.find_consumer(name).expect("it is there");
        let own =
            (group.pending_of(consumer, from)).map(|pending| (pending.id(), seen(group, pending)));
        let expected = model
            .pending
            .range(from..)
            .filter(|(_, (owner, ..))| owner == name);
        assert!(own.eq(expected.map(|(id, rest)| (*id, rest.clone()))));
    }
}

/// An ID out of `span`, mostly a new one at the end.
fn some_id(chance: &mut Chance, next: &mut u64, span: usize) -> StreamId {
    match chance.below(3) {
        0 => StreamId {
            ms: chance.below(span) as u64,
            seq: chance.below(4) as u64,
        },
        _ => {
            *next += chance.below(3) as u64;
            StreamId {
                ms: *next / 3,
                seq: *next % 3,
            }
        }
    }
}

fn step(group: &mut Group, model: &mut Model, chance: &mut Chance, id: StreamId, time: i64) {
    let name = vec![b'a' + chance.below(6) as u8];
    let consumer = group.find_consumer(&name);
    assert_eq!(consumer.is_some(), model.consumers.contains_key(&name));
    let Some(consumer) = consumer else {
        assert!(
            group.add_consumer(&name, time).is_some() && group.add_consumer(&name, 0).is_none()
        );
        model.consumers.insert(name, time);
        return;
    };
    match chance.below(100) {
        0..45 => {
            group.deliver(id, consumer, time);
            model.pending.insert(id, (name, time, 1));
        }
        45..75 => {
            // Near the beginning, as it mostly is, or anywhere.
            let from = if chance.below(2) == 0 {
                StreamId::MIN
            } else {
                id
            };
            let found = model.pending.range(from..).next().map(|(id, _)| *id);
            let id = found.unwrap_or(id);
            assert_eq!(group.acknowledge(id), model.pending.remove(&id).is_some());
        }
        75..90 => {
            let found = model.pending.range_mut(id..).next();
            let id = found.as_ref().map_or(id, |(id, _)| **id);
            let assigned = group.assign(id, consumer, |pending| {
                pending.time = time;
                pending.count += 1;
            });
            assert_eq!(assigned, found.is_some());
            if let Some((_, rest)) = found {
                *rest = (name, time, rest.2 + 1);
            }
        }
        90..96 => {
            let most = chance.below(5) + 1;
            let mut visited = 0;
            group.visit_pending_of(consumer, id, |pending| {
                pending.count += 7;
                visited += 1;
                visited < most
            });
            let own = model.pending.range_mut(id..);
            let own = own.filter(|(_, (owner, ..))| *owner == name);
            let expected = own.take(most).map(|(_, rest)| rest.2 += 7).count();
            assert_eq!(visited, expected);
        }
        96 => {
            let count = model
                .pending
                .values()
                .filter(|(owner, ..)| *owner == name)
                .count();
            assert_eq!(group.remove_consumer(&name), Some(count));
            assert_eq!(group.remove_consumer(&name), None);
            model.pending.retain(|_, (owner, ..)| *owner != name);
            model.consumers.remove(&name);
        }
        _ => {
            let pending = Pending {
                id,
                time,
                count: 9,
                consumer,
            };
            let is_new = !model.pending.contains_key(&id);
            assert_eq!(group.put(pending), is_new);
            if is_new {
                model.pending.insert(id, (name, time, 9));
            }
        }
    }
}

#[test]
fn a_group_is_as_the_model_says() {
    for seed in 0..12 {
        let mut chance = Chance::new(seed);
        let mut group = Group::new(StreamId::MIN, None);
        let mut model = Model::default();
        let mut next = 0;
        // More than one chunk, and many.
        let span = [20, 200, 4_000][chance.below(3)];
        for time in 0..6_000 {
            let id = some_id(&mut chance, &mut next, span);
            step(&mut group, &mut model, &mut chance, id, time);
            if time % 97 == 0 {
                check(&group, &model);
            }
            if time % 23 == 0 {
                check_from(&group, &model, id);
            }
        }
        let clone = group.clone();
        while let Some((id, _)) = model.pending.pop_first() {
            assert!(group.acknowledge(id) && !group.acknowledge(id));
            if model.pending.len() % 100 == 0 {
                check(&group, &model);
            }
        }
        assert!(clone.pending().len() > group.pending().len());
        clone
            .consumers()
            .for_each(|consumer| consumer.pending().check());
    }
}

#[test]
fn what_is_pending_takes_less_than_in_redis() {
    let mut group = Group::new(StreamId::MIN, None);
    let consumers = [b"a", b"b", b"c"].map(|name| group.add_consumer(name, 0));
    for number in 0..100_000u64 {
        let id = StreamId {
            ms: 1_700_000_000_000 + number / 3,
            seq: number % 3,
        };
        let consumer = consumers[number as usize % 3].expect("it was added");
        group.deliver(id, consumer, 1_700_000_000_000);
    }
    let bytes = group.heap_bytes() / 100_000;
    assert!(bytes < 56, "{bytes} bytes for each");
    // Redis takes about 80, and here too it must not matter in which order they leave.
    for number in (0..100_000u64).filter(|number| number % 7 != 0) {
        let id = StreamId {
            ms: 1_700_000_000_000 + number / 3,
            seq: number % 3,
        };
        assert!(group.acknowledge(id));
    }
    group.check();
    let bytes = group.heap_bytes() / group.pending().len();
    assert!(bytes < 120, "{bytes} bytes for each that is left");
}

#[test]
fn groups_are_found_by_name_and_listed_in_order() {
    let mut groups = Groups::default();
    for name in ["b", "", "ab", "a"] {
        assert!(groups.create(name.as_bytes(), Group::new(StreamId::MIN, None)));
    }
    assert!(!groups.create(b"a", Group::new(StreamId::MAX, Some(1))));
    assert_eq!(
        groups.get(b"a").map(|group| group.last_id),
        Some(StreamId::MIN)
    );
    let names: Vec<_> = groups.iter().map(|(name, _)| name).collect();
    assert_eq!(names, [&b""[..], b"a", b"ab", b"b"]);
    groups.get_mut(b"ab").expect("it is there").last_id = StreamId::MAX;
    assert_eq!(
        groups.destroy(b"ab").map(|group| group.last_id),
        Some(StreamId::MAX)
    );
    assert!(groups.destroy(b"ab").is_none() && groups.len() == 3 && !groups.is_empty());
}
