//! The chunks of a stream as Redis would keep them, each in a listpack: to be written and read in its form.

use super::chunk::{Chunk, Entries};
use super::{Log, MOST_BYTES, StreamId, Text};

/// A chunk of a stream.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    /// The ID of its first entry, be that deleted or not.
    pub first: StreamId,
    chunk: &'a Chunk,
}

impl<'a> Node<'a> {
    /// Number of entries that are not deleted.
    pub fn live(self) -> usize {
        self.chunk.live()
    }

    /// Number of entries that are.
    pub fn deleted(self) -> usize {
        self.chunk.entries() - self.chunk.live()
    }

    /// The fields that entries may share.
    pub fn fields(self) -> impl ExactSizeIterator<Item = Text<'a>> {
        self.chunk.fields()
    }

    /// The entries, deleted ones too.
    pub fn entries(self) -> Entries<'a> {
        self.chunk.iter(self.first)
    }
}

/// An entry that is to be put into a node.
#[derive(Clone, Copy)]
pub struct NodeEntry<'a, 'b> {
    /// Its ID.
    pub id: StreamId,
    /// Whether it is deleted.
    pub is_deleted: bool,
    /// Its fields and values.
    pub pairs: &'b [(&'a [u8], &'a [u8])],
}

/// An entry that does not come behind the others, or is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit;

impl Log {
    /// The chunks in order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        let last = self.last.iter().map(|(first, chunk)| (first, chunk));
        let chunks = self.chunks.iter().chain(last);
        chunks.map(|(&first, chunk)| Node { first, chunk })
    }

    /// Begins a node behind the others, whose entries may share these fields. The one before gets no more.
    ///
    /// # Errors
    /// If it does not come behind the others.
    pub fn begin_node<'a>(
        &mut self,
        first: StreamId,
        fields: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<(), Misfit> {
        self.end_node();
        let highest = self.last.as_ref().map(|(before, _)| *before);
        if highest.is_some_and(|before| first <= before) || self.len > 0 && first <= self.last_id {
            return Err(Misfit);
        }
        if let Some((before, mut full)) = self.last.take() {
            full.seal();
            self.chunks.insert(before, full);
        }
        self.last = Some((first, Chunk::new(fields)));
        Ok(())
    }

    /// Adds an entry to the node that was begun last. Counts it, if it is not deleted, and lets its ID be the
    /// last.
    ///
    /// # Errors
    /// If it does not come behind the others, or is too large.
    pub fn add_to_node(&mut self, entry: NodeEntry<'_, '_>) -> Result<(), Misfit> {
        let Some((first, chunk)) = &mut self.last else {
            return Err(Misfit);
        };
        let bytes = entry
            .pairs
            .iter()
            .map(|(field, value)| field.len() + value.len());
        if bytes.sum::<usize>() > MOST_BYTES || chunk.listpack_bytes() > MOST_BYTES {
            return Err(Misfit);
        }
        let place = chunk.append(*first, entry.id, entry.pairs.iter().copied());
        if entry.is_deleted {
            chunk.delete_at(place);
            return Ok(());
        }
        if entry.id < *first || self.len > 0 && entry.id <= self.last_id {
            return Err(Misfit);
        }
        self.len += 1;
        self.last_id = entry.id;
        Ok(())
    }

    /// Ends the node that was begun last; one of which all entries are deleted is dropped, as everywhere.
    pub fn end_node(&mut self) {
        if self
            .last
            .as_ref()
            .is_some_and(|(_, chunk)| chunk.live() == 0)
        {
            self.last = self.chunks.pop_last();
        }
        self.find_first();
    }
}
