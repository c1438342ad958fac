//! XCLAIM and XAUTOCLAIM: what is pending for one consumer of a group goes to another.

use smallvec::SmallVec;

use super::group::CONSUMER_CREATED;
use super::pending::no_key_or_group;
use super::range::start;
use super::{strict_id, write_entry, write_id};
use crate::clock::Millis;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Lookup};
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::number;
use crate::types::stream::group::{ConsumerId, Group as ConsumerGroup, Pending};
use crate::types::stream::{Log, StreamId};

/// Pending entries that XAUTOCLAIM looks at for each that it may claim (as in Redis).
const ATTEMPTS: usize = 10;

/// Argument `index` as an integer; what else it is, is an error of its own.
fn integer(args: Args<'_>, index: usize, error: &'static str) -> Result<i64, Error> {
    number::parse_i64(args.get(index)).ok_or(Error::Static(error))
}

/// The consumer that claims, who is made if there is none, and whether it is.
fn claimer(group: &mut ConsumerGroup, name: &[u8], now: Millis) -> (Option<ConsumerId>, bool) {
    let found = group.find_consumer(name);
    let consumer = found.or_else(|| group.add_consumer(name, now));
    if let Some(consumer) = consumer {
        group.consumer_mut(consumer).seen = now;
    }
    (consumer, found.is_none())
}

/// What claiming does to an entry.
struct Claim {
    consumer: ConsumerId,
    idle: i64,
    now: Millis,
    /// What is noted as the time of delivery.
    time: Millis,
    /// What is noted as the number of deliveries; `None`: one more.
    count: Option<u64>,
    just_id: bool,
}

/// What became of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claimed {
    /// It has been delivered not long enough ago, or is not pending.
    Not,
    /// It is the consumer's, and was written.
    Now,
    /// It is deleted, and no longer pending.
    Deleted,
}

impl Claim {
    /// Claims an entry that may be pending. O(log n).
    fn claim(
        &self,
        log: &Log,
        group: &mut ConsumerGroup,
        id: StreamId,
        force: bool,
        reply: &mut Reply<'_>,
    ) -> Claimed {
        let Some(entry) = log.get(id) else {
            return match group.acknowledge(id) {
                true => Claimed::Deleted,
                false => Claimed::Not,
            };
        };
        let count = |before: u64| match self.count {
            Some(count) => count,
            None if self.just_id => before,
            None => before.wrapping_add(1),
        };
        match group.pending().get(id).copied() {
            Some(pending) => {
                if self.idle > 0 && self.now.wrapping_sub(pending.time) < self.idle {
                    return Claimed::Not;
                }
                group.assign(id, self.consumer, |pending| {
                    pending.time = self.time;
                    pending.count = count(pending.count);
                });
            }
            None if force => {
                group.put(Pending {
                    id,
                    time: self.time,
                    count: count(1),
                    consumer: self.consumer,
                });
            }
            None => return Claimed::Not,
        }
        group.consumer_mut(self.consumer).active = Some(self.now);
        if self.just_id {
            write_id(id, reply);
        } else {
            write_entry(&entry, reply);
        }
        Claimed::Now
    }
}

pub(super) const XCLAIM: CommandSpec =
    CommandSpec::write("XCLAIM", Arity::at_least(6), Group::Stream, xclaim)
        .flags(Flags::FAST)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "5.0.0",
            "O(log N) with N being the number of messages in the PEL of the consumer group.",
            "Gives entries that are pending in a group to another of its consumers.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("group", ArgKind::String),
            Arg::new("consumer", ArgKind::String),
            Arg::new("min-idle-time", ArgKind::String),
            Arg::new("ID", ArgKind::String).multiple(),
            Arg::new("ms", ArgKind::Integer).token("IDLE").optional(),
            Arg::new("unix-time-milliseconds", ArgKind::UnixTime)
                .token("TIME")
                .optional(),
            Arg::new("count", ArgKind::Integer)
                .token("RETRYCOUNT")
                .optional(),
            Arg::word("force", "FORCE").optional(),
            Arg::word("justid", "JUSTID").optional(),
            Arg::new("lastid", ArgKind::String)
                .token("LASTID")
                .optional(),
        ]);

/// What XCLAIM is told.
struct ClaimOptions {
    idle: i64,
    ids: SmallVec<[StreamId; 8]>,
    time: Millis,
    count: Option<u64>,
    force: bool,
    just_id: bool,
    last_id: StreamId,
}

impl ClaimOptions {
    fn parse(args: Args<'_>, now: Millis) -> Result<Self, Error> {
        let idle = "ERR Invalid min-idle-time argument for XCLAIM";
        let idle = integer(args, 4, idle)?.max(0);
        let ids = (5..args.len()).map_while(|index| strict_id(args, index, 0).ok());
        let ids = ids.collect::<SmallVec<[StreamId; 8]>>();
        let mut at = 5 + ids.len();
        let mut options = ClaimOptions {
            idle,
            ids,
            time: now,
            count: None,
            force: false,
            just_id: false,
            last_id: StreamId::MIN,
        };
        while at < args.len() {
            let has_value = at + 1 < args.len();
            if args.is(at, "FORCE") {
                options.force = true;
            } else if args.is(at, "JUSTID") {
                options.just_id = true;
            } else if has_value {
                options.parse_pair(args, at, now)?;
                at += 1;
            } else {
                return Err(unrecognized(args.get(at)));
            }
            at += 1;
        }
        // What lies ahead, or before 1970, is a mistake of the client's clock.
        if !(0..=now).contains(&options.time) {
            options.time = now;
        }
        Ok(options)
    }

    fn parse_pair(&mut self, args: Args<'_>, at: usize, now: Millis) -> Result<(), Error> {
        let value = at + 1;
        if args.is(at, "IDLE") {
            let error = "ERR Invalid IDLE option argument for XCLAIM";
            self.time = now.wrapping_sub(integer(args, value, error)?);
        } else if args.is(at, "TIME") {
            self.time = integer(args, value, "ERR Invalid TIME option argument for XCLAIM")?;
        } else if args.is(at, "RETRYCOUNT") {
            let error = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
            self.count = u64::try_from(integer(args, value, error)?).ok();
        } else if args.is(at, "LASTID") {
            self.last_id = strict_id(args, value, 0)?;
        } else {
            return Err(unrecognized(args.get(at)));
        }
        Ok(())
    }
}

fn unrecognized(option: &[u8]) -> Error {
    Error::quoting("ERR Unrecognized XCLAIM option '", option, "'")
}

fn xclaim(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, now) = (args.key(1), db.now());
    let missing = || no_key_or_group(key.bytes, args.get(2));
    let claim = |stream: &mut Stream| {
        let (log, groups) = stream.parts();
        let group = groups.get_mut(args.get(2)).ok_or_else(missing)?;
        let options = ClaimOptions::parse(args, now)?;
        let mut moved = options.last_id > group.last_id;
        group.last_id = group.last_id.max(options.last_id);
        let (consumer, created) = claimer(group, args.get(3), now);
        let mut changes = u64::from(created);
        let Some(consumer) = consumer else {
            return Ok((created, changes));
        };
        let claim = Claim {
            consumer,
            idle: options.idle,
            now,
            time: options.time,
            count: options.count,
            just_id: options.just_id,
        };
        reply.guessed_array(options.ids.len(), |reply| {
            let mut count = 0;
            for id in &options.ids {
                let claimed = claim.claim(log, group, *id, options.force, reply);
                count += usize::from(claimed == Claimed::Now);
                if claimed != Claimed::Not {
                    changes += 1;
                    // As in Redis, the group's move belongs to the first of them.
                    moved = false;
                }
            }
            count
        });
        Ok((created, changes + u64::from(moved)))
    };
    let created = db.tend_object(key, Lookup::Read, claim)?;
    if created.ok_or_else(missing)? {
        db.notify(key, CONSUMER_CREATED);
    }
    Ok(())
}

pub(super) const XAUTOCLAIM: CommandSpec =
    CommandSpec::write("XAUTOCLAIM", Arity::at_least(6), Group::Stream, xautoclaim)
        .flags(Flags::FAST)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | DELETE))])
        .doc(
            "6.2.0",
            "O(1) if COUNT is small.",
            "Gives entries that have been pending in a group for long to another of its consumers.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("group", ArgKind::String),
            Arg::new("consumer", ArgKind::String),
            Arg::new("min-idle-time", ArgKind::String),
            Arg::new("start", ArgKind::String),
            Arg::new("count", ArgKind::Integer)
                .token("COUNT")
                .optional(),
            Arg::word("justid", "JUSTID").optional(),
        ]);

/// What XAUTOCLAIM is told.
struct AutoOptions {
    idle: i64,
    from: StreamId,
    most: usize,
    just_id: bool,
}

impl AutoOptions {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let idle = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
        let mut options = AutoOptions {
            idle: integer(args, 4, idle)?.max(0),
            from: start(args, 5)?,
            most: 100,
            just_id: false,
        };
        let mut at = 6;
        while at < args.len() {
            if at + 1 < args.len() && args.is(at, "COUNT") {
                let most = i64::MAX / 16;
                let count = number::parse_i64(args.get(at + 1));
                let count = count.filter(|count| (1..=most).contains(count));
                let count = count.ok_or(Error::Static("ERR COUNT must be > 0"))?;
                options.most = count as usize;
                at += 2;
            } else if args.is(at, "JUSTID") {
                options.just_id = true;
                at += 1;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }
}

fn xautoclaim(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (key, now) = (args.key(1), db.now());
    let missing = || no_key_or_group(key.bytes, args.get(2));
    let options = match AutoOptions::parse(args) {
        Ok(options) => options,
        Err(error) => {
            // As in Redis, the key is looked up before anything else, which shows in the statistics.
            db.read(key);
            return Err(error);
        }
    };
    let claim = |stream: &mut Stream| {
        let (log, groups) = stream.parts();
        let group = groups.get_mut(args.get(2)).ok_or_else(missing)?;
        let (consumer, created) = claimer(group, args.get(3), now);
        let mut changes = u64::from(created);
        if let Some(consumer) = consumer {
            let claim = Claim {
                consumer,
                idle: options.idle,
                now,
                time: now,
                count: None,
                just_id: options.just_id,
            };
            changes += write_claimed(&claim, log, group, &options, reply);
        }
        Ok((created, changes))
    };
    let created = db.tend_object(key, Lookup::Read, claim)?;
    if created.ok_or_else(missing)? {
        db.notify(key, CONSUMER_CREATED);
    }
    Ok(())
}

/// Claims what is pending from an ID on and writes it, between the ID to go on from and the IDs of what is
/// deleted. Returns how many entries that changed.
fn write_claimed(
    claim: &Claim,
    log: &Log,
    group: &mut ConsumerGroup,
    options: &AutoOptions,
    reply: &mut Reply<'_>,
) -> u64 {
    reply.array(3);
    let mark = reply.mark();
    let mut deleted = Vec::new();
    let mut next = group.pending().iter_from(options.from).next().copied();
    let mut claimed = 0;
    reply.guessed_array(options.most.min(group.pending().len()), |reply| {
        let mut attempts = options.most.saturating_mul(ATTEMPTS);
        while let Some(pending) = next
            && attempts > 0
            && claimed + deleted.len() < options.most
        {
            attempts -= 1;
            let id = pending.id;
            match claim.claim(log, group, id, false, reply) {
                Claimed::Now => claimed += 1,
                Claimed::Deleted => deleted.push(id),
                Claimed::Not => {}
            }
            let following = id.next();
            next = following.and_then(|id| group.pending().iter_from(id).next().copied());
        }
        claimed
    });
    let mut cursor = Vec::new();
    let id = next.map_or(StreamId::MIN, |pending| pending.id);
    write_id(id, &mut Reply::new(&mut cursor, reply.protocol()));
    reply.insert(mark, &cursor);
    reply.array(deleted.len());
    deleted.iter().for_each(|id| write_id(*id, reply));
    (claimed + deleted.len()) as u64
}
