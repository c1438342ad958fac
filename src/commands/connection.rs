//! Commands on the connection, except CLIENT.

use crate::acl_log::Entry;
use crate::commands::client;
use crate::commands::context::{Context, Flow};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandSpec, Control, Flags, Group, members,
};
use crate::config::REDIS_VERSION;
use crate::error::Error;
use crate::resp::{Args, Protocol, Reply};
use crate::session::names;

const AUTH: CommandSpec = CommandSpec::session("AUTH", Arity::at_least(2), Group::Connection, auth)
    .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc(
        "1.0.0",
        "O(N) where N is the number of the user's passwords.",
        "Authenticates the connection.",
    )
    .args(&[
        Arg::new("username", ArgKind::String)
            .optional()
            .since("6.0.0"),
        Arg::new("password", ArgKind::String),
    ]);

fn auth(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let (user, password) = match args.len() {
        2 if !context.server.config.has_password() => {
            return Err(Error::Static(
                "ERR AUTH <password> called without any password configured for the default user. Are you sure \
                 your configuration is correct?",
            ));
        }
        2 => (DEFAULT_USER, args.get(1)),
        3 => (args.get(1), args.get(2)),
        _ => return Err(Error::Syntax),
    };
    authenticate(context, args, user, password)?;
    reply.ok();
    Ok(Flow::Done)
}

/// The only user there is.
pub const DEFAULT_USER: &[u8] = b"default";

/// Authenticates the session; a failure is counted and noted, and leaves the session as it was.
fn authenticate(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    user: &[u8],
    password: &[u8],
) -> Result<(), Error> {
    // Without a password any is right.
    let right = user == DEFAULT_USER
        && context
            .server
            .config
            .requirepass()
            .is_none_or(|wanted| equal(&wanted, password));
    if !right {
        context.db.access.stats.auth_failures.add(1);
        note_refusal(context, args, user);
        return Err(Error::WrongPass);
    }
    context.session.authenticated = true;
    Ok(())
}

/// Adds a wrong name or password to what ACL LOG shows.
fn note_refusal(context: &Context<'_, '_>, args: Args<'_>, user: &[u8]) {
    let now = context.db.access.millis();
    let entry = Entry {
        id: 0,
        count: 1,
        in_exec: context.session.in_exec,
        object: args.get(0).into(),
        user: user.into(),
        client: client::description(context, args),
        created: now,
        updated: now,
    };
    let most = context.server.config.acllog_max_len();
    context.server.acl_log.add(most, entry);
}

/// Compares in a time that says nothing about where two texts differ.
fn equal(wanted: &[u8], given: &[u8]) -> bool {
    let differences = (0..given.len()).fold(0, |sum, at| {
        sum | (given[at] ^ wanted.get(at).copied().unwrap_or(0))
    });
    std::hint::black_box(differences) == 0 && wanted.len() == given.len()
}

const ECHO: CommandSpec = CommandSpec::session("ECHO", Arity::exactly(2), Group::Connection, echo)
    .flags(members!(Flags: LOADING | STALE | FAST))
    .categories(Categories::CONNECTION)
    .doc("1.0.0", "O(1)", "Returns its argument.")
    .args(&[Arg::new("message", ArgKind::String)]);

fn echo(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.bulk(args.get(1));
    Ok(Flow::Done)
}

const HELLO: CommandSpec =
    CommandSpec::session("HELLO", Arity::at_least(1), Group::Connection, hello)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.0.0",
            "O(1)",
            "Greets the server and chooses the protocol version.",
        )
        .args(&[Arg::new(
            "arguments",
            ArgKind::Block(&[
                Arg::new("protover", ArgKind::Integer),
                Arg::new(
                    "auth",
                    ArgKind::Block(&[
                        Arg::new("username", ArgKind::String),
                        Arg::new("password", ArgKind::String),
                    ]),
                )
                .token("AUTH")
                .optional(),
                Arg::new("clientname", ArgKind::String)
                    .token("SETNAME")
                    .optional(),
            ]),
        )
        .optional()]);

fn hello(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let options = HelloOptions::parse(args)?;
    if let Some((user, password)) = options.auth {
        authenticate(context, args, user, password)?;
    }
    let session = &mut *context.session;
    if !session.authenticated {
        return Err(Error::Static(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the \
             same time",
        ));
    }
    if let Some(name) = options.name {
        session
            .client
            .change_names(|names| names.name = name.to_vec());
    }
    if let Some(protocol) = options.protocol {
        session.set_protocol(protocol, reply);
    }
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(session.protocol.version());
    reply.bulk(b"id");
    reply.integer(session.id() as i64);
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(Flow::Done)
}

/// What HELLO asks for.
#[derive(Default)]
struct HelloOptions<'a> {
    protocol: Option<Protocol>,
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

impl<'a> HelloOptions<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut options = HelloOptions::default();
        if args.len() > 1 {
            options.protocol = Some(match args.integer(1) {
                Ok(2) => Protocol::Resp2,
                Ok(3) => Protocol::Resp3,
                Ok(_) => return Err(Error::Static("NOPROTO unsupported protocol version")),
                Err(_) => {
                    return Err(Error::Static(
                        "ERR Protocol version is not an integer or out of range",
                    ));
                }
            });
        }
        let mut at = 2;
        while at < args.len() {
            let more = args.len() - 1 - at;
            if args.is(at, "AUTH") && more >= 2 {
                options.auth = Some((args.get(at + 1), args.get(at + 2)));
                at += 3;
            } else if args.is(at, "SETNAME") && more >= 1 {
                names::check_client_name(args.get(at + 1))?;
                options.name = Some(args.get(at + 1));
                at += 2;
            } else {
                return Err(Error::quoting(
                    "ERR Syntax error in HELLO option '",
                    args.get(at),
                    "'",
                ));
            }
        }
        Ok(options)
    }
}

const PING: CommandSpec = CommandSpec::session("PING", Arity::at_least(1), Group::Connection, ping)
    .flags(members!(Flags: FAST | SENTINEL))
    .categories(Categories::CONNECTION)
    .doc("1.0.0", "O(1)", "Returns PONG, or its argument.")
    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
    .args(&[Arg::new("message", ArgKind::String).optional()]);

fn ping(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 2 {
        return Err(Error::WrongArity("ping"));
    }
    if context.session.is_subscriber() && reply.protocol() == Protocol::Resp2 {
        // Among messages, it looks like one.
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(args.try_get(1).unwrap_or_default());
        return Ok(Flow::Done);
    }
    match args.len() {
        1 => reply.simple("PONG"),
        _ => reply.bulk(args.get(1)),
    }
    Ok(Flow::Done)
}

const QUIT: CommandSpec =
    CommandSpec::control("QUIT", Arity::at_least(1), Group::Connection, Control::Quit)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY))
        .categories(Categories::CONNECTION)
        .doc("1.0.0", "O(1)", "Closes the connection.")
        .deprecated("7.2.0", "just closing the connection");

const RESET: CommandSpec = CommandSpec::control(
    "RESET",
    Arity::exactly(1),
    Group::Connection,
    Control::Reset,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY))
.categories(Categories::CONNECTION)
.doc(
    "6.2.0",
    "O(1)",
    "Makes the connection as it was when it was new.",
);

const SELECT: CommandSpec =
    CommandSpec::session("SELECT", Arity::exactly(2), Group::Connection, select)
        .flags(members!(Flags: LOADING | STALE | FAST))
        .categories(Categories::CONNECTION)
        .doc(
            "1.0.0",
            "O(1)",
            "Chooses the database that the connection works on.",
        )
        .args(&[Arg::new("index", ArgKind::Integer)]);

fn select(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let index = args.database(1, context.server.config.databases())?;
    context.session.select(index);
    reply.ok();
    Ok(Flow::Done)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[AUTH, ECHO, HELLO, PING, QUIT, RESET, SELECT];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_compares_length_and_every_byte() {
        assert!(equal(b"secret", b"secret"));
        for other in [
            &b""[..],
            b"secre",
            b"secret ",
            b"Secret",
            b"secreT",
            b"secret\0",
        ] {
            assert!(!equal(b"secret", other), "{other:?}");
            assert!(!equal(other, b"secret"), "{other:?}");
        }
    }
}
