//! Makes random requests, valid and nearly valid, from the declared grammar of the commands.
//!
//! Nothing here depends on time or on replies: the same seed makes the same requests.

use crate::collections;
use crate::groups;
use crate::judge::Rule;
use crate::streams;
use crate::support::client::encode;
use crate::support::notation;
use crate::support::random::Random;
use crate::values;
use redouble::commands::registry::{self, Command};
use redouble::commands::spec::{Arg, ArgKind, Group, Handler};

/// A request's arguments, the command's name first.
pub type Args = Vec<Vec<u8>>;

/// One request, and how its replies are compared.
#[derive(Clone, Debug)]
pub struct Request {
    pub args: Args,
    pub rule: Rule,
    /// Whether it is answered: not after CLIENT REPLY OFF.
    pub answered: bool,
    /// Whether it is sent as a line instead of an array.
    pub inline: bool,
}

impl Request {
    /// A request that is sent as an array, and answered.
    pub fn new(args: Args, rule: Rule) -> Request {
        Request {
            args,
            rule,
            answered: true,
            inline: false,
        }
    }

    /// The bytes to send.
    pub fn bytes(&self) -> Vec<u8> {
        if !self.inline {
            return encode(&self.args);
        }
        let words: Vec<String> = self.args.iter().map(|arg| notation::quote(arg)).collect();
        (words.join(" ") + "\r\n").into_bytes()
    }
}

/// What the generator knows of a connection.
#[derive(Clone, Copy, Default)]
struct Connection {
    in_multi: bool,
}

/// The generator of one run.
pub struct Generator {
    pub random: Random,
    connections: [Connection; 2],
    /// The data commands that both servers know.
    data: Vec<&'static Command>,
    /// Version of the server that is compared with.
    pub version: (u32, u32),
    /// Group of the command that is being made.
    group: Group,
    /// How many keys it has got behind their number.
    numbered: u64,
}

/// Session commands whose arguments are made from the grammar.
const SESSION: &[&str] = &[
    "client|getname",
    "client|no-evict",
    "client|no-touch",
    "client|setinfo",
    "client|setname",
    "echo",
    "ping",
    "select",
];

/// Data commands that are made in another way or not at all, and why.
const EXCLUDED: &[&str] = &[
    "randomkey",    // needs a SCAN before it
    "lcs",          // its cost is the product of the lengths
    "memory|usage", // allocations differ
    "object|help",
    "memory|help",
];

/// Known differences that are not asked for: the reason, the version since which a server agrees with us
/// (`None`: DIFFERENCE, on purpose and for good), and which requests.
type Known = (&'static str, Option<(u32, u32)>, fn(&Args) -> bool);

const KNOWN: &[Known] = &[
    (
        "DIFFERENCE: Redis leaves out the error of a wrong password while replies wait to be sent",
        None,
        |args| is(args, 0, "AUTH") && is(args, 1, "nobody"),
    ),
    (
        "DIFFERENCE: Redis 7.4 counts a negative offset from the other end, but only where a sorted set is large",
        None,
        collections::has_negative_offset,
    ),
    (
        "DIFFERENCE: COMMAND GETKEYS reads a number of keys that is none as atoi does",
        None,
        collections::miscounts_keys,
    ),
    (
        "DIFFERENCE: XAUTOCLAIM needs no memory for what it might find deleted",
        None,
        |args| {
            let high = |at| args.get(at).is_some_and(|count: &Vec<u8>| count.len() > 9);
            is(args, 0, "XAUTOCLAIM")
                && (7..args.len()).any(|at| is(args, at - 1, "COUNT") && high(at))
        },
    ),
    (
        "SINCE 7.2: consumers are made by asking, and say when they last got something",
        Some((7, 2)),
        groups::is_known_otherwise,
    ),
    (
        "SINCE 7.4: a cursor that is no plain number is invalid",
        Some((7, 4)),
        |args| {
            let plain =
                |cursor: &Vec<u8>| !cursor.is_empty() && cursor.iter().all(u8::is_ascii_digit);
            let at = match () {
                _ if is(args, 0, "SCAN") => 1,
                _ if ["HSCAN", "SSCAN", "ZSCAN"]
                    .iter()
                    .any(|name| is(args, 0, name)) =>
                {
                    2
                }
                _ => return false,
            };
            args.get(at).is_some_and(|cursor| !plain(cursor))
        },
    ),
    (
        "SINCE 7.2: ZRANK and ZREVRANK take WITHSCORE",
        Some((7, 2)),
        |args| {
            let from = if is(args, 0, "COMMAND") { 2 } else { 0 };
            (is(args, from, "ZRANK") || is(args, from, "ZREVRANK")) && args.len() > from + 3
        },
    ),
    (
        "SINCE 7.4: XREAD says otherwise what it lacks, and knows +",
        Some((7, 4)),
        streams::is_read_otherwise,
    ),
    (
        "SINCE 7.2: XINFO STREAM FULL tells when consumers were active",
        Some((7, 2)),
        |args| is(args, 0, "XINFO") && is(args, 1, "STREAM") && args.len() > 3,
    ),
    (
        "SINCE 7.2: XSETID looks first at what was deleted",
        Some((7, 2)),
        |args| is(args, 0, "XSETID"),
    ),
    (
        "SINCE 7.2: BITCOUNT and BITPOS check their ranges before they look for the key",
        Some((7, 2)),
        collections::has_bad_bit_range,
    ),
    (
        "SINCE 7.2: the destinations of sets are overwritten, and are not read",
        Some((7, 2)),
        |args| {
            let store = |name: &Vec<u8>| name.to_ascii_uppercase().ends_with(b"STORE");
            is(args, 1, "GETKEYSANDFLAGS") && args.get(2).is_some_and(store)
        },
    ),
    ("SINCE 7.4: HSCAN takes NOVALUES", Some((7, 4)), |args| {
        is(args, 0, "HSCAN") && (2..args.len()).any(|at| is(args, at, "NOVALUES"))
    }),
    (
        "SINCE 7.4: SCAN with TYPE misses no key that it meets stale",
        Some((7, 4)),
        |args| is(args, 0, "SCAN") && (2..args.len()).any(|at| is(args, at, "TYPE")),
    ),
    (
        "SINCE 7.4: maxmemory-samples ends at 64, and loglevel has one level more",
        Some((7, 4)),
        |args| {
            let name = |at| is(args, at, "maxmemory-samples") || is(args, at, "loglevel");
            is(args, 0, "CONFIG") && is(args, 1, "SET") && (2..args.len()).any(name)
        },
    ),
    (
        "SINCE 7.4: a connection's name is checked up to a null byte",
        Some((7, 4)),
        |args| {
            let names = is(args, 0, "CLIENT") || is(args, 0, "HELLO");
            names && args.iter().any(|arg| arg.contains(&0))
        },
    ),
    (
        "SINCE 7.4: HELLO sets no name when an option behind it is wrong",
        Some((7, 4)),
        |args| is(args, 0, "HELLO") && args.len() > 4,
    ),
    (
        "SINCE 7.4: CLIENT INFO shows no flag for CLIENT NO-EVICT",
        Some((7, 4)),
        |args| is(args, 0, "CLIENT") && is(args, 1, "INFO"),
    ),
    (
        "SINCE 7.4: WAIT checks that the end of its time can be counted",
        Some((7, 4)),
        |args| is(args, 0, "WAIT") && args.get(2).is_some_and(|timeout| timeout.len() > 15),
    ),
    (
        "SINCE 7.4: COMMAND GETKEYS takes a command without arguments",
        Some((7, 4)),
        |args| is(args, 0, "COMMAND") && args[1].len() > 6 && args.len() == 3,
    ),
];

/// Whether the argument is this word in any case.
pub fn is(args: &Args, index: usize, word: &str) -> bool {
    args.get(index)
        .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
}

pub fn words(text: &[&str]) -> Args {
    text.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Major and minor of a version.
pub fn parse_version(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

impl Generator {
    /// `version`: of the server that is compared with.
    pub fn new(random: Random, version: (u32, u32)) -> Generator {
        let group = std::env::var("REDOUBLE_GROUP");
        let data = registry::all()
            .iter()
            .filter(|command| is_on_data(command))
            .filter(|command| parse_version(command.spec.since) <= version)
            .filter(|command| !EXCLUDED.contains(&command.full_name))
            .filter(|command| {
                group.as_ref().is_err() || group.as_deref() == Ok(command.spec.group.name())
            })
            .collect();
        Generator {
            random,
            connections: Default::default(),
            data,
            version,
            group: Group::Generic,
            numbered: 0,
        }
    }

    /// Requests to send to one of the two connections in one write, about `count`.
    pub fn batch(&mut self, connection: usize, count: usize) -> Vec<Request> {
        let mut out = Vec::new();
        while out.len() < count {
            let from = out.len();
            self.some(connection, &mut out);
            // What is left out has no effect on what the generator knows: no known difference is a
            // command that begins or ends a transaction.
            let version = self.version;
            let mut index = 0;
            out.retain(|request| {
                index += 1;
                index <= from || !is_known(&request.args, version)
            });
        }
        out
    }

    /// Whether a transaction is open on the connection.
    pub fn in_multi(&self, connection: usize) -> bool {
        self.connections[connection].in_multi
    }

    /// Requests after which some keys are stale as soon as [`values::SOON`] is over, and requests to send then.
    pub fn stale(&mut self) -> [Vec<Request>; 2] {
        let (mut out, mut then) = (Vec::new(), Vec::new());
        for key in values::keys() {
            if both_know("HPEXPIRE", self.version) && self.one_in(3) {
                let fields = [(); 2].map(|()| values::member(&mut self.random));
                let mut args = words(&["HPEXPIRE"]);
                args.extend([key.clone(), values::SOON.to_string().into_bytes()]);
                args.extend(words(&["FIELDS", "2"]));
                args.extend(fields.clone());
                self.push(args, Rule::Exact, &mut out);
                // DIFFERENCE: a stale field stays in Redis until it is looked at itself, and here until its
                // key is. Not HMGET: it makes Redis 7.4.1 crash if the hash is left empty.
                for field in fields {
                    let mut args = words(&["HGET"]);
                    args.extend([key.clone(), field]);
                    self.push(args, Rule::Exact, &mut then);
                }
            }
            if self.one_in(3) {
                let mut args = words(&["PEXPIRE"]);
                args.extend([key, values::SOON.to_string().into_bytes()]);
                self.push(args, Rule::Exact, &mut out);
            }
        }
        [out, then]
    }

    pub fn one_in(&mut self, times: u64) -> bool {
        self.random.below(times) == 0
    }

    /// Adds the next request, or a few that belong together.
    fn some(&mut self, connection: usize, out: &mut Vec<Request>) {
        let in_multi = self.connections[connection].in_multi;
        match self.random.below(1000) {
            0..30 => self.control(connection, "MULTI", out),
            30..110 if in_multi => self.control(connection, "EXEC", out),
            110..120 if in_multi => self.control(connection, "DISCARD", out),
            30..33 => self.control(connection, "EXEC", out),
            33..36 => self.control(connection, "DISCARD", out),
            // Inside MULTI an error, which dooms the transaction: seldom there.
            120..170 if !in_multi || self.one_in(20) => self.watch(out),
            170..178 => self.control(connection, "UNWATCH", out),
            178..181 => self.control(connection, "RESET", out),
            181..187 => self.unknown(out),
            187..195 => self.hello(in_multi, out),
            195..240 => self.session(out),
            240..260 => self.configuration(out),
            260..290 => self.command_keys(out),
            290..296 => self.command_list(out),
            296..302 if !in_multi => self.reply_mode(out),
            302..310 if !in_multi => self.auth(out),
            310..316 => self.wait(out),
            316..322 => self.debug(out),
            322..330 => self.random_key(out),
            330..345 => self.common_subsequence(out),
            345..385 => self.fill(out),
            _ => self.data(in_multi, out),
        }
    }

    pub fn push(&mut self, args: Args, rule: Rule, out: &mut Vec<Request>) {
        let inline = self.one_in(12);
        out.push(Request {
            inline,
            ..Request::new(args, rule)
        });
    }

    fn control(&mut self, connection: usize, name: &str, out: &mut Vec<Request>) {
        let mut args = words(&[name]);
        if self.one_in(60) {
            args.push(b"x".to_vec());
        } else {
            let state = &mut self.connections[connection];
            match name {
                "MULTI" => state.in_multi = true,
                "EXEC" | "DISCARD" | "RESET" => state.in_multi = false,
                _ => {}
            }
        }
        let rule = match name {
            "EXEC" => Rule::Exec,
            _ => Rule::Exact,
        };
        self.push(args, rule, out);
    }

    fn watch(&mut self, out: &mut Vec<Request>) {
        let mut args = words(&["WATCH"]);
        for _ in 0..self.random.below(4) {
            args.push(values::key(&mut self.random));
        }
        self.push(args, Rule::Exact, out);
    }

    fn unknown(&mut self, out: &mut Vec<Request>) {
        let names: &[&str] = &[
            "NOSUCH", "", "GE T", "OBJECT", "CLIENT", "get\r\nx", "MEMORY",
        ];
        let mut args = words(&[values::pick(&mut self.random, names)]);
        for _ in 0..self.random.below(5) {
            args.push(values::any(&mut self.random));
        }
        self.push(args, Rule::Exact, out);
    }

    fn hello(&mut self, in_multi: bool, out: &mut Vec<Request>) {
        let versions: &[&str] = &[
            "2",
            "3",
            "2",
            "3",
            "1",
            "4",
            "x",
            "03",
            "9223372036854775808",
        ];
        let mut args = words(&["HELLO"]);
        if !self.one_in(6) {
            args.extend(words(&[values::pick(&mut self.random, versions)]));
            if self.one_in(4) {
                args.extend(words(&["SETNAME"]));
                args.push(values::any(&mut self.random));
            }
            if self.one_in(12) {
                args.push(values::any(&mut self.random));
            }
            if !in_multi && self.one_in(6) {
                args.extend(words(&["AUTH", "default", "x"]));
            }
        }
        self.push(args, Rule::Hello, out);
    }

    fn session(&mut self, out: &mut Vec<Request>) {
        if self.one_in(10) {
            return self.push(words(&["CLIENT", "INFO"]), Rule::ClientInfo, out);
        }
        let name = values::pick(&mut self.random, SESSION);
        let command = registry::lookup_full(name.as_bytes()).expect("a command of ours");
        if parse_version(command.spec.since) > self.version {
            return;
        }
        let args = self.call(command);
        self.push(args, Rule::Exact, out);
    }

    fn configuration(&mut self, out: &mut Vec<Request>) {
        let (name, choices) = values::pick(&mut self.random, values::SETTINGS);
        let mut args = match self.one_in(2) {
            true => words(&["CONFIG", "GET", name]),
            false => words(&["CONFIG", "SET", name]),
        };
        if is(&args, 1, "SET") {
            args.extend(words(&[values::pick(&mut self.random, choices)]));
            if self.one_in(4) {
                let (name, choices) = values::pick(&mut self.random, values::SETTINGS);
                args.extend(words(&[name, values::pick(&mut self.random, choices)]));
            }
        }
        if self.one_in(30) {
            args.pop();
        }
        if self.one_in(200) {
            args = words(&["CONFIG", "RESETSTAT"]);
        }
        self.push(args, Rule::Unordered, out);
    }

    /// COMMAND GETKEYS and GETKEYSANDFLAGS of a request for data.
    fn command_keys(&mut self, out: &mut Vec<Request>) {
        let name = match self.one_in(2) {
            true => "GETKEYS",
            false => "GETKEYSANDFLAGS",
        };
        let mut args = words(&["COMMAND", name]);
        let command = values::pick(&mut self.random, &self.data);
        args.extend(self.call(command));
        self.push(args, Rule::Exact, out);
    }

    fn command_list(&mut self, out: &mut Vec<Request>) {
        let mut args = words(&["COMMAND", "LIST"]);
        let filters: &[&[&str]] = &[
            &[],
            &["FILTERBY"],
            &["FILTERBY", "MODULE", "x"],
            &["FILTERBY", "ACLCAT", "string"],
            &["FILTERBY", "ACLCAT", "transaction"],
            &["FILTERBY", "ACLCAT", "keyspace"],
            &["FILTERBY", "ACLCAT", "nosuch"],
            &["FILTERBY", "ACLCAT", "@read"],
            &["filterby", "pattern", "*get*"],
            &["FILTERBY", "PATTERN", "CLIENT|*"],
            &["FILTERBY", "PATTERN", ""],
            &["FILTERBY", "NOSUCH", "x"],
            &["FILTERBY", "PATTERN", "x", "y"],
        ];
        args.extend(words(values::pick(&mut self.random, filters)));
        self.push(args, Rule::CommandNames(self.version), out);
    }

    /// Requests that are not answered, or only one that is not.
    fn reply_mode(&mut self, out: &mut Vec<Request>) {
        let (mode, count) = match self.random.below(3) {
            0 => ("ON", 0),
            1 => ("SKIP", 1),
            _ => ("OFF", self.random.below(5)),
        };
        let from = out.len();
        self.push(words(&["CLIENT", "REPLY", mode]), Rule::Exact, out);
        while out.len() <= from + count as usize {
            let command = values::pick(&mut self.random, &self.data);
            if command.full_name.starts_with("flush") {
                continue;
            }
            let args = self.call(command);
            if !collections::needs_care(&args) && !is_known(&args, self.version) {
                self.push(args, Rule::Exact, out);
            }
        }
        if mode != "ON" {
            for request in &mut out[from..] {
                request.answered = false;
            }
        }
        // The last reply tells that all of them are done, before another connection sends anything.
        if mode == "SKIP" {
            self.push(words(&["PING"]), Rule::Exact, out);
        } else if mode == "OFF" {
            self.push(words(&["CLIENT", "REPLY", "ON"]), Rule::Exact, out);
        }
    }

    fn auth(&mut self, out: &mut Vec<Request>) {
        let all: &[&[&str]] = &[
            &["AUTH"],
            &["AUTH", "x"],
            &["AUTH", "default", "x"],
            &["AUTH", "nobody", "x"],
            &["AUTH", "a", "b", "c"],
        ];
        let args = words(values::pick(&mut self.random, all));
        self.push(args, Rule::Exact, out);
    }

    /// WAIT, never for a replica: that would take time.
    fn wait(&mut self, out: &mut Vec<Request>) {
        let all: &[&[&str]] = &[
            &["WAIT", "0", "0"],
            &["WAIT", "-1", "10"],
            &["WAIT", "0", "-1"],
            &["WAIT", "x", "0"],
            &["WAIT", "0", "x"],
            &["WAIT", "0", "9223372036854775807"],
            &["WAIT", "0"],
        ];
        let args = words(values::pick(&mut self.random, all));
        self.push(args, Rule::Exact, out);
    }

    fn debug(&mut self, out: &mut Vec<Request>) {
        let mut args = words(&["DEBUG", "DIGEST"]);
        if self.one_in(2) {
            args = words(&["DEBUG", "DIGEST-VALUE"]);
            for _ in 0..self.random.below(4) {
                args.push(values::key(&mut self.random));
            }
        }
        self.push(args, Rule::Digest(self.version), out);
    }

    /// RANDOMKEY removes the stale keys that it happens to meet: SCAN removes all of them before.
    fn random_key(&mut self, out: &mut Vec<Request>) {
        self.push(words(&["SCAN", "0", "COUNT", "1000"]), Rule::Scan, out);
        self.push(words(&["RANDOMKEY"]), Rule::RandomKey, out);
    }

    /// LCS of two short strings, which are set before it.
    fn common_subsequence(&mut self, out: &mut Vec<Request>) {
        let keys = [(); 2].map(|()| values::key_for(&mut self.random, Group::String));
        for key in &keys {
            let mut set = words(&["SET"]);
            set.push(key.clone());
            let letters = self.random.below(40);
            set.push(
                (0..letters)
                    .map(|_| b'a' + self.random.below(3) as u8)
                    .collect(),
            );
            if self.one_in(8) {
                set.truncate(2);
                set[0] = b"DEL".to_vec();
            }
            self.push(set, Rule::Exact, out);
        }
        let command = registry::lookup(b"lcs").expect("a command of ours");
        let mut args = self.call(command);
        for (index, key) in keys.into_iter().enumerate() {
            if let Some(arg) = args.get_mut(index + 1) {
                *arg = key;
            }
        }
        self.push(args, Rule::Exact, out);
    }

    fn data(&mut self, in_multi: bool, out: &mut Vec<Request>) {
        let command = values::pick(&mut self.random, &self.data);
        let rare = command.full_name.starts_with("flush") || command.full_name == "function|flush";
        if rare && !self.one_in(15) {
            return;
        }
        let args = self.call(command);
        self.careful(command, args, in_multi, out);
    }

    /// A call of the command, one in six of them spoilt.
    fn call(&mut self, command: &'static Command) -> Args {
        let name = match command.parent() {
            Some(parent) => vec![parent.spec.name, command.spec.name],
            None => vec![command.spec.name],
        };
        let mut args = words(&name);
        if self.one_in(5) {
            args.iter_mut().for_each(|word| word.make_ascii_lowercase());
        }
        let fixed = args.len();
        self.group = command.spec.group;
        self.arguments(command.spec.args, &mut args);
        self.fit_range(&mut args);
        if self.one_in(6) {
            self.spoil(command.spec.args, fixed, &mut args);
        }
        values::tame(&mut self.random, &mut args);
        collections::tame(&mut self.random, &mut args);
        args
    }

    /// Arguments by the grammar. Options at the end come in any order, as the servers take them.
    fn arguments(&mut self, grammar: &[Arg], out: &mut Args) {
        let tail = grammar
            .iter()
            .rposition(|arg| !arg.optional)
            .map_or(0, |last| last + 1);
        let mut number_at = None;
        for arg in &grammar[..tail] {
            let from = out.len();
            self.argument(arg, out);
            if matches!(arg.name, "numkeys" | "numfields") {
                number_at = Some(from);
            } else if let Some(at) = number_at.filter(|_| arg.multiple) {
                let words = if let ArgKind::Block(parts) = arg.kind {
                    parts.len()
                } else {
                    1
                };
                self.numbered = ((out.len() - from) / words) as u64;
                if !self.one_in(12) {
                    out[at] = self.numbered.to_string().into_bytes();
                }
                number_at = None;
            }
        }
        let mut options: Vec<&Arg> = grammar[tail..].iter().collect();
        while !options.is_empty() {
            let next = match self.one_in(3) {
                true => self.random.below(options.len() as u64) as usize,
                false => 0,
            };
            self.argument(options.remove(next), out);
        }
    }

    fn argument(&mut self, arg: &Arg, out: &mut Args) {
        if arg.optional && !self.one_in(3) || !self.knows(arg) {
            return;
        }
        if let Some(token) = arg.token.filter(|token| !token.is_empty()) {
            let mut token = token.as_bytes().to_vec();
            if self.one_in(5) {
                token.make_ascii_lowercase();
            }
            out.push(token);
        }
        let times = match arg.multiple {
            true if arg.name == "weight" && !self.one_in(12) => self.numbered,
            true => 1 + self.random.below(4),
            false => 1,
        };
        for _ in 0..times {
            match arg.kind {
                ArgKind::PureToken => {}
                ArgKind::OneOf(choices) => {
                    let choices: Vec<&Arg> = choices.iter().filter(|arg| self.knows(arg)).collect();
                    let choice = values::pick(&mut self.random, &choices);
                    self.argument(choice, out);
                }
                ArgKind::Block(parts) => self.arguments(parts, out),
                kind => {
                    let group = self.group;
                    out.push(values::of_kind(&mut self.random, kind, arg.name, group));
                }
            }
        }
    }

    /// How the replies of a data command are compared.
    pub fn rule(&self, command: &Command, args: &Args) -> Rule {
        match command.full_name {
            "dump" => Rule::Dump,
            "scan" | "sscan" => Rule::Scan,
            "hscan" if args.iter().any(|arg| arg.eq_ignore_ascii_case(b"NOVALUES")) => Rule::Scan,
            "hscan" => Rule::ScanPairs,
            "zscan" => self.numbers(Rule::ScanPairs),
            "hgetall" => Rule::UnorderedPairs,
            "ttl" | "expiretime" | "httl" | "hexpiretime" => Rule::Within(2),
            "pttl" | "pexpiretime" | "hpttl" | "hpexpiretime" => Rule::Within(2000),
            "object|encoding" => Rule::Encoding(self.version),
            // DIFFERENCE: Redis counts what an argument in MULTI's queue shares, and a small integer counts
            // as shared or not for as long as it lives, whatever the eviction policy is by then.
            // Such an integer has one access clock for all keys, too.
            "object|refcount" | "object|idletime" => Rule::Within(i64::MAX),
            "object|freq" => Rule::Within(255),
            "xpending" | "xinfo|consumers" | "xinfo|stream" => Rule::Clocks,
            _ if command.spec.group == Group::SortedSet => self.numbers(Rule::Exact),
            _ if command.spec.tips.contains(&"nondeterministic_output_order") => Rule::Unordered,
            _ => Rule::Exact,
        }
    }

    /// Whether the server that is compared with knows this argument.
    fn knows(&self, arg: &Arg) -> bool {
        arg.since
            .is_none_or(|since| parse_version(since) <= self.version)
    }

    /// Makes a call that may be wrong, by one or two changes behind the first `fixed` words.
    fn spoil(&mut self, grammar: &[Arg], fixed: usize, args: &mut Args) {
        for _ in 0..1 + self.random.below(2) {
            let count = (args.len() - fixed) as u64;
            let at = fixed + self.random.below(count + 1) as usize;
            let other = fixed + self.random.below(count + 1) as usize;
            match self.random.below(6) {
                0 if at < args.len() => drop(args.remove(at)),
                1 if at < args.len() => {
                    let again = args[at].clone();
                    args.insert(other, again);
                }
                2 if at < args.len() && other < args.len() => args.swap(at, other),
                3 if at < args.len() => args[at] = values::any(&mut self.random),
                4 => args.insert(at, values::any(&mut self.random)),
                _ => {
                    let mut more = Vec::new();
                    for arg in grammar.iter().filter(|arg| arg.optional) {
                        self.argument(arg, &mut more);
                    }
                    args.extend(more);
                }
            }
        }
    }
}

/// Whether the request is a known difference from a server of this version.
fn is_known(args: &Args, version: (u32, u32)) -> bool {
    KNOWN
        .iter()
        .any(|(_, since, is)| since.is_none_or(|since| version < since) && is(args))
}

/// Whether the command works on keys, and on nothing else.
fn is_on_data(command: &Command) -> bool {
    matches!(
        command.spec.handler,
        Handler::Read(_) | Handler::Write(_) | Handler::Blocking(_)
    )
}

/// Whether both servers know the command of this full name.
pub fn both_know(name: &str, version: (u32, u32)) -> bool {
    registry::lookup_full(name.as_bytes())
        .is_some_and(|command| parse_version(command.spec.since) <= version)
}

/// Requests that look at everything there is; they are sent to a connection that does nothing else.
pub fn inspection(version: (u32, u32)) -> Vec<Request> {
    let mut out = Vec::new();
    let mut push = |args: Args, rule: Rule| {
        out.push(Request::new(args, rule));
    };
    counts().for_each(|request| push(request.args, request.rule));
    push(words(&["DEBUG", "DIGEST"]), Rule::Digest(version));
    for database in values::DATABASES {
        push(words(&["SELECT", database]), Rule::Exact);
        push(words(&["DBSIZE"]), Rule::Exact);
        push(words(&["KEYS", "*"]), Rule::Unordered);
        for key in values::keys() {
            let numbers = match version < (7, 2) {
                true => Rule::Numbers(Box::new(Rule::Exact)),
                false => Rule::Exact,
            };
            for (before, rule, after) in [
                (&["TYPE"][..], Rule::Exact, &[][..]),
                (
                    &["DEBUG", "DIGEST-VALUE"],
                    Rule::DigestAfterType(version),
                    &[],
                ),
                (&["OBJECT", "ENCODING"], Rule::Encoding(version), &[]),
                (&["PTTL"], Rule::Within(2000), &[]),
                (&["STRLEN"], Rule::Exact, &[]),
                (&["LRANGE"], Rule::Exact, &["0", "-1"]),
                (&["HGETALL"], Rule::UnorderedPairs, &[]),
                (&["SMEMBERS"], Rule::Unordered, &[]),
                (&["ZRANGE"], numbers, &["0", "-1", "WITHSCORES"]),
                (
                    &["HPTTL"],
                    Rule::Within(2000),
                    &["FIELDS", "7", "a", "b", "c", "d", "1", "2", "3"],
                ),
            ] {
                // DEBUG is one command with words of its own.
                let name = match before[0] {
                    "DEBUG" => "DEBUG".to_string(),
                    _ => before.join("|"),
                };
                if !both_know(&name, version) {
                    continue;
                }
                let mut args = words(before);
                args.push(key.clone());
                args.extend(words(after));
                push(args, rule);
            }
        }
        push(words(&["DBSIZE"]), Rule::Exact);
    }
    out
}

/// Requests that look at what a server has counted.
pub fn counts() -> impl Iterator<Item = Request> {
    let sections = [
        "commandstats",
        "errorstats",
        "stats",
        "persistence",
        "keyspace",
    ];
    sections
        .into_iter()
        .map(|section| Request::new(words(&["INFO", section]), Rule::Info))
}

/// Requests after which everything is counted from the beginning.
pub fn reset_counts() -> Vec<Request> {
    vec![Request::new(words(&["CONFIG", "RESETSTAT"]), Rule::Exact)]
}

/// Requests that make the compact forms small.
pub fn small_forms(version: (u32, u32)) -> Vec<Request> {
    let sets = match version < (7, 2) {
        true => &[],
        false => values::SMALL_SETS,
    };
    values::SMALL
        .iter()
        .chain(sets)
        .map(|(name, value)| Request::new(words(&["CONFIG", "SET", name, value]), Rule::Exact))
        .collect()
}
