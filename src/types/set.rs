//! A set of distinct members.

use crate::types::{Limits, number};

/// How large a set may be in each of its compact forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// Members of a set of integers.
    pub intset: usize,
    /// Members, and bytes of each, of any other.
    pub listpack: Limits,
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
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Intset,
    Listpack,
    Table,
}

#[derive(Clone, Default)]
struct Inner {
    members: Vec<Box<[u8]>>,
    form: Form,
}

/// A set. One word: a pointer.
#[derive(Clone, Default)]
pub struct Set(Box<Inner>);

impl Set {
    /// An empty set.
    pub fn new() -> Self {
        Set::default()
    }

    /// Number of members.
    pub fn len(&self) -> usize {
        self.0.members.len()
    }

    /// Whether it has no member.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn position(&self, member: &[u8]) -> Option<usize> {
        self.0.members.iter().position(|other| **other == *member)
    }

    /// Whether it has this member. O(1), or O(n) in the compact form.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.position(member).is_some()
    }

    /// As [`Set::contains`], for a member of another set.
    pub fn contains_member(&self, member: Member<'_>) -> bool {
        self.contains(member.bytes(&mut itoa::Buffer::new()))
    }

    /// Adds a member. False if it is there already.
    pub fn add(&mut self, member: &[u8], limits: &SetLimits) -> bool {
        if self.contains(member) {
            return false;
        }
        self.0.members.push(member.into());
        let small = self.len() <= limits.listpack.entries
            && self
                .0
                .members
                .iter()
                .all(|member| member.len() <= limits.listpack.value);
        let integer = number::parse_i64(member).is_some();
        self.0.form = match self.0.form {
            Form::Intset if integer && self.len() <= limits.intset => Form::Intset,
            Form::Intset | Form::Listpack if small => Form::Listpack,
            _ => Form::Table,
        };
        true
    }

    /// Removes a member. False if it is not there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let found = self.position(member);
        if let Some(at) = found {
            self.0.members.remove(at);
        }
        found.is_some()
    }

    /// The members.
    pub fn iter(&self) -> impl Iterator<Item = Member<'_>> {
        self.0.members.iter().map(|member| Member::Bytes(member))
    }

    /// Visits about `count` members from `cursor` on. Returns the next cursor, 0 at the end.
    pub fn scan(&self, _cursor: u64, _count: usize, visit: impl FnMut(Member<'_>)) -> u64 {
        self.iter().for_each(visit);
        0
    }

    /// A random member, each with the same chance; `below(n)` draws a number below `n`.
    pub fn random(&self, mut below: impl FnMut(usize) -> usize) -> Option<Member<'_>> {
        if self.is_empty() {
            return None;
        }
        let member = self.0.members.get(below(self.len()))?;
        Some(Member::Bytes(member))
    }

    /// Removes a random member, each with the same chance.
    pub fn pop(&mut self, mut below: impl FnMut(usize) -> usize) -> Option<Vec<u8>> {
        if self.is_empty() {
            return None;
        }
        let at = below(self.len());
        Some(self.0.members.remove(at).into_vec())
    }

    /// The word that OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match self.0.form {
            Form::Intset => "intset",
            Form::Listpack => "listpack",
            Form::Table => "hashtable",
        }
    }

    /// Whether it is in a compact form: one piece of memory.
    pub fn is_compact(&self) -> bool {
        self.0.form != Form::Table
    }

    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        size_of::<Inner>()
            + self.0.members.capacity() * size_of::<Box<[u8]>>()
            + self
                .0
                .members
                .iter()
                .map(|member| member.len())
                .sum::<usize>()
    }
}
