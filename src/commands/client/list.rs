//! CLIENT INFO and CLIENT LIST: how clients are described.

use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;

use super::kill::Type;
use crate::clients::{Client, flag, waiting};
use crate::clock::Micros;
use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::session::names;

pub(super) const INFO: CommandSpec =
    CommandSpec::session("INFO", Arity::exactly(2), Group::Connection, info)
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
         oll=0 omem={output} tot-mem={} events={} cmd={} user=default redir={} resp={} lib-name={} lib-ver={}",
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
        redirection(client),
        client.protocol().version(),
        name(&names.lib_name),
        name(&names.lib_ver),
    );
    out.push('\n');
}

/// The client that is told what this one tracks, 0 if that is itself; -1 if it does not track.
pub(super) fn redirection(client: &Client) -> i64 {
    match client.has(flag::TRACKING) {
        true => client.redirection() as i64,
        false => -1,
    }
}

/// A client's flags, in the order in which Redis shows them; `N` if there is none.
fn flags(client: &Client) -> String {
    let known = [
        ('O', client.has(flag::MONITOR)),
        ('P', client.is_subscribed()),
        ('x', client.has(flag::MULTI)),
        ('b', client.waiting.load(Relaxed) != waiting::NOT),
        ('t', client.has(flag::TRACKING)),
        ('R', client.has(flag::BROKEN_REDIRECTION)),
        ('B', client.has(flag::BROADCAST)),
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

pub(super) const LIST: CommandSpec =
    CommandSpec::session("LIST", Arity::at_least(2), Group::Connection, list)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_in_the_order_of_redis() {
        let client = Client::new(7, String::new(), String::new(), 3, 0, Micros(1));
        assert_eq!(flags(&client), "N");
        for flag in [
            flag::BROADCAST,
            flag::NO_TOUCH,
            flag::NO_EVICT,
            flag::BROKEN_REDIRECTION,
            flag::UNIX_SOCKET,
            flag::CLOSE_AFTER_REPLY,
            flag::TRACKING,
            flag::MULTI,
            flag::NO_LOOP,
        ] {
            client.set_flag(flag, true);
        }
        client.waiting.store(waiting::POSTPONED, Relaxed);
        assert_eq!(flags(&client), "xbtRBcUeT");
    }
}
