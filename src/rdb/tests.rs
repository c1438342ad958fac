//! Values of every type there and back, bytes that other versions have written, and bytes that nobody should.

use super::listpack::{Builder, Element};
use super::payload::{self, Refusal};
use super::write::Writer;
use super::{Corrupt, Limits, Loaded, VERSION, WRITTEN_VERSION, code, decode};
use crate::keyspace::{StringRef, ValueRef};
use crate::rdb::read::Reader;
use crate::types::chance::Chance;
use crate::types::hash::FieldExpiry;
use crate::types::list::Fill;
use crate::types::set::SetLimits;
use crate::types::stream::group::Group;
use crate::types::stream::{NewId, NodeLimits, StreamId};
use crate::types::{self, Hash, List, Set, SortedSet, Stream};

fn limits(entries: usize) -> Limits {
    let few = types::Limits { entries, value: 64 };
    Limits {
        hash: few,
        list: Fill::new(if entries == 8 { 8 } else { -1 }),
        set: SetLimits {
            intset: 4 * entries,
            listpack: few,
        },
        sorted_set: few,
        longest: 1 << 20,
    }
}

fn as_value(loaded: &Loaded) -> ValueRef<'_> {
    match loaded {
        Loaded::String(bytes) => ValueRef::String(StringRef::Bytes(bytes)),
        Loaded::Hash(hash) => ValueRef::Hash(hash),
        Loaded::List(list) => ValueRef::List(list),
        Loaded::Set(set) => ValueRef::Set(set),
        Loaded::SortedSet(sorted_set) => ValueRef::SortedSet(sorted_set),
        Loaded::Stream(stream) => ValueRef::Stream(stream),
    }
}

/// Bytes that it has on the heap.
fn heap_bytes(loaded: &Loaded) -> usize {
    match loaded {
        Loaded::String(bytes) => bytes.capacity(),
        Loaded::Hash(hash) => hash.heap_bytes(),
        Loaded::List(list) => list.heap_bytes(),
        Loaded::Set(set) => set.heap_bytes(),
        Loaded::SortedSet(sorted_set) => sorted_set.heap_bytes(),
        Loaded::Stream(stream) => stream.heap_bytes(),
    }
}

/// The type and all that is in it, in an order of its own.
fn content(loaded: &Loaded) -> Vec<String> {
    let mut all: Vec<String> = match loaded {
        Loaded::String(bytes) => vec![format!("{bytes:?}")],
        Loaded::Hash(hash) => hash.iter().map(|field| format!("{field:?}")).collect(),
        Loaded::Set(set) => {
            let mut buffer = itoa::Buffer::new();
            let mut text = |member: types::set::Member<'_>| member.bytes(&mut buffer).to_vec();
            set.iter()
                .map(|member| format!("{:?}", text(member)))
                .collect()
        }
        // -0 is written as 0 in a listpack, by Redis too.
        Loaded::SortedSet(set) => set
            .iter()
            .map(|(member, score)| format!("{member:?} {:?}", score + 0.0))
            .collect(),
        Loaded::List(list) => return list.iter().map(|one| format!("{one:?}")).collect(),
        Loaded::Stream(stream) => return stream_content(stream),
    };
    all.sort_unstable();
    all.push(as_type(loaded).to_owned());
    all
}

/// All of a stream but when consumers were active, which Redis 7.0 does not know.
fn stream_content(stream: &Stream) -> Vec<String> {
    let ids = [stream.last_id(), stream.first_id(), stream.max_deleted_id()];
    let mut all = vec![format!(
        "{ids:?} {} {}",
        stream.len(),
        stream.entries_added()
    )];
    for node in stream.nodes() {
        all.push(format!(
            "{} {:?}",
            node.first,
            node.fields().collect::<Vec<_>>()
        ));
        for entry in node.entries() {
            let pairs: Vec<_> = entry.pairs().collect();
            all.push(format!("{} {} {pairs:?}", entry.id, entry.is_deleted()));
        }
    }
    for (name, group) in stream.groups().iter() {
        all.push(format!(
            "{name:?} {:?} {:?}",
            group.last_id, group.entries_read
        ));
        for consumer in group.consumers() {
            let pending: Vec<_> = consumer.pending().iter().collect();
            all.push(format!(
                "{:?} {} {pending:?}",
                consumer.name(),
                consumer.seen
            ));
        }
        let delivered = group.pending().iter();
        all.extend(
            delivered.map(|one| format!("{} {} {}", { one.id }, { one.time }, { one.count })),
        );
    }
    all
}

fn as_type(loaded: &Loaded) -> &'static str {
    match loaded {
        Loaded::String(_) => "string",
        Loaded::Hash(_) => "hash",
        Loaded::List(_) => "list",
        Loaded::Set(_) => "set",
        Loaded::SortedSet(_) => "zset",
        Loaded::Stream(_) => "stream",
    }
}

fn random_text(chance: &mut Chance) -> Vec<u8> {
    match chance.below(8) {
        0 => (chance.bits() as i64 >> chance.below(64))
            .to_string()
            .into_bytes(),
        1 => chance.text(b"ab", 2_000),
        2 => chance.text(b"\0\xff\r\n", 70),
        _ => chance.text(b"abcdefghij", 12),
    }
}

fn random_value(chance: &mut Chance, limits: &Limits) -> Loaded {
    let most = [5, 20, 300][chance.below(3)];
    let count = 1 + chance.below(most);
    match chance.below(7) {
        6 => {
            let texts: Vec<_> = (0..count).map(|_| random_text(chance)).collect();
            Loaded::List(List::of(texts.iter().map(|text| &**text), limits.list))
        }
        0 => Loaded::Stream(random_stream(chance)),
        5 => Loaded::String(random_text(chance)),
        1 => {
            let mut hash = Hash::new();
            let timed = chance.below(2) == 0;
            for _ in 0..count {
                let (name, value) = (random_text(chance), random_text(chance));
                hash.set(&name, &value, FieldExpiry::Clear, limits.hash);
                if timed && chance.below(3) > 0 {
                    let at = 1_700_000_000_000 + chance.below(1_000_000) as i64;
                    hash.set_expiry(&name, Some(at));
                }
            }
            Loaded::Hash(hash)
        }
        2 => {
            let mut set = Set::new();
            let bits = 16 * (1 + chance.below(4) as u32);
            for _ in 0..count {
                let integer = chance.bits() as i64 >> (64 - bits);
                set.add(integer.to_string().as_bytes(), &limits.set);
            }
            Loaded::Set(set)
        }
        3 => {
            let mut set = Set::new();
            for _ in 0..count {
                set.add(&random_text(chance), &limits.set);
            }
            Loaded::Set(set)
        }
        _ => {
            let mut set = SortedSet::new();
            for _ in 0..count {
                let score = match chance.below(6) {
                    0 => f64::INFINITY,
                    1 => chance.below(10) as f64 / 3.0,
                    2 => f64::from_bits(chance.bits()),
                    _ => chance.below(50) as f64 - 25.0,
                };
                if !score.is_nan() {
                    set.insert(&random_text(chance), score, limits.sorted_set);
                }
            }
            set.insert(b"member", 0.5, limits.sorted_set);
            Loaded::SortedSet(set)
        }
    }
}

fn random_stream(chance: &mut Chance) -> Stream {
    let mut stream = Stream::new();
    let limits = NodeLimits {
        bytes: 400,
        entries: 10,
    };
    let mut ids = Vec::new();
    for _ in 0..chance.below(60) {
        let fields = 1 + chance.below(3);
        let mut texts: Vec<_> = (0..2 * fields).map(|_| random_text(chance)).collect();
        if chance.below(3) > 0 {
            texts
                .iter_mut()
                .step_by(2)
                .for_each(|field| *field = b"field".to_vec());
        }
        let pairs: Vec<_> = texts.chunks(2).map(|two| (&*two[0], &*two[1])).collect();
        let last = stream.last_id();
        let id = StreamId::new(
            last.ms + chance.below(3) as u64,
            last.seq + 1 + chance.below(500) as u64,
        );
        let pairs = pairs.iter().copied();
        ids.extend(stream.append(NewId::Given(id), 0, pairs, limits));
    }
    for id in &ids {
        if chance.below(4) == 0 {
            stream.delete(*id);
        }
    }
    for name in [&b"group"[..], b"7", b""].iter().take(chance.below(4)) {
        let read = (chance.below(2) == 0).then_some(chance.below(100) as i64);
        let mut group = Group::new(stream.last_id(), read);
        for (index, name) in ["one", "two", "three"]
            .iter()
            .enumerate()
            .take(chance.below(4))
        {
            if let Some(consumer) = group.add_consumer(name.as_bytes(), 1_700_000_000_000) {
                for id in ids.iter().skip(index).step_by(3) {
                    group.deliver(*id, consumer, 1_700_000_000_001);
                }
            }
        }
        stream.groups_mut().create(name, group);
    }
    stream
}

#[test]
fn what_was_dumped_is_restored() {
    let mut chance = Chance::new(8);
    for round in 0..1_500 {
        let entries = [8, 128, 512][round % 3];
        let value = random_value(&mut chance, &limits(entries));
        let bytes = payload::dump(as_value(&value), round % 2 == 0);
        // Other limits change the form, and never the content.
        for entries in [0, 8, 128, 512] {
            let restored = payload::restore(&bytes, &limits(entries)).expect("it was dumped");
            assert_eq!(content(&restored), content(&value));
        }
        let version = u16::from_le_bytes([bytes[bytes.len() - 10], bytes[bytes.len() - 9]]);
        let is_new = matches!(&value, Loaded::Hash(hash) if hash.has_expiring());
        assert_eq!(version, if is_new { VERSION } else { WRITTEN_VERSION });
    }
}

/// A payload with the footer of a value in Redis 7.0's form or an earlier one.
fn sealed(value: &[u8]) -> Vec<u8> {
    let mut bytes = [value, &WRITTEN_VERSION.to_le_bytes()].concat();
    bytes.extend(payload::checksum(&bytes).to_le_bytes());
    bytes
}

/// What a writer writes.
fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::new(true);
    write(&mut out);
    out.into_bytes()
}

fn listpack(elements: &[&[u8]]) -> Vec<u8> {
    let mut builder = Builder::new();
    elements.iter().for_each(|element| builder.string(element));
    builder.finish()
}

/// A ziplist of short strings and integers.
pub fn ziplist(elements: &[Element<'_>]) -> Vec<u8> {
    let (mut bytes, mut before, mut tail) = (vec![0; 10], 0, 10);
    for element in elements {
        tail = bytes.len();
        bytes.push(before);
        match element {
            Element::Int(integer) => {
                bytes.push(0xe0);
                bytes.extend(integer.to_le_bytes());
            }
            Element::Bytes(text) => {
                bytes.push(text.len() as u8);
                bytes.extend_from_slice(text);
            }
        }
        before = (bytes.len() - tail) as u8;
    }
    bytes.push(0xff);
    let len = bytes.len() as u32;
    bytes[..4].copy_from_slice(&len.to_le_bytes());
    bytes[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
    bytes[8..10].copy_from_slice(&(elements.len() as u16).to_le_bytes());
    bytes
}

/// A value of each type that we do not write, or not in this form; with what it must be read as.
fn old_and_new_forms() -> Vec<(Vec<u8>, Vec<u8>)> {
    let text = |text: &'static str| Element::Bytes(text.as_bytes());
    let packed = |code: u8, bytes: &[u8]| {
        written(|out| {
            out.byte(code);
            out.string(bytes);
        })
    };
    let hash = written(|out| {
        out.byte(code::HASH);
        out.length(2);
        ["f", "v", "g", "7"]
            .iter()
            .for_each(|one| out.string(one.as_bytes()));
    });
    let sorted_set = written(|out| {
        out.byte(code::ZSET_2);
        out.length(2);
        out.string(b"b");
        out.double(2.5);
        out.string(b"a");
        out.double(1.0);
    });
    let set = written(|out| {
        out.byte(code::SET);
        out.length(2);
        out.string(b"x");
        out.integer(7);
    });
    let list = written(|out| {
        out.byte(code::LIST);
        out.length(3);
        ["a", "7", "b"]
            .iter()
            .for_each(|one| out.string(one.as_bytes()));
    });
    let old_list = ziplist(&[text("a"), Element::Int(7), text("b")]);
    let nodes = |code: u8, nodes: &[(Option<u64>, &[u8])]| {
        written(|out| {
            out.byte(code);
            out.length(nodes.len());
            for (container, bytes) in nodes {
                container
                    .iter()
                    .for_each(|&container| out.number(container));
                out.string(bytes);
            }
        })
    };
    let timed = written(|out| {
        out.byte(code::HASH_METADATA);
        out.millis(1_000);
        out.length(3);
        for (offset, name) in [(1, "f"), (0, "g"), (501, "h")] {
            out.number(offset);
            out.string(name.as_bytes());
            out.string(b"v");
        }
    });
    let timed_elements = ["f", "v", "1000", "h", "v", "1500", "g", "v", "0"];
    let timed_listpack = listpack(&timed_elements.map(str::as_bytes));
    let packed_node = Some(code::PACKED);
    vec![
        (packed(code::LIST_ZIPLIST, &old_list), list.clone()),
        (
            nodes(
                code::LIST_QUICKLIST,
                &[(None, &old_list), (None, &ziplist(&[]))],
            ),
            list.clone(),
        ),
        (
            nodes(
                code::LIST_QUICKLIST_2,
                &[
                    (packed_node, &listpack(&[b"a"])),
                    (Some(code::PLAIN), b"7"),
                    (packed_node, &listpack(&[])),
                    (packed_node, &listpack(&[b"b"])),
                ],
            ),
            list,
        ),
        (
            packed(code::HASH_ZIPMAP, b"\x02\x01f\x01\0v\x01g\x01\x027xx\xff"),
            hash.clone(),
        ),
        (
            packed(
                code::HASH_ZIPLIST,
                &ziplist(&[text("f"), text("v"), text("g"), Element::Int(7)]),
            ),
            hash.clone(),
        ),
        (
            packed(code::HASH_LISTPACK, &listpack(&[b"f", b"v", b"g", b"7"])),
            hash,
        ),
        (
            packed(
                code::ZSET_ZIPLIST,
                &ziplist(&[text("a"), Element::Int(1), text("b"), text("2.5")]),
            ),
            sorted_set.clone(),
        ),
        (
            packed(code::ZSET_LISTPACK, &listpack(&[b"a", b"1", b"b", b"2.5"])),
            sorted_set.clone(),
        ),
        (b"\x03\x02\x01b\x032.5\x01a\x011".to_vec(), sorted_set),
        (packed(code::SET_LISTPACK, &listpack(&[b"7", b"x"])), set),
        (
            packed(code::HASH_LISTPACK_EX_PRE_GA, &timed_listpack),
            timed.clone(),
        ),
        (
            written(|out| {
                out.byte(code::HASH_LISTPACK_EX);
                out.millis(1_000);
                out.string(&timed_listpack);
            }),
            timed.clone(),
        ),
        (
            written(|out| {
                out.byte(code::HASH_METADATA_PRE_GA);
                out.length(3);
                for (at, name) in [(1_000, "f"), (0, "g"), (1_500, "h")] {
                    out.number(at);
                    out.string(name.as_bytes());
                    out.string(b"v");
                }
            }),
            timed,
        ),
    ]
}

#[test]
fn forms_of_other_versions_are_read() {
    for (form, same) in old_and_new_forms() {
        for entries in [0, 2, 128] {
            let limits = limits(entries);
            let read = |bytes: &[u8]| content(&payload::restore(&sealed(bytes), &limits).unwrap());
            assert_eq!(read(&form), read(&same), "{form:?}");
        }
    }
}

#[test]
fn what_redis_refuses_is_refused() {
    let refused = [
        // Nothing at all, and types that are unknown or modules'.
        &b""[..],
        b"\x06\x00",
        b"\x07\x00",
        b"\x08\x00",
        b"\x1a\x00",
        b"\xff",
        // Empty collections, nodes and lists of empty nodes.
        b"\x01\x00",
        b"\x0a\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff",
        b"\x0e\x00",
        b"\x12\x00",
        b"\x12\x01\x02\x00",
        b"\x12\x01\x01\x00",
        b"\x12\x01\x02\x07\x07\0\0\0\0\0\xff",
        b"\x12\x01\x03\x01a",
        b"\x02\x00",
        b"\x04\x00",
        b"\x05\x00",
        // The same member, field or element twice.
        b"\x02\x02\x01a\x01a",
        b"\x04\x02\x01a\x01b\x01a\x01c",
        b"\x03\x02\x01a\x011\x01a\x012",
        // A score that is no number, or none.
        b"\x03\x01\x01a\xfd",
        b"\x03\x01\x01a\x01x",
        // Lengths of what is not there.
        b"\x00\x0eabc",
        b"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x02\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x05\x80\xff\xff\xff\xff\x01a",
        b"\x00\xc3\x01\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x00",
        b"\x00\x82\x00",
        b"\x00\xc4\x00",
        // Integers out of order, of a width that there is not, or fewer than said.
        b"\x0b\x0e\x02\0\0\0\x03\0\0\0\x01\0\x03\0\x02\0",
        b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        b"\x0b\x0a\x03\0\0\0\x01\0\0\0\x01\0",
        b"\x0b\x0a\x02\0\0\0\x02\0\0\0\x01\0",
        b"\x0b\x08\x02\0\0\0\0\0\0\0",
    ];
    let limits = limits(128);
    for bytes in refused {
        let restored = payload::restore(&sealed(bytes), &limits);
        assert_eq!(restored.err(), Some(Refusal::Value), "{bytes:?}");
    }
    let packed = |code: u8, elements: &[&[u8]]| {
        let listpack = listpack(elements);
        let bytes = written(|out| out.string(&listpack));
        let mut reader = Reader::new(&bytes, limits.longest);
        decode(code, &mut reader, &limits).err()
    };
    for (code, elements) in [
        (code::SET_LISTPACK, &[][..]),
        (code::SET_LISTPACK, &[&b"a"[..], b"a"]),
        (code::HASH_LISTPACK, &[b"a"]),
        (code::HASH_LISTPACK, &[b"a", b"1", b"a", b"2"]),
        (code::ZSET_LISTPACK, &[b"a", b"x"]),
        (code::ZSET_LISTPACK, &[b"a", b"nan"]),
        (code::ZSET_LISTPACK, &[b"a", b"1", b"a", b"2"]),
        (code::HASH_LISTPACK_EX_PRE_GA, &[b"a", b"1"]),
        (code::HASH_LISTPACK_EX_PRE_GA, &[b"a", b"1", b"x"]),
        (code::HASH_LISTPACK_EX_PRE_GA, &[b"a", b"1", b"-1"]),
        (
            code::HASH_LISTPACK_EX_PRE_GA,
            &[b"a", b"1", b"0", b"b", b"1", b"5"],
        ),
        (
            code::HASH_LISTPACK_EX_PRE_GA,
            &[b"a", b"1", b"6", b"b", b"1", b"5"],
        ),
        (
            code::HASH_LISTPACK_EX_PRE_GA,
            &[b"a", b"1", b"281474976710656"],
        ),
    ] {
        assert_eq!(packed(code, elements), Some(Corrupt), "{code} {elements:?}");
    }
    assert_eq!(packed(code::SET_LISTPACK, &[b"a"]), None);
}

#[test]
fn the_footer_is_checked_first() {
    let limits = limits(128);
    let bytes = sealed(b"\x00\x01a");
    assert!(payload::restore(&bytes, &limits).is_ok());
    for len in 0..bytes.len() {
        let refusal = payload::restore(&bytes[..len], &limits).err();
        assert_eq!(refusal, Some(Refusal::Footer));
    }
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1;
        assert_eq!(
            payload::restore(&other, &limits).err(),
            Some(Refusal::Footer)
        );
    }
    let mut later = b"\x00\x01a\x0d\x00".to_vec();
    later.extend(payload::checksum(&later).to_le_bytes());
    assert_eq!(
        payload::restore(&later, &limits).err(),
        Some(Refusal::Footer)
    );
}

/// Makes some bytes other ones.
fn spoil(value: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    let len = value.len();
    let at = chance.below(len.max(1));
    match chance.below(8) {
        0 => value.truncate(at),
        1 => drop(value.drain(at..(at + chance.below(9)).min(len))),
        2 => {
            let from = chance.below(other.len());
            let to = (from + chance.below(40)).min(other.len());
            value.splice(at..at, other[from..to].iter().copied());
        }
        3 => {
            let from = chance.below(other.len());
            value.truncate(at);
            value.extend_from_slice(&other[from..]);
        }
        4 if at + 9 <= len => {
            // A length that nobody has.
            value[at] = code::LENGTH_64;
            let long = chance.bits() >> chance.below(64);
            value[at + 1..at + 9].copy_from_slice(&long.to_be_bytes());
        }
        5 if at + 4 <= len => {
            let number = chance.bits() as u32 >> chance.below(32);
            value[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        _ if len > 0 => {
            for _ in 0..=chance.below(3) {
                let at = chance.below(len);
                value[at] ^= 1 << chance.below(8);
            }
        }
        _ => {}
    }
    if chance.below(10) == 0 && !value.is_empty() {
        value[0] = chance.below(28) as u8;
    }
}

/// Bytes of a value for each byte of its payload at most: an element of three bytes in a listpack may be one
/// of 88 that a byte of compressed text stands for, and takes some 100 in a table with room to grow.
const MOST_FOR_EACH_BYTE: usize = 88 * 100;

/// Payloads that are spoilt and read.
const ROUNDS: usize = 10_000;

#[test]
fn spoilt_payloads_never_panic() {
    let mut chance = Chance::new(9);
    let (mut accepted, mut refused) = (0, 0);
    let mut sources: Vec<Vec<u8>> = old_and_new_forms()
        .into_iter()
        .map(|(form, _)| form)
        .collect();
    for round in 0..400 {
        let bytes = payload::dump(
            as_value(&random_value(&mut chance, &limits(128))),
            round % 3 == 0,
        );
        sources.push(bytes[..bytes.len() - 10].to_vec());
    }
    for round in 0..ROUNDS {
        let mut value = sources[chance.below(sources.len())].clone();
        for _ in 0..=chance.below(2) {
            let other = &sources[chance.below(sources.len())];
            spoil(&mut value, other, &mut chance);
        }
        let limits = limits([0, 8, 128][round % 3]);
        match payload::restore(&sealed(&value), &limits) {
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Value);
                refused += 1;
            }
            Ok(loaded) => {
                accepted += 1;
                assert!(heap_bytes(&loaded) <= 1_000 + value.len() * MOST_FOR_EACH_BYTE);
                let again = payload::dump(as_value(&loaded), true);
                let again =
                    payload::restore(&again, &limits).expect("what was read can be written");
                assert_eq!(content(&again), content(&loaded));
            }
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} {refused}");
}
