//! The ordered checks between a request and its run, and what runs at once even inside MULTI.
//!
//! The order is Redis's `processCommand` (`transactions.md` 2): which of two errors a client sees, and
//! whether a transaction is doomed, depends on it.

use std::sync::atomic::Ordering::Relaxed;

use crate::clients::flag;
use crate::commands::absent;
use crate::commands::context::Flow;
use crate::commands::registry::{self, Command};
use crate::commands::spec::{Control, Flags, Handler};
use crate::config::Config;
use crate::error::Error;
use crate::keyspace::ShardSet;
use crate::resp::{Args, Protocol, Reply};
use crate::session::multi::Multi;
use crate::session::park::Wait;
use crate::session::{ReplyMode, Session, attention};
use crate::transaction::runner::Turn;
use crate::transaction::{evict, watch};

/// One request: its arguments, and what was found out about it before its turn.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The arguments; keys are hashed.
    pub args: Args<'a>,
    /// The command (the subcommand of a container), if it exists.
    pub command: Option<&'static Command>,
    /// The shards that it will lock.
    pub shards: ShardSet,
}

/// Why a command does not run now.
enum Refusal {
    Error(Error),
    Postpone(i64),
}

/// Checks a request and runs it, queues it, or answers why not.
#[inline]
pub fn handle(
    turn: &mut Turn<'_>,
    session: &mut Session,
    request: Request<'_>,
    out: &mut Vec<u8>,
) -> Flow {
    if session.attention != 0 {
        return handle_attentively(turn, session, request, out);
    }
    let mut reply = Reply::new(out, session.protocol);
    dispatch(turn, session, request, &mut reply)
}

/// As [`handle`], for a session with something to be looked after at each command.
#[cold]
fn handle_attentively(
    turn: &mut Turn<'_>,
    session: &mut Session,
    request: Request<'_>,
    out: &mut Vec<u8>,
) -> Flow {
    // What it was told before this command comes before the reply, and what the command itself has it
    // told comes after.
    session.take_inbox(out);
    if session.reply_mode() == ReplyMode::SkipNext {
        session.set_reply_mode(ReplyMode::Skip);
    }
    let mut reply = Reply::new(out, session.protocol);
    turn.reply_start = reply.mark();
    turn.tells_first = false;
    let flow = dispatch(turn, session, request, &mut reply);
    if turn.tells_first {
        // As in Redis, whose client waits until all is freed: meanwhile it is told what was flushed.
        let mut told = Vec::new();
        session.take_inbox(&mut told);
        reply.insert(turn.reply_start, &told);
        turn.reply_start += told.len();
    }
    if session.attention & attention::TRACKING != 0 {
        after_tracked(turn, session, &request, &flow);
    }
    if matches!(flow, Flow::Park(_)) {
        return flow;
    }
    let mode = session.reply_mode();
    if mode == ReplyMode::Skip {
        session.set_reply_mode(ReplyMode::On);
    } else if mode == ReplyMode::SkipNext {
        // From here on, and not before CLIENT REPLY SKIP was shown itself.
        session.client.set_flag(flag::MUTE, true);
    }
    // The confirmation of a subscription is a message, and no reply that could be turned off.
    let confirms = request.command.is_some_and(changes_subscriptions);
    if matches!(mode, ReplyMode::Skip | ReplyMode::Off) && !confirms {
        reply.cut(turn.reply_start);
    }
    flow
}

/// What is due after each command of a client whose reads are noted.
fn after_tracked(turn: &mut Turn<'_>, session: &mut Session, request: &Request<'_>, flow: &Flow) {
    // CLIENT CACHING holds for one command, or one transaction. CLIENT's other subcommands do not count.
    let runs_on = session.multi.is_active() || matches!(flow, Flow::Park(Wait::Postponed { .. }));
    let is_client = |command: &Command| command.full_name.starts_with("client|");
    if !runs_on && !request.command.is_some_and(is_client) {
        session.set_caching(false);
    }
    let server = turn.server;
    let tracking = &server.observers.tracking;
    tracking.keep_within_limit(&server.config, &mut turn.woken);
}

/// Whether a command is SUBSCRIBE or one of its kin.
fn changes_subscriptions(command: &Command) -> bool {
    command.flags.contains(Flags::PUBSUB.union(Flags::NOSCRIPT))
}

/// Whether a client that is subscribed to something may send the command in RESP2, where replies and
/// messages look alike.
fn suits_subscriber(command: &Command) -> bool {
    changes_subscriptions(command)
        || command.full_name == "ping"
        || matches!(
            command.spec.handler,
            Handler::Control(Control::Quit | Control::Reset)
        )
}

#[inline]
fn dispatch(
    turn: &mut Turn<'_>,
    session: &mut Session,
    request: Request<'_>,
    reply: &mut Reply<'_>,
) -> Flow {
    let command = match check(turn, session, &request, reply) {
        Ok(command) => command,
        Err(Refusal::Postpone(until)) => {
            if let Some(command) = request.command {
                session.client.set_last_command(command);
            }
            return Flow::Park(Wait::Postponed { until });
        }
        Err(Refusal::Error(error)) => return refuse(turn, session, &request, &error, reply),
    };
    let mark = reply.mark();
    session.client.set_last_command(command);
    if let Handler::Control(control) = command.spec.handler {
        turn.timer
            .open(command, work(session, control, request.args));
        let result = run_control(turn, session, control, &request, reply);
        // These two are shown before they unlock what they locked.
        if result.is_err() || !matches!(control, Control::Exec | Control::Watch) {
            turn.show(session, command, request.args);
        }
        turn.timer.close(&session.client, command, request.args);
        return match result {
            Ok(flow) => flow,
            Err(error) => {
                turn.fail(Some(command), &error, mark, reply);
                Flow::Done
            }
        };
    }
    if session.multi.is_active() {
        queue(session, command, &request);
        reply.simple("QUEUED");
        return Flow::Done;
    }
    let measured = turn.timer.begin(command, request.args.len());
    let result = turn.run(session, command, request.args, request.shards, reply);
    if let Ok(Flow::Park(mut wait)) = result {
        // A command that waits counts when it is answered, if ever.
        turn.timer.suspend(&mut wait, command, request.args);
        return Flow::Park(wait);
    }
    turn.timer
        .end(measured, &session.client, command, request.args);
    match result {
        Ok(flow) => flow,
        Err(error) => {
            turn.fail(Some(command), &error, mark, reply);
            Flow::Done
        }
    }
}

/// How much a command that runs at once has to do: its arguments, or EXEC's commands.
fn work(session: &Session, control: Control, args: Args<'_>) -> usize {
    match (&session.multi, control) {
        (Multi::Queuing(queue), Control::Exec) => queue.work(),
        _ => args.len(),
    }
}

#[inline]
fn check(
    turn: &mut Turn<'_>,
    session: &Session,
    request: &Request<'_>,
    reply: &mut Reply<'_>,
) -> Result<&'static Command, Refusal> {
    let args = request.args;
    let Some(command) = request.command else {
        return Err(Refusal::Error(unknown(args)));
    };
    if !command.spec.arity.accepts(args.len()) {
        return Err(Refusal::Error(Error::WrongArity(command.full_name)));
    }
    let flags = command.flags;
    let server = turn.server;
    if flags.contains(Flags::PROTECTED)
        && let Some(error) = protects(&server.config, command, session.is_local())
    {
        return Err(Refusal::Error(error));
    }
    if !flags.contains(Flags::NO_AUTH) && session.needs_auth(&server.config) {
        return Err(Refusal::Error(Error::NoAuth));
    }
    if session.multi.is_active()
        && (flags.contains(Flags::NO_MULTI)
            || matches!(command.full_name, "client|reply" | "migrate"))
    {
        return Err(Refusal::Error(Error::NotAllowedInMulti));
    }
    if server.config.maxmemory() != 0
        && make_room(turn, session, reply)
        && effective_flags(session, command).contains(Flags::DENY_OOM)
    {
        return Err(Refusal::Error(Error::Oom));
    }
    if let Some(until) = server.pause.holds(turn.now.0, || {
        effective_flags(session, command).intersects(Flags::WRITE.union(Flags::MAY_REPLICATE))
    }) && !session.is_monitor()
    {
        return Err(Refusal::Postpone(until));
    }
    if session.attention & (attention::SUBSCRIBER | attention::MONITOR) != 0 {
        check_mode(session, command)?;
    }
    Ok(command)
}

/// Whether a client that listens to something may send the command.
#[cold]
fn check_mode(session: &Session, command: &Command) -> Result<(), Refusal> {
    if session.is_subscriber() && session.protocol == Protocol::Resp2 && !suits_subscriber(command)
    {
        return Err(Refusal::Error(Error::SubscriberOnly(command.full_name)));
    }
    const ON_KEYS: Flags = Flags::WRITE
        .union(Flags::READONLY)
        .union(Flags::MAY_REPLICATE);
    if session.is_monitor() && effective_flags(session, command).intersects(ON_KEYS) {
        // To Redis, who monitors is a kind of replica.
        return Err(Refusal::Error(Error::Static(
            "ERR Replica can't interact with the keyspace",
        )));
    }
    Ok(())
}

/// The error for a command that must be allowed by a setting, DEBUG or one of MODULE, if it is not.
#[cold]
fn protects(config: &Config, command: &Command, client_is_local: bool) -> Option<Error> {
    let container = command.parent().unwrap_or(command).spec.name;
    let (permission, setting) = match container {
        "MODULE" => (config.enable_module_command(), "enable-module-command"),
        _ => (config.enable_debug_command(), "enable-debug-command"),
    };
    (!permission.allows(client_is_local)).then(|| {
        Error::text(format!(
            "ERR {container} command not allowed. If the {setting} option is set to \"local\", you can run it from a \
             local connection, otherwise you need to set this option in the configuration file, and then restart the \
             server."
        ))
    })
}

/// Evicts what is over `maxmemory`, and lets the client know of it before the command's reply, which may come
/// from a key that is new again. Returns whether memory still is over the limit.
fn make_room(turn: &mut Turn<'_>, session: &Session, reply: &mut Reply<'_>) -> bool {
    let is_over = evict::make_room(turn.server, turn.stats, turn.now, &mut turn.changes);
    if session.attention & attention::INBOX != 0 {
        session.tell_now(reply);
        turn.reply_start = reply.mark();
    }
    is_over
}

/// A command's flags; those of EXEC include the flags of all that is queued.
fn effective_flags(session: &Session, command: &Command) -> Flags {
    match (&command.spec.handler, &session.multi) {
        (Handler::Control(Control::Exec), Multi::Queuing(queue)) => {
            command.flags.union(queue.flags)
        }
        _ => command.flags,
    }
}

/// Answers a refusal: it dooms a transaction, and a refused EXEC ends it.
#[cold]
fn refuse(
    turn: &mut Turn<'_>,
    session: &mut Session,
    request: &Request<'_>,
    error: &Error,
    reply: &mut Reply<'_>,
) -> Flow {
    let mark = reply.mark();
    match request.command {
        Some(command) => session.client.set_last_command(command),
        None => session.client.forget_last_command(),
    }
    if let Some(command) = request.command {
        turn.stats.commands[command.id].rejected.add(1);
        if matches!(command.spec.handler, Handler::Control(Control::Exec)) {
            end_transaction(turn, session);
            turn.fail(
                None,
                &Error::ExecAbortBecause(Box::new(error.clone())),
                mark,
                reply,
            );
            turn.show(session, command, request.args);
            return Flow::Done;
        }
    }
    session.multi.doom();
    turn.fail(None, error, mark, reply);
    if request.command.is_none() && is_browser(request.args.get(0)) {
        tracing::warn!(
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
             This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis \
             instance. Connection from {} aborted.",
            session.client.addr()
        );
        reply.cut(mark);
        return Flow::Close;
    }
    Flow::Done
}

/// Whether a "command" is the beginning of an HTTP request.
fn is_browser(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"host:") || name.eq_ignore_ascii_case(b"post")
}

/// The error for a command or subcommand that does not exist.
#[cold]
fn unknown(args: Args<'_>) -> Error {
    if let Some(error) = absent::error(args) {
        return error;
    }
    match registry::lookup(args.get(0)) {
        Some(container) if args.len() > 1 => {
            Error::unknown_subcommand(args.get(1), container.spec.name)
        }
        _ => Error::unknown_command(args),
    }
}

fn queue(session: &mut Session, command: &'static Command, request: &Request<'_>) {
    if let Multi::Queuing(queue) = &mut session.multi
        && !session.client.is_dirty()
    {
        queue.push(command, request.args, request.shards);
        session.client.queued.store(queue.len() as i64, Relaxed);
        session
            .client
            .queued_bytes
            .store(queue.bytes() as u64, Relaxed);
    }
}

fn run_control(
    turn: &mut Turn<'_>,
    session: &mut Session,
    control: Control,
    request: &Request<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    match control {
        Control::Multi => {
            if session.multi.is_active() {
                return Err(Error::NestedMulti);
            }
            session.multi = Multi::Queuing(turn.server.queues.take());
            session.client.set_flag(flag::MULTI, true);
            session.client.queued.store(0, Relaxed);
            reply.ok();
        }
        Control::Exec => return exec(turn, session, request, reply),
        Control::Discard => {
            if !session.multi.is_active() {
                return Err(Error::DiscardWithoutMulti);
            }
            end_transaction(turn, session);
            reply.ok();
        }
        Control::Watch => {
            if session.multi.is_active() {
                return Err(Error::WatchInsideMulti);
            }
            turn.watch(session, request);
            reply.ok();
        }
        Control::Quit => {
            session.stop_monitoring(&turn.server.observers.monitors);
            reply.ok();
            return Ok(Flow::Close);
        }
        Control::Reset => {
            reset(turn, session, reply);
            reply.simple("RESET");
        }
    }
    Ok(Flow::Done)
}

fn exec(
    turn: &mut Turn<'_>,
    session: &mut Session,
    request: &Request<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    match std::mem::take(&mut session.multi) {
        Multi::None => return Err(Error::ExecWithoutMulti),
        Multi::Doomed => {
            end_transaction(turn, session);
            return Err(Error::ExecAbort);
        }
        Multi::Queuing(queue) => {
            // While it runs, CLIENT LIST shows the client inside MULTI.
            turn.exec(session, &queue, request, reply);
            leave_multi(session);
            turn.server.queues.give(queue);
        }
    }
    Ok(if session.closing {
        Flow::Close
    } else {
        Flow::Done
    })
}

fn leave_multi(session: &Session) {
    session.client.set_flag(flag::MULTI, false);
    session.client.queued.store(-1, Relaxed);
    session.client.queued_bytes.store(0, Relaxed);
}

/// Leaves MULTI without running anything, and unwatches.
pub fn end_transaction(turn: &Turn<'_>, session: &mut Session) {
    if let Multi::Queuing(queue) = std::mem::take(&mut session.multi) {
        turn.server.queues.give(queue);
    }
    leave_multi(session);
    watch::unwatch(&turn.server.keyspace, session);
}

/// RESET: the session becomes as new, but for the library's name and version (`transactions.md` 3.15).
fn reset(turn: &Turn<'_>, session: &mut Session, reply: &mut Reply<'_>) {
    end_transaction(turn, session);
    session.select(0);
    session.set_reply_mode(ReplyMode::On);
    session.stop_tracking(&turn.server.observers.tracking);
    session.unsubscribe_all(&turn.server.observers.pubsub);
    session.stop_monitoring(&turn.server.observers.monitors);
    session.set_protocol(Protocol::Resp2, reply);
    session.authenticated = !turn.server.config.has_password();
    session.set_no_touch(false);
    session.client.set_flag(flag::NO_EVICT, false);
    session.client.change_names(|names| names.name.clear());
}
