//! A set of distinct members, in one word.
//!
//! Three forms, as in Redis, whose limits and names for them are part of what clients see: sorted
//! integers (`intset`), strings one after another (`packed`), and a table of members for large sets
//! (`stored`). The compact forms are one allocation and are searched faster than a table's cache
//! miss takes; the table costs some 35 bytes per short member, less than a pointer, a string's
//! header and an allocation would.
//!
//! A set only ever goes from a smaller form to a larger one, and only when a member is added.

mod stored;
#[cfg(test)]
mod tests;

use super::intset::{self, Integers};
use super::packed::{Lengths, Packed, read_len, same};
use super::table::Table;
use super::word::{Either, Form, FormMut, Word};
use super::{Limits, hasher, number};
use stored::Stored;

/// The tag of a buffer that holds strings, each behind its length.
const STRINGS: u8 = intset::TAGS;

/// Most bytes of a length.
const LONGEST_LENGTH: usize = 5;

/// Most integers in the compact form, whatever the limits say (as in Redis).
const MOST_INTEGERS: usize = 1 << 30;

/// Look-ups that wait for memory at the same time.
const BATCH: usize = 16;

/// How many times as large another set must be for its members to be far from each other in memory:
/// for 100,000 in 1,000,000 batches halve the time, for 100,000 in 100,000 they add half of it.
const FAR: usize = 4;

/// How large a set may be in each of its compact forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Members of a set of integers.
    pub intset: usize,
    /// Members, and bytes of each, of any other.
    pub listpack: Limits,
}

impl SetLimits {
    /// Members of a set of integers at most.
    pub fn most_integers(&self) -> usize {
        self.intset.min(MOST_INTEGERS)
    }
}

/// A member of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// An integer.
    Int(i64),
    /// Bytes; they may be the text of an integer too.
    Bytes(&'a [u8]),
}

impl<'a> Member<'a> {
    /// The bytes; an integer's text is put into `buffer`.
    #[inline]
    pub fn bytes<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Member::Int(number) => buffer.format(number).as_bytes(),
            Member::Bytes(bytes) => bytes,
        }
    }

    /// The integer that it is or that its text stands for.
    #[inline]
    fn integer(self) -> Option<i64> {
        match self {
            Member::Int(number) => Some(number),
            Member::Bytes(bytes) => number::parse_i64(bytes),
        }
    }
}

#[derive(Clone)]
struct Large {
    table: Table<Stored>,
    /// Bytes of the members that lie on the heap.
    heap: usize,
}

impl Large {
    fn with_room(len: usize) -> Self {
        Large {
            table: Table::with_room(0, len),
            heap: 0,
        }
    }

    /// Puts in a member that is not there.
    fn insert_new(&mut self, member: &[u8]) {
        self.insert(hasher::hash(member), member);
    }

    /// As [`Large::insert_new`], with the member's hash.
    #[inline]
    fn insert(&mut self, hash: u64, member: &[u8]) {
        let stored = Stored::new(hash, member);
        self.heap += stored.heap_bytes();
        self.table.insert(hash, stored);
    }

    #[inline]
    fn contains(&self, hash: u64, member: &[u8]) -> bool {
        self.table
            .find(hash, |stored| stored.is(hash, member))
            .is_some()
    }

    fn remove(&mut self, hash: u64, member: &[u8]) -> bool {
        let removed = self.table.remove_by(hash, |stored| stored.is(hash, member));
        self.heap -= removed.as_ref().map_or(0, Stored::heap_bytes);
        removed.is_some()
    }
}

/// The strings of a buffer.
#[derive(Clone, Copy)]
struct Strings<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Strings<'a> {
    #[inline]
    fn of(packed: &'a Packed) -> Self {
        debug_assert_eq!(packed.tag(), STRINGS);
        Strings {
            bytes: packed.bytes(),
            at: 0,
        }
    }

    /// Where the member's length begins, and where its bytes end.
    #[inline]
    fn find(mut self, member: &[u8]) -> Option<(usize, usize)> {
        while self.at < self.bytes.len() {
            let start = self.at;
            let len = read_len(self.bytes, &mut self.at);
            let end = self.at + len;
            if len == member.len() && same(&self.bytes[self.at..end], member) {
                return Some((start, end));
            }
            self.at = end;
        }
        None
    }
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.at == self.bytes.len() {
            return None;
        }
        let len = read_len(self.bytes, &mut self.at);
        let string = &self.bytes[self.at..self.at + len];
        self.at += len;
        Some(string)
    }
}

fn push_string(packed: &mut Packed, member: &[u8]) {
    let end = packed.bytes().len();
    packed.splice(end, 0, &[Lengths::new().and(member.len()).bytes(), member]);
    packed.set_count(packed.count() + 1);
}

/// A set.
#[derive(Clone)]
pub struct Set(Word<Large>);

impl Default for Set {
    fn default() -> Self {
        Set::new()
    }
}

impl Set {
    /// An empty set; of integers, until another member comes. Allocates nothing.
    pub fn new() -> Self {
        Set(Word::compact(Packed::new()))
    }

    /// An empty set that is not one of integers even if they come: what Redis starts from where a
    /// result is collected in a listpack (SINTERSTORE, unless its smallest set is one of integers; and
    /// SPOP of nearly all members, unless they are integers in an `intset`).
    pub fn of_strings() -> Self {
        let mut packed = Packed::new();
        packed.set_tag(STRINGS);
        Set(Word::compact(packed))
    }

    /// An empty set in the large form, with room for `count` members.
    pub fn large(count: usize) -> Self {
        Set(Word::large(Large::with_room(count)))
    }

    /// The bytes of each integer, and all of them in ascending order, the lowest byte first, if it is one of
    /// integers.
    pub fn integers(&self) -> Option<(usize, &[u8])> {
        match self.0.get() {
            Form::Compact(packed) if packed.tag() != STRINGS => {
                Some((intset::width(packed.tag()), packed.bytes()))
            }
            _ => None,
        }
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => packed.count(),
            Form::Large(large) => large.table.len(),
        }
    }

    /// Whether it has no member.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it has this member. O(1), O(log n) among integers, or O(n) among few strings.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match self.0.get() {
            Form::Compact(packed) if packed.tag() == STRINGS => {
                Strings::of(packed).find(member).is_some()
            }
            Form::Compact(packed) => number::parse_i64(member)
                .is_some_and(|value| Integers::of(packed).search(value).is_ok()),
            Form::Large(large) => large.contains(hasher::hash(member), member),
        }
    }

    /// As [`Set::contains`], for a member of another set.
    #[inline]
    pub fn contains_member(&self, member: Member<'_>) -> bool {
        match (self.0.get(), member) {
            (Form::Compact(packed), Member::Int(value)) if packed.tag() != STRINGS => {
                Integers::of(packed).search(value).is_ok()
            }
            _ => self.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// The hash for [`Set::contains_hashed`]; the same for all sets.
    #[inline]
    pub fn hash(member: &[u8]) -> u64 {
        hasher::hash(member)
    }

    /// Asks for the memory that a look-up of this hash reads, if the set is large. `step` 0 fetches
    /// what is read first, and 1, once that is there, what is read then.
    #[inline]
    pub fn prefetch(&self, hash: u64, step: usize) {
        if let Form::Large(large) = self.0.get() {
            match step {
                0 => large.table.prefetch_group(hash),
                _ => large.table.prefetch_entry(hash),
            }
        }
    }

    /// As [`Set::contains`], of a member whose [`Set::hash`] is known.
    #[inline]
    pub fn contains_hashed(&self, hash: u64, member: &[u8]) -> bool {
        match self.0.get() {
            Form::Large(large) => large.contains(hash, member),
            Form::Compact(_) => self.contains(member),
        }
    }

    /// Readies the set for adding `count` members, `first` before the others, as SADD does: Redis
    /// chooses the form by their number, whether or not some are there already.
    pub fn prepare(&mut self, first: &[u8], count: usize, limits: &SetLimits) {
        let FormMut::Compact(packed) = self.0.get_mut() else {
            return;
        };
        let entries = limits.listpack.entries;
        let too_many = if packed.count() > 0 {
            match packed.tag() {
                STRINGS => count > entries,
                _ => count > limits.intset,
            }
        } else if count <= limits.intset && number::parse_i64(first).is_some() {
            false
        } else {
            packed.set_tag(STRINGS);
            count > entries
        };
        if too_many {
            self.enlarge(count);
        }
    }

    /// Adds a member. False if it is there already.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: &SetLimits) -> bool {
        self.add_member(Member::Bytes(member), limits)
    }

    /// As [`Set::add`], for a member of another set.
    pub fn add_member(&mut self, member: Member<'_>, limits: &SetLimits) -> bool {
        let is_integers = match self.0.get_mut() {
            FormMut::Compact(packed) => packed.tag() != STRINGS,
            FormMut::Large(large) => {
                let mut buffer = itoa::Buffer::new();
                let member = member.bytes(&mut buffer);
                let hash = hasher::hash(member);
                let fresh = !large.contains(hash, member);
                if fresh {
                    large.insert(hash, member);
                }
                return fresh;
            }
        };
        match member.integer() {
            Some(value) if is_integers => self.add_integer(value, limits),
            _ => self.add_string(member.bytes(&mut itoa::Buffer::new()), limits),
        }
    }

    /// Adds to a set of integers.
    fn add_integer(&mut self, value: i64, limits: &SetLimits) -> bool {
        let FormMut::Compact(packed) = self.0.get_mut() else {
            return false;
        };
        if !packed.has_room(intset::growth(packed)) {
            if Integers::of(packed).search(value).is_ok() {
                return false;
            }
            self.enlarge(1)
                .insert_new(itoa::Buffer::new().format(value).as_bytes());
            return true;
        }
        let fresh = intset::insert(packed, value);
        if fresh && packed.count() > limits.most_integers() {
            self.enlarge(0);
        }
        fresh
    }

    /// Adds to a compact set what does not stay among integers.
    fn add_string(&mut self, member: &[u8], limits: &SetLimits) -> bool {
        let FormMut::Compact(packed) = self.0.get_mut() else {
            return false;
        };
        let strings = packed.tag() == STRINGS;
        if strings && Strings::of(packed).find(member).is_some() {
            return false;
        }
        let longest = if strings { 0 } else { longest_text(packed) };
        let needed = if strings {
            0
        } else {
            packed.count() * (longest + 1)
        };
        let limit = limits.listpack;
        if packed.count() < limit.entries
            && member.len().max(longest) <= limit.value
            && packed.has_room(needed + member.len() + LONGEST_LENGTH)
        {
            if !strings {
                *packed = strings_of_integers(packed);
            }
            push_string(packed, member);
        } else {
            self.enlarge(1).insert_new(member);
        }
        true
    }

    /// Goes over to the large form, with room for `more` members.
    #[cold]
    fn enlarge(&mut self, more: usize) -> &mut Large {
        if let Form::Compact(packed) = self.0.get() {
            let mut large = Large::with_room(packed.count() + more);
            let mut buffer = itoa::Buffer::new();
            for member in self.iter() {
                large.insert_new(member.bytes(&mut buffer));
            }
            self.0 = Word::large(large);
        }
        match self.0.get_mut() {
            FormMut::Large(large) => large,
            FormMut::Compact(_) => unreachable!("it has just become large"),
        }
    }

    /// Goes back to the form of integers if that is what all members are and the limits allow it: the
    /// last step of SINTERSTORE.
    pub fn into_integers(self, limits: &SetLimits) -> Self {
        let integer = |member: Member<'_>| member.integer();
        let already = matches!(self.0.get(), Form::Compact(packed) if packed.tag() != STRINGS);
        let most = limits.most_integers();
        if already || self.len() > most || !self.iter().all(|member| integer(member).is_some()) {
            return self;
        }
        let mut values: Vec<i64> = self.iter().filter_map(integer).collect();
        values.sort_unstable();
        let mut packed = Packed::new();
        if !packed.has_room(values.len() * 8) {
            return self;
        }
        for value in values {
            intset::insert(&mut packed, value);
        }
        Set(Word::compact(packed))
    }

    /// Removes a member. False if it is not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self.0.get_mut() {
            FormMut::Compact(packed) if packed.tag() == STRINGS => {
                let found = Strings::of(packed).find(member);
                if let Some((start, end)) = found {
                    packed.splice(start, end - start, &[]);
                    packed.set_count(packed.count() - 1);
                }
                found.is_some()
            }
            FormMut::Compact(packed) => {
                number::parse_i64(member).is_some_and(|value| intset::remove(packed, value))
            }
            FormMut::Large(large) => large.remove(hasher::hash(member), member),
        }
    }

    /// The members: integers ascending, few strings in the order in which they came, others in none.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        match self.0.get() {
            Form::Compact(packed) if packed.tag() == STRINGS => {
                Either::First(Strings::of(packed).map(Member::Bytes))
            }
            Form::Compact(packed) => {
                Either::Second(Either::First(Integers::of(packed).iter().map(Member::Int)))
            }
            Form::Large(large) => Either::Second(Either::Second(
                large
                    .table
                    .iter()
                    .map(|stored| Member::Bytes(stored.bytes())),
            )),
        }
    }

    /// Visits the members that all `others` have, or, with `shared` false, that none of them has;
    /// until `visit` answers false. O(members of this set x others).
    pub fn compare<'a>(
        &'a self,
        others: &[&Set],
        shared: bool,
        mut visit: impl FnMut(Member<'a>) -> bool,
    ) {
        let far = |other: &&Set| !other.is_compact() && other.len() / FAR > self.len();
        if others.iter().any(far) {
            return self.compare_far(others, shared, visit);
        }
        // Both tables are in the order of their hashes, about: what is looked up is near.
        let hashed = others.iter().any(|other| !other.is_compact());
        for member in self.iter() {
            let mut buffer = itoa::Buffer::new();
            let bytes = member.bytes(&mut buffer);
            let hash = if hashed { hasher::hash(bytes) } else { 0 };
            let found = |other: &&Set| match other.0.get() {
                Form::Compact(_) => other.contains_member(member) == shared,
                Form::Large(large) => large.contains(hash, bytes) == shared,
            };
            if others.iter().all(found) && !visit(member) {
                return;
            }
        }
    }

    /// As [`Set::compare`], with look-ups in batches that wait for memory together.
    fn compare_far<'a>(
        &'a self,
        others: &[&Set],
        shared: bool,
        mut visit: impl FnMut(Member<'a>) -> bool,
    ) {
        let mut members = self.iter();
        let mut batch = [(0, Member::Int(0)); BATCH];
        loop {
            let mut filled = 0;
            for (slot, member) in batch.iter_mut().zip(&mut members) {
                *slot = (hasher::hash(member.bytes(&mut itoa::Buffer::new())), member);
                filled += 1;
            }
            let mut kept = filled;
            for other in others {
                kept = keep(&mut batch[..kept], other, shared);
            }
            if !batch[..kept].iter().all(|(_, member)| visit(*member)) || filled < BATCH {
                return;
            }
        }
    }

    /// Visits about `count` members from `cursor` on, all of them if the set is compact. Returns the
    /// next cursor, 0 at the end. A member that stays is visited, whatever changes meanwhile.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Member<'_>)) -> u64 {
        match self.0.get() {
            Form::Compact(_) => {
                self.iter().for_each(visit);
                0
            }
            Form::Large(large) => {
                let visit = |stored: &Stored| visit(Member::Bytes(stored.bytes()));
                large.table.scan(cursor, count, visit).1.unwrap_or(0)
            }
        }
    }

    /// A random member, each with the same chance; `below(n)` draws a number below `n`. O(1), or O(n)
    /// among few strings.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<Member<'_>> {
        match self.0.get() {
            Form::Compact(packed) if packed.count() == 0 => None,
            Form::Compact(packed) => self.at(below(packed.count())),
            Form::Large(large) => {
                let stored = large.table.random(below)?;
                Some(Member::Bytes(stored.bytes()))
            }
        }
    }

    /// The member at `index` of a compact set, in the order of [`Set::iter`].
    fn at(&self, index: usize) -> Option<Member<'_>> {
        match self.0.get() {
            Form::Compact(packed) if packed.tag() == STRINGS => {
                Strings::of(packed).nth(index).map(Member::Bytes)
            }
            Form::Compact(packed) => Integers::of(packed).get(index).map(Member::Int),
            Form::Large(_) => None,
        }
    }

    /// Removes a random member, each with the same chance. Costs as [`Set::random`] and
    /// [`Set::remove`].
    pub fn pop(&mut self, below: impl FnMut(usize) -> usize) -> Option<Vec<u8>> {
        let mut buffer = itoa::Buffer::new();
        let member = self.random(below)?.bytes(&mut buffer).to_vec();
        self.remove(&member);
        Some(member)
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.0.get() {
            Form::Compact(packed) if packed.tag() == STRINGS => "listpack",
            Form::Compact(_) => "intset",
            Form::Large(_) => "hashtable",
        }
    }

    /// Whether it is in a compact form: one piece of memory.
    #[inline]
    pub fn is_compact(&self) -> bool {
        self.0.is_compact()
    }

    /// Bytes allocated. O(1), or O(segments) of a large one.
    pub fn heap_bytes(&self) -> usize {
        match self.0.get() {
            Form::Compact(packed) => packed.heap_bytes(),
            Form::Large(large) => size_of::<Large>() + large.table.bytes() + large.heap,
        }
    }
}

/// Moves those of `batch` to its front that `other` has, or with `shared` false those that it does
/// not have. Returns how many.
fn keep(batch: &mut [(u64, Member<'_>)], other: &Set, shared: bool) -> usize {
    for step in 0..2 {
        for (hash, _) in &*batch {
            other.prefetch(*hash, step);
        }
    }
    let mut kept = 0;
    for index in 0..batch.len() {
        let (hash, member) = batch[index];
        let found = match other.0.get() {
            Form::Compact(_) => other.contains_member(member),
            Form::Large(large) => large.contains(hash, member.bytes(&mut itoa::Buffer::new())),
        };
        if found == shared {
            batch[kept] = batch[index];
            kept += 1;
        }
    }
    kept
}

/// Bytes of the longest text of a buffer's integers.
fn longest_text(packed: &Packed) -> usize {
    let integers = Integers::of(packed);
    let ends = [
        integers.get(0),
        integers.get(packed.count().wrapping_sub(1)),
    ];
    let texts = ends.into_iter().flatten();
    texts
        .map(|value| itoa::Buffer::new().format(value).len())
        .max()
        .unwrap_or(0)
}

/// The integers of a buffer as strings.
fn strings_of_integers(packed: &Packed) -> Packed {
    let mut bytes = Vec::new();
    let mut buffer = itoa::Buffer::new();
    for value in Integers::of(packed).iter() {
        let text = buffer.format(value).as_bytes();
        bytes.extend_from_slice(Lengths::new().and(text.len()).bytes());
        bytes.extend_from_slice(text);
    }
    let mut strings = Packed::new();
    strings.splice(0, 0, &[&bytes]);
    strings.set_tag(STRINGS);
    strings.set_count(packed.count());
    strings
}
