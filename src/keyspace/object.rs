//! The collections that an entry may hold besides a string: each is one word, a pointer, so that it
//! lies in the entry.

use crate::keyspace::entry::StringRef;
use crate::types::{Hash, List, Set, SortedSet, Stream};

/// The type of a collection, as an entry notes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A hash.
    Hash,
    /// A set.
    Set,
    /// A sorted set.
    SortedSet,
    /// A stream.
    Stream,
    /// A list.
    List,
}

impl Kind {
    /// Every kind, in the order of the numbers.
    pub const ALL: [Kind; 5] = [
        Kind::Hash,
        Kind::Set,
        Kind::SortedSet,
        Kind::Stream,
        Kind::List,
    ];

    /// The type's name, as TYPE answers it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Hash => "hash",
            Kind::Set => "set",
            Kind::SortedSet => "zset",
            Kind::Stream => "stream",
            Kind::List => "list",
        }
    }
}

/// A collection. It must be one word with the alignment of one.
pub trait Object: Clone + Default + Send + Sync {
    /// Which it is.
    const KIND: Kind;

    /// Number of members, fields or elements.
    fn len(&self) -> usize;

    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its key goes, because it is empty: a stream stays.
    fn is_void(&self) -> bool {
        Self::KIND != Kind::Stream && self.is_empty()
    }

    /// The word that OBJECT ENCODING answers.
    fn encoding(&self) -> &'static str;

    /// Whether it is one piece of memory.
    fn is_compact(&self) -> bool;

    /// Bytes on the heap.
    fn heap_bytes(&self) -> usize;
}

macro_rules! objects {
    ($($type:ident,)*) => {$(
        const _: () = assert!(size_of::<$type>() == 8 && align_of::<$type>() <= 8);

        impl Object for $type {
            const KIND: Kind = Kind::$type;

            fn len(&self) -> usize {
                $type::len(self)
            }

            fn encoding(&self) -> &'static str {
                $type::encoding(self)
            }

            fn is_compact(&self) -> bool {
                $type::is_compact(self)
            }

            fn heap_bytes(&self) -> usize {
                $type::heap_bytes(self)
            }
        }
    )*};
}

objects! { Hash, Set, SortedSet, Stream, List, }

/// What an entry holds.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// A string.
    String(StringRef<'a>),
    /// A hash.
    Hash(&'a Hash),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    SortedSet(&'a SortedSet),
    /// A stream.
    Stream(&'a Stream),
    /// A list.
    List(&'a List),
}

/// Does the same with a collection of whatever type.
macro_rules! with_object {
    ($kind:expr, $type:ident => $body:expr) => {
        match $kind {
            $crate::keyspace::object::Kind::Hash => {
                type $type = $crate::types::Hash;
                $body
            }
            $crate::keyspace::object::Kind::Set => {
                type $type = $crate::types::Set;
                $body
            }
            $crate::keyspace::object::Kind::SortedSet => {
                type $type = $crate::types::SortedSet;
                $body
            }
            $crate::keyspace::object::Kind::Stream => {
                type $type = $crate::types::Stream;
                $body
            }
            $crate::keyspace::object::Kind::List => {
                type $type = $crate::types::List;
                $body
            }
        }
    };
}
pub(crate) use with_object;
