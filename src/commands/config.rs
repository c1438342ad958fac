//! CONFIG: the configuration of the running server.

use std::sync::atomic::Ordering::Relaxed;

use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{Arg, ArgKind, Arity, CommandSpec, Flags, Group, members};
use crate::config::ConfigError;
use crate::error::Error;
use crate::memory;
use crate::observers::{self, Woken};
use crate::resp::{Args, Reply};
use crate::server::{self, Server};

const GET: CommandSpec = CommandSpec::session("GET", Arity::at_least(3), Group::Server, get)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
    .doc(
        "2.0.0",
        "O(N) where N is the number of parameters asked for.",
        "Returns the parameters that match a pattern.",
    )
    .args(&[Arg::new("parameter", ArgKind::String).multiple()]);

fn get(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let patterns: Vec<&[u8]> = args.from(2).collect();
    let found = context.server.config.get(&patterns);
    reply.map(found.len());
    for (name, value) in &found {
        reply.bulk(name);
        reply.bulk(value);
    }
    Ok(Flow::Done)
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, "CONFIG", HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "GET <pattern> [<pattern> ...]",
    "    Return the parameters that match a pattern, with their values.",
    "SET <parameter> <value> [<parameter> <value> ...]",
    "    Change parameters: all of them, or none if one is refused.",
    "RESETSTAT",
    "    Set the statistics of INFO back to zero.",
    "REWRITE",
    "    Write the parameters as they are now into the configuration file.",
];

const RESETSTAT: CommandSpec =
    CommandSpec::session("RESETSTAT", Arity::exactly(2), Group::Server, resetstat)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
        .doc("2.0.0", "O(1)", "Sets the statistics back to zero.")
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn resetstat(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    context.server.stats.reset();
    context.server.reaper.reset();
    context.server.saves.reset();
    context.server.over_limit.reset();
    context.server.reset_event_loops();
    reply.ok();
    Ok(Flow::Done)
}

const REWRITE: CommandSpec =
    CommandSpec::session("REWRITE", Arity::exactly(2), Group::Server, rewrite)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
        .doc(
            "2.8.0",
            "O(1)",
            "Writes the parameters as they are now into the configuration file.",
        )
        .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"]);

fn rewrite(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    match context.server.config.rewrite() {
        Ok(()) => tracing::info!("CONFIG REWRITE executed with success."),
        Err(text) => {
            tracing::warn!("CONFIG REWRITE failed: {text}");
            return Err(Error::text(text));
        }
    }
    reply.ok();
    Ok(Flow::Done)
}

const SET: CommandSpec = CommandSpec::session("SET", Arity::at_least(4), Group::Server, set)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE))
    .doc(
        "2.0.0",
        "O(N) where N is the number of parameters to set.",
        "Changes parameters of the running server.",
    )
    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
    .args(&[Arg::new(
        "data",
        ArgKind::Block(&[
            Arg::new("parameter", ArgKind::String),
            Arg::new("value", ArgKind::String),
        ]),
    )
    .multiple()]);

fn set(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    // Names and values come in pairs, so that with CONFIG SET the count is even.
    if args.len() % 2 == 1 {
        return Err(Error::Syntax);
    }
    let pairs: Vec<(&[u8], &[u8])> = (2..args.len())
        .step_by(2)
        .map(|at| (args.get(at), args.get(at + 1)))
        .collect();
    let server = context.server;
    let local = context.session.is_local();
    server
        .config
        .set_with(&pairs, local, |changed| apply(server, changed))
        .map_err(|error| match error {
            ConfigError::Unknown(name) => Error::quoting(
                "ERR Unknown option or number of arguments for CONFIG SET - '",
                &name,
                "'",
            ),
            refused => Error::text(refused.to_string()),
        })?;
    server.slow_log.trim(&server.config);
    reply.ok();
    Ok(Flow::Done)
}

/// Puts changed settings into force that are not just read where they are needed.
fn apply(server: &Server, changed: &[&'static str]) -> Result<(), (&'static str, String)> {
    for &name in changed {
        match name {
            "maxclients" => server::allow_clients(server.config.maxclients(), server.config.threads()).map_err(|most| {
                (
                    name,
                    format!(
                        "The operating system is not able to handle the specified number of clients, try with {most}"
                    ),
                )
            })?,
            // The sockets are opened once, at the start.
            "port" => {
                let text = "Unable to listen on this port. Check server logs.";
                tracing::warn!("The port cannot be changed while the server runs");
                return Err((name, text.to_owned()));
            }
            "bind" => {
                let text = "Failed to bind to specified addresses.";
                tracing::warn!("The addresses cannot be changed while the server runs");
                return Err((name, text.to_owned()));
            }
            "tls-port" | "tls-replication" | "tls-cluster" => {
                let text = "Unable to update TLS configuration. Check server logs.";
                tracing::warn!("TLS is not supported");
                return Err((name, text.to_owned()));
            }
            "maxmemory" => warn_of_small_memory(server),
            "tracking-table-max-keys" => {
                let mut woken = Woken::new();
                let tracking = &server.observers.tracking;
                tracking.keep_within_limit(&server.config, &mut woken);
                observers::wake(&mut woken);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Says that memory is over the new limit, and has keys evicted even if no command comes.
fn warn_of_small_memory(server: &Server) {
    let (most, used) = (server.config.maxmemory(), memory::used());
    if most != 0 && most < used {
        tracing::warn!(
            "WARNING: the new maxmemory value set via CONFIG SET ({most}) is smaller than the current memory usage \
             ({used}). This will result in key eviction and/or the inability to accept new write commands depending \
             on the maxmemory-policy."
        );
        // Not here: inside EXEC nothing may be evicted between two commands.
        server.evict_soon.store(true, Relaxed);
    }
}

const CONFIG: CommandSpec = CommandSpec::container(
    "CONFIG",
    Group::Server,
    &[GET, HELP, RESETSTAT, REWRITE, SET],
)
.doc(
    "2.0.0",
    "Depends on the subcommand.",
    "A container of commands on the configuration.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[CONFIG];
