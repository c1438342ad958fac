//! Clients that wait for elements of lists and move them on, on two threads: whatever the timing, nothing is lost
//! or doubled, and nobody waits for what is there.
//!
//! Each test prints its seed; `REDOUBLE_SEED` replays the clients' choices (not the threads' timing).

mod support;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use support::client::{Client, encode, patience};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

/// Lists in each stage: elements are pushed to `in`, moved to `mid` and to `out`, and taken there.
const WIDTH: u64 = 4;
/// Elements that are pushed by each client.
const EACH: u64 = 400;
/// How long a test without a fixed amount of work goes on.
const RUN: Duration = Duration::from_secs(3);

fn list(stage: &str, random: &mut Random) -> String {
    format!("{stage}:{}", random.below(WIDTH))
}

fn end(random: &mut Random) -> &'static str {
    ["LEFT", "RIGHT"][random.below(2) as usize]
}

/// For ever, or a few milliseconds.
fn timeout(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("0.00{}", 1 + random.below(9)),
        _ => "0".to_string(),
    }
}

fn words(parts: &[&str]) -> Vec<String> {
    parts.iter().map(|part| part.to_string()).collect()
}

/// Pushes elements that nobody else pushes, in every way that there is.
fn push(client: &mut Client, random: &mut Random, number: u64) {
    let mut next = number * EACH;
    let last = next + EACH;
    while next < last {
        let count = (1 + random.below(4)).min(last - next);
        let to = list("in", random);
        let push = ["LPUSH", "RPUSH"][random.below(2) as usize];
        let elements: Vec<String> = (next..next + count).map(|id| id.to_string()).collect();
        next += count;
        let mut request = words(&[push, &to]);
        request.extend(elements.iter().cloned());
        match random.below(5) {
            // In a transaction, with others, and a list that goes again at once.
            0 => {
                let gone = list("mid", random);
                let mut bytes = encode(&["MULTI"]);
                bytes.extend(encode(&request));
                bytes.extend(encode(&["SWAPDB", "0", "1"]));
                bytes.extend(encode(&["SWAPDB", "1", "0"]));
                bytes.extend(encode(&["SETNX", &format!("{gone}:text"), "x"]));
                bytes.extend(encode(&["EXEC"]));
                client.send_raw(&bytes).expect("sent");
                (0..5).for_each(|_| drop(client.read()));
                assert_eq!(client.read().elements().len(), 4);
            }
            // One after another from a list of its own, or all of it.
            1 => {
                let own = format!("own:{number}");
                request[1] = own.clone();
                client.call(&request);
                for _ in 0..count {
                    let moved = client.call(&["LMOVE", &own, &to, end(random), end(random)]);
                    assert!(moved.text().is_some(), "{moved:?}");
                }
            }
            _ => {
                let len = client.call(&request);
                assert!(len.number().is_some_and(|len| len > 0), "{len:?}");
            }
        }
        if random.below(4) == 0 {
            thread::sleep(Duration::from_micros(random.below(2_000)));
        }
    }
}

/// Waits for elements of one list and moves them to the next stage, until its connection is closed.
fn carry(client: &mut Client, random: &mut Random, source: &str, to: &str) {
    let began = Instant::now();
    while began.elapsed() < 2 * patience() {
        let destination = list(to, random);
        let timeout = timeout(random);
        let sent = match random.below(4) {
            0 => client.send(&["BRPOPLPUSH", source, &destination, &timeout]),
            _ => client.send(&[
                "BLMOVE",
                source,
                &destination,
                end(random),
                end(random),
                &timeout,
            ]),
        };
        if sent.is_err() || client.try_read().is_err() {
            return;
        }
    }
}

/// Takes elements of the last stage, and gives them to `taken`, until its connection is closed.
fn take(client: &mut Client, random: &mut Random, mut taken: impl FnMut(Vec<u8>)) {
    let all: Vec<String> = (0..WIDTH).map(|number| format!("out:{number}")).collect();
    let began = Instant::now();
    while began.elapsed() < 2 * patience() {
        let timeout = timeout(random);
        let mut keys = all.clone();
        keys.rotate_left(random.below(WIDTH) as usize);
        let request = match random.below(3) {
            0 => {
                let count = 1 + random.below(3);
                let mut request = words(&["BLMPOP", &timeout, &WIDTH.to_string()]);
                request.extend(keys);
                request.extend(words(&[end(random), "COUNT", &count.to_string()]));
                request
            }
            way => {
                let mut request = words(&[["BLPOP", "BRPOP"][way as usize - 1]]);
                request.extend(keys);
                request.push(timeout);
                request
            }
        };
        let reply = match client.send(&request).and_then(|()| client.try_read()) {
            Ok(reply) => reply.value,
            Err(_) => return,
        };
        let Value::Array(parts) = reply else {
            continue;
        };
        match &parts[1] {
            Value::Array(elements) => elements.iter().filter_map(Value::text).for_each(&mut taken),
            element => element.text().into_iter().for_each(&mut taken),
        }
    }
}

/// Whether to go on: not told to stop, nor after a failure that nobody told of.
fn goes_on(stop: &AtomicBool, began: Instant) -> bool {
    !stop.load(Relaxed) && began.elapsed() < patience()
}

/// Ends waits of others, until it is told to stop.
fn unblock(client: &mut Client, random: &mut Random, stop: &AtomicBool) {
    let began = Instant::now();
    while goes_on(stop, began) {
        let id = (1 + random.below(40)).to_string();
        let how = ["TIMEOUT", "ERROR"][random.below(2) as usize];
        client.call(&["CLIENT", "UNBLOCK", &id, how]);
        thread::sleep(Duration::from_micros(200 + random.below(1_000)));
    }
}

#[test]
fn what_is_pushed_is_moved_on_and_taken_once() {
    const PUSHERS: u64 = 4;
    let mut random = Random::for_test("what_is_pushed_is_moved_on_and_taken_once");
    let server = Server::start(&["--threads", "2"]);
    let mut admin = server.connect();
    let taken = Mutex::new(HashMap::<Vec<u8>, u32>::new());
    let stop = &AtomicBool::new(false);
    let connect =
        |random: &mut Random| (server.connect_as(2 + random.below(2) as u8), random.fork());
    thread::scope(|scope| {
        for number in 0..2 * WIDTH {
            for (from, to) in [("in", "mid"), ("mid", "out")] {
                let (mut client, mut own) = connect(&mut random);
                let source = format!("{from}:{}", number % WIDTH);
                scope.spawn(move || carry(&mut client, &mut own, &source, to));
            }
            let (mut client, mut own) = connect(&mut random);
            let taken = &taken;
            scope.spawn(move || {
                take(&mut client, &mut own, |element| {
                    *taken.lock().expect("whole").entry(element).or_default() += 1;
                });
            });
        }
        let (mut client, mut own) = connect(&mut random);
        scope.spawn(move || unblock(&mut client, &mut own, stop));
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|number| {
                let (mut client, mut own) = connect(&mut random);
                scope.spawn(move || push(&mut client, &mut own, number))
            })
            .collect();
        for pusher in pushers {
            pusher.join().expect("all pushed");
        }
        stop.store(true, Relaxed);
        // Whoever would wait for what is there leaves it there.
        let end = Instant::now() + patience();
        let count = || taken.lock().expect("whole").len() as u64;
        while count() < PUSHERS * EACH && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let left = admin.call(&["KEYS", "*:?"]);
        admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        assert_eq!(count(), PUSHERS * EACH, "left in {left:?}");
    });
    let taken = taken.into_inner().expect("whole");
    assert!(taken.values().all(|&times| times == 1), "one came twice");
    assert_eq!(admin.call(&["KEYS", "*:?"]), Value::Array(Vec::new()));
    server.wait_until_alone(&mut admin);
    let info = admin.call(&["INFO", "clients"]).text().expect("a text");
    let info = String::from_utf8_lossy(&info).into_owned();
    assert!(info.contains("blocked_clients:0\r\n"), "{info}");
    assert!(info.contains("total_blocking_keys:0\r\n"), "{info}");
}

#[test]
fn what_goes_round_stays_whole() {
    const RING: u64 = 5;
    const TOKENS: u64 = 12;
    let mut random = Random::for_test("what_goes_round_stays_whole");
    let server = Server::start(&["--threads", "2"]);
    let mut admin = server.connect();
    let (stop, hops) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for number in 0..2 * RING {
            let mut client = server.connect_as(2 + (number % 2) as u8);
            let mut random = random.fork();
            let (stop, hops) = (&stop, &hops);
            scope.spawn(move || {
                let began = Instant::now();
                while goes_on(stop, began) {
                    let from = random.below(RING);
                    let to = (from + 1) % RING;
                    let (from, to) = (format!("ring:{from}"), format!("ring:{to}"));
                    let timeout = format!("0.0{}", 1 + random.below(9));
                    let ends = (end(&mut random), end(&mut random));
                    let moved = client.call(&["BLMOVE", &from, &to, ends.0, ends.1, &timeout]);
                    assert!(!moved.is_error(), "{moved:?}");
                    hops.fetch_add(u64::from(moved.text().is_some()), Relaxed);
                }
            });
        }
        for token in 0..TOKENS {
            admin.ok(&format!("RPUSH ring:{} {token}", token % RING));
        }
        let end = Instant::now() + RUN;
        while Instant::now() < end {
            // Whenever one looks, each is somewhere.
            let mut bytes = encode(&["MULTI"]);
            for number in 0..RING {
                bytes.extend(encode(&["LRANGE", &format!("ring:{number}"), "0", "-1"]));
            }
            bytes.extend(encode(&["EXEC"]));
            admin.send_raw(&bytes).expect("sent");
            (0..=RING).for_each(|_| drop(admin.read()));
            let lists = admin.read();
            let lists = lists.elements().iter().flat_map(Value::elements);
            let mut tokens: Vec<u64> = lists
                .filter_map(|token| String::from_utf8(token.text()?).ok()?.parse().ok())
                .collect();
            tokens.sort_unstable();
            assert_eq!(tokens, (0..TOKENS).collect::<Vec<_>>());
        }
        stop.store(true, Relaxed);
    });
    let hops = hops.into_inner();
    println!("{hops} hops");
    assert!(hops > TOKENS * RING);
}
