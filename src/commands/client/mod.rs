//! CLIENT: commands on client connections.

mod kill;
mod list;
mod tracking;
mod wait;

use self::kill::KILL;
pub use self::list::description;
use self::list::{INFO, LIST};
use self::tracking::{CACHING, GETREDIR, TRACKING, TRACKINGINFO};
use self::wait::{PAUSE, UNBLOCK, UNPAUSE};
use crate::clients::flag;
use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::session::{ReplyMode, names};

const GETNAME: CommandSpec =
    CommandSpec::session("GETNAME", Arity::exactly(2), Group::Connection, getname)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc("2.6.9", "O(1)", "Returns the connection's name.");

fn getname(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let names = context.session.client.names();
    if names.name.is_empty() {
        reply.null();
    } else {
        reply.bulk(&names.name);
    }
    Ok(Flow::Done)
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Connection, help)
    .flags(members!(Flags: LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, "CLIENT", HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "CACHING (YES|NO)",
    "    Whether what the next command reads is tracked, in OPTIN and OPTOUT mode.",
    "GETNAME",
    "    Return the connection's name.",
    "GETREDIR",
    "    Return the number of the connection that is told what this one tracks.",
    "ID",
    "    Return the connection's number.",
    "INFO",
    "    Describe this connection.",
    "KILL <ip:port>",
    "    Close the connection from this address.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Close the connections to which all of these apply:",
    "    * ID <client-id>: it has this number.",
    "    * ADDR (<ip:port>|<unixsocket>:0): it comes from this address.",
    "    * LADDR (<ip:port>|<unixsocket>:0): it was made to this address.",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB): it is of this type.",
    "    * USER <username>: it is authenticated as this user.",
    "    * MAXAGE <seconds>: it is this old or older.",
    "    * SKIPME (YES|NO): it is not this connection (default: yes).",
    "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <client-id> [<client-id> ...]]",
    "    Describe all connections, or those of a type, or those with these numbers.",
    "NO-EVICT (ON|OFF)",
    "    Spare this connection when connections are closed to free memory, or not.",
    "NO-TOUCH (ON|OFF)",
    "    Whether this connection's reads leave the keys' last access time alone.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Hold back all commands, or those that write, for so many milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Whether this connection's commands are answered.",
    "SETINFO (LIB-NAME|LIB-VER) <value>",
    "    Say which client library the connection uses.",
    "SETNAME <name>",
    "    Name the connection.",
    "TRACKING (ON|OFF) [REDIRECT <client-id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Tell this connection, or another, which keys have changed that it may have copies of.",
    "TRACKINGINFO",
    "    Describe how this connection tracks keys.",
    "UNBLOCK <client-id> [TIMEOUT|ERROR]",
    "    End the wait of a client that a blocking command holds.",
    "UNPAUSE",
    "    Let the clients go on that PAUSE holds back.",
];

const ID: CommandSpec = CommandSpec::session("ID", Arity::exactly(2), Group::Connection, id)
    .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "5.0.0",
        "O(1)",
        "Returns the connection's number, which is never used again.",
    );

fn id(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.integer(context.session.id() as i64);
    Ok(Flow::Done)
}

const NO_EVICT: CommandSpec =
    CommandSpec::session("NO-EVICT", Arity::exactly(3), Group::Connection, no_evict)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "7.0.0",
            "O(1)",
            "Spares the connection when connections are closed to free memory, or not.",
        )
        .args(&[Arg::new(
            "enabled",
            ArgKind::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
        )]);

fn no_evict(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let on = on_or_off(args, 2)?;
    context.session.client.set_flag(flag::NO_EVICT, on);
    reply.ok();
    Ok(Flow::Done)
}

fn on_or_off(args: Args<'_>, index: usize) -> Result<bool, Error> {
    if args.is(index, "ON") {
        Ok(true)
    } else if args.is(index, "OFF") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

const NO_TOUCH: CommandSpec =
    CommandSpec::session("NO-TOUCH", Arity::exactly(3), Group::Connection, no_touch)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE))
        .categories(Categories::CONNECTION)
        .doc(
            "7.2.0",
            "O(1)",
            "Whether this connection's reads leave the keys' last access time alone.",
        )
        .args(&[Arg::new(
            "enabled",
            ArgKind::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
        )]);

fn no_touch(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let on = on_or_off(args, 2)?;
    context.session.set_no_touch(on);
    reply.ok();
    Ok(Flow::Done)
}

/// The error for a subcommand with more arguments than any of its forms has.
fn wrong_subcommand(args: Args<'_>) -> Error {
    Error::subcommand_syntax(args.get(1), "CLIENT")
}

const REPLY: CommandSpec =
    CommandSpec::session("REPLY", Arity::exactly(3), Group::Connection, reply)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "3.2.0",
            "O(1)",
            "Whether the server answers this connection's commands.",
        )
        .args(&[Arg::new(
            "action",
            ArgKind::OneOf(&[
                Arg::word("on", "ON"),
                Arg::word("off", "OFF"),
                Arg::word("skip", "SKIP"),
            ]),
        )]);

fn reply(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let session = &mut *context.session;
    if args.is(2, "ON") {
        session.set_reply_mode(ReplyMode::On);
        reply.ok();
    } else if args.is(2, "OFF") {
        session.set_reply_mode(ReplyMode::Off);
    } else if args.is(2, "SKIP") {
        if session.reply_mode() != ReplyMode::Off {
            session.set_reply_mode(ReplyMode::SkipNext);
        }
    } else {
        return Err(Error::Syntax);
    }
    Ok(Flow::Done)
}

const SETINFO: CommandSpec =
    CommandSpec::session("SETINFO", Arity::exactly(4), Group::Connection, setinfo)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "7.2.0",
            "O(1)",
            "Says which client library the connection uses.",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::new(
            "attr",
            ArgKind::OneOf(&[
                Arg::new("libname", ArgKind::String).token("LIB-NAME"),
                Arg::new("libver", ArgKind::String).token("LIB-VER"),
            ]),
        )]);

fn setinfo(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let (attribute, value) = (args.get(2), args.get(3));
    let library = attribute.eq_ignore_ascii_case(b"lib-name");
    let attribute = names::until_nul(attribute);
    if !library && !attribute.eq_ignore_ascii_case(b"lib-ver") {
        return Err(Error::quoting("ERR Unrecognized option '", attribute, "'"));
    }
    if !names::is_valid(value) {
        return Err(Error::quoting(
            "ERR ",
            attribute,
            " cannot contain spaces, newlines or special characters.",
        ));
    }
    context.session.client.change_names(|names| {
        let name = if library {
            &mut names.lib_name
        } else {
            &mut names.lib_ver
        };
        *name = value.to_vec();
    });
    reply.ok();
    Ok(Flow::Done)
}

const SETNAME: CommandSpec =
    CommandSpec::session("SETNAME", Arity::exactly(3), Group::Connection, setname)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc("2.6.9", "O(1)", "Names the connection.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
        .args(&[Arg::new("connection-name", ArgKind::String)]);

fn setname(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    names::check_client_name(args.get(2))?;
    let name = args.get(2).to_vec();
    context
        .session
        .client
        .change_names(|names| names.name = name);
    reply.ok();
    Ok(Flow::Done)
}

const CLIENT: CommandSpec = CommandSpec::container(
    "CLIENT",
    Group::Connection,
    &[
        CACHING,
        GETNAME,
        GETREDIR,
        HELP,
        ID,
        INFO,
        KILL,
        LIST,
        NO_EVICT,
        NO_TOUCH,
        PAUSE,
        REPLY,
        SETINFO,
        SETNAME,
        TRACKING,
        TRACKINGINFO,
        UNBLOCK,
        UNPAUSE,
    ],
)
.flags(Flags::SENTINEL)
.doc(
    "2.4.0",
    "Depends on the subcommand.",
    "A container of commands on client connections.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[CLIENT];
