//! The protocol over raw bytes, beyond what a script can say: streams cut in every way, half-closed sockets,
//! big and binary values, slow readers. The error texts are in `scripts/protocol.script`.

mod support;

use std::time::Duration;
use support::client::{Client, encode};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

fn bulk(text: &[u8]) -> Value {
    Value::Bulk(text.to_vec())
}

/// A pipeline with every kind of request, and the bytes that must come back for it in RESP2.
fn pipeline() -> (Vec<u8>, Vec<u8>) {
    let parts: [(&[u8], &[u8]); 9] = [
        (
            b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\n\r\n$1\r\n",
            b"+OK\r\n",
        ),
        (b"GET k\r\n", b"$4\r\n\r\n$1\r\n"),
        (b"\r\n*0\r\nECHO \"a\\r\\n\"\n", b"$3\r\na\r\n\r\n"),
        (b"*1\r\n$5\r\nMULTI\r\n", b"+OK\r\n"),
        (b"*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n", b"+QUEUED\r\n"),
        (b"*2\r\n$6\r\nSTRLEN\r\n$1\r\nk\r\n", b"+QUEUED\r\n"),
        (
            b"*1\r\n$4\r\nEXEC\r\n",
            b"*2\r\n-ERR value is not an integer or out of range\r\n:4\r\n",
        ),
        (b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n", b"$-1\r\n"),
        (b"QUIT\r\n", b"+OK\r\n"),
    ];
    let sent = parts.iter().flat_map(|p| p.0).copied().collect();
    let expected = parts.iter().flat_map(|p| p.1).copied().collect();
    (sent, expected)
}

#[test]
fn a_pipeline_cut_in_two_at_every_byte_gives_the_same_replies() {
    let server = Server::start(&[]);
    let (sent, expected) = pipeline();
    for cut in 0..=sent.len() {
        let mut client = server.connect();
        client.send_raw(&sent[..cut]).expect("the first part");
        // Long enough, mostly, for the server to see the first part alone.
        std::thread::sleep(Duration::from_millis(1));
        client.send_raw(&sent[cut..]).expect("the second part");
        let got = client.read_to_end().expect("replies and the end");
        assert_eq!(
            got.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_pipeline_in_random_pieces_gives_the_same_replies() {
    let mut random = Random::for_test("a_pipeline_in_random_pieces_gives_the_same_replies");
    let server = Server::start(&[]);
    let (sent, expected) = pipeline();
    for _ in 0..100 {
        let mut client = server.connect();
        let mut rest = &sent[..];
        while !rest.is_empty() {
            let (piece, left) = rest.split_at(1 + random.below(rest.len().min(9) as u64) as usize);
            client.send_raw(piece).expect("a piece");
            if random.below(3) == 0 {
                std::thread::sleep(Duration::from_micros(200));
            }
            rest = left;
        }
        assert_eq!(client.read_to_end().expect("replies"), expected);
    }
}

#[test]
fn a_long_pipeline_is_answered_in_order() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut bytes = Vec::new();
    for i in 0..20_000 {
        bytes.extend(encode(&["ECHO", &i.to_string()]));
    }
    client.send_raw(&bytes).expect("the pipeline");
    for i in 0..20_000 {
        assert_eq!(client.read(), bulk(i.to_string().as_bytes()));
    }
}

#[test]
fn a_half_closed_connection_loses_nothing_that_was_sent() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client
        .send_raw(b"SET k v\r\nINCR n\r\nINCR n\r\n")
        .expect("sent");
    client.finish_sending();
    // The server may close at the end of the input, but what it has read it has run.
    let replies = client.read_to_end().expect("replies and the end");
    assert!(
        b"+OK\r\n:1\r\n:2\r\n".starts_with(&replies),
        "{}",
        replies.escape_ascii()
    );
    let mut other = server.connect();
    assert_eq!(
        other.ok("MGET k n"),
        Value::Array(vec![bulk(b"v"), bulk(b"2")])
    );
}

#[test]
fn an_unfinished_request_of_a_closed_connection_is_not_run() {
    let server = Server::start(&[]);
    for cut in 1..encode(&["SET", "k", "v"]).len() {
        let mut client = server.connect();
        client
            .send_raw(&encode(&["SET", "k", "v"])[..cut])
            .expect("a part");
        client.finish_sending();
        assert_eq!(client.read_to_end().expect("the end"), b"", "cut at {cut}");
    }
    assert_eq!(server.connect().ok("EXISTS k"), Value::Int(0));
}

#[test]
fn a_transaction_without_exec_is_not_run_when_the_connection_ends() {
    let server = Server::start(&[]);
    for _ in 0..20 {
        let mut client = server.connect();
        client
            .send_raw(b"WATCH k\r\nMULTI\r\nSET k v\r\n")
            .expect("sent");
        client.finish_sending();
        client.read_to_end().expect("the end");
    }
    assert_eq!(server.connect().ok("EXISTS k"), Value::Int(0));
}

#[test]
fn keys_and_values_are_any_bytes() {
    let mut random = Random::for_test("keys_and_values_are_any_bytes");
    let server = Server::start(&[]);
    for protocol in [2, 3] {
        let mut client = server.connect_as(protocol);
        let every_byte: Vec<u8> = (0..=255).collect();
        let mut pairs = vec![
            (every_byte.clone(), every_byte),
            (b"\r\n".to_vec(), b"$-1\r\n".to_vec()),
        ];
        for _ in 0..200 {
            let (key, value) = (random.below(40) as usize, random.below(3000) as usize);
            pairs.push((random.bytes(key), random.bytes(value)));
        }
        for (key, value) in &pairs {
            let set = client.call(&[b"SET", key.as_slice(), value]);
            assert_eq!(set, Value::Simple(b"OK".to_vec()));
            assert_eq!(client.call(&[b"GET", key.as_slice()]), bulk(value));
        }
    }
}

#[test]
fn big_values_come_back_whole() {
    let mut random = Random::for_test("big_values_come_back_whole");
    let server = Server::start(&[]);
    let mut client = server.connect();
    // Around the sizes of buffers, and one of several megabytes.
    let sizes = [
        16_383,
        16_384,
        16_385,
        32_768,
        65_535,
        65_536,
        65_537,
        1 << 20,
        5_000_003,
    ];
    for size in sizes {
        let value = random.bytes(size);
        client.call(&[b"SET".as_slice(), b"big", &value]);
        assert_eq!(client.call(&["GET", "big"]), bulk(&value), "{size} bytes");
        assert_eq!(client.ok("STRLEN big"), Value::Int(size as i64));
        client.call(&[b"APPEND".as_slice(), b"big", b"x"]);
        assert_eq!(client.ok("GETRANGE big -1 -1"), bulk(b"x"));
    }
}

#[test]
fn a_request_of_many_arguments_is_taken() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut args = vec!["MSET".to_string()];
    for i in 0..50_000 {
        args.extend([format!("key:{i}"), i.to_string()]);
    }
    assert_eq!(client.call(&args), Value::Simple(b"OK".to_vec()));
    assert_eq!(client.ok("DBSIZE"), Value::Int(50_000));
    assert_eq!(client.ok("GET key:49999"), bulk(b"49999"));
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody_and_loses_nothing() {
    let server = Server::start(&[]);
    let mut slow = server.connect();
    let value = vec![b'v'; 100_000];
    slow.call(&[b"SET".as_slice(), b"k", &value]);
    // 20 MB of replies: far more than the sockets hold.
    slow.send_raw(&encode(&["GET", "k"]).repeat(200))
        .expect("sent");
    slow.send_raw(b"INCR after\r\n").expect("sent");
    let mut other = server.connect();
    for _ in 0..1000 {
        other.ok("PING");
    }
    for _ in 0..200 {
        assert_eq!(slow.read(), bulk(&value));
    }
    assert_eq!(slow.read(), Value::Int(1));
}

#[test]
fn many_connections_are_served() {
    let server = Server::start(&[]);
    let mut clients: Vec<Client> = (0..300).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send_inline("INCR n").expect("sent");
    }
    let mut seen: Vec<i64> = clients
        .iter_mut()
        .map(|c| c.read().number().expect("a number"))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
}

#[test]
fn random_bytes_do_not_bring_the_server_down() {
    let mut random = Random::for_test("random_bytes_do_not_bring_the_server_down");
    let mut server = Server::start(&[]);
    for _ in 0..300 {
        let mut client = server.connect();
        let length = 1 + random.below(200) as usize;
        let mut bytes = random.bytes(length);
        if random.below(2) == 0 {
            // Bytes that mean something are met more often so.
            let alphabet = b"*$123-\r\n\r\n\"'\\x PINGSET";
            bytes
                .iter_mut()
                .for_each(|b| *b = alphabet[*b as usize % alphabet.len()]);
        }
        // The server may close in the middle, so that sending fails: that is its right.
        let _ = client.send_raw(&bytes);
        client.finish_sending_if_open();
        let _ = client.read_to_end();
    }
    server.connect().ok("PING");
    let running = server.process().try_wait().expect("the process");
    assert!(running.is_none(), "the server ended: {running:?}");
}

#[test]
fn a_transaction_may_not_queue_more_than_the_query_buffer_limit() {
    let server = Server::start(&[]);
    let mut other = server.connect();
    other.ok("CONFIG SET client-query-buffer-limit 1mb");
    let mut greedy = server.connect();
    greedy.ok("MULTI");
    let request = encode(&[b"SET".as_slice(), b"k", &[b'v'; 50_000]]);
    let mut queued = 0;
    // The server closes in the middle, so that sending may fail as well as reading.
    while queued < 40 && greedy.send_raw(&request).is_ok() && greedy.try_read().is_ok() {
        queued += 1;
    }
    assert!((10..=21).contains(&queued), "{queued}");
    assert_eq!(other.ok("EXISTS k"), Value::Int(0));
}

#[test]
fn a_backlog_behind_a_pause_runs_in_order_and_whole() {
    const COUNT: i64 = 100_000;
    let server = Server::start(&[]);
    let mut other = server.connect();
    other.ok("CLIENT PAUSE 600000 WRITE");
    let mut client = server.connect();
    client
        .send_raw(&b"INCR n\r\n".repeat(COUNT as usize))
        .expect("sent");
    // Waits within the backlog end its steps in the middle.
    client
        .send_raw(&b"WAIT 1 1\r\nINCR n\r\n".repeat(20))
        .expect("sent");
    client
        .send_raw(b"*2\r\n$4\r\nINCR\r\n$1\r\n")
        .expect("sent");
    other.ok("CLIENT UNPAUSE");
    for expected in 1..=COUNT {
        assert_eq!(client.read(), Value::Int(expected));
    }
    for more in 1..=20 {
        assert_eq!(client.read(), Value::Int(0));
        assert_eq!(client.read(), Value::Int(COUNT + more));
    }
    client.send_raw(b"n\r\n").expect("sent");
    assert_eq!(client.read(), Value::Int(COUNT + 21));
}

#[test]
fn a_reader_that_always_lags_behind_does_not_grow_memory() {
    const VALUE: usize = 1_000_000;
    let server = Server::start(&[]);
    let mut slow = server.connect();
    let value = vec![b'v'; VALUE];
    slow.call(&[b"SET".as_slice(), b"k", &value]);
    let mut other = server.connect();
    let request = encode(&["GET", "k"]);
    // More than the sockets hold is always owed, so that the server never sees its buffer empty.
    slow.send_raw(&request.repeat(20)).expect("sent");
    for _ in 0..200 {
        slow.send_raw(&request).expect("sent");
        assert_eq!(slow.read(), bulk(&value));
    }
    let Value::Bulk(info) = other.ok("INFO memory") else {
        panic!("INFO is text");
    };
    let info = String::from_utf8(info).expect("text");
    let used: usize = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:")?.parse().ok())
        .expect("a number");
    assert!(
        used < 100 * VALUE,
        "{used} bytes after 200 replies of {VALUE}"
    );
}
