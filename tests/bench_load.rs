//! The parts of the benchmarks whose faults would make wrong figures without a sign of it: the requests that the
//! load sends, the readers of replies, and the marketplace's bookkeeping. redis-protocol is the independent reader.

// The load needs epoll, so that on other systems these parts are not used either.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/marketplace/game.rs"]
mod game;
#[path = "../benches/marketplace/ledger.rs"]
mod ledger;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/marketplace/link.rs"]
mod link;
#[path = "../benches/support/mod.rs"]
mod support;
#[path = "../benches/compare/template.rs"]
mod template;
#[allow(dead_code, reason = "the benchmark uses the rest")]
#[path = "../benches/compare/workload.rs"]
mod workload;

use std::collections::HashSet;

use ledger::{Ledger, Place};
use link::{Link, Reply};
use redis_protocol::resp2::decode::decode;
use redis_protocol::resp2::types::{OwnedFrame, Resp2Frame};
use support::directory::Directory;
use support::request::{Random, push_command};
use support::scan::{Malformed, Scanner};
use support::server::Target;
use workload::{KEY_SPACE, WORKLOADS, key_name};

const REPLIES: &[u8] =
    b"+OK\r\n:12\r\n:-500\r\n$3\r\nabc\r\n$-1\r\n*-1\r\n*0\r\n-ERR no such thing\r\n$0\r\n\r\n\
    *3\r\n$4\r\na\r\nb\r\n:1\r\n*2\r\n+OK\r\n-WRONGTYPE no\r\n*2\r\n*1\r\n*0\r\n$-1\r\n+QUEUED\r\n";

/// Counts in whole frames what the scanner counts without them.
fn count(frame: &OwnedFrame, expected: &mut Scanner) {
    match frame {
        OwnedFrame::Error(text) => {
            expected.errors += 1;
            expected.first_error.get_or_insert_with(|| text.clone());
        }
        OwnedFrame::Null => expected.nils += 1,
        OwnedFrame::BulkString(bytes) => expected.payload += bytes.len() as u64,
        OwnedFrame::Array(frames) => frames.iter().for_each(|frame| count(frame, expected)),
        OwnedFrame::Integer(number) => expected.integers += number,
        OwnedFrame::SimpleString(_) => (),
    }
}

fn frames(mut bytes: &[u8]) -> Vec<OwnedFrame> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let (frame, length) = decode(bytes).expect("valid RESP2").expect("a whole frame");
        frames.push(frame);
        bytes = &bytes[length..];
    }
    frames
}

/// Feeds `pieces` as a socket would deliver them: what is not taken comes again.
fn scan(pieces: &[&[u8]]) -> Scanner {
    let mut scanner = Scanner::default();
    let mut rest = Vec::new();
    for piece in pieces {
        rest.extend_from_slice(piece);
        let taken = scanner.feed(&rest).expect("valid RESP2");
        rest.drain(..taken);
    }
    assert!(rest.is_empty(), "left over: {rest:?}");
    scanner
}

#[test]
fn the_scanner_counts_what_a_full_reader_sees_however_the_stream_is_cut() {
    let mut expected = Scanner::default();
    for frame in frames(REPLIES) {
        expected.replies += 1;
        count(&frame, &mut expected);
    }
    assert_eq!((expected.errors, expected.nils), (2, 3));
    for first in 0..=REPLIES.len() {
        for second in first..=REPLIES.len() {
            let pieces = [
                &REPLIES[..first],
                &REPLIES[first..second],
                &REPLIES[second..],
            ];
            assert_eq!(scan(&pieces), expected, "cut at {first} and {second}");
        }
    }
}

#[test]
fn a_reply_counts_only_once_its_last_byte_is_there() {
    for reply in ["$3\r\nabc\r\n", "*2\r\n:1\r\n$1\r\nx\r\n", "-ERR\r\n"] {
        for end in 0..reply.len() {
            let mut scanner = Scanner::default();
            scanner
                .feed(&reply.as_bytes()[..end])
                .expect("valid so far");
            assert_eq!(scanner.replies, 0, "{:?}", &reply[..end]);
        }
        assert_eq!(scan(&[reply.as_bytes()]).replies, 1);
    }
}

#[test]
fn what_is_not_resp2_is_refused() {
    for bytes in [
        "hello\r\n",
        ":x\r\n",
        ":-\r\n",
        ":\r\n",
        "$x\r\n",
        "$\r\n",
        "*-2\r\n",
        "+OK\n",
        "\r\n",
        "$99999999999\r\n",
    ] {
        let result = Scanner::default().feed(bytes.as_bytes());
        assert_eq!(result, Err(Malformed), "{bytes:?}");
    }
}

/// The arguments of one request frame.
fn arguments(frame: &OwnedFrame) -> Vec<String> {
    let OwnedFrame::Array(arguments) = frame else {
        panic!("no request: {frame:?}");
    };
    arguments
        .iter()
        .map(|argument| argument.to_string().expect("text"))
        .collect()
}

/// Which arguments of a request are keys of the key space.
fn keys(request: &[String]) -> Vec<&String> {
    let after_name = &request[1..];
    match request[0].as_str() {
        "MULTI" | "EXEC" => vec![],
        "MGET" => after_name.iter().collect(),
        "SET" | "MSET" => after_name.iter().step_by(2).collect(),
        _ => vec![&after_name[0]],
    }
}

#[test]
fn every_write_is_whole_commands_on_keys_of_the_key_space() {
    let names: HashSet<String> = (0..KEY_SPACE).map(key_name).collect();
    for workload in WORKLOADS.iter().filter(|workload| workload.size == 0) {
        for pipeline in [1, 16] {
            let mut template = workload.template(pipeline);
            let mut random = Random::new(7);
            let mut used = HashSet::new();
            for _ in 0..50 {
                let requests = frames(template.next(&mut random));
                assert_eq!(requests.len() as u64, template.replies, "{}", workload.name);
                for request in requests.iter().map(arguments) {
                    for key in keys(&request) {
                        assert!(names.contains(key), "{}: {key}", workload.name);
                        used.insert(key.clone());
                    }
                    match request[0].as_str() {
                        "SET" | "MSET" => assert_eq!(request[2].len(), workload.value_size),
                        "HSET" => assert_eq!(request[3].len(), workload.value_size),
                        _ => (),
                    }
                }
            }
            assert!(
                used.len() > 45 * pipeline,
                "{} repeats its keys",
                workload.name
            );
        }
    }
}

/// The digits at the end of `text`, which must begin with `prefix`.
fn number(text: &str, prefix: &str) -> u64 {
    let digits = text.strip_prefix(prefix).expect("the prefix");
    assert_eq!(digits.len(), 6, "{text}");
    digits.parse().expect("digits")
}

#[test]
fn every_write_on_a_collection_names_what_is_in_it() {
    for workload in WORKLOADS.iter().filter(|workload| workload.size > 0) {
        for workload in [*workload, workload.small()] {
            let mut template = workload.template(16);
            let mut random = Random::new(7);
            for _ in 0..200 {
                let requests = frames(template.next(&mut random));
                assert_eq!((requests.len() as u64, template.replies), (16, 16));
                for request in requests.iter().map(arguments) {
                    let words: Vec<&str> = request.iter().map(String::as_str).collect();
                    match words[..] {
                        ["ZADD", "one", score, member] => {
                            assert!(number(score, "") >= 100_000);
                            assert!(number(member, "member:") < workload.size);
                        }
                        ["ZSCORE" | "ZRANK", "one", member] => {
                            assert!(number(member, "member:") < workload.size);
                        }
                        ["ZRANGE", "one", first, last] => {
                            // A rank with a zero before it would be refused.
                            assert!(number(first, "") >= 100_000);
                            assert!(number(last, "") < workload.size);
                            assert_eq!(number(last, "") - number(first, ""), 9);
                        }
                        ["SINTER", "one", "two"]
                        | ["ZUNIONSTORE", "sum", "2", "one", "two"]
                        | ["HGETALL" | "LPOP" | "BITCOUNT", "one"]
                        | ["LPUSH" | "RPUSH", "one", "xxx"]
                        | ["LRANGE", "one", "0", "99" | "599"]
                        | ["XADD", "one", "*", "field", "xxx"] => (),
                        ["XRANGE", "one", first, "+", "COUNT", "100"] => {
                            let ids = 100_000..=100_000 + workload.size - 100;
                            assert!(ids.contains(&number(first, "")));
                        }
                        ["SETBIT", "one", bit, "1"] => assert!(number(bit, "") < 1_000_000),
                        ["PFADD", "one", member] => {
                            assert!(number(member, "member:") < workload.size);
                        }
                        [
                            "GEOSEARCH",
                            "one",
                            "FROMLONLAT",
                            x,
                            y,
                            "BYRADIUS",
                            "5",
                            "km",
                        ] => {
                            let inside = 200_000..800_000;
                            assert!(inside.contains(&number(x, "13.")));
                            assert!(inside.contains(&number(y, "52.")));
                        }
                        [
                            "XREADGROUP",
                            "GROUP",
                            "group",
                            _,
                            "COUNT",
                            "10",
                            "STREAMS",
                            "one",
                            ">",
                        ] => (),
                        _ => panic!("{}: {words:?}", workload.name),
                    }
                }
            }
        }
    }
}

#[test]
fn a_workload_that_has_a_goal_is_measured_where_it_has_it() {
    let asked = [1, 16, 64];
    for workload in WORKLOADS {
        let at = workload.pipelines(&asked);
        assert!(!at.is_empty(), "{}", workload.name);
        let goals = asked.map(|pipeline| workload.goal(pipeline).is_some());
        let measured = asked.map(|pipeline| at.contains(&pipeline));
        if goals.contains(&true) {
            assert_eq!(goals, measured, "{}", workload.name);
        }
    }
}

#[test]
fn the_watch_cycle_stays_on_one_key_and_the_next_takes_another() {
    let workload = WORKLOADS.iter().find(|workload| workload.name == "watch");
    let mut template = workload.expect("there is a watch workload").template(3);
    let requests: Vec<Vec<String>> = frames(template.next(&mut Random::new(1)))
        .iter()
        .map(arguments)
        .collect();
    let mut keys = HashSet::new();
    for cycle in requests.chunks(5) {
        let names: Vec<&str> = cycle.iter().map(|request| request[0].as_str()).collect();
        assert_eq!(names, ["WATCH", "GET", "MULTI", "SET", "EXEC"]);
        assert_eq!(cycle[0][1], cycle[1][1]);
        assert_eq!(cycle[0][1], cycle[3][1]);
        keys.insert(cycle[0][1].clone());
    }
    assert_eq!(keys.len(), 3);
}

#[test]
fn random_keys_cover_the_key_space_evenly() {
    let mut random = Random::new(0);
    let mut tenths = [0; 10];
    for _ in 0..100_000 {
        tenths[(random.below(KEY_SPACE) * 10 / KEY_SPACE) as usize] += 1;
    }
    assert!(
        tenths.iter().all(|&count| (9_000..11_000).contains(&count)),
        "{tenths:?}"
    );
}

#[test]
fn commands_are_written_as_resp2_with_the_ends_of_their_arguments() {
    let mut bytes = b"before".to_vec();
    let ends = push_command(&mut bytes, &[b"SET", b"key", b""]);
    assert_eq!(&bytes[6..], b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
    assert_eq!(ends, [11, 20, 26]);
}

/// A whole frame as the marketplace's clients see it.
fn reply(frame: &OwnedFrame) -> Reply {
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).expect("text");
    match frame {
        OwnedFrame::Error(text) => Reply::Error(text.clone()),
        OwnedFrame::Null => Reply::Null,
        OwnedFrame::BulkString(bytes) => Reply::Text(text(bytes)),
        OwnedFrame::SimpleString(bytes) => Reply::Status(text(bytes)),
        OwnedFrame::Integer(number) => Reply::Integer(*number),
        OwnedFrame::Array(frames) => Reply::Array(frames.iter().map(reply).collect()),
    }
}

#[test]
fn a_client_of_the_marketplace_reads_what_a_full_reader_sees() {
    let mut rest = REPLIES;
    for frame in frames(REPLIES) {
        let found = link::read(&mut rest).expect("valid RESP2");
        assert_eq!(found, reply(&frame));
    }
    assert!(rest.is_empty());
    for bytes in [
        "",
        "\r\n",
        "hello\r\n",
        "$3\r\nab",
        "*2\r\n:1\r\n",
        ":x\r\n",
        "*-2\r\n",
    ] {
        let result = link::read(&mut bytes.as_bytes());
        assert!(result.is_err(), "{bytes:?} gives {result:?}");
    }
}

/// Three items and 100 coins of two players, after `change` to what is found.
fn verdict(change: impl Fn(&mut Vec<(u64, Place)>, &mut [i64; 2])) -> Result<(), String> {
    let (first, offer) = (Place::Inventory(0), Place::Market(1));
    let mut items = vec![(2, first.clone()), (0, first), (1, offer)];
    let mut coins = [70, 30];
    change(&mut items, &mut coins);
    let mut ledger = Ledger::new(3, 100);
    for (item, place) in items {
        ledger.item(item, place);
    }
    for (player, coins) in coins.into_iter().enumerate() {
        ledger.funds(player as u64, coins);
    }
    ledger.verdict()
}

#[test]
fn the_ledger_names_every_item_and_coin_that_is_lost_or_made() {
    assert_eq!(verdict(|_, _| ()), Ok(()));
    let cases = [
        (
            verdict(|items, _| items.truncate(2)),
            "1 fault(s): item 1 is nowhere",
        ),
        (
            verdict(|items, _| items.push((1, Place::Inventory(1)))),
            "1 fault(s): item 1 is in Market(1) and in Inventory(1)",
        ),
        (
            verdict(|items, _| items.push((3, Place::Market(0)))),
            "1 fault(s): item 3 is new, in Market(0)",
        ),
        (
            verdict(|_, coins| coins[0] -= 1),
            "1 fault(s): there are 99 coins, not 100",
        ),
        (
            verdict(|_, coins| coins[1] += 1),
            "1 fault(s): there are 101 coins, not 100",
        ),
        (
            verdict(|_, coins| *coins = [101, -1]),
            "1 fault(s): player 1 has -1 coins",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, Err(expected.to_owned()));
    }
}

#[test]
fn the_check_of_a_game_finds_whatever_was_done_behind_its_back() {
    const ITEMS: u64 = 60;
    let directory = Directory::new().expect("a directory");
    let target = Target::ours().expect("the server");
    let server = target.start(2, &[], directory.path()).expect("it starts");
    let mut link = Link::open(server.address).expect("it answers");
    let mut begin = |commands: &[&[&str]]| {
        game::begin(&server, ITEMS).expect("the players");
        for command in commands {
            link.ask(command).expect("no error");
        }
    };
    let check = |offers| game::check(&server, ITEMS, offers).map_err(|error| error.to_string());

    begin(&[]);
    assert_eq!(check(0), Ok(()));
    assert_eq!(check(1), Err("0 offers on the market, not 1".to_owned()));
    let out: &[&str] = &["SREM", "inventory:7", "item7"];
    let offer: &[&str] = &["ZADD", "market:", "5", "item7.7"];
    begin(&[out, offer]);
    assert_eq!(check(1), Ok(()));
    begin(&[out]);
    assert_eq!(check(0), Err("1 fault(s): item 7 is nowhere".to_owned()));
    begin(&[offer]);
    let twice = "1 fault(s): item 7 is in Inventory(7) and in Market(7)";
    assert_eq!(check(1), Err(twice.to_owned()));
    begin(&[out, &["ZADD", "market:", "101", "item7.7"]]);
    assert_eq!(check(1), Err("item7.7 is offered at 101".to_owned()));
    begin(&[&["HINCRBY", "users:3", "funds", "1"]]);
    let coins = "1 fault(s): there are 20001 coins, not 20000";
    assert_eq!(check(0), Err(coins.to_owned()));
    begin(&[&["HSET", "users:3", "name", "x"]]);
    let name = r#"player 3 has become ["x", "1000"]"#;
    assert_eq!(check(0), Err(name.to_owned()));
}
