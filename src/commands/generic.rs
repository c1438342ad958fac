//! Commands on keys of any type.

use crate::commands::scan::{self, Filter, Page, ScanOptions, Scanned};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Footprint, Group, KeyFlags,
    KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::{Access, Db, Entry, View};
use crate::resp::{Args, Reply};

const COPY: CommandSpec = CommandSpec::write("COPY", Arity::at_least(3), Group::Generic, copy)
    .flags(Flags::DENY_OOM)
    .categories(Categories::KEYSPACE)
    .keys(&[
        KeySpec::at(1, members!(KeyFlags: RO | ACCESS)),
        KeySpec::at(2, members!(KeyFlags: OW | UPDATE)),
    ])
    .doc(
        "6.2.0",
        "O(1) for strings, O(N) for collections, where N is the number of elements.",
        "Copies the value of a key to another key.",
    )
    .args(&[
        Arg::new("source", ArgKind::Key(0)),
        Arg::new("destination", ArgKind::Key(1)),
        Arg::new("destination-db", ArgKind::Integer)
            .token("DB")
            .optional(),
        Arg::word("replace", "REPLACE").optional(),
    ]);

fn copy(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (destination, replace) = copy_options(db, args)?;
    let (from, to) = (args.key(1), args.key(2));
    if destination == db.index() && from.bytes == to.bytes {
        return Err(Error::SameObject);
    }
    // The look-ups count as uses of both keys.
    let found = db.read(from).is_some();
    let free = found && (db.get_in(destination, to).is_none() || replace);
    reply.flag(free && db.copy(from, to, destination, replace));
    Ok(())
}

/// The destination database and whether to replace what is there.
fn copy_options(db: &Db<'_>, args: Args<'_>) -> Result<(usize, bool), Error> {
    let (mut destination, mut replace) = (db.index(), false);
    let mut index = 3;
    while index < args.len() {
        if args.is(index, "REPLACE") {
            replace = true;
        } else if args.is(index, "DB") && index + 1 < args.len() {
            index += 1;
            destination = args.database(index, db.databases())?;
        } else {
            return Err(Error::Syntax);
        }
        index += 1;
    }
    Ok((destination, replace))
}

const DEL: CommandSpec = CommandSpec::write("DEL", Arity::at_least(2), Group::Generic, del)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::range(1, -1, 1, members!(KeyFlags: RM | DELETE))])
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys, and O(M) for each collection of M elements.",
        "Deletes keys.",
    )
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn del(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    remove_all(db, args, reply)
}

fn remove_all(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let removed = (1..args.len())
        .filter(|&index| db.remove(args.key(index), "del"))
        .count();
    reply.count(removed);
    Ok(())
}

const EXISTS: CommandSpec = CommandSpec::read("EXISTS", Arity::at_least(2), Group::Generic, exists)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys to look for.",
        "Counts the given keys that exist.",
    )
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn exists(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let found = (1..args.len())
        .filter(|&index| view.get_untouched(args.key(index)).is_some())
        .count();
    reply.count(found);
    Ok(())
}

const KEYS: CommandSpec = CommandSpec::read("KEYS", Arity::exactly(2), Group::Generic, keys)
    .categories(members!(Categories: DANGEROUS | KEYSPACE))
    .footprint(Footprint::AllShared)
    .doc(
        "1.0.0",
        "O(N) where N is the number of keys in the database.",
        "Returns the names of all keys that match a pattern.",
    )
    .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
    .args(&[Arg::new("pattern", ArgKind::Pattern)]);

fn keys(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let filter = Filter::new(args.get(1));
    let found: Vec<&Entry> = view
        .entries_of(view.index())
        .filter(|entry| filter.matches(entry.key()))
        .collect();
    reply.array(found.len());
    for entry in found {
        reply.bulk(entry.key());
    }
    Ok(())
}

const MOVE: CommandSpec = CommandSpec::write("MOVE", Arity::exactly(3), Group::Generic, move_)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
    .doc("1.0.0", "O(1)", "Moves a key to another database.")
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("db", ArgKind::Integer),
    ]);

fn move_(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let destination = args.database(2, db.databases())?;
    if destination == db.index() {
        return Err(Error::SameObject);
    }
    let key = args.key(1);
    // The look-ups count as uses of both keys.
    let free = db.get(key).is_some() && db.get_in(destination, key).is_none();
    reply.flag(free && db.move_to(key, destination));
    Ok(())
}

const RANDOMKEY: CommandSpec =
    CommandSpec::read_exclusive("RANDOMKEY", Arity::exactly(1), Group::Generic, randomkey)
        .flags(Flags::TOUCHES_ARBITRARY_KEYS)
        .categories(Categories::KEYSPACE)
        .footprint(Footprint::AllExclusive)
        .doc(
            "1.0.0",
            "O(1)",
            "Returns the name of a key chosen by chance.",
        )
        .tips(&[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ]);

fn randomkey(db: &mut Db<'_>, _args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match db.random_key() {
        Some(key) => reply.bulk(&key),
        None => reply.null(),
    }
    Ok(())
}

const RENAME: CommandSpec = CommandSpec::write("RENAME", Arity::exactly(3), Group::Generic, rename)
    .categories(Categories::KEYSPACE)
    .keys(&[
        KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE)),
        KeySpec::at(2, members!(KeyFlags: OW | UPDATE)),
    ])
    .doc(
        "1.0.0",
        "O(1)",
        "Renames a key, replacing whatever has the new name.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("newkey", ArgKind::Key(1)),
    ]);

fn rename(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (from, to) = (args.key(1), args.key(2));
    db.get(from).ok_or(Error::NoSuchKey)?;
    db.rename(from, to)?;
    reply.ok();
    Ok(())
}

const RENAMENX: CommandSpec =
    CommandSpec::write("RENAMENX", Arity::exactly(3), Group::Generic, renamenx)
        .flags(Flags::FAST)
        .categories(Categories::KEYSPACE)
        .keys(&[
            KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE)),
            KeySpec::at(2, members!(KeyFlags: OW | INSERT)),
        ])
        .doc(
            "1.0.0",
            "O(1)",
            "Renames a key, but only if no key has the new name.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("newkey", ArgKind::Key(1)),
        ]);

fn renamenx(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (from, to) = (args.key(1), args.key(2));
    db.get(from).ok_or(Error::NoSuchKey)?;
    let free = db.get(to).is_none();
    if free {
        db.rename(from, to)?;
    }
    reply.flag(free);
    Ok(())
}

const SCAN: CommandSpec =
    CommandSpec::read_exclusive("SCAN", Arity::at_least(2), Group::Generic, scan)
        .flags(Flags::TOUCHES_ARBITRARY_KEYS)
        .categories(Categories::KEYSPACE)
        .footprint(Footprint::AllExclusive)
        .doc(
            "2.8.0",
            "O(1) for a call, O(N) for a complete iteration, where N is the number of keys.",
            "Returns the names of some keys and a cursor to go on from.",
        )
        .tips(&[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ])
        .args(&[
            Arg::new("cursor", ArgKind::Integer),
            scan::MATCH,
            scan::COUNT,
            Arg::new("type", ArgKind::String)
                .token("TYPE")
                .optional()
                .since("6.0.0"),
        ]);

fn scan(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(args, 1)?;
    let options = ScanOptions::parse(args, Scanned::Keys)?;
    let mut page = Page::new(reply);
    let mut checked = 0;
    let wanted = |entry: &Entry| options.filter.matches(entry.key());
    let (next, stale) = db.scan(cursor, options.count, wanted, |entry| {
        if let Some(name) = options.type_name {
            checked += 1;
            if !name.eq_ignore_ascii_case(entry.type_name().as_bytes()) {
                return;
            }
        }
        page.bulk(entry.key());
    });
    // Looking at a key's type is a look-up; passing by is none.
    db.access.stats.keyspace_hits.add(checked);
    if options.type_name.is_some() {
        db.access.stats.keyspace_misses.add(stale);
    }
    page.send(next, reply);
    Ok(())
}

const TOUCH: CommandSpec = CommandSpec::read("TOUCH", Arity::at_least(2), Group::Generic, touch)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::range(1, -1, 1, KeyFlags::RO)])
    .doc(
        "3.2.1",
        "O(N) where N is the number of keys to touch.",
        "Sets the last access time of keys to now and counts those that exist.",
    )
    .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
    .args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn touch(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    // The one read that counts as a use even after CLIENT NO-TOUCH ON.
    let access = Access {
        touch: true,
        ..view.access
    };
    let touched = (1..args.len())
        .filter_map(|index| view.get_untouched(args.key(index)))
        .inspect(|entry| access.touch(entry))
        .count();
    reply.count(touched);
    Ok(())
}

const TYPE: CommandSpec = CommandSpec::read("TYPE", Arity::exactly(2), Group::Generic, type_)
    .flags(Flags::FAST)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc(
        "1.0.0",
        "O(1)",
        "Returns the type of the value under a key.",
    )
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn type_(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let entry = view.get_untouched(args.key(1));
    reply.simple(entry.map_or("none", Entry::type_name));
    Ok(())
}

const UNLINK: CommandSpec = CommandSpec::write("UNLINK", Arity::at_least(2), Group::Generic, unlink).flags(Flags::FAST).categories(Categories::KEYSPACE).keys(&[KeySpec::range(1, -1, 1, members!(KeyFlags: RM | DELETE))]).doc("4.0.0", "O(1) for each key; the memory is freed in the background in O(N), where N is the number of allocations.", "Deletes keys and leaves it to a background thread to free large values.").tips(&["request_policy:multi_shard", "response_policy:agg_sum"]).args(&[Arg::new("key", ArgKind::Key(0)).multiple()]);

fn unlink(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    // Large values are always freed later.
    remove_all(db, args, reply)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    COPY, DEL, EXISTS, KEYS, MOVE, RANDOMKEY, RENAME, RENAMENX, SCAN, TOUCH, TYPE, UNLINK,
];
