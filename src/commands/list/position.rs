//! LPOS.

use crate::commands::list::{ELEMENT, KEY, READ};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Group};
use crate::error::Error;
use crate::keyspace::View;
use crate::resp::{Args, Reply};
use crate::types::list::End;
use crate::types::{List, number};

const NO_RANK: Error = Error::Static(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
);

pub(super) const LPOS: CommandSpec =
    CommandSpec::read("LPOS", Arity::at_least(3), Group::List, lpos)
        .categories(Categories::LIST)
        .keys(READ)
        .doc(
            "6.0.6",
            "O(N) where N is the number of elements of the list.",
            "Returns the indexes of elements of a list that are equal to a given one.",
        )
        .args(&[
            KEY,
            ELEMENT,
            Arg::new("rank", ArgKind::Integer).token("RANK").optional(),
            Arg::new("num-matches", ArgKind::Integer)
                .token("COUNT")
                .optional(),
            Arg::new("len", ArgKind::Integer).token("MAXLEN").optional(),
        ]);

/// What LPOS is asked for.
struct Options {
    from: End,
    /// The first match that counts.
    rank: u64,
    /// How many are wanted, if they are to come as an array; 0: all.
    count: Option<u64>,
    /// How many elements are looked at.
    limit: usize,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Options, Error> {
        let mut options = Options {
            from: End::Front,
            rank: 1,
            count: None,
            limit: usize::MAX,
        };
        let mut at = 3;
        while at < args.len() {
            if at + 1 == args.len() {
                return Err(Error::Syntax);
            }
            if args.is(at, "RANK") {
                let rank = args.integer_between(at + 1, -i64::MAX, i64::MAX)?;
                if rank == 0 {
                    return Err(NO_RANK);
                }
                options.from = if rank < 0 { End::Back } else { End::Front };
                options.rank = rank.unsigned_abs();
            } else if args.is(at, "COUNT") {
                let count = not_negative(args.get(at + 1), "ERR COUNT can't be negative")?;
                options.count = Some(count);
            } else if args.is(at, "MAXLEN") {
                let limit = not_negative(args.get(at + 1), "ERR MAXLEN can't be negative")?;
                options.limit = if limit == 0 {
                    usize::MAX
                } else {
                    limit as usize
                };
            } else {
                return Err(Error::Syntax);
            }
            at += 2;
        }
        Ok(options)
    }
}

fn not_negative(text: &[u8], error: &'static str) -> Result<u64, Error> {
    number::parse_i64(text)
        .and_then(|value| u64::try_from(value).ok())
        .ok_or(Error::Static(error))
}

fn lpos(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let options = Options::parse(args)?;
    let list = view.object::<List>(args.key(1))?;
    let Some(count) = options.count else {
        let mut first = None;
        find(list, args.get(2), &options, |index| {
            first = Some(index);
            false
        });
        match first {
            Some(index) => reply.count(index),
            None => reply.null(),
        }
        return Ok(());
    };
    reply.deferred_array(|reply| {
        let mut found = 0;
        find(list, args.get(2), &options, |index| {
            reply.count(index);
            found += 1;
            count == 0 || found < count
        });
        Ok(found as usize)
    })
}

/// Tells `found` the index of each match that counts, until it says that it is enough.
fn find(
    list: Option<&List>,
    element: &[u8],
    options: &Options,
    mut found: impl FnMut(usize) -> bool,
) {
    let Some(list) = list else { return };
    let mut matches = 0;
    list.find(element, options.from, options.limit, |place| {
        matches += 1;
        if matches < options.rank {
            return true;
        }
        found(match options.from {
            End::Front => place,
            End::Back => list.len() - 1 - place,
        })
    });
}
