//! Many clients at once, in random order: what transactions promise must hold whatever the timing.
//!
//! Each test prints its seed; `REDOUBLE_SEED` replays the clients' choices (not the threads' timing).

mod support;

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::client::{Client, encode};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

/// Connections in each test.
const CLIENTS: usize = 16;
/// How long a test without a fixed amount of work goes on.
const RUN: Duration = Duration::from_secs(3);

/// Reads a number; a missing key counts as 0.
fn get(client: &mut Client, key: &str) -> i64 {
    client.call(&["GET", key]).number().unwrap_or(0)
}

/// Sends a whole transaction in one write, checks that it was queued, and returns EXEC's reply.
fn transaction(client: &mut Client, commands: &[Vec<String>]) -> Value {
    let mut bytes = encode(&["MULTI"]);
    for command in commands {
        bytes.extend(encode(command));
    }
    bytes.extend(encode(&["EXEC"]));
    client.send_raw(&bytes).expect("the transaction is sent");
    assert_eq!(client.read(), Value::Simple(b"OK".to_vec()));
    for command in commands {
        let queued = client.read();
        assert_eq!(queued, Value::Simple(b"QUEUED".to_vec()), "{command:?}");
    }
    client.read()
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| w.to_string()).collect()
}

/// Runs `body` on a thread for each of `count` clients, half of them in RESP3; each has a generator of its own.
fn with_clients(
    server: &Server,
    random: &mut Random,
    count: usize,
    body: impl Fn(usize, Client, Random) + Sync,
) {
    thread::scope(|scope| {
        for number in 0..count {
            let client = server.connect_as(2 + (number % 2) as u8);
            let random = random.fork();
            let body = &body;
            scope.spawn(move || body(number, client, random));
        }
    });
}

#[test]
fn transfers_under_watch_conserve_the_total() {
    const ACCOUNTS: u64 = 12;
    const EACH: i64 = 1000;
    let mut random = Random::for_test("transfers_under_watch_conserve_the_total");
    let server = Server::start(&[]);
    let mut setup = server.connect();
    for account in 0..ACCOUNTS {
        setup.ok(&format!("SET account:{account} {EACH}"));
    }
    let (done, aborted) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + RUN;
    with_clients(
        &server,
        &mut random,
        CLIENTS + 2,
        |number, mut client, mut random| {
            while Instant::now() < end {
                if number >= CLIENTS {
                    audit(&mut client, &mut random, ACCOUNTS, EACH);
                } else if transfer(&mut client, &mut random, ACCOUNTS) {
                    done.fetch_add(1, Ordering::Relaxed);
                } else {
                    aborted.fetch_add(1, Ordering::Relaxed);
                }
            }
        },
    );
    let total: i64 = (0..ACCOUNTS)
        .map(|a| get(&mut setup, &format!("account:{a}")))
        .sum();
    assert_eq!(total, ACCOUNTS as i64 * EACH);
    let (done, aborted) = (done.into_inner(), aborted.into_inner());
    println!("{done} transfers, {aborted} aborted");
    assert!(done > 0 && aborted > 0, "the test must see both outcomes");
}

/// Moves a random amount between two accounts; false when EXEC said that someone came in between.
fn transfer(client: &mut Client, random: &mut Random, accounts: u64) -> bool {
    let from = random.below(accounts);
    let to = (from + 1 + random.below(accounts - 1)) % accounts;
    let (from, to) = (format!("account:{from}"), format!("account:{to}"));
    client.ok(&format!("WATCH {from} {to}"));
    let (have, other) = (get(client, &from), get(client, &to));
    let amount = 1 + random.below(200) as i64;
    if have < amount {
        client.ok("UNWATCH");
        return true;
    }
    // Written as values, not as increments: a missed conflict would change the total.
    let reply = transaction(
        client,
        &[
            command(&["SET", &from, &(have - amount).to_string()]),
            command(&["SET", &to, &(other + amount).to_string()]),
        ],
    );
    assert!(reply.is_null() || reply.elements().len() == 2, "{reply:?}");
    !reply.is_null()
}

/// Reads all accounts at one moment, by MGET or by EXEC: the total must be there.
fn audit(client: &mut Client, random: &mut Random, accounts: u64, each: i64) {
    let keys: Vec<String> = (0..accounts).map(|a| format!("account:{a}")).collect();
    let reply = if random.below(2) == 0 {
        let mut words = vec!["MGET".to_string()];
        words.extend(keys);
        client.call(&words)
    } else {
        let gets: Vec<_> = keys.iter().map(|k| command(&["GET", k])).collect();
        transaction(client, &gets)
    };
    let total: i64 = reply
        .elements()
        .iter()
        .map(|v| v.number().expect("an amount"))
        .sum();
    assert_eq!(
        total,
        accounts as i64 * each,
        "a reader saw half of a transfer"
    );
}

#[test]
fn readers_never_see_half_of_an_exec() {
    const KEYS: usize = 8;
    let mut random = Random::for_test("readers_never_see_half_of_an_exec");
    let server = Server::start(&[]);
    let reads = AtomicU64::new(0);
    let writers = AtomicU64::new(CLIENTS as u64 / 2);
    let keys: Vec<String> = (0..KEYS).map(|k| format!("key:{k}")).collect();
    let end = Instant::now() + RUN;
    with_clients(
        &server,
        &mut random,
        CLIENTS,
        |number, mut client, mut random| {
            if number < CLIENTS / 2 {
                while Instant::now() < end {
                    let value = random.below(1_000_000).to_string();
                    let mut sets: Vec<_> =
                        keys.iter().map(|k| command(&["SET", k, &value])).collect();
                    // The order of the keys must not matter, nor whether MSET does it at once.
                    let turn = random.below(KEYS as u64) as usize;
                    sets.rotate_left(turn);
                    if random.below(4) == 0 {
                        let mut words = command(&["MSET"]);
                        keys.iter()
                            .for_each(|k| words.extend([k.clone(), value.clone()]));
                        sets = vec![words];
                    }
                    let reply = transaction(&mut client, &sets);
                    assert_eq!(reply.elements().len(), sets.len());
                }
                writers.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            while writers.load(Ordering::Relaxed) > 0 {
                let values = if random.below(2) == 0 {
                    let mut words = command(&["MGET"]);
                    words.extend(keys.iter().cloned());
                    client.call(&words)
                } else {
                    let gets: Vec<_> = keys.iter().map(|k| command(&["GET", k])).collect();
                    transaction(&mut client, &gets)
                };
                let distinct: HashSet<_> = values.elements().iter().map(Value::text).collect();
                assert_eq!(
                    distinct.len(),
                    1,
                    "half of a transaction was seen: {values:?}"
                );
                reads.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    assert!(reads.into_inner() > 0);
}

#[test]
fn a_counter_behind_watch_ends_exact() {
    const EACH: usize = 150;
    let mut random = Random::for_test("a_counter_behind_watch_ends_exact");
    let server = Server::start(&[]);
    with_clients(
        &server,
        &mut random,
        CLIENTS,
        |_, mut client, mut random| {
            for _ in 0..EACH {
                loop {
                    client.ok("WATCH counter");
                    let next = (get(&mut client, "counter") + 1).to_string();
                    if random.below(8) == 0 {
                        thread::yield_now();
                    }
                    let reply = transaction(&mut client, &[command(&["SET", "counter", &next])]);
                    if !reply.is_null() {
                        break;
                    }
                }
            }
        },
    );
    let counter = get(&mut server.connect(), "counter");
    assert_eq!(counter, (CLIENTS * EACH) as i64);
}

/// One client makes a change that must be noticed (or must not) while the others work on keys of their own.
/// Nobody else touches a worker's key, so every EXEC has exactly one right answer.
fn never_missed_and_never_false(
    name: &str,
    change: impl Fn(&mut Client, &mut Random, &str) -> bool + Sync,
) {
    let mut random = Random::for_test(name);
    let server = Server::start(&[]);
    let (kept, aborted) = (AtomicI64::new(0), AtomicI64::new(0));
    let end = Instant::now() + RUN;
    with_clients(
        &server,
        &mut random,
        CLIENTS,
        |number, mut client, mut random| {
            let mut second = server.connect();
            let key = format!("own:{number}");
            while Instant::now() < end {
                client.ok(&format!("SET {key} v"));
                client.ok(&format!("WATCH {key}"));
                let must_abort = change(&mut second, &mut random, &key);
                let reply = transaction(&mut client, &[command(&["PING"])]);
                assert_eq!(reply.is_null(), must_abort, "{key}: {reply:?}");
                let counter = if must_abort { &aborted } else { &kept };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    let (kept, aborted) = (kept.into_inner(), aborted.into_inner());
    println!("{kept} kept, {aborted} aborted");
    assert!(kept > 0 && aborted > 0, "the test must see both outcomes");
}

#[test]
fn changes_of_a_watched_key_alone_abort() {
    never_missed_and_never_false(
        "changes_of_a_watched_key_alone_abort",
        |client, random, key| {
            let (words, dirties) = match random.below(10) {
                0 => (format!("SET {key} v"), true),
                1 => (format!("DEL {key}"), true),
                2 => (format!("APPEND {key} x"), true),
                3 => (format!("EXPIRE {key} 1000"), true),
                4 => (format!("RENAME {key} moved:{key}"), true),
                5 => (format!("SETNX {key} x"), false),
                6 => (format!("SET not:{key} v"), false),
                7 => (format!("GET {key}"), false),
                8 => (format!("PERSIST {key}"), false),
                _ => (format!("TOUCH {key}"), false),
            };
            client.ok(&words);
            dirties
        },
    );
}

#[test]
fn an_expiry_in_the_middle_is_never_missed() {
    never_missed_and_never_false(
        "an_expiry_in_the_middle_is_never_missed",
        |client, random, key| {
            let watched = format!("expiring:{key}");
            let long = random.below(2) == 0;
            let ttl = if long { 100_000 } else { 1 + random.below(3) };
            client.ok(&format!("SET {watched} v PX {ttl}"));
            client.ok(&format!("WATCH {watched}"));
            // If the key died before the WATCH it counts as missing there, and its end changes nothing.
            let alive = client.ok(&format!("EXISTS {watched}")).number() == Some(1);
            thread::sleep(Duration::from_millis(if long { 0 } else { 8 }));
            let reply = transaction(client, &[command(&["PING"])]);
            if alive {
                assert_eq!(reply.is_null(), !long, "{watched} with {ttl} ms: {reply:?}");
            } else {
                // It may have died between WATCH and EXISTS: then both answers are right.
                assert!(!long, "{watched} died too early");
            }
            if !long {
                client.ok(&format!("SET {key} again"));
            }
            !long
        },
    );
}

/// FLUSHALL or SWAPDB by one client, while others watch: `existing` of each is in the database, `absent` is not.
fn a_change_of_everything(name: &str, disturb: impl Fn(&mut Client) + Sync) {
    let mut random = Random::for_test(name);
    let server = Server::start(&[]);
    let (round, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (kept, aborted) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + RUN;
    with_clients(
        &server,
        &mut random,
        CLIENTS + 1,
        |number, mut client, mut random| {
            if number == CLIENTS {
                while Instant::now() < end {
                    thread::sleep(Duration::from_millis(random.below(4)));
                    // Odd while the change may be happening.
                    round.fetch_add(1, Ordering::SeqCst);
                    disturb(&mut client);
                    round.fetch_add(1, Ordering::SeqCst);
                }
                stop.store(true, Ordering::SeqCst);
                return;
            }
            let key = format!("existing:{number}");
            while !stop.load(Ordering::SeqCst) {
                let missing = random.below(2) == 0;
                let watched = if missing {
                    format!("absent:{number}")
                } else {
                    key.clone()
                };
                let before_set = round.load(Ordering::SeqCst);
                client.ok(&format!("SET {key} v"));
                client.ok(&format!("WATCH {watched}"));
                let after_watch = round.load(Ordering::SeqCst);
                thread::sleep(Duration::from_micros(random.below(2000)));
                let before_exec = round.load(Ordering::SeqCst);
                let reply = transaction(&mut client, &[command(&["PING"])]);
                let after_exec = round.load(Ordering::SeqCst);
                let quiet_start = before_set == after_watch && before_set % 2 == 0;
                if missing || (quiet_start && after_exec == after_watch) {
                    assert!(!reply.is_null(), "{watched}: a false abort");
                    kept.fetch_add(1, Ordering::Relaxed);
                } else if quiet_start && before_exec >= after_watch + 2 {
                    assert!(reply.is_null(), "{watched}: a change was missed: {reply:?}");
                    aborted.fetch_add(1, Ordering::Relaxed);
                }
            }
        },
    );
    let (kept, aborted) = (kept.into_inner(), aborted.into_inner());
    println!("{kept} kept, {aborted} aborted");
    assert!(kept > 0 && aborted > 0, "the test must see both outcomes");
}

#[test]
fn flushall_in_the_middle_is_never_missed_and_never_aborts_falsely() {
    a_change_of_everything(
        "flushall_in_the_middle_is_never_missed_and_never_aborts_falsely",
        |client| {
            client.ok("FLUSHALL");
        },
    );
}

#[test]
fn swapdb_in_the_middle_is_never_missed_and_never_aborts_falsely() {
    a_change_of_everything(
        "swapdb_in_the_middle_is_never_missed_and_never_aborts_falsely",
        |client| {
            client.ok("SWAPDB 0 1");
        },
    );
}

/// Clients that push, clients that wait to pop, and clients that end their waits: every member is popped
/// once, and by one (`transactions.md` 3.12).
#[test]
fn blocking_pops_lose_nothing_and_double_nothing() {
    const KEYS: u64 = 5;
    const PUSHERS: usize = 6;
    const POPPERS: usize = 8;
    let mut random = Random::for_test("blocking_pops_lose_nothing_and_double_nothing");
    let server = Server::start(&[]);
    let end = Instant::now() + RUN;
    let (pushing, poppers) = (AtomicU64::new(PUSHERS as u64), Mutex::new(Vec::new()));
    let (pushed, popped) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    with_clients(
        &server,
        &mut random,
        PUSHERS + POPPERS + 1,
        |number, mut client, mut random| {
            if number < PUSHERS {
                while Instant::now() < end {
                    push(&mut client, &mut random, number, KEYS, &pushed);
                }
                pushing.fetch_sub(1, Ordering::SeqCst);
            } else if number < PUSHERS + POPPERS {
                let id = client.ok("CLIENT ID").number().expect("an id");
                poppers.lock().expect("no panic").push(id);
                let mut own = Vec::new();
                loop {
                    let last = pushing.load(Ordering::SeqCst) == 0;
                    let reply = pop(&mut client, &mut random, KEYS, last);
                    if reply.is_null() && last {
                        break;
                    }
                    if !reply.is_null() && !reply.is_error() {
                        own.push(reply.elements()[1].text().expect("a member"));
                    }
                }
                popped.lock().expect("no panic").extend(own);
            } else {
                while Instant::now() < end {
                    let ids = poppers.lock().expect("no panic").clone();
                    if let Some(id) = ids.get(random.below(POPPERS as u64) as usize) {
                        let how = if random.below(2) == 0 {
                            "ERROR"
                        } else {
                            "TIMEOUT"
                        };
                        client.ok(&format!("CLIENT UNBLOCK {id} {how}"));
                    }
                }
            }
        },
    );
    let popped = popped.into_inner().expect("no panic");
    let distinct: HashSet<_> = popped.iter().collect();
    println!("{} popped", popped.len());
    assert_eq!(distinct.len(), popped.len(), "a member was popped twice");
    assert_eq!(
        popped.len() as u64,
        pushed.into_inner(),
        "a member was lost"
    );
    assert!(!popped.is_empty());
}

/// Adds one to three members that nobody else adds, at once or in a transaction.
fn push(client: &mut Client, random: &mut Random, number: usize, keys: u64, pushed: &AtomicU64) {
    let mut add = || {
        let serial = pushed.fetch_add(1, Ordering::SeqCst);
        let key = format!("k{}", random.below(keys));
        command(&["ZADD", &key, "1", &format!("{number}:{serial}")])
    };
    let commands: Vec<_> = (0..1 + number % 3).map(|_| add()).collect();
    if let [only] = &commands[..] {
        assert_eq!(client.call(only).number(), Some(1));
    } else {
        assert!(!transaction(client, &commands).is_null());
    }
}

/// Waits for a member of any key, in random order of keys; shortly if it is the `last` time.
fn pop(client: &mut Client, random: &mut Random, keys: u64, last: bool) -> Value {
    let first = random.below(keys);
    let mut words = command(&[["BZPOPMIN", "BZPOPMAX"][random.below(2) as usize]]);
    words.extend((0..keys).map(|nth| format!("k{}", (first + nth) % keys)));
    words.push(["0.3", "0.002"][usize::from(!last && random.below(2) == 0)].into());
    client.call(&words)
}
