//! Consumers of a group that wait, on two threads: whatever the timing, each entry goes to exactly one of them, and all
//! are told when the stream or the group goes.
//!
//! Each test prints its seed; `REDOUBLE_SEED` replays the clients' choices (not the threads' timing).

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};
use support::client::{Client, encode, patience};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

const STREAMS: [&str; 4] = ["s0", "s1", "s2", "s3"];
const CONSUMERS: u64 = 12;
const PRODUCERS: u64 = 3;
/// Entries that each producer adds.
const EACH: u64 = 500;

fn create_groups(client: &mut Client) {
    for stream in STREAMS {
        client.ok(&format!("XGROUP CREATE {stream} g 0 MKSTREAM"));
    }
}

/// Adds entries that nobody else adds, one by one or several in a transaction.
fn produce(client: &mut Client, random: &mut Random, number: u64) {
    let mut next = number * EACH;
    let last = next + EACH;
    while next < last {
        let count = (1 + random.below(4)).min(last - next);
        let mut bytes = encode(&["MULTI"]);
        for id in next..next + count {
            let stream = STREAMS[random.below(4) as usize];
            bytes.extend(encode(&["XADD", stream, "*", "id", &id.to_string()]));
        }
        bytes.extend(encode(&["EXEC"]));
        client.send_raw(&bytes).expect("sent");
        (0..=count).for_each(|_| drop(client.read()));
        assert_eq!(client.read().elements().len(), count as usize);
        next += count;
        if random.below(4) == 0 {
            thread::sleep(Duration::from_micros(random.below(2_000)));
        }
    }
}

/// XREADGROUP of some streams, that waits.
fn read(client: &mut Client, random: &mut Random, consumer: &str) -> std::io::Result<Value> {
    let from = random.below(4) as usize;
    let streams: Vec<&str> = (0..=random.below(3) as usize)
        .map(|nth| STREAMS[(from + nth) % STREAMS.len()])
        .collect();
    let count = (1 + random.below(5)).to_string();
    let mut request = vec!["XREADGROUP", "GROUP", "g", consumer, "COUNT", &count];
    let timeout = ["0", "5"][random.below(2) as usize];
    request.extend(["BLOCK", timeout, "STREAMS"]);
    request.extend(&streams);
    request.extend(streams.iter().map(|_| ">"));
    client.send(&request)?;
    client.try_read().map(|reply| reply.value)
}

/// Reads entries and acknowledges them until the connection is closed; `take` gets the value of each.
fn consume(client: &mut Client, random: &mut Random, name: &str, mut take: impl FnMut(Vec<u8>)) {
    while let Ok(reply) = read(client, random, name) {
        if reply == Value::NullArray {
            continue;
        }
        for stream in reply.elements() {
            let [key, entries] = stream.elements() else {
                panic!("neither a stream nor nothing: {reply:?}");
            };
            let mut request = vec![b"XACK".to_vec(), key.text().expect("a key"), b"g".to_vec()];
            for entry in entries.elements() {
                request.push(entry.elements()[0].text().expect("an ID"));
                take(entry.elements()[1].elements()[1].text().expect("a value"));
            }
            let acknowledged = client.call(&request);
            assert_eq!(acknowledged, Value::Int(request.len() as i64 - 3));
        }
    }
}

#[test]
fn each_entry_goes_to_one_consumer() {
    let server = Server::start(&["--threads", "2"]);
    let mut seeds = Random::for_test("consumer_groups");
    let mut look = server.connect();
    create_groups(&mut look);
    let taken: Mutex<BTreeMap<Vec<u8>, u64>> = Mutex::default();
    thread::scope(|scope| {
        let mut ids = Vec::new();
        for number in 0..CONSUMERS {
            let mut client = server.connect();
            let mut random = Random::new(seeds.next());
            ids.push(client.ok("CLIENT ID").number().expect("an ID"));
            let taken = &taken;
            scope.spawn(move || {
                consume(&mut client, &mut random, &format!("c{number}"), |value| {
                    *taken.lock().expect("sound").entry(value).or_default() += 1;
                });
            });
        }
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|number| {
                let mut client = server.connect();
                let mut random = Random::new(seeds.next());
                scope.spawn(move || produce(&mut client, &mut random, number))
            })
            .collect();
        for producer in producers {
            producer.join().expect("it has added all");
        }
        let end = Instant::now() + patience();
        let all = || taken.lock().expect("sound").len() as u64 == PRODUCERS * EACH;
        while !all() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        for id in ids {
            look.call(&["CLIENT", "KILL", "ID", &id.to_string()]);
        }
    });
    let taken = taken.into_inner().expect("sound");
    assert_eq!(taken.len() as u64, PRODUCERS * EACH, "every entry came");
    assert!(
        taken.values().all(|times| *times == 1),
        "no entry came twice"
    );
    for stream in STREAMS {
        let pending = look.call(&["XPENDING", stream, "g"]);
        assert_eq!(pending.elements()[0], Value::Int(0), "{pending:?}");
    }
}

/// What takes a stream or a group away, and what makes them again.
fn disturb(client: &mut Client, random: &mut Random) {
    let stream = STREAMS[random.below(4) as usize];
    match random.below(8) {
        0 | 1 => drop(client.call(&["DEL", stream])),
        2 | 3 => drop(client.call(&["XGROUP", "DESTROY", stream, "g"])),
        4 => drop(client.call(&["SET", stream, "text"])),
        5 => {
            let other = STREAMS[random.below(4) as usize];
            drop(client.call(&["RENAME", stream, other]));
        }
        6 => drop(client.call(&["PEXPIRE", stream, "1"])),
        _ => drop(client.call(&["SWAPDB", "0", "1"])),
    }
    if random.below(4) != 0 {
        client.call(&["XGROUP", "CREATE", stream, "g", "0", "MKSTREAM"]);
        client.call(&["XADD", stream, "*", "f", "v"]);
    }
}

#[test]
fn who_waits_for_what_goes_is_told() {
    let server = Server::start(&["--threads", "2"]);
    let mut seeds = Random::for_test("consumer_groups_lost");
    let mut look = server.connect();
    create_groups(&mut look);
    let told = AtomicU64::new(0);
    thread::scope(|scope| {
        let mut ids = Vec::new();
        for number in 0..CONSUMERS {
            let mut client = server.connect();
            let mut random = Random::new(seeds.next());
            ids.push(client.ok("CLIENT ID").number().expect("an ID"));
            let told = &told;
            scope.spawn(move || {
                while let Ok(reply) = read(&mut client, &mut random, &format!("c{number}")) {
                    told.fetch_add(u64::from(reply.is_error()), Relaxed);
                }
            });
        }
        let disturbers: Vec<_> = (0..2)
            .map(|_| {
                let mut client = server.connect();
                let mut random = Random::new(seeds.next());
                scope.spawn(move || (0..600).for_each(|_| disturb(&mut client, &mut random)))
            })
            .collect();
        for disturber in disturbers {
            disturber.join().expect("it is done");
        }
        // Nobody may go on waiting for what is not there.
        look.ok("FLUSHALL");
        let end = Instant::now() + patience();
        let waits = |look: &mut Client| {
            let info = look.call(&["INFO", "clients"]).text().expect("a text");
            !String::from_utf8_lossy(&info).contains("\r\nblocked_clients:0\r\n")
        };
        while waits(&mut look) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
        let still_waits = waits(&mut look);
        for id in ids {
            look.call(&["CLIENT", "KILL", "ID", &id.to_string()]);
        }
        assert!(!still_waits, "somebody waits for a stream that is gone");
    });
    assert!(told.into_inner() > 0);
}
