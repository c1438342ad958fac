//! XPENDING: what was given to consumers of a group and is not acknowledged.

use super::range::{end, start};
use super::write_id;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::StreamId;
use crate::types::stream::by_id::HasId;
use crate::types::stream::group::{Group as ConsumerGroup, Pending};

pub(super) const XPENDING: CommandSpec =
    CommandSpec::read("XPENDING", Arity::at_least(3), Group::Stream, xpending)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "5.0.0",
            "O(N) with N being the number of elements returned, so asking for a small fixed number of entries per call is O(1). O(M), where M is the total number of entries scanned when used with the IDLE filter. When the command returns just the summary and the list of consumers is small, it runs in O(1) time; otherwise, an additional O(N) time for iterating every consumer.",
            "Tells what is pending for the consumers of a group.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("group", ArgKind::String),
            Arg::new(
                "filters",
                ArgKind::Block(&[
                    Arg::new("min-idle-time", ArgKind::Integer)
                        .token("IDLE")
                        .optional()
                        .since("6.2.0"),
                    Arg::new("start", ArgKind::String),
                    Arg::new("end", ArgKind::String),
                    Arg::new("count", ArgKind::Integer),
                    Arg::new("consumer", ArgKind::String).optional(),
                ]),
            )
            .optional(),
        ]);

/// Which pending entries are asked for.
struct Filter<'a> {
    idle: i64,
    from: StreamId,
    to: StreamId,
    most: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let (mut idle, mut at) = (0, 3);
        if args.is(3, "IDLE") {
            idle = args.integer(4)?;
            if args.len() < 8 {
                return Err(Error::Syntax);
            }
            at = 5;
        }
        let most = args.integer(at + 2)?;
        Ok(Filter {
            idle,
            most: usize::try_from(most).unwrap_or(0),
            from: start(args, at)?,
            to: end(args, at + 1)?,
            // As in Redis, what follows it is not looked at.
            consumer: args.try_get(at + 3),
        })
    }

    fn has(&self, pending: &Pending, now: i64) -> bool {
        self.idle == 0 || now.wrapping_sub(pending.time) >= self.idle
    }
}

fn xpending(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let filter = match args.len() {
        3 => None,
        6..=9 => Some(Filter::parse(args)?),
        _ => return Err(Error::Syntax),
    };
    let (key, name) = (args.key(1), args.get(2));
    let stream = view.object::<Stream>(key)?;
    let group = stream.and_then(|stream| stream.groups().get(name));
    let group = group.ok_or_else(|| no_key_or_group(key.bytes, name))?;
    match filter {
        None => write_summary(group, reply),
        Some(filter) => write_filtered(group, &filter, view.now(), reply),
    }
    Ok(())
}

/// That there is no such key, or no such group of it (in XPENDING, XCLAIM and XAUTOCLAIM).
pub(super) fn no_key_or_group(key: &[u8], group: &[u8]) -> Error {
    let between = "' or consumer group '";
    Error::quoting_two("NOGROUP No such key '", key, between, group, "'")
}

fn write_summary(group: &ConsumerGroup, reply: &mut Reply<'_>) {
    let pending = group.pending();
    reply.array(4);
    reply.count(pending.len());
    let (Some(first), Some(last)) = (pending.first(), pending.last()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    write_id(first.id(), reply);
    write_id(last.id(), reply);
    reply.guessed_array(group.consumer_count(), |reply| {
        let mut count = 0;
        for consumer in group.consumers() {
            let pending = consumer.pending();
            if !pending.is_empty() {
                reply.array(2);
                reply.bulk(consumer.name());
                reply.bulk_integer(pending.len() as i64);
                count += 1;
            }
        }
        count
    });
}

fn write_filtered(group: &ConsumerGroup, filter: &Filter<'_>, now: i64, reply: &mut Reply<'_>) {
    match filter.consumer.map(|name| group.find_consumer(name)) {
        None => {
            let pending = group.pending().iter_from(filter.from);
            write_pending(group, pending, filter, now, reply);
        }
        Some(Some(consumer)) => {
            let pending = group.pending_of(consumer, filter.from);
            write_pending(group, pending, filter, now, reply);
        }
        Some(None) => reply.array(0),
    }
}

fn write_pending<'a>(
    group: &ConsumerGroup,
    pending: impl Iterator<Item = &'a Pending>,
    filter: &Filter<'_>,
    now: i64,
    reply: &mut Reply<'_>,
) {
    let pending = pending
        .take_while(|pending| pending.id() <= filter.to)
        .filter(|pending| filter.has(pending, now))
        .take(filter.most);
    reply.guessed_array(filter.most.min(group.pending().len()), |reply| {
        let mut count = 0;
        for pending in pending {
            reply.array(4);
            write_id(pending.id(), reply);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(now.wrapping_sub(pending.time).max(0));
            reply.integer(pending.count as i64);
            count += 1;
        }
        count
    });
}
