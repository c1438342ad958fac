//! Streams in Redis's form: nodes of entries in listpacks, and groups with what is pending.
//!
//! A node's listpack is first what its entries may share: how many there are, how many are deleted, the number
//! of fields, the fields, and 0. Each entry is then its flags, what its ID is more than the node's, its fields
//! unless they are the node's, its values, and the number of its elements.

use super::listpack::{Builder, Element, Elements, Listpack};
use super::read::Reader;
use super::write::Writer;
use super::{Corrupt, code};
use crate::types::Stream;
use crate::types::stream::group::{ConsumerId, Group, Pending};
use crate::types::stream::{Misfit, Node, NodeEntry, StreamId, Text};

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// The number of entries that a group has read, if nobody knows.
const UNKNOWN: u64 = u64::MAX;

/// When a consumer was active that never was.
const NEVER: i64 = -1;

/// Bytes of an ID as it is.
const ID: usize = 16;

impl From<Misfit> for Corrupt {
    fn from(_: Misfit) -> Self {
        Corrupt
    }
}

fn id_bytes(id: StreamId) -> [u8; ID] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

fn id_of(bytes: [u8; ID]) -> StreamId {
    let both = u128::from_be_bytes(bytes);
    StreamId::new((both >> 64) as u64, both as u64)
}

/// Writes a stream as Redis 7.0 does. O(n).
pub fn write(stream: &Stream, out: &mut Writer) {
    out.length(stream.chunks());
    for node in stream.nodes() {
        out.string(&id_bytes(node.first));
        out.string(&node_listpack(node));
    }
    out.length(stream.len());
    for id in [stream.last_id(), stream.first_id(), stream.max_deleted_id()] {
        write_id(id, out);
    }
    out.number(stream.entries_added());
    out.length(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        out.string(name);
        write_group(group, out);
    }
}

fn write_id(id: StreamId, out: &mut Writer) {
    out.number(id.ms);
    out.number(id.seq);
}

fn push(text: Text<'_>, listpack: &mut Builder) {
    match text {
        Text::Int(integer) => listpack.integer(integer),
        Text::Bytes(bytes) => listpack.string(bytes),
    }
}

fn node_listpack(node: Node<'_>) -> Vec<u8> {
    let mut listpack = Builder::new();
    let fields = node.fields();
    for count in [node.live(), node.deleted(), fields.len()] {
        listpack.integer(count as i64);
    }
    fields.for_each(|field| push(field, &mut listpack));
    listpack.integer(0);
    for entry in node.entries() {
        let same = entry.has_fields_of_node();
        let deleted = if entry.is_deleted() { DELETED } else { 0 };
        listpack.integer(deleted | if same { SAME_FIELDS } else { 0 });
        listpack.integer(entry.id.ms.wrapping_sub(node.first.ms) as i64);
        listpack.integer(entry.id.seq.wrapping_sub(node.first.seq) as i64);
        let mut elements = 3 + entry.len();
        if !same {
            listpack.integer(entry.len() as i64);
            elements += 1 + entry.len();
        }
        for (field, value) in entry.pairs() {
            if !same {
                push(field, &mut listpack);
            }
            push(value, &mut listpack);
        }
        listpack.integer(elements as i64);
    }
    listpack.finish()
}

fn write_group(group: &Group, out: &mut Writer) {
    write_id(group.last_id, out);
    out.number(group.entries_read.map_or(UNKNOWN, |read| read as u64));
    out.length(group.pending().len());
    for pending in group.pending().iter() {
        out.raw(&id_bytes(pending.id));
        out.millis(pending.time);
        out.number(pending.count);
    }
    out.length(group.consumer_count());
    for consumer in group.consumers() {
        out.string(consumer.name());
        out.millis(consumer.seen);
        out.length(consumer.pending().len());
        for id in consumer.pending().iter() {
            out.raw(&id_bytes(*id));
        }
    }
}

/// Reads a stream of the type with this number. O(n log n).
///
/// # Errors
/// If it is not whole, or its entries are not in order.
pub fn read(code: u8, reader: &mut Reader<'_>) -> Result<Stream, Corrupt> {
    let mut stream = Stream::new();
    for _ in 0..reader.count()? {
        let first = reader.string()?;
        let first = id_of(
            *first
                .first_chunk()
                .filter(|_| first.len() == ID)
                .ok_or(Corrupt)?,
        );
        read_node(first, &reader.string()?, &mut stream)?;
    }
    stream.end_node();
    let len = reader.number()?;
    let last_id = read_id(reader)?;
    let highest = if stream.is_empty() {
        StreamId::MIN
    } else {
        stream.last_id()
    };
    if len != stream.len() as u64 || last_id < highest {
        return Err(Corrupt);
    }
    stream.set_last_id(last_id);
    stream.set_entries_added(len);
    if code >= code::STREAM_LISTPACKS_2 {
        // The first ID is known.
        read_id(reader)?;
        stream.set_max_deleted_id(read_id(reader)?);
        stream.set_entries_added(reader.number()?);
    }
    for _ in 0..reader.count()? {
        let name = reader.string()?.into_owned();
        let group = read_group(code, reader, &stream)?;
        if !stream.groups_mut().create(&name, group) {
            return Err(Corrupt);
        }
    }
    Ok(stream)
}

fn read_id(reader: &mut Reader<'_>) -> Result<StreamId, Corrupt> {
    Ok(StreamId::new(reader.number()?, reader.number()?))
}

/// The elements of a node, one after another.
struct Parts<'a>(Elements<'a>);

impl<'a> Parts<'a> {
    fn next(&mut self) -> Result<Element<'a>, Corrupt> {
        self.0.next().ok_or(Corrupt)
    }

    fn integer(&mut self) -> Result<i64, Corrupt> {
        self.next()?.integer().ok_or(Corrupt)
    }

    /// How many elements follow; no more than `most`, which is how many there are.
    fn count(&mut self, most: usize) -> Result<usize, Corrupt> {
        let count = usize::try_from(self.integer()?).map_err(|_| Corrupt)?;
        if count > most {
            Err(Corrupt)
        } else {
            Ok(count)
        }
    }
}

/// A text that lies in the listpack, or in a buffer beside it.
fn owned<'a>(element: Element<'a>, numbers: &mut Vec<u8>) -> TextAt<'a> {
    match element {
        Element::Bytes(bytes) => TextAt::There(bytes),
        Element::Int(integer) => {
            let start = numbers.len();
            numbers.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
            TextAt::Number(start, numbers.len())
        }
    }
}

#[derive(Clone, Copy)]
enum TextAt<'a> {
    There(&'a [u8]),
    Number(usize, usize),
}

impl<'a> TextAt<'a> {
    fn bytes(self, numbers: &'a [u8]) -> &'a [u8] {
        match self {
            TextAt::There(bytes) => bytes,
            TextAt::Number(start, end) => &numbers[start..end],
        }
    }
}

fn read_node(first: StreamId, bytes: &[u8], stream: &mut Stream) -> Result<(), Corrupt> {
    let listpack = Listpack::new(bytes)?;
    let most = listpack.count();
    let mut parts = Parts(listpack.elements());
    let (live, deleted) = (parts.count(most)?, parts.count(most)?);
    let fields = parts.count(most)?;
    let mut numbers = Vec::new();
    let mut shared = Vec::with_capacity(fields);
    for _ in 0..fields {
        shared.push(owned(parts.next()?, &mut numbers));
    }
    if parts.integer()? != 0 || live + deleted == 0 {
        return Err(Corrupt);
    }
    let shared: Vec<&[u8]> = shared.iter().map(|text| text.bytes(&numbers)).collect();
    stream.begin_node(first, shared.iter().copied())?;
    let before = stream.len();
    for _ in 0..live + deleted {
        read_entry(first, &shared, &mut parts, most, stream)?;
    }
    if parts.next().is_ok() || stream.len() - before != live {
        return Err(Corrupt);
    }
    Ok(())
}

fn read_entry(
    first: StreamId,
    shared: &[&[u8]],
    parts: &mut Parts<'_>,
    most: usize,
    stream: &mut Stream,
) -> Result<(), Corrupt> {
    let flags = parts.integer()?;
    let (ms, seq) = (parts.integer()?, parts.integer()?);
    let id = StreamId::new(
        first.ms.wrapping_add(ms as u64),
        first.seq.wrapping_add(seq as u64),
    );
    let same = flags & SAME_FIELDS != 0;
    let fields = if same {
        shared.len()
    } else {
        parts.count(most)?
    };
    let mut numbers = Vec::new();
    let count = if same { fields } else { 2 * fields };
    let mut texts = Vec::with_capacity(count);
    for _ in 0..count {
        texts.push(owned(parts.next()?, &mut numbers));
    }
    let elements = 3 + texts.len() + usize::from(!same);
    if parts.integer()? != elements as i64 {
        return Err(Corrupt);
    }
    let text = |index: usize| -> &[u8] { texts[index].bytes(&numbers) };
    let pairs: Vec<(&[u8], &[u8])> = if same {
        shared
            .iter()
            .enumerate()
            .map(|(index, field)| (*field, text(index)))
            .collect()
    } else {
        (0..fields)
            .map(|index| (text(2 * index), text(2 * index + 1)))
            .collect()
    };
    stream.add_to_node(NodeEntry {
        id,
        is_deleted: flags & DELETED != 0,
        pairs: &pairs,
    })?;
    Ok(())
}

/// How many entries were added up to `id` to a stream of which nothing was deleted, if that can be told: what
/// groups were not asked before Redis 7.0.
fn entries_up_to(stream: &Stream, id: StreamId) -> Option<i64> {
    let added = stream.entries_added() as i64;
    if added == 0 || id == stream.last_id() || stream.is_empty() && id < stream.last_id() {
        Some(added)
    } else if id <= stream.first_id() {
        Some(i64::from(id == stream.first_id()))
    } else {
        None
    }
}

fn read_group(code: u8, reader: &mut Reader<'_>, stream: &Stream) -> Result<Group, Corrupt> {
    let last_id = read_id(reader)?;
    let entries_read = if code >= code::STREAM_LISTPACKS_2 {
        let read = reader.number()?;
        (read != UNKNOWN).then_some(read as i64)
    } else {
        entries_up_to(stream, last_id)
    };
    let mut group = Group::new(last_id, entries_read);
    let mut all = read_pending(reader)?;
    for _ in 0..reader.count()? {
        let consumer = read_consumer(code, reader, &mut group)?;
        for _ in 0..reader.count()? {
            let id = id_of(reader.array()?);
            let found = all
                .binary_search_by_key(&id, |(id, ..)| *id)
                .map_err(|_| Corrupt)?;
            if all[found].3.replace(consumer).is_some() {
                return Err(Corrupt);
            }
        }
    }
    for (id, time, count, consumer) in all {
        let consumer = consumer.ok_or(Corrupt)?;
        group.put(Pending {
            id,
            time,
            count,
            consumer,
        });
    }
    Ok(group)
}

/// A pending entry: its ID, when and how often it was delivered, and to whom, once that is known.
type Delivered = (StreamId, i64, u64, Option<ConsumerId>);

fn read_pending(reader: &mut Reader<'_>) -> Result<Vec<Delivered>, Corrupt> {
    let count = reader.count()?;
    let mut all: Vec<Delivered> = Vec::with_capacity(reader.at_most(count, ID + 9));
    for _ in 0..count {
        let id = id_of(reader.array()?);
        all.push((id, reader.millis()?, reader.number()?, None));
    }
    all.sort_by_key(|(id, ..)| *id);
    if all.windows(2).any(|two| two[0].0 == two[1].0) {
        return Err(Corrupt);
    }
    Ok(all)
}

fn read_consumer(
    code: u8,
    reader: &mut Reader<'_>,
    group: &mut Group,
) -> Result<ConsumerId, Corrupt> {
    let name = reader.string()?;
    let seen = reader.millis()?;
    let active = if code >= code::STREAM_LISTPACKS_3 {
        reader.millis()?
    } else {
        seen
    };
    let consumer = group.add_consumer(&name, seen).ok_or(Corrupt)?;
    group.consumer_mut(consumer).active = (active != NEVER).then_some(active);
    Ok(consumer)
}
