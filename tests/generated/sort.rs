//! SORT and SORT_RO, which need requests around them: what a real server answers depends on the order of its
//! tables, and on what it did before.

use crate::commands::{Args, Generator, Request, is, words};
use crate::judge::Rule;
use crate::values;

/// Whether it is one of them.
pub fn is_sort(args: &Args) -> bool {
    is(args, 0, "SORT") || is(args, 0, "SORT_RO")
}

/// What the arguments ask for, read loosely: they may be wrong.
struct Asked {
    /// BY finds weights.
    by: bool,
    /// BY says not to sort.
    as_is: bool,
    alpha: bool,
    stores: bool,
}

impl Asked {
    fn new(args: &Args) -> Asked {
        let has = |word| (2..args.len()).any(|at| is(args, at, word));
        let mut patterns = (3..args.len())
            .filter(|at| is(args, at - 1, "BY"))
            .map(|at| args[at].split(|byte| *byte == 0).next().unwrap_or_default());
        Asked {
            by: has("BY"),
            as_is: patterns.any(|pattern| !pattern.contains(&b'*')),
            alpha: has("ALPHA"),
            stores: has("STORE"),
        }
    }

    /// Whether elements of tables may be answered in any order.
    fn is_loose(&self) -> bool {
        !self.stores && (self.alpha || self.as_is)
    }
}

/// How the reply is compared, if the type of the key is the reply before: a list's elements always have an order,
/// and so have numbers.
fn rule(args: &Args) -> Rule {
    match Asked::new(args).is_loose() {
        true => Rule::AsTypeSays {
            exact: "list",
            else_as: Box::new(Rule::Unordered),
        },
        false => Rule::Exact,
    }
}

/// Takes away what would let the order of a table decide which elements are answered or stored.
pub fn tame(args: &mut Args) {
    if !is_sort(args) {
        return;
    }
    let asked = Asked::new(args);
    if asked.stores && asked.alpha && asked.by {
        args.retain(|arg| !arg.eq_ignore_ascii_case(b"ALPHA"));
    }
    // LIMIT and its numbers.
    while asked.is_loose()
        && let Some(at) = (2..args.len()).find(|at| is(args, *at, "LIMIT"))
    {
        args.drain(at..args.len().min(at + 3));
    }
}

impl Generator {
    /// The request, and those around it.
    pub fn sort(&mut self, args: Args, out: &mut Vec<Request>) {
        let key = args.get(1).cloned().unwrap_or_default();
        let on_key = |before: &str, after: &[&[u8]]| {
            let mut args = words(&[before]);
            args.push(key.clone());
            args.extend(after.iter().map(|arg| arg.to_vec()));
            args
        };
        // Once a number was out of range, Redis takes every other one for that, too, until a command forgets it.
        let forget = words(&["GEORADIUS", "no such key", "0", "0", "1", "m"]);
        self.push(forget, Rule::Exact, out);
        self.push(on_key("TYPE", &[]), Rule::Exact, out);
        let rule = rule(&args);
        self.push(args, rule, out);
        // DIFFERENCE: Redis gives a sorted set its large form when it is sorted. Made anew it has the same form
        // in both servers.
        let again = on_key("ZRANGESTORE", &[&key, b"0", b"-1"]);
        self.push(again, Rule::Exact, out);
    }
}

/// A pattern for keys that are made of elements.
pub fn pattern(random: &mut crate::support::random::Random) -> Vec<u8> {
    values::pick(
        random,
        &[
            "*", "*", "*", "*->a", "*->1", "*->*", "hl*", "h*l", "k{*}", "nosort", "#", "#", "",
            "**", "*->", "a->*", "*\0", "a\0*", "s",
        ],
    )
    .into()
}
