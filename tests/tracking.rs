//! Clients that keep copies of keys, in every mode of CLIENT TRACKING, while others change the keys on two threads:
//! whoever has asked since a change was confirmed holds no older copy.
//!
//! Each test prints its seed; `REDOUBLE_SEED` replays the clients' choices (not the threads' timing).

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::client::{Client, encode};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

/// How long a test goes on.
const RUN: Duration = Duration::from_secs(3);

/// How a client tracks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Default,
    NoLoop,
    OptIn,
    OptOut,
    Broadcast,
    BroadcastNoLoop,
    /// Told on another connection, which speaks this protocol.
    Redirect(u8),
    BroadcastRedirect,
}

const MODES: [Mode; 9] = [
    Mode::Default,
    Mode::NoLoop,
    Mode::OptIn,
    Mode::OptOut,
    Mode::Broadcast,
    Mode::BroadcastNoLoop,
    Mode::Redirect(2),
    Mode::Redirect(3),
    Mode::BroadcastRedirect,
];

/// A client with a cache.
struct Caching {
    mode: Mode,
    client: Client,
    /// The connection on which it is told, if that is another.
    receiver: Option<Client>,
    /// What it believes to be there; a key that it knows not to be there has `None`.
    copies: HashMap<String, Option<Vec<u8>>>,
    /// Number of keys that it was told of.
    told: usize,
}

impl Caching {
    fn new(server: &Server, mode: Mode) -> Caching {
        let (mut receiver, mut redirect) = (None, String::new());
        if let Mode::Redirect(_) | Mode::BroadcastRedirect = mode {
            let protocol = if mode == Mode::Redirect(3) { 3 } else { 2 };
            let mut other = server.connect_as(protocol);
            let id = other.ok("CLIENT ID").number().expect("an id");
            if protocol == 2 {
                other.ok("SUBSCRIBE __redis__:invalidate");
            }
            redirect = format!("REDIRECT {id}");
            receiver = Some(other);
        }
        let mut client = server.connect_as(if receiver.is_some() { 2 } else { 3 });
        let options = match mode {
            Mode::Default | Mode::Redirect(_) => "",
            Mode::NoLoop => "NOLOOP",
            Mode::OptIn => "OPTIN",
            Mode::OptOut => "OPTOUT",
            Mode::Broadcast | Mode::BroadcastRedirect => "BCAST PREFIX key:1 PREFIX key:0",
            Mode::BroadcastNoLoop => "BCAST NOLOOP",
        };
        client.ok(&format!("CLIENT TRACKING ON {options} {redirect}"));
        Caching {
            mode,
            client,
            receiver,
            copies: HashMap::new(),
            told: 0,
        }
    }

    /// Whether what it changed itself is not told.
    fn loops_not(&self) -> bool {
        matches!(self.mode, Mode::NoLoop | Mode::BroadcastNoLoop)
    }

    /// Takes note of an invalidation; false if the value is none.
    fn hears(&mut self, value: &Value) -> bool {
        let parts = parts(value);
        let kind = parts.first().and_then(Value::text).unwrap_or_default();
        let is_message = matches!(value, Value::Push(_)) || kind == b"message";
        if !is_message {
            return false;
        }
        match parts.last() {
            Some(Value::Array(keys)) => {
                for key in keys.iter().filter_map(Value::text) {
                    let key = String::from_utf8(key).expect("a key of ours");
                    self.copies.remove(&key);
                    self.told += 1;
                }
            }
            Some(all) if all.is_null() => self.copies.clear(),
            _ => panic!("{value:?} is no invalidation"),
        }
        true
    }

    /// The next reply; what comes before it is heeded.
    fn reply(&mut self) -> Value {
        loop {
            let value = self.client.read();
            if !self.hears(&value) {
                assert!(!value.is_error(), "{value:?}");
                return value;
            }
        }
    }

    /// Sends commands in one write and returns their replies.
    fn pipeline(&mut self, commands: &[Vec<String>]) -> Vec<Value> {
        let bytes: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
        self.client.send_raw(&bytes).expect("sent");
        commands.iter().map(|_| self.reply()).collect()
    }

    /// Takes note of everything that it was told until now.
    fn catch_up(&mut self) {
        self.pipeline(&[command(&["PING"])]);
        if let Some(mut receiver) = self.receiver.take() {
            let mut value = receiver.call(&["PING"]);
            while self.hears(&value) {
                value = receiver.read();
            }
            self.receiver = Some(receiver);
        }
    }

    /// Reads keys and keeps what it read.
    fn fetch(&mut self, keys: &[String], random: &mut Random) {
        // Each command with the keys whose values are in its reply.
        let mut commands: Vec<(Vec<String>, &[String])> = Vec::new();
        match self.mode {
            Mode::OptIn => commands.push((command(&["CLIENT", "CACHING", "YES"]), &[])),
            // What is read without being kept.
            Mode::OptOut => {
                commands.push((command(&["CLIENT", "CACHING", "NO"]), &[]));
                commands.push((command(&["GET", &keys[0]]), &[]));
            }
            _ => {}
        }
        let get = |key: &String| command(&["GET", key]);
        if random.below(3) == 0 {
            commands.push((command(&["MULTI"]), &[]));
            commands.extend(keys.iter().map(|key| (get(key), &[][..])));
            commands.push((command(&["EXEC"]), keys));
        } else if self.mode == Mode::OptIn || random.below(2) == 0 {
            commands.push(([command(&["MGET"]), keys.to_vec()].concat(), keys));
        } else {
            commands.extend(keys.chunks(1).map(|key| (get(&key[0]), key)));
        }
        let requests = commands.iter().flat_map(|(words, _)| encode(words));
        let bytes: Vec<u8> = requests.collect();
        self.client.send_raw(&bytes).expect("sent");
        // One after the other: what comes after a reply may be about the value in it.
        for (words, keys) in &commands {
            let reply = self.reply();
            let values = match words[0].as_str() {
                "EXEC" | "MGET" => reply.elements(),
                _ => std::slice::from_ref(&reply),
            };
            for (key, value) in keys.iter().zip(values) {
                self.copies.insert(key.clone(), value.text());
            }
        }
    }
}

/// What an array or a message holds; nothing, if it is neither.
fn parts(value: &Value) -> &[Value] {
    match value {
        Value::Array(parts) | Value::Push(parts) => parts,
        _ => &[],
    }
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

fn name(number: usize) -> String {
    format!("key:{}:{number}", number % 2)
}

fn some_keys(random: &mut Random, of: usize) -> Vec<String> {
    let first = random.below(of as u64) as usize;
    let count = 1 + random.below(3) as usize;
    (first..first + count).map(|n| name(n % of)).collect()
}

/// Counters that only grow, and for each the highest value that somebody was confirmed.
struct Counters(Vec<AtomicI64>);

impl Counters {
    /// Increments some, in a pipeline or a transaction, and returns which.
    fn increment(
        &self,
        random: &mut Random,
        mut run: impl FnMut(&[Vec<String>]) -> Vec<Value>,
    ) -> Vec<String> {
        let numbers: Vec<usize> = (0..1 + random.below(4))
            .map(|_| random.below(self.0.len() as u64) as usize)
            .collect();
        let increments = numbers.iter().map(|&n| command(&["INCR", &name(n)]));
        let values = if random.below(3) == 0 {
            let mut commands = vec![command(&["MULTI"])];
            commands.extend(increments);
            commands.push(command(&["EXEC"]));
            let replies = run(&commands);
            replies.last().expect("EXEC's reply").elements().to_vec()
        } else {
            run(&increments.collect::<Vec<_>>())
        };
        assert_eq!(values.len(), numbers.len());
        for (&number, value) in numbers.iter().zip(values) {
            let value = value.number().expect("a number");
            self.0[number].fetch_max(value, Ordering::SeqCst);
        }
        numbers.into_iter().map(name).collect()
    }

    fn floor(&self) -> Vec<i64> {
        let values = self.0.iter();
        values.map(|value| value.load(Ordering::SeqCst)).collect()
    }
}

/// Clients of every mode read counters, and increment some themselves, while others increment them too.
fn no_copy_is_older_than_a_confirmed_change(test: &str, arguments: &[&str]) {
    const KEYS: usize = 12;
    const WRITERS: usize = 4;
    let mut random = Random::for_test(test);
    let server = Server::start(arguments);
    let counters = Counters((0..KEYS).map(|_| AtomicI64::new(0)).collect());
    let (stop, hits) = (AtomicBool::new(false), AtomicU64::new(0));
    let told: Vec<AtomicUsize> = MODES.iter().map(|_| AtomicUsize::new(0)).collect();
    let end = Instant::now() + RUN;
    thread::scope(|scope| {
        let (counters, stop, hits) = (&counters, &stop, &hits);
        for _ in 0..WRITERS {
            let (mut client, mut random) = (server.connect(), random.fork());
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    counters.increment(&mut random, |commands| {
                        let requests = commands.iter().flat_map(|words| encode(words));
                        client
                            .send_raw(&requests.collect::<Vec<_>>())
                            .expect("sent");
                        commands.iter().map(|_| client.read()).collect()
                    });
                    thread::sleep(Duration::from_micros(random.below(600)));
                }
            });
        }
        let readers: Vec<_> = MODES
            .iter()
            .zip(&told)
            .map(|(&mode, told)| {
                let (mut caching, mut random) = (Caching::new(&server, mode), random.fork());
                scope.spawn(move || {
                    while Instant::now() < end {
                        match random.below(8) {
                            0 => {
                                let changed =
                                    counters.increment(&mut random, |commands| caching.pipeline(commands));
                                if caching.loops_not() {
                                    changed.iter().for_each(|key| drop(caching.copies.remove(key)));
                                }
                            }
                            1..=3 => caching.fetch(&some_keys(&mut random, KEYS), &mut random),
                            _ => {
                                let floor = counters.floor();
                                caching.catch_up();
                                for (number, floor) in floor.into_iter().enumerate() {
                                    let Some(copy) = caching.copies.get(&name(number)) else {
                                        continue;
                                    };
                                    let text = copy.clone().unwrap_or(b"0".to_vec());
                                    let copy: i64 = String::from_utf8(text)
                                        .ok()
                                        .and_then(|text| text.parse().ok())
                                        .expect("a number");
                                    assert!(
                                        copy >= floor,
                                        "{mode:?} holds {copy} of key {number}, {floor} was confirmed"
                                    );
                                    hits.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                        }
                    }
                    told.store(caching.told, Ordering::Relaxed);
                })
            })
            .collect();
        let failed = readers
            .into_iter()
            .filter_map(|reader| reader.join().err())
            .count();
        stop.store(true, Ordering::SeqCst);
        assert_eq!(failed, 0, "a reader failed");
    });
    println!("{hits:?} copies were right, told {told:?}");
    assert!(hits.into_inner() > 100);
    for (mode, told) in MODES.iter().zip(told) {
        assert!(told.into_inner() > 0, "{mode:?} was told of nothing");
    }
}

#[test]
fn copies_are_never_older_than_a_confirmed_change() {
    no_copy_is_older_than_a_confirmed_change("copies_are_never_older_than_a_confirmed_change", &[]);
}

#[test]
fn copies_are_never_older_though_the_table_is_small() {
    no_copy_is_older_than_a_confirmed_change(
        "copies_are_never_older_though_the_table_is_small",
        &["--tracking-table-max-keys", "5"],
    );
}

/// A random change of everything that tells who tracks.
fn change(random: &mut Random, keys: usize, length: usize) -> Vec<String> {
    let key = name(random.below(keys as u64) as usize);
    let other = name(random.below(keys as u64) as usize);
    let mut value = random.next().to_string();
    value.extend(std::iter::repeat_n('x', length));
    let past = (1 + random.below(3)).to_string();
    match random.below(20) {
        0 => command(&["DEL", &key, &other]),
        1 => command(&["UNLINK", &key]),
        2 => command(&["SET", &key, &value, "PX", &past]),
        3 => command(&["PEXPIRE", &key, &past]),
        4 => command(&["COPY", &key, &other, "REPLACE"]),
        5 => command(&["APPEND", &key, "x"]),
        6 => command(&["MOVE", &key, "1"]),
        7 => command(&["GETDEL", &key]),
        8 => command(&["SETNX", &key, &value]),
        9 => command(&["EXPIRE", &key, "-1"]),
        10 if random.below(10) == 0 => command(&["FLUSHDB", "ASYNC"]),
        11 => command(&["SETRANGE", &key, "1", "yz"]),
        12..=14 => command(&["MSET", &key, &value, &other, &value]),
        _ => command(&["SET", &key, &value]),
    }
}

/// Rounds of changes of all kinds and of reads at the same time; after each, once it is quiet, every copy is compared.
fn quiet_clients_hold_what_is_there(test: &str, keys: usize, length: usize, arguments: &[&str]) {
    const WRITERS: usize = 4;
    let mut random = Random::for_test(test);
    let server = Server::start(arguments);
    let mut control = server.connect();
    let mut writers: Vec<(Client, Random)> = (0..WRITERS)
        .map(|_| (server.connect(), random.fork()))
        .collect();
    let mut readers: Vec<(Caching, Random)> = MODES
        .iter()
        .map(|&mode| (Caching::new(&server, mode), random.fork()))
        .collect();
    // Some of the values fit, besides what the connections need.
    let memory = match length {
        0 => "0".to_owned(),
        _ => {
            let info = control.ok("INFO memory").text().unwrap_or_default();
            let info = String::from_utf8_lossy(&info).into_owned();
            let used = info
                .split("used_memory:")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let used: usize = used.and_then(|text| text.parse().ok()).expect("a number");
            (used + 2_500_000).to_string()
        }
    };
    let (mut compared, mut rounds) = (0, 0);
    let end = Instant::now() + RUN;
    while Instant::now() < end {
        control.call(&["CONFIG", "SET", "maxmemory", &memory]);
        let round = Instant::now() + Duration::from_millis(40);
        thread::scope(|scope| {
            for (client, random) in &mut writers {
                scope.spawn(move || {
                    while Instant::now() < round {
                        let changes: Vec<_> = (0..1 + random.below(5))
                            .map(|_| change(random, keys, length))
                            .collect();
                        let bytes: Vec<u8> =
                            changes.iter().flat_map(|words| encode(words)).collect();
                        client.send_raw(&bytes).expect("sent");
                        changes.iter().for_each(|_| drop(client.read()));
                    }
                });
            }
            for (caching, random) in &mut readers {
                scope.spawn(move || {
                    while Instant::now() < round {
                        let some = some_keys(random, keys);
                        caching.fetch(&some, random);
                        if random.below(4) == 0 {
                            caching.catch_up();
                        }
                    }
                });
            }
        });
        control.call(&["CONFIG", "SET", "maxmemory", "0"]);
        // All that was to expire has, and is removed when it is looked at.
        thread::sleep(Duration::from_millis(8));
        let mut all = command(&["MGET"]);
        all.extend((0..keys).map(name));
        let found = control.call(&all);
        for (caching, _) in &mut readers {
            caching.catch_up();
            for (number, value) in found.elements().iter().enumerate() {
                if let Some(copy) = caching.copies.get(&name(number)) {
                    assert_eq!(*copy, value.text(), "{:?}, key {number}", caching.mode);
                    compared += 1;
                }
            }
        }
        rounds += 1;
    }
    let told: Vec<usize> = readers.iter().map(|(caching, _)| caching.told).collect();
    println!("{compared} copies were right in {rounds} rounds, told {told:?}");
    assert!(compared > rounds);
    for (caching, _) in &readers {
        assert!(caching.told > 0, "{:?} was told of nothing", caching.mode);
    }
    let info = control.ok("INFO stats").text().unwrap_or_default();
    let info = String::from_utf8_lossy(&info).into_owned();
    assert!(!info.contains("\r\nexpired_keys:0\r\n"), "{info}");
    assert_eq!(
        info.contains("\r\nevicted_keys:0\r\n"),
        length == 0,
        "{info}"
    );
}

#[test]
fn quiet_clients_hold_what_is_there_after_changes_of_all_kinds() {
    let test = "quiet_clients_hold_what_is_there_after_changes_of_all_kinds";
    quiet_clients_hold_what_is_there(test, 30, 0, &[]);
}

#[test]
fn quiet_clients_hold_what_is_there_though_keys_are_evicted() {
    let test = "quiet_clients_hold_what_is_there_though_keys_are_evicted";
    let arguments = [
        "--maxmemory-policy",
        "allkeys-random",
        "--tracking-table-max-keys",
        "100",
    ];
    quiet_clients_hold_what_is_there(test, 400, 10_000, &arguments);
}
