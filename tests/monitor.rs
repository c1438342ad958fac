//! MONITOR with many clients at once on two threads: the order of what is shown, and who must not be hurt.

mod support;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use support::client::{Client, encode, patience};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

/// A line of the feed, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    micros: u64,
    database: String,
    address: String,
    /// The arguments in their quotes.
    what: String,
}

impl Line {
    fn parse(text: &str) -> Line {
        let fields = |text: &str| -> Option<Line> {
            let (time, rest) = text.split_once(" [")?;
            let (place, what) = rest.split_once("] ")?;
            let (seconds, micros) = time.split_once('.')?;
            let (database, address) = place.split_once(' ')?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            (micros.len() == 6 && digits(micros) && digits(seconds)).then_some(())?;
            Some(Line {
                micros: seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?,
                database: database.to_owned(),
                address: address.to_owned(),
                what: what.to_owned(),
            })
        };
        fields(text).unwrap_or_else(|| panic!("not a line of MONITOR: {text:?}"))
    }
}

fn next_line(monitor: &mut Client) -> Line {
    match monitor.read() {
        Value::Simple(text) => Line::parse(&String::from_utf8_lossy(&text)),
        other => panic!("not a line of MONITOR: {other:?}"),
    }
}

/// The lines until a PING with this word.
fn lines_until(monitor: &mut Client, word: &str) -> Vec<Line> {
    let end = format!("\"PING\" \"{word}\"");
    std::iter::from_fn(|| Some(next_line(monitor)).filter(|line| line.what != end)).collect()
}

fn monitor(server: &Server, protocol: u8) -> Client {
    let mut client = server.connect_as(protocol);
    assert_eq!(client.call(&["MONITOR"]), Value::Simple(b"OK".to_vec()));
    client
}

/// The client's address as the feed shows it.
fn address(client: &mut Client) -> String {
    let info = client.ok("CLIENT INFO").text().unwrap_or_default();
    let info = String::from_utf8_lossy(&info).into_owned();
    let address = info
        .split(' ')
        .find_map(|field| field.strip_prefix("addr="));
    address.expect("an address").to_owned()
}

/// One client of the test below: appends its letter, and looks at the length. Returns the lengths.
fn append_and_look(mut client: Client, letter: &str, mut random: Random) -> VecDeque<i64> {
    let mut lengths = VecDeque::new();
    for _ in 0..150 {
        let mut bytes = Vec::new();
        let mut replies = Vec::new();
        for _ in 0..1 + random.below(20) {
            match random.below(4) {
                0 => {
                    bytes.extend(encode(&["STRLEN", "k"]));
                    replies.push("look");
                }
                1 => {
                    let requests: [&[&str]; 5] = [
                        &["MULTI"],
                        &["APPEND", "k", letter],
                        &["APPEND", "other", letter],
                        &["STRLEN", "k"],
                        &["EXEC"],
                    ];
                    bytes.extend(requests.iter().flat_map(|request| encode(request)));
                    replies.extend(["skip", "skip", "skip", "skip", "exec"]);
                }
                _ => {
                    bytes.extend(encode(&["APPEND", "k", letter]));
                    replies.push("skip");
                }
            }
        }
        client.send_raw(&bytes).expect("sent");
        for kind in replies {
            let reply = client.read();
            match kind {
                "look" => lengths.extend(reply.number()),
                "exec" => lengths.extend(reply.elements()[2].number()),
                _ => {}
            }
        }
    }
    lengths
}

#[test]
fn the_order_on_a_key_is_that_of_the_effects() {
    let mut random = Random::for_test("the_order_on_a_key_is_that_of_the_effects");
    let server = Server::start(&[]);
    let mut monitors: Vec<Client> = [2, 3, 2].map(|protocol| monitor(&server, protocol)).into();
    let mut clients = Vec::new();
    for letter in ["a", "b", "c", "d", "e", "f"] {
        let mut client = server.connect();
        clients.push((address(&mut client), client, letter));
    }
    server.connect().ok("PING begin");
    for monitor in &mut monitors {
        lines_until(monitor, "begin");
    }
    let (feeds, mut lengths) = thread::scope(|scope| {
        let readers: Vec<_> = monitors
            .iter_mut()
            .map(|monitor| scope.spawn(|| lines_until(monitor, "end")))
            .collect();
        let writers: Vec<_> = clients
            .into_iter()
            .map(|(address, client, letter)| {
                let random = random.fork();
                let run = scope.spawn(move || append_and_look(client, letter, random));
                (address, run)
            })
            .collect();
        let lengths: BTreeMap<String, VecDeque<i64>> = writers
            .into_iter()
            .map(|(address, run)| (address, run.join().expect("a writer")))
            .collect();
        server.connect().ok("PING end");
        let feeds: Vec<Vec<Line>> = readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader"))
            .collect();
        (feeds, lengths)
    });
    for other in &feeds[1..] {
        assert!(*other == feeds[0], "two monitors saw different orders");
    }
    let mut value = String::new();
    let mut last = 0;
    for line in &feeds[0] {
        assert!(line.micros >= last, "time goes back: {line:?}");
        last = line.micros;
        if let Some(letter) = line.what.strip_prefix("\"APPEND\" \"k\" ") {
            value.push_str(letter.trim_matches('"'));
        } else if line.what == "\"STRLEN\" \"k\"" {
            let seen = lengths.get_mut(&line.address).and_then(VecDeque::pop_front);
            assert_eq!(seen, Some(value.len() as i64), "{line:?}");
        }
    }
    assert!(lengths.values().all(VecDeque::is_empty));
    assert!(value.len() > 2_000, "{}", value.len());
    let stored = server.connect().ok("GET k").text().unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&stored), value);
}

#[test]
fn a_line_tells_the_time_and_a_unix_sockets_path() {
    let path = std::env::temp_dir().join(format!("redouble-monitor-{}", std::process::id()));
    let path = path.to_string_lossy().into_owned();
    let server = Server::start(&["--unixsocket", &path]);
    let now = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.expect("after 1970").as_micros() as u64
    };
    let mut monitor = monitor(&server, 3);
    let began = now();
    let mut local = UnixStream::connect(&path).expect("a connection");
    local.write_all(b"SELECT 7\r\nGET k\r\n").expect("sent");
    let mut replies = BufReader::new(local).lines();
    let reply = || replies.next().expect("a reply").expect("readable");
    let replies: Vec<String> = std::iter::repeat_with(reply).take(2).collect();
    assert_eq!(replies, ["+OK", "$-1"]);
    for what in ["\"SELECT\" \"7\"", "\"GET\" \"k\""] {
        let line = next_line(&mut monitor);
        assert_eq!((&*line.what, &*line.database), (what, "7"));
        assert_eq!(line.address, format!("unix:{path}"));
        assert!((began..=now()).contains(&line.micros), "{line:?}");
    }
}

#[test]
fn a_monitor_that_reads_nothing_is_cut_and_hurts_nobody() {
    let server = Server::start(&["--client-output-buffer-limit", "normal 1mb 0 0"]);
    let mut control = server.connect();
    let mut stuck = server.connect_as(3);
    stuck.ok("CLIENT SETNAME stuck");
    stuck.ok("MONITOR");
    let mut well = monitor(&server, 2);
    let argument = "x".repeat(20_000);
    let done = AtomicBool::new(false);
    let (sent, seen) = thread::scope(|scope| {
        let reader = scope.spawn(|| lines_until(&mut well, "end"));
        let mut sent = 0;
        let deadline = Instant::now() + patience();
        while !done.load(Ordering::Relaxed) {
            control.call(&["ECHO", &argument]);
            sent += 1;
            let list = control.ok("CLIENT LIST").text().unwrap_or_default();
            let list = String::from_utf8_lossy(&list).into_owned();
            done.store(!list.contains("name=stuck"), Ordering::Relaxed);
            assert!(Instant::now() < deadline, "it is never cut: {sent} lines");
        }
        control.ok("PING end");
        (sent, reader.join().expect("the reader"))
    });
    assert_eq!(seen.len(), sent, "the other monitor saw all of them");
    let info = control.ok("INFO stats").text().unwrap_or_default();
    let info = String::from_utf8_lossy(&info).into_owned();
    assert!(
        info.contains("client_output_buffer_limit_disconnections:1\r\n"),
        "{info}"
    );
}

#[test]
fn monitors_come_and_go_while_others_work() {
    let mut random = Random::for_test("monitors_come_and_go_while_others_work");
    let server = Server::start(&[]);
    let working = AtomicBool::new(true);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let mut client = server.connect();
                let working = &working;
                scope.spawn(move || {
                    let mut count = 0;
                    while working.load(Ordering::Relaxed) {
                        count += 1;
                        assert_eq!(
                            client.call(&["INCR", &format!("n{worker}")]),
                            Value::Int(count)
                        );
                    }
                    count
                })
            })
            .collect();
        for round in 0..150 {
            let mut monitor = monitor(&server, 2 + round % 2);
            (0..random.below(30)).for_each(|_| drop(next_line(&mut monitor)));
            match round % 4 {
                // Dropped in the middle of the feed, or killed there.
                0 => drop(monitor),
                1 => {
                    let id = server
                        .connect()
                        .ok("CLIENT LIST")
                        .text()
                        .unwrap_or_default();
                    let list = String::from_utf8_lossy(&id).into_owned();
                    let line = list.lines().find(|line| line.contains(" flags=O "));
                    let id = line.and_then(|line| line.split([' ', '=']).nth(1));
                    let id = id.expect("the monitor").to_owned();
                    assert_eq!(
                        server.connect().call(&["CLIENT", "KILL", "ID", &id]),
                        Value::Int(1)
                    );
                    assert!(monitor.read_to_end().is_ok());
                }
                // Nothing comes any more once RESET is confirmed.
                _ => {
                    monitor.send(&["RESET"]).expect("sent");
                    while monitor.read() != Value::Simple(b"RESET".to_vec()) {}
                    assert_eq!(monitor.call(&["ECHO", "x"]), Value::Bulk(b"x".to_vec()));
                }
            }
        }
        working.store(false, Ordering::Relaxed);
        let done = workers.into_iter().map(|worker| worker.join());
        assert!(done.into_iter().all(|count| count.expect("a worker") > 0));
    });
}
