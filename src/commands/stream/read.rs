//! XREAD: what comes behind given IDs of several streams, and a wait until there is something.

use std::ops::Range;

use smallvec::SmallVec;

use super::{INVALID_ID, write_entries};
use crate::clock::Micros;
use crate::commands::spec::{
    Arg, ArgKind, Arity, BeginSearch, Categories, CommandSpec, FindKeys, Group, KeyFlags, KeySpec,
    members,
};
use crate::commands::timeout;
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, Want};
use crate::keyspace::{Db, Object, View};
use crate::resp::{Args, Key, Reply};
use crate::types::Stream;
use crate::types::stream::StreamId;

/// What XREAD and XREADGROUP are told.
#[derive(Debug)]
pub struct ReadOptions {
    /// Until when to wait if there is nothing, in Unix microseconds or for ever; `None`: not at all.
    pub block: Option<Option<i64>>,
    /// How many entries of each stream at most.
    pub most: usize,
    /// Where the group's name is; the consumer's is next.
    pub group: Option<usize>,
    /// Whether what is read counts as acknowledged.
    pub noack: bool,
    /// The arguments that are the keys.
    pub keys: Range<usize>,
}

impl ReadOptions {
    /// Reads all arguments but the IDs, of XREADGROUP or of XREAD.
    ///
    /// # Errors
    /// A bad number or timeout, an option of the other command, a syntax error, not as many IDs as keys.
    pub fn parse(args: Args<'_>, now: Micros, with_group: bool) -> Result<Self, Error> {
        let mut options = ReadOptions {
            block: None,
            most: usize::MAX,
            group: None,
            noack: false,
            keys: 0..0,
        };
        let mut at = 1;
        while at < args.len() {
            let more = args.len() - at - 1;
            if more > 0 && args.is(at, "BLOCK") {
                options.block = Some(timeout::milliseconds(args.get(at + 1), now)?);
                at += 2;
            } else if more > 0 && args.is(at, "COUNT") {
                options.most = most_entries(args.integer(at + 1)?);
                at += 2;
            } else if more > 0 && args.is(at, "STREAMS") {
                if !more.is_multiple_of(2) {
                    return Err(Error::Static(if with_group {
                        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
                    } else {
                        "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified."
                    }));
                }
                options.keys = at + 1..at + 1 + more / 2;
                break;
            } else if more > 1 && args.is(at, "GROUP") {
                only_with_group(
                    with_group,
                    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
                )?;
                options.group = Some(at + 1);
                at += 3;
            } else if args.is(at, "NOACK") {
                only_with_group(
                    with_group,
                    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
                )?;
                options.noack = true;
                at += 1;
            } else {
                return Err(Error::Syntax);
            }
        }
        if options.keys.is_empty() {
            return Err(Error::Syntax);
        }
        if with_group && options.group.is_none() {
            return Err(Error::Static("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }

    /// The ID for the key that is argument `index`, as it was sent.
    pub fn id<'a>(&self, args: Args<'a>, index: usize) -> &'a [u8] {
        args.get(index + self.keys.len())
    }
}

/// No entries at all, or less, are as many as there are.
fn most_entries(count: i64) -> usize {
    match usize::try_from(count) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(count) => count,
    }
}

fn only_with_group(with_group: bool, error: &'static str) -> Result<(), Error> {
    match with_group {
        true => Ok(()),
        false => Err(Error::Static(error)),
    }
}

pub(super) const XREAD: CommandSpec =
    CommandSpec::blocking_read("XREAD", Arity::at_least(4), Group::Stream, xread)
        .categories(Categories::STREAM)
        .keys(&[KeySpec {
            begin: BeginSearch::Keyword("STREAMS", 1),
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
            "O(log(N)+M) for each stream, with N being the number of its entries, and M the number of those returned.",
            "Returns the entries behind given IDs of several streams, and waits until there are some.",
        )
        .args(&[
            Arg::new("count", ArgKind::Integer).token("COUNT").optional(),
            Arg::new("milliseconds", ArgKind::Integer).token("BLOCK").optional(),
            Arg::new(
                "streams",
                ArgKind::Block(&[
                    Arg::new("key", ArgKind::Key(0)).multiple(),
                    Arg::new("ID", ArgKind::String).multiple(),
                ]),
            )
            .token("STREAMS"),
        ]);

fn xread(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Attempt, Error> {
    let options = ReadOptions::parse(args, db.access.now, false)?;
    // Of the keys whose shards are not locked, none came in this batch.
    let covered: SmallVec<[usize; 4]> = options
        .keys
        .clone()
        .filter(|&index| db.covers(args.key(index)))
        .collect();
    let Found { ready, rewritten } = db.look_up(|view| find(view, args, &options, &covered))?;
    if !ready.is_empty() {
        reply.keyed(ready.len());
        let view = db.view();
        for (index, after) in ready {
            write_after(&view, args.key(index), after, options.most, reply)?;
        }
        return Ok(Attempt::Done);
    }
    let Some(until) = options.block else {
        reply.null_array();
        return Ok(Attempt::Done);
    };
    Ok(Attempt::Wait(Want {
        rewritten,
        ..Want::new(Stream::KIND, options.keys, until)
    }))
}

/// What XREAD finds.
struct Found {
    /// The arguments that are keys of streams with entries behind an ID, and that ID.
    ready: SmallVec<[(usize, StreamId); 4]>,
    /// IDs in place of `$`.
    rewritten: Vec<(usize, Box<[u8]>)>,
}

fn find(
    view: &View<'_>,
    args: Args<'_>,
    options: &ReadOptions,
    covered: &[usize],
) -> Result<Found, Error> {
    let mut found = Found {
        ready: SmallVec::new(),
        rewritten: Vec::new(),
    };
    for &index in covered {
        let sent = options.id(args, index);
        let after = behind(view.object::<Stream>(args.key(index))?, sent)?;
        if sent == b"$" && options.block.is_some() {
            let place = index + options.keys.len();
            found.rewritten.push((place, after.text().bytes().into()));
        }
        found.ready.push((index, after));
    }
    // As Redis does, which shows in the statistics: all keys are looked up once more.
    found.ready.retain(|(index, after)| {
        let stream = view.object::<Stream>(args.key(*index));
        stream.is_ok_and(|stream| stream.is_some_and(|stream| has_entries(stream, *after)))
    });
    Ok(found)
}

/// The ID behind which entries are wanted.
fn behind(stream: Option<&Stream>, sent: &[u8]) -> Result<StreamId, Error> {
    let last = stream.map(|stream| stream.last_id());
    match sent {
        b"$" => Ok(last.unwrap_or_default()),
        b"+" => match last {
            None => Ok(StreamId::MIN),
            // As in 7.4.1, nothing is found if the last entry was deleted.
            Some(last) => last
                .prev()
                .ok_or(Error::Static("ERR the stream last element ID is 0-0")),
        },
        b">" => Err(Error::Static(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => StreamId::parse_strict(sent, 0).ok_or(INVALID_ID),
    }
}

fn has_entries(stream: &Stream, after: StreamId) -> bool {
    let first = after.next();
    first.is_some_and(|first| stream.range(first, StreamId::MAX).next().is_some())
}

fn write_after(
    view: &View<'_>,
    key: Key<'_>,
    after: StreamId,
    most: usize,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let entry = view.peek(key);
    let stream: Option<&Stream> = entry.map(|entry| entry.object()).transpose()?;
    if let (Some(stream), Some(first)) = (stream, after.next()) {
        let guess = if after < stream.first_id() {
            most.min(stream.len())
        } else {
            1
        };
        reply.keyed_value(key.bytes);
        write_entries(stream.range(first, StreamId::MAX), most, guess, reply);
    }
    Ok(())
}
