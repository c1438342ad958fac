//! XINFO's view of consumer groups: XINFO GROUPS and CONSUMERS, and what XINFO STREAM ... FULL tells of groups.

use super::group::no_group;
use super::write_id;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::by_id::HasId;
use crate::types::stream::group::{Consumer, Group as ConsumerGroup};

const KEY: &[KeySpec] = &[KeySpec::at(2, members!(KeyFlags: RO | ACCESS))];

fn integer_or_null(value: Option<i64>, reply: &mut Reply<'_>) {
    match value {
        Some(value) => reply.integer(value),
        None => reply.null(),
    }
}

pub(super) const CONSUMERS: CommandSpec =
    CommandSpec::read("CONSUMERS", Arity::exactly(4), Group::Stream, consumers)
        .categories(Categories::STREAM)
        .keys(KEY)
        .doc("5.0.0", "O(1)", "Tells of the consumers of a group.")
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("group", ArgKind::String),
        ]);

fn consumers(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, name, now) = (args.key(2), args.get(3), view.now());
    let stream = view.object::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.groups().get(name);
    let group = group.ok_or_else(|| no_group(name, key.bytes))?;
    reply.array(group.consumer_count());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"pending");
        reply.count(consumer.pending().len());
        reply.bulk(b"idle");
        reply.integer(now.wrapping_sub(consumer.seen).max(0));
        reply.bulk(b"inactive");
        let inactive = consumer.active.map(|active| now.wrapping_sub(active));
        reply.integer(inactive.unwrap_or(-1));
    }
    Ok(())
}

pub(super) const GROUPS: CommandSpec =
    CommandSpec::read("GROUPS", Arity::exactly(3), Group::Stream, groups)
        .categories(Categories::STREAM)
        .keys(KEY)
        .doc("5.0.0", "O(1)", "Tells of the consumer groups of a stream.")
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn groups(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let stream = view.object::<Stream>(args.key(2))?;
    let stream = stream.ok_or(Error::NoSuchKey)?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        reply.bulk(b"consumers");
        reply.count(group.consumer_count());
        reply.bulk(b"pending");
        reply.count(group.pending().len());
        write_progress(stream, group, reply);
    }
    Ok(())
}

/// How far a group has read.
fn write_progress(stream: &Stream, group: &ConsumerGroup, reply: &mut Reply<'_>) {
    reply.bulk(b"last-delivered-id");
    write_id(group.last_id, reply);
    reply.bulk(b"entries-read");
    integer_or_null(group.entries_read, reply);
    reply.bulk(b"lag");
    integer_or_null(stream.lag(group), reply);
}

/// Writes all groups of a stream with their consumers, and of what is pending the first `most` of each. O(n).
pub(super) fn write_groups(stream: &Stream, most: usize, reply: &mut Reply<'_>) {
    reply.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        let pending = group.pending();
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        write_progress(stream, group, reply);
        reply.bulk(b"pel-count");
        reply.count(pending.len());
        reply.bulk(b"pending");
        reply.array(pending.len().min(most));
        for pending in pending.iter().take(most) {
            reply.array(4);
            write_id(pending.id(), reply);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(pending.time);
            reply.integer(pending.count as i64);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumer_count());
        for consumer in group.consumers() {
            write_consumer(group, consumer, most, reply);
        }
    }
}

fn write_consumer(group: &ConsumerGroup, consumer: &Consumer, most: usize, reply: &mut Reply<'_>) {
    let pending = consumer.pending();
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen);
    reply.bulk(b"active-time");
    reply.integer(consumer.active.unwrap_or(-1));
    reply.bulk(b"pel-count");
    reply.count(pending.len());
    reply.bulk(b"pending");
    reply.array(pending.len().min(most));
    let pending = pending.iter().filter_map(|id| group.pending().get(*id));
    for pending in pending.take(most) {
        reply.array(3);
        write_id(pending.id(), reply);
        reply.integer(pending.time);
        reply.integer(pending.count as i64);
    }
}
