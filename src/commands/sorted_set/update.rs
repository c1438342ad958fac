//! ZADD and ZINCRBY.

use smallvec::SmallVec;

use crate::commands::sorted_set::put;
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::error::Error;
use crate::keyspace::{Db, Missing};
use crate::resp::{Args, Key, Reply};
use crate::types::{Limits, SortedSet, number};

pub(super) const ZADD: CommandSpec = CommandSpec::write(
    "ZADD",
    Arity::at_least(4),
    Group::SortedSet,
    zadd,
)
.flags(members!(Flags: DENY_OOM | FAST))
.categories(Categories::SORTEDSET)
.keys(&[KeySpec::at(1, members!(KeyFlags: RW | UPDATE))])
.doc(
    "1.2.0",
    "O(log(N)) for each member, where N is the number of members of the sorted set.",
    "Adds members to a sorted set, or changes their scores; makes the key if it is missing.",
)
.args(&[
    Arg::new("key", ArgKind::Key(0)),
    Arg::new(
        "condition",
        ArgKind::OneOf(&[Arg::word("nx", "NX"), Arg::word("xx", "XX")]),
    )
    .optional()
    .since("3.0.2"),
    Arg::new(
        "comparison",
        ArgKind::OneOf(&[Arg::word("gt", "GT"), Arg::word("lt", "LT")]),
    )
    .optional()
    .since("6.2.0"),
    Arg::word("change", "CH").optional().since("3.0.2"),
    Arg::word("increment", "INCR").optional().since("3.0.2"),
    Arg::new(
        "data",
        ArgKind::Block(&[
            Arg::new("score", ArgKind::Double),
            Arg::new("member", ArgKind::String),
        ]),
    )
    .multiple(),
]);

fn zadd(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    add(db, args, Options::default(), reply)
}

pub(super) const ZINCRBY: CommandSpec =
    CommandSpec::write("ZINCRBY", Arity::exactly(4), Group::SortedSet, zincrby)
        .flags(members!(Flags: DENY_OOM | FAST))
        .categories(Categories::SORTEDSET)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RW | ACCESS | UPDATE))])
        .doc(
            "1.2.0",
            "O(log(N)) where N is the number of members of the sorted set.",
            "Adds to the score of a member, starting from 0 if the member is missing.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("increment", ArgKind::Integer),
            Arg::new("member", ArgKind::String),
        ]);

fn zincrby(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options {
        increment: true,
        ..Options::default()
    };
    add(db, args, options, reply)
}

fn add(db: &mut Db<'_>, args: Args<'_>, options: Options, reply: &mut Reply<'_>) -> CommandResult {
    let (options, first) = options.parse(args)?;
    // Every score is read before the first change: one bad score, and nothing is added.
    let scores = (first..args.len())
        .step_by(2)
        .map(|index| number::parse_f64(args.get(index)).ok_or(Error::NotFloat))
        .collect::<Result<SmallVec<[f64; 8]>, Error>>()?;
    let members = (first..args.len())
        .step_by(2)
        .map(|index| args.get(index + 1));
    add_all(
        db,
        args.key(1),
        options,
        scores.iter().copied().zip(members),
        reply,
    )
}

/// Adds members with scores that are not NaN, as ZADD does, and answers.
pub fn add_all<'a>(
    db: &mut Db<'_>,
    key: Key<'_>,
    options: Options,
    members: impl ExactSizeIterator<Item = (f64, &'a [u8])>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let limits = db.access.sorted_set_limits();
    let missing = if options.only_existing {
        Missing::Skip
    } else {
        Missing::Make
    };
    let event = if options.increment { "zincr" } else { "zadd" };
    let outcome = db.edit_object(key, missing, event, |set: &mut SortedSet| {
        set.expect(members.len(), limits);
        let mut outcome = Outcome::default();
        for (score, member) in members {
            outcome.count(add_one(set, member, score, options, limits)?);
        }
        Ok((outcome, outcome.added + outcome.moved))
    })?;
    outcome.unwrap_or_default().write(options, reply);
    Ok(())
}

/// The options of ZADD. ZINCRBY is a ZADD with INCR and without anything else.
#[derive(Clone, Copy, Default)]
pub struct Options {
    /// NX: members that are there keep their scores.
    pub only_new: bool,
    /// XX: nothing is added.
    pub only_existing: bool,
    only_greater: bool,
    only_less: bool,
    /// CH: changed scores are counted in the answer, too.
    pub count_changes: bool,
    increment: bool,
}

impl Options {
    /// Reads the options from argument 2 on. Returns where the first score is; members and scores
    /// come in pairs from there.
    fn parse(mut self, args: Args<'_>) -> Result<(Options, usize), Error> {
        let mut index = 2;
        while index < args.len() {
            let option = if args.is(index, "NX") {
                &mut self.only_new
            } else if args.is(index, "XX") {
                &mut self.only_existing
            } else if args.is(index, "CH") {
                &mut self.count_changes
            } else if args.is(index, "INCR") {
                &mut self.increment
            } else if args.is(index, "GT") {
                &mut self.only_greater
            } else if args.is(index, "LT") {
                &mut self.only_less
            } else {
                break;
            };
            *option = true;
            index += 1;
        }
        let left = args.len() - index;
        if left == 0 || !left.is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        self.check(left / 2)?;
        Ok((self, index))
    }

    fn check(self, pairs: usize) -> Result<(), Error> {
        if self.only_new && self.only_existing {
            return Err(Error::Static(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        let exclusive = [self.only_new, self.only_greater, self.only_less];
        if exclusive.into_iter().filter(|&set| set).count() > 1 {
            return Err(Error::Static(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.increment && pairs > 1 {
            return Err(Error::Static(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(())
    }

    /// Whether a member gets its score whatever it was.
    #[inline]
    fn is_plain(self) -> bool {
        !(self.only_new
            || self.only_existing
            || self.only_greater
            || self.only_less
            || self.increment)
    }
}

/// What became of one member.
enum Change {
    /// The options forbade it.
    None,
    /// It has the score that it had.
    Same(f64),
    Added(f64),
    Moved(f64),
}

fn add_one(
    set: &mut SortedSet,
    member: &[u8],
    score: f64,
    options: Options,
    limits: Limits,
) -> Result<Change, Error> {
    if options.is_plain() {
        return Ok(match put(set, member, score, limits) {
            None => Change::Added(score),
            Some(before) if before == score => Change::Same(score),
            Some(_) => Change::Moved(score),
        });
    }
    let Some(before) = set.score(member) else {
        if options.only_existing {
            return Ok(Change::None);
        }
        put(set, member, score, limits);
        return Ok(Change::Added(score));
    };
    if options.only_new {
        return Ok(Change::None);
    }
    let score = if options.increment {
        before + score
    } else {
        score
    };
    if score.is_nan() {
        return Err(Error::Static("ERR resulting score is not a number (NaN)"));
    }
    if options.only_less && score >= before || options.only_greater && score <= before {
        return Ok(Change::None);
    }
    if score == before {
        return Ok(Change::Same(score));
    }
    put(set, member, score, limits);
    Ok(Change::Moved(score))
}

/// What became of all members.
#[derive(Clone, Copy, Default)]
struct Outcome {
    added: u64,
    moved: u64,
    /// The score of the last member that the options let pass.
    score: Option<f64>,
}

impl Outcome {
    fn count(&mut self, change: Change) {
        match change {
            Change::None => {}
            Change::Same(score) => self.score = Some(score),
            Change::Added(score) => {
                self.added += 1;
                self.score = Some(score);
            }
            Change::Moved(score) => {
                self.moved += 1;
                self.score = Some(score);
            }
        }
    }

    fn write(self, options: Options, reply: &mut Reply<'_>) {
        let changed = if options.count_changes { self.moved } else { 0 };
        match self.score {
            _ if !options.increment => reply.integer((self.added + changed) as i64),
            Some(score) => reply.score(score),
            None => reply.null(),
        }
    }
}
