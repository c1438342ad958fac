//! MIGRATE with another server: a real redis-server where there is one, and one that misbehaves as it is told.
//!
//! The real server is found as in `differential.rs`.

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use support::client::Client;
use support::resp::Value;
use support::server::{Program, Server};

/// The real server, or a word that there is none.
fn reference() -> Option<Program> {
    let reference = Program::reference();
    let required =
        std::env::var_os("REDOUBLE_REFERENCE_REQUIRED").is_some_and(|value| value == "1");
    assert!(
        reference.is_some() || !required,
        "REDOUBLE_REFERENCE_REQUIRED=1, but there is no redis-server to migrate keys to"
    );
    if reference.is_none() {
        let line =
            b"SKIPPED: no keys are migrated: no redis-server on the PATH, no REDOUBLE_REFERENCE\n";
        let _ = std::io::stderr().write_all(line);
    }
    reference
}

/// Sends MIGRATE; `rest` is what follows the port.
fn migrate(client: &mut Client, to: SocketAddr, rest: &str) -> Value {
    client.call(&request(to, rest))
}

fn request(to: SocketAddr, rest: &str) -> Vec<String> {
    let words = format!("MIGRATE {} {}", to.ip(), to.port());
    let words = words.split(' ').chain(rest.split(' '));
    words.map(|word| word.replace("\"\"", "")).collect()
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

fn error(text: &str) -> Value {
    Value::Error(text.as_bytes().to_vec())
}

const KEYS: [&str; 7] = [
    "string", "number", "hash", "set", "sorted", "list", "stream",
];

/// Makes a value of each type.
fn fill(client: &mut Client) {
    client.ok("FLUSHALL");
    client.ok("SET string hello PX 100000");
    client.ok("SET number 12345678901");
    client.ok("HSET hash a 1 b two");
    client.ok("SADD set 1 2 3");
    client.ok("ZADD sorted 1.5 a 2 b");
    client.ok("RPUSH list a b 3");
    client.ok("XADD stream 5-1 field value");
}

/// All that [`fill`] has made.
fn content(client: &mut Client) -> Vec<Value> {
    [
        "GET string",
        "GET number",
        "HGETALL hash",
        "SMEMBERS set",
        "ZRANGE sorted 0 -1 WITHSCORES",
        "LRANGE list 0 -1",
        "XRANGE stream - +",
    ]
    .map(|words| client.ok(words))
    .to_vec()
}

fn count(client: &mut Client) -> Value {
    client.call(&["DBSIZE"])
}

/// Keys go from one server to the other, with all the options.
fn move_keys(from: &Server, to: &Server) {
    let (mut source, mut target) = (from.connect(), to.connect());
    fill(&mut source);
    target.ok("FLUSHALL");
    let before = content(&mut source);
    // One alone, and all of them, among some that are not there.
    assert_eq!(migrate(&mut source, to.address(), "number 0 5000"), ok());
    let all = format!("\"\" 0 5000 KEYS nosuch {} other", KEYS.join(" "));
    assert_eq!(migrate(&mut source, to.address(), &all), ok());
    assert_eq!(count(&mut source), Value::Int(0));
    assert_eq!(content(&mut target), before);
    let left = target.ok("PTTL string").number().expect("milliseconds");
    assert!((50_000..=100_000).contains(&left), "{left}");
    assert_eq!(target.ok("PTTL number"), Value::Int(-1));
    // Into another database, and as copies.
    fill(&mut source);
    let copy = format!("\"\" 3 5000 COPY KEYS {}", KEYS.join(" "));
    assert_eq!(migrate(&mut source, to.address(), &copy), ok());
    assert_eq!(content(&mut source), before);
    target.ok("SELECT 3");
    assert_eq!(content(&mut target), before);
    // What is there stays, unless it is to be replaced.
    target.ok("SET number 7");
    let busy =
        error("ERR Target instance replied with error: BUSYKEY Target key name already exists.");
    assert_eq!(migrate(&mut source, to.address(), "number 3 5000"), busy);
    assert_eq!(
        migrate(&mut source, to.address(), "\"\" 3 5000 KEYS number fresh"),
        busy
    );
    assert_eq!(source.ok("EXISTS number"), Value::Int(1));
    source.ok("SET fresh 1");
    assert_eq!(
        migrate(&mut source, to.address(), "\"\" 3 5000 KEYS number fresh"),
        busy
    );
    assert_eq!(
        source.ok("EXISTS fresh"),
        Value::Int(0),
        "what was taken is gone"
    );
    assert_eq!(
        migrate(&mut source, to.address(), "number 3 5000 REPLACE"),
        ok()
    );
    assert_eq!(content(&mut target), before);
    let no_database = error("ERR Target instance replied with error: ERR DB index is out of range");
    assert_eq!(
        migrate(&mut source, to.address(), "list 99 5000"),
        no_database
    );
    assert_eq!(source.ok("LLEN list"), Value::Int(3));
}

#[test]
fn keys_go_to_a_real_server_and_come_from_it() {
    let Some(reference) = reference() else { return };
    let (ours, theirs) = (Server::start(&[]), Server::start_program(&reference, &[]));
    move_keys(&ours, &theirs);
    move_keys(&theirs, &ours);
}

#[test]
fn keys_go_to_a_server_of_the_same_kind() {
    let (one, other) = (Server::start(&[]), Server::start(&[]));
    move_keys(&one, &other);
    // To oneself, into another database: nothing is locked meanwhile.
    let mut client = one.connect();
    client.ok("FLUSHALL");
    client.ok("SET k v");
    assert_eq!(migrate(&mut client, one.address(), "k 5 5000"), ok());
    client.ok("SELECT 5");
    assert_eq!(client.ok("GET k"), Value::Bulk(b"v".to_vec()));
}

/// To a server with a password, with and without the right one.
fn move_with_password(from: &Server, target: &Program) {
    let to = Server::start_program(target, &["--requirepass", "secret"]);
    let mut source = from.connect();
    source.ok("SET k v");
    let wrong = migrate(&mut source, to.address(), "k 0 5000 AUTH wrong");
    let text = "ERR Target instance replied with error: WRONGPASS ";
    assert!(
        matches!(&wrong, Value::Error(error) if error.starts_with(text.as_bytes())),
        "{wrong:?}"
    );
    let none = migrate(&mut source, to.address(), "k 0 5000");
    let text = "ERR Target instance replied with error: NOAUTH Authentication required.";
    assert_eq!(none, error(text));
    assert_eq!(source.ok("GET k"), Value::Bulk(b"v".to_vec()));
    assert_eq!(
        migrate(&mut source, to.address(), "k 0 5000 AUTH secret"),
        ok()
    );
    source.ok("SET l v");
    assert_eq!(
        migrate(&mut source, to.address(), "l 0 5000 AUTH2 default secret"),
        ok()
    );
    let mut client = to.connect();
    client.ok("AUTH secret");
    assert_eq!(count(&mut client), Value::Int(2));
}

#[test]
fn passwords_are_given() {
    let ours = Server::start(&[]);
    move_with_password(&ours, &Program::under_test());
    if let Some(reference) = reference() {
        move_with_password(&ours, &reference);
        move_with_password(
            &Server::start_program(&reference, &[]),
            &Program::under_test(),
        );
    }
}

/// A server that the test plays.
struct Target {
    listener: TcpListener,
}

impl Target {
    fn new() -> Target {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Target { listener }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("its address")
    }

    /// The next connection, once it has sent so many requests.
    fn accept(&self, requests: usize) -> (TcpStream, Vec<u8>) {
        let (mut socket, _) = self.listener.accept().expect("a connection");
        let timeout = Some(Duration::from_secs(20));
        socket.set_read_timeout(timeout).expect("a timeout");
        let (mut sent, mut buffer) = (Vec::new(), [0; 4096]);
        while count_of(&sent, b"\r\nRESTORE\r\n") < requests || !sent.ends_with(b"\r\n") {
            let read = socket.read(&mut buffer).expect("requests");
            assert!(read > 0, "closed after {sent:?}");
            sent.extend_from_slice(&buffer[..read]);
        }
        (socket, sent)
    }
}

fn count_of(bytes: &[u8], part: &[u8]) -> usize {
    bytes
        .windows(part.len())
        .filter(|window| window == &part)
        .count()
}

/// Begins a MIGRATE that waits for the target.
fn begin(server: &Server, target: &Target, rest: &str) -> Client {
    let mut client = server.connect();
    client.send(&request(target.address(), rest)).expect("sent");
    client
}

#[test]
fn what_is_sent() {
    let (server, target) = (Server::start(&[]), Target::new());
    server.connect().ok("MSET a 1 b 2");
    let mut client = begin(
        &server,
        &target,
        "\"\" 7 5000 AUTH2 me pw REPLACE KEYS a x b",
    );
    let (mut socket, sent) = target.accept(2);
    let payload = |text: u8| -> Vec<u8> {
        let dump = server
            .connect()
            .call(&["DUMP", if text == b'1' { "a" } else { "b" }]);
        dump.text().expect("a payload")
    };
    let mut expected =
        b"*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$2\r\npw\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n".to_vec();
    for (key, value) in [(b'a', b'1'), (b'b', b'2')] {
        let payload = payload(value);
        expected.extend(b"*5\r\n$7\r\nRESTORE\r\n$1\r\n");
        expected.push(key);
        expected.extend(format!("\r\n$1\r\n0\r\n${}\r\n", payload.len()).bytes());
        expected.extend(payload);
        expected.extend(b"\r\n$7\r\nREPLACE\r\n");
    }
    assert_eq!(sent, expected);
    socket
        .write_all(b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n")
        .expect("replies");
    assert_eq!(client.read(), ok());
    assert_eq!(count(&mut client), Value::Int(0));
}

#[test]
fn what_was_not_taken_stays() {
    let (server, target) = (Server::start(&[]), Target::new());
    server.connect().ok("MSET a 1 b 2 c 3");
    let mut client = begin(&server, &target, "\"\" 0 5000 KEYS a b c");
    let (mut socket, _) = target.accept(3);
    socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
    drop(socket);
    assert_eq!(
        client.read(),
        error("IOERR error or timeout reading to target instance")
    );
    assert_eq!(client.ok("EXISTS a"), Value::Int(0));
    assert_eq!(client.ok("EXISTS b c"), Value::Int(2));
    // Refused by one reply, taken by the next.
    let mut client = begin(&server, &target, "\"\" 0 5000 KEYS b c");
    let (mut socket, _) = target.accept(2);
    socket
        .write_all(b"+OK\r\n-ERR no\r\n+OK\r\n")
        .expect("replies");
    assert_eq!(
        client.read(),
        error("ERR Target instance replied with error: ERR no")
    );
    assert_eq!(client.ok("EXISTS b"), Value::Int(1));
    assert_eq!(client.ok("EXISTS c"), Value::Int(0));
}

/// A target that closes without an answer is asked once more, as by Redis.
#[test]
fn one_more_attempt_is_made() {
    let (server, target) = (Server::start(&[]), Target::new());
    server.connect().ok("SET k v");
    let mut client = begin(&server, &target, "k 0 5000");
    drop(target.accept(1));
    let (mut socket, _) = target.accept(1);
    socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
    assert_eq!(client.read(), ok());
    let mut client = begin(&server, &target, "k 0 5000");
    assert_eq!(client.read(), Value::Simple(b"NOKEY".to_vec()));
}

#[test]
fn nobody_else_waits_for_a_silent_target() {
    let server = Server::start(&["--threads", "1"]);
    let target = Target::new();
    let mut other = server.connect();
    other.ok("SET k v");
    let mut client = begin(&server, &target, "k 0 300");
    let (_socket, _) = target.accept(1);
    // The key can be read and its shard written, from the same thread.
    assert_eq!(other.ok("GET k"), Value::Bulk(b"v".to_vec()));
    other.ok("FLUSHDB");
    other.ok("SET k w");
    let begun = Instant::now();
    assert_eq!(
        client.read(),
        error("IOERR error or timeout reading to target instance")
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(other.ok("GET k"), Value::Bulk(b"w".to_vec()));
}

/// What changes a key while it is on its way, and whether it is still here then.
#[test]
fn what_changed_meanwhile_stays() {
    let (server, target) = (Server::start(&[]), Target::new());
    let mut other = server.connect();
    for (change, stays) in [
        ("SET k w", true),
        ("APPEND k w", true),
        ("PEXPIRE k 100000", true),
        ("DEL k", false),
        ("GETDEL k", false),
        ("GET k", false),
        ("SET l w", false),
        ("XADD s 2-2 f v", true),
        ("XGROUP CREATE s h 0", true),
        ("XREADGROUP GROUP g c STREAMS s >", true),
        ("XACK s g 1-1", true),
        ("XCLAIM s g d 0 1-1", true),
        ("XACK s g 1-2", false),
        ("XREAD STREAMS s 0", false),
    ] {
        other.ok("FLUSHALL");
        if change.contains(" s ") {
            for made in [
                "XADD s 1-1 f v",
                "XGROUP CREATE s g 0",
                "XREADGROUP GROUP g c STREAMS s >",
                "XADD s 1-2 f v",
            ] {
                other.ok(made);
            }
            other.ok("RENAME s k");
        } else {
            other.ok("SET k v");
        }
        let change = &change.replace(" s ", " k ");
        let mut client = begin(&server, &target, "k 0 5000");
        let (mut socket, _) = target.accept(1);
        other.ok(change);
        socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
        let expected = match stays {
            true => error("ERR 1 of the keys changed while they were migrated, and are still here"),
            false => ok(),
        };
        assert_eq!(client.read(), expected, "{change}");
        assert_eq!(other.ok("EXISTS k"), Value::Int(stays.into()), "{change}");
        // Nothing is left behind.
        let info = other.ok("INFO clients").text().expect("a text");
        let info = String::from_utf8(info).expect("ASCII");
        assert!(info.contains("total_watched_keys:0\r\n"), "{info}");
    }
}

#[test]
fn a_client_that_leaves_does_not_stop_it() {
    let (server, target) = (Server::start(&[]), Target::new());
    let mut other = server.connect();
    other.ok("SET k v");
    let client = begin(&server, &target, "k 0 5000");
    let (mut socket, _) = target.accept(1);
    drop(client);
    socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
    let begun = Instant::now();
    while other.ok("EXISTS k") == Value::Int(1) {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "it is still there"
        );
    }
}

/// 5 MIGRATE is the removal of a key: who watches it becomes dirty, and it is an event.
#[test]
fn others_hear_of_it() {
    let (server, target) = (Server::start(&[]), Target::new());
    let (mut watcher, mut listener) = (server.connect(), server.connect());
    watcher.ok("CONFIG SET notify-keyspace-events EA");
    watcher.ok("SET k v");
    watcher.ok("WATCH k");
    listener.ok("PSUBSCRIBE *");
    let mut client = begin(&server, &target, "k 0 5000");
    let (mut socket, _) = target.accept(1);
    socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
    assert_eq!(client.read(), ok());
    let Value::Array(message) = listener.read() else {
        panic!("no message");
    };
    assert_eq!(
        message[2..],
        ["__keyevent@0__:del", "k"].map(|text| Value::Bulk(text.into()))
    );
    watcher.ok("MULTI");
    watcher.ok("PING");
    assert_eq!(watcher.ok("EXEC"), Value::NullArray);
    // A copy is no change.
    watcher.ok("SET k v");
    watcher.ok("WATCH k");
    let mut client = begin(&server, &target, "k 0 5000 COPY");
    let (mut socket, _) = target.accept(1);
    socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
    assert_eq!(client.read(), ok());
    watcher.ok("MULTI");
    watcher.ok("PING");
    assert!(matches!(watcher.ok("EXEC"), Value::Array(_)));
}

/// What comes behind it in the same read waits, and its reply goes out in its place.
#[test]
fn what_follows_it_waits() {
    let (server, target) = (Server::start(&[]), Target::new());
    let mut client = server.connect();
    client.ok("SET k v");
    let mut bytes = support::client::encode(&request(target.address(), "k 0 5000"));
    bytes.extend(support::client::encode(&["EXISTS", "k"]));
    client.send_raw(&bytes).expect("sent");
    let (mut socket, _) = target.accept(1);
    assert!(client.is_silent_for(Duration::from_millis(50)));
    socket.write_all(b"+OK\r\n+OK\r\n").expect("replies");
    assert_eq!(client.read(), ok());
    assert_eq!(client.read(), Value::Int(0));
}

/// Passwords are not shown.
#[test]
fn passwords_are_hidden() {
    let server = Server::start(&["--slowlog-log-slower-than", "0"]);
    let mut client = server.connect();
    client.ok("SET k v");
    for words in [
        "AUTH hidden",
        "AUTH2 hidden hidden",
        "COPY AUTH2 hidden hidden",
    ] {
        let target = Target::new();
        let to = target.address();
        drop(target);
        migrate(&mut client, to, &format!("k 0 100 {words}"));
    }
    let log = format!("{:?}", client.ok("SLOWLOG GET 10"));
    let hidden: Vec<u8> = b"hidden".to_vec();
    assert!(!log.contains(&format!("{hidden:?}")), "{log}");
    let migrate: Vec<u8> = b"MIGRATE".to_vec();
    assert!(log.contains(&format!("{migrate:?}")), "{log}");
}
