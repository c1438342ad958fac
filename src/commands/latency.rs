//! LATENCY: what took long, see [`crate::latency`].

use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::latency_report;
use crate::commands::registry::{self, Command};
use crate::commands::spec::{Arg, ArgKind, Arity, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::latency::histogram::Distribution;
use crate::resp::{Args, Reply};
use crate::server::Server;

const FLAGS: Flags = members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE);

const TIPS: &[&str] = &[
    "nondeterministic_output",
    "request_policy:all_nodes",
    "response_policy:special",
];

const EVENT: Arg = Arg::new("event", ArgKind::String);

const DOCTOR: CommandSpec =
    CommandSpec::session("DOCTOR", Arity::exactly(2), Group::Server, doctor)
        .flags(FLAGS)
        .doc("2.8.13", "O(1)", "Reports what took long, and what helps.")
        .tips(TIPS);

fn doctor(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let events = context.server.latency_events.all();
    let now = context.db.access.now;
    reply.verbatim(latency_report::report(&events, &context.server.config, now).as_bytes());
    Ok(Flow::Done)
}

const GRAPH: CommandSpec = CommandSpec::session("GRAPH", Arity::exactly(3), Group::Server, graph)
    .flags(FLAGS)
    .doc("2.8.13", "O(1)", "Draws the latest events of one kind.")
    .tips(TIPS)
    .args(&[EVENT]);

fn graph(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let event = args.get(2);
    let Some((name, series)) = context.server.latency_events.series(event) else {
        return Err(Error::quoting(
            "ERR No samples available for event '",
            event,
            "'",
        ));
    };
    let now = context.db.access.now;
    reply.verbatim(latency_report::graph(name, &series, now).as_bytes());
    Ok(Flow::Done)
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::Server, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("2.8.13", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, LATENCY.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "DOCTOR",
    "    Return a report on what took long, with advice.",
    "GRAPH <event>",
    "    Return a drawing of the latest events of this kind.",
    "HISTOGRAM [<command> ...]",
    "    Return how many calls of each command took no longer than each of some limits",
    "    in microseconds (default: of all commands that were called).",
    "HISTORY <event>",
    "    Return when the latest events of this kind were, and how many milliseconds they took.",
    "LATEST",
    "    Return the latest event of each kind, and the longest.",
    "RESET [<event> ...]",
    "    Forget the events of these kinds (default: of all).",
];

const HISTOGRAM: CommandSpec =
    CommandSpec::session("HISTOGRAM", Arity::at_least(2), Group::Server, histogram)
        .flags(FLAGS)
        .doc(
            "7.0.0",
            "O(N) where N is the number of commands.",
            "Returns how many calls of commands took no longer than some limits.",
        )
        .tips(TIPS)
        .args(&[Arg::new("COMMAND", ArgKind::String).optional().multiple()]);

fn histogram(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let server = context.server;
    let mut measured = Vec::new();
    if args.len() == 2 {
        for command in registry::top_level() {
            add_measured(server, command, &mut measured);
        }
    } else {
        for name in args.from(2) {
            if let Some(command) = registry::lookup_full(name) {
                add_measured(server, command, &mut measured);
            }
        }
    }
    reply.map(measured.len());
    for (command, times) in &measured {
        write_distribution(command, times, reply);
    }
    Ok(Flow::Done)
}

/// Adds a command and its subcommands, as far as they were measured.
fn add_measured(
    server: &Server,
    command: &'static Command,
    measured: &mut Vec<(&'static Command, Distribution)>,
) {
    for command in std::iter::once(command).chain(command.subcommands()) {
        let times = server.stats.latency(command.id);
        if times.calls() > 0 {
            measured.push((command, times));
        }
    }
}

fn write_distribution(command: &Command, times: &Distribution, reply: &mut Reply<'_>) {
    let steps = times.cumulative();
    reply.bulk(command.full_name.as_bytes());
    reply.map(2);
    reply.bulk(b"calls");
    reply.integer(times.calls() as i64);
    reply.bulk(b"histogram_usec");
    reply.map(steps.len());
    for (micros, calls) in steps {
        reply.integer(micros as i64);
        reply.integer(calls as i64);
    }
}

const HISTORY: CommandSpec =
    CommandSpec::session("HISTORY", Arity::exactly(3), Group::Server, history)
        .flags(FLAGS)
        .doc("2.8.13", "O(1)", "Returns the latest events of one kind.")
        .tips(TIPS)
        .args(&[EVENT]);

fn history(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let series = context.server.latency_events.series(args.get(2));
    let samples = series.map(|(_, series)| series.samples).unwrap_or_default();
    reply.array(samples.len());
    for sample in samples {
        reply.array(2);
        reply.integer(sample.seconds);
        reply.integer(sample.millis as i64);
    }
    Ok(Flow::Done)
}

const LATEST: CommandSpec =
    CommandSpec::session("LATEST", Arity::exactly(2), Group::Server, latest)
        .flags(FLAGS)
        .doc("2.8.13", "O(1)", "Returns the latest event of each kind.")
        .tips(TIPS);

fn latest(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let events = context.server.latency_events.all();
    reply.array(events.len());
    for (name, series) in events {
        let last = series.samples.back();
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.integer(last.map_or(0, |sample| sample.seconds));
        reply.integer(last.map_or(0, |sample| sample.millis as i64));
        reply.integer(series.longest as i64);
    }
    Ok(Flow::Done)
}

const RESET: CommandSpec = CommandSpec::session("RESET", Arity::at_least(2), Group::Server, reset)
    .flags(FLAGS)
    .doc("2.8.13", "O(1)", "Forgets events, of some kinds or of all.")
    .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
    .args(&[EVENT.optional().multiple()]);

fn reset(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let events = &context.server.latency_events;
    reply.count(if args.len() == 2 {
        events.reset(None)
    } else {
        args.from(2).map(|name| events.reset(Some(name))).sum()
    });
    Ok(Flow::Done)
}

const LATENCY: CommandSpec = CommandSpec::container(
    "LATENCY",
    Group::Server,
    &[DOCTOR, GRAPH, HELP, HISTOGRAM, HISTORY, LATEST, RESET],
)
.doc(
    "2.8.13",
    "Depends on the subcommand.",
    "A container of commands on what took long.",
);

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[LATENCY];
