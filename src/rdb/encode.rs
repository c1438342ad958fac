//! Values in Redis's form.

use super::listpack::{Builder, framed};
use super::write::Writer;
use super::{VERSION, WRITTEN_VERSION, code, stream};
use crate::keyspace::{StringRef, ValueRef};
use crate::types::set::Member;
use crate::types::{Hash, List, Set, SortedSet};

/// The number of the type in which a value is written.
pub fn type_of(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::String(_) => code::STRING,
        ValueRef::Hash(hash) => match (hash.is_compact(), hash.has_expiring()) {
            (true, true) => code::HASH_LISTPACK_EX,
            (true, false) => code::HASH_LISTPACK,
            (false, true) => code::HASH_METADATA,
            (false, false) => code::HASH,
        },
        ValueRef::List(_) => code::LIST_QUICKLIST_2,
        ValueRef::Set(set) if set.integers().is_some() => code::SET_INTSET,
        // Redis 7.0 knows no sets in listpacks.
        ValueRef::Set(_) => code::SET,
        ValueRef::SortedSet(sorted_set) if sorted_set.is_compact() => code::ZSET_LISTPACK,
        ValueRef::SortedSet(_) => code::ZSET_2,
        ValueRef::Stream(_) => code::STREAM_LISTPACKS_2,
    }
}

/// The version of the format that a type needs.
pub fn version_of(code: u8) -> u16 {
    match code {
        code::HASH_LISTPACK_EX | code::HASH_METADATA => VERSION,
        _ => WRITTEN_VERSION,
    }
}

/// Writes a value behind the number of its type, which is [`type_of`]'s. O(n).
pub fn encode(value: ValueRef<'_>, out: &mut Writer) {
    match value {
        ValueRef::String(StringRef::Int(integer)) => out.integer(integer),
        ValueRef::String(StringRef::Bytes(bytes)) => out.string(bytes),
        ValueRef::Hash(hash) if hash.is_compact() => compact_hash(hash, out),
        ValueRef::Hash(hash) => large_hash(hash, out),
        ValueRef::List(list) => write_list(list, out),
        ValueRef::Set(set) => write_set(set, out),
        ValueRef::SortedSet(sorted_set) => write_sorted_set(sorted_set, out),
        ValueRef::Stream(stream) => stream::write(stream, out),
    }
}

/// Bytes that [`encode`] writes. O(n).
pub fn saved_len(value: ValueRef<'_>, compresses: bool) -> usize {
    let mut out = Writer::new(compresses);
    encode(value, &mut out);
    out.bytes().len()
}

/// The earliest expiry of a field.
fn earliest(hash: &Hash) -> Option<i64> {
    hash.iter().filter_map(|field| field.expiry).min()
}

fn compact_hash(hash: &Hash, out: &mut Writer) {
    let earliest = earliest(hash);
    let mut listpack = Builder::new();
    for field in hash.iter() {
        listpack.string(field.name);
        listpack.string(field.value);
        if earliest.is_some() {
            listpack.integer(field.expiry.unwrap_or(0));
        }
    }
    if let Some(at) = earliest {
        out.millis(at);
    }
    out.string(&listpack.finish());
}

fn large_hash(hash: &Hash, out: &mut Writer) {
    let earliest = earliest(hash);
    if let Some(at) = earliest {
        out.millis(at);
    }
    out.length(hash.len());
    for field in hash.iter() {
        if let Some(first) = earliest {
            // Relative to the earliest, and 1 more, for 0 is none.
            out.number(field.expiry.map_or(0, |at| at.abs_diff(first) + 1));
        }
        out.string(field.name);
        out.string(field.value);
    }
}

fn write_list(list: &List, out: &mut Writer) {
    out.length(list.nodes().count());
    for node in list.nodes() {
        if let Some(element) = node.plain() {
            out.number(code::PLAIN);
            out.string(element.bytes(&mut itoa::Buffer::new()));
        } else {
            out.number(code::PACKED);
            out.string(&framed(node.bytes(), node.count()));
        }
    }
}

fn write_set(set: &Set, out: &mut Writer) {
    if let Some((width, integers)) = set.integers() {
        let mut bytes = Vec::with_capacity(8 + integers.len());
        bytes.extend_from_slice(&(width as u32).to_le_bytes());
        bytes.extend_from_slice(&(set.len() as u32).to_le_bytes());
        bytes.extend_from_slice(integers);
        return out.string(&bytes);
    }
    out.length(set.len());
    for member in set.iter() {
        match member {
            Member::Int(integer) => out.integer(integer),
            Member::Bytes(bytes) => out.string(bytes),
        }
    }
}

fn write_sorted_set(sorted_set: &SortedSet, out: &mut Writer) {
    if sorted_set.is_compact() {
        let mut listpack = Builder::new();
        for (member, score) in sorted_set.iter() {
            listpack.string(member);
            write_score(score, &mut listpack);
        }
        return out.string(&listpack.finish());
    }
    out.length(sorted_set.len());
    // From the end, as Redis does: what is read next is then always the first.
    for (member, score) in sorted_set.iter().rev() {
        out.string(member);
        out.double(score);
    }
}

/// Largest score that is written as an integer if it is one.
const WHOLE: f64 = (i64::MAX / 2) as f64;

fn write_score(score: f64, listpack: &mut Builder) {
    if score.abs() <= WHOLE && score == score.trunc() {
        listpack.integer(score as i64);
    } else {
        listpack.string(crate::types::number::format_f64(score).as_bytes());
    }
}
