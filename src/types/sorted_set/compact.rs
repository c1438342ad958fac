//! The compact form of a sorted set: its entries in order, in one thin buffer.
//!
//! An entry is the score's eight bytes, the member's length and the member. Everything is a walk from
//! the front: a hundred entries take less than a cache miss or two of a tree would. The score is kept as it
//! is, so that no digits are read or written, and the length stands in front of the member, so that a
//! search steps over most members without looking at them. A walk from the back first notes where
//! the entries begin; an entry pays nothing for it.

use crate::types::packed::{Lengths, Packed, read_len, same};

/// Bytes of a score.
const SCORE: usize = size_of::<f64>();

/// Most bytes of an entry besides its member.
const OVERHEAD: usize = SCORE + 5;

/// One entry, and where it lies.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Where it begins.
    pub at: usize,
    /// Where the next one begins.
    pub end: usize,
    /// Its score.
    pub score: f64,
    /// Its member.
    pub member: &'a [u8],
}

/// The entries from one place on, in order.
#[derive(Clone)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let at = self.at;
        let score = f64::from_le_bytes(*self.bytes.get(at..)?.first_chunk()?);
        let mut start = at + SCORE;
        let len = read_len(self.bytes, &mut start);
        let end = start + len;
        self.at = end;
        Some(Entry {
            at,
            end,
            score,
            member: &self.bytes[start..end],
        })
    }
}

/// All entries.
#[inline]
pub fn entries(packed: &Packed) -> Entries<'_> {
    entries_from(packed.bytes(), 0)
}

/// The entries from the one that begins at `at`.
#[inline]
pub fn entries_from(bytes: &[u8], at: usize) -> Entries<'_> {
    Entries { bytes, at }
}

#[inline]
fn is(entry: &Entry<'_>, member: &[u8]) -> bool {
    entry.member.len() == member.len() && same(entry.member, member)
}

/// The entry of a member, and how many come before it. O(n).
#[inline]
pub fn find<'a>(packed: &'a Packed, member: &[u8]) -> Option<(usize, Entry<'a>)> {
    entries(packed)
        .enumerate()
        .find(|(_, entry)| is(entry, member))
}

/// What became of an insertion.
pub enum Inserted {
    /// It is a new member.
    New,
    /// It was a member, with this score.
    Had(f64),
    /// It would be a new member, but `may_add` says no; nothing was changed.
    No,
}

/// Adds a member or changes its score. O(n), in one walk.
pub fn insert(
    packed: &mut Packed,
    member: &[u8],
    score: f64,
    may_add: impl FnOnce(&Packed) -> bool,
) -> Inserted {
    let (mut found, mut place) = (None, None);
    for entry in entries(packed) {
        if place.is_none() && (entry.score > score || entry.score == score && entry.member > member)
        {
            place = Some(entry.at);
        }
        if is(&entry, member) {
            found = Some((entry.at, entry.end, entry.score));
            if place.is_some() {
                break;
            }
        }
    }
    let place = place.unwrap_or(packed.bytes().len());
    if let Some((at, end, before)) = found {
        if before != score {
            rescore(packed.bytes_mut(), at, end, place, score);
        }
        return Inserted::Had(before);
    }
    if may_add(packed) && add(packed, place, member, score) {
        Inserted::New
    } else {
        Inserted::No
    }
}

/// Adds a new member behind all others. False if there is no room. O(1).
pub fn push(packed: &mut Packed, member: &[u8], score: f64) -> bool {
    add(packed, packed.bytes().len(), member, score)
}

fn add(packed: &mut Packed, place: usize, member: &[u8], score: f64) -> bool {
    if !packed.has_room(OVERHEAD.saturating_add(member.len())) {
        return false;
    }
    let len = Lengths::new().and(member.len());
    packed.splice(place, 0, &[&score.to_le_bytes(), len.bytes(), member]);
    packed.set_count(packed.count() + 1);
    true
}

/// Gives the entry `at..end` another score, and moves it in front of the entry at `place`.
fn rescore(bytes: &mut [u8], at: usize, end: usize, place: usize, score: f64) {
    bytes[at..at + SCORE].copy_from_slice(&score.to_le_bytes());
    if place < at {
        bytes[place..end].rotate_right(end - at);
    } else if place > end {
        bytes[at..place].rotate_left(end - at);
    }
}

/// Removes a member. Returns the score that it had. O(n).
pub fn remove(packed: &mut Packed, member: &[u8]) -> Option<f64> {
    let (_, entry) = find(packed, member)?;
    let (at, end, score) = (entry.at, entry.end, entry.score);
    packed.splice(at, end - at, &[]);
    packed.set_count(packed.count() - 1);
    Some(score)
}

/// Removes the entries of rank `from` to `to`, `to` excluded; both are at most the count. O(n).
pub fn remove_range(
    packed: &mut Packed,
    from: usize,
    to: usize,
    mut removed: impl FnMut(&[u8], f64),
) {
    let mut rest = entries(packed).skip(from).take(to.saturating_sub(from));
    let Some(first) = rest.next() else { return };
    removed(first.member, first.score);
    let (at, mut end) = (first.at, first.end);
    for entry in rest {
        removed(entry.member, entry.score);
        end = entry.end;
    }
    packed.splice(at, end - at, &[]);
    packed.set_count(packed.count() - (to - from));
}

/// The members of a range, from both ends.
pub struct Range<'a> {
    front: Entries<'a>,
    left: usize,
    /// Where the entries begin that are left, once one was asked for from the back.
    starts: Option<Vec<u32>>,
}

impl<'a> Range<'a> {
    /// The members of rank `from` to `to`; both are at most the count. O(from).
    pub fn new(packed: &'a Packed, from: usize, to: usize) -> Self {
        let mut front = entries(packed);
        if from < to {
            front.by_ref().take(from).for_each(drop);
        }
        let left = to.saturating_sub(from);
        let starts = None;
        Range {
            front,
            left,
            starts,
        }
    }

    /// How many are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.left
    }

    /// The first that is left.
    #[inline]
    pub fn next(&mut self) -> Option<(&'a [u8], f64)> {
        self.left = self.left.checked_sub(1)?;
        self.front.next().map(|entry| (entry.member, entry.score))
    }

    /// The last that is left. O(1); the first time O(those left).
    pub fn next_back(&mut self) -> Option<(&'a [u8], f64)> {
        self.left = self.left.checked_sub(1)?;
        let starts = self.starts.get_or_insert_with(|| {
            let left = self.front.clone().take(self.left + 1);
            left.map(|entry| entry.at as u32).collect()
        });
        let at = starts.pop()? as usize;
        let entry = entries_from(self.front.bytes, at).next()?;
        Some((entry.member, entry.score))
    }
}
