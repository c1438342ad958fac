//! Which arguments of a command are keys, by its key specifications and Redis's rules.

use crate::commands::bitmap;
use crate::commands::registry::Command;
use crate::commands::spec::{BeginSearch, FindKeys, Group, KeyFlags, KeySpec};
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
                    ..
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
                if let Some(find) = self.spec.find_keys {
                    let mut any = false;
                    find(args, &mut |index, flags| {
                        any = true;
                        f(index, flags);
                    });
                    return any;
                }
                let mut real = self.real_specs();
                if real.any(|spec| matches!(find(spec, args), Search::Invalid)) {
                    return false;
                }
                let mut any = false;
                for spec in self.real_specs() {
                    if let Search::Found(found) = find(spec, args) {
                        any = true;
                        found.each(|index| f(index, spec.flags));
                    }
                }
                any
            }
        }
    }

    /// Calls `f` with the number and the flags of each argument that the command may take for a key. Unlike
    /// [`Command::for_each_key`], specifications that do not fit are passed over (PFMERGE needs no source), and a
    /// keyword is found each time it is there (GEORADIUS takes several STORE).
    pub fn for_each_possible_key(&self, args: Args<'_>, mut f: impl FnMut(usize, KeyFlags)) {
        if let Some(find) = self.spec.find_keys {
            return find(args, &mut f);
        }
        for spec in self.real_specs() {
            if let BeginSearch::Keyword(word, from) = spec.begin
                && let Ok(from) = usize::try_from(from)
            {
                let behind = (from + 1..args.len()).filter(|at| args.is(at - 1, word));
                let found = behind.filter_map(|at| range(spec.find, args, at));
                found.for_each(|found| found.each(|index| f(index, spec.flags)));
            } else if let Search::Found(found) = find(spec, args) {
                found.each(|index| f(index, spec.flags));
            }
        }
    }

    fn real_specs(&self) -> impl Iterator<Item = &'static KeySpec> {
        let specs = self.spec.keys.iter();
        specs.filter(|spec| !spec.flags.contains(KeyFlags::NOT_KEY))
    }

    /// The flags of the keys of a command with one range. Those of SET and BITFIELD depend on the
    /// arguments: SET reads the old value only with GET, and BITFIELD may read alone.
    #[inline]
    fn key_flags(&self, args: Args<'_>) -> KeyFlags {
        let declared = self.spec.keys[0].flags;
        if !declared.contains(KeyFlags::VARIABLE_FLAGS) {
            return declared;
        }
        if self.spec.group == Group::Bitmap {
            return bitmap::field_key_flags(args);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::registry;
    use crate::resp::Slot;

    fn with_args<R>(words: &[&str], run: impl FnOnce(Args<'_>) -> R) -> R {
        let buffer = words.concat();
        let mut start = 0;
        let slots: Vec<Slot> = words
            .iter()
            .map(|word| {
                let slot = Slot {
                    start,
                    len: word.len() as u32,
                    hash: 0,
                };
                start += slot.len;
                slot
            })
            .collect();
        run(Args::new(buffer.as_bytes(), &slots))
    }

    fn line(text: &str) -> Vec<&str> {
        text.split(' ').collect()
    }

    /// The keys' positions, or None where the arguments do not fit.
    fn positions(text: &str) -> Option<Vec<usize>> {
        let words = line(text);
        with_args(&words, |args| {
            let mut found = Vec::new();
            let fits = registry::resolve(args)
                .unwrap()
                .for_each_key(args, |index, _| found.push(index));
            assert!(fits || found.is_empty());
            fits.then_some(found)
        })
    }

    /// What one specification finds: None if invalid, an empty list if its keyword is missing.
    fn by_spec(spec: KeySpec, text: &str) -> Option<Vec<usize>> {
        let words = line(text);
        with_args(&words, |args| match find(&spec, args) {
            Search::Found(found) => {
                let mut all = Vec::new();
                found.each(|index| all.push(index));
                Some(all)
            }
            Search::Nothing => Some(vec![]),
            Search::Invalid => None,
        })
    }

    fn spec(begin: BeginSearch, find: FindKeys) -> KeySpec {
        KeySpec {
            begin,
            find,
            flags: KeyFlags::RO,
            notes: None,
        }
    }

    #[test]
    fn declared_commands_find_their_keys() {
        assert_eq!(positions("GET k"), Some(vec![1]));
        assert_eq!(positions("MGET a b c"), Some(vec![1, 2, 3]));
        assert_eq!(positions("MSET a 1 b 2"), Some(vec![1, 3]));
        assert_eq!(positions("MSET a 1 b"), Some(vec![1, 3]));
        assert_eq!(positions("LCS a b LEN"), Some(vec![1, 2]));
        assert_eq!(positions("RENAME a b"), Some(vec![1, 2]));
        assert_eq!(positions("COPY a b DB 1"), Some(vec![1, 2]));
        assert_eq!(positions("OBJECT FREQ k"), Some(vec![2]));
        assert_eq!(positions("PING k"), None);
    }

    /// They say nothing to COMMAND GETKEYS, but are locked.
    #[test]
    fn all_keys_that_a_command_may_take_are_found() {
        for (text, expected) in [
            ("PFMERGE d", vec![1]),
            ("PFMERGE d a b", vec![1, 2, 3]),
            ("ZUNIONSTORE d 2 a", vec![1]),
            ("BITOP", vec![]),
            (
                "GEORADIUS k 1 2 3 m STORE a COUNT 1 storedist b",
                vec![1, 7, 11],
            ),
            ("GEORADIUS k 1 2 3 m STORE a STORE b", vec![1, 7, 9]),
            ("GEORADIUS k 1 2 3 m STORE", vec![1]),
        ] {
            let words = line(text);
            let command = registry::lookup(words[0].as_bytes()).unwrap();
            let mut found = Vec::new();
            with_args(&words, |args| {
                command.for_each_possible_key(args, |index, _| found.push(index));
            });
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(positions("PFMERGE d"), None);
    }

    #[test]
    fn arguments_that_do_not_fit_have_no_keys() {
        for text in ["GET", "MGET", "MSET", "LCS a", "RENAME a", "OBJECT FREQ"] {
            assert_eq!(positions(text), None, "{text}");
        }
    }

    #[test]
    fn flags_of_set_depend_on_get() {
        let flags = |text: &str| {
            let words = line(text);
            with_args(&words, |args| {
                let mut found = None;
                registry::resolve(args)
                    .unwrap()
                    .for_each_key(args, |_, flags| found = Some(flags));
                found.unwrap().names().collect::<Vec<_>>()
            })
        };
        assert_eq!(flags("SET k v"), ["OW", "update"]);
        assert_eq!(flags("SET k get"), ["OW", "update"]);
        assert_eq!(flags("SET k v EX 5 gEt"), ["RW", "access", "update"]);
        assert_eq!(flags("GETEX k"), ["RW", "access", "update"]);
    }

    #[test]
    fn ranges_count_from_the_end_and_share() {
        let last = |last, step, limit| FindKeys::Range { last, step, limit };
        let at = |index| BeginSearch::Index(index);
        assert_eq!(
            by_spec(spec(at(1), last(-2, 1, 0)), "c a b 0"),
            Some(vec![1, 2])
        );
        assert_eq!(by_spec(spec(at(1), last(-2, 1, 0)), "c 0"), None);
        assert_eq!(by_spec(spec(at(1), last(-9, 1, 0)), "c 0"), None);
        // XREAD: keys are the first half of what follows STREAMS.
        let streams = spec(BeginSearch::Keyword("STREAMS", 1), last(-1, 1, 2));
        assert_eq!(
            by_spec(streams, "xread COUNT 1 streams a b 0 0"),
            Some(vec![4, 5])
        );
        assert_eq!(
            by_spec(streams, "xread COUNT 1 streams a b 0"),
            Some(vec![4])
        );
        assert_eq!(by_spec(streams, "xread COUNT 1 streams a"), None);
        assert_eq!(by_spec(streams, "xread COUNT 1"), Some(vec![]));
        // MIGRATE looks for KEYS backwards and never at the first arguments.
        let migrate = spec(BeginSearch::Keyword("KEYS", -2), last(-1, 1, 0));
        assert_eq!(
            by_spec(migrate, "migrate h 1 x 0 9 KEYS a b"),
            Some(vec![7, 8])
        );
        assert_eq!(by_spec(migrate, "migrate KEYS 1 x"), Some(vec![]));
    }

    #[test]
    fn numbers_of_keys_are_bounded_by_the_arguments() {
        let numbered = spec(
            BeginSearch::Index(1),
            FindKeys::KeyNum {
                index: 0,
                first: 1,
                step: 1,
            },
        );
        assert_eq!(by_spec(numbered, "c 2 a b x"), Some(vec![2, 3]));
        for text in [
            "c",
            "c 0 a",
            "c -1 a",
            "c x a",
            "c 2 a",
            "c 9223372036854775807 a",
        ] {
            assert_eq!(by_spec(numbered, text), None, "{text}");
        }
        let eval = spec(
            BeginSearch::Index(2),
            FindKeys::KeyNum {
                index: 0,
                first: 1,
                step: 1,
            },
        );
        assert_eq!(by_spec(eval, "eval x 1 k arg"), Some(vec![3]));
    }

    #[test]
    fn incomplete_and_unknown_specifications_find_nothing() {
        let mut incomplete = KeySpec::at(1, KeyFlags::RO);
        incomplete.flags = incomplete.flags.union(KeyFlags::INCOMPLETE);
        assert_eq!(by_spec(incomplete, "c k"), None);
        assert_eq!(KeyPlan::of(&[incomplete]), KeyPlan::General);
        assert_eq!(
            by_spec(spec(BeginSearch::Unknown, FindKeys::Unknown), "c k"),
            None
        );
        assert_eq!(
            KeyPlan::of(&[KeySpec::at(1, KeyFlags::NOT_KEY)]),
            KeyPlan::None
        );
    }

    #[test]
    fn no_arguments_make_it_panic() {
        let rules = [
            FindKeys::Range {
                last: -1,
                step: 0,
                limit: 0,
            },
            FindKeys::Range {
                last: -3,
                step: 1,
                limit: 2,
            },
            FindKeys::Range {
                last: isize::MAX,
                step: 1,
                limit: 0,
            },
            FindKeys::Range {
                last: isize::MIN,
                step: 1,
                limit: 3,
            },
            FindKeys::KeyNum {
                index: usize::MAX,
                first: usize::MAX,
                step: 0,
            },
            FindKeys::KeyNum {
                index: 0,
                first: usize::MAX,
                step: 1,
            },
            FindKeys::Unknown,
        ];
        let begins = [
            BeginSearch::Index(1),
            BeginSearch::Index(usize::MAX),
            BeginSearch::Keyword("9", 1),
            BeginSearch::Keyword("9", 0),
            BeginSearch::Keyword("9", -1),
            BeginSearch::Keyword("9", isize::MIN),
            BeginSearch::Keyword("9", isize::MAX),
            BeginSearch::Unknown,
        ];
        for count in 0..6 {
            let words: Vec<&str> = std::iter::repeat_n("9", count).collect();
            for begin in begins {
                for rule in rules {
                    with_args(&words, |args| {
                        if let Search::Found(found) = find(&spec(begin, rule), args) {
                            found.each(|index| assert!(index < count));
                        }
                    });
                }
            }
        }
    }

    #[test]
    fn legacy_ranges_join_what_follows_and_mark_the_rest_movable() {
        let range = |specs: &[KeySpec]| {
            let all = LegacyRange::of(specs);
            (all.first, all.last, all.step, all.movable)
        };
        let key = |index| KeySpec::at(index, KeyFlags::RO);
        let numbered = spec(
            BeginSearch::Index(2),
            FindKeys::KeyNum {
                index: 0,
                first: 1,
                step: 1,
            },
        );
        assert_eq!(range(&[]), (0, 0, 0, false));
        assert_eq!(range(&[key(1)]), (1, 1, 1, false));
        assert_eq!(
            range(&[KeySpec::range(1, -1, 2, KeyFlags::OW)]),
            (1, -1, 2, false)
        );
        assert_eq!(range(&[key(1), key(2)]), (1, 2, 1, false));
        assert_eq!(
            range(&[key(1), KeySpec::range(2, -1, 1, KeyFlags::RO)]),
            (1, -1, 1, false)
        );
        assert_eq!(range(&[key(1), key(3)]), (1, 1, 1, true));
        assert_eq!(range(&[key(1), numbered]), (1, 1, 1, true));
        assert_eq!(range(&[numbered]), (0, 0, 0, true));
        assert_eq!(range(&[key(1), key(2), key(9)]), (1, 2, 1, true));
    }
}
