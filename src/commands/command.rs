//! COMMAND: what the commands are.

use crate::commands::context::{Context, Flow};
use crate::commands::registry::{self, Command};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, members,
};
use crate::commands::{describe, help};
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::types::glob;

const COUNT: CommandSpec = CommandSpec::session("COUNT", Arity::exactly(2), Group::Server, count)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("2.8.13", "O(1)", "Returns the number of commands.");

fn count(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.count(registry::top_level().len());
    Ok(Flow::Done)
}

const DOCS: CommandSpec = CommandSpec::session("DOCS", Arity::at_least(2), Group::Server, docs)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "7.0.0",
        "O(N) where N is the number of commands to describe.",
        "Returns the documentation of commands.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[Arg::new("command-name", ArgKind::String)
        .optional()
        .multiple()]);

fn docs(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() == 2 {
        documented(registry::top_level().iter(), reply);
    } else {
        documented(args.from(2).filter_map(registry::lookup_full), reply);
    }
    Ok(Flow::Done)
}

/// Maps each command's full name to its documentation.
fn documented(commands: impl Iterator<Item = &'static Command>, reply: &mut Reply<'_>) {
    let commands: Vec<&Command> = commands.collect();
    reply.map(commands.len());
    for command in commands {
        reply.bulk(command.full_name.as_bytes());
        describe::docs(command, reply);
    }
}

const GETKEYS: CommandSpec =
    CommandSpec::session("GETKEYS", Arity::at_least(3), Group::Server, getkeys)
        .flags(members!(Flags: LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "2.8.13",
            "O(N) where N is the number of arguments to the command.",
            "Returns the keys among the arguments of a command.",
        )
        .args(&[
            Arg::new("command", ArgKind::String),
            Arg::new("arg", ArgKind::String).optional().multiple(),
        ]);

fn getkeys(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    keys(args.skip(2), reply, |key, _, reply| reply.bulk(key))?;
    Ok(Flow::Done)
}

/// Writes an array with an element by `write` for each key of the command `called`.
fn keys(
    called: Args<'_>,
    reply: &mut Reply<'_>,
    write: impl Fn(&[u8], KeyFlags, &mut Reply<'_>),
) -> CommandResult {
    let command =
        registry::resolve(called).ok_or(Error::Static("ERR Invalid command specified"))?;
    if !command.has_keys() {
        return Err(Error::Static("ERR The command has no key arguments"));
    }
    if !command.spec.arity.accepts(called.len()) {
        return Err(Error::Static(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let mut found = Vec::new();
    let fits = command.for_each_key(called, |index, flags| found.push((index, flags)));
    if !fits && !command.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Err(Error::Static("ERR Invalid arguments specified for command"));
    }
    reply.array(found.len());
    for (index, flags) in found {
        write(called.get(index), flags, reply);
    }
    Ok(())
}

const GETKEYSANDFLAGS: CommandSpec = CommandSpec::session(
    "GETKEYSANDFLAGS",
    Arity::at_least(3),
    Group::Server,
    getkeysandflags,
)
.flags(members!(Flags: LOADING | STALE | SENTINEL))
.categories(Categories::CONNECTION)
.doc(
    "7.0.0",
    "O(N) where N is the number of arguments to the command.",
    "Returns the keys among the arguments of a command, and what it does with them.",
)
.args(&[
    Arg::new("command", ArgKind::String),
    Arg::new("arg", ArgKind::String).optional().multiple(),
]);

fn getkeysandflags(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    keys(args.skip(2), reply, |key, flags, reply| {
        reply.array(2);
        reply.bulk(key);
        describe::key_flags(flags, reply);
    })?;
    Ok(Flow::Done)
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help::reply(reply, COMMAND.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "(no subcommand)",
    "    Describe all commands.",
    "COUNT",
    "    Return the number of commands.",
    "LIST [FILTERBY <MODULE <name>|ACLCAT <category>|PATTERN <pattern>>]",
    "    Return the names of all commands, or of those that match.",
    "INFO [<command-name> ...]",
    "    Describe these commands, or all if none is named.",
    "DOCS [<command-name> ...]",
    "    Return the documentation of these commands, or of all if none is named.",
    "GETKEYS <full-command>",
    "    Return the keys among the arguments of a command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys among the arguments of a command, and what it does with them.",
];

const INFO: CommandSpec = CommandSpec::session("INFO", Arity::at_least(2), Group::Server, info)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "2.8.13",
        "O(N) where N is the number of commands to describe.",
        "Describes some commands, or all.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[Arg::new("command-name", ArgKind::String)
        .optional()
        .multiple()]);

fn info(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() == 2 {
        all(reply);
        return Ok(Flow::Done);
    }
    reply.array(args.len() - 2);
    for name in args.from(2) {
        match registry::lookup_full(name) {
            Some(command) => describe::info(command, reply),
            None => reply.null(),
        }
    }
    Ok(Flow::Done)
}

const LIST: CommandSpec = CommandSpec::session("LIST", Arity::at_least(2), Group::Server, list)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "7.0.0",
        "O(N) where N is the number of commands.",
        "Returns the names of all commands, or of those that match.",
    )
    .tips(&["nondeterministic_output_order"])
    .args(&[Arg::new(
        "filterby",
        ArgKind::OneOf(&[
            Arg::new("module-name", ArgKind::String).token("MODULE"),
            Arg::new("category", ArgKind::String).token("ACLCAT"),
            Arg::new("pattern", ArgKind::Pattern).token("PATTERN"),
        ]),
    )
    .token("FILTERBY")
    .optional()]);

fn list(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let filter = Filter::parse(args)?;
    let names: Vec<&str> = registry::top_level()
        .iter()
        .flat_map(|command| std::iter::once(command).chain(command.subcommands()))
        .filter(|command| filter.admits(command))
        .map(|command| command.full_name)
        .collect();
    reply.array(names.len());
    for name in names {
        reply.bulk(name.as_bytes());
    }
    Ok(Flow::Done)
}

/// Which commands `COMMAND LIST` names.
enum Filter<'a> {
    None,
    /// Those of a module: none, because there are no modules.
    Module,
    /// None of them if there is no such category.
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        if args.len() == 2 {
            return Ok(Filter::None);
        }
        if args.len() != 5 || !args.is(2, "FILTERBY") {
            return Err(Error::Syntax);
        }
        let wanted = args.get(4);
        if args.is(3, "MODULE") {
            Ok(Filter::Module)
        } else if args.is(3, "ACLCAT") {
            Ok(Filter::Category(Categories::named(wanted)))
        } else if args.is(3, "PATTERN") {
            Ok(Filter::Pattern(wanted))
        } else {
            Err(Error::Syntax)
        }
    }

    fn admits(&self, command: &Command) -> bool {
        match self {
            Filter::None => true,
            Filter::Module => false,
            Filter::Category(wanted) => {
                wanted.is_some_and(|wanted| command.spec.all_categories().contains(wanted))
            }
            Filter::Pattern(pattern) => glob::matches(pattern, command.full_name.as_bytes(), true),
        }
    }
}

const COMMAND: CommandSpec =
    CommandSpec::session("COMMAND", Arity::at_least(1), Group::Server, command)
        .flags(members!(Flags: LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "2.8.13",
            "O(N) where N is the number of commands.",
            "Describes all commands.",
        )
        .tips(&["nondeterministic_output_order"])
        .subcommands(&[COUNT, DOCS, GETKEYS, GETKEYSANDFLAGS, HELP, INFO, LIST]);

fn command(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    all(reply);
    Ok(Flow::Done)
}

/// Describes every command, subcommands inside their containers.
fn all(reply: &mut Reply<'_>) {
    reply.array(registry::top_level().len());
    for command in registry::top_level() {
        describe::info(command, reply);
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[COMMAND];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Protocol, Slot};

    fn with_args<R>(line: &str, run: impl FnOnce(Args<'_>) -> R) -> R {
        let mut start = 0;
        let slots: Vec<Slot> = line
            .split(' ')
            .map(|word| {
                let slot = Slot {
                    start,
                    len: word.len() as u32,
                    hash: 0,
                };
                start += slot.len + 1;
                slot
            })
            .collect();
        run(Args::new(line.as_bytes(), &slots))
    }

    fn written(protocol: Protocol, write: impl FnOnce(&mut Reply<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Reply::new(&mut out, protocol));
        String::from_utf8(out).unwrap()
    }

    fn getkeys_of(line: &str) -> Result<String, Error> {
        let mut outcome = Ok(());
        let text = written(Protocol::Resp2, |reply| {
            outcome = with_args(line, |args| {
                keys(args, reply, |key, _, reply| reply.bulk(key))
            });
        });
        outcome.map(|()| text)
    }

    #[test]
    fn getkeys_returns_the_keys_or_says_why_not() {
        assert_eq!(
            getkeys_of("mset a 1 b 2").unwrap(),
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n"
        );
        assert_eq!(
            getkeys_of("object encoding k").unwrap(),
            "*1\r\n$1\r\nk\r\n"
        );
        for (line, error) in [
            ("nosuch k", "ERR Invalid command specified"),
            ("object nosuch k", "ERR Invalid command specified"),
            ("ping k", "ERR The command has no key arguments"),
            ("object", "ERR The command has no key arguments"),
            (
                "get a b",
                "ERR Invalid number of arguments specified for command",
            ),
            (
                "mget",
                "ERR Invalid number of arguments specified for command",
            ),
        ] {
            assert_eq!(getkeys_of(line).unwrap_err().to_string(), error, "{line}");
        }
    }

    fn listed(line: &str) -> Result<Vec<&'static str>, Error> {
        with_args(line, |args| {
            let filter = Filter::parse(args)?;
            let admitted = registry::all()
                .iter()
                .filter(|command| filter.admits(command));
            Ok(admitted.map(|command| command.full_name).collect())
        })
    }

    #[test]
    fn list_filters_by_category_pattern_and_module() {
        assert_eq!(listed("command list").unwrap().len(), registry::count());
        let transactions = ["discard", "exec", "multi", "unwatch", "watch"];
        assert_eq!(
            listed("command list filterby ACLCAT Transaction").unwrap(),
            transactions
        );
        assert_eq!(
            listed("command list FILTERBY pattern CONFIG|*SET").unwrap(),
            ["config|set"]
        );
        assert!(
            listed("command list filterby aclcat nosuch")
                .unwrap()
                .is_empty()
        );
        assert!(
            listed("command list filterby module json")
                .unwrap()
                .is_empty()
        );
        for line in [
            "command list filterby",
            "command list filterby aclcat",
            "command list filterby nosuch x",
            "command list other aclcat x",
            "command list filterby aclcat x y",
        ] {
            assert_eq!(listed(line).unwrap_err(), Error::Syntax, "{line}");
        }
    }

    #[test]
    fn descriptions_use_the_types_of_the_protocol() {
        let get = registry::lookup(b"GET").unwrap();
        let old = written(Protocol::Resp2, |reply| describe::info(get, reply));
        assert_eq!(
            old,
            "*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n\
             *3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n\
             *1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n\
             $12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n\
             *2\r\n$5\r\nindex\r\n:1\r\n\
             $9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n\
             *6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n"
        );
        let new = written(Protocol::Resp3, |reply| describe::info(get, reply));
        assert!(
            new.starts_with("*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n"),
            "{new}"
        );
        assert!(new.contains("~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n"), "{new}");
        assert!(new.ends_with("~0\r\n"), "{new}");
        let docs = written(Protocol::Resp3, |reply| describe::docs(get, reply));
        assert!(docs.starts_with("%5\r\n$7\r\nsummary\r\n"), "{docs}");
        let shown = "$9\r\narguments\r\n*1\r\n%4\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n\
                     $3\r\nkey\r\n$12\r\ndisplay_text\r\n$3\r\nkey\r\n$14\r\nkey_spec_index\r\n:0\r\n";
        assert!(docs.ends_with(shown), "{docs}");
    }

    #[test]
    fn help_ends_with_help() {
        let text = written(Protocol::Resp2, |reply| {
            help::reply(reply, "COMMAND", HELP_LINES)
        });
        let head = "+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n";
        assert!(
            text.starts_with(&format!("*{}\r\n{head}", HELP_LINES.len() + 3)),
            "{text}"
        );
        assert!(
            text.ends_with("+HELP\r\n+    Print this help.\r\n"),
            "{text}"
        );
    }
}
