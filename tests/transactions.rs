//! Rules of transactions that a script cannot say; the others are in `scripts/transactions.script` and
//! `scripts/watch_table.script`. The number before each test's sentence is the rule's number.

mod support;

use std::time::Duration;
use support::client::{Client, encode};
use support::resp::Value;
use support::server::Server;

fn in_both_protocols(test: impl Fn(&Server, &mut Client, u8)) {
    let server = Server::start(&[]);
    for protocol in [2, 3] {
        server.connect().ok("FLUSHALL");
        test(&server, &mut server.connect_as(protocol), protocol);
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// 1.10 a dirty EXEC is `*-1` in RESP2 and `_` in RESP3, and never `$-1`; 1.7 an empty EXEC is `*0`.
#[test]
fn the_exact_bytes_of_exec() {
    in_both_protocols(|server, client, protocol| {
        client.ok("WATCH k");
        server.connect().ok("SET k v");
        client.ok("MULTI");
        client.send(&["EXEC"]).expect("sent");
        let null: &[u8] = if protocol == 2 { b"*-1\r\n" } else { b"_\r\n" };
        assert_eq!(client.try_read().expect("a reply").bytes, null);
        client.ok("MULTI");
        client.send(&["EXEC"]).expect("sent");
        assert_eq!(client.try_read().expect("a reply").bytes, b"*0\r\n");
    });
}

/// 3.1, 1.3 a whole cycle in one write, and in single bytes, gives the same replies.
#[test]
fn a_watch_cycle_in_one_write_or_byte_by_byte() {
    in_both_protocols(|_, client, _| {
        let cycle = [
            "SET k 1", "WATCH k", "GET k", "MULTI", "INCR k", "GET k", "EXEC",
        ];
        let bytes: Vec<u8> = cycle.iter().flat_map(|line| encode(&words(line))).collect();
        for single_bytes in [false, true] {
            for piece in bytes.chunks(if single_bytes { 1 } else { bytes.len() }) {
                client.send_raw(piece).expect("sent");
            }
            let replies: Vec<Value> = cycle.iter().map(|_| client.read()).collect();
            let exec = Value::Array(vec![Value::Int(2), Value::Bulk(b"2".to_vec())]);
            assert_eq!(replies[2], Value::Bulk(b"1".to_vec()));
            assert_eq!(replies[6], exec, "{replies:?}");
        }
    });
}

/// 3.4 TIME is the same at the start and at the end of an EXEC that takes long, and an expiry agrees with it.
#[test]
fn time_is_frozen_inside_exec() {
    in_both_protocols(|server, client, _| {
        if !server.program.ours && server.program.version < (7, 2) {
            println!("SKIPPED: before 7.2 TIME was not frozen");
            return;
        }
        let lines = [
            "TIME",
            "SET k v PX 1000",
            "DEBUG SLEEP 0.05",
            "PEXPIRETIME k",
            "TIME",
        ];
        client.ok("MULTI");
        lines.iter().for_each(|line| drop(client.ok(line)));
        let exec = client.ok("EXEC");
        let results = exec.elements();
        assert_eq!(results[0], results[4], "{results:?}");
        let time: Vec<i64> = results[0]
            .elements()
            .iter()
            .map(|v| v.number().expect("digits"))
            .collect();
        let now = time[0] * 1000 + time[1] / 1000;
        assert_eq!(results[3], Value::Int(now + 1000));
    });
}

/// 1.3, 3.2 a queue of 20,000 commands runs whole and in order.
#[test]
fn a_long_queue_runs_in_order() {
    in_both_protocols(|_, client, _| {
        let mut bytes = encode(&["MULTI"]);
        for _ in 0..20_000 {
            bytes.extend(encode(&["INCR", "n"]));
        }
        bytes.extend(encode(&["EXEC"]));
        client.send_raw(&bytes).expect("sent");
        client.read();
        for _ in 0..20_000 {
            assert_eq!(client.read(), Value::Simple(b"QUEUED".to_vec()));
        }
        let expected: Vec<Value> = (1..=20_000).map(Value::Int).collect();
        assert_eq!(client.read(), Value::Array(expected));
    });
}

/// 4.1, 4.4 each of many watched keys counts, wherever it lies; so does each of a key's many watchers.
#[test]
fn every_one_of_many_watches_counts() {
    in_both_protocols(|server, client, protocol| {
        let keys: Vec<String> = (0..500).map(|i| format!("key:{i}")).collect();
        let mut watch = vec!["WATCH".to_string()];
        watch.extend(keys.iter().cloned());
        for changed in keys.iter().step_by(50) {
            client.call(&watch);
            server.connect().ok(&format!("APPEND {changed} x"));
            client.ok("MULTI");
            assert!(client.call(&["EXEC"]).is_null(), "{changed}");
        }
        let mut watchers: Vec<Client> = (0..50).map(|_| server.connect_as(protocol)).collect();
        watchers.iter_mut().for_each(|w| drop(w.ok("WATCH one")));
        client.ok("SET one 1");
        for watcher in &mut watchers {
            watcher.ok("MULTI");
            assert!(watcher.call(&["EXEC"]).is_null());
        }
    });
}

/// 4.1 a change of one key never dirties the watch of another, however many there are.
#[test]
fn other_keys_never_dirty_a_watch() {
    in_both_protocols(|server, client, _| {
        let mut other = server.connect();
        for round in 0..20 {
            client.ok(&format!("WATCH watched:{round}"));
            for i in 0..500 {
                other.ok(&format!("SET other:{i} {round}"));
            }
            client.ok("MULTI");
            assert_eq!(client.ok("EXEC"), Value::Array(vec![]), "round {round}");
        }
    });
}

/// 4.6 however an expired key goes, who saw it alive is told: by the sweep, a read, a write, or nothing at all.
#[test]
fn an_expiry_is_seen_whichever_path_removes_the_key() {
    in_both_protocols(|server, client, _| {
        let mut other = server.connect();
        let paths = [
            "GET k",
            "EXISTS k",
            "TTL k",
            "TYPE k",
            "DEL k",
            "SET k w XX",
            "SET k w NX",
            "RANDOMKEY",
            "KEYS *",
            "SCAN 0 COUNT 1000",
            "DBSIZE",
            "TOUCH k",
            "RENAME k l",
            "COPY k l",
            "MOVE k 1",
            "PERSIST k",
            "MGET k",
            "FLUSHDB",
            "FLUSHALL",
            "SWAPDB 0 1",
            "PING",
        ];
        for sweep in ["1", "0"] {
            client.call(&["DEBUG", "SET-ACTIVE-EXPIRE", sweep]);
            for path in paths {
                other.ok("FLUSHALL");
                client.ok("SET k v PX 20");
                client.ok("WATCH k");
                let alive = client.ok("EXISTS k") == Value::Int(1);
                std::thread::sleep(Duration::from_millis(30));
                other.call(&words(path));
                client.ok("MULTI");
                client.ok("PING");
                let exec = client.call(&["EXEC"]);
                // On a machine that stalls, the key may be gone before WATCH: then nothing is claimed.
                assert!(exec.is_null() || !alive, "sweep {sweep}, {path}: {exec:?}");
            }
        }
        client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    });
}

/// 3.15 the watches of a connection that is gone cost nothing and disturb nobody.
#[test]
fn watches_go_with_their_connection() {
    in_both_protocols(|server, client, protocol| {
        for _ in 0..50 {
            let mut gone = server.connect_as(protocol);
            gone.ok("WATCH k l");
            gone.ok("MULTI");
            gone.ok("SET k gone");
        }
        client.ok("WATCH k");
        assert!(client.ok("GET k").is_null());
        client.ok("MULTI");
        client.ok("SET k mine");
        assert_eq!(
            client.ok("EXEC"),
            Value::Array(vec![Value::Simple(b"OK".to_vec())])
        );
    });
}

/// 1.9 a failure at any place of the queue dooms the whole.
#[test]
fn a_failure_anywhere_in_the_queue_dooms() {
    in_both_protocols(|_, client, _| {
        for place in 0..5 {
            client.ok("MULTI");
            for i in 0..5 {
                let reply = client.call(&words(if i == place { "SET k" } else { "SET k v" }));
                assert_eq!(reply.is_error(), i == place);
            }
            let exec = client.call(&["EXEC"]);
            let text = b"EXECABORT Transaction discarded because of previous errors.";
            assert_eq!(exec, Value::Error(text.to_vec()));
            assert_eq!(client.ok("EXISTS k"), Value::Int(0));
        }
    });
}
