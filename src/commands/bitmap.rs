//! Commands on strings as rows of bits, and on integers in them.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Entry, StringRef, View};
use crate::resp::{Args, Reply};
use crate::types::bitmap::{self, Field, Operation, Overflow};
use crate::types::number;

const BAD_OFFSET: Error = Error::Static("ERR bit offset is not an integer or out of range");
const BAD_BIT: Error = Error::Static("ERR bit is not an integer or out of range");
const BAD_FIELD: Error = Error::Static(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);

const READ_KEY: &[KeySpec] = &[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))];

const UNIT: Arg = Arg::new(
    "unit",
    ArgKind::OneOf(&[Arg::word("byte", "BYTE"), Arg::word("bit", "BIT")]),
)
.optional()
.since("7.0.0");

const BITCOUNT: CommandSpec =
    CommandSpec::read("BITCOUNT", Arity::at_least(2), Group::Bitmap, bitcount)
        .categories(Categories::BITMAP)
        .keys(READ_KEY)
        .doc(
            "2.6.0",
            "O(N) where N is the number of bytes looked at.",
            "Counts the bits that are 1 in a string, or in part of it.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new(
                "range",
                ArgKind::Block(&[
                    Arg::new("start", ArgKind::Integer),
                    Arg::new("end", ArgKind::Integer),
                    UNIT,
                ]),
            )
            .optional(),
        ]);

fn bitcount(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let range = match args.len() {
        2 => None,
        4 | 5 => {
            let (start, end) = (args.integer(2)?, args.integer(3)?);
            Some((start, end, is_in_bits(args, 4)?))
        }
        _ => return Err(Error::Syntax),
    };
    let Some(entry) = view.get(args.key(1)) else {
        reply.integer(0);
        return Ok(());
    };
    let mut buffer = itoa::Buffer::new();
    let bytes = entry.string()?.bytes(&mut buffer);
    let (from, to) = match range {
        None => (0, bytes.len() as u64 * 8),
        // Not so where they only come to lie like this at the front of the string.
        Some((start, end, _)) if start < 0 && end < 0 && start > end => (0, 0),
        Some((start, end, in_bits)) => bit_range(bytes.len(), start, end, in_bits),
    };
    reply.count(bitmap::count(bytes, from, to) as usize);
    Ok(())
}

const BITFIELD: CommandSpec =
    CommandSpec::write("BITFIELD", Arity::at_least(2), Group::Bitmap, bitfield)
        .flags(Flags::DENY_OOM)
        .categories(Categories::BITMAP)
        .keys(&[
            KeySpec::at(1, members!(KeyFlags: RW | UPDATE | ACCESS | VARIABLE_FLAGS))
                .notes("This command allows both access and modification of the key"),
        ])
        .doc(
            "3.2.0",
            "O(1) for each operation",
            "Reads and changes integers of any width in a string.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new(
                "operation",
                ArgKind::OneOf(&[
                    Arg::new("get-block", ArgKind::Block(FIELD_ARGS)).token("GET"),
                    Arg::new("write", ArgKind::Block(WRITE_ARGS)),
                ]),
            )
            .optional()
            .multiple(),
        ]);

const ENCODING: Arg = Arg::new("encoding", ArgKind::String);
const OFFSET: Arg = Arg::new("offset", ArgKind::Integer);
const FIELD_ARGS: &[Arg] = &[ENCODING, OFFSET];

const WRITE_ARGS: &[Arg] = &[
    Arg::new(
        "overflow-block",
        ArgKind::OneOf(&[
            Arg::word("wrap", "WRAP"),
            Arg::word("sat", "SAT"),
            Arg::word("fail", "FAIL"),
        ]),
    )
    .token("OVERFLOW")
    .optional(),
    Arg::new(
        "write-operation",
        ArgKind::OneOf(&[
            Arg::new(
                "set-block",
                ArgKind::Block(&[ENCODING, OFFSET, Arg::new("value", ArgKind::Integer)]),
            )
            .token("SET"),
            Arg::new(
                "incrby-block",
                ArgKind::Block(&[ENCODING, OFFSET, Arg::new("increment", ArgKind::Integer)]),
            )
            .token("INCRBY"),
        ]),
    ),
];

fn bitfield(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(1);
    let steps = Steps::parse(args, db.access.longest_string())?;
    let Some(len) = steps.written_len()? else {
        return steps.read(db.read(key), reply);
    };
    db.edit_string(key, len, "setbit", |bytes, grown| {
        reply.array(steps.0.len());
        let mut changes = 0;
        for step in &steps.0 {
            changes += u64::from(step.run(bytes, grown, reply));
        }
        ((), changes)
    })
}

const BITFIELD_RO: CommandSpec = CommandSpec::read(
    "BITFIELD_RO",
    Arity::at_least(2),
    Group::Bitmap,
    bitfield_ro,
)
.flags(Flags::FAST)
.categories(Categories::BITMAP)
.keys(READ_KEY)
.doc(
    "6.0.0",
    "O(1) for each operation",
    "Reads integers of any width in a string.",
)
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("get-block", ArgKind::Block(FIELD_ARGS))
        .token("GET")
        .optional()
        .multiple_token(),
]);

fn bitfield_ro(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let steps = Steps::parse(args, view.access.longest_string())?;
    if steps.written_len()?.is_some() {
        return Err(Error::Static(
            "ERR BITFIELD_RO only supports the GET subcommand",
        ));
    }
    steps.read(view.get(args.key(1)), reply)
}

const BITOP: CommandSpec = CommandSpec::write("BITOP", Arity::at_least(4), Group::Bitmap, bitop)
    .flags(Flags::DENY_OOM)
    .categories(Categories::BITMAP)
    .keys(&[
        KeySpec::at(2, members!(KeyFlags: OW | UPDATE)),
        KeySpec::range(3, -1, 1, members!(KeyFlags: RO | ACCESS)),
    ])
    .doc(
        "2.6.0",
        "O(N) where N is the length of the longest string, for each string.",
        "Stores the AND, OR, XOR or NOT of strings, bit by bit.",
    )
    .args(&[
        Arg::new(
            "operation",
            ArgKind::OneOf(&[
                Arg::word("and", "AND"),
                Arg::word("or", "OR"),
                Arg::word("xor", "XOR"),
                Arg::word("not", "NOT"),
            ]),
        ),
        Arg::new("destkey", ArgKind::Key(0)),
        Arg::new("key", ArgKind::Key(1)).multiple(),
    ]);

fn bitop(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let operation = match () {
        _ if args.is(1, "AND") => Operation::And,
        _ if args.is(1, "OR") => Operation::Or,
        _ if args.is(1, "XOR") => Operation::Xor,
        _ if args.is(1, "NOT") => Operation::Not,
        _ => return Err(Error::Syntax),
    };
    if operation == Operation::Not && args.len() != 4 {
        return Err(Error::Static(
            "ERR BITOP NOT must be called with a single source key.",
        ));
    }
    // The look-ups that count; they end at the first key of another type.
    for index in 3..args.len() {
        db.read(args.key(index)).map(Entry::string).transpose()?;
    }
    let result = combine(&db.view(), operation, args);
    reply.count(result.len());
    db.store_string(args.key(2), result, "set");
    Ok(())
}

/// The operation on the strings under the keys from argument 3 on.
fn combine(view: &View<'_>, operation: Operation, args: Args<'_>) -> Vec<u8> {
    let texts: SmallVec<[Cow<'_, [u8]>; 4]> = (3..args.len())
        .map(|index| {
            let entry = view.peek(args.key(index));
            match entry.and_then(|entry| entry.string().ok()) {
                Some(StringRef::Bytes(bytes)) => Cow::Borrowed(bytes),
                Some(StringRef::Int(number)) => Cow::Owned(number.to_string().into_bytes()),
                None => Cow::Borrowed(&b""[..]),
            }
        })
        .collect();
    let sources: SmallVec<[&[u8]; 4]> = texts.iter().map(|text| &**text).collect();
    bitmap::combine(operation, &sources)
}

const BITPOS: CommandSpec = CommandSpec::read("BITPOS", Arity::at_least(3), Group::Bitmap, bitpos)
    .categories(Categories::BITMAP)
    .keys(READ_KEY)
    .doc(
        "2.8.7",
        "O(N) where N is the number of bytes looked at.",
        "Finds the first bit that is 1, or 0, in a string or in part of it.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("bit", ArgKind::Integer),
        Arg::new(
            "range",
            ArgKind::Block(&[
                Arg::new("start", ArgKind::Integer),
                Arg::new(
                    "end-unit-block",
                    ArgKind::Block(&[Arg::new("end", ArgKind::Integer), UNIT]),
                )
                .optional(),
            ]),
        )
        .optional(),
    ]);

fn bitpos(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let bit = match args.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Error::Static("ERR The bit argument must be 1 or 0.")),
    };
    if args.len() > 6 {
        return Err(Error::Syntax);
    }
    let start = if args.len() > 3 { args.integer(3)? } else { 0 };
    let in_bits = is_in_bits(args, 5)?;
    let end = match args.len() {
        0..=4 => None,
        _ => Some(args.integer(4)?),
    };
    let Some(entry) = view.get(args.key(1)) else {
        reply.integer(if bit { -1 } else { 0 });
        return Ok(());
    };
    let mut buffer = itoa::Buffer::new();
    let bytes = entry.string()?.bytes(&mut buffer);
    let (from, to) = bit_range(bytes.len(), start, end.unwrap_or(-1), in_bits);
    match bitmap::position(bytes, bit, from, to) {
        Some(at) => reply.count(at as usize),
        // Zeros follow a string whose end was not given.
        None if !bit && end.is_none() && from < to => reply.count(to as usize),
        None => reply.integer(-1),
    }
    Ok(())
}

const GETBIT: CommandSpec = CommandSpec::read("GETBIT", Arity::exactly(3), Group::Bitmap, getbit)
    .flags(Flags::FAST)
    .categories(Categories::BITMAP)
    .keys(READ_KEY)
    .doc("2.2.0", "O(1)", "Returns one bit of a string.")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("offset", ArgKind::Integer),
    ]);

fn getbit(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let offset = parse_offset(args.get(2), None, view.access.longest_string())?;
    let bit = match view.get(args.key(1)) {
        Some(entry) => bitmap::get(entry.string()?.bytes(&mut itoa::Buffer::new()), offset),
        None => false,
    };
    reply.flag(bit);
    Ok(())
}

const SETBIT: CommandSpec = CommandSpec::write("SETBIT", Arity::exactly(4), Group::Bitmap, setbit)
    .flags(Flags::DENY_OOM)
    .categories(Categories::BITMAP)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc(
        "2.2.0",
        "O(1)",
        "Sets one bit of a string and returns what it was; makes the key if it is missing.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("offset", ArgKind::Integer),
        Arg::new("value", ArgKind::Integer),
    ]);

fn setbit(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let offset = parse_offset(args.get(2), None, db.access.longest_string())?;
    let bit = match number::parse_i64(args.get(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(BAD_BIT),
    };
    let len = (offset / 8) as usize + 1;
    let old = db.edit_string(args.key(1), len, "setbit", |bytes, _| {
        let old = bitmap::set(bytes, offset, bit);
        (old, u64::from(old != bit))
    })?;
    reply.flag(old);
    Ok(())
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    BITCOUNT,
    BITFIELD,
    BITFIELD_RO,
    BITOP,
    BITPOS,
    GETBIT,
    SETBIT,
];

/// Reads the offset of a bit, or of a field after `#` in widths of such fields, in a string of up to `limit`
/// bytes.
fn parse_offset(text: &[u8], field: Option<Field>, limit: usize) -> Result<u64, Error> {
    let (digits, factor) = match (text, field) {
        ([b'#', digits @ ..], Some(field)) => (digits, i64::from(field.bits)),
        _ => (text, 1),
    };
    let number = number::parse_i64(digits).ok_or(BAD_OFFSET)?;
    // Past 64 bits it begins again, as in Redis.
    u64::try_from(number.wrapping_mul(factor))
        .ok()
        .filter(|offset| offset / 8 < limit as u64)
        .ok_or(BAD_OFFSET)
}

/// Whether a range is in bits: argument `index`, if there is one, says BIT or BYTE.
fn is_in_bits(args: Args<'_>, index: usize) -> Result<bool, Error> {
    match args.len() > index {
        true if args.is(index, "BIT") => Ok(true),
        true if !args.is(index, "BYTE") => Err(Error::Syntax),
        _ => Ok(false),
    }
}

/// The bits, the last exclusive, of a range of a string of `len` bytes. It is in bytes or in bits, the last
/// inclusive; what is below 0 counts from the end.
fn bit_range(len: usize, start: i64, end: i64, in_bits: bool) -> (u64, u64) {
    let total = len as i64 * if in_bits { 8 } else { 1 };
    let from_front = |index: i64| match index < 0 {
        true => (total + index).max(0),
        false => index,
    };
    let (start, end) = (from_front(start), from_front(end).min(total - 1));
    if start > end {
        return (0, 0);
    }
    let unit = if in_bits { 1 } else { 8 };
    (start as u64 * unit, (end as u64 + 1) * unit)
}

/// What one operation of BITFIELD does with its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set,
    Increment,
}

/// One operation of BITFIELD.
#[derive(Clone, Copy, Debug)]
struct Step {
    action: Action,
    field: Field,
    offset: u64,
    /// What to set, or to add.
    number: i64,
    overflow: Overflow,
}

impl Step {
    /// Answers it. Whether it changed anything; in a string that has `grown`, every one that writes does.
    fn run(&self, bytes: &mut [u8], grown: bool, reply: &mut Reply<'_>) -> bool {
        let old = self.field.get(bytes, self.offset);
        let (value, increment) = match self.action {
            Action::Get => {
                reply.integer(old);
                return false;
            }
            Action::Set => (self.number, 0),
            Action::Increment => (old, self.number),
        };
        let Some(new) = self.field.fit(value, increment, self.overflow) else {
            reply.null();
            return false;
        };
        let is_set = self.action == Action::Set;
        reply.integer(if is_set { old } else { new });
        self.field.set(bytes, self.offset, new);
        grown || old != new
    }
}

/// The operations of BITFIELD.
struct Steps(SmallVec<[Step; 4]>);

impl Steps {
    /// `limit`: the most bytes that a string may have.
    fn parse(args: Args<'_>, limit: usize) -> Result<Steps, Error> {
        let mut steps = SmallVec::new();
        let mut overflow = Overflow::Wrap;
        let mut index = 2;
        while index < args.len() {
            let more = args.len() - index - 1;
            let action = match () {
                _ if args.is(index, "GET") && more >= 2 => Action::Get,
                _ if args.is(index, "SET") && more >= 3 => Action::Set,
                _ if args.is(index, "INCRBY") && more >= 3 => Action::Increment,
                _ if args.is(index, "OVERFLOW") && more >= 1 => {
                    overflow = parse_overflow(args, index + 1)?;
                    index += 2;
                    continue;
                }
                _ => return Err(Error::Syntax),
            };
            let field = parse_field(args.get(index + 1)).ok_or(BAD_FIELD)?;
            let offset = parse_offset(args.get(index + 2), Some(field), limit)?;
            let number = match action {
                Action::Get => 0,
                Action::Set | Action::Increment => args.integer(index + 3)?,
            };
            steps.push(Step {
                action,
                field,
                offset,
                number,
                overflow,
            });
            index += if action == Action::Get { 3 } else { 4 };
        }
        Ok(Steps(steps))
    }

    /// How long the string must be for all that is written; `None` if nothing is.
    fn written_len(&self) -> Result<Option<usize>, Error> {
        let writes = self.0.iter().filter(|step| step.action != Action::Get);
        let end = writes.map(|step| step.offset + u64::from(step.field.bits));
        match end.max() {
            // A field may begin within the longest string and end behind it.
            Some(end) if end.div_ceil(8) > u32::MAX.into() => Err(BAD_OFFSET),
            end => Ok(end.map(|end| end.div_ceil(8) as usize)),
        }
    }

    /// Answers operations that only read.
    fn read(&self, entry: Option<&Entry>, reply: &mut Reply<'_>) -> CommandResult {
        let mut buffer = itoa::Buffer::new();
        let bytes = match entry {
            Some(entry) => entry.string()?.bytes(&mut buffer),
            None => b"",
        };
        reply.array(self.0.len());
        for step in &self.0 {
            reply.integer(step.field.get(bytes, step.offset));
        }
        Ok(())
    }
}

fn parse_overflow(args: Args<'_>, index: usize) -> Result<Overflow, Error> {
    match () {
        _ if args.is(index, "WRAP") => Ok(Overflow::Wrap),
        _ if args.is(index, "SAT") => Ok(Overflow::Saturate),
        _ if args.is(index, "FAIL") => Ok(Overflow::Fail),
        _ => Err(Error::Static("ERR Invalid OVERFLOW type specified")),
    }
}

/// Reads a type such as `i16` or `u8`; what follows a null byte does not count.
fn parse_field(text: &[u8]) -> Option<Field> {
    let (signed, digits) = match text {
        [b'i', digits @ ..] => (true, digits),
        [b'u', digits @ ..] => (false, digits),
        _ => return None,
    };
    let digits = digits.split(|byte| *byte == 0).next()?;
    let most = if signed { 64 } else { 63 };
    let bits = number::parse_i64(digits).filter(|bits| (1..=most).contains(bits))?;
    Some(Field {
        signed,
        bits: bits as u32,
    })
}

/// The flags of BITFIELD's key: whether it only reads, as far as Redis looks for it.
pub fn field_key_flags(args: Args<'_>) -> KeyFlags {
    let mut index = 2;
    let changes = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);
    while index < args.len() {
        let more = args.len() - index - 1;
        index += match () {
            _ if args.is(index, "GET") && more >= 2 => 3,
            _ if args.is(index, "OVERFLOW") && more >= 1 => 2,
            _ => return changes,
        };
    }
    KeyFlags::RO.union(KeyFlags::ACCESS)
}
