//! What SCAN, HSCAN, SSCAN and ZSCAN share: cursors, options, patterns and the shape of the reply.

use crate::commands::spec::{Arg, ArgKind};
use crate::error::Error;
use crate::resp::{Args, Protocol, Reply};
use crate::types::{glob, number};

/// The grammar of a filter, as SCAN and its kin declare it.
pub const MATCH: Arg = Arg::new("pattern", ArgKind::Pattern)
    .token("MATCH")
    .optional();

/// The grammar of about how many elements to look at.
pub const COUNT: Arg = Arg::new("count", ArgKind::Integer)
    .token("COUNT")
    .optional();

/// What is scanned: it decides which options there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The keys of a database (SCAN): the options begin at argument 2, and TYPE is one of them.
    Keys,
    /// A hash (HSCAN): the options begin at argument 3, and NOVALUES is one of them.
    Hash,
    /// A set or a sorted set (SSCAN, ZSCAN): the options begin at argument 3.
    Other,
}

/// A pattern for keys, fields or members.
#[derive(Clone, Copy)]
pub struct Filter<'a>(Option<&'a [u8]>);

impl<'a> Filter<'a> {
    /// Lets everything pass.
    pub const ALL: Filter<'static> = Filter(None);

    /// `*` alone lets everything pass, the empty text too, which no other pattern with a star matches.
    pub fn new(pattern: &'a [u8]) -> Self {
        Filter((pattern != b"*").then_some(pattern))
    }

    /// Whether it lets `text` pass.
    #[inline]
    pub fn matches(self, text: &[u8]) -> bool {
        self.0
            .is_none_or(|pattern| glob::matches(pattern, text, false))
    }
}

/// The cursor in argument `index`.
///
/// # Errors
/// `ERR invalid cursor`.
pub fn cursor(args: Args<'_>, index: usize) -> Result<u64, Error> {
    number::parse_u64(args.get(index)).ok_or(Error::Static("ERR invalid cursor"))
}

/// The options of one call.
pub struct ScanOptions<'a> {
    /// About how many elements to look at; at least 1.
    pub count: usize,
    /// Which of them to return.
    pub filter: Filter<'a>,
    /// Only keys of this type; no key is of a type that does not exist.
    pub type_name: Option<&'a [u8]>,
    /// Whether the values of fields are left out.
    pub no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the options. A command on a collection does so after it has looked its key up: where there
    /// is no key, Redis never looks at the options.
    ///
    /// # Errors
    /// A syntax error, a count that is no integer, or an option of another command.
    pub fn parse(args: Args<'a>, scanned: Scanned) -> Result<Self, Error> {
        let mut options = ScanOptions {
            count: 10,
            filter: Filter::ALL,
            type_name: None,
            no_values: false,
        };
        let mut index = if scanned == Scanned::Keys { 2 } else { 3 };
        while index < args.len() {
            let has_value = index + 1 < args.len();
            if args.is(index, "COUNT") && has_value {
                let count = args.integer(index + 1)?;
                options.count = usize::try_from(count)
                    .ok()
                    .filter(|&count| count >= 1)
                    .ok_or(Error::Syntax)?;
            } else if args.is(index, "MATCH") && has_value {
                options.filter = Filter::new(args.get(index + 1));
            } else if args.is(index, "TYPE") && has_value && scanned == Scanned::Keys {
                options.type_name = Some(args.get(index + 1));
            } else if args.is(index, "NOVALUES") {
                if scanned != Scanned::Hash {
                    return Err(Error::Static(
                        "ERR NOVALUES option can only be used in HSCAN",
                    ));
                }
                options.no_values = true;
                index += 1;
                continue;
            } else {
                return Err(Error::Syntax);
            }
            index += 2;
        }
        Ok(options)
    }
}

/// The elements found by one call: how many there are is known only at the end, and comes before them.
pub struct Page {
    items: Vec<u8>,
    len: usize,
    protocol: Protocol,
}

impl Page {
    /// An empty page that will be sent to `reply`.
    pub fn new(reply: &Reply<'_>) -> Self {
        Page {
            items: Vec::new(),
            len: 0,
            protocol: reply.protocol(),
        }
    }

    /// Adds a bulk string. (Scores are bulk strings here too, in RESP3 as well.)
    pub fn bulk(&mut self, bytes: &[u8]) {
        Reply::new(&mut self.items, self.protocol).bulk(bytes);
        self.len += 1;
    }

    /// Number of bulk strings.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Writes the reply: the next cursor and what was found. An empty page with cursor 0 is also what a
    /// missing key answers.
    pub fn send(self, next: u64, reply: &mut Reply<'_>) {
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(next).as_bytes());
        reply.array(self.len);
        reply.raw(&self.items);
    }
}
