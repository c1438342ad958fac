//! The few keys and values that the generated requests are made of: those that lie on edges.

use crate::commands::{Args, is};
use crate::groups;
use crate::payloads::payload;
use crate::sort;
use crate::support::random::Random;
use redouble::commands::spec::{ArgKind, Group};

/// Databases that hold keys.
pub const DATABASES: [&str; 4] = ["0", "1", "2", "15"];

/// Milliseconds after which keys are stale. Redis 7.0 deletes a key at once if it is not done with PEXPIRE
/// before they are over, and then counts no expiry.
pub const SOON: u64 = 10;

/// Settings that change nothing outside the server, and values for them, good and bad.
pub const SETTINGS: &[(&str, &[&str])] = &[
    ("maxmemory-samples", &["5", "0", "64", "x", ""]),
    ("lfu-log-factor", &["0", "10", "-1"]),
    ("lfu-decay-time", &["1", "0", "x"]),
    ("slowlog-max-len", &["128", "-1", "1k"]),
    ("slowlog-log-slower-than", &["10000", "-1", "-2", "1e3"]),
    ("hash-max-listpack-entries", &["4", "128", "4", "x"]),
    ("hash-max-listpack-value", &["8", "64"]),
    ("hash-max-ziplist-entries", &["128", "-5"]),
    ("set-max-intset-entries", &["512", "600"]),
    ("zset-max-listpack-entries", &["4", "128", "0"]),
    (
        "list-max-listpack-size",
        &["-2", "100", "99999999999999999999"],
    ),
    ("list-compress-depth", &["0", "1", " 1"]),
    (
        "notify-keyspace-events",
        &["", "KEA", "AKE", "Kg$x", "q", "Knm"],
    ),
    ("lazyfree-lazy-user-del", &["yes", "no", "YES", "maybe"]),
    ("maxmemory", &["0", "100gb", "-1", "5x", "0b", ""]),
    (
        "maxmemory-policy",
        &[
            "noeviction",
            "allkeys-lru",
            "NOEVICTION",
            "volatile-ttl",
            "x",
        ],
    ),
    ("loglevel", &["notice", "warning", "Notice", "loud"]),
    ("appendfsync", &["everysec", "no", "sometimes"]),
    ("latency-monitor-threshold", &["0", "100", "-1"]),
    ("busy-reply-threshold", &["5000", "0"]),
    ("zset-max-listpack-value", &["64", "8", "0x40"]),
    (
        "hll-sparse-max-bytes",
        &["3000", "100", "30", "3kb", "0", "-1"],
    ),
    ("stream-node-max-bytes", &["4kb", "4096", "1m"]),
    (
        "client-output-buffer-limit",
        &[
            "normal 0 0 0",
            "normal 0 0",
            "pubsub 32mb 8mb 60",
            "x 0 0 0",
        ],
    ),
    ("databases", &["16", "x"]),
    ("nosuch-setting", &["1"]),
];

/// Limits of the compact forms under which everything is converted all the time. Sets of integers may be
/// no smaller than other compact ones: the form of a union would depend on the order of a table.
pub const SMALL: &[(&str, &str)] = &[
    ("hash-max-listpack-entries", "4"),
    ("hash-max-listpack-value", "8"),
    ("set-max-intset-entries", "6"),
    ("zset-max-listpack-entries", "4"),
    ("zset-max-listpack-value", "8"),
    ("hll-sparse-max-bytes", "80"),
    ("list-max-listpack-size", "5"),
];

/// The same for those of sets, which are there since 7.2.
pub const SMALL_SETS: &[(&str, &str)] = &[
    ("set-max-listpack-entries", "5"),
    ("set-max-listpack-value", "8"),
];

const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "7",
    "-3",
    "10",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775806",
    "-9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "4294967295",
    "4294967296",
    "2147483647",
    "2147483648",
    "-2147483648",
    "1000000000000",
    "9999",
    "10000",
];

const NOT_INTEGERS: &[&str] = &[
    "",
    " 1",
    "1 ",
    "+1",
    "01",
    "-0",
    "0x10",
    "1.0",
    "1e3",
    "--1",
    "-",
    "1\0",
    "x",
    "00",
    "99999999999999999999999",
];

const FLOATS: &[&str] = &[
    "0",
    "1.5",
    "-1.5",
    "0.1",
    "0.2",
    "1e17",
    "1e-17",
    "3.0e3",
    "5e20",
    "1e300",
    "-1e308",
    "1e308",
    "1e4932",
    "1e4933",
    "1e-4951",
    "inf",
    "-inf",
    "+inf",
    "Infinity",
    "nan",
    "0x1p-2",
    "0x10",
    ".5",
    "5.",
    "1e",
    "1e+2",
    "00.10",
    " 1",
    "1 ",
    "-0",
    "-0.0",
    "123456789012345678",
    "0.1234567890123456789012345",
    "9007199254740993",
    "99999999999999999.5",
    "1e99999999999",
    "3.14159265358979323846264338327950288",
    "18446744073709551616",
];

const TEXTS: &[&str] = &[
    "",
    "a",
    "hello",
    "Hello World",
    "3.14",
    "\r\n",
    "a\0b",
    "*",
    "NX",
    "EX",
    "GET",
    "ünï",
    "hello hello hello hello hello hello hell",
    "abcdefghijabcdefghijabcdefghijabcdefghijabcd",
    "abcdefghijabcdefghijabcdefghijabcdefghijabcde",
];

const PATTERNS: &[&str] = &[
    "*", "a", "?", "", "[ab]", "[^a]", "k*", "*\\*", "\\", "[", "[a-", "[z-a]*", "**", "k{*}",
    "*?*", "[\\]", "bin*", "[^", "?*?", "\\a",
];

const MEMBERS: &[&str] = &[
    "a",
    "b",
    "c",
    "d",
    "1",
    "2",
    "3",
    "aa",
    "ab",
    "A",
    "",
    "-1",
    "0",
    "32767",
    "32768",
    "-32769",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "01",
    "-0",
    "1.5",
    "123456789",
    "a\0",
    "ü",
    "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm",
    "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm",
];

const SCORES: &[&str] = &[
    "0",
    "1",
    "1",
    "2",
    "3",
    "-1",
    "1.5",
    "0.25",
    "-2.75",
    "0.1",
    "0.2",
    "-0",
    "inf",
    "-inf",
    "+inf",
    "infinity",
    "nan",
    "1e400",
    "-1e400",
    "1e-400",
    "5e-324",
    "1e308",
    "-1e308",
    "1e21",
    "0x10",
    "0x1p-2",
    "9007199254740993",
    "123456789012345678",
    "4294967296",
    "3.0",
    "",
    "a",
    " 1",
    "1 ",
    "1.5e",
];

const SCORE_BOUNDS: &[&str] = &[
    "-inf", "+inf", "inf", "-inf", "+inf", "0", "1", "2", "(1", "(0", "(2", "1.5", "(1.5", "-1",
    "(-1", "(inf", "(-inf", "-0", "(-0", "0x1", "(", "((1", "nan", "(nan", "", "a", "[1", " 1",
    "1e400", "(1e-400",
];

const MEMBER_BOUNDS: &[&str] = &[
    "-", "+", "-", "+", "[a", "(a", "[b", "(b", "[c", "[aa", "(ab", "[1", "(3", "[A", "[", "(",
    "[ü", "a", "", "+a", "-a", "b", "((", "[-", "[+", "[m",
];

const WEIGHTS: &[&str] = &[
    "1", "1", "2", "0", "-1", "0.5", "1.5", "inf", "-inf", "nan", "x", "", "1e308", "-0", "1e400",
];

const BIT_OFFSETS: &[&str] = &[
    "0",
    "7",
    "8",
    "63",
    "64",
    "#0",
    "#1",
    "#7",
    "#100",
    "#-1",
    "#",
    "#x",
    "4294967295",
    "4294967296",
    "#536870911",
    "#536870912",
    "#2305843009213693952",
    "#9223372036854775807",
];

const HLL_SUBCOMMANDS: &[&str] = &["GETREG", "decode", "DECODE", "ENCODING", "TODENSE", "x", ""];

const DEGREES: &[&str] = &[
    "180",
    "-180",
    "180.0001",
    "85.05112878",
    "-85.05112878",
    "85.0511",
    "85.06",
    "-0",
    "1e-9",
    "inf",
    "nan",
    "x",
    "",
    "0x10",
];

const EXTENTS: &[&str] = &[
    "0", "-0", "1e-300", "0.1", "0.5", "-1", "inf", "-inf", "nan", "1e300", "x", "", "20037726",
];

/// Small IDs of a stream, then those on edges, then what is none.
const IDS: &[&str] = &[
    "5-1",
    "5-2",
    "6-1",
    "6",
    "5",
    "6-3",
    "7-2",
    "7",
    "0-1",
    "1-1",
    "4-18446744073709551615",
    "-",
    "+",
    "0-0",
    "0",
    "8-0",
    "18446744073709551615",
    "18446744073709551615-18446744073709551615",
    "$",
    ">",
    "",
    "x",
    "5-",
    "-5",
    "5-1-1",
    "5-x",
    "18446744073709551616",
    "*",
];

const ENCODINGS: &[&str] = &[
    "u8", "i8", "u8", "i8", "u1", "i1", "u2", "i5", "u16", "i16", "i33", "u63", "i64", "i64",
    "u64", "i65", "u0", "i", "x8", "", "U8", "i08", "u8\0",
];

/// One of the choices.
pub fn pick<T: Copy>(random: &mut Random, choices: &[T]) -> T {
    choices[random.below(choices.len() as u64) as usize]
}

fn text(random: &mut Random, choices: &[&str]) -> Vec<u8> {
    pick(random, choices).as_bytes().to_vec()
}

/// All keys.
pub fn keys() -> [Vec<u8>; 16] {
    [
        b"a".to_vec(),
        b"b".to_vec(),
        Vec::new(),
        b"bin\0\xff\r\n".to_vec(),
        b"k{tag}".to_vec(),
        [b'k'; 60].to_vec(),
        b"s".to_vec(),
        b"t".to_vec(),
        b"hll".to_vec(),
        b"hll:2".to_vec(),
        b"geo".to_vec(),
        b"geo:2".to_vec(),
        b"stream".to_vec(),
        b"stream:2".to_vec(),
        b"list".to_vec(),
        b"list:2".to_vec(),
    ]
}

/// One of the keys.
pub fn key(random: &mut Random) -> Vec<u8> {
    let all = keys();
    all[random.below(all.len() as u64) as usize].clone()
}

/// A key for a command of this group: mostly one of those that often hold a value of its type.
pub fn key_for(random: &mut Random, group: Group) -> Vec<u8> {
    let all = keys();
    let own: &[usize] = match group {
        Group::Hash => &[0, 4],
        Group::Set => &[1, 2],
        // Sets serve as sources of sorted sets.
        Group::SortedSet => &[3, 5, 3, 5, 1],
        Group::Bitmap | Group::String => &[6, 7],
        Group::Geo => &[10, 11, 10],
        Group::HyperLogLog => &[8, 9],
        Group::Stream => &[12, 13, 12],
        Group::List => &[14, 15, 14],
        _ => return key(random),
    };
    match random.below(8) {
        0 => key(random),
        _ => all[pick(random, own)].clone(),
    }
}

/// A member or a field: the first few more often, so that they meet.
pub fn member(random: &mut Random) -> Vec<u8> {
    match random.below(20) {
        0 => any(random),
        1..12 => text(random, &MEMBERS[..7]),
        _ => text(random, MEMBERS),
    }
}

/// One end of a range of scores.
pub fn score_bound(random: &mut Random) -> Vec<u8> {
    text(random, SCORE_BOUNDS)
}

/// One end of a range of members.
pub fn member_bound(random: &mut Random) -> Vec<u8> {
    text(random, MEMBER_BOUNDS)
}

/// An index from either end.
pub fn index(random: &mut Random) -> Vec<u8> {
    match random.below(5) {
        0 => text(random, INTEGERS),
        _ => (random.below(14) as i64 - 7).to_string().into_bytes(),
    }
}

/// The offset of a bit, or of a field after `#`.
fn bit_offset(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => any(random),
        1 | 2 => text(random, BIT_OFFSETS),
        _ => random.below(200).to_string().into_bytes(),
    }
}

/// One end of a range of bits or bytes.
fn bit_bound(random: &mut Random) -> Vec<u8> {
    match random.below(10) {
        0 => text(random, NOT_INTEGERS),
        1 | 2 => text(random, INTEGERS),
        _ => (random.below(200) as i64 - 100).to_string().into_bytes(),
    }
}

/// A string of bits for a bitmap: any, or long runs of equal ones.
pub fn bits(random: &mut Random) -> Vec<u8> {
    let len = random.below(40) as usize;
    let mut bytes = match random.below(3) {
        0 => return random.bytes(len),
        1 => vec![0; len],
        _ => vec![0xff; len],
    };
    for _ in 0..random.below(3) {
        if let Some(at) = len.checked_sub(1) {
            bytes[random.below(at as u64 + 1) as usize] = random.next() as u8;
        }
    }
    bytes
}

/// An ID of an entry of a stream, mostly, or one end of a range of them.
pub fn stream_id(random: &mut Random) -> Vec<u8> {
    let id = match random.below(10) {
        0 => text(random, IDS),
        1 | 2 => text(random, &IDS[..16]),
        _ => text(random, &IDS[..8]),
    };
    match random.below(10) {
        0 => [b"(", &id[..]].concat(),
        _ => id,
    }
}

/// The ID of an entry that is added: mostly one that the server completes, so that it is the same on all
/// servers and often a good one.
pub fn new_stream_id(random: &mut Random) -> Vec<u8> {
    match random.below(60) {
        0 => text(random, IDS),
        1..8 => text(random, &IDS[..8]),
        _ => text(random, &["5-*", "6-*", "7-*", "7-*"]),
    }
}

/// Degrees: mostly on a coarse grid, so that distances are equal, or near each other, or on an edge.
pub fn degrees(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => text(random, DEGREES),
        1..6 => (random.below(7) as f64 / 1_000.0).to_string().into_bytes(),
        6..9 => ((random.below(5) as f64 - 2.0) * 20.0)
            .to_string()
            .into_bytes(),
        _ => {
            let degrees = (random.below(1_700_000) as f64 - 850_000.0) / 10_000.0;
            degrees.to_string().into_bytes()
        }
    }
}

/// How far a search reaches, in whatever unit.
fn extent(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0 => text(random, EXTENTS),
        _ => {
            let power = random.below(8) as u32;
            (random.below(1_000) * 10u64.pow(power) / 100)
                .to_string()
                .into_bytes()
        }
    }
}

/// A score: mostly one that is good.
fn score(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => text(random, SCORES),
        _ => text(random, &SCORES[..16]),
    }
}

/// A pattern for keys.
pub fn pattern(random: &mut Random) -> Vec<u8> {
    text(random, PATTERNS)
}

/// A value of any kind.
pub fn any(random: &mut Random) -> Vec<u8> {
    match random.below(12) {
        0..4 => text(random, INTEGERS),
        4 => text(random, NOT_INTEGERS),
        5..7 => text(random, FLOATS),
        7..10 => text(random, TEXTS),
        10 => match random.below(3) {
            0 => random.bytes(8),
            1 => vec![b'y'; 100],
            _ => vec![b'x'; 5000],
        },
        _ => key(random),
    }
}

/// A value for an argument of this kind and name; seldom one of another kind.
pub fn of_kind(random: &mut Random, kind: ArgKind, name: &str, group: Group) -> Vec<u8> {
    let collection = matches!(group, Group::Hash | Group::Set | Group::SortedSet);
    match (kind, name) {
        (ArgKind::Key(_), _) => key_for(random, group),
        (ArgKind::String, "id" | "ID" | "start" | "end" | "threshold" | "last-id")
            if group == Group::Stream && random.below(20) != 0 =>
        {
            stream_id(random)
        }
        (ArgKind::Integer, "count") if group == Group::Stream && random.below(4) != 0 => {
            (random.below(9) as i64 - 2).to_string().into_bytes()
        }
        (ArgKind::String, "group" | "consumer") if group == Group::Stream => {
            groups::name(random, name)
        }
        (_, "min-idle-time") if random.below(8) != 0 => text(random, &["0", "0", "500000000"]),
        (ArgKind::Integer, "milliseconds") if group == Group::Stream => {
            text(random, &["2", "2", "0", "-1", "x"])
        }
        (ArgKind::Pattern, _) => pattern(random),
        (ArgKind::KeyPattern(_), _) => sort::pattern(random),
        (ArgKind::String, "member" | "member1" | "member2" | "field") => member(random),
        (ArgKind::String, "value") if collection => member(random),
        (ArgKind::Double, "min" | "max") => score_bound(random),
        (ArgKind::String, "min" | "max") => member_bound(random),
        (ArgKind::Double, "score") => score(random),
        (ArgKind::Double, "longitude" | "latitude") => degrees(random),
        (ArgKind::Double, "radius" | "width" | "height") => extent(random),
        (ArgKind::Integer, "count") if group == Group::Geo => index(random),
        (ArgKind::Integer, "increment") if group == Group::SortedSet => score(random),
        (ArgKind::Integer, "weight") => text(random, WEIGHTS),
        (ArgKind::Double, "timeout") => text(random, &["0.01", "0", "-1", "x", "inf", "1e300", ""]),
        (ArgKind::String, "serialized-value") if random.below(30) != 0 => payload(random),
        (ArgKind::Integer, "ttl") if random.below(2) == 0 => b"0".to_vec(),
        (ArgKind::Integer, "ttl") => span(random),
        (ArgKind::Integer, "frequency") => text(random, &["0", "5", "255", "256", "-1", "x"]),
        (ArgKind::String, "element") => member(random),
        (ArgKind::String, "subcommand") => text(random, HLL_SUBCOMMANDS),
        (ArgKind::String, "encoding") => text(random, ENCODINGS),
        (ArgKind::Integer, "offset") if group == Group::Bitmap => bit_offset(random),
        (ArgKind::Integer, "bit" | "value") if group == Group::Bitmap && random.below(4) != 0 => {
            text(random, &["0", "1"])
        }
        (ArgKind::Integer, "increment") if group == Group::Bitmap && random.below(2) == 0 => {
            index(random)
        }
        (ArgKind::Integer, "start" | "end") if group == Group::Bitmap => bit_bound(random),
        (ArgKind::Integer, "count" | "limit" | "offset") if collection && random.below(4) != 0 => {
            (random.below(9) as i64 - 2).to_string().into_bytes()
        }
        (ArgKind::Integer | ArgKind::String, "start" | "stop") if collection => index(random),
        (ArgKind::Double, _) => text(random, FLOATS),
        (ArgKind::UnixTime, _) => text(random, UNIX_TIMES),
        (ArgKind::Integer, "seconds" | "milliseconds") => span(random),
        (ArgKind::Integer, "index" | "index1" | "index2" | "db" | "destination-db") => {
            database(random)
        }
        (ArgKind::Integer, _) if random.below(12) == 0 => text(random, NOT_INTEGERS),
        (ArgKind::Integer, "start" | "end") if random.below(2) == 0 => {
            (random.below(14) as i64 - 7).to_string().into_bytes()
        }
        (ArgKind::Integer, "offset") if random.below(2) == 0 => {
            random.below(60).to_string().into_bytes()
        }
        (ArgKind::Integer, _) => text(random, INTEGERS),
        (_, "type") => text(random, &["string", "STRING", "list", "hash", "nosuch", ""]),
        (_, "libname" | "libver" | "connection-name") if random.below(2) == 0 => {
            text(random, &["name", "a.b-c", "~", "!"])
        }
        _ => any(random),
    }
}

fn database(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => text(
            random,
            &[
                "16",
                "-1",
                "x",
                "01",
                "",
                "9223372036854775808",
                "4294967296",
            ],
        ),
        1..5 => b"0".to_vec(),
        _ => text(random, &DATABASES),
    }
}

/// In the year 2100, or past, in seconds and in milliseconds; or not a time.
const UNIX_TIMES: &[&str] = &[
    "4102444800",
    "4102444800000",
    "4102444801",
    "4102444800001",
    "1",
    "1000",
    "0",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775",
    "9223372036854776",
    "x",
    "1.5",
];

/// Seconds or milliseconds from now: past, over the bounds, or so far that the test ends before. Two that
/// are not equal are seconds apart, so that comparisons do not depend on when they are made.
fn span(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => text(
            random,
            &[
                "0",
                "-1",
                "-1000",
                "x",
                "1.5",
                "",
                "9223372036854775807",
                "-9223372036854775808",
                "9223372036854776",
                "-9223372036854776",
            ],
        ),
        _ => far(random),
    }
}

fn far(random: &mut Random) -> Vec<u8> {
    (1_000_000_000 + 10_000 * random.below(1_000_000))
        .to_string()
        .into_bytes()
}

/// Changes what would depend on time, take too much memory, or on the order of keys.
pub fn tame(random: &mut Random, args: &mut Args) {
    let relative = [
        "EXPIRE",
        "PEXPIRE",
        "SETEX",
        "PSETEX",
        "HEXPIRE",
        "HPEXPIRE",
        "RESTORE",
        "RESTORE-ASKING",
    ];
    for index in 1..args.len() {
        let third = index == 2 && relative.iter().any(|name| is(args, 0, name));
        let option = is(args, index - 1, "EX") || is(args, index - 1, "PX");
        let soon = number(&args[index]).is_some_and(|n| (1..1_000_000_000).contains(&n));
        if (third || option) && soon {
            args[index] = far(random);
        }
    }
    if is(args, 0, "SETRANGE") && args.len() > 2 {
        let large = |n: i64| (10_000..=536_870_912).contains(&n);
        if number(&args[2]).is_some_and(large) {
            args[2] = b"9999".to_vec();
        }
    }
    tame_offsets(args);
    if is(args, 0, "SCAN") {
        tame_scan(args, 1);
    }
}

/// Offsets of bits that are not too large, but would make a large string, become smaller.
fn tame_offsets(args: &mut Args) {
    let field = |arg: &Vec<u8>| matches!(arg.first(), Some(b'i' | b'u' | b'I' | b'U'));
    for index in 2..args.len() {
        let offset = match () {
            _ if is(args, 0, "SETBIT") => index == 2,
            _ if is(args, 0, "BITFIELD") => field(&args[index - 1]),
            _ => return,
        };
        let digits = args[index].strip_prefix(b"#").unwrap_or(&args[index]);
        let large = number(digits).is_some_and(|n| (1_000..=1 << 32).contains(&n));
        if offset && large && args[index] != b"4294967296" {
            args[index] = b"999".to_vec();
        }
    }
}

/// Bits of strings that [`tame`] leaves to writes at bit offsets.
pub const BITS: u64 = 64_000;

/// Makes a scan, whose cursor is argument `at`, begin at the beginning and end at the end: between them
/// the order of elements shows.
pub fn tame_scan(args: &mut Args, at: usize) {
    if args.len() <= at {
        return;
    }
    // Cursors are read as by strtoull, up to a null byte.
    let cursor = args[at].split(|byte| *byte == 0).next().unwrap_or_default();
    let cursor = String::from_utf8_lossy(cursor).trim().parse::<i128>();
    if cursor.is_ok_and(|n| n > 0 || n < i64::MIN.into()) {
        args[at] = b"0".to_vec();
    }
    // There are more than the default COUNT where a spoilt request has made some.
    if !(at + 1..args.len()).any(|index| is(args, index, "COUNT")) {
        args.extend([b"count".to_vec(), b"10000".to_vec()]);
    }
    for index in at + 1..args.len() {
        let small = number(&args[index]).is_some_and(|n| (1..10_000).contains(&n));
        if is(args, index - 1, "COUNT") && small {
            args[index] = b"10000".to_vec();
        }
    }
}

fn number(arg: &[u8]) -> Option<i64> {
    std::str::from_utf8(arg).ok()?.trim().parse::<i64>().ok()
}
