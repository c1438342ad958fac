//! A list: elements in order, pushed and popped at both ends.
//!
//! It is one word, so that a key's entry holds it. A small one is a single chunk: its elements one
//! after another in one allocation, with room at both ends ([`chunk`]). One that has grown beyond its
//! limit is a ring of chunks ([`large`]), each of some kilobytes, so that both ends are O(1) and an index
//! is found by the chunks' counts.

mod chunk;
mod element;
mod fill;
mod large;
#[cfg(test)]
mod tests;

use crate::types::word::{Either, Form, FormMut, Word};
use chunk::Chunk;
use element::Encoded;
use large::{Large, Place};

pub use chunk::End;
pub use element::Element;
pub use fill::Fill;
pub use large::Range;

/// A list. One word: a pointer.
#[derive(Clone)]
pub struct List(Word<Large, Chunk>);

const _: () = assert!(size_of::<List>() == 8);

impl Default for List {
    fn default() -> Self {
        List::new()
    }
}

impl Default for Chunk {
    fn default() -> Self {
        Chunk::new()
    }
}

impl List {
    /// An empty list. Allocates nothing.
    pub fn new() -> Self {
        List(Word::compact(Chunk::new()))
    }

    /// A list of these elements, in the form that they call for. O(n).
    pub fn of<'a>(elements: impl Iterator<Item = &'a [u8]>, fill: Fill) -> Self {
        let mut builder = Builder::new(fill);
        elements.for_each(|element| builder.push(element));
        builder.finish()
    }

    /// Number of elements. O(1).
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Compact(chunk) => chunk.count(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Goes over to the large form if `count` elements with `bytes` bytes in all are about to be added and are
    /// more than may be in the compact form. To be called before elements are added.
    #[inline]
    pub fn expect(&mut self, bytes: usize, count: usize, fill: Fill) {
        if let FormMut::Compact(chunk) = self.0.get_mut()
            && fill.is_exceeded(chunk.len() + bytes, chunk.count() + count)
        {
            let chunk = std::mem::take(chunk);
            self.0 = Word::large(Large::of(chunk, fill));
        }
    }

    /// Goes over to the compact form if few elements are left. To be called after elements were removed or
    /// replaced.
    #[inline]
    pub fn settle(&mut self, fill: Fill) {
        self.settle_within(fill, true);
    }

    #[inline]
    fn settle_within(&mut self, fill: Fill, shrinking: bool) {
        if let FormMut::Large(large) = self.0.get_mut()
            && let Some(chunk) = large.take_compact(fill, shrinking)
        {
            self.0 = Word::compact(chunk);
        }
    }

    /// Adds an element at one end, after [`List::expect`]. Amortised O(its length).
    #[inline]
    pub fn push(&mut self, end: End, text: &[u8]) {
        match self.0.get_mut() {
            FormMut::Compact(chunk) => {
                let spare = chunk.len() / 8;
                chunk.push(end, &Encoded::new(Element::of(text)), spare);
            }
            FormMut::Large(large) => large.push(end, text),
        }
    }

    /// Hands the element at one end to `take`, and removes it. `None` if the list is empty. Amortised O(1);
    /// [`List::settle`] is to follow.
    #[inline]
    pub fn pop<R>(&mut self, end: End, take: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        match self.0.get_mut() {
            FormMut::Compact(chunk) => {
                if chunk.count() == 0 {
                    return None;
                }
                let (element, bytes) = chunk.at_end(end);
                let result = take(element);
                chunk.cut(end, bytes, 1);
                chunk.trim_if_sparse();
                Some(result)
            }
            FormMut::Large(large) => large.pop(end, take),
        }
    }

    /// The element at one end. O(1).
    pub fn end(&self, end: End) -> Option<Element<'_>> {
        match self.0.get() {
            Form::Compact(chunk) => (chunk.count() > 0).then(|| chunk.at_end(end).0),
            Form::Large(large) => large.end(end),
        }
    }

    /// Element `index`. O(n / 1,000), from the nearer end.
    pub fn get(&self, index: usize) -> Option<Element<'_>> {
        if index >= self.len() {
            return None;
        }
        let (chunk, at) = match self.0.get() {
            Form::Compact(chunk) => (chunk, chunk.offset(index)),
            Form::Large(large) => {
                let place = large.place(index);
                (&large.slots()[place.slot].chunk, place.at)
            }
        };
        Some(element::read(chunk.bytes(), at).0)
    }

    /// The elements `from` to `to`, `to` excluded; both are cut to the length. O(n / 1,000) to find the ends,
    /// and O(1) for each, from either end.
    #[inline]
    pub fn range(&self, from: usize, to: usize) -> Range<'_> {
        let to = to.min(self.len());
        let from = from.min(to);
        match self.0.get() {
            Form::Compact(chunk) => Range::of(chunk, from, to - from),
            Form::Large(large) => large.range(from, to),
        }
    }

    /// All elements in order.
    pub fn iter(&self) -> Range<'_> {
        self.range(0, self.len())
    }

    /// Removes the elements `from` to `to`, `to` excluded; both are cut to the length. O(n / 1,000 + 1,000);
    /// [`List::settle`] is to follow.
    pub fn remove_range(&mut self, from: usize, to: usize) {
        let to = to.min(self.len());
        let from = from.min(to);
        match self.0.get_mut() {
            FormMut::Compact(chunk) if from == 0 && to == chunk.count() => *chunk = Chunk::new(),
            FormMut::Compact(chunk) if from < to => large::remove_elements(chunk, from, to - from),
            FormMut::Compact(_) => {}
            FormMut::Large(large) => large.remove_range(from, to - from),
        }
    }

    /// Puts an element in the place of number `index`, after [`List::expect`]. False if there is none. O(n / 1,000 +
    /// 1,000); [`List::settle`] is to follow.
    pub fn replace(&mut self, index: usize, text: &[u8]) -> bool {
        if index >= self.len() {
            return false;
        }
        match self.0.get_mut() {
            FormMut::Compact(chunk) => {
                let at = chunk.offset(index);
                let old = element::next(chunk.bytes(), at) - at;
                chunk.splice(at, old, 1, Some(&Encoded::new(Element::of(text))));
                chunk.trim_if_sparse();
            }
            FormMut::Large(large) => large.replace(large.place(index), text),
        }
        true
    }

    /// Puts an element after or before the first that is equal to `pivot`, after [`List::expect`]. False if there is
    /// none. O(n).
    pub fn insert(&mut self, pivot: &[u8], after: bool, text: &[u8]) -> bool {
        let wanted = Encoded::new(Element::of(pivot));
        match self.0.get_mut() {
            FormMut::Compact(chunk) => {
                let Some((_, at)) = first(chunk, &wanted) else {
                    return false;
                };
                let at = match after {
                    true => element::next(chunk.bytes(), at),
                    false => at,
                };
                chunk.splice(at, 0, 0, Some(&Encoded::new(Element::of(text))));
            }
            FormMut::Large(large) => {
                let mut chunks = large.slots().iter().enumerate();
                let place = chunks.find_map(|(slot, chunk)| {
                    let (index, at) = first(&chunk.chunk, &wanted)?;
                    Some(Place { slot, index, at })
                });
                let Some(place) = place else {
                    return false;
                };
                large.insert(place, after, text);
            }
        }
        true
    }

    /// Removes up to `most` elements, at least one, that are equal to `text`, from one end on. Returns how many. O(n);
    /// [`List::settle`] is to follow.
    pub fn remove(&mut self, text: &[u8], most: usize, from: End) -> usize {
        let wanted = Encoded::new(Element::of(text));
        match self.0.get_mut() {
            FormMut::Compact(chunk) => {
                large::remove_equal(chunk, &wanted, most, from, &mut Vec::new())
            }
            FormMut::Large(large) => large.remove_equal(&wanted, most, from),
        }
    }

    /// Tells `found` which of the `limit` elements next to one end are equal to `text`, counted from that end, until
    /// it says that it is enough. O(n).
    pub fn find(&self, text: &[u8], from: End, limit: usize, mut found: impl FnMut(usize) -> bool) {
        let wanted = Encoded::new(Element::of(text));
        let mut passed = 0;
        let mut look = |chunk: &Chunk| {
            let left = limit - passed;
            let more = chunk.find(&wanted, from, left, |number, _| found(passed + number));
            passed += chunk.count();
            more && passed < limit
        };
        match (self.0.get(), from) {
            (Form::Compact(chunk), _) => {
                look(chunk);
            }
            (Form::Large(large), End::Front) => {
                let _ = large.slots().iter().all(|slot| look(&slot.chunk));
            }
            (Form::Large(large), End::Back) => {
                let _ = large.slots().iter().rev().all(|slot| look(&slot.chunk));
            }
        }
    }

    /// The pieces in which it is kept, in order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        match self.0.get() {
            Form::Compact(chunk) => Either::First(std::iter::once(Node(chunk))),
            Form::Large(large) => {
                Either::Second(large.slots().iter().map(|slot| Node(&slot.chunk)))
            }
        }
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        if self.is_compact() {
            "listpack"
        } else {
            "quicklist"
        }
    }

    /// Whether it is in the compact form: one piece of memory.
    #[inline]
    pub fn is_compact(&self) -> bool {
        self.0.is_compact()
    }

    /// Bytes on the heap. O(n / 1,000).
    pub fn heap_bytes(&self) -> usize {
        match self.0.get() {
            Form::Compact(chunk) => chunk.heap_bytes(),
            Form::Large(large) => large.bytes(),
        }
    }
}

/// The first element of a chunk that is equal to `wanted`: its number, and where it begins.
fn first(chunk: &Chunk, wanted: &Encoded<'_>) -> Option<(usize, usize)> {
    let mut place = None;
    chunk.find(wanted, End::Front, usize::MAX, |number, at| {
        place = Some((number, at));
        false
    });
    place
}

/// A piece of a list: what Redis keeps in one node, and dumps as one.
#[derive(Clone, Copy)]
pub struct Node<'a>(&'a Chunk);

impl<'a> Node<'a> {
    /// Number of elements.
    pub fn count(self) -> usize {
        self.0.count()
    }

    /// The elements as a listpack has them, without its frame.
    pub fn bytes(self) -> &'a [u8] {
        self.0.bytes()
    }

    /// The element, if it is alone for its size: such a one is dumped as it is, and not in a listpack.
    pub fn plain(self) -> Option<Element<'a>> {
        self.0.is_plain().then(|| self.0.at_end(End::Front).0)
    }
}

/// Makes a list from its front to its back.
pub struct Builder {
    large: Large,
    fill: Fill,
    /// Whether the last node gets no more elements.
    ended: bool,
}

impl Builder {
    /// Nothing yet.
    pub fn new(fill: Fill) -> Self {
        Builder {
            large: Large::new(fill),
            fill,
            ended: false,
        }
    }

    /// Adds an element. Amortised O(its length).
    pub fn push(&mut self, text: &[u8]) {
        if std::mem::take(&mut self.ended) {
            self.large.push_apart(text);
        } else {
            self.large.push(End::Back, text);
        }
    }

    /// Adds the elements of a node, as a node of their own. O(bytes).
    pub fn append(&mut self, node: Node<'_>) {
        self.large.append(node.0.clone());
        self.ended = false;
    }

    /// The next element begins a new node, whether or not the last one is full.
    pub fn end_node(&mut self) {
        self.ended = true;
    }

    /// The list, in the form that its elements call for.
    pub fn finish(self) -> List {
        if self.large.len() == 0 {
            return List::new();
        }
        let mut list = List(Word::large(self.large));
        list.settle_within(self.fill, false);
        list
    }
}
