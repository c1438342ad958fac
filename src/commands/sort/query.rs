//! What a command asks for, and the elements that answer it.

use std::ops::Range;

use smallvec::SmallVec;

use super::order;
use crate::commands::string::write_string;
use crate::error::Error;
use crate::keyspace::{Entry, StringRef, ValueRef, View};
use crate::resp::{Args, Key, Reply};
use crate::types::list::{Builder, Element, Fill};
use crate::types::set::Member;
use crate::types::{List, Set, SortedSet};

/// The options of a command.
pub(super) struct Query<'a> {
    /// Whether elements are put in order at all: not if BY names no pattern.
    sorts: bool,
    /// What finds their weights, if these are not the elements themselves.
    by: Option<Pattern<'a>>,
    alpha: bool,
    descending: bool,
    /// Elements that are passed over.
    offset: i64,
    /// The most elements that are answered; below 0 all.
    count: i64,
    /// What is answered for each element, if not the element.
    gets: SmallVec<[Get<'a>; 4]>,
    /// Argument of the key that the result is stored under.
    pub(super) destination: Option<usize>,
}

/// What is answered for an element.
enum Get<'a> {
    /// The element itself.
    Element,
    /// What a pattern finds.
    Value(Pattern<'a>),
    /// Nothing: a pattern without a place for the element finds no key.
    Nothing,
}

/// What makes a key out of an element, and maybe names a field of the hash under it.
struct Pattern<'a> {
    before: &'a [u8],
    behind: &'a [u8],
    field: Option<&'a [u8]>,
}

impl<'a> Pattern<'a> {
    /// `None` if there is no place for the element. What stands behind a NUL is not looked at, but belongs to
    /// the key or the field, as in Redis.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let searched = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
        let star = memchr::memchr(b'*', searched)?;
        let arrow = memchr::memmem::find(&searched[star + 1..], b"->")
            .map(|at| star + 1 + at)
            .filter(|at| at + 2 < searched.len());
        Some(Pattern {
            before: &text[..star],
            behind: &text[star + 1..arrow.unwrap_or(text.len())],
            field: arrow.map(|at| &text[at + 2..]),
        })
    }
}

/// Finds what patterns make of elements.
pub(super) struct Lookup<'v> {
    view: &'v View<'v>,
    /// The last key that was made; its memory serves all.
    key: Vec<u8>,
}

impl<'v> Lookup<'v> {
    pub(super) fn new(view: &'v View<'v>) -> Self {
        Lookup {
            view,
            key: Vec::new(),
        }
    }

    /// The string under the key that the pattern makes of the element, or the value of its field. O(1).
    fn find(&mut self, pattern: &Pattern<'_>, element: StringRef<'_>) -> Option<StringRef<'v>> {
        let mut buffer = itoa::Buffer::new();
        self.key.clear();
        self.key.extend_from_slice(pattern.before);
        self.key.extend_from_slice(element.bytes(&mut buffer));
        self.key.extend_from_slice(pattern.behind);
        let entry = self.view.get(Key::new(&self.key))?;
        match (pattern.field, entry.value()) {
            (None, ValueRef::String(text)) => Some(text),
            (Some(name), ValueRef::Hash(hash)) => Some(StringRef::Bytes(hash.get(name)?.value)),
            _ => None,
        }
    }

    fn get(&mut self, get: &Get<'_>, element: StringRef<'v>) -> Option<StringRef<'v>> {
        match get {
            Get::Element => Some(element),
            Get::Value(pattern) => self.find(pattern, element),
            Get::Nothing => None,
        }
    }
}

impl<'a> Query<'a> {
    /// Reads the options. `stores`: whether STORE is one of them.
    ///
    /// # Errors
    /// `ERR syntax error`, or that a number of LIMIT is none.
    pub(super) fn parse(args: Args<'a>, stores: bool) -> Result<Self, Error> {
        let mut query = Query {
            sorts: true,
            by: None,
            alpha: false,
            descending: false,
            offset: 0,
            count: -1,
            gets: SmallVec::new(),
            destination: None,
        };
        let mut at = 2;
        while at < args.len() {
            at += 1 + query.parse_option(args, at, stores)?;
        }
        Ok(query)
    }

    /// Reads the option at `at`. Returns how many arguments behind it belong to it.
    fn parse_option(&mut self, args: Args<'a>, at: usize, stores: bool) -> Result<usize, Error> {
        let more = args.len() - at - 1;
        match () {
            _ if args.is(at, "ASC") => self.descending = false,
            _ if args.is(at, "DESC") => self.descending = true,
            _ if args.is(at, "ALPHA") => self.alpha = true,
            _ if args.is(at, "LIMIT") && more >= 2 => {
                self.offset = args.integer(at + 1)?;
                self.count = args.integer(at + 2)?;
                return Ok(2);
            }
            _ if stores && args.is(at, "STORE") && more >= 1 => {
                self.destination = Some(at + 1);
                return Ok(1);
            }
            _ if args.is(at, "BY") && more >= 1 => {
                self.by = Pattern::parse(args.get(at + 1));
                // Once one names no pattern, nothing is sorted, whatever the others are (as in Redis).
                self.sorts &= self.by.is_some();
                return Ok(1);
            }
            _ if args.is(at, "GET") && more >= 1 => {
                let text = args.get(at + 1);
                self.gets.push(match Pattern::parse(text) {
                    _ if text == b"#" => Get::Element,
                    Some(pattern) => Get::Value(pattern),
                    None => Get::Nothing,
                });
                return Ok(1);
            }
            _ => return Err(Error::Syntax),
        }
        Ok(0)
    }

    /// Which of `len` elements are answered.
    fn window(&self, len: usize) -> Range<usize> {
        let at_most_len = |number: i64| usize::try_from(number).map_or(len, |n| n.min(len));
        let start = at_most_len(self.offset.max(0));
        start..start.saturating_add(at_most_len(self.count)).min(len)
    }

    /// The elements that are answered, in order. O(N), and O(M log M) for the M that are answered.
    ///
    /// # Errors
    /// `WRONGTYPE`, or that a weight is no number.
    pub(super) fn find<'v>(
        &self,
        source: Key<'_>,
        lookup: &mut Lookup<'v>,
    ) -> Result<Vec<StringRef<'v>>, Error> {
        let Some(entry) = lookup.view.get(source) else {
            return Ok(Vec::new());
        };
        let elements = Elements::of(entry)?;
        let window = self.window(elements.len());
        // A set has no order of its own that could be stored.
        let unordered = matches!(elements, Elements::Set(_)) && self.destination.is_some();
        if !self.sorts && !unordered {
            return Ok(elements.range(window, self.descending));
        }
        let texts = order::Texts {
            descending: self.descending,
            // What is stored must not depend on a locale, so it is compared byte by byte.
            up_to_nul: self.destination.is_none(),
        };
        Ok(match &self.by {
            Some(pattern) if self.sorts && self.alpha => {
                order::by_text(&elements, window, texts, |element| {
                    lookup.find(pattern, element)
                })
            }
            _ if !self.sorts || self.alpha => order::by_itself(&elements, window, texts),
            by => order::by_number(&elements, window, self.descending, |element| match by {
                Some(pattern) => lookup.find(pattern, element),
                None => Some(element),
            })?,
        })
    }

    /// What is answered for each element.
    fn width(&self) -> usize {
        self.gets.len().max(1)
    }

    /// Writes what is answered for the elements.
    pub(super) fn write<'v>(
        &self,
        found: &[StringRef<'v>],
        lookup: &mut Lookup<'v>,
        reply: &mut Reply<'_>,
    ) {
        reply.array(found.len() * self.width());
        for &element in found {
            if self.gets.is_empty() {
                write_string(element, reply);
            }
            for get in &self.gets {
                match lookup.get(get, element) {
                    Some(value) => write_string(value, reply),
                    None => reply.null(),
                }
            }
        }
    }

    /// What is answered for the elements, as a list; the empty string where nothing is found.
    pub(super) fn collect<'v>(
        &self,
        found: &[StringRef<'v>],
        lookup: &mut Lookup<'v>,
        fill: Fill,
    ) -> List {
        let mut list = Builder::new(fill);
        let mut push = |value: StringRef<'_>| list.push(value.bytes(&mut itoa::Buffer::new()));
        for &element in found {
            if self.gets.is_empty() {
                push(element);
            }
            for get in &self.gets {
                push(lookup.get(get, element).unwrap_or(StringRef::Bytes(b"")));
            }
        }
        list.finish()
    }
}

/// The elements of a collection that can be sorted.
pub(super) enum Elements<'v> {
    List(&'v List),
    Set(&'v Set),
    SortedSet(&'v SortedSet),
}

impl<'v> Elements<'v> {
    fn of(entry: &'v Entry) -> Result<Self, Error> {
        match entry.value() {
            ValueRef::List(list) => Ok(Elements::List(list)),
            ValueRef::Set(set) => Ok(Elements::Set(set)),
            ValueRef::SortedSet(set) => Ok(Elements::SortedSet(set)),
            _ => Err(Error::WrongType),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Elements::List(list) => list.len(),
            Elements::Set(set) => set.len(),
            Elements::SortedSet(set) => set.len(),
        }
    }

    /// Visits all of them in the order in which they lie there.
    pub(super) fn each(&self, mut visit: impl FnMut(StringRef<'v>)) {
        match *self {
            Elements::List(list) => list.iter().for_each(|element| visit(element_text(element))),
            Elements::Set(set) => set.iter().for_each(|member| visit(member_text(member))),
            Elements::SortedSet(set) => {
                set.iter()
                    .for_each(|(member, _)| visit(StringRef::Bytes(member)));
            }
        }
    }

    /// Those of a range in the order in which they lie there; a set's order has no other direction.
    fn range(&self, window: Range<usize>, descending: bool) -> Vec<StringRef<'v>> {
        let Range { start, end } = window;
        let (from, to) = match descending {
            true => (self.len() - end, self.len() - start),
            false => (start, end),
        };
        match *self {
            Elements::List(list) => {
                let elements = list.range(from, to).map(element_text);
                in_direction(elements, descending)
            }
            Elements::Set(set) => {
                let members = set.iter().skip(start).take(end - start);
                members.map(member_text).collect()
            }
            Elements::SortedSet(set) => {
                let members = set.range(from, to);
                in_direction(
                    members.map(|(member, _)| StringRef::Bytes(member)),
                    descending,
                )
            }
        }
    }
}

fn in_direction<T>(items: impl DoubleEndedIterator<Item = T>, backwards: bool) -> Vec<T> {
    match backwards {
        true => items.rev().collect(),
        false => items.collect(),
    }
}

fn element_text(element: Element<'_>) -> StringRef<'_> {
    match element {
        Element::Int(number) => StringRef::Int(number),
        Element::Bytes(bytes) => StringRef::Bytes(bytes),
    }
}

fn member_text(member: Member<'_>) -> StringRef<'_> {
    match member {
        Member::Int(number) => StringRef::Int(number),
        Member::Bytes(bytes) => StringRef::Bytes(bytes),
    }
}
