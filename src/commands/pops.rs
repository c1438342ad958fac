//! What pops share whatever they pop from: the arguments of those that take several keys, and the wait of those that
//! block.

use std::ops::Range;

use crate::commands::spec::{Arg, ArgKind, FindKeys};
use crate::error::Error;
use crate::keyspace::Db;
use crate::keyspace::blocked::{Attempt, Want};
use crate::resp::{Args, Key};
use crate::types::number;

/// How the keys of LMPOP, ZMPOP and their blocking forms are counted.
pub const KEY_NUMBER: FindKeys = FindKeys::KeyNum {
    index: 0,
    first: 1,
    step: 1,
};
/// The number of keys.
pub const NUMKEYS: Arg = Arg::new("numkeys", ArgKind::Integer);
/// How much to pop at most.
pub const COUNT: Arg = Arg::new("count", ArgKind::Integer)
    .token("COUNT")
    .optional();

/// The arguments of LMPOP and ZMPOP, and of BLMPOP and BZMPOP, which have a timeout before them.
pub struct MultiPop<E> {
    /// Where the keys are.
    pub keys: Range<usize>,
    /// From which end to pop.
    pub end: E,
    /// How many to pop at most; at least 1.
    pub count: usize,
}

impl<E> MultiPop<E> {
    /// Reads the arguments from the number of keys, argument `index`, on; `end` reads which end one says.
    ///
    /// # Errors
    /// A number of keys or a count that is no positive integer, what `end` returns, or a syntax error.
    pub fn parse(
        args: Args<'_>,
        index: usize,
        end: impl FnOnce(Args<'_>, usize) -> Result<E, Error>,
    ) -> Result<Self, Error> {
        let keys = at_least_one(args, index, "ERR numkeys should be greater than 0")?;
        let first = index + 1;
        let place = first.saturating_add(keys);
        let end = end(args, place)?;
        let count = match args.len() - place - 1 {
            0 => 1,
            more => {
                if more < 2 || !args.is(place + 1, "COUNT") {
                    return Err(Error::Syntax);
                }
                let count = at_least_one(args, place + 2, "ERR count should be greater than 0")?;
                if more > 2 {
                    return Err(Error::Syntax);
                }
                count
            }
        };
        Ok(MultiPop {
            keys: first..place,
            end,
            count,
        })
    }
}

fn at_least_one(args: Args<'_>, index: usize, error: &'static str) -> Result<usize, Error> {
    number::parse_i64(args.get(index))
        .and_then(|value| usize::try_from(value).ok())
        .filter(|&value| value > 0)
        .ok_or(Error::Static(error))
}

/// The count of LPOP, ZPOPMIN and their kin.
///
/// # Errors
/// `ERR value is out of range, must be positive`
pub fn count(text: &[u8]) -> Result<usize, Error> {
    number::parse_i64(text)
        .and_then(|count| usize::try_from(count).ok())
        .ok_or(Error::Static("ERR value is out of range, must be positive"))
}

/// Pops from the first of the keys that holds something; if none does, the client waits as `want` says.
///
/// # Errors
/// What `pop` returns: `WRONGTYPE` if a key of another type comes first.
pub fn pop_or_wait(
    db: &mut Db<'_>,
    args: Args<'_>,
    want: Want,
    mut pop: impl FnMut(&mut Db<'_>, Key<'_>) -> Result<bool, Error>,
) -> Result<Attempt, Error> {
    for index in want.keys.clone() {
        let key = args.key(index);
        if db.covers(key) && pop(db, key)? {
            return Ok(Attempt::Done);
        }
    }
    Ok(Attempt::Wait(want))
}
