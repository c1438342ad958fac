//! Values from Redis's form, in every encoding that it has had.
//!
//! A collection comes into the form that Redis gives it. One that comes packed stays packed if it has few
//! enough elements, however long they are; one that comes element by element is packed by both.

use std::borrow::Cow;
use std::collections::HashSet;

use super::listpack::{Element, Listpack};
use super::read::Reader;
use super::ziplist::{Ziplist, zipmap};
use super::{Corrupt, Limits, Loaded, code, stream};
use crate::types::hash::{Field, FieldExpiry};
use crate::types::list::Builder;
use crate::types::set::{Member, SetLimits};
use crate::types::{self, Hash, List, Set, SortedSet, number};

/// Limits that nothing exceeds: for what was decided by the number of elements.
const NO_LIMITS: types::Limits = types::Limits {
    entries: usize::MAX,
    value: usize::MAX,
};

/// As [`NO_LIMITS`], for sets.
const NO_SET_LIMITS: SetLimits = SetLimits {
    intset: usize::MAX,
    listpack: NO_LIMITS,
};

/// Reads a value of the type with this number. O(n), or O(n log n) of a sorted set.
///
/// # Errors
/// If it is not whole, empty, has an element twice, or is of a type that is not known: modules' are not.
pub fn decode(code: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<Loaded, Corrupt> {
    Ok(match code {
        code::STRING => Loaded::String(reader.string()?.into_owned()),
        code::LIST => Loaded::List(list(reader, limits)?),
        code::LIST_QUICKLIST | code::LIST_QUICKLIST_2 => {
            Loaded::List(list_of_nodes(code, reader, limits)?)
        }
        code::LIST_ZIPLIST => {
            let bytes = reader.string()?;
            let mut builder = Builder::new(limits.list);
            add_elements(Ziplist::new(&bytes)?.elements(), &mut builder);
            Loaded::List(finished(builder)?)
        }
        code::SET => Loaded::Set(set(reader, limits)?),
        code::SET_INTSET => Loaded::Set(intset(&reader.string()?, limits)?),
        code::SET_LISTPACK => Loaded::Set(packed_set(&reader.string()?, limits)?),
        code::HASH => Loaded::Hash(hash(reader, limits)?),
        code::HASH_METADATA | code::HASH_METADATA_PRE_GA => {
            Loaded::Hash(timed_hash(code, reader, limits)?)
        }
        code::HASH_LISTPACK_EX | code::HASH_LISTPACK_EX_PRE_GA => {
            if code == code::HASH_LISTPACK_EX {
                reader.millis()?;
            }
            Loaded::Hash(packed_timed_hash(&reader.string()?, limits)?)
        }
        code::HASH_LISTPACK => {
            let bytes = reader.string()?;
            let listpack = Listpack::new(&bytes)?;
            Loaded::Hash(packed_hash(listpack.count(), listpack.elements(), limits)?)
        }
        code::HASH_ZIPLIST => {
            let bytes = reader.string()?;
            let ziplist = Ziplist::new(&bytes)?;
            Loaded::Hash(packed_hash(ziplist.count(), ziplist.elements(), limits)?)
        }
        code::HASH_ZIPMAP => Loaded::Hash(zipmap_hash(&reader.string()?, limits)?),
        code::ZSET | code::ZSET_2 => Loaded::SortedSet(sorted_set(code, reader, limits)?),
        code::ZSET_LISTPACK => {
            let bytes = reader.string()?;
            let listpack = Listpack::new(&bytes)?;
            let elements = listpack.elements();
            Loaded::SortedSet(packed_sorted_set(listpack.count(), elements, limits)?)
        }
        code::ZSET_ZIPLIST => {
            let bytes = reader.string()?;
            let ziplist = Ziplist::new(&bytes)?;
            let elements = ziplist.elements();
            Loaded::SortedSet(packed_sorted_set(ziplist.count(), elements, limits)?)
        }
        code::STREAM_LISTPACKS | code::STREAM_LISTPACKS_2 | code::STREAM_LISTPACKS_3 => {
            Loaded::Stream(stream::read(code, reader)?)
        }
        _ => return Err(Corrupt),
    })
}

/// `Corrupt` unless it holds.
fn ensure(holds: bool) -> Result<(), Corrupt> {
    if holds { Ok(()) } else { Err(Corrupt) }
}

/// How many elements of `size` bytes or more follow; not none.
fn count(reader: &mut Reader<'_>, size: usize) -> Result<(u64, usize), Corrupt> {
    let count = reader.count()?;
    ensure(count > 0)?;
    Ok((count, reader.at_most(count, size)))
}

fn list(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Corrupt> {
    let mut builder = Builder::new(limits.list);
    for _ in 0..reader.count()? {
        builder.push(&reader.string()?);
    }
    finished(builder)
}

/// Nodes stay as they are, unless one has more than the settings allow.
fn list_of_nodes(code: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Corrupt> {
    let mut builder = Builder::new(limits.list);
    for _ in 0..reader.count()? {
        let container = match code {
            code::LIST_QUICKLIST => code::PACKED,
            _ => reader.count()?,
        };
        let bytes = reader.string()?;
        ensure(!bytes.is_empty())?;
        match container {
            code::PLAIN => builder.push(&bytes),
            code::PACKED if code == code::LIST_QUICKLIST => {
                add_elements(Ziplist::new(&bytes)?.elements(), &mut builder);
            }
            code::PACKED => add_elements(Listpack::new(&bytes)?.elements(), &mut builder),
            _ => return Err(Corrupt),
        }
        builder.end_node();
    }
    finished(builder)
}

fn add_elements<'a>(elements: impl Iterator<Item = Element<'a>>, builder: &mut Builder) {
    let mut buffer = itoa::Buffer::new();
    for element in elements {
        builder.push(element.bytes(&mut buffer));
    }
}

/// The list, which is not to be empty.
fn finished(builder: Builder) -> Result<List, Corrupt> {
    let list = builder.finish();
    ensure(!list.is_empty())?;
    Ok(list)
}

fn set(reader: &mut Reader<'_>, limits: &Limits) -> Result<Set, Corrupt> {
    let (count, room) = count(reader, 1)?;
    let mut set = if count > limits.set.most_integers() as u64 {
        Set::large(room)
    } else {
        Set::new()
    };
    for _ in 0..count {
        ensure(set.add(&reader.string()?, &limits.set))?;
    }
    Ok(set)
}

/// Sorted integers of the same width.
fn intset(bytes: &[u8], limits: &Limits) -> Result<Set, Corrupt> {
    let (width, rest) = bytes.split_first_chunk().ok_or(Corrupt)?;
    let (count, integers) = rest.split_first_chunk().ok_or(Corrupt)?;
    let (width, count) = (u32::from_le_bytes(*width), u32::from_le_bytes(*count));
    ensure(matches!(width, 2 | 4 | 8) && count > 0)?;
    let (width, count) = (width as usize, count as usize);
    ensure(integers.len() == count * width)?;
    let mut set = if count > limits.set.most_integers() {
        Set::large(count)
    } else {
        Set::new()
    };
    let mut last = None;
    for bytes in integers.chunks_exact(width) {
        let mut all = [0; 8];
        all[8 - width..].copy_from_slice(bytes);
        let integer = i64::from_le_bytes(all) >> (64 - 8 * width);
        ensure(last.is_none_or(|last| last < integer))?;
        last = Some(integer);
        set.add_member(Member::Int(integer), &NO_SET_LIMITS);
    }
    Ok(set)
}

fn packed_set(bytes: &[u8], limits: &Limits) -> Result<Set, Corrupt> {
    let listpack = Listpack::new(bytes)?;
    ensure(listpack.count() > 0)?;
    let mut set = if listpack.count() > limits.set.listpack.entries {
        Set::large(listpack.count())
    } else {
        Set::of_strings()
    };
    for element in listpack.elements() {
        let member = match element {
            Element::Int(integer) => Member::Int(integer),
            Element::Bytes(bytes) => Member::Bytes(bytes),
        };
        ensure(set.add_member(member, &NO_SET_LIMITS))?;
    }
    Ok(set)
}

fn hash(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Corrupt> {
    let (count, room) = count(reader, 2)?;
    let mut hash = Hash::new();
    if count > limits.hash.entries as u64 {
        hash.make_large(room);
    }
    for _ in 0..count {
        let (name, value) = (reader.string()?, reader.string()?);
        ensure(hash.set(&name, &value, FieldExpiry::Clear, limits.hash))?;
    }
    Ok(hash)
}

fn timed_hash(code: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Corrupt> {
    let earliest = match code {
        code::HASH_METADATA => reader.millis()?,
        _ => 1,
    };
    let (count, room) = count(reader, 3)?;
    let mut hash = Hash::new();
    if count > limits.hash.entries as u64 {
        hash.make_large(room);
    } else {
        hash.let_expire();
    }
    for _ in 0..count {
        // Relative to the earliest, and 1 more; or as it is, which is the same with 1 for the earliest.
        let expiry = match reader.number()? {
            0 => None,
            offset => {
                let offset = i64::try_from(offset).map_err(|_| Corrupt)?;
                let at = earliest.checked_add(offset - 1).ok_or(Corrupt)?;
                ensure((0..=code::LATEST_FIELD_EXPIRY).contains(&at))?;
                Some(at).filter(|&at| at > 0)
            }
        };
        let (name, value) = (reader.string()?, reader.string()?);
        ensure(hash.set(&name, &value, FieldExpiry::Clear, limits.hash))?;
        if expiry.is_some() {
            hash.set_expiry(&name, expiry);
        }
    }
    Ok(hash)
}

/// An empty hash for `count` fields that came packed.
fn hash_for(count: usize, limits: &Limits) -> Hash {
    let mut hash = Hash::new();
    if count > limits.hash.entries {
        hash.make_large(count);
    }
    hash
}

fn packed_hash<'a>(
    count: usize,
    mut elements: impl Iterator<Item = Element<'a>>,
    limits: &Limits,
) -> Result<Hash, Corrupt> {
    ensure(count > 0 && count.is_multiple_of(2))?;
    let mut hash = hash_for(count / 2, limits);
    let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
    while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
        let (name, value) = (name.bytes(&mut one), value.bytes(&mut other));
        ensure(hash.set(name, value, FieldExpiry::Clear, NO_LIMITS))?;
    }
    Ok(hash)
}

/// Fields in the order in which they expire, and then those that do not.
fn packed_timed_hash(bytes: &[u8], limits: &Limits) -> Result<Hash, Corrupt> {
    let listpack = Listpack::new(bytes)?;
    ensure(listpack.count() > 0 && listpack.count().is_multiple_of(3))?;
    let mut hash = hash_for(listpack.count() / 3, limits);
    if hash.is_compact() {
        hash.let_expire();
    }
    let mut elements = listpack.elements();
    let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
    let mut last = 1;
    while let (Some(name), Some(value), Some(expiry)) =
        (elements.next(), elements.next(), elements.next())
    {
        let at = expiry.integer().ok_or(Corrupt)?;
        ensure((0..=code::LATEST_FIELD_EXPIRY).contains(&at))?;
        ensure(at == 0 || last > 0 && at >= last)?;
        last = at;
        ensure(hash.push(Field {
            name: name.bytes(&mut one),
            value: value.bytes(&mut other),
            expiry: (at > 0).then_some(at),
        }))?;
    }
    Ok(hash)
}

fn zipmap_hash(bytes: &[u8], limits: &Limits) -> Result<Hash, Corrupt> {
    let pairs = zipmap(bytes)?;
    let lengths = pairs
        .iter()
        .map(|(name, value)| name.len().max(value.len()));
    let mut hash = Hash::new();
    hash.prepare(lengths.max().unwrap_or(0), pairs.len(), limits.hash);
    for (name, value) in pairs {
        ensure(hash.set(name, value, FieldExpiry::Clear, NO_LIMITS))?;
    }
    Ok(hash)
}

fn sorted_set(code: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<SortedSet, Corrupt> {
    let size = if code == code::ZSET { 2 } else { 9 };
    let (count, room) = count(reader, size)?;
    let mut members = Vec::with_capacity(room);
    for _ in 0..count {
        let member = reader.string()?;
        let score = match code {
            code::ZSET => reader.double_in_text()?,
            _ => reader.double()?,
        };
        members.push((member, score));
    }
    from_members(members, limits.sorted_set)
}

fn packed_sorted_set<'a>(
    count: usize,
    mut elements: impl Iterator<Item = Element<'a>>,
    limits: &Limits,
) -> Result<SortedSet, Corrupt> {
    ensure(count > 0 && count.is_multiple_of(2))?;
    let mut members = Vec::with_capacity(count / 2);
    while let (Some(member), Some(score)) = (elements.next(), elements.next()) {
        let member = match member {
            Element::Bytes(bytes) => Cow::Borrowed(bytes),
            Element::Int(integer) => integer.to_string().into_bytes().into(),
        };
        let score = match score {
            Element::Int(integer) => integer as f64,
            Element::Bytes(text) => number::parse_f64(text).ok_or(Corrupt)?,
        };
        members.push((member, score));
    }
    let entries = limits.sorted_set.entries;
    from_members(
        members,
        types::Limits {
            entries,
            ..NO_LIMITS
        },
    )
}

/// A sorted set of members in any order.
fn from_members(
    mut members: Vec<(Cow<'_, [u8]>, f64)>,
    limits: types::Limits,
) -> Result<SortedSet, Corrupt> {
    let mut seen = HashSet::with_capacity_and_hasher(members.len(), types::hasher::Keyed);
    for (member, score) in &members {
        ensure(!score.is_nan() && seen.insert(&**member))?;
    }
    drop(seen);
    if !members.is_sorted_by(in_order) {
        members.reverse();
        members.sort_by(|one, other| {
            let by_score = one
                .1
                .partial_cmp(&other.1)
                .unwrap_or(std::cmp::Ordering::Equal);
            by_score.then_with(|| one.0.cmp(&other.0))
        });
    }
    let longest = members.iter().map(|(member, _)| member.len()).max();
    let members_in_order = members.iter().map(|(member, score)| (&**member, *score));
    Ok(SortedSet::from_sorted(
        members.len(),
        longest.unwrap_or(0),
        members_in_order,
        limits,
    ))
}

/// Whether one member comes before the other.
fn in_order(one: &(Cow<'_, [u8]>, f64), other: &(Cow<'_, [u8]>, f64)) -> bool {
    one.1 < other.1 || one.1 == other.1 && one.0 < other.0
}
