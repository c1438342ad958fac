//! The large form of a list: chunks in a ring.
//!
//! Each chunk's number of elements is kept beside its pointer, so that the chunk of an index is found
//! without a look into any. Where chunks begin and end is as in Redis's quicklist, for it decides
//! when a list becomes compact again.

use std::collections::VecDeque;

use super::chunk::{Chunk, End};
use super::element::{self, Element, Encoded};
use super::fill::Fill;

/// Most bytes of a chunk of several elements.
const MOST_BYTES: usize = 1 << 30;

/// A chunk, and how many elements it has.
#[derive(Clone)]
pub struct Slot {
    pub chunk: Chunk,
    count: u32,
}

impl Slot {
    fn new(chunk: Chunk) -> Self {
        let count = chunk.count() as u32;
        Slot { chunk, count }
    }

    /// Number of elements.
    #[inline]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Changes the chunk, and notes how many elements it has then.
    #[inline]
    fn change<R>(&mut self, change: impl FnOnce(&mut Chunk) -> R) -> R {
        let result = change(&mut self.chunk);
        self.count = self.chunk.count() as u32;
        result
    }
}

/// Where an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its chunk's number.
    pub slot: usize,
    /// Its number in the chunk.
    pub index: usize,
    /// Where it begins in the chunk.
    pub at: usize,
}

/// Chunks with at least one element each.
pub struct Large {
    slots: VecDeque<Slot>,
    len: usize,
    fill: Fill,
}

impl Large {
    /// No elements.
    pub fn new(fill: Fill) -> Self {
        Large {
            slots: VecDeque::new(),
            len: 0,
            fill,
        }
    }

    /// The elements of a compact list.
    pub fn of(chunk: Chunk, fill: Fill) -> Self {
        let mut large = Large::new(fill);
        if chunk.count() > 0 {
            large.len = chunk.count();
            large.put(0, chunk);
        }
        large
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The chunks in order.
    #[inline]
    pub fn slots(&self) -> &VecDeque<Slot> {
        &self.slots
    }

    /// Puts a chunk, of whose elements the length knows, before chunk `at`.
    fn put(&mut self, at: usize, chunk: Chunk) {
        if self.slots.len() == self.slots.capacity() {
            // An eighth more, not twice as much.
            let more = (self.slots.len() / 8).max(4);
            self.slots.reserve_exact(more);
        }
        self.slots.insert(at, Slot::new(chunk));
    }

    /// The element at one end.
    pub fn end(&self, end: End) -> Option<Element<'_>> {
        let slot = match end {
            End::Front => self.slots.front(),
            End::Back => self.slots.back(),
        };
        slot.map(|slot| slot.chunk.at_end(end).0)
    }

    /// Adds an element at one end. Amortised O(its length).
    #[inline]
    pub fn push(&mut self, end: End, text: &[u8]) {
        let element = Encoded::new(Element::of(text));
        self.len += 1;
        let slot = match end {
            End::Front => self.slots.front_mut(),
            End::Back => self.slots.back_mut(),
        };
        if let Some(slot) = slot
            && has_room(self.fill, &slot.chunk, text.len())
        {
            let len = slot.chunk.len() + element.len();
            let spare = len.min(self.fill.target().saturating_sub(len));
            return slot.change(|chunk| chunk.push(end, &element, spare));
        }
        self.push_chunk(end, &element, text.len());
    }

    /// Adds an element behind all others, in a chunk of its own.
    pub fn push_apart(&mut self, text: &[u8]) {
        self.len += 1;
        self.push_chunk(End::Back, &Encoded::new(Element::of(text)), text.len());
    }

    #[cold]
    fn push_chunk(&mut self, end: End, element: &Encoded<'_>, len: usize) {
        let at = match end {
            End::Front => 0,
            End::Back => self.slots.len(),
        };
        let chunk = self.new_chunk(end, element, len);
        let last = match end {
            End::Front => self.slots.front_mut(),
            End::Back => self.slots.back_mut(),
        };
        if let Some(slot) = last {
            // It grows no more, or not soon.
            slot.chunk.trim();
        }
        self.put(at, chunk);
    }

    /// A chunk with one element of `len` bytes, and room at one end.
    fn new_chunk(&self, end: End, element: &Encoded<'_>, len: usize) -> Chunk {
        if self.fill.is_alone(len) {
            return Chunk::plain(element);
        }
        let mut chunk = Chunk::new();
        chunk.push(end, element, 0);
        chunk
    }

    /// Adds a chunk behind all others.
    pub fn append(&mut self, chunk: Chunk) {
        if chunk.count() > 0 {
            self.len += chunk.count();
            self.put(self.slots.len(), chunk);
        }
    }

    /// Hands the element at one end to `take`, and removes it. `None` if there is none. O(1).
    #[inline]
    pub fn pop<R>(&mut self, end: End, take: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let slot = match end {
            End::Front => self.slots.front_mut(),
            End::Back => self.slots.back_mut(),
        }?;
        let (element, bytes) = slot.chunk.at_end(end);
        let result = take(element);
        slot.change(|chunk| chunk.cut(end, bytes, 1));
        self.len -= 1;
        if slot.count == 0 {
            match end {
                End::Front => self.slots.pop_front(),
                End::Back => self.slots.pop_back(),
            };
            self.shrink();
        }
        Some(result)
    }

    /// Gives back the memory of chunks that are gone. Amortised O(1).
    fn shrink(&mut self) {
        let (used, room) = (self.slots.len(), self.slots.capacity());
        if room > 16 && used < room / 4 {
            self.slots.shrink_to(used * 2);
        }
    }

    /// Where element `index` is, which is less than the length. O(chunks between it and the nearer end).
    #[inline]
    pub fn place(&self, index: usize) -> Place {
        let (slot, index) = self.slot_of(index);
        let at = self.slots[slot].chunk.offset(index);
        Place { slot, index, at }
    }

    fn slot_of(&self, index: usize) -> (usize, usize) {
        if index < self.len / 2 {
            let mut index = index;
            for (number, slot) in self.slots.iter().enumerate() {
                if index < slot.count() {
                    return (number, index);
                }
                index -= slot.count();
            }
        } else {
            let mut behind = self.len - index;
            for (number, slot) in self.slots.iter().enumerate().rev() {
                if behind <= slot.count() {
                    return (number, slot.count() - behind);
                }
                behind -= slot.count();
            }
        }
        unreachable!("an index below the length")
    }

    /// The elements `from` to `to`, `to` excluded, which are at most the length.
    pub fn range(&self, from: usize, to: usize) -> Range<'_> {
        if from >= to {
            return Range::nothing();
        }
        Range::new(self, from, to - from)
    }

    /// Removes `count` elements from number `from` on, which are there. O(chunks + 1 chunk's bytes).
    pub fn remove_range(&mut self, from: usize, count: usize) {
        if count == 0 {
            return;
        }
        let (first, start) = self.slot_of(from);
        let (mut number, mut start, mut left) = (first, start, count);
        let mut gone = first..first;
        while left > 0 {
            let slot = &mut self.slots[number];
            let removed = left.min(slot.count() - start);
            if removed == slot.count() {
                if gone.is_empty() {
                    gone = number..number;
                }
                gone.end = number + 1;
            } else {
                slot.change(|chunk| remove_elements(chunk, start, removed));
            }
            left -= removed;
            start = 0;
            number += 1;
        }
        self.slots.drain(gone);
        self.len -= count;
        self.shrink();
    }

    /// Puts an element beside the one at `place`. O(one chunk's bytes + chunks).
    pub fn insert(&mut self, place: Place, after: bool, text: &[u8]) {
        let element = Encoded::new(Element::of(text));
        let number = place.slot;
        let beside = number + usize::from(after);
        let chunk = &self.slots[number].chunk;
        let edge = match after {
            true => place.index + 1 == chunk.count(),
            false => place.index == 0,
        };
        self.len += 1;
        if self.fill.is_alone(text.len()) {
            if edge {
                return self.put(beside, Chunk::plain(&element));
            }
            self.split(place, after);
            return self.put(number + 1, Chunk::plain(&element));
        }
        if has_room(self.fill, chunk, text.len()) {
            let at = match after {
                true => element::next(chunk.bytes(), place.at),
                false => place.at,
            };
            return self.slots[number].change(|chunk| chunk.splice(at, 0, 0, Some(&element)));
        }
        // The near end of what comes next, or before.
        let end = if after { End::Front } else { End::Back };
        if !edge {
            self.split(place, after);
            self.slots[beside].change(|chunk| chunk.push(end, &element, 0));
            self.merge(number + usize::from(!after));
            return;
        }
        let neighbour = match after {
            true => self.slots.get_mut(number + 1),
            false => number.checked_sub(1).and_then(|at| self.slots.get_mut(at)),
        };
        match neighbour {
            Some(slot) if has_room(self.fill, &slot.chunk, text.len()) => {
                slot.change(|chunk| chunk.push(end, &element, 0));
            }
            _ => {
                let chunk = self.new_chunk(end, &element, text.len());
                self.put(beside, chunk);
            }
        }
    }

    /// Divides a chunk in two, after the element at `place` or before it, which is not at that edge.
    fn split(&mut self, place: Place, after: bool) {
        let slot = &mut self.slots[place.slot];
        let (index, at) = match after {
            true => (place.index + 1, element::next(slot.chunk.bytes(), place.at)),
            false => (place.index, place.at),
        };
        let rest = slot.change(|chunk| chunk.split_off(index, at));
        self.put(place.slot + 1, rest);
    }

    /// Joins the chunks around `center` where two are not too much for one.
    fn merge(&mut self, center: usize) {
        let mut center = center;
        if center >= 2 && self.join(center - 2) {
            center -= 1;
        }
        self.join(center + 1);
        if center >= 1 && self.join(center - 1) {
            center -= 1;
        }
        self.join(center);
    }

    /// Joins chunk `number` with the next one, if they are not too much for one.
    fn join(&mut self, number: usize) -> bool {
        let (Some(one), Some(other)) = (self.slots.get(number), self.slots.get(number + 1)) else {
            return false;
        };
        let (one, other) = (&one.chunk, &other.chunk);
        let count = one.count() + other.count();
        if one.is_plain()
            || other.is_plain()
            || self.fill.is_exceeded(one.len() + other.len(), count)
        {
            return false;
        }
        if let Some(gone) = self.slots.remove(number + 1) {
            let (bytes, count) = (gone.chunk.bytes(), gone.count());
            self.slots[number].change(|chunk| chunk.append(bytes, count));
        }
        true
    }

    /// Puts an element in the place of another. O(one chunk's bytes + chunks).
    pub fn replace(&mut self, place: Place, text: &[u8]) {
        let element = Encoded::new(Element::of(text));
        let number = place.slot;
        let alone = self.fill.is_alone(text.len());
        let chunk = &mut self.slots[number].chunk;
        if chunk.is_plain() {
            if alone {
                *chunk = Chunk::plain(&element);
                return;
            }
            self.insert(place, true, text);
            self.slots.remove(number);
            self.len -= 1;
            return;
        }
        if !alone && chunk.len() + element.len() <= MOST_BYTES {
            let old = element::next(chunk.bytes(), place.at) - place.at;
            return chunk.splice(place.at, old, 1, Some(&element));
        }
        if place.index + 1 < chunk.count() {
            self.split(place, true);
        }
        let chunk = self.new_chunk(End::Back, &element, text.len());
        self.put(number + 1, chunk);
        let slot = &mut self.slots[number];
        if slot.count == 1 {
            self.slots.remove(number);
            return;
        }
        let (_, bytes) = slot.chunk.at_end(End::Back);
        slot.change(|chunk| chunk.cut(End::Back, bytes, 1));
        self.merge(number + 1);
    }

    /// Removes up to `most` elements equal to `wanted`, from one end on. Returns how many. O(n).
    pub fn remove_equal(&mut self, wanted: &Encoded<'_>, most: usize, from: End) -> usize {
        let mut left = most;
        let mut emptied = false;
        let mut starts = Vec::new();
        for nth in 0..self.slots.len() {
            let number = match from {
                End::Front => nth,
                End::Back => self.slots.len() - 1 - nth,
            };
            let slot = &mut self.slots[number];
            left -= slot.change(|chunk| remove_equal(chunk, wanted, left, from, &mut starts));
            emptied |= slot.count == 0;
            if left == 0 {
                break;
            }
        }
        if emptied {
            self.slots.retain(|slot| slot.count > 0);
            self.shrink();
        }
        self.len -= most - left;
        most - left
    }

    /// The only chunk, if it may become a compact list.
    pub fn take_compact(&mut self, fill: Fill, shrinking: bool) -> Option<Chunk> {
        let [slot] = self.slots.make_contiguous() else {
            return None;
        };
        let chunk = &mut slot.chunk;
        if chunk.is_plain() || !fill.is_compact(chunk.len(), chunk.count(), shrinking) {
            return None;
        }
        chunk.trim();
        Some(std::mem::take(chunk))
    }

    /// Bytes on the heap. O(chunks).
    pub fn bytes(&self) -> usize {
        let chunks: usize = self.slots.iter().map(|slot| slot.chunk.heap_bytes()).sum();
        size_of::<Self>() + self.slots.capacity() * size_of::<Slot>() + chunks
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        let mut slots = VecDeque::new();
        slots.reserve_exact(self.slots.len());
        slots.extend(self.slots.iter().cloned());
        Large {
            slots,
            len: self.len,
            fill: self.fill,
        }
    }
}

/// Whether the chunk has room for an element of `len` bytes.
#[inline]
fn has_room(fill: Fill, chunk: &Chunk, len: usize) -> bool {
    !fill.is_alone(len) && !chunk.is_plain() && fill.has_room(chunk.len(), chunk.count(), len)
}

/// Removes `count` elements of a chunk from number `from` on, but not all. O(the chunk's bytes).
pub fn remove_elements(chunk: &mut Chunk, from: usize, count: usize) {
    let start = chunk.offset(from);
    let end = if from + count == chunk.count() {
        chunk.len()
    } else {
        (0..count).fold(start, |at, _| element::next(chunk.bytes(), at))
    };
    chunk.splice(start, end - start, count, None);
    chunk.trim_if_sparse();
}

/// Removes up to `most` elements, at least one, of a chunk that are equal to `wanted`, from one end on. Returns how
/// many. `starts` is a buffer. O(n).
pub fn remove_equal(
    chunk: &mut Chunk,
    wanted: &Encoded<'_>,
    most: usize,
    from: End,
    starts: &mut Vec<usize>,
) -> usize {
    starts.clear();
    chunk.find(wanted, from, usize::MAX, |_, at| {
        starts.push(at);
        starts.len() < most
    });
    if from == End::Back {
        starts.reverse();
    }
    chunk.remove_each(starts);
    chunk.trim_if_sparse();
    starts.len()
}

/// Elements of one chunk after another, from both ends.
pub struct Range<'a> {
    slots: std::collections::vec_deque::Iter<'a, Slot>,
    /// The rest of the first chunk that is not done.
    front: Run<'a>,
    /// The rest of the last chunk that is not done, if it is not the first.
    back: Run<'a>,
    left: usize,
}

/// Elements of one chunk.
#[derive(Clone, Copy)]
struct Run<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    /// How many.
    count: usize,
}

impl<'a> Run<'a> {
    const NOTHING: Run<'static> = Run {
        bytes: &[],
        at: 0,
        end: 0,
        count: 0,
    };

    fn all(chunk: &'a Chunk) -> Self {
        let bytes = chunk.bytes();
        Run {
            bytes,
            at: 0,
            end: bytes.len(),
            count: chunk.count(),
        }
    }

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.count = self.count.checked_sub(1)?;
        let (element, next) = element::read(self.bytes, self.at);
        self.at = next;
        Some(element)
    }

    #[inline]
    fn next_back(&mut self) -> Option<Element<'a>> {
        self.count = self.count.checked_sub(1)?;
        self.end = element::previous(self.bytes, self.end);
        Some(element::read(self.bytes, self.end).0)
    }
}

impl<'a> Range<'a> {
    fn nothing() -> Self {
        Range {
            slots: Default::default(),
            front: Run::NOTHING,
            back: Run::NOTHING,
            left: 0,
        }
    }

    /// `count` elements of one chunk from number `from` on.
    pub fn of(chunk: &'a Chunk, from: usize, count: usize) -> Self {
        let mut front = Run::all(chunk);
        if from + count == front.count {
            // Only the beginning is known then, which is enough.
            front.at = chunk.offset(from);
        } else {
            front.at = chunk.offset(from);
            front.end = chunk.offset(from + count);
        }
        front.count = count;
        Range {
            slots: Default::default(),
            front,
            back: Run::NOTHING,
            left: count,
        }
    }

    /// `count` elements, at least one, from number `from` on.
    fn new(large: &'a Large, from: usize, count: usize) -> Self {
        let (first, index) = large.slot_of(from);
        let slot = &large.slots[first];
        let here = slot.count() - index;
        if count <= here {
            return Range::of(&slot.chunk, index, count);
        }
        let front = Range::of(&slot.chunk, index, here).front;
        // Few ranges are so long that the walk to their end is worth a look from the other side.
        let (last, end) = large.slot_of(from + count - 1);
        let back = Range::of(&large.slots[last].chunk, 0, end + 1).front;
        Range {
            slots: large.slots.range(first + 1..last),
            front,
            back,
            left: count,
        }
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(element) = self.front.next() {
                return Some(element);
            }
            match self.slots.next() {
                Some(slot) => self.front = Run::all(&slot.chunk),
                None => return self.back.next(),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    /// A tight loop for each chunk.
    #[inline]
    fn fold<R, F: FnMut(R, Element<'a>) -> R>(self, start: R, mut step: F) -> R {
        let mut result = start;
        let rest = self.slots.map(|slot| Run::all(&slot.chunk));
        for mut run in std::iter::once(self.front).chain(rest).chain([self.back]) {
            while let Some(element) = run.next() {
                result = step(result, element);
            }
        }
        result
    }
}

impl DoubleEndedIterator for Range<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(element) = self.back.next_back() {
                return Some(element);
            }
            match self.slots.next_back() {
                Some(slot) => self.back = Run::all(&slot.chunk),
                None => return self.front.next_back(),
            }
        }
    }
}

impl ExactSizeIterator for Range<'_> {}

impl std::iter::FusedIterator for Range<'_> {}
