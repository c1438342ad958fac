//! A piece of a stream: up to some hundred entries in one buffer.
//!
//! | part | bytes |
//! |---|---|
//! | the first entry's fields | each a [`Text`] |
//! | each entry: head | a number: the length of what follows, and two bits: deleted, same fields |
//! | ID | what its milliseconds and its number are more than those of the first, two numbers |
//! | unless its fields are the first's: fields | how many, and each before its value |
//! | values | each a [`Text`] |
//! | the way back | the length of all that comes before, its bytes in reverse |
//!
//! An entry that is deleted is only marked.

use super::id::StreamId;
use super::value::{
    Text, listpack_integer, number_len, push_number, read_number, unzigzag, zigzag,
};

const DELETED: u64 = 1;
const SAME_FIELDS: u64 = 2;
const FLAGS: u32 = 2;

/// Bytes of a listpack around its elements.
const LISTPACK_FRAME: usize = 7;

/// A piece of a stream. The ID of its first entry is kept beside it.
#[derive(Clone, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    /// Number of fields of the first entry.
    fields: u32,
    /// Where the entries begin.
    start: u32,
    live: u32,
    deleted: u32,
    /// Bytes that it would have as Redis's listpack, but for the two counts in front.
    listpack: u32,
}

impl Chunk {
    /// A chunk for a first entry with these fields.
    pub fn new<'a>(fields: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let mut chunk = Chunk {
            fields: fields.len() as u32,
            ..Chunk::default()
        };
        // The number of fields, and a zero behind them.
        let mut listpack =
            LISTPACK_FRAME + listpack_integer(fields.len() as i64) + listpack_integer(0);
        for field in fields {
            let field = Text::of(field);
            listpack += field.listpack_bytes();
            field.push(&mut chunk.bytes);
        }
        chunk.start = chunk.bytes.len() as u32;
        chunk.listpack = listpack as u32;
        chunk
    }

    /// Number of entries that are not deleted.
    #[inline]
    pub fn live(&self) -> usize {
        self.live as usize
    }

    /// Number of entries, deleted ones included.
    #[inline]
    pub fn entries(&self) -> usize {
        self.live() + self.deleted as usize
    }

    /// The first entry's fields.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = Text<'_>> {
        let mut at = 0;
        (0..self.fields).map(move |_| Text::read(&self.bytes, &mut at))
    }

    /// Bytes that it would have as Redis's listpack.
    #[inline]
    pub fn listpack_bytes(&self) -> usize {
        self.listpack as usize
            + listpack_integer(self.live.into())
            + listpack_integer(self.deleted.into())
    }

    /// Bytes allocated.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Gives back what is allocated in advance: nothing more will be added.
    pub fn seal(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Whether these are the first entry's fields.
    #[inline]
    fn has_fields<'a>(&self, pairs: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>) -> bool {
        if pairs.len() != self.fields as usize {
            return false;
        }
        let mut at = 0;
        for (field, _) in pairs {
            let same = match Text::read(&self.bytes, &mut at) {
                Text::Bytes(bytes) => bytes == field,
                integer => integer == Text::of(field),
            };
            if !same {
                return false;
            }
        }
        true
    }

    /// Adds an entry of these fields and values at the end; `first` is the ID of the first. Returns where it
    /// begins. O(its bytes).
    pub fn append<'a, P>(&mut self, first: StreamId, id: StreamId, pairs: P) -> usize
    where
        P: ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        let same = self.has_fields(pairs.clone());
        let texts: usize = pairs
            .clone()
            .map(|(field, value)| field.len() + value.len())
            .sum();
        let guess = number_len(((texts + 2 * pairs.len() + 3) as u64) << FLAGS);
        let begin = self.bytes.len();
        self.bytes.reserve(texts + 10 * pairs.len() + 40);
        self.bytes.resize(begin + guess, 0);
        let (ms, seq) = (
            id.ms.wrapping_sub(first.ms),
            id.seq.wrapping_sub(first.seq) as i64,
        );
        push_number(&mut self.bytes, ms);
        push_number(&mut self.bytes, zigzag(seq));
        let flags = if same { SAME_FIELDS } else { 0 };
        let fields = pairs.len();
        let mut elements = 3 + fields;
        let mut listpack =
            listpack_integer(flags as i64) + listpack_integer(ms as i64) + listpack_integer(seq);
        if !same {
            push_number(&mut self.bytes, fields as u64);
            listpack += listpack_integer(fields as i64);
            elements += fields + 1;
        }
        for (field, value) in pairs {
            if !same {
                let field = Text::of(field);
                listpack += field.listpack_bytes();
                field.push(&mut self.bytes);
            }
            let value = Text::of(value);
            listpack += value.listpack_bytes();
            value.push(&mut self.bytes);
        }
        self.put_head(begin, guess, flags);
        push_back_len(&mut self.bytes, begin);
        self.listpack += (listpack + listpack_integer(elements as i64)) as u32;
        self.live += 1;
        begin
    }

    /// Writes the head of an entry that begins at `begin` with `room` bytes for it.
    fn put_head(&mut self, begin: usize, room: usize, flags: u64) {
        let rest = (self.bytes.len() - begin - room) as u64;
        let mut head = rest << FLAGS | flags;
        let len = number_len(head);
        if len != room {
            // The integers among the texts were not foreseen.
            self.bytes
                .splice(begin..begin + room, std::iter::repeat_n(0, len));
        }
        for byte in &mut self.bytes[begin..begin + len - 1] {
            *byte = head as u8 | 0x80;
            head >>= 7;
        }
        self.bytes[begin + len - 1] = head as u8;
    }

    /// The entries, deleted ones included; `first` is the ID of the first.
    #[inline]
    pub fn iter(&self, first: StreamId) -> Entries<'_> {
        Entries {
            chunk: self,
            first,
            front: self.start as usize,
            back: self.bytes.len(),
        }
    }

    /// The entry of this ID, if it is there and not deleted. O(entries).
    pub fn find(&self, first: StreamId, id: StreamId) -> Option<Entry<'_>> {
        // XSETID can let the ID of a deleted entry come again behind it.
        let mut live = self.iter(first).filter(|entry| !entry.is_deleted);
        live.find(|entry| entry.id >= id)
            .filter(|entry| entry.id == id)
    }

    /// Marks an entry of [`Chunk::find`] that begins at `place` as deleted.
    pub fn delete_at(&mut self, place: usize) {
        self.bytes[place] |= DELETED as u8;
        self.live -= 1;
        self.deleted += 1;
    }
}

/// Appends the length of what began at `begin`, to be read from its end.
fn push_back_len(out: &mut Vec<u8>, begin: usize) {
    let len = (out.len() - begin) as u64;
    let at = out.len();
    push_number(out, len);
    out[at..].reverse();
}

/// The entries of a chunk in order, from both ends, deleted ones included.
#[derive(Clone)]
pub struct Entries<'a> {
    chunk: &'a Chunk,
    first: StreamId,
    front: usize,
    back: usize,
}

impl<'a> Entries<'a> {
    /// The entry that begins at `place`, and where it ends.
    #[inline]
    fn entry(&self, place: usize) -> (Entry<'a>, usize) {
        let bytes = &self.chunk.bytes;
        let mut at = place;
        let head = read_number(bytes, &mut at);
        let end = at + (head >> FLAGS) as usize;
        let ms = read_number(bytes, &mut at);
        let seq = unzigzag(read_number(bytes, &mut at));
        let same = head & SAME_FIELDS != 0;
        let fields = if same {
            self.chunk.fields as usize
        } else {
            read_number(bytes, &mut at) as usize
        };
        let entry = Entry {
            id: StreamId::new(
                self.first.ms.wrapping_add(ms),
                self.first.seq.wrapping_add(seq as u64),
            ),
            is_deleted: head & DELETED != 0,
            place,
            fields,
            bytes,
            names: if same { Some(0) } else { None },
            at,
        };
        (entry, end + number_len((end - place) as u64))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (entry, end) = self.entry(self.front);
        self.front = end;
        Some(entry)
    }
}

impl DoubleEndedIterator for Entries<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let (mut len, mut shift, mut end) = (0, 0, self.back);
        loop {
            end -= 1;
            let byte = self.chunk.bytes[end];
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        self.back = end - len;
        Some(self.entry(self.back).0)
    }
}

/// An entry of a stream.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    pub(super) is_deleted: bool,
    /// Where it begins in its chunk.
    pub(super) place: usize,
    fields: usize,
    bytes: &'a [u8],
    /// Where the fields are, if not before each value.
    names: Option<usize>,
    at: usize,
}

impl<'a> Entry<'a> {
    /// Number of fields.
    #[inline]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether it is deleted, and only there because its node holds others.
    pub fn is_deleted(&self) -> bool {
        self.is_deleted
    }

    /// Whether its fields are those of its node.
    pub fn has_fields_of_node(&self) -> bool {
        self.names.is_some()
    }

    /// Whether it has no field, which no entry of XADD is.
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// The fields with their values, in order.
    #[inline]
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs {
            left: self.fields,
            bytes: self.bytes,
            names: self.names,
            at: self.at,
        }
    }
}

/// The fields and values of an entry.
pub struct Pairs<'a> {
    left: usize,
    bytes: &'a [u8],
    names: Option<usize>,
    at: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Text<'a>, Text<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let field = match &mut self.names {
            Some(names) => Text::read(self.bytes, names),
            None => Text::read(self.bytes, &mut self.at),
        };
        Some((field, Text::read(self.bytes, &mut self.at)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Pairs<'_> {}
