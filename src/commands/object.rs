//! OBJECT: commands that look inside values.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::View;
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

fn encoding(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
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

fn freq(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Generic, help)
    .flags(members!(Flags: LOADING | STALE))
    .categories(Categories::KEYSPACE)
    .doc("6.2.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    todo!()
}

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

fn idletime(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
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

fn refcount(_view: &View<'_>, _args: Args<'_>, _reply: &mut Reply<'_>) -> CommandResult {
    todo!()
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
