//! ACL: who may do what. There is one user, and it may do everything.

use sha2::{Digest as _, Sha256};

use crate::acl_log::Entry;
use crate::clock::Millis;
use crate::commands::connection::DEFAULT_USER;
use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::commands::{absent, registry};
use crate::error::Error;
use crate::random;
use crate::resp::{Args, Reply};

const CAT: CommandSpec = CommandSpec::session("CAT", Arity::at_least(2), Group::Server, cat)
    .flags(members!(Flags: LOADING | NOSCRIPT | SENTINEL | STALE))
    .doc(
        "6.0.0",
        "O(N) where N is the number of categories or commands.",
        "Returns the categories, or the commands of a category.",
    )
    .args(&[Arg::new("category", ArgKind::String).optional()]);

fn cat(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let names: Vec<&str> = match args.len() {
        2 => Categories::ALL.iter().map(|(_, name)| *name).collect(),
        3 => {
            let name = args.get(2);
            let shown = &name[..name.len().min(SHOWN)];
            let wanted = Categories::named(name)
                .ok_or_else(|| Error::quoting("ERR Unknown category '", shown, "'"))?;
            registry::top_level()
                .iter()
                .flat_map(|command| std::iter::once(command).chain(command.subcommands()))
                .filter(|command| command.spec.all_categories().contains(wanted))
                .map(|command| command.full_name)
                .collect()
        }
        _ => return Err(wrong_arguments(args)),
    };
    reply.array(names.len());
    for name in names {
        reply.bulk(name.as_bytes());
    }
    Ok(Flow::Done)
}

/// Bytes of an unknown category's name that an error shows.
const SHOWN: usize = 128;

/// The error for a number of arguments that only the subcommand itself finds wrong.
fn wrong_arguments(args: Args<'_>) -> Error {
    Error::subcommand_syntax(args.get(1), ACL.name)
}

const DELUSER: CommandSpec =
    CommandSpec::session("DELUSER", Arity::at_least(3), Group::Server, deluser)
        .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc(
            "6.0.0",
            "O(N) where N is the number of users to remove.",
            "Removes users and ends their connections.",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::new("username", ArgKind::String).multiple()]);

fn deluser(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.from(2).any(|name| name == DEFAULT_USER) {
        return Err(Error::Static("ERR The 'default' user cannot be removed"));
    }
    // There are no others.
    reply.integer(0);
    Ok(Flow::Done)
}

const DRYRUN: CommandSpec =
    CommandSpec::session("DRYRUN", Arity::at_least(4), Group::Server, dryrun)
        .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc("7.0.0", "O(1)", "Says whether a user may run a command.")
        .args(&[
            Arg::new("username", ArgKind::String),
            Arg::new("command", ArgKind::String),
            Arg::new("arg", ArgKind::String).optional().multiple(),
        ]);

fn dryrun(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.get(2) != DEFAULT_USER {
        return Err(Error::quoting("ERR User '", args.get(2), "' not found"));
    }
    let called = args.skip(3);
    let Some(command) = registry::resolve(called) else {
        let unknown = || Error::quoting("ERR Command '", called.get(0), "' not found");
        return Err(absent::error(called).unwrap_or_else(unknown));
    };
    if !command.spec.arity.accepts(called.len()) {
        return Err(Error::WrongArity(command.full_name));
    }
    reply.ok();
    Ok(Flow::Done)
}

const GENPASS: CommandSpec =
    CommandSpec::session("GENPASS", Arity::at_least(2), Group::Server, genpass)
        .flags(members!(Flags: LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc("6.0.0", "O(1)", "Makes a password by chance.")
        .args(&[Arg::new("bits", ArgKind::Integer).optional()]);

fn genpass(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let bits = match args.len() {
        2 => 256,
        3 => args.integer(2)?,
        _ => return Err(wrong_arguments(args)),
    };
    if !(1..=MOST_BITS).contains(&bits) {
        return Err(Error::text(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {MOST_BITS}"
        )));
    }
    let digits = (bits as usize).div_ceil(4);
    reply.bulk(&random::hex(digits.div_ceil(2)).as_bytes()[..digits]);
    Ok(Flow::Done)
}

/// Bits of a password that ACL GENPASS makes at most.
const MOST_BITS: i64 = 4_096;

const GETUSER: CommandSpec =
    CommandSpec::session("GETUSER", Arity::exactly(3), Group::Server, getuser)
        .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc(
            "6.0.0",
            "O(N) where N is the number of rules.",
            "Returns what a user may do.",
        )
        .args(&[Arg::new("username", ArgKind::String)]);

fn getuser(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.get(2) != DEFAULT_USER {
        reply.null();
        return Ok(Flow::Done);
    }
    let password = password_hash(context);
    let flags = match password {
        Some(_) => &["on", "sanitize-payload"][..],
        None => &["on", "nopass", "sanitize-payload"],
    };
    reply.map(6);
    reply.bulk(b"flags");
    reply.set(flags.len());
    for flag in flags {
        reply.bulk(flag.as_bytes());
    }
    reply.bulk(b"passwords");
    reply.array(usize::from(password.is_some()));
    if let Some(password) = password {
        reply.bulk(password.as_bytes());
    }
    for (name, all) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(all.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
    Ok(Flow::Done)
}

/// The SHA-256 of the default user's password in hexadecimal digits, if there is one: nobody is shown the
/// password itself.
fn password_hash(context: &Context<'_, '_>) -> Option<String> {
    let password = context.server.config.requirepass()?;
    let hash = Sha256::digest(&password);
    Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | SENTINEL | STALE))
    .doc("6.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, ACL.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "CAT [<category>]",
    "    Return the categories of commands, or the commands of a category.",
    "DELUSER <username> [<username> ...]",
    "    Remove users. There is only the default user, which stays.",
    "DRYRUN <username> <command> [<arg> ...]",
    "    Return whether a user may run a command.",
    "GENPASS [<bits>]",
    "    Make a password by chance, of 256 bits or of so many.",
    "GETUSER <username>",
    "    Return what a user may do.",
    "LIST",
    "    Return the users with their rules.",
    "LOAD",
    "    Read the users from the ACL file.",
    "LOG [<count> | RESET]",
    "    Return what was refused of late, 10 entries or so many, or forget it.",
    "SAVE",
    "    Write the users to the ACL file.",
    "USERS",
    "    Return the users' names.",
    "WHOAMI",
    "    Return the name of the connection's user.",
];

const LIST: CommandSpec = CommandSpec::session("LIST", Arity::exactly(2), Group::Server, list)
    .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
    .doc(
        "6.0.0",
        "O(N) where N is the number of users.",
        "Returns the users with their rules.",
    );

fn list(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let password = match password_hash(context) {
        Some(hash) => format!("sanitize-payload #{hash}"),
        None => "nopass sanitize-payload".to_owned(),
    };
    reply.array(1);
    reply.bulk(format!("user default on {password} ~* &* +@all").as_bytes());
    Ok(Flow::Done)
}

const LOAD: CommandSpec =
    CommandSpec::session("LOAD", Arity::exactly(2), Group::Server, load_or_save)
        .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc(
            "6.0.0",
            "O(N) where N is the number of users.",
            "Reads the users from the ACL file.",
        );

fn load_or_save(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if context.server.config.aclfile().is_some() {
        return Err(Error::Static(
            "ERR ACL files are not supported by this server",
        ));
    }
    Err(Error::Static(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
         SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order \
         to store users in the Redis configuration.",
    ))
}

const LOG: CommandSpec = CommandSpec::session("LOG", Arity::at_least(2), Group::Server, log)
    .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
    .doc(
        "6.0.0",
        "O(N) where N is the number of entries to return.",
        "Returns what was refused of late.",
    )
    .args(&[Arg::new(
        "operation",
        ArgKind::OneOf(&[
            Arg::new("count", ArgKind::Integer),
            Arg::word("reset", "RESET"),
        ]),
    )
    .optional()]);

fn log(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let log = &context.server.acl_log;
    let count = match args.len() {
        2 => 10,
        3 if args.is(2, "RESET") => {
            log.clear();
            reply.ok();
            return Ok(Flow::Done);
        }
        3 => args.integer(2)?.max(0) as usize,
        _ => return Err(wrong_arguments(args)),
    };
    let entries = log.newest(count);
    let now = context.db.access.millis();
    reply.array(entries.len());
    for entry in &entries {
        describe(entry, now, reply);
    }
    Ok(Flow::Done)
}

/// Writes an entry of the log.
fn describe(entry: &Entry, now: Millis, reply: &mut Reply<'_>) {
    let text = |reply: &mut Reply<'_>, name: &str, value: &[u8]| {
        reply.bulk(name.as_bytes());
        reply.bulk(value);
    };
    let number = |reply: &mut Reply<'_>, name: &str, value: i64| {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    };
    reply.map(10);
    number(reply, "count", entry.count as i64);
    text(reply, "reason", b"auth");
    let context = if entry.in_exec { "multi" } else { "toplevel" };
    text(reply, "context", context.as_bytes());
    text(reply, "object", &entry.object);
    text(reply, "username", &entry.user);
    reply.bulk(b"age-seconds");
    reply.score((now - entry.updated) as f64 / 1_000.0);
    text(reply, "client-info", entry.client.as_bytes());
    number(reply, "entry-id", entry.id as i64);
    number(reply, "timestamp-created", entry.created);
    number(reply, "timestamp-last-updated", entry.updated);
}

const SAVE: CommandSpec =
    CommandSpec::session("SAVE", Arity::exactly(2), Group::Server, load_or_save)
        .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc(
            "6.0.0",
            "O(N) where N is the number of users.",
            "Writes the users to the ACL file.",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

const USERS: CommandSpec = CommandSpec::session("USERS", Arity::exactly(2), Group::Server, users)
    .flags(members!(Flags: ADMIN | LOADING | NOSCRIPT | SENTINEL | STALE))
    .doc(
        "6.0.0",
        "O(N) where N is the number of users.",
        "Returns the users' names.",
    );

fn users(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.array(1);
    reply.bulk(DEFAULT_USER);
    Ok(Flow::Done)
}

const WHOAMI: CommandSpec =
    CommandSpec::session("WHOAMI", Arity::exactly(2), Group::Server, whoami)
        .flags(members!(Flags: LOADING | NOSCRIPT | SENTINEL | STALE))
        .doc(
            "6.0.0",
            "O(1)",
            "Returns the name of the connection's user.",
        );

fn whoami(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.bulk(DEFAULT_USER);
    Ok(Flow::Done)
}

const ACL: CommandSpec = CommandSpec::container(
    "ACL",
    Group::Server,
    &[
        CAT, DELUSER, DRYRUN, GENPASS, GETUSER, HELP, LIST, LOAD, LOG, SAVE, USERS, WHOAMI,
    ],
)
.flags(Flags::SENTINEL)
.doc(
    "6.0.0",
    "Depends on the subcommand.",
    "A container of commands on users.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[ACL];
