//! Requests to data that need something around them to be compared: random picks come after a look at
//! everything there is to pick from, ranges of members after members of one score, BITFIELD with OVERFLOW FAIL
//! after what makes the string long enough, and PFDEBUG after a change of its key.

use crate::commands::{Args, Generator, Request, both_know, is, words};
use crate::groups;
use crate::judge::Rule;
use crate::sort;
use crate::streams;
use crate::support::random::Random;
use crate::values;
use redouble::commands::registry::{self, Command};
use redouble::commands::spec::{BeginSearch, FindKeys, Group};
use redouble::types::number;

/// Elements from which a count takes all that there are.
const ALL: i64 = 1_000_000;

/// Commands that may wait, and where their timeout is: `None` for behind the keys.
const BLOCKING: &[(&str, Option<usize>)] = &[
    ("BLMOVE", None),
    ("BLMPOP", Some(1)),
    ("BLPOP", None),
    ("BRPOP", None),
    ("BRPOPLPUSH", None),
    ("BZMPOP", Some(1)),
    ("BZPOPMAX", None),
    ("BZPOPMIN", None),
];

/// Commands that pick at random, and what shows all that there is to pick from.
const PICKS: &[(&str, &[&str], &[&str])] = &[
    ("HRANDFIELD", &["HGETALL"], &[]),
    ("SPOP", &["SMEMBERS"], &[]),
    ("SRANDMEMBER", &["SMEMBERS"], &[]),
    ("ZRANDMEMBER", &["ZRANGE"], &["0", "-1", "WITHSCORES"]),
];

/// Whether the request may only be sent with others around it.
pub fn needs_care(args: &Args) -> bool {
    is_random(args)
        || is_lexical(args)
        || is_blocking(args)
        || may_fail(args)
        || converts(args)
        || sort::is_sort(args)
}

fn is_random(args: &Args) -> bool {
    PICKS.iter().any(|(name, _, _)| is(args, 0, name))
}

fn is_blocking(args: &Args) -> bool {
    BLOCKING.iter().any(|(name, _)| is(args, 0, name)) || streams::waits(args)
}

/// Ranges of members, which mean nothing where the scores differ.
fn is_lexical(args: &Args) -> bool {
    let name = args[0].to_ascii_uppercase();
    name[0] == b'Z'
        && (name.windows(3).any(|part| part == b"LEX")
            || (1..args.len()).any(|at| is(args, at, "BYLEX")))
}

/// BITFIELD that may write nothing where it makes a string longer.
// DIFFERENCE: that is a change here, and none in Redis.
fn may_fail(args: &Args) -> bool {
    is(args, 0, "BITFIELD") && (2..args.len()).any(|at| is(args, at, "FAIL"))
}

/// PFDEBUG that may give a value another form.
// DIFFERENCE: that is a change here, of which watchers hear, and none in Redis.
fn converts(args: &Args) -> bool {
    is(args, 0, "PFDEBUG") && (is(args, 1, "GETREG") || is(args, 1, "TODENSE"))
}

/// Whether BITCOUNT or BITPOS has a range that is none.
pub fn has_bad_bit_range(args: &Args) -> bool {
    let from = match () {
        _ if is(args, 0, "BITCOUNT") => 2,
        _ if is(args, 0, "BITPOS") => 3,
        _ => return false,
    };
    let unit = args.len() <= from + 2 || is(args, from + 2, "BIT") || is(args, from + 2, "BYTE");
    let half = from == 2 && args.len() == 3;
    let numbers = (from..args.len().min(from + 2)).all(|at| integer(args, at).is_some());
    half || !unit || !numbers || args.len() > from + 3
}

fn integer(args: &Args, index: usize) -> Option<i64> {
    args.get(index).and_then(|arg| number::parse_i64(arg))
}

/// Whether a range of a sorted set has a LIMIT below 0.
pub fn has_negative_offset(args: &Args) -> bool {
    let range = args[0].to_ascii_uppercase();
    let range = range.starts_with(b"ZRANGE") || range.starts_with(b"ZREVRANGE");
    range
        && (2..args.len()).any(|at| {
            is(args, at - 1, "LIMIT") && integer(args, at).is_some_and(|offset| offset < 0)
        })
}

/// Whether it is COMMAND GETKEYS of a request whose number of keys is out of bounds, or no number.
pub fn miscounts_keys(args: &Args) -> bool {
    if !is(args, 0, "COMMAND") || args.len() < 3 || !args[1].starts_with(b"GETKEYS") {
        return false;
    }
    let Some(command) = registry::lookup(&args[2]) else {
        return false;
    };
    command.spec.keys.iter().any(|spec| {
        let (BeginSearch::Index(begin), FindKeys::KeyNum { index, .. }) = (spec.begin, spec.find)
        else {
            return false;
        };
        let at = 2 + begin + index;
        let counts = |count| (0..=i64::from(i32::MAX)).contains(&count);
        args.len() > at && !integer(args, at).is_some_and(counts)
    })
}

impl Generator {
    /// Adds a request for data, and those that it needs around it.
    pub fn careful(
        &mut self,
        command: &Command,
        args: Args,
        in_multi: bool,
        out: &mut Vec<Request>,
    ) {
        if is_blocking(&args) && !in_multi && !self.one_in(8) {
            return;
        }
        if is_random(&args) {
            return self.pick_at_random(args, out);
        }
        if sort::is_sort(&args) {
            return self.sort(args, out);
        }
        if is_lexical(&args) {
            self.members_of_one_score(&args, out);
        }
        if may_fail(&args) {
            let mut long = words(&["SETBIT"]);
            long.push(args.get(1).cloned().unwrap_or_default());
            long.push(values::BITS.to_string().into_bytes());
            long.push(b"0".to_vec());
            self.push(long, Rule::Exact, out);
        }
        if converts(&args) {
            let mut change = words(&["PFMERGE"]);
            change.extend(args.get(2).cloned());
            self.push(change, Rule::Exact, out);
        }
        let rule = self.rule(command, &args);
        self.push(args.clone(), rule, out);
        self.look_at_pending(&args, out);
    }

    /// What is there, then the pick. What SPOP leaves is random too, and is removed.
    fn pick_at_random(&mut self, args: Args, out: &mut Vec<Request>) {
        let (_, look, rest) = PICKS
            .iter()
            .find(|(name, _, _)| is(&args, 0, name))
            .expect("a random pick");
        let key = args.get(1).cloned().unwrap_or_default();
        let about = |before: &[&str], after: &[&str]| {
            let mut args = words(before);
            args.push(key.clone());
            args.extend(words(after));
            args
        };
        let pairs = look[0] != "SMEMBERS";
        let rule = match look[0] {
            "HGETALL" => Rule::UnorderedPairs,
            "SMEMBERS" => Rule::Unordered,
            _ => self.numbers(Rule::Exact),
        };
        self.push(about(look, rest), rule, out);
        let count = integer(&args, 2);
        let pops = is(&args, 0, "SPOP");
        let rule = Rule::Picks {
            from_pairs: pairs,
            pairs: args.len() > 3,
            distinct: count.is_some_and(|count| count > 0),
        };
        self.push(args, rule, out);
        if pops && count.is_none_or(|count| count < ALL) {
            self.push(about(&["SCARD"], &[]), Rule::Exact, out);
            self.push(about(&["DEL"], &[]), Rule::Exact, out);
        }
    }

    /// Gives the source of a range of members some that all have one score.
    fn members_of_one_score(&mut self, args: &Args, out: &mut Vec<Request>) {
        let at = 1 + usize::from(is(args, 0, "ZRANGESTORE"));
        let Some(key) = args.get(at).cloned() else {
            return;
        };
        let mut make = words(&["DEL"]);
        make.push(key.clone());
        self.push(make, Rule::Exact, out);
        if self.one_in(10) {
            return;
        }
        let score = values::pick(&mut self.random, &["0", "1.5", "-inf"]);
        let mut make = words(&["ZADD"]);
        make.push(key);
        for _ in 0..1 + self.random.below(12) {
            make.push(score.into());
            make.push(values::member(&mut self.random));
        }
        self.push(make, Rule::Exact, out);
    }

    /// A bitmap to work on, or a HyperLogLog or a collection: a few elements, fields or members, or more than the
    /// compact forms take by default.
    pub fn fill(&mut self, out: &mut Vec<Request>) {
        if self.one_in(7) {
            return match self.one_in(2) {
                true => self.stream_with_group(out),
                false => self.fill_stream(out),
            };
        }
        let (name, group) = values::pick(
            &mut self.random,
            &[
                ("SET", Group::Bitmap),
                ("PFADD", Group::HyperLogLog),
                ("GEOADD", Group::Geo),
                ("HSET", Group::Hash),
                ("LPUSH", Group::List),
                ("RPUSH", Group::List),
                ("SADD", Group::Set),
                ("ZADD", Group::SortedSet),
            ],
        );
        if !both_know(name, self.version) {
            return;
        }
        let key = values::key_for(&mut self.random, group);
        if self.one_in(2) {
            let mut args = words(&["DEL"]);
            args.push(key.clone());
            self.push(args, Rule::Exact, out);
        }
        let members: Vec<Vec<u8>> = if name == "SET" {
            vec![values::bits(&mut self.random)]
        } else if self.one_in(10) {
            let from = self.random.below(300);
            let letter = values::pick(&mut self.random, &["", "f"]);
            (from..=from + self.random.below(600))
                .map(|number| format!("{letter}{number}").into_bytes())
                .collect()
        } else {
            (0..=self.random.below(10))
                .map(|_| values::member(&mut self.random))
                .collect()
        };
        let mut args = words(&[name]);
        args.push(key);
        for member in members {
            match name {
                "HSET" => args.extend([member, values::member(&mut self.random)]),
                "GEOADD" => {
                    let [longitude, latitude] = [(); 2].map(|()| {
                        let tenths = self.random.below(80) as f64 - 40.0;
                        let fine = self.one_in(2);
                        let degrees = if fine { tenths / 10_000.0 } else { tenths };
                        degrees.to_string().into_bytes()
                    });
                    args.extend([longitude, latitude, member]);
                }
                "LPUSH" | "PFADD" | "RPUSH" | "SADD" | "SET" => args.push(member),
                _ => {
                    let score = self.random.below(7).to_string();
                    args.extend([score.into_bytes(), member]);
                }
            }
        }
        self.push(args, Rule::Exact, out);
    }

    /// The beginning of an iteration: the command, and the key if it has one.
    pub fn iteration(&mut self) -> Args {
        let name = values::pick(&mut self.random, &["SCAN", "HSCAN", "SSCAN", "ZSCAN"]);
        let name = if both_know(name, self.version) {
            name
        } else {
            "SCAN"
        };
        let mut args = words(&[name]);
        if name != "SCAN" {
            let group = match name {
                "HSCAN" => Group::Hash,
                "SSCAN" => Group::Set,
                _ => Group::SortedSet,
            };
            args.push(values::key_for(&mut self.random, group));
        }
        args
    }

    /// Bounds of a range as its options want them, mostly: the grammar does not tell.
    pub fn fit_range(&mut self, args: &mut Args) {
        let first = match () {
            _ if is(args, 0, "ZRANGE") => 2,
            _ if is(args, 0, "ZRANGESTORE") => 3,
            _ => return,
        };
        let by = |word| (first..args.len()).any(|at| is(args, at, word));
        let (by_score, by_members) = (by("BYSCORE"), by("BYLEX"));
        for index in first..args.len().min(first + 2) {
            let random = &mut self.random;
            args[index] = match random.below(10) {
                0 => values::any(random),
                _ if by_score => values::score_bound(random),
                _ if by_members => values::member_bound(random),
                _ => values::index(random),
            };
        }
    }

    /// Before 7.2, doubles come with 17 digits.
    pub fn numbers(&self, rule: Rule) -> Rule {
        match self.version < (7, 2) {
            true => Rule::Numbers(Box::new(rule)),
            false => rule,
        }
    }
}

/// Changes what would take too long or too much memory, or depend on the order of elements.
pub fn tame(random: &mut Random, args: &mut Args) {
    let blocking = BLOCKING.iter().find(|(name, _)| is(args, 0, name));
    if let Some((_, at)) = blocking {
        let at = at.unwrap_or(args.len() - 1);
        let waits = args.get(at).and_then(|text| number::parse_f64(text));
        if at > 0 && waits.is_some_and(|seconds| seconds >= 0.0) {
            args[at] = b"0.01".to_vec();
        }
    }
    streams::tame(random, args);
    groups::tame(random, args);
    sort::tame(args);
    // DIFFERENCE: since 7.2 Redis takes the index modulo 2^32.
    if is(args, 0, "LSET") && integer(args, 2).is_some_and(|index| i32::try_from(index).is_err()) {
        args[2] = i32::MAX.to_string().into_bytes();
    }
    // Before 7.2, Redis took the lowest number for one that has an opposite.
    if is(args, 0, "LREM") || is(args, 0, "LPOS") {
        let lowest = i64::MIN.to_string().into_bytes();
        for arg in args.iter_mut().filter(|arg| **arg == lowest) {
            *arg = (i64::MIN + 1).to_string().into_bytes();
        }
    }
    // A negative count is how many are wanted, however few there are.
    if is_random(args) && integer(args, 2).is_some_and(|count| count < -100 && count > i64::MIN) {
        args[2] = (-1 - random.below(20) as i64).to_string().into_bytes();
    }
    if ["HSCAN", "SSCAN", "ZSCAN"]
        .iter()
        .any(|name| is(args, 0, name))
    {
        values::tame_scan(args, 2);
    }
}
