//! OBJECT: commands that look inside values.

use crate::commands::context::{Context, Flow};
use crate::commands::help;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::config::Config;
use crate::error::Error;
use crate::keyspace::{Entry, StringRef, View};
use crate::resp::{Args, Reply};

const ENCODING: CommandSpec =
    CommandSpec::read("ENCODING", Arity::exactly(3), Group::Generic, encoding)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(2, KeyFlags::RO)])
        .doc(
            "2.2.3",
            "O(1)",
            "Returns how the value under a key is stored.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn encoding(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.get_unnoticed(args.key(2)) {
        Some(entry) => reply.bulk(entry.encoding().as_bytes()),
        None => reply.null(),
    }
    Ok(())
}

const FREQ: CommandSpec = CommandSpec::read("FREQ", Arity::exactly(3), Group::Generic, freq)
    .categories(Categories::KEYSPACE)
    .keys(&[KeySpec::at(2, KeyFlags::RO)])
    .doc(
        "4.0.0",
        "O(1)",
        "Returns how often a key was accessed, on a logarithmic scale.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn freq(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.get_unnoticed(args.key(2)) {
        None => reply.null(),
        Some(_) if !view.access.config.maxmemory_policy().is_lfu() => {
            return Err(Error::Static(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => reply.integer(view.access.frequency(entry).into()),
    }
    Ok(())
}

const HELP: CommandSpec =
    CommandSpec::session("HELP", Arity::exactly(2), Group::Generic, object_help)
        .flags(members!(Flags: LOADING | STALE))
        .categories(Categories::KEYSPACE)
        .doc("6.2.0", "O(1)", "Explains the subcommands.");

fn object_help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help::reply(reply, OBJECT.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "ENCODING <key>",
    "    Return how the value under the key is stored.",
    "FREQ <key>",
    "    Return how often the key is used, on a logarithmic scale from 0 to 255.",
    "    Only under an LFU maxmemory policy.",
    "IDLETIME <key>",
    "    Return the seconds since the key was last used.",
    "    Not under an LFU maxmemory policy.",
    "REFCOUNT <key>",
    "    Return how many references there are to the value under the key.",
];

const IDLETIME: CommandSpec =
    CommandSpec::read("IDLETIME", Arity::exactly(3), Group::Generic, idletime)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(2, KeyFlags::RO)])
        .doc(
            "2.2.3",
            "O(1)",
            "Returns the seconds since a key was last accessed.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn idletime(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.get_unnoticed(args.key(2)) {
        None => reply.null(),
        Some(_) if view.access.config.maxmemory_policy().is_lfu() => {
            return Err(Error::Static(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(entry) => reply.integer(view.access.idle_seconds(entry).into()),
    }
    Ok(())
}

const REFCOUNT: CommandSpec =
    CommandSpec::read("REFCOUNT", Arity::exactly(3), Group::Generic, refcount)
        .categories(Categories::KEYSPACE)
        .keys(&[KeySpec::at(2, KeyFlags::RO)])
        .doc(
            "2.2.3",
            "O(1)",
            "Returns the number of references to the value under a key.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn refcount(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.get_unnoticed(args.key(2)) {
        Some(entry) => reply.integer(references(entry, view.access.config)),
        None => reply.null(),
    }
    Ok(())
}

/// The reference count that Redis would answer for this value.
///
/// Redis keeps one copy of each integer below 10,000, whose count is the largest that there is, unless
/// every key needs an access clock of its own, which lies in the value there.
pub(crate) fn references(entry: &Entry, config: &Config) -> i64 {
    let private = config.maxmemory() != 0 && config.maxmemory_policy().needs_clock();
    match entry.string() {
        Ok(StringRef::Int(0..=9_999)) if !private => i32::MAX.into(),
        _ => 1,
    }
}

const OBJECT: CommandSpec = CommandSpec::container(
    "OBJECT",
    Group::Generic,
    &[ENCODING, FREQ, HELP, IDLETIME, REFCOUNT],
)
.doc(
    "2.2.3",
    "Depends on the subcommand.",
    "A container of commands that look inside values.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[OBJECT];
