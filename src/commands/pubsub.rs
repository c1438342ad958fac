//! Publish and subscribe.

use crate::commands::context::{Context, Flow};
use crate::commands::help as help_text;
use crate::commands::spec::{
    Arg, ArgKind, Arity, CommandSpec, Flags, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::observers::Woken;
use crate::observers::pubsub::Kind;
use crate::resp::{Args, Reply};

/// What SUBSCRIBE and its kin are flagged.
const SUBSCRIPTION: Flags = members!(Flags: PUBSUB | NOSCRIPT | LOADING | STALE);

const PSUBSCRIBE: CommandSpec =
    CommandSpec::session("PSUBSCRIBE", Arity::at_least(2), Group::PubSub, psubscribe)
        .flags(SUBSCRIPTION.union(Flags::SENTINEL))
        .doc(
            "2.0.0",
            "O(N) where N is the number of patterns to subscribe to.",
            "Listens for messages on all channels that match one of the patterns.",
        )
        .args(&[Arg::new("pattern", ArgKind::Pattern).multiple()]);

fn psubscribe(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    subscribe_to(context, Kind::Pattern, args, reply)
}

/// Subscribes to all arguments of the command, and confirms each.
fn subscribe_to(
    context: &mut Context<'_, '_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let word = match kind {
        Kind::Channel => "subscribe",
        Kind::Pattern => "psubscribe",
        Kind::ShardChannel => "ssubscribe",
    };
    let pubsub = &context.server.observers.pubsub;
    for name in args.from(1) {
        let count = context
            .session
            .change_subscriptions(|subscriptions, client| {
                subscriptions.add(pubsub, kind, name, client);
                subscriptions.count(kind)
            });
        confirm(reply, word, Some(name), count);
    }
    Ok(Flow::Done)
}

fn confirm(reply: &mut Reply<'_>, word: &str, name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(word.as_bytes());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.count(count);
}

const PUBLISH: CommandSpec = CommandSpec::session(
    "PUBLISH",
    Arity::exactly(3),
    Group::PubSub,
    publish,
)
.flags(members!(Flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE | SENTINEL))
.doc(
    "2.0.0",
    "O(N+M) where N is the number of subscribers of the channel and M the number of patterns.",
    "Sends a message to all who listen on the channel.",
)
.args(&[
    Arg::new("channel", ArgKind::String),
    Arg::new("message", ArgKind::String),
]);

fn publish(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    publish_to(context, Kind::Channel, args, reply)
}

/// Sends the command's message to its channel, and answers how many got it.
fn publish_to(
    context: &mut Context<'_, '_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let server = context.server;
    let (config, pubsub) = (&server.config, &server.observers.pubsub);
    let (channel, message) = (args.get(1), args.get(2));
    let mut woken = Woken::new();
    reply.count(match kind {
        Kind::ShardChannel => pubsub.publish_to_shard(config, channel, message, &mut woken),
        Kind::Channel | Kind::Pattern => pubsub.publish(config, channel, message, &mut woken),
    });
    context.db.wake(&mut woken);
    Ok(Flow::Done)
}

const CHANNELS: CommandSpec =
    CommandSpec::session("CHANNELS", Arity::at_least(2), Group::PubSub, channels)
        .flags(members!(Flags: PUBSUB | LOADING | STALE))
        .doc(
            "2.8.0",
            "O(N) where N is the number of channels with subscribers.",
            "Returns the channels that somebody is subscribed to.",
        )
        .args(&[Arg::new("pattern", ArgKind::Pattern).optional()]);

fn channels(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    list_channels(context, Kind::Channel, args, reply)
}

fn list_channels(
    context: &mut Context<'_, '_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    if args.len() > 3 {
        return Err(Error::subcommand_syntax(args.get(1), PUBSUB.name));
    }
    let names = context.server.observers.pubsub.names(kind, args.try_get(2));
    reply.array(names.len());
    for name in &names {
        reply.bulk(name);
    }
    Ok(Flow::Done)
}

const HELP: CommandSpec = CommandSpec::session("HELP", Arity::exactly(2), Group::PubSub, help)
    .flags(members!(Flags: LOADING | STALE))
    .doc("6.2.0", "O(1)", "Explains the subcommands.");

fn help(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    help_text::reply(reply, PUBSUB.name, HELP_LINES);
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Return the channels that somebody is subscribed to, or those of them that match.",
    "NUMPAT",
    "    Return the number of patterns that somebody is subscribed to.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers of each channel.",
    "SHARDCHANNELS [<pattern>]",
    "    Return the shard channels that somebody is subscribed to, or those that match.",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers of each shard channel.",
];

const NUMPAT: CommandSpec =
    CommandSpec::session("NUMPAT", Arity::exactly(2), Group::PubSub, numpat)
        .flags(members!(Flags: PUBSUB | LOADING | STALE))
        .doc(
            "2.8.0",
            "O(1)",
            "Returns the number of patterns that somebody is subscribed to.",
        );

fn numpat(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.count(context.server.observers.pubsub.pattern_count());
    Ok(Flow::Done)
}

const NUMSUB: CommandSpec =
    CommandSpec::session("NUMSUB", Arity::at_least(2), Group::PubSub, numsub)
        .flags(members!(Flags: PUBSUB | LOADING | STALE))
        .doc(
            "2.8.0",
            "O(N) where N is the number of channels asked for.",
            "Returns the number of subscribers of channels.",
        )
        .args(&[Arg::new("channel", ArgKind::String).optional().multiple()]);

fn numsub(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    count_subscribers(context, Kind::Channel, args, reply)
}

fn count_subscribers(
    context: &mut Context<'_, '_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let pubsub = &context.server.observers.pubsub;
    reply.array(2 * (args.len() - 2));
    for channel in args.from(2) {
        reply.bulk(channel);
        reply.count(pubsub.subscribers(kind, channel));
    }
    Ok(Flow::Done)
}

const SHARDCHANNELS: CommandSpec = CommandSpec::session(
    "SHARDCHANNELS",
    Arity::at_least(2),
    Group::PubSub,
    shardchannels,
)
.flags(members!(Flags: PUBSUB | LOADING | STALE))
.doc(
    "7.0.0",
    "O(N) where N is the number of shard channels with subscribers.",
    "Returns the shard channels that somebody is subscribed to.",
)
.args(&[Arg::new("pattern", ArgKind::Pattern).optional()]);

fn shardchannels(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    list_channels(context, Kind::ShardChannel, args, reply)
}

const SHARDNUMSUB: CommandSpec = CommandSpec::session(
    "SHARDNUMSUB",
    Arity::at_least(2),
    Group::PubSub,
    shardnumsub,
)
.flags(members!(Flags: PUBSUB | LOADING | STALE))
.doc(
    "7.0.0",
    "O(N) where N is the number of shard channels asked for.",
    "Returns the number of subscribers of shard channels.",
)
.args(&[Arg::new("shardchannel", ArgKind::String)
    .optional()
    .multiple()]);

fn shardnumsub(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    count_subscribers(context, Kind::ShardChannel, args, reply)
}

const PUBSUB: CommandSpec = CommandSpec::container(
    "PUBSUB",
    Group::PubSub,
    &[CHANNELS, HELP, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB],
)
.doc(
    "2.8.0",
    "Depends on the subcommand.",
    "A container of commands on publish and subscribe.",
);

const PUNSUBSCRIBE: CommandSpec = CommandSpec::session(
    "PUNSUBSCRIBE",
    Arity::at_least(1),
    Group::PubSub,
    punsubscribe,
)
.flags(SUBSCRIPTION.union(Flags::SENTINEL))
.doc(
    "2.0.0",
    "O(N) where N is the number of patterns to unsubscribe from.",
    "Ends subscriptions to patterns: all of them, if none is named.",
)
.args(&[Arg::new("pattern", ArgKind::Pattern).optional().multiple()]);

fn punsubscribe(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    unsubscribe_from(context, Kind::Pattern, args, reply)
}

/// Ends the subscriptions that the arguments name, or all of the kind, and confirms each.
fn unsubscribe_from(
    context: &mut Context<'_, '_>,
    kind: Kind,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let word = match kind {
        Kind::Channel => "unsubscribe",
        Kind::Pattern => "punsubscribe",
        Kind::ShardChannel => "sunsubscribe",
    };
    let pubsub = &context.server.observers.pubsub;
    let session = &mut *context.session;
    let names: Vec<Box<[u8]>> = if args.len() > 1 {
        args.from(1).map(Box::from).collect()
    } else {
        session.change_subscriptions(|subscriptions, _| subscriptions.names(kind))
    };
    let mut late = Vec::new();
    for name in &names {
        let count = session.change_subscriptions(|subscriptions, client| {
            subscriptions.remove(pubsub, kind, name, client);
            subscriptions.count(kind)
        });
        // What came just before the subscription ended comes before its confirmation; but an array that
        // EXEC has begun must not be torn.
        if !session.in_exec {
            late.clear();
            session.take_inbox(&mut late);
            reply.raw(&late);
        }
        confirm(reply, word, Some(name), count);
    }
    if names.is_empty() {
        let count = session.change_subscriptions(|subscriptions, _| subscriptions.count(kind));
        confirm(reply, word, None, count);
    }
    Ok(Flow::Done)
}

const SPUBLISH: CommandSpec =
    CommandSpec::session("SPUBLISH", Arity::exactly(3), Group::PubSub, spublish)
        .flags(members!(Flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE))
        .keys(&[KeySpec::at(1, KeyFlags::NOT_KEY)])
        .doc(
            "7.0.0",
            "O(N) where N is the number of subscribers of the shard channel.",
            "Sends a message to all who listen on the shard channel.",
        )
        .args(&[
            Arg::new("shardchannel", ArgKind::String),
            Arg::new("message", ArgKind::String),
        ]);

fn spublish(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    publish_to(context, Kind::ShardChannel, args, reply)
}

const SSUBSCRIBE: CommandSpec =
    CommandSpec::session("SSUBSCRIBE", Arity::at_least(2), Group::PubSub, ssubscribe)
        .flags(SUBSCRIPTION)
        .keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
        .doc(
            "7.0.0",
            "O(N) where N is the number of shard channels to subscribe to.",
            "Listens for messages on shard channels.",
        )
        .args(&[Arg::new("shardchannel", ArgKind::String).multiple()]);

fn ssubscribe(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    // SUBSCRIBE is spared this for the sake of old clients (`transactions.md` 3.6).
    if context.session.in_exec {
        return Err(Error::Static(
            "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client",
        ));
    }
    subscribe_to(context, Kind::ShardChannel, args, reply)
}

const SUBSCRIBE: CommandSpec =
    CommandSpec::session("SUBSCRIBE", Arity::at_least(2), Group::PubSub, subscribe)
        .flags(SUBSCRIPTION.union(Flags::SENTINEL))
        .doc(
            "2.0.0",
            "O(N) where N is the number of channels to subscribe to.",
            "Listens for messages on channels.",
        )
        .args(&[Arg::new("channel", ArgKind::String).multiple()]);

fn subscribe(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    subscribe_to(context, Kind::Channel, args, reply)
}

const SUNSUBSCRIBE: CommandSpec = CommandSpec::session(
    "SUNSUBSCRIBE",
    Arity::at_least(1),
    Group::PubSub,
    sunsubscribe,
)
.flags(SUBSCRIPTION)
.keys(&[KeySpec::range(1, -1, 1, KeyFlags::NOT_KEY)])
.doc(
    "7.0.0",
    "O(N) where N is the number of shard channels to unsubscribe from.",
    "Ends subscriptions to shard channels: all of them, if none is named.",
)
.args(&[Arg::new("shardchannel", ArgKind::String)
    .optional()
    .multiple()]);

fn sunsubscribe(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    unsubscribe_from(context, Kind::ShardChannel, args, reply)
}

const UNSUBSCRIBE: CommandSpec = CommandSpec::session(
    "UNSUBSCRIBE",
    Arity::at_least(1),
    Group::PubSub,
    unsubscribe,
)
.flags(SUBSCRIPTION.union(Flags::SENTINEL))
.doc(
    "2.0.0",
    "O(N) where N is the number of channels to unsubscribe from.",
    "Ends subscriptions to channels: all of them, if none is named.",
)
.args(&[Arg::new("channel", ArgKind::String).optional().multiple()]);

fn unsubscribe(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    unsubscribe_from(context, Kind::Channel, args, reply)
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    PSUBSCRIBE,
    PUBLISH,
    PUBSUB,
    PUNSUBSCRIBE,
    SPUBLISH,
    SSUBSCRIBE,
    SUBSCRIBE,
    SUNSUBSCRIBE,
    UNSUBSCRIBE,
];
