//! Clients that do what no client should: say nothing, stop in the middle, vanish, speak another protocol.
//! Nobody else may notice, nothing may be lost, and memory must stay in proportion to what was sent.
//!
//! Each test prints its seed; `REDOUBLE_SEED` replays the clients' choices (not the threads' timing).

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;
use support::client::{Client, encode};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

/// A number of INFO.
fn info(client: &mut Client, name: &str) -> i64 {
    let info = client.ok("INFO everything").text().unwrap_or_default();
    let info = String::from_utf8(info).expect("text");
    let mut lines = info.lines();
    lines
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok())
        .unwrap_or_else(|| panic!("no number {name} in {info}"))
}

/// Waits until a number of INFO is this one.
fn wait_for(client: &mut Client, name: &str, wanted: i64) {
    for _ in 0..4_000 {
        if info(client, name) == wanted {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{name} is never {wanted}, but {}", info(client, name));
}

/// Resident memory of the server in KiB.
fn resident(server: &mut Server) -> i64 {
    let path = format!("/proc/{}/status", server.process().id());
    let status = std::fs::read_to_string(path).expect("the status of the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|n| n.parse().ok()).expect("its memory")
}

/// Lets this process, and so the servers that it starts, have so many files; false where it may not.
fn allow_files(count: u64) -> bool {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: plain system calls on a local structure.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return false;
        }
        if limit.rlim_cur >= count {
            return true;
        }
        limit.rlim_cur = count;
        limit.rlim_max = limit.rlim_max.max(count);
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
    }
}

#[test]
fn ten_thousand_connections_that_say_nothing_are_in_nobodys_way() {
    const SILENT: usize = 9_999;
    // Sockets of this process; the server has its own, and the same limit.
    if !allow_files(SILENT as u64 + 500) {
        println!("skipped: this system allows fewer than {SILENT} open files");
        return;
    }
    // As many as it takes when nobody says otherwise: with ours 10,000.
    let mut server = Server::start(&[]);
    let mut client = server.connect();
    assert_eq!(
        client.ok("CONFIG GET maxclients").elements()[1],
        Value::Bulk(b"10000".to_vec())
    );
    let before = resident(&mut server);
    let mut silent = Vec::with_capacity(SILENT);
    while silent.len() < SILENT {
        silent.push(TcpStream::connect(server.address()).expect("a connection"));
        if silent.len() % 100 == 0 {
            client.ok("INCR pings");
        }
    }
    wait_for(&mut client, "connected_clients", SILENT as i64 + 1);
    let grown = resident(&mut server) - before;
    assert!(
        grown < 3 * SILENT as i64,
        "{grown} KiB for {SILENT} connections"
    );
    // One more is told so, and is no trouble either.
    let mut refused = Client::try_connect(server.address()).expect("a connection");
    let told = refused.read_to_end().expect("a line and the end");
    assert_eq!(told, b"-ERR max number of clients reached\r\n");
    assert_eq!(info(&mut client, "rejected_connections"), 1);
    // Those who say something after all are served.
    for socket in silent.iter_mut().step_by(1_000) {
        socket.write_all(b"INCR pings\r\n").expect("sent");
        let mut reply = [0; 6];
        socket.read_exact(&mut reply).expect("a reply");
        assert_eq!(reply[0], b':');
    }
    silent.truncate(SILENT / 2);
    wait_for(&mut client, "connected_clients", SILENT as i64 / 2 + 1);
    assert_eq!(server.connect().ok("PING"), Value::Simple(b"PONG".to_vec()));
    drop(silent);
    wait_for(&mut client, "connected_clients", 1);
}

#[test]
fn half_a_hello_holds_up_nobody_and_can_still_be_finished() {
    let server = Server::start(&["--requirepass", "secret"]);
    let mut other = server.connect();
    other.ok("AUTH secret");
    let hello = encode(&["HELLO", "3", "AUTH", "default", "secret"]);
    let halves: Vec<(Client, usize)> = (1..hello.len())
        .map(|cut| {
            let mut client = server.connect();
            client.send_raw(&hello[..cut]).expect("a half");
            (client, cut)
        })
        .collect();
    for _ in 0..100 {
        other.ok("INCR n");
    }
    for (number, (mut client, cut)) in halves.into_iter().enumerate() {
        if number % 2 == 0 {
            client.send_raw(&hello[cut..]).expect("the other half");
            let map = client.read();
            assert!(matches!(map, Value::Map(_)), "cut at {cut}: {map:?}");
            assert_eq!(client.ok("PING"), Value::Simple(b"PONG".to_vec()));
        } else {
            client.finish_sending();
            assert_eq!(client.read_to_end().expect("the end"), b"", "cut at {cut}");
        }
    }
    // One that does not go on is not let in by what others said.
    let mut stuck = server.connect();
    stuck.send_raw(&hello[..30]).expect("a part");
    other.ok("PING");
    stuck.reset();
    wait_for(&mut other, "connected_clients", 1);
}

/// Tells the other threads of a test that it is over, also when it failed.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Two counters that only transactions change, both by the same number.
fn twins(count: usize, name: &str) -> Vec<u8> {
    let mut bytes = encode(&["MULTI"]);
    for _ in 0..count {
        bytes.extend(encode(&["INCR", &format!("{{{name}}}a")]));
        bytes.extend(encode(&["INCR", &format!("other:{name}")]));
    }
    bytes.extend(encode(&["EXEC"]));
    bytes
}

#[test]
fn a_transaction_of_a_killed_client_runs_whole_or_not_at_all() {
    const COMMANDS: usize = 300;
    let mut random = Random::for_test("a_transaction_of_a_killed_client_runs_whole_or_not_at_all");
    let server = Server::start(&[]);
    let done = AtomicBool::new(false);
    let (whole, mut kills) = (AtomicI64::new(0), 0);
    let (mut reader, mut steady) = (server.connect(), server.connect());
    thread::scope(|scope| {
        let _end = AtTheEnd(&done);
        // One who looks all the time: never a half.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let both = reader.ok("MGET {twins}a other:twins");
                let both = both.elements();
                let zero = Value::Bulk(b"0".to_vec());
                let at = |index: usize| match &both[index] {
                    nothing if nothing.is_null() => zero.clone(),
                    value => value.clone(),
                };
                assert_eq!(at(0), at(1));
            }
        });
        // One whose own transactions run meanwhile, undisturbed.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                steady.send_raw(&twins(3, "twins")).expect("sent");
                for _ in 0..7 {
                    steady.read();
                }
                assert_eq!(steady.read().elements().len(), 6);
                whole.fetch_add(3, Ordering::Relaxed);
            }
        });
        let bytes = twins(COMMANDS, "twins");
        for round in 0..300 {
            let mut client = server.connect();
            // Often within the last bytes, where EXEC is; sometimes all of it, but no reply is read.
            let cut = match random.below(3) {
                0 => bytes.len(),
                1 => bytes.len() - random.below(20) as usize,
                _ => random.below(bytes.len() as u64) as usize,
            };
            client.send_raw(&bytes[..cut]).expect("sent");
            if round % 2 == 0 {
                thread::sleep(Duration::from_micros(random.below(300)));
            }
            client.reset();
            kills += 1;
        }
    });
    let mut client = server.connect();
    // This one, the reader and the steady one.
    wait_for(&mut client, "connected_clients", 3);
    let total = client.ok("GET {twins}a").text().expect("a number");
    let total: i64 = String::from_utf8(total)
        .expect("text")
        .parse()
        .expect("a number");
    let by_killed = total - whole.load(Ordering::Relaxed);
    assert_eq!(by_killed % COMMANDS as i64, 0, "of {total}");
    assert!(by_killed > 0, "some must have reached EXEC");
    assert!(by_killed <= kills * COMMANDS as i64);
}

/// A client that waits in BZPOPMIN, and its id.
fn blocked(server: &Server, control: &mut Client, already: i64) -> (Client, String) {
    let mut client = server.connect();
    let id = client.ok("CLIENT ID").number().expect("an id");
    client.send(&["BZPOPMIN", "queue", "0"]).expect("sent");
    wait_for(control, "blocked_clients", already + 1);
    (client, id.to_string())
}

#[test]
fn what_a_killed_client_waited_for_goes_to_the_next() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    let popped = Value::Array(vec![
        Value::Bulk(b"queue".to_vec()),
        Value::Bulk(b"element".to_vec()),
        Value::Bulk(b"1".to_vec()),
    ]);
    for round in 0..100 {
        let (mut first, id) = blocked(&server, &mut control, 0);
        let (mut next, _) = blocked(&server, &mut control, 1);
        match round % 4 {
            // Killed by another, and what it waits for comes with the same write.
            0 => {
                let mut bytes = encode(&["CLIENT", "KILL", "ID", &id]);
                bytes.extend(encode(&["ZADD", "queue", "1", "element"]));
                control.send_raw(&bytes).expect("sent");
                assert_eq!(control.read(), Value::Int(1));
                assert_eq!(control.read(), Value::Int(1));
            }
            // The same inside a transaction.
            1 => {
                for request in [
                    &["MULTI"][..],
                    &["CLIENT", "KILL", "ID", &id],
                    &["ZADD", "queue", "1", "element"],
                    &["EXEC"],
                ] {
                    control.send(request).expect("sent");
                }
                (0..3).for_each(|_| drop(control.read()));
                let both = Value::Array(vec![Value::Int(1), Value::Int(1)]);
                assert_eq!(control.read(), both);
            }
            // Its program was killed.
            2 => {
                first.reset();
                wait_for(&mut control, "blocked_clients", 1);
                control.ok("ZADD queue 1 element");
                assert_eq!(next.read(), popped, "round {round}");
                continue;
            }
            // It closed its side while it waited: as in Redis that ends it.
            _ => {
                first.finish_sending();
                assert!(first.is_closed());
                wait_for(&mut control, "blocked_clients", 1);
                control.ok("ZADD queue 1 element");
            }
        }
        assert_eq!(next.read(), popped, "round {round}");
        assert!(first.is_closed(), "round {round}");
    }
    assert_eq!(control.ok("EXISTS queue"), Value::Int(0));
}

#[test]
fn what_nobody_waits_for_any_more_stays() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    for round in 1..=50 {
        let (client, id) = blocked(&server, &mut control, 0);
        if round % 2 == 0 {
            client.reset();
            wait_for(&mut control, "blocked_clients", 0);
        } else {
            assert_eq!(control.call(&["CLIENT", "KILL", "ID", &id]), Value::Int(1));
        }
        control.ok("ZADD queue 1 element");
        let popped = control.ok("ZPOPMIN queue").elements().len();
        assert_eq!(popped, 2, "round {round}");
    }
}

/// How a current TLS client begins, up to the first part of its extensions.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x01\x24\x01\x00\x01\x20\x03\x03\x5c\x1f\x0a\x33\x8b\x99\x02\
    \x41\xd0\xa7\x0f\x6e\x12\x55\x90\x31\x24\x77\xfe\x01\x63\x21\xaa\x18\x0b\xcd\x4e\xf0\x92\x37\x20\
    \x13\x02\x13\x03\x13\x01\xc0\x2c\xc0\x30\x00\x9f\xcc\xa9\xcc\xa8\xcc\xaa\xc0\x2b\xc0\x2f\x00\x9e";

#[test]
fn a_tls_client_on_the_plain_port_is_told_and_logged() {
    let server = Server::start(&[]);
    let told = b"-ERR Protocol error: TLS is not supported, connections are plain\r\n";
    for cut in [2, 3, 7, CLIENT_HELLO.len()] {
        let mut client = server.connect();
        client.send_raw(&CLIENT_HELLO[..1]).expect("a byte");
        assert!(client.is_silent_for(Duration::from_millis(1)));
        client.send_raw(&CLIENT_HELLO[1..cut]).expect("more");
        let reply = client.read_to_end().expect("an error and the end");
        assert_eq!(reply, told, "{}", reply.escape_ascii());
    }
    assert!(
        server.has_logged(
            "# Protocol error (TLS is not supported, connections are plain) from client"
        )
    );
    // Bytes like these inside a request are bytes.
    let mut client = server.connect();
    let reply = client.call(&[b"ECHO".as_slice(), CLIENT_HELLO]);
    assert_eq!(reply, Value::Bulk(CLIENT_HELLO.to_vec()));
}

#[test]
fn a_browser_is_cut_off_and_logged() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let request = b"POST /?x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nSET k v\r\n";
    client.send_raw(request).expect("sent");
    // Unread bytes may turn the end into a reset.
    assert_eq!(client.read_to_end().unwrap_or_default(), b"");
    assert!(server.has_logged("# Possible SECURITY ATTACK detected"));
    assert_eq!(server.connect().ok("EXISTS k"), Value::Int(0));
}

#[test]
fn announcing_much_and_sending_little_reserves_little() {
    const CLIENTS: usize = 300;
    let mut server = Server::start(&[]);
    let mut control = server.connect();
    let before = resident(&mut server);
    let heads: [&[u8]; 4] = [
        b"*2147483647\r\n$536870912\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nx",
        b"*1000000000\r\n$1\r\nx\r\n",
        b"*2\r\n$536870912\r\n\x00",
    ];
    let greedy: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            let mut client = server.connect();
            client.send_raw(heads[number % heads.len()]).expect("sent");
            client
        })
        .collect();
    wait_for(&mut control, "connected_clients", CLIENTS as i64 + 1);
    control.ok("SET k v");
    let grown = resident(&mut server) - before;
    assert!(
        grown < 16 * CLIENTS as i64,
        "{grown} KiB for {CLIENTS} clients"
    );
    drop(greedy);
    wait_for(&mut control, "connected_clients", 1);
}

#[test]
fn spoilt_requests_of_many_clients_spoil_nothing_else() {
    let mut random = Random::for_test("spoilt_requests_of_many_clients_spoil_nothing_else");
    let mut server = Server::start(&[]);
    let done = AtomicBool::new(false);
    let mut sound = Vec::new();
    for request in [
        &["HELLO", "3"][..],
        &["SET", "key", "value", "EX", "100"],
        &["MULTI"],
        &["HSET", "hash", "field", "value"],
        &["ZADD", "zset", "1.5", "member"],
        &["EXEC"],
        &["SUBSCRIBE", "channel"],
        &["BZPOPMIN", "none", "0.001"],
        &["CLIENT", "REPLY", "OFF"],
        &["COMMAND", "DOCS"],
    ] {
        sound.extend(encode(request));
    }
    let mut well = server.connect_as(3);
    thread::scope(|scope| {
        let _end = AtTheEnd(&done);
        // One who behaves: its own keys and replies are as they must be.
        scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                count += 1;
                assert_eq!(well.ok("INCR own"), Value::Int(count));
                assert_eq!(well.ok("PING"), Value::Simple(b"PONG".to_vec()));
            }
        });
        let spoilers: Vec<_> = (0..4)
            .map(|_| {
                let mut random = random.fork();
                let (server, sound) = (&server, &sound);
                scope.spawn(move || {
                    for _ in 0..100 {
                        let mut bytes = sound.clone();
                        for _ in 0..=random.below(8) {
                            let at = random.below(bytes.len() as u64) as usize;
                            match random.below(3) {
                                0 => bytes[at] ^= 1 << random.below(8),
                                1 if bytes.len() > 1 => drop(bytes.remove(at)),
                                _ => bytes.truncate(at.max(1)),
                            }
                        }
                        let mut client = server.connect();
                        // The server may close in the middle, so that sending fails.
                        let _ = client.send_raw(&bytes);
                        match random.below(2) {
                            0 => client.reset(),
                            _ => {
                                client.finish_sending_if_open();
                                let _ = client.read_to_end();
                            }
                        }
                    }
                })
            })
            .collect();
        for spoiler in spoilers {
            spoiler.join().expect("a spoiler");
        }
    });
    let running = server.process().try_wait().expect("the process");
    assert!(running.is_none(), "the server ended: {running:?}");
    let mut control = server.connect();
    // This one and the one who behaves.
    wait_for(&mut control, "connected_clients", 2);
    wait_for(&mut control, "blocked_clients", 0);
}

/// A client that is told of every command.
fn monitor(server: &Server, protocol: u8) -> Client {
    let mut client = server.connect_as(protocol);
    assert_eq!(client.ok("MONITOR"), Value::Simple(b"OK".to_vec()));
    client
}

#[test]
fn a_monitor_that_is_killed_in_the_middle_takes_nothing_from_another() {
    const WORKERS: usize = 3;
    const COMMANDS: usize = 2_000;
    let mut random =
        Random::for_test("a_monitor_that_is_killed_in_the_middle_takes_nothing_from_another");
    let server = Server::start(&[]);
    let mut steady = [monitor(&server, 2), monitor(&server, 3)];
    let workers: Vec<Client> = (0..WORKERS).map(|_| server.connect()).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let _end = AtTheEnd(&done);
        // Those who come, read a little or nothing, and vanish.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let mut client = monitor(&server, 2 + random.below(2) as u8);
                for _ in 0..random.below(20) {
                    // At the end there is nothing more to read.
                    if client.is_silent_for(Duration::from_millis(20)) {
                        break;
                    }
                    client.read();
                }
                client.reset();
            }
        });
        let running: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(worker, mut client)| {
                scope.spawn(move || {
                    for number in 0..COMMANDS {
                        let value = number.to_string();
                        client.call(&["SET", &format!("worker{worker}"), &value]);
                    }
                })
            })
            .collect();
        for worker in running {
            worker.join().expect("a worker");
        }
    });
    server.connect().ok("ECHO the-end");
    for monitor in &mut steady {
        let mut next = [0; WORKERS];
        loop {
            let line = String::from_utf8(monitor.read().text().expect("a line")).expect("text");
            if line.contains("\"the-end\"") {
                break;
            }
            let Some((_, rest)) = line.split_once("\"SET\" \"worker") else {
                continue;
            };
            let (worker, value) = rest.split_once("\" ").expect("a worker and its number");
            let worker: usize = worker.parse().expect("a number");
            assert_eq!(value, format!("\"{}\"", next[worker]), "{line}");
            next[worker] += 1;
        }
        assert_eq!(next, [COMMANDS; WORKERS]);
    }
}

#[test]
fn a_monitor_that_never_reads_is_cut_and_others_miss_nothing() {
    let server = Server::start(&[]);
    let mut control = server.connect();
    control.call(&[
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "normal 1mb 0 0",
    ]);
    let _stuck = monitor(&server, 2);
    let mut well = monitor(&server, 3);
    let value = "x".repeat(20_000);
    let mut count = 0;
    while info(&mut control, "client_output_buffer_limit_disconnections") == 0 {
        assert!(count < 5_000, "it is never cut");
        control.call(&["SET", &format!("key{count}"), &value]);
        // What the other has read it does not owe.
        loop {
            let line = well.read().text().expect("a line");
            if String::from_utf8_lossy(&line).contains(&format!("\"key{count}\"")) {
                break;
            }
        }
        count += 1;
    }
    assert!(count > 40, "not before it owes so much: {count}");
}
