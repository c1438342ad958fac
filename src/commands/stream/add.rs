//! XADD, and the trimming that it shares with XTRIM.

use super::{INVALID_ID, KEY, strict_id, write_id};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::config::Config;
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Reply};
use crate::types::Stream;
use crate::types::stream::{AppendError, Keep, NewId, StreamId, Trim};

const TRIM: Arg = Arg::new(
    "trim",
    ArgKind::Block(&[
        Arg::new(
            "strategy",
            ArgKind::OneOf(&[
                Arg::word("maxlen", "MAXLEN"),
                Arg::word("minid", "MINID").since("6.2.0"),
            ]),
        ),
        Arg::new(
            "operator",
            ArgKind::OneOf(&[Arg::word("equal", "="), Arg::word("approximately", "~")]),
        )
        .optional(),
        Arg::new("threshold", ArgKind::String),
        Arg::new("count", ArgKind::Integer)
            .token("LIMIT")
            .optional()
            .since("6.2.0"),
    ]),
);

/// What XADD and XTRIM are told before the ID.
struct Options {
    trim: Option<Trim>,
    make: Missing,
    /// Of XADD alone.
    id: NewId,
    /// Where the ID is, or how many arguments there are.
    at: usize,
}

/// Entries that trimming with `~` removes at most if it is not told, for which chunks have no limit.
const DEFAULT_LIMIT: u64 = 10_000;
const HIGHEST_DEFAULT_LIMIT: u64 = 1_000_000;

fn default_limit(config: &Config) -> u64 {
    // Redis multiplies as C does, where what wraps around may come out below 0.
    match config.stream_node_max_entries().wrapping_mul(100) as i64 {
        ..=0 => DEFAULT_LIMIT,
        limit => (limit as u64).min(HIGHEST_DEFAULT_LIMIT),
    }
}

impl Options {
    /// Reads the arguments from 2 on.
    fn parse(args: Args<'_>, config: &Config, xadd: bool) -> Result<Options, Error> {
        let mut options = Options {
            trim: None,
            make: Missing::Make,
            id: NewId::Auto,
            at: 2,
        };
        let mut limit = None;
        while options.at < args.len() {
            let at = options.at;
            let more = args.len() - at - 1;
            if xadd && args.get(at) == b"*" {
                break;
            } else if more > 0 && (args.is(at, "MAXLEN") || args.is(at, "MINID")) {
                options.parse_trim(args, more)?;
            } else if more > 0 && args.is(at, "LIMIT") {
                limit = Some(not_negative(
                    args,
                    at + 1,
                    "ERR The LIMIT argument must be >= 0.",
                )?);
                options.at += 1;
            } else if xadd && args.is(at, "NOMKSTREAM") {
                options.make = Missing::Skip;
            } else if xadd {
                options.id = NewId::parse(args.get(at)).ok_or(INVALID_ID)?;
                break;
            } else {
                return Err(Error::Syntax);
            }
            options.at += 1;
        }
        if limit.is_some_and(|limit| limit > 0) && options.trim.is_none() {
            return Err(Error::Static(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        if !xadd && options.trim.is_none() {
            return Err(Error::Static(
                "ERR syntax error, XTRIM must be called with a trimming strategy",
            ));
        }
        let approximate = options.trim.is_some_and(|trim| trim.approximate);
        if limit.is_some() && !approximate {
            return Err(Error::Static(
                "ERR syntax error, LIMIT cannot be used without the special ~ option",
            ));
        }
        if let Some(trim) = options.trim.as_mut().filter(|trim| trim.approximate) {
            trim.limit = limit.unwrap_or_else(|| default_limit(config));
        }
        Ok(options)
    }

    /// Reads MAXLEN or MINID, behind which there are `more` arguments, up to its last argument.
    fn parse_trim(&mut self, args: Args<'_>, more: usize) -> Result<(), Error> {
        if self.trim.is_some() {
            return Err(Error::Static(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let operator = if more >= 2 {
            args.get(self.at + 1)
        } else {
            b""
        };
        let value = self.at + 1 + usize::from(matches!(operator, b"~" | b"="));
        let keep = if args.is(self.at, "MAXLEN") {
            let text = "ERR The MAXLEN argument must be >= 0.";
            Keep::Newest(not_negative(args, value, text)?)
        } else {
            Keep::From(strict_id(args, value, 0)?)
        };
        self.trim = Some(Trim {
            keep,
            approximate: operator == b"~",
            limit: 0,
        });
        self.at = value;
        Ok(())
    }
}

fn not_negative(args: Args<'_>, index: usize, text: &'static str) -> Result<u64, Error> {
    u64::try_from(args.integer(index)?).map_err(|_| Error::Static(text))
}

pub(super) const XADD: CommandSpec =
    CommandSpec::write("XADD", Arity::at_least(5), Group::Stream, xadd)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
        .doc(
            "5.0.0",
            "O(1) for the entry, and O(N) where N is the number of entries that trimming removes.",
            "Appends an entry to a stream, which is made if there is none.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[
            KEY,
            Arg::word("nomkstream", "NOMKSTREAM")
                .optional()
                .since("6.2.0"),
            TRIM.optional(),
            Arg::new(
                "id-selector",
                ArgKind::OneOf(&[Arg::word("auto-id", "*"), Arg::new("id", ArgKind::String)]),
            ),
            Arg::new(
                "data",
                ArgKind::Block(&[
                    Arg::new("field", ArgKind::String),
                    Arg::new("value", ArgKind::String),
                ]),
            )
            .multiple(),
        ]);

fn xadd(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, db.access.config, true)?;
    let first = options.at + 1;
    let texts = args.len().saturating_sub(first);
    if texts < 2 || texts % 2 == 1 {
        return Err(Error::WrongArity("xadd"));
    }
    if options.id == NewId::Given(StreamId::MIN) {
        return Err(Error::Static(
            "ERR The ID specified in XADD must be greater than 0-0",
        ));
    }
    let (key, now, limits) = (args.key(1), db.now() as u64, db.access.stream_limits());
    let pairs =
        (0..texts / 2).map(|nth| (args.get(first + 2 * nth), args.get(first + 2 * nth + 1)));
    let added = db.edit_object(key, options.make, "xadd", |stream: &mut Stream| {
        if stream.last_id() == StreamId::MAX {
            return Err(Error::Static(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = stream
            .append(options.id, now, pairs, limits)
            .map_err(refusal)?;
        let trimmed = options.trim.map_or(0, |trim| stream.trim(trim));
        Ok(((id, trimmed), 1))
    })?;
    let Some((id, trimmed)) = added else {
        reply.null();
        return Ok(());
    };
    if trimmed > 0 {
        db.notify(key, "xtrim");
    }
    db.stream_changed(key);
    write_id(id, reply);
    Ok(())
}

fn refusal(error: AppendError) -> Error {
    Error::Static(match error {
        AppendError::NotHigher => {
            "ERR The ID specified in XADD is equal or smaller than the target stream top item"
        }
        AppendError::TooLarge => "ERR Elements are too large to be stored",
    })
}

pub(super) const XTRIM: CommandSpec =
    CommandSpec::write("XTRIM", Arity::at_least(4), Group::Stream, xtrim)
        .categories(Categories::STREAM)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | DELETE))])
        .doc(
            "5.0.0",
            "O(N) where N is the number of entries that are removed.",
            "Removes the oldest entries of a stream, beyond a length or before an ID.",
        )
        .tips(&["nondeterministic_output"])
        .args(&[KEY, TRIM]);

fn xtrim(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args, db.access.config, false)?;
    let removed = db.edit_object(
        args.key(1),
        Missing::Skip,
        "xtrim",
        |stream: &mut Stream| {
            let removed = options.trim.map_or(0, |trim| stream.trim(trim));
            Ok((removed, removed))
        },
    )?;
    reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
