//! Commands on replicas, of which there are none.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::commands::timeout;
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::session::park::Wait;
use crate::types::quoting;

const FAILOVER: CommandSpec =
    CommandSpec::session("FAILOVER", Arity::at_least(1), Group::Server, failover)
        .flags(members!(Flags: ADMIN | NOSCRIPT | STALE))
        .doc("6.2.0", "O(1)", "Makes a replica take this server's place.")
        .args(&[
            Arg::new(
                "target",
                ArgKind::Block(&[
                    Arg::new("host", ArgKind::String),
                    Arg::new("port", ArgKind::Integer),
                    Arg::word("force", "FORCE").optional(),
                ]),
            )
            .token("TO")
            .optional(),
            Arg::word("abort", "ABORT").optional(),
            Arg::new("milliseconds", ArgKind::Integer)
                .token("TIMEOUT")
                .optional(),
        ]);

fn failover(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() == 2 && args.is(1, "ABORT") {
        return Err(Error::Static("ERR No failover in progress."));
    }
    let (mut timeout, mut target, mut force) = (None, None, false);
    let mut at = 1;
    while at < args.len() {
        let more = args.len() - 1 - at;
        if args.is(at, "TIMEOUT") && more >= 1 && timeout.is_none() {
            let millis = args.integer(at + 1)?;
            if millis <= 0 {
                return Err(Error::Static("ERR FAILOVER timeout must be greater than 0"));
            }
            timeout = Some(millis);
            at += 2;
        } else if args.is(at, "TO") && more >= 2 && target.is_none() {
            target = Some(args.integer(at + 2)?);
            at += 3;
        } else if args.is(at, "FORCE") && !force {
            force = true;
            at += 1;
        } else {
            return Err(Error::Syntax);
        }
    }
    Err(Error::Static("ERR FAILOVER requires connected replicas."))
}

const PSYNC: CommandSpec = CommandSpec::session("PSYNC", Arity::at_least(3), Group::Server, sync)
    .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI))
    .doc(
        "2.8.0",
        "",
        "Begins to copy the data to a replica, or goes on with it.",
    )
    .args(&[
        Arg::new("replicationid", ArgKind::String),
        Arg::new("offset", ArgKind::Integer),
    ]);

fn sync(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    Err(NOT_SUPPORTED)
}

const NOT_SUPPORTED: Error = Error::Static("ERR Replication is not supported by this server");

const REPLCONF: CommandSpec =
    CommandSpec::session("REPLCONF", Arity::at_least(1), Group::Server, replconf)
        .flags(members!(Flags: ADMIN | ALLOW_BUSY | LOADING | NOSCRIPT | STALE))
        .doc("3.0.0", "O(1)", "Lets a replica say what it is.")
        .syscmd();

fn replconf(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    for at in (1..args.len()).step_by(2) {
        replica_option(args, at)?;
    }
    reply.ok();
    Ok(Flow::Done)
}

/// Checks an option of REPLCONF and its value, which are for the SYNC that would follow.
fn replica_option(args: Args<'_>, at: usize) -> Result<(), Error> {
    let value = args.get(at + 1);
    if args.is(at, "LISTENING-PORT") {
        args.integer(at + 1)?;
    } else if args.is(at, "IP-ADDRESS") {
        if value.len() >= LONGEST_HOST {
            return Err(Error::text(format!(
                "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
                value.len()
            )));
        }
    } else if args.is(at, "RDB-ONLY") {
        args.integer_between(at + 1, 0, 1)?;
    } else if args.is(at, "RDB-FILTER-ONLY") {
        let parts = quoting::split_args(value)
            .ok_or(Error::Static("ERR Missing rdb-filter-only values"))?;
        if let Some(part) = parts
            .iter()
            .find(|part| !part.eq_ignore_ascii_case(b"functions"))
        {
            return Err(Error::quoting(
                "ERR Unsupported rdb-filter-only option: ",
                part,
                "",
            ));
        }
    } else if args.is(at, "ACK") || args.is(at, "GETACK") {
        // Redis answers nothing at all, and a client would wait for ever.
        return Err(NOT_SUPPORTED);
    } else if !args.is(at, "CAPA") {
        return Err(Error::quoting(
            "ERR Unrecognized REPLCONF option: ",
            args.get(at),
            "",
        ));
    }
    Ok(())
}

/// Bytes of a host's name with the NUL behind it, in Redis.
const LONGEST_HOST: usize = 256;

/// The server to copy the data from.
const MASTER: Arg = Arg::new(
    "args",
    ArgKind::OneOf(&[
        Arg::new(
            "host-port",
            ArgKind::Block(&[
                Arg::new("host", ArgKind::String),
                Arg::new("port", ArgKind::Integer),
            ]),
        ),
        Arg::new(
            "no-one",
            ArgKind::Block(&[Arg::word("no", "NO"), Arg::word("one", "ONE")]),
        ),
    ]),
);

const REPLICAOF: CommandSpec =
    CommandSpec::session("REPLICAOF", Arity::exactly(3), Group::Server, replicaof)
        .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | STALE))
        .doc(
            "5.0.0",
            "O(1)",
            "Makes the server a replica of another, or no replica.",
        )
        .args(&[MASTER]);

fn replicaof(
    _context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.is(1, "NO") && args.is(2, "ONE") {
        // It never was one.
        reply.ok();
        return Ok(Flow::Done);
    }
    let port = args.integer(2).ok();
    if !port.is_some_and(|port| (0..=65_535).contains(&port)) {
        return Err(Error::Static("ERR Invalid master port"));
    }
    Err(NOT_SUPPORTED)
}

const ROLE: CommandSpec = CommandSpec::session("ROLE", Arity::exactly(1), Group::Server, role)
    .flags(members!(Flags: FAST | LOADING | NOSCRIPT | SENTINEL | STALE))
    .categories(members!(Categories: ADMIN | DANGEROUS))
    .doc(
        "2.8.12",
        "O(1)",
        "Returns what part the server has in replication.",
    );

fn role(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(REPLICATION_OFFSET);
    // Its replicas.
    reply.array(0);
    Ok(Flow::Done)
}

/// How much of its data the server has sent to replicas.
pub const REPLICATION_OFFSET: i64 = 0;

const SLAVEOF: CommandSpec =
    CommandSpec::session("SLAVEOF", Arity::exactly(3), Group::Server, replicaof)
        .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | STALE))
        .doc(
            "1.0.0",
            "O(1)",
            "Makes the server a replica of another, or no replica.",
        )
        .deprecated("5.0.0", "`REPLICAOF`")
        .args(&[MASTER]);

const SYNC: CommandSpec = CommandSpec::session("SYNC", Arity::exactly(1), Group::Server, sync)
    .flags(members!(Flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI))
    .doc("1.0.0", "", "Begins to copy the data to a replica.");

const WAIT: CommandSpec = CommandSpec::session("WAIT", Arity::exactly(3), Group::Generic, wait)
    .flags(Flags::BLOCKING)
    .categories(Categories::CONNECTION)
    .doc(
        "3.0.0",
        "O(1)",
        "Waits until this connection's writes have reached a number of replicas.",
    )
    .tips(&["request_policy:all_shards", "response_policy:agg_min"])
    .args(&[
        Arg::new("numreplicas", ArgKind::Integer),
        Arg::new("timeout", ArgKind::Integer),
    ]);

fn wait(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let replicas = args.integer(1)?;
    let timeout = timeout::milliseconds(args.get(2), context.db.access.now)?;
    // There are no replicas, so that none or fewer are all there already.
    if replicas <= 0 || context.session.in_exec {
        reply.integer(0);
        return Ok(Flow::Done);
    }
    Ok(Flow::Park(Wait::Replicas {
        until: timeout,
        answer: |reply| reply.integer(0),
        call: None,
    }))
}

const WAITAOF: CommandSpec =
    CommandSpec::session("WAITAOF", Arity::exactly(4), Group::Generic, waitaof)
        .flags(Flags::BLOCKING)
        .categories(Categories::CONNECTION)
        .doc(
            "7.2.0",
            "O(1)",
            "Waits until this connection's writes are on disk, here and on replicas.",
        )
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .args(&[
            Arg::new("numlocal", ArgKind::Integer),
            Arg::new("numreplicas", ArgKind::Integer),
            Arg::new("timeout", ArgKind::Integer),
        ]);

fn waitaof(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let local = args.integer_between(1, 0, 1)?;
    let replicas = args.integer(2).unwrap_or(-1);
    if replicas < 0 {
        return Err(Error::Static("ERR value is out of range, must be positive"));
    }
    let until = timeout::milliseconds(args.get(3), context.db.access.now)?;
    if local > 0 {
        return Err(Error::Static(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    if replicas == 0 || context.session.in_exec {
        on_disk_nowhere(reply);
        return Ok(Flow::Done);
    }
    Ok(Flow::Park(Wait::Replicas {
        until,
        answer: on_disk_nowhere,
        call: None,
    }))
}

/// On this server and on how many replicas the writes are on disk.
fn on_disk_nowhere(reply: &mut Reply<'_>) {
    reply.array(2);
    reply.integer(0);
    reply.integer(0);
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    FAILOVER, PSYNC, REPLCONF, REPLICAOF, ROLE, SLAVEOF, SYNC, WAIT, WAITAOF,
];
