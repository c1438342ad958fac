//! Where the members of a large sorted set lie, each with its score, under a number of 32 bits.
//!
//! The tree and the table both need to name a member. A number of four bytes does it in half a
//! pointer, stays right when either of them moves its entries about, and lets both be split and
//! merged without a look at the member. A place has 32 bytes, so it never spans two cache lines, and
//! holds members of up to 22 bytes itself; a longer one costs an allocation.
//!
//! Places come in chunks of 64 KiB, so that growth copies nothing but the first, small one. After
//! many removals the places at the end move into vacant ones, a few for each removal
//! ([`Slab::compact`]), so that memory goes back without a pause.

use std::mem;

/// Places in a chunk: 64 KiB.
const CHUNK: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 11;

/// Longest member that lies within its place, in bytes.
const INLINE: usize = 22;

/// Vacant places that are never worth moving for.
const SPARE: usize = 32;

/// No slot.
const NONE: u32 = u32::MAX;

/// What a place holds besides the score.
enum Name {
    Inline {
        len: u8,
        bytes: [u8; INLINE],
    },
    Heap(Box<[u8]>),
    /// No member: a link in the list of vacant places.
    Vacant {
        previous: u32,
        next: u32,
    },
}

/// Room for one member and its score.
#[repr(align(32))]
struct Place {
    score: f64,
    name: Name,
}

const _: () = assert!(size_of::<Place>() == 32);

impl Name {
    fn new(member: &[u8]) -> Self {
        if member.len() <= INLINE {
            let mut bytes = [0; INLINE];
            bytes[..member.len()].copy_from_slice(member);
            let len = member.len() as u8;
            Name::Inline { len, bytes }
        } else {
            Name::Heap(member.into())
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Name::Inline { len, bytes } => &bytes[..*len as usize],
            Name::Heap(bytes) => bytes,
            Name::Vacant { .. } => &[],
        }
    }

    fn heap_bytes(&self) -> usize {
        match self {
            Name::Heap(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

/// Members and their scores by number.
pub struct Slab {
    chunks: Vec<Vec<Place>>,
    /// The first vacant place.
    vacant: u32,
    vacant_len: usize,
    len: usize,
    /// Bytes of members that lie elsewhere.
    outside: usize,
}

impl Slab {
    /// A slab without members, with room for `len`.
    pub fn with_capacity(len: usize) -> Self {
        let first = Vec::with_capacity(len.min(CHUNK));
        let mut chunks = Vec::with_capacity(len.div_ceil(CHUNK).max(1));
        chunks.push(first);
        Slab {
            chunks,
            vacant: NONE,
            vacant_len: 0,
            len: 0,
            outside: 0,
        }
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn place(&self, slot: u32) -> &Place {
        &self.chunks[(slot >> CHUNK_BITS) as usize][slot as usize % CHUNK]
    }

    #[inline]
    fn place_mut(&mut self, slot: u32) -> &mut Place {
        &mut self.chunks[(slot >> CHUNK_BITS) as usize][slot as usize % CHUNK]
    }

    /// The member in a slot that is in use.
    #[inline]
    pub fn member(&self, slot: u32) -> &[u8] {
        self.place(slot).name.bytes()
    }

    /// The score of the member in a slot that is in use.
    #[inline]
    pub fn score(&self, slot: u32) -> f64 {
        self.place(slot).score
    }

    /// Changes the score of the member in a slot that is in use.
    #[inline]
    pub fn set_score(&mut self, slot: u32, score: f64) {
        self.place_mut(slot).score = score;
    }

    /// Where a slot lies, to be fetched into the cache.
    #[inline]
    pub fn address(&self, slot: u32) -> *const u8 {
        std::ptr::from_ref(self.place(slot)).cast()
    }

    /// Puts in a member. Returns its slot. O(1) amortised.
    ///
    /// # Panics
    /// If there are as many members as 32 bits can number.
    pub fn insert(&mut self, member: &[u8], score: f64) -> u32 {
        let place = Place {
            score,
            name: Name::new(member),
        };
        self.outside += place.name.heap_bytes();
        self.len += 1;
        if self.vacant != NONE {
            let slot = self.vacant;
            self.unlink(slot);
            *self.place_mut(slot) = place;
            return slot;
        }
        self.push(place)
    }

    fn push(&mut self, place: Place) -> u32 {
        if self.last_chunk().len() == CHUNK {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let chunk = self.chunks.len() - 1;
        let last = self.last_chunk();
        if last.len() == last.capacity() {
            // Only the first chunk grows; the others are made whole.
            let more = (last.len() / 4).max(8).min(CHUNK - last.len());
            last.reserve_exact(more);
        }
        last.push(place);
        let slot = chunk * CHUNK + last.len() - 1;
        assert!(slot < NONE as usize, "a slot has 32 bits");
        slot as u32
    }

    fn last_chunk(&mut self) -> &mut Vec<Place> {
        self.chunks.last_mut().expect("there is always one")
    }

    /// Takes the member out of a slot that is in use. O(1).
    pub fn remove(&mut self, slot: u32) {
        let next = self.vacant;
        let name = Name::Vacant {
            previous: NONE,
            next,
        };
        let gone = mem::replace(&mut self.place_mut(slot).name, name);
        debug_assert!(!matches!(gone, Name::Vacant { .. }));
        self.outside -= gone.heap_bytes();
        self.len -= 1;
        self.vacant_len += 1;
        self.vacant = slot;
        self.set_previous(next, slot);
    }

    fn set_previous(&mut self, slot: u32, to: u32) {
        if slot != NONE
            && let Name::Vacant { previous, .. } = &mut self.place_mut(slot).name
        {
            *previous = to;
        }
    }

    /// Takes a vacant place out of the list.
    fn unlink(&mut self, slot: u32) {
        let Name::Vacant { previous, next } = self.place(slot).name else {
            unreachable!("only vacant places are in the list")
        };
        self.vacant_len -= 1;
        self.set_previous(next, previous);
        if previous == NONE {
            self.vacant = next;
        } else if let Name::Vacant { next: link, .. } = &mut self.place_mut(previous).name {
            *link = next;
        }
    }

    /// Whether more than half of the places are vacant, so that [`Slab::compact`] is called for.
    #[inline]
    pub fn is_sparse(&self) -> bool {
        self.vacant_len > self.len + SPARE
    }

    /// Gives up the last place, of a slab that is sparse. If a member was in it, it moves: returns its
    /// slot and its new one. O(1) amortised.
    pub fn compact(&mut self) -> Option<(u32, u32)> {
        let chunk = self.chunks.len() - 1;
        let last = self.last_chunk();
        let from = (chunk * CHUNK + last.len()).checked_sub(1)? as u32;
        let is_vacant = matches!(self.place(from).name, Name::Vacant { .. });
        if is_vacant {
            self.unlink(from);
        }
        let place = self.last_chunk().pop()?;
        let moved = if is_vacant {
            None
        } else {
            let to = self.vacant;
            self.unlink(to);
            *self.place_mut(to) = place;
            Some((from, to))
        };
        self.release();
        moved
    }

    /// Gives back what the last chunk no longer needs.
    fn release(&mut self) {
        let (chunks, last) = (self.chunks.len(), self.last_chunk());
        if last.is_empty() && chunks > 1 {
            self.chunks.pop();
        } else if chunks == 1 && last.len() * 2 + 8 < last.capacity() {
            last.shrink_to(last.len() * 5 / 4);
        }
    }

    /// Bytes allocated. O(1).
    pub fn bytes(&self) -> usize {
        let places = match &self.chunks[..] {
            [only] => only.capacity(),
            chunks => chunks.len() * CHUNK,
        };
        places * size_of::<Place>()
            + self.chunks.capacity() * size_of::<Vec<Place>>()
            + self.outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    /// Puts in and removes at random, mostly the one or the other in turn, and compares.
    #[test]
    fn agrees_with_a_vec_while_members_move() {
        let mut chance = Chance::new(3);
        let mut slab = Slab::with_capacity(0);
        let mut model: Vec<(u32, Vec<u8>, f64)> = Vec::new();
        for step in 0..60_000 {
            let growing = step / 15_000 % 2 == 0;
            if chance.below(10) < if growing { 7 } else { 2 } || model.is_empty() {
                let member = chance.text(b"abcdef", 45);
                let slot = slab.insert(&member, step as f64);
                assert!(model.iter().rev().take(50).all(|other| other.0 != slot));
                model.push((slot, member, step as f64));
            } else {
                let (slot, member, score) = model.swap_remove(chance.below(model.len()));
                assert_eq!((slab.member(slot), slab.score(slot)), (&member[..], score));
                slab.remove(slot);
                while slab.is_sparse() {
                    if let Some((from, to)) = slab.compact() {
                        let moved = model.iter_mut().find(|entry| entry.0 == from);
                        moved.expect("a member moved").0 = to;
                    }
                }
            }
            assert_eq!(slab.len(), model.len());
            if step % 1_000 == 999 {
                let outside = |entry: &(u32, Vec<u8>, f64)| match entry.1.len() {
                    0..=INLINE => 0,
                    len => len,
                };
                assert_eq!(slab.outside, model.iter().map(outside).sum::<usize>());
                for (slot, member, score) in &model {
                    assert_eq!(
                        (slab.member(*slot), slab.score(*slot)),
                        (&member[..], *score)
                    );
                }
            }
        }
    }

    #[test]
    fn memory_goes_back() {
        let mut slab = Slab::with_capacity(0);
        let mut slots: Vec<u32> = (0..50_000).map(|_| slab.insert(b"member", 0.0)).collect();
        let full = slab.bytes();
        assert!(full < 50_000 * 34);
        while slots.len() > 10 {
            slab.remove(slots.swap_remove(slots.len() / 2));
            while slab.is_sparse() {
                if let Some((from, to)) = slab.compact() {
                    let moved = slots.iter().position(|slot| *slot == from);
                    slots[moved.expect("a member moved")] = to;
                }
            }
            assert!(slab.bytes() <= slots.len() * 100 + 2 * CHUNK * 32 + full / 32);
        }
        assert!(slab.bytes() < 8_000, "{}", slab.bytes());
    }
}
