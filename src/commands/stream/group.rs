//! XGROUP: consumer groups and their consumers are made, moved and removed.

use super::strict_id;
use crate::commands::context::{Context, Flow};
use crate::commands::help;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Lookup, Missing};
use crate::resp::{Args, Key, Reply};
use crate::types::Stream;
use crate::types::stream::StreamId;
use crate::types::stream::group::Group as ConsumerGroup;

const KEY: &[KeySpec] = &[KeySpec::at(2, members!(KeyFlags: RW | INSERT))];

const KEY_LOSING: &[KeySpec] = &[KeySpec::at(2, members!(KeyFlags: RW | DELETE))];

const KEY_GROUP: [Arg; 2] = [
    Arg::new("key", ArgKind::Key(0)),
    Arg::new("group", ArgKind::String),
];

const KEY_GROUP_CONSUMER: &[Arg] = &[
    KEY_GROUP[0],
    KEY_GROUP[1],
    Arg::new("consumer", ArgKind::String),
];

const ID_SELECTOR: Arg = Arg::new(
    "id-selector",
    ArgKind::OneOf(&[Arg::new("id", ArgKind::String), Arg::word("new-id", "$")]),
);

const ENTRIES_READ: Arg = Arg::new("entriesread", ArgKind::Integer)
    .token("ENTRIESREAD")
    .optional();

const NO_KEY: Error = Error::Static(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
     option to create an empty stream automatically.",
);

pub(super) const XGROUP: CommandSpec = CommandSpec::container(
    "XGROUP",
    Group::Stream,
    &[CREATE, CREATECONSUMER, DELCONSUMER, DESTROY, HELP, SETID],
)
.doc(
    "5.0.0",
    "Depends on subcommand.",
    "A container for commands on consumer groups.",
);

/// That there is no group of this name (in XGROUP and XINFO).
pub(super) fn no_group(group: &[u8], key: &[u8]) -> Error {
    Error::quoting_two(
        "NOGROUP No such consumer group '",
        group,
        "' for key name '",
        key,
        "'",
    )
}

/// What CREATE and SETID are told behind the ID.
struct Options {
    make: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>, may_make: bool) -> Result<Self, Error> {
        let mut options = Options {
            make: false,
            entries_read: None,
        };
        let mut at = 5;
        while at < args.len() {
            if may_make && args.is(at, "MKSTREAM") {
                options.make = true;
                at += 1;
            } else if at + 1 < args.len() && args.is(at, "ENTRIESREAD") {
                options.entries_read = match args.integer(at + 1)? {
                    -1 => None,
                    read @ 0.. => Some(read),
                    _ => {
                        return Err(Error::Static(
                            "ERR value for ENTRIESREAD must be positive or -1",
                        ));
                    }
                };
                at += 2;
            } else {
                return Err(syntax(args));
            }
        }
        Ok(options)
    }
}

fn syntax(args: Args<'_>) -> Error {
    Error::subcommand_syntax(args.get(1), "XGROUP")
}

const CREATE: CommandSpec = CommandSpec::write("CREATE", Arity::at_least(5), Group::Stream, create)
    .flags(Flags::DENY_OOM)
    .categories(Categories::STREAM)
    .keys(KEY)
    .doc(
        "5.0.0",
        "O(1)",
        "Makes a consumer group, and with MKSTREAM its stream.",
    )
    .args(&[
        KEY_GROUP[0],
        KEY_GROUP[1],
        ID_SELECTOR,
        Arg::word("mkstream", "MKSTREAM").optional(),
        ENTRIES_READ,
    ]);

fn create(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    const EVENT: &str = "xgroup-create";
    let options = Options::parse(args, true)?;
    let key = args.key(2);
    let add = |stream: &mut Stream| {
        if args.len() > 8 {
            return Err(syntax(args));
        }
        let id = match args.get(4) {
            b"$" => stream.last_id(),
            _ => strict_id(args, 4, 0)?,
        };
        let group = ConsumerGroup::new(id, options.entries_read);
        if !stream.groups_mut().create(args.get(3), group) {
            return Err(Error::Static(
                "BUSYGROUP Consumer Group name already exists",
            ));
        }
        Ok(((), 1))
    };
    if db.tend_object(key, Lookup::Write, add)?.is_some() {
        db.notify(key, EVENT);
    } else if options.make {
        db.edit_object(key, Missing::Make, EVENT, add)?;
    } else {
        return Err(NO_KEY);
    }
    reply.ok();
    Ok(())
}

/// Gives `change` the group of a stream; it returns its result and how many changes it made, which are published
/// as `event`.
fn tend_group<R>(
    db: &mut Db<'_>,
    args: Args<'_>,
    event: &'static str,
    change: impl FnOnce(StreamId, &mut ConsumerGroup) -> Result<(R, u64), Error>,
) -> Result<R, Error> {
    let (key, name) = (args.key(2), args.get(3));
    let tend = |stream: &mut Stream| {
        let (log, groups) = stream.parts();
        let group = groups
            .get_mut(name)
            .ok_or_else(|| no_group(name, key.bytes))?;
        let (result, changes) = change(log.last_id(), group)?;
        Ok(((result, changes), changes))
    };
    let (result, changes) = db.tend_object(key, Lookup::Write, tend)?.ok_or(NO_KEY)?;
    if changes > 0 {
        db.notify(key, event);
    }
    Ok(result)
}

const CREATECONSUMER: CommandSpec = CommandSpec::write(
    "CREATECONSUMER",
    Arity::exactly(5),
    Group::Stream,
    create_consumer,
)
.flags(Flags::DENY_OOM)
.categories(Categories::STREAM)
.keys(KEY)
.doc("6.2.0", "O(1)", "Makes a consumer in a consumer group.")
.args(KEY_GROUP_CONSUMER);

/// The event of a new consumer.
pub(super) const CONSUMER_CREATED: &str = "xgroup-createconsumer";

fn create_consumer(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let now = db.now();
    let created = tend_group(db, args, CONSUMER_CREATED, |_, group| {
        let created = group.add_consumer(args.get(4), now).is_some();
        Ok((created, created.into()))
    })?;
    reply.flag(created);
    Ok(())
}

const DELCONSUMER: CommandSpec = CommandSpec::write(
    "DELCONSUMER",
    Arity::exactly(5),
    Group::Stream,
    delete_consumer,
)
.categories(Categories::STREAM)
.keys(KEY_LOSING)
.doc(
    "5.0.0",
    "O(1)",
    "Removes a consumer from a consumer group, with all that is pending for it.",
)
.args(KEY_GROUP_CONSUMER);

fn delete_consumer(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let pending = tend_group(db, args, "xgroup-delconsumer", |_, group| {
        let pending = group.remove_consumer(args.get(4));
        Ok((pending, pending.is_some().into()))
    })?;
    reply.count(pending.unwrap_or(0));
    Ok(())
}

const DESTROY: CommandSpec =
    CommandSpec::write("DESTROY", Arity::exactly(4), Group::Stream, destroy)
        .categories(Categories::STREAM)
        .keys(KEY_LOSING)
        .doc(
            "5.0.0",
            "O(N) where N is the number of entries in the group's pending entries list (PEL).",
            "Removes a consumer group.",
        )
        .args(&KEY_GROUP);

fn destroy(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let key = args.key(2);
    let take = |stream: &mut Stream| {
        let group = stream.groups_mut().destroy(args.get(3));
        let changes = u64::from(group.is_some());
        Ok((group, changes))
    };
    let group = db.tend_object(key, Lookup::Write, take)?.ok_or(NO_KEY)?;
    reply.flag(group.is_some());
    if let Some(group) = group {
        db.notify(key, "xgroup-destroy");
        db.stream_changed(key);
        free(db, key, *group);
    }
    Ok(())
}

/// Bytes from which a group is freed after the locks.
const LARGE_GROUP: usize = 4096;

/// Frees a group: after the locks, if it is large.
fn free(db: &mut Db<'_>, key: Key<'_>, group: ConsumerGroup) {
    if group.heap_bytes() < LARGE_GROUP {
        return;
    }
    let mut rest = Stream::new();
    rest.groups_mut().create(key.bytes, group);
    db.discard_object(rest);
}

const HELP: CommandSpec =
    CommandSpec::session("HELP", Arity::exactly(2), Group::Stream, xgroup_help)
        .flags(members!(Flags: LOADING | STALE))
        .categories(Categories::STREAM)
        .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn xgroup_help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help::reply(reply, XGROUP.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "CREATE <key> <groupname> <id|$> [MKSTREAM] [ENTRIESREAD <count>]",
    "    Make a consumer group that reads what comes behind the ID.",
    "    MKSTREAM makes the stream, if there is none.",
    "    ENTRIESREAD tells how many entries of the stream's life the ID is behind.",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Make a consumer in the group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove a consumer from the group.",
    "DESTROY <key> <groupname>",
    "    Remove the group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD <count>]",
    "    Let the group read on behind the ID.",
];

const SETID: CommandSpec = CommandSpec::write("SETID", Arity::at_least(5), Group::Stream, set_id)
    .categories(Categories::STREAM)
    .keys(&[KeySpec::at(2, members!(KeyFlags: RW | UPDATE))])
    .doc(
        "5.0.0",
        "O(1)",
        "Sets the ID behind which a consumer group reads on.",
    )
    .args(&[KEY_GROUP[0], KEY_GROUP[1], ID_SELECTOR, ENTRIES_READ]);

fn set_id(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, false)?;
    tend_group(db, args, "xgroup-setid", |last_id, group| {
        if args.len() > 7 {
            return Err(syntax(args));
        }
        group.last_id = match args.get(4) {
            b"$" => last_id,
            text => StreamId::parse(text, 0).ok_or(super::INVALID_ID)?,
        };
        group.entries_read = options.entries_read;
        Ok(((), 1))
    })?;
    reply.ok();
    Ok(())
}
