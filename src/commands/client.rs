//! CLIENT: commands on client connections.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::{Client, flag, signal, waiting};
use crate::clock::Micros;
use crate::commands::connection::DEFAULT_USER;
use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::commands::timeout;
use crate::config::ClientClass;
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::session::{ReplyMode, names};
use crate::types::number;

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
    "GETNAME",
    "    Return the connection's name.",
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

const INFO: CommandSpec = CommandSpec::session("INFO", Arity::exactly(2), Group::Connection, info)
    .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("6.2.0", "O(1)", "Describes this connection.")
    .tips(&["nondeterministic_output"]);

fn info(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let mut text = String::new();
    describe(&mut text, &context.session.client, context, args);
    reply.verbatim(text.as_bytes());
    Ok(Flow::Done)
}

/// The session's own client, as CLIENT LIST describes it.
pub fn description(context: &Context<'_, '_>, args: Args<'_>) -> String {
    let mut line = String::new();
    describe(&mut line, &context.session.client, context, args);
    line.truncate(line.trim_end().len());
    line
}

/// Appends a client's line of CLIENT LIST. `args` are those of the command that asks: they are the
/// memory that the asking client's arguments take.
fn describe(out: &mut String, client: &Client, context: &Context<'_, '_>, args: Args<'_>) {
    let now = context.db.access.now;
    let names = client.names();
    let name = |bytes: &[u8]| names::shown(bytes).into_owned();
    let arguments: usize = if client.id == context.session.id() {
        args.from(0).map(<[u8]>::len).sum()
    } else {
        0
    };
    let output = client.owed_bytes();
    let subscriptions = client.known_inbox().map_or([0; 3], |inbox| {
        [&inbox.channels, &inbox.patterns, &inbox.shard_channels].map(|count| count.load(Relaxed))
    });
    let [channels, patterns, shard_channels] = subscriptions;
    let query = client.query_bytes.load(Relaxed);
    let queued = client.queued_bytes.load(Relaxed);
    let age = now.seconds() - client.created.seconds();
    let idle = now.seconds() - Micros(client.last_interaction.load(Relaxed)).seconds();
    let _ = write!(
        out,
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={channels} psub={patterns} ssub={shard_channels} multi={} watch={} \
         qbuf={query} qbuf-free=0 argv-mem={arguments} multi-mem={queued} rbs={output} rbp={output} obl={output} \
         oll=0 omem={output} tot-mem={} events={} cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
        client.id,
        client.addr(),
        client.laddr(),
        client.fd,
        name(&names.name),
        age.max(0),
        idle.max(0),
        flags(client),
        client.db.load(Relaxed),
        client.queued.load(Relaxed),
        client.watched(),
        client.memory() + arguments as u64,
        if output > 0 { "rw" } else { "r" },
        client
            .last_command()
            .map_or("NULL", |command| command.full_name),
        client.resp.load(Relaxed),
        name(&names.lib_name),
        name(&names.lib_ver),
    );
    out.push('\n');
}

/// A client's flags, in the order in which Redis shows them; `N` if there is none.
fn flags(client: &Client) -> String {
    let known = [
        ('P', client.is_subscribed()),
        ('x', client.has(flag::MULTI)),
        ('b', client.waiting.load(Relaxed) != waiting::NOT),
        ('d', client.is_dirty()),
        ('c', client.has(flag::CLOSE_AFTER_REPLY)),
        ('A', client.killed.load(Relaxed)),
        ('U', client.has(flag::UNIX_SOCKET)),
        ('e', client.has(flag::NO_EVICT)),
        ('T', client.has(flag::NO_TOUCH)),
    ];
    let set: String = known
        .iter()
        .filter_map(|&(letter, on)| on.then_some(letter))
        .collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

const KILL: CommandSpec = CommandSpec::session("KILL", Arity::at_least(3), Group::Connection, kill)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "2.4.0",
        "O(N) where N is the number of connections.",
        "Closes the connections that match.",
    )
    .args(&[Arg::new(
        "filter",
        ArgKind::OneOf(&[
            Arg::new("old-format", ArgKind::String)
                .display("ip:port")
                .deprecated("2.8.12"),
            Arg::new(
                "new-format",
                ArgKind::OneOf(&[
                    Arg::new("client-id", ArgKind::Integer)
                        .token("ID")
                        .optional()
                        .since("2.8.12"),
                    Arg::new(
                        "client-type",
                        ArgKind::OneOf(&[
                            Arg::word("normal", "NORMAL"),
                            Arg::word("master", "MASTER").since("3.2.0"),
                            Arg::word("slave", "SLAVE"),
                            Arg::word("replica", "REPLICA").since("5.0.0"),
                            Arg::word("pubsub", "PUBSUB"),
                        ]),
                    )
                    .token("TYPE")
                    .optional()
                    .since("2.8.12"),
                    Arg::new("username", ArgKind::String)
                        .token("USER")
                        .optional(),
                    Arg::new("addr", ArgKind::String)
                        .display("ip:port")
                        .token("ADDR")
                        .optional(),
                    Arg::new("laddr", ArgKind::String)
                        .display("ip:port")
                        .token("LADDR")
                        .optional()
                        .since("6.2.0"),
                    Arg::new(
                        "skipme",
                        ArgKind::OneOf(&[Arg::word("yes", "YES"), Arg::word("no", "NO")]),
                    )
                    .token("SKIPME")
                    .optional(),
                    Arg::new("maxage", ArgKind::Integer)
                        .token("MAXAGE")
                        .optional()
                        .since("7.4.0"),
                ]),
            )
            .multiple(),
        ]),
    )]);

fn kill(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let now = context.db.access.now;
    let (filter, old_form) = match args.len() {
        3 => (Filter::of_address(args.get(2)), true),
        _ => (Filter::parse(args)?, false),
    };
    let own = context.session.id();
    let (mut killed, mut close) = (0, false);
    for client in context.server.clients.all() {
        if client.killed.load(Relaxed)
            || !filter.matches(&client, now)
            || (filter.skip_me && client.id == own)
        {
            continue;
        }
        killed += 1;
        if client.id == own {
            // Its reply is still to be sent, and inside EXEC the whole array.
            client.set_flag(flag::CLOSE_AFTER_REPLY, true);
            close = true;
        } else {
            client.kill();
        }
    }
    if !old_form {
        reply.integer(killed);
    } else if killed == 0 {
        return Err(Error::Static("ERR No such client"));
    } else {
        reply.ok();
    }
    Ok(if close { Flow::Close } else { Flow::Done })
}

/// A client's type, as CLIENT KILL and CLIENT LIST name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Normal,
    Replica,
    PubSub,
    Master,
}

impl Type {
    fn parse(name: &[u8]) -> Result<Self, Error> {
        let known: [(&[u8], Type); 5] = [
            (b"normal", Type::Normal),
            (b"slave", Type::Replica),
            (b"replica", Type::Replica),
            (b"pubsub", Type::PubSub),
            (b"master", Type::Master),
        ];
        known
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, kind)| kind)
            .ok_or_else(|| Error::quoting("ERR Unknown client type '", name, "'"))
    }

    /// There is no replication.
    fn of(client: &Client) -> Self {
        match client.class() {
            ClientClass::PubSub => Type::PubSub,
            ClientClass::Normal | ClientClass::Replica => Type::Normal,
        }
    }
}

/// Which clients CLIENT KILL closes: those that pass every condition.
#[derive(Debug, Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Type>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    /// Seconds.
    max_age: Option<i64>,
    skip_me: bool,
}

impl<'a> Filter<'a> {
    /// The old form: only an address, and one may close oneself.
    fn of_address(addr: &'a [u8]) -> Self {
        Filter {
            addr: Some(names::until_nul(addr)),
            ..Filter::default()
        }
    }

    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut filter = Filter {
            skip_me: true,
            ..Filter::default()
        };
        for at in (2..args.len()).step_by(2) {
            let Some(value) = args.try_get(at + 1) else {
                return Err(Error::Syntax);
            };
            if args.is(at, "ID") {
                let id = number::parse_i64(value).filter(|&id| id >= 1);
                filter.id =
                    Some(id.ok_or(Error::Static("ERR client-id should be greater than 0"))? as u64);
            } else if args.is(at, "MAXAGE") {
                let age = number::parse_i64(value).ok_or(Error::Static(
                    "ERR maxage is not an integer or out of range",
                ))?;
                if age <= 0 {
                    return Err(Error::Static("ERR maxage should be greater than 0"));
                }
                filter.max_age = Some(age);
            } else if args.is(at, "TYPE") {
                filter.kind = Some(Type::parse(value)?);
            } else if args.is(at, "ADDR") {
                filter.addr = Some(names::until_nul(value));
            } else if args.is(at, "LADDR") {
                filter.laddr = Some(names::until_nul(value));
            } else if args.is(at, "USER") {
                // Everybody is the default user, so that the condition holds for all.
                if value != DEFAULT_USER {
                    return Err(Error::quoting("ERR No such user '", value, "'"));
                }
            } else if args.is(at, "SKIPME") {
                filter.skip_me = if args.is(at + 1, "YES") {
                    true
                } else if args.is(at + 1, "NO") {
                    false
                } else {
                    return Err(Error::Syntax);
                };
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client, now: Micros) -> bool {
        let age = now.seconds() - client.created.seconds();
        self.addr
            .is_none_or(|addr| client.addr().as_bytes() == addr)
            && self
                .laddr
                .is_none_or(|laddr| client.laddr().as_bytes() == laddr)
            && self.kind.is_none_or(|kind| Type::of(client) == kind)
            && self.id.is_none_or(|id| client.id == id)
            && self.max_age.is_none_or(|most| age >= most)
    }
}

const LIST: CommandSpec = CommandSpec::session("LIST", Arity::at_least(2), Group::Connection, list)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "2.4.0",
        "O(N) where N is the number of connections.",
        "Describes all connections, or those that match.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::new(
            "client-type",
            ArgKind::OneOf(&[
                Arg::word("normal", "NORMAL"),
                Arg::word("master", "MASTER"),
                Arg::word("replica", "REPLICA"),
                Arg::word("pubsub", "PUBSUB"),
            ]),
        )
        .token("TYPE")
        .optional()
        .since("5.0.0"),
        Arg::new("client-id", ArgKind::Integer)
            .token("ID")
            .optional()
            .multiple()
            .since("6.2.0"),
    ]);

fn list(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let clients = &context.server.clients;
    let chosen = if args.len() == 4 && args.is(2, "TYPE") {
        let kind = Type::parse(args.get(3))?;
        let mut chosen = clients.all();
        chosen.retain(|client| Type::of(client) == kind);
        chosen
    } else if args.len() > 3 && args.is(2, "ID") {
        let mut chosen = Vec::new();
        for index in 3..args.len() {
            let id = args
                .integer(index)
                .map_err(|_| Error::Static("ERR Invalid client ID"))?;
            chosen.extend(u64::try_from(id).ok().and_then(|id| clients.get(id)));
        }
        chosen
    } else if args.len() == 2 {
        clients.all()
    } else {
        return Err(Error::Syntax);
    };
    let mut text = String::with_capacity(400 * chosen.len());
    // A client that was killed is gone, though its task may not have seen it yet.
    for client in chosen.iter().filter(|client| !client.killed.load(Relaxed)) {
        describe(&mut text, client, context, args);
    }
    reply.verbatim(text.as_bytes());
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

const PAUSE: CommandSpec =
    CommandSpec::session("PAUSE", Arity::at_least(3), Group::Connection, pause)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "3.0.0",
            "O(1)",
            "Holds back the commands of all clients for some time.",
        )
        .args(&[
            Arg::new("timeout", ArgKind::Integer),
            Arg::new(
                "mode",
                ArgKind::OneOf(&[Arg::word("write", "WRITE"), Arg::word("all", "ALL")]),
            )
            .optional()
            .since("6.2.0"),
        ]);

fn pause(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 4 {
        return Err(wrong_subcommand(args));
    }
    let all = match args.try_get(3) {
        None => true,
        Some(mode) if mode.eq_ignore_ascii_case(b"WRITE") => false,
        Some(mode) if mode.eq_ignore_ascii_case(b"ALL") => true,
        Some(_) => return Err(Error::Static("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let now = context.db.access.now;
    // A timeout of 0 is over already.
    let until = timeout::milliseconds(args.get(2), now)?.unwrap_or(0);
    context.server.pause.pause(now, until, all);
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

const UNBLOCK: CommandSpec =
    CommandSpec::session("UNBLOCK", Arity::at_least(3), Group::Connection, unblock)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "5.0.0",
            "O(log N) where N is the number of connections.",
            "Ends the wait of a client that a blocking command holds.",
        )
        .args(&[
            Arg::new("client-id", ArgKind::Integer),
            Arg::new(
                "unblock-type",
                ArgKind::OneOf(&[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")]),
            )
            .optional(),
        ]);

fn unblock(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 4 {
        return Err(wrong_subcommand(args));
    }
    let how = match args.try_get(3) {
        None => signal::UNBLOCK_TIMEOUT,
        Some(how) if how.eq_ignore_ascii_case(b"TIMEOUT") => signal::UNBLOCK_TIMEOUT,
        Some(how) if how.eq_ignore_ascii_case(b"ERROR") => signal::UNBLOCK_ERROR,
        Some(_) => {
            return Err(Error::Static(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = u64::try_from(args.integer(2)?).ok();
    let client = id.and_then(|id| context.server.clients.get(id));
    reply.flag(client.is_some_and(|client| client.unblock(how)));
    Ok(Flow::Done)
}

const UNPAUSE: CommandSpec =
    CommandSpec::session("UNPAUSE", Arity::exactly(2), Group::Connection, unpause)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.2.0",
            "O(N) where N is the number of paused clients.",
            "Lets the clients go on that CLIENT PAUSE holds back.",
        );

fn unpause(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    context.server.pause.unpause();
    context.server.clients.resume_all();
    reply.ok();
    Ok(Flow::Done)
}

const CLIENT: CommandSpec = CommandSpec::container(
    "CLIENT",
    Group::Connection,
    &[
        GETNAME, HELP, ID, INFO, KILL, LIST, NO_EVICT, NO_TOUCH, PAUSE, REPLY, SETINFO, SETNAME,
        UNBLOCK, UNPAUSE,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::Slot;

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn args<'a>(words: &[&str], buffer: &'a mut Vec<u8>, slots: &'a mut Vec<Slot>) -> Args<'a> {
        for word in words {
            slots.push(Slot {
                start: buffer.len() as u32,
                len: word.len() as u32,
                hash: 0,
            });
            buffer.extend_from_slice(word.as_bytes());
        }
        Args::new(buffer, slots)
    }

    fn matches(words: &[&str], client: &Client) -> Result<bool, Error> {
        let (mut buffer, mut slots) = (Vec::new(), Vec::new());
        let args = args(words, &mut buffer, &mut slots);
        Filter::parse(args).map(|filter| filter.matches(client, NOW))
    }

    fn client() -> Client {
        let created = Micros(NOW.0 - 10_000_000);
        Client::new(7, "a:1".into(), "b:2".into(), 3, 0, created)
    }

    #[test]
    fn kill_filters_must_all_hold() {
        let client = client();
        let cases: &[(&[&str], bool)] = &[
            (&["id", "7"], true),
            (&["ID", "8"], false),
            (&["ADDR", "a:1"], true),
            (&["ADDR", "b:2"], false),
            (&["LADDR", "b:2"], true),
            (&["LADDR", "a:1"], false),
            (&["TYPE", "NORMAL"], true),
            (&["TYPE", "pubsub"], false),
            (&["TYPE", "slave"], false),
            (&["USER", "default"], true),
            (&["MAXAGE", "10"], true),
            (&["MAXAGE", "11"], false),
            (&["ID", "7", "ADDR", "a:1", "LADDR", "b:2"], true),
            (&["ID", "7", "ADDR", "a:1", "LADDR", "b:3"], false),
            (&["ID", "8", "ID", "7"], true),
        ];
        for (words, expected) in cases {
            let words = [&["CLIENT", "KILL"], *words].concat();
            assert_eq!(matches(&words, &client), Ok(*expected), "{words:?}");
        }
    }

    #[test]
    fn kill_refuses_what_it_does_not_know() {
        let client = client();
        let cases: &[(&[&str], &str)] = &[
            (&["ID", "0"], "ERR client-id should be greater than 0"),
            (&["ID", "x"], "ERR client-id should be greater than 0"),
            (
                &["MAXAGE", "x"],
                "ERR maxage is not an integer or out of range",
            ),
            (&["MAXAGE", "0"], "ERR maxage should be greater than 0"),
            (&["TYPE", "odd"], "ERR Unknown client type 'odd'"),
            (&["USER", "bob"], "ERR No such user 'bob'"),
            (&["SKIPME", "maybe"], "ERR syntax error"),
            (&["ID", "1", "ADDR"], "ERR syntax error"),
            (&["WHAT", "1"], "ERR syntax error"),
        ];
        for (words, expected) in cases {
            let words = [&["CLIENT", "KILL"], *words].concat();
            let error = matches(&words, &client).unwrap_err();
            assert_eq!(error.to_string(), *expected, "{words:?}");
        }
    }

    #[test]
    fn flags_come_in_the_order_of_redis() {
        let client = client();
        assert_eq!(flags(&client), "N");
        for flag in [
            flag::NO_TOUCH,
            flag::NO_EVICT,
            flag::UNIX_SOCKET,
            flag::CLOSE_AFTER_REPLY,
            flag::MULTI,
        ] {
            client.set_flag(flag, true);
        }
        client.waiting.store(waiting::POSTPONED, Relaxed);
        assert_eq!(flags(&client), "xbcUeT");
    }

    #[test]
    fn only_a_blocking_command_is_unblocked_and_once() {
        let client = client();
        assert!(!client.unblock(signal::UNBLOCK_ERROR));
        client.waiting.store(waiting::POSTPONED, Relaxed);
        assert!(!client.unblock(signal::UNBLOCK_ERROR));
        client.waiting.store(waiting::BLOCKED, Relaxed);
        assert!(client.unblock(signal::UNBLOCK_ERROR));
        assert!(!client.unblock(signal::UNBLOCK_ERROR));
        assert_eq!(client.take_signals(), signal::UNBLOCK_ERROR);
    }
}
