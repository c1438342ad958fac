//! Payloads of DUMP and MIGRATE, there and back between this server and a real redis-server: random values of
//! every type and encoding.
//!
//! The real server is found as in `differential.rs`. `REDOUBLE_DUMPED` is the number of values; `REDOUBLE_SEED`
//! the seed.

mod support;

use support::client::Client;
use support::random::Random;
use support::resp::Value;
use support::server::{Program, Server};

/// Bytes of the version and the checksum.
const FOOTER: usize = 10;

/// The real server, or a word that there is none.
fn reference() -> Option<Program> {
    let reference = Program::reference();
    let required =
        std::env::var_os("REDOUBLE_REFERENCE_REQUIRED").is_some_and(|value| value == "1");
    assert!(
        reference.is_some() || !required,
        "REDOUBLE_REFERENCE_REQUIRED=1, but there is no redis-server to exchange payloads with"
    );
    if reference.is_none() {
        use std::io::Write as _;
        let line = b"SKIPPED: no payloads are exchanged: no redis-server on the PATH, no REDOUBLE_REFERENCE\n";
        let _ = std::io::stderr().write_all(line);
    }
    reference
}

type Request = Vec<Vec<u8>>;

fn words(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn bulk(value: Value) -> Vec<u8> {
    match value {
        Value::Bulk(bytes) => bytes,
        other => panic!("not a bulk string: {other:?}"),
    }
}

/// One value, as the commands that make it under the key `k`.
struct Made {
    /// What it is, for those who read of a failure.
    kind: &'static str,
    requests: Vec<Request>,
    /// Whether every server dumps the same bytes.
    is_exact: bool,
    /// The first version of Redis that knows such values.
    since: (u32, u32),
}

/// Texts that are kept and compressed in different ways.
fn text(random: &mut Random, longest: u64) -> Vec<u8> {
    let len = random.below(longest + 1) as usize;
    match random.below(7) {
        0 => (random.next() as i64 >> random.below(64))
            .to_string()
            .into_bytes(),
        1 => random.bytes(len),
        2 => (0..len).map(|_| b"ab"[random.below(2) as usize]).collect(),
        3 => b"hello world, "[..].repeat(1 + len / 13)[..len].to_vec(),
        4 => {
            let part = |random: &mut Random| {
                [&b"foo"[..], b"barbar", b"\"name\":", b"12345", b", "][random.below(5) as usize]
            };
            let mut text: Vec<u8> = (0..len / 4).flat_map(|_| part(random).to_vec()).collect();
            text.truncate(len);
            text
        }
        _ => {
            let len = len.min(12);
            (0..len)
                .map(|_| b"abcdefghij"[random.below(10) as usize])
                .collect()
        }
    }
}

fn count(random: &mut Random) -> u64 {
    let most = [1, 5, 100, 600][random.below(4) as usize];
    1 + random.below(most)
}

fn string(random: &mut Random) -> Made {
    let longest = [20, 200, 20_000][random.below(3) as usize];
    let mut request = words(&["SET", "k"]);
    request.push(text(random, longest));
    Made {
        kind: "string",
        requests: vec![request],
        is_exact: true,
        since: (7, 0),
    }
}

fn hash(random: &mut Random, timed: bool) -> Made {
    let count = count(random);
    let longest = [60, 60, 3_000][random.below(3) as usize];
    let mut request = words(&["HSET", "k"]);
    let mut most = 0;
    for _ in 0..2 * count {
        request.push(text(random, longest));
        most = request[request.len() - 1].len().max(most);
    }
    let mut requests = vec![request.clone()];
    if timed {
        for field in request[2..].chunks(2) {
            if random.below(3) == 0 {
                continue;
            }
            let at = (1_900_000_000_000 + random.below(100_000)).to_string();
            let mut request = words(&["HPEXPIREAT", "k", &at, "FIELDS", "1"]);
            request.push(field[0].clone());
            requests.push(request);
        }
    }
    Made {
        kind: if timed { "hash with expiries" } else { "hash" },
        is_exact: !timed && count <= 128 && most <= 64,
        requests,
        since: if timed { (7, 4) } else { (7, 0) },
    }
}

fn set(random: &mut Random) -> Made {
    let mut request = words(&["SADD", "k"]);
    for _ in 0..count(random) {
        request.push(text(random, 80));
    }
    Made {
        kind: "set",
        requests: vec![request],
        is_exact: false,
        since: (7, 0),
    }
}

fn integers(random: &mut Random) -> Made {
    let mut request = words(&["SADD", "k"]);
    let bits = [16, 17, 32, 33, 64][random.below(5) as usize];
    let count = count(random);
    for _ in 0..count {
        let integer = random.next() as i64 >> (64 - bits);
        request.push(integer.to_string().into_bytes());
    }
    Made {
        kind: "set of integers",
        requests: vec![request],
        is_exact: count <= 512,
        since: (7, 0),
    }
}

fn sorted_set(random: &mut Random) -> Made {
    let mut request = words(&["ZADD", "k"]);
    let whole = random.below(2) == 0;
    for _ in 0..count(random) {
        let score = match random.below(6) {
            0 => "inf".to_owned(),
            1 if !whole => format!("{}", random.next() as f64 / 1e19),
            2 if !whole => "1e20".to_owned(),
            3 => format!("{}", random.next() as i64 >> 11),
            _ => format!("{}", random.below(100)),
        };
        request.push(score.into_bytes());
        request.push(text(random, 80));
    }
    Made {
        kind: "sorted set",
        requests: vec![request],
        // Scores that are not whole are other texts in 7.0.
        is_exact: whole,
        since: (7, 0),
    }
}

fn list(random: &mut Random) -> Made {
    let longest = [60, 60, 60, 20_000][random.below(4) as usize];
    let mut requests = Vec::new();
    for _ in 0..1 + random.below(3) {
        let end = ["LPUSH", "RPUSH"][random.below(2) as usize];
        let mut request = words(&[end, "k"]);
        for _ in 0..count(random) {
            request.push(text(random, longest));
        }
        requests.push(request);
    }
    Made {
        kind: "list",
        requests,
        is_exact: true,
        since: (7, 0),
    }
}

fn stream(random: &mut Random) -> Made {
    let mut requests = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    let (mut ms, mut seq) = (1, 0);
    for _ in 0..count(random) {
        ms += random.below(2) * random.below(1 << 40);
        seq += 1 + random.below(300);
        let id = format!("{ms}-{seq}");
        let mut request = words(&["XADD", "k", &id]);
        let named = random.below(3);
        for nth in 0..=random.below(3) {
            request.push(match named {
                0 => text(random, 30),
                _ => format!("field {nth}").into_bytes(),
            });
            request.push(text(random, 60));
        }
        requests.push(request);
        ids.push(id);
    }
    for id in &ids {
        if random.below(5) == 0 {
            requests.push(words(&["XDEL", "k", id]));
        }
    }
    if random.below(3) == 0 {
        let most = random.below(ids.len() as u64).to_string();
        requests.push(words(&["XTRIM", "k", "MAXLEN", &most]));
    }
    Made {
        kind: "stream",
        requests,
        is_exact: true,
        since: (7, 0),
    }
}

fn made(random: &mut Random) -> Made {
    match random.below(8) {
        7 => list(random),
        6 => stream(random),
        0 => string(random),
        1 => hash(random, false),
        2 => hash(random, true),
        3 => set(random),
        4 => integers(random),
        _ => sorted_set(random),
    }
}

/// A server with a connection to it.
struct Side {
    server: Server,
    client: Client,
}

impl Side {
    fn start(program: &Program) -> Side {
        let server = Server::start_program(program, &[]);
        let client = server.connect();
        Side { server, client }
    }

    fn restore(&mut self, key: &str, payload: &[u8], made: &Made) {
        let mut request = words(&["RESTORE", key, "0"]);
        request.push(payload.to_vec());
        request.push(b"REPLACE".to_vec());
        let reply = self.client.call(&request);
        assert!(!reply.is_error(), "{}: {reply:?}: {payload:?}", made.kind);
    }

    /// All that is under a key, and how it is kept.
    fn content(&mut self, key: &str, made: &Made) -> (Value, Value) {
        let digest = self.client.call(&["DEBUG", "DIGEST-VALUE", key]);
        let expiries = match made.kind {
            "hash with expiries" => {
                let mut request = words(&["HPEXPIRETIME", key, "FIELDS"]);
                let fields: Vec<_> = made.requests[0][2..].iter().step_by(2).collect();
                request.push(fields.len().to_string().into_bytes());
                request.extend(fields.into_iter().cloned());
                self.client.call(&request)
            }
            _ => Value::NullBulk,
        };
        (digest, expiries)
    }

    fn encoding(&mut self, key: &str) -> Value {
        self.client.call(&["OBJECT", "ENCODING", key])
    }

    fn dump(&mut self) -> Vec<u8> {
        bulk(self.client.call(&["DUMP", "k"]))
    }
}

#[test]
fn payloads_go_both_ways() {
    let Some(reference) = reference() else { return };
    let mut random = Random::for_test("payloads_go_both_ways");
    let (mut ours, mut theirs) = (Side::start(&Program::under_test()), Side::start(&reference));
    let rounds =
        std::env::var("REDOUBLE_DUMPED").map_or(300, |text| text.parse().expect("a number"));
    let mut exchanged = 0;
    while exchanged < rounds {
        let made = made(&mut random);
        if made.since > reference.version {
            continue;
        }
        exchanged += 1;
        for side in [&mut ours, &mut theirs] {
            side.client.call(&["DEL", "k"]);
            for request in &made.requests {
                let reply = side.client.call(request);
                assert!(!reply.is_error(), "{}: {reply:?}", made.kind);
            }
        }
        let (mine, other) = (ours.dump(), theirs.dump());
        theirs.restore("mine", &mine, &made);
        assert_eq!(
            theirs.content("mine", &made),
            theirs.content("k", &made),
            "{} {mine:?}",
            made.kind
        );
        ours.restore("other", &other, &made);
        assert_eq!(
            ours.content("other", &made),
            ours.content("k", &made),
            "{} {other:?}",
            made.kind
        );
        ours.restore("mine", &mine, &made);
        assert_eq!(ours.content("mine", &made), ours.content("k", &made));
        if reference.version >= (7, 4) {
            theirs.restore("other", &other, &made);
            assert_eq!(
                ours.encoding("other"),
                theirs.encoding("other"),
                "{}",
                made.kind
            );
        }
        let packed = !matches!(ours.encoding("k"), Value::Bulk(word) if word == b"hashtable");
        if made.is_exact && packed {
            let same_form = match made.kind {
                // Since 7.2 they say when consumers were active.
                "stream" => reference.version == (7, 0),
                // Before 7.2 nodes had somewhat less.
                "list" => reference.version >= (7, 2),
                _ => true,
            };
            if same_form {
                let value = |payload: &[u8]| payload[..payload.len() - FOOTER].to_vec();
                assert_eq!(value(&mine), value(&other), "{}", made.kind);
            }
            if same_form && reference.version == (7, 0) {
                assert_eq!(mine, other, "{}", made.kind);
            }
        }
    }
    drop((ours.server, theirs.server));
}

/// What XINFO STREAM FULL says of a stream, without when consumers were active, which 7.0 does not know, and
/// without the shape of a real server's tree.
fn described(client: &mut Client, key: &str) -> Value {
    fn without(value: Value, hidden: &str) -> Value {
        let Value::Array(mut values) = value else {
            return value;
        };
        let place = values
            .iter()
            .position(|one| one.text().as_deref() == Some(hidden.as_bytes()));
        if let Some(place) = place {
            values.drain(place..place + 2);
        }
        let values = values.into_iter().map(|value| without(value, hidden));
        Value::Array(values.collect())
    }
    let reply = client.call(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"]);
    assert!(!reply.is_error(), "{reply:?}");
    without(without(reply, "active-time"), "radix-tree-nodes")
}

/// Gives a stream groups with consumers that have read and acknowledged some of it.
fn add_groups(random: &mut Random, client: &mut Client) {
    for group in ["group", "7", "other"]
        .iter()
        .take(random.below(4) as usize)
    {
        let start = ["0", "$", "5-5"][random.below(3) as usize];
        client.call(&["XGROUP", "CREATE", "k", group, start]);
        for consumer in ["one", "two", "three"]
            .iter()
            .take(random.below(4) as usize)
        {
            client.call(&["XGROUP", "CREATECONSUMER", "k", group, consumer]);
            let count = (1 + random.below(100)).to_string();
            let request = format!("XREADGROUP GROUP {group} {consumer} COUNT {count} STREAMS k >");
            let read = client.call(&request.split(' ').collect::<Vec<_>>());
            let Value::Array(streams) = read else {
                continue;
            };
            let Value::Array(stream) = &streams[0] else {
                continue;
            };
            let Value::Array(entries) = &stream[1] else {
                continue;
            };
            for entry in entries {
                if let (Value::Array(parts), 0) = (entry, random.below(3)) {
                    let id = parts[0].text().expect("an ID");
                    client.call(&[&b"XACK"[..], b"k", group.as_bytes(), &id]);
                }
            }
        }
        if random.below(3) == 0 {
            let request = ["XADD", "k", "*", "late", "1"];
            client.call(&request);
        }
    }
}

#[test]
fn groups_go_there_and_back() {
    let Some(reference) = reference() else { return };
    let mut random = Random::for_test("groups_go_there_and_back");
    let (mut ours, mut theirs) = (Side::start(&Program::under_test()), Side::start(&reference));
    let rounds =
        std::env::var("REDOUBLE_DUMPED").map_or(60, |text| text.parse().expect("a number"));
    for round in 0..rounds {
        let made = stream(&mut random);
        // Made on one of the two, for times are in it.
        let (from, to) = match round % 2 {
            0 => (&mut theirs, &mut ours),
            _ => (&mut ours, &mut theirs),
        };
        from.client.call(&["DEL", "k"]);
        for request in &made.requests {
            from.client.call(request);
        }
        add_groups(&mut random, &mut from.client);
        let there = from.dump();
        to.restore("k", &there, &made);
        let before = described(&mut from.client, "k");
        assert_eq!(described(&mut to.client, "k"), before);
        let back = to.dump();
        from.restore("back", &back, &made);
        assert_eq!(described(&mut from.client, "back"), before);
        if reference.version == (7, 0) {
            assert_eq!(back, there);
        }
    }
}
