//! XREADGROUP, which gives each entry to one consumer, and XACK.

use smallvec::SmallVec;

use super::group::CONSUMER_CREATED;
use super::read::ReadOptions;
use super::{INVALID_ID, strict_id, write_entry, write_id};
use crate::clock::Millis;
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandResult, CommandSpec, FindKeys, Flags,
    Group, KeyFlags, KeySpec, members,
};
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Want};
use crate::keyspace::{Db, Lookup, Object};
use crate::resp::{Args, Key, Reply};
use crate::types::Stream;
use crate::types::stream::group::{ConsumerId, Group as ConsumerGroup};
use crate::types::stream::{Log, StreamId};

pub(super) const XACK: CommandSpec =
    CommandSpec::write("XACK", Arity::at_least(4), Group::Stream, xack)
        .flags(Flags::FAST)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "5.0.0",
            "O(1) for each message ID processed.",
            "Acknowledges entries that were given to a consumer of a group.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("group", ArgKind::String),
            Arg::new("ID", ArgKind::String).multiple(),
        ]);

fn xack(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let acknowledge = |stream: &mut Stream| {
        let Some(group) = stream.groups_mut().get_mut(args.get(2)) else {
            return Ok((0, 0));
        };
        // All or nothing: every ID is read before the first is acknowledged.
        let ids = (3..args.len()).map(|index| strict_id(args, index, 0));
        let ids = ids.collect::<Result<SmallVec<[StreamId; 16]>, Error>>()?;
        let count = ids.iter().filter(|id| group.acknowledge(**id)).count();
        Ok((count, count as u64))
    };
    let count = db.tend_object(args.key(1), Lookup::Read, acknowledge)?;
    reply.count(count.unwrap_or(0));
    Ok(())
}

pub(super) const XREADGROUP: CommandSpec =
    CommandSpec::blocking("XREADGROUP", Arity::at_least(7), Group::Stream, xreadgroup)
        .categories(Categories::STREAM)
        .keys(&[KeySpec {
            begin: BeginSearch::Keyword("STREAMS", 4),
            find: FindKeys::Range {
                last: -1,
                step: 1,
                limit: 2,
            },
            flags: members!(KeyFlags: RO | ACCESS),
            notes: None,
        }])
        .doc(
            "5.0.0",
            "For each stream mentioned: O(M) with M being the number of elements returned. If M is constant (e.g. always asking for the first 10 elements with COUNT), you can consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) time in order to serve the N clients blocked on the stream getting new data.",
            "Gives a consumer of a group new entries, or those that are pending for it, and waits until there are some.",
        )
        .args(&[
            Arg::new(
                "group-block",
                ArgKind::Block(&[
                    Arg::new("group", ArgKind::String),
                    Arg::new("consumer", ArgKind::String),
                ]),
            )
            .token("GROUP"),
            Arg::new("count", ArgKind::Integer).token("COUNT").optional(),
            Arg::new("milliseconds", ArgKind::Integer)
                .token("BLOCK")
                .optional(),
            Arg::word("noack", "NOACK").optional(),
            Arg::new(
                "streams",
                ArgKind::Block(&[
                    Arg::new("key", ArgKind::Key(0)).multiple(),
                    Arg::new("ID", ArgKind::String).multiple(),
                ]),
            )
            .token("STREAMS"),
        ]);

/// The ID that stands for `>`: all that comes behind it was never given to anybody.
const NEW: StreamId = StreamId::MAX;

/// Who reads what.
struct Reader<'a> {
    group: &'a [u8],
    consumer: &'a [u8],
    options: ReadOptions,
    now: Millis,
}

impl Reader<'_> {
    /// The ID behind which entries of a stream are wanted.
    ///
    /// # Errors
    /// There is no such stream or group, or what was sent is no ID.
    fn check(&self, stream: Option<&Stream>, key: Key<'_>, sent: &[u8]) -> Result<StreamId, Error> {
        if stream.is_none_or(|stream| stream.groups().get(self.group).is_none()) {
            return Err(Error::quoting_two(
                "NOGROUP No such key '",
                key.bytes,
                "' or consumer group '",
                self.group,
                "' in XREADGROUP with GROUP option",
            ));
        }
        match sent {
            b">" => Ok(NEW),
            b"$" => Err(Error::Static(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return \
                 an empty result set.",
            )),
            b"+" => Err(Error::Static(
                "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this \
                 consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return \
                 an empty result set.",
            )),
            sent => StreamId::parse_strict(sent, 0).ok_or(INVALID_ID),
        }
    }

    /// Writes what the consumer gets of a stream, after `head`; nothing if there is nothing new.
    fn serve(
        &self,
        stream: &mut Stream,
        after: StreamId,
        head: impl FnOnce(&mut Reply<'_>),
        reply: &mut Reply<'_>,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let (log, groups) = stream.parts();
        let Some(group) = groups.get_mut(self.group) else {
            return outcome;
        };
        let consumer = match group.find_consumer(self.consumer) {
            Some(consumer) => consumer,
            None => {
                outcome.created = true;
                outcome.changes = 1;
                match group.add_consumer(self.consumer, self.now) {
                    Some(consumer) => consumer,
                    None => return outcome,
                }
            }
        };
        group.consumer_mut(consumer).seen = self.now;
        if after == NEW {
            if self.write_new(log, group, consumer, head, reply) {
                outcome.served = true;
                outcome.changes += 1;
            }
        } else {
            head(reply);
            outcome.served = true;
            self.write_pending(log, group, consumer, after, reply);
        }
        outcome
    }

    /// Gives the consumer what nobody has got, and writes it. False if there is nothing.
    #[inline]
    fn write_new(
        &self,
        log: &Log,
        group: &mut ConsumerGroup,
        consumer: ConsumerId,
        head: impl FnOnce(&mut Reply<'_>),
        reply: &mut Reply<'_>,
    ) -> bool {
        if log.last_id() <= group.last_id {
            return false;
        }
        let Some(from) = group.last_id.next() else {
            return false;
        };
        let mut entries = log
            .range(from, StreamId::MAX)
            .take(self.options.most)
            .peekable();
        if entries.peek().is_none() {
            return false;
        }
        head(reply);
        reply.guessed_array(self.options.most.min(log.len()), |reply| {
            let mut count = 0;
            for entry in entries {
                log.pass(group, entry.id);
                write_entry(&entry, reply);
                if !self.options.noack {
                    group.deliver(entry.id, consumer, self.now);
                }
                count += 1;
            }
            count
        });
        if !self.options.noack {
            group.consumer_mut(consumer).active = Some(self.now);
        }
        true
    }

    /// Writes what is pending for the consumer behind `after`, which counts as delivered once more.
    fn write_pending(
        &self,
        log: &Log,
        group: &mut ConsumerGroup,
        consumer: ConsumerId,
        after: StreamId,
        reply: &mut Reply<'_>,
    ) {
        let most = self.options.most;
        let guess = most.min(group.consumer(consumer).pending().len());
        reply.guessed_array(guess, |reply| {
            let mut count = 0;
            let from = after.next().unwrap_or(StreamId::MIN);
            group.visit_pending_of(consumer, from, |pending| {
                match log.get(pending.id) {
                    Some(entry) => {
                        write_entry(&entry, reply);
                        pending.time = self.now;
                        pending.count = pending.count.wrapping_add(1);
                    }
                    None => {
                        reply.array(2);
                        write_id(pending.id, reply);
                        reply.null_array();
                    }
                }
                count += 1;
                count < most
            });
            count
        });
    }
}

/// What reading a stream did.
#[derive(Default)]
struct Outcome {
    /// Whether something was written.
    served: bool,
    /// Whether the consumer is new.
    created: bool,
    changes: u64,
}

fn xreadgroup(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let options = ReadOptions::parse(args, db.access.now, true)?;
    let group = options.group.unwrap_or_default();
    let reader = Reader {
        group: args.get(group),
        consumer: args.get(group + 1),
        options,
        now: db.now(),
    };
    let served = if reader.options.keys.len() == 1 {
        read_one(db, args, &reader, reply)?
    } else {
        read_several(db, args, &reader, reply)?
    };
    if served {
        return Ok(Attempt::Done);
    }
    let Some(until) = reader.options.block else {
        reply.null_array();
        return Ok(Attempt::Done);
    };
    Ok(Attempt::Wait(Want {
        minds_loss: true,
        ..Want::new(Stream::KIND, reader.options.keys, until)
    }))
}

/// Reads one stream. False if there is nothing.
fn read_one(
    db: &mut Db<'_>,
    args: Args<'_>,
    reader: &Reader<'_>,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    let index = reader.options.keys.start;
    let key = args.key(index);
    let sent = reader.options.id(args, index);
    let stats = db.access.stats;
    let read = |stream: &mut Stream| {
        let after = reader.check(Some(stream), key, sent)?;
        // As in Redis, where it is looked up once to be checked and once to be read.
        stats.keyspace_hits.add(1);
        let head = |reply: &mut Reply<'_>| {
            reply.keyed(1);
            reply.keyed_value(key.bytes);
        };
        let outcome = reader.serve(stream, after, head, reply);
        let changes = outcome.changes;
        Ok((outcome, changes))
    };
    match db.tend_object(key, Lookup::Read, read)? {
        Some(outcome) => {
            tell(db, key, &outcome);
            Ok(outcome.served)
        }
        None => Err(reader.check(None, key, sent).err().unwrap_or(Error::Syntax)),
    }
}

/// Reads several streams, all of which are checked before the first is read. False if there is nothing.
fn read_several(
    db: &mut Db<'_>,
    args: Args<'_>,
    reader: &Reader<'_>,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    let mut wanted = SmallVec::<[(usize, StreamId); 4]>::new();
    for index in reader.options.keys.clone() {
        let key = args.key(index);
        if db.covers(key) {
            let stream = db.read(key).map(|entry| entry.object()).transpose()?;
            let sent = reader.options.id(args, index);
            wanted.push((index, reader.check(stream, key, sent)?));
        }
    }
    let mark = reply.mark();
    let mut count = 0;
    reply.deferred_keyed(|reply| {
        for (index, after) in wanted {
            let key = args.key(index);
            let head = |reply: &mut Reply<'_>| reply.keyed_value(key.bytes);
            let read = |stream: &mut Stream| {
                let outcome = reader.serve(stream, after, head, reply);
                let changes = outcome.changes;
                Ok((outcome, changes))
            };
            if let Some(outcome) = db.tend_object(key, Lookup::Read, read)? {
                tell(db, key, &outcome);
                count += usize::from(outcome.served);
            }
        }
        Ok::<_, Error>(count)
    })?;
    if count == 0 {
        reply.cut(mark);
    }
    Ok(count > 0)
}

fn tell(db: &mut Db<'_>, key: Key<'_>, outcome: &Outcome) {
    if outcome.created {
        db.notify(key, CONSUMER_CREATED);
    }
}
