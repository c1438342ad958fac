//! Which arguments of a command are keys, by its key specifications and Redis's rules.

use crate::commands::registry::Command;
use crate::commands::spec::{BeginSearch, FindKeys, KeyFlags, KeySpec};
use crate::resp::Args;
use crate::types::number;

/// How a command's keys are found, worked out once from its key specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlan {
    /// It has no keys.
    None,
    /// One range that begins at a fixed argument.
    Range {
        /// First key.
        first: usize,
        /// Last key: the argument's number, or counted from the end (-1 is the last argument).
        last: isize,
        /// Distance between keys, at least 1.
        step: usize,
    },
    /// Anything else: the specifications are followed one by one.
    General,
}

impl KeyPlan {
    /// The plan for these specifications.
    pub fn of(specs: &[KeySpec]) -> KeyPlan {
        if specs
            .iter()
            .all(|spec| spec.flags.contains(KeyFlags::NOT_KEY))
        {
            return KeyPlan::None;
        }
        match specs {
            [
                KeySpec {
                    begin: BeginSearch::Index(first),
                    find:
                        FindKeys::Range {
                            last,
                            step,
                            limit: 0,
                        },
                    flags,
                },
            ] if !flags.contains(KeyFlags::INCOMPLETE) => {
                let last = if *last >= 0 {
                    *first as isize + last
                } else {
                    *last
                };
                KeyPlan::Range {
                    first: *first,
                    last,
                    step: *step,
                }
            }
            _ => KeyPlan::General,
        }
    }
}

/// The keys' positions as `COMMAND INFO` gave them before there were key specifications: all 0 if they
/// cannot be said in this form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegacyRange {
    /// First key.
    pub first: i64,
    /// Last key, from the end if negative.
    pub last: i64,
    /// Distance between keys.
    pub step: i64,
    /// Whether the range misses keys, so that clients must ask `COMMAND GETKEYS`.
    pub movable: bool,
}

impl LegacyRange {
    /// Joins ranges that follow each other; whatever does not fit makes the keys movable.
    pub fn of(specs: &[KeySpec]) -> LegacyRange {
        let mut all = LegacyRange::default();
        for spec in specs {
            let (BeginSearch::Index(first), FindKeys::Range { last, step, .. }) =
                (spec.begin, spec.find)
            else {
                all.movable = true;
                continue;
            };
            let first = first as i64;
            let follows = step == 1 && (all.last == 0 || all.last == first - 1);
            if specs.len() > 1 && !follows {
                all.movable = true;
                continue;
            }
            all.movable |= spec.flags.contains(KeyFlags::INCOMPLETE);
            all.first = if all.first == 0 {
                first
            } else {
                all.first.min(first)
            };
            let last = if last >= 0 {
                first + last as i64
            } else {
                last as i64
            };
            // A range that ends at the end of the arguments reaches further than any number.
            all.last = if all.last < 0 || last < 0 {
                all.last.min(last)
            } else {
                all.last.max(last)
            };
            all.step = step as i64;
        }
        all
    }
}

impl Command {
    /// Whether any argument can be a key.
    pub fn has_keys(&self) -> bool {
        self.keys != KeyPlan::None
    }

    /// Calls `f` with the number and the flags of each argument that is a key, in the order of the key
    /// specifications; the same argument may come twice.
    ///
    /// Returns false, without a call, if the specifications do not fit the arguments (Redis would answer
    /// `Invalid arguments specified for command`), or if they cannot say where the keys are. Any
    /// arguments are allowed: the arity need not have been checked.
    #[inline]
    pub fn for_each_key(&self, args: Args<'_>, mut f: impl FnMut(usize, KeyFlags)) -> bool {
        match self.keys {
            KeyPlan::None => false,
            KeyPlan::Range { first, last, step } => {
                let flags = self.key_flags(args);
                Found::new(args.len(), first, last, step)
                    .map(|found| found.each(|index| f(index, flags)))
                    .is_some()
            }
            KeyPlan::General => {
                let specs = self.spec.keys;
                let real = || {
                    specs
                        .iter()
                        .filter(|spec| !spec.flags.contains(KeyFlags::NOT_KEY))
                };
                if real().any(|spec| matches!(find(spec, args), Search::Invalid)) {
                    return false;
                }
                let mut any = false;
                for spec in real() {
                    if let Search::Found(found) = find(spec, args) {
                        any = true;
                        found.each(|index| f(index, spec.flags));
                    }
                }
                any
            }
        }
    }

    /// The flags of the keys of a command with one range. SET alone has keys whose flags depend on its
    /// arguments: it reads the old value only with GET.
    #[inline]
    fn key_flags(&self, args: Args<'_>) -> KeyFlags {
        let declared = self.spec.keys[0].flags;
        if !declared.contains(KeyFlags::VARIABLE_FLAGS) {
            return declared;
        }
        if args.from(3).any(|arg| arg.eq_ignore_ascii_case(b"GET")) {
            KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE)
        } else {
            KeyFlags::OW.union(KeyFlags::UPDATE)
        }
    }
}

/// Arguments that are keys; never empty, and within the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Found {
    first: usize,
    last: usize,
    step: usize,
}

impl Found {
    /// `last` counts from the end if negative. None if the range is empty or leaves the arguments.
    #[inline]
    fn new(count: usize, first: usize, last: isize, step: usize) -> Option<Found> {
        let last = if last >= 0 {
            last as usize
        } else {
            count.checked_sub(last.unsigned_abs())?
        };
        (first <= last && last < count).then_some(Found {
            first,
            last,
            step: step.max(1),
        })
    }

    #[inline]
    fn each(self, f: impl FnMut(usize)) {
        (self.first..=self.last).step_by(self.step).for_each(f);
    }
}

/// What one specification finds.
enum Search {
    Found(Found),
    /// The keyword is missing, which is no mistake.
    Nothing,
    Invalid,
}

fn find(spec: &KeySpec, args: Args<'_>) -> Search {
    let begin = match spec.begin {
        BeginSearch::Index(index) => index,
        BeginSearch::Keyword(word, from) => match after_keyword(args, word, from) {
            Some(index) => index,
            None => return Search::Nothing,
        },
        BeginSearch::Unknown => return Search::Invalid,
    };
    // An incomplete specification may have missed keys, so nothing it found can be trusted.
    if spec.flags.contains(KeyFlags::INCOMPLETE) {
        return Search::Invalid;
    }
    match range(spec.find, args, begin) {
        Some(found) => Search::Found(found),
        None => Search::Invalid,
    }
}

/// The argument after `word`, searched forwards from argument `from`, or backwards from the end if
/// negative (-1 is the last argument). As in Redis, the search never looks at the command's name, nor,
/// forwards, at the last argument, nor, backwards, at the first.
fn after_keyword(args: Args<'_>, word: &str, from: isize) -> Option<usize> {
    let hit = if from > 0 {
        (from as usize..args.len().saturating_sub(1)).find(|&index| args.is(index, word))
    } else {
        let start = args.len().checked_sub(from.unsigned_abs())?;
        (2..args.len().min(start + 1))
            .rev()
            .find(|&index| args.is(index, word))
    };
    hit.map(|index| index + 1)
}

fn range(rule: FindKeys, args: Args<'_>, begin: usize) -> Option<Found> {
    let count = args.len();
    match rule {
        FindKeys::Range { last, step, .. } if last >= 0 => {
            let last = begin.checked_add(last as usize)?;
            Found::new(count, begin, isize::try_from(last).ok()?, step)
        }
        FindKeys::Range {
            last,
            step,
            limit: 0,
        } => Found::new(count, begin, last, step),
        FindKeys::Range { last, step, limit } => {
            let share = count.checked_sub(begin)? / limit;
            let last = (begin + share).checked_sub(last.unsigned_abs())?;
            Found::new(count, begin, isize::try_from(last).ok()?, step)
        }
        FindKeys::KeyNum { index, first, step } => {
            let keys = number::parse_i64(args.try_get(begin.checked_add(index)?)?)?;
            // The number counts keys, not arguments, but Redis measures the range in arguments.
            let begin = begin.checked_add(first)?;
            let last = isize::try_from(begin)
                .ok()?
                .checked_add(isize::try_from(keys).ok()?)?
                .checked_sub(1)?;
            (keys > 0).then(|| Found::new(count, begin, last, step))?
        }
        FindKeys::Unknown => None,
    }
}
