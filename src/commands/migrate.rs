//! MIGRATE: keys go to another server.

use std::sync::Arc;
use std::time::Duration;

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandSpec, FindKeys, Flags, Group, KeyFlags,
    KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::marks::Marks;
use crate::rdb::payload;
use crate::resp::{Args, Reply};
use crate::session::migrate::Migration;
use crate::session::park::Wait;
use crate::types::number;

/// What is done to a key.
const FLAGS: KeyFlags = members!(KeyFlags: RW | ACCESS | DELETE);

/// Milliseconds for each step if none are given.
const PATIENCE: i64 = 1000;

const MIGRATE: CommandSpec =
    CommandSpec::session("MIGRATE", Arity::at_least(6), Group::Generic, migrate)
        .flags(Flags::WRITE)
        .categories(members!(Categories: DANGEROUS | KEYSPACE))
        .keys(&[
            KeySpec::at(3, FLAGS),
            KeySpec {
                begin: BeginSearch::Keyword("KEYS", -2),
                find: FindKeys::Range {
                    last: -1,
                    step: 1,
                    limit: 0,
                },
                flags: FLAGS.union(KeyFlags::INCOMPLETE),
                notes: None,
            },
        ])
        .find_keys(find_keys)
        .doc(
            "2.6.0",
            "O(N) for N keys: here a DUMP and a DEL of each, and a RESTORE there.",
            "Moves keys to another server.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("host", ArgKind::String),
            Arg::new("port", ArgKind::Integer),
            Arg::new(
                "key-selector",
                ArgKind::OneOf(&[
                    Arg::new("key", ArgKind::Key(0)),
                    Arg::word("empty-string", "\"\""),
                ]),
            ),
            Arg::new("destination-db", ArgKind::Integer),
            Arg::new("timeout", ArgKind::Integer),
            Arg::word("copy", "COPY").optional().since("3.0.0"),
            Arg::word("replace", "REPLACE").optional().since("3.0.0"),
            Arg::new(
                "authentication",
                ArgKind::OneOf(&[
                    Arg::new("auth", ArgKind::String)
                        .token("AUTH")
                        .since("4.0.7"),
                    Arg::new(
                        "auth2",
                        ArgKind::Block(&[
                            Arg::new("username", ArgKind::String),
                            Arg::new("password", ArgKind::String),
                        ]),
                    )
                    .token("AUTH2")
                    .since("6.0.0"),
                ]),
            )
            .optional(),
            Arg::new("keys", ArgKind::Key(1))
                .token("KEYS")
                .optional()
                .multiple()
                .since("3.0.6"),
        ]);

/// The keys, by Redis's own rule.
fn find_keys(args: Args<'_>, f: &mut dyn FnMut(usize, KeyFlags)) {
    let mut keys = 3..args.len().min(4);
    let mut index = 6;
    while index < args.len() {
        if args.is(index, "KEYS") {
            let start = if args.get(3).is_empty() {
                index + 1
            } else {
                args.len()
            };
            keys = start..args.len();
            break;
        }
        index += if args.is(index, "AUTH2") {
            3
        } else if args.is(index, "AUTH") {
            2
        } else {
            1
        };
    }
    keys.for_each(|index| f(index, FLAGS));
}

/// What MIGRATE is to do besides.
struct Options<'a> {
    copy: bool,
    replace: bool,
    /// What AUTH is sent.
    credentials: Vec<&'a [u8]>,
    /// The keys, by their places.
    keys: std::ops::Range<usize>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut options = Options {
            copy: false,
            replace: false,
            credentials: Vec::new(),
            keys: 3..4,
        };
        let mut index = 6;
        while index < args.len() {
            let more = args.len() - 1 - index;
            if args.is(index, "COPY") {
                options.copy = true;
            } else if args.is(index, "REPLACE") {
                options.replace = true;
            } else if args.is(index, "AUTH") && more >= 1 {
                // A name that was given before is still used, as in Redis.
                options.credentials.truncate(options.credentials.len() / 2);
                options.credentials.push(args.get(index + 1));
                index += 1;
            } else if args.is(index, "AUTH2") && more >= 2 {
                options.credentials = vec![args.get(index + 1), args.get(index + 2)];
                index += 2;
            } else if args.is(index, "KEYS") {
                if !args.get(3).is_empty() {
                    return Err(Error::Static(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                options.keys = index + 1..args.len();
                break;
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        Ok(options)
    }
}

fn migrate(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let options = Options::parse(args)?;
    let patience = args.integer(5)?;
    let database = args.integer(4)?;
    let patience = if patience > 0 { patience } else { PATIENCE };
    let (host, port) = (c_text(args.get(1)), args.get(2));
    let mut migration = Migration::new(
        String::from_utf8_lossy(host).into_owned(),
        number::parse_leading_integer(port),
        Duration::from_millis(patience as u64),
    );
    if !options.credentials.is_empty() {
        let auth = [&[&b"AUTH"[..]][..], &options.credentials].concat();
        push_request(&auth, &mut migration.request);
        migration.preamble += 1;
    }
    // Redis takes -1 for the database of a connection that it knows nothing of.
    if database != -1 {
        let mut buffer = itoa::Buffer::new();
        let select = [b"SELECT", buffer.format(database).as_bytes()];
        push_request(&select, &mut migration.request);
        migration.preamble += 1;
    }
    add_keys(context, args, &options, &mut migration);
    if migration.keys == 0 {
        reply.simple("NOKEY");
        return Ok(Flow::Done);
    }
    let migration = Arc::new(migration);
    Ok(Flow::Park(Wait::Migration {
        migration,
        call: None,
    }))
}

/// Reads the keys that there are, and marks them unless they are only copied.
fn add_keys(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    options: &Options<'_>,
    migration: &mut Migration,
) {
    let db = &mut *context.db;
    let mut marks = Marks::new(db.index());
    let (now, compresses) = (db.now(), db.access.config.rdbcompression());
    for index in options.keys.clone() {
        let key = args.key(index);
        let Some(entry) = db.read(key) else {
            continue;
        };
        let ttl = entry.expiry().map_or(0, |at| (at - now).max(1));
        let payload = payload::dump(entry.value(), compresses);
        let mut buffer = itoa::Buffer::new();
        let ttl = buffer.format(ttl).as_bytes();
        let request: [&[u8]; 5] = [b"RESTORE", key.bytes, ttl, &payload, b"REPLACE"];
        let parts = if options.replace { 5 } else { 4 };
        push_request(&request[..parts], &mut migration.request);
        migration.keys += 1;
        if !options.copy {
            db.mark(key, &mut marks);
        }
    }
    if !options.copy {
        migration.marks = Some(marks);
    }
}

/// Text as C takes it: up to a NUL.
fn c_text(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

/// Appends a request to another server.
fn push_request(args: &[&[u8]], out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let mut head = |kind: u8, number: usize, out: &mut Vec<u8>| {
        out.push(kind);
        out.extend_from_slice(buffer.format(number).as_bytes());
        out.extend_from_slice(b"\r\n");
    };
    head(b'*', args.len(), out);
    for arg in args {
        head(b'$', arg.len(), out);
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[MIGRATE];
