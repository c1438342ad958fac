//! Streams against a B-tree, and what trimming and deleting leave.

use super::*;
use crate::types::chance::Chance;

type OwnPairs = Vec<(Vec<u8>, Vec<u8>)>;

type Model = BTreeMap<StreamId, OwnPairs>;

fn content(entry: &Entry<'_>) -> (StreamId, OwnPairs) {
    let own = |text: Text<'_>| text.bytes(&mut itoa::Buffer::new()).to_vec();
    let pairs = entry.pairs();
    assert_eq!(pairs.len(), entry.len());
    (
        entry.id,
        pairs
            .map(|(field, value)| (own(field), own(value)))
            .collect(),
    )
}

fn add(
    stream: &mut Stream,
    id: NewId,
    pairs: &[(Vec<u8>, Vec<u8>)],
    limits: NodeLimits,
) -> Result<StreamId, AppendError> {
    let pairs = pairs.iter().map(|(field, value)| (&field[..], &value[..]));
    stream.append(id, 5, pairs, limits)
}

fn random_id(chance: &mut Chance, last: StreamId) -> StreamId {
    match chance.below(8) {
        0 => StreamId::new(
            chance.below(last.ms as usize + 2) as u64,
            chance.below(4) as u64,
        ),
        1 => StreamId::MIN,
        2 => StreamId::MAX,
        _ => StreamId::new(chance.below(last.ms as usize + 2) as u64, 0),
    }
}

fn random_pairs(chance: &mut Chance) -> OwnPairs {
    let fields = if chance.below(3) > 0 {
        2
    } else {
        1 + chance.below(4)
    };
    let longest = [3, 20, 200][chance.below(3)];
    (0..fields)
        .map(|nth| {
            let field = match chance.below(4) {
                0 => chance.text(b"ab1-", 3),
                _ => format!("{nth}").into_bytes(),
            };
            (field, chance.text(b"0123456789-x", longest))
        })
        .collect()
}

fn check(stream: &Stream, model: &Model, chance: &mut Chance) {
    assert_eq!(stream.len(), model.len());
    let first = model.keys().next().copied().unwrap_or_default();
    assert_eq!(stream.first_id(), first);
    let (mut from, mut to) = (
        random_id(chance, stream.last_id()),
        random_id(chance, stream.last_id()),
    );
    if chance.below(4) == 0 {
        (from, to) = (StreamId::MIN, StreamId::MAX);
    }
    let expected: Vec<_> = model
        .iter()
        .filter(|(id, _)| from <= **id && **id <= to)
        .map(|(id, pairs)| (*id, pairs.clone()))
        .collect();
    let found: Vec<_> = stream
        .range(from, to)
        .map(|entry| content(&entry))
        .collect();
    assert_eq!(found, expected);
    let mut found: Vec<_> = stream
        .range_rev(from, to)
        .map(|entry| content(&entry))
        .collect();
    found.reverse();
    assert_eq!(found, expected);
    let got = stream.get(from).map(|entry| content(&entry).1);
    assert_eq!(got.as_ref(), model.get(&from));
}

/// Every operation in random order, against a B-tree.
#[test]
fn agrees_with_a_naive_model() {
    let mut chance = Chance::new(7);
    for round in 0..150 {
        let limits = NodeLimits {
            bytes: [0, 4096, 100, 1][round % 4],
            entries: [0, 100, 7, 1][round / 4 % 4],
        };
        let (mut stream, mut model) = (Stream::new(), Model::new());
        let (mut added, mut max_deleted) = (0, StreamId::MIN);
        for _ in 0..200 {
            match chance.below(12) {
                0 => {
                    let last = stream.last_id();
                    let id = random_id(&mut chance, last);
                    let had = model.remove(&id).is_some();
                    assert_eq!(stream.delete(id), had);
                    if had {
                        max_deleted = max_deleted.max(id);
                    }
                }
                1 if chance.below(3) == 0 => {
                    let keep = match chance.below(2) {
                        0 => Keep::Newest(chance.below(model.len() + 2) as u64),
                        _ => Keep::From(random_id(&mut chance, stream.last_id())),
                    };
                    let limit = [0, 0, 20][chance.below(3)];
                    let approximate = limit > 0 || chance.below(2) == 0;
                    let trim = Trim {
                        keep,
                        approximate,
                        limit,
                    };
                    trims_as_it_should(&mut stream, &mut model, trim);
                }
                2 => {
                    let id = random_id(&mut chance, stream.last_id());
                    let pairs = random_pairs(&mut chance);
                    let result = add(&mut stream, NewId::Given(id), &pairs, limits);
                    if id == StreamId::MAX {
                        // There would be nothing to add any more.
                        if result.is_ok() {
                            break;
                        }
                    } else if let Ok(id) = result {
                        assert!(model.insert(id, pairs).is_none());
                        added += 1;
                    }
                }
                _ => {
                    let last = stream.last_id();
                    let id = match chance.below(3) {
                        0 => NewId::Auto,
                        1 => NewId::AutoSeq(last.ms + chance.below(2) as u64),
                        _ => NewId::Given(StreamId::new(last.ms + 1 + chance.below(300) as u64, 0)),
                    };
                    let pairs = random_pairs(&mut chance);
                    let id = add(&mut stream, id, &pairs, limits).expect("it is higher");
                    assert!(id > last);
                    model.insert(id, pairs);
                    added += 1;
                }
            }
            check(&stream, &model, &mut chance);
            assert_eq!(stream.entries_added(), added);
            assert_eq!(stream.max_deleted_id(), max_deleted);
        }
        let clone = stream.clone();
        if stream.last_id() != StreamId::MAX {
            check(&clone, &model, &mut chance);
        }
    }
}

fn trims_as_it_should(stream: &mut Stream, model: &mut Model, trim: Trim) {
    let before = model.len();
    let removed = stream.trim(trim) as usize;
    let excess = match trim.keep {
        Keep::Newest(most) => before.saturating_sub(most as usize),
        Keep::From(id) => model.range(..id).count(),
    };
    if trim.approximate {
        assert!(removed <= excess);
        assert!(trim.limit == 0 || removed as u64 <= trim.limit);
    } else {
        assert_eq!(removed, excess);
    }
    for _ in 0..removed {
        model.pop_first();
    }
}

fn filled(entries: u64, limits: NodeLimits) -> Stream {
    let mut stream = Stream::new();
    for nth in 1..=entries {
        let pairs = [(b"item".to_vec(), nth.to_string().into_bytes())];
        add(
            &mut stream,
            NewId::Given(StreamId::new(nth, 0)),
            &pairs,
            limits,
        )
        .expect("higher");
    }
    stream
}

const LIMITS: NodeLimits = NodeLimits {
    bytes: 4096,
    entries: 100,
};

#[test]
fn approximate_trimming_removes_whole_chunks() {
    let mut stream = filled(1_000, LIMITS);
    assert_eq!(stream.chunks(), 10);
    let newest = |most, limit| Trim {
        keep: Keep::Newest(most),
        approximate: true,
        limit,
    };
    assert_eq!(stream.trim(newest(555, 0)), 400);
    assert_eq!(stream.trim(newest(500, 99)), 0);
    assert_eq!(stream.trim(newest(0, 150)), 100);
    assert_eq!(stream.first_id(), StreamId::new(501, 0));
    assert_eq!((stream.len(), stream.chunks()), (500, 5));
    let from = Trim {
        keep: Keep::From(StreamId::new(650, 0)),
        approximate: true,
        limit: 0,
    };
    assert_eq!(stream.trim(from), 100);
    assert_eq!(stream.trim(newest(0, 0)), 400);
    assert_eq!((stream.first_id(), stream.chunks()), (StreamId::MIN, 0));
    assert_eq!(stream.last_id(), StreamId::new(1_000, 0));
}

/// The tail that was deleted gives way to the chunk before it.
#[test]
fn a_chunk_without_entries_is_dropped() {
    let mut stream = filled(300, LIMITS);
    for nth in (101..=300).rev() {
        assert!(stream.delete(StreamId::new(nth, 0)));
        assert!(!stream.delete(StreamId::new(nth, 0)));
    }
    assert_eq!((stream.len(), stream.chunks()), (100, 1));
    let pairs = [(b"item".to_vec(), b"x".to_vec())];
    assert!(
        add(
            &mut stream,
            NewId::Auto,
            &pairs,
            NodeLimits {
                bytes: 0,
                entries: 0
            }
        )
        .is_ok()
    );
    assert_eq!(stream.chunks(), 1);
}

#[test]
fn the_last_id_of_all() {
    let mut stream = Stream::new();
    let pairs = [(b"f".to_vec(), b"v".to_vec())];
    let last = StreamId::new(9, u64::MAX);
    assert_eq!(
        add(&mut stream, NewId::Given(last), &pairs, LIMITS),
        Ok(last)
    );
    assert_eq!(
        add(&mut stream, NewId::AutoSeq(9), &pairs, LIMITS),
        Err(AppendError::NotHigher)
    );
    assert_eq!(
        add(&mut stream, NewId::Auto, &pairs, LIMITS),
        Ok(StreamId::new(10, 0))
    );
    assert_eq!(
        add(&mut stream, NewId::Given(StreamId::MAX), &pairs, LIMITS),
        Ok(StreamId::MAX)
    );
    assert_eq!(
        add(&mut stream, NewId::Auto, &pairs, LIMITS),
        Err(AppendError::NotHigher)
    );
    assert_eq!(stream.range(StreamId::MAX, StreamId::MAX).count(), 1);
    assert_eq!(stream.iter().count(), 3);
}

/// A restored stream may say that any number of entries was added.
#[test]
fn the_count_of_what_was_added_wraps_around() {
    let mut stream = Stream::new();
    stream.set_entries_added(u64::MAX);
    let id = NewId::Given(StreamId::new(1, 0));
    assert!(
        stream
            .append(
                id,
                0,
                [(&b"f"[..], &b"v"[..])].into_iter(),
                NodeLimits {
                    bytes: 0,
                    entries: 0
                }
            )
            .is_ok()
    );
    assert_eq!(stream.entries_added(), 0);
}
