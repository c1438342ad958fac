//! What a script cannot say of SLOWLOG and LATENCY: what happens in long pipelines, between threads, and to
//! commands that do much.

mod support;

use std::time::{Duration, Instant};
use support::client::{Client, encode};
use support::resp::Value;
use support::server::Server;

/// Microseconds that a command which does much takes at least, on any machine.
const MUCH: i64 = 2_000;

/// An entry of the slow log: its id, its microseconds, and the beginning of its command.
#[derive(Debug)]
struct Entry {
    id: i64,
    micros: i64,
    command: String,
}

/// The slow log, the newest entry first.
fn slow_log(client: &mut Client) -> Vec<Entry> {
    let log = client.ok("SLOWLOG GET -1");
    let text = |value: &Value| String::from_utf8(value.text().unwrap()).unwrap();
    log.elements()
        .iter()
        .map(|entry| {
            let fields = entry.elements();
            let args: Vec<String> = fields[3].elements().iter().take(3).map(text).collect();
            Entry {
                id: fields[0].number().unwrap(),
                micros: fields[2].number().unwrap(),
                command: args.join(" "),
            }
        })
        .collect()
}

fn commands(log: &[Entry]) -> Vec<&str> {
    log.iter().map(|entry| entry.command.as_str()).collect()
}

/// Sends all lines in one write, and reads their replies.
fn pipeline(client: &mut Client, lines: &[&str]) -> Vec<Value> {
    let bytes: Vec<u8> = lines
        .iter()
        .flat_map(|line| encode(&Vec::from_iter(line.split_whitespace())))
        .collect();
    client.send_raw(&bytes).expect("sent");
    lines.iter().map(|_| client.read()).collect()
}

/// A field of a line of INFO: `usec` of `cmdstat_get`.
fn field(client: &mut Client, section: &str, line: &str, name: &str) -> Option<f64> {
    let text = String::from_utf8(client.ok(&format!("INFO {section}")).text()?).ok()?;
    let line = text.lines().find_map(|found| found.strip_prefix(line))?;
    let mut fields = line.trim_start_matches(':').split(',');
    fields
        .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?
        .parse()
        .ok()
}

/// The kinds of event that were seen, with the longest of each in milliseconds.
fn events(client: &mut Client) -> Vec<(String, i64)> {
    let latest = client.ok("LATENCY LATEST");
    let event = |event: &Value| {
        let fields = event.elements();
        let name = String::from_utf8(fields[0].text().unwrap()).unwrap();
        (name, fields[3].number().unwrap())
    };
    latest.elements().iter().map(event).collect()
}

/// Adds a set of numbers; in few requests.
fn fill_set(client: &mut Client, key: &str, members: u32) {
    for first in (0..members).step_by(50_000) {
        let mut args = vec!["SADD".to_owned(), key.to_owned()];
        args.extend((first..first + 50_000).map(|number| format!("member-{number}")));
        client.call(&args);
    }
}

#[test]
fn what_does_much_is_measured_by_itself_among_others() {
    let server = Server::start(&["--slowlog-log-slower-than", "2000"]);
    let mut client = server.connect();
    client.ok("DEBUG POPULATE 300000");
    client.ok("SLOWLOG RESET");
    client.ok("CONFIG RESETSTAT");
    let mut lines = ["SET x 1"; 41];
    lines[20] = "KEYS nothing*";
    pipeline(&mut client, &lines);
    let log = slow_log(&mut client);
    assert_eq!(commands(&log), ["KEYS nothing*"]);
    let micros = log[0].micros;
    assert!(micros >= MUCH, "{log:?}");
    // Its time is its own in all statistics, and the others' time is theirs.
    let usec = field(&mut client, "commandstats", "cmdstat_keys:calls=1", "usec");
    assert_eq!(usec, Some(micros as f64));
    assert_eq!(
        field(&mut client, "commandstats", "cmdstat_set", "calls"),
        Some(40.0)
    );
    let p50 = |client: &mut Client, name: &str| {
        field(
            client,
            "latencystats",
            &format!("latency_percentiles_usec_{name}"),
            "p50",
        )
    };
    let (keys, set) = (p50(&mut client, "keys"), p50(&mut client, "set"));
    assert!(keys >= Some(micros as f64), "{keys:?}");
    assert!(set.is_some() && set < keys, "{set:?} {keys:?}");
}

#[test]
fn a_long_command_of_a_kind_that_is_short_is_noticed_alone_and_with_many_arguments() {
    let server = Server::start(&["--slowlog-log-slower-than", "2000"]);
    let mut client = server.connect();
    // 64 MiB to be written, alone in its read.
    client.ok("SETRANGE long 67108863 x");
    client.ok("SLOWLOG RESET");
    client.ok("GET long");
    assert_eq!(commands(&slow_log(&mut client)), ["GET long"]);
    // Many members at once, not alone.
    let mut many = vec!["SADD".to_owned(), "set".to_owned()];
    many.extend((0..100_000).map(|number| format!("member-{number}")));
    client.ok("SLOWLOG RESET");
    let bytes = [encode(&["PING"]), encode(&many), encode(&["PING"])].concat();
    client.send_raw(&bytes).expect("sent");
    for _ in 0..3 {
        client.read();
    }
    assert_eq!(commands(&slow_log(&mut client)), ["SADD set member-0"]);
}

#[test]
fn below_a_millisecond_every_command_is_measured() {
    let server = Server::start(&["--slowlog-log-slower-than", "0"]);
    let mut client = server.connect();
    client.ok("SLOWLOG RESET");
    pipeline(
        &mut client,
        &["SET k v", "GET k", "MULTI", "GET k", "EXEC", "GET k"],
    );
    let log = slow_log(&mut client);
    let expected = [
        "GET k",
        "GET k",
        "MULTI",
        "GET k",
        "SET k v",
        "SLOWLOG RESET",
    ];
    assert_eq!(commands(&log), expected);
    for pair in log.windows(2) {
        assert_eq!(pair[0].id, pair[1].id + 1);
    }
    // Ids go on after a reset.
    let newest = log[0].id;
    client.ok("SLOWLOG RESET");
    let log = slow_log(&mut client);
    assert_eq!(log.len(), 1);
    assert!(log[0].id > newest, "{log:?}");
}

#[test]
fn exec_measures_what_does_much_by_itself() {
    let server = Server::start(&["--slowlog-log-slower-than", "2000"]);
    let mut client = server.connect();
    client.ok("DEBUG POPULATE 300000");
    client.ok("SLOWLOG RESET");
    client.ok("CONFIG RESETSTAT");
    let lines = ["MULTI", "SET x 1", "KEYS nothing*", "SET x 2", "EXEC"];
    for together in [true, false] {
        if together {
            pipeline(&mut client, &lines);
        } else {
            lines.iter().for_each(|line| drop(client.ok(line)));
        }
    }
    let log = slow_log(&mut client);
    assert_eq!(commands(&log), ["KEYS nothing*", "KEYS nothing*"]);
    let usec = |client: &mut Client, name: &str| {
        let line = format!("cmdstat_{name}:calls=2");
        field(client, "commandstats", &line, "usec").expect("it ran twice")
    };
    // EXEC's time is that of what it runs, and KEYS' is all its own.
    let (keys, exec) = (usec(&mut client, "keys"), usec(&mut client, "exec"));
    assert_eq!(keys as i64, log[0].micros + log[1].micros);
    assert!(exec >= keys, "{exec} {keys}");
}

#[test]
fn the_times_of_a_pipeline_add_up() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let mut lines = ["INCR a"; 300];
    for (index, line) in lines.iter_mut().enumerate() {
        // More kinds of command than are noted together, and EXEC among them.
        *line = match index % 30 {
            0 => "GET a",
            2 => "SET b 1",
            4 => "STRLEN b",
            6 => "TTL b",
            8 => "PING",
            10 => "MULTI",
            13 => "EXEC",
            14 => "HLEN h",
            16 => "SCARD s",
            18 => "ZCARD z",
            20 => "EXISTS b",
            22 => "TYPE b",
            _ => line,
        };
    }
    client.ok("CONFIG RESETSTAT");
    pipeline(&mut client, &lines);
    let calls = |client: &mut Client, name: &str| {
        field(client, "commandstats", &format!("cmdstat_{name}"), "calls")
    };
    let histogram = |client: &mut Client, name: &str| {
        let reply = client.ok(&format!("LATENCY HISTOGRAM {name}"));
        reply.elements()[1].elements()[1]
            .number()
            .map(|calls| calls as f64)
    };
    for (name, count) in [
        ("incr", 180),
        ("exec", 10),
        ("multi", 10),
        ("type", 10),
        ("get", 10),
    ] {
        assert_eq!(calls(&mut client, name), Some(f64::from(count)), "{name}");
        assert_eq!(
            histogram(&mut client, name),
            Some(f64::from(count)),
            "{name}"
        );
    }
    // With CONFIG RESETSTAT, and the questions since then.
    let stats = String::from_utf8(client.ok("INFO stats").text().unwrap()).unwrap();
    assert!(
        stats.contains("\r\ntotal_commands_processed:311\r\n"),
        "{stats}"
    );
}

#[test]
fn the_wait_for_a_lock_is_not_the_commands_time() {
    let server = Server::start(&["--threads", "2", "--slowlog-log-slower-than", "2000"]);
    // Each on a worker of its own.
    let (mut busy, mut waiting) = (server.connect(), server.connect());
    busy.ok("DEBUG POPULATE 600000");
    busy.ok("SLOWLOG RESET");
    let waited = (0..50).any(|_| {
        busy.send(&["KEYS", "nothing*"]).expect("sent");
        std::thread::sleep(Duration::from_millis(2));
        let began = Instant::now();
        waiting.ok("SET key:1 v");
        let waited = began.elapsed();
        busy.read();
        waited >= Duration::from_millis(8)
    });
    assert!(waited, "KEYS was too fast to be waited for");
    let log = slow_log(&mut busy);
    assert!(!log.is_empty());
    assert!(
        log.iter().all(|entry| entry.command == "KEYS nothing*"),
        "{log:?}"
    );
}

#[test]
fn a_served_command_is_noted_after_what_served_it_within_a_pipeline() {
    let server = Server::start(&["--slowlog-log-slower-than", "0"]);
    let (mut client, mut waiting) = (server.connect(), server.connect());
    waiting.ok("CLIENT SETNAME waiting");
    waiting.send(&["BZPOPMIN", "z", "0"]).expect("sent");
    while !String::from_utf8(client.ok("INFO clients").text().unwrap())
        .unwrap()
        .contains("\r\nblocked_clients:1\r\n")
    {}
    client.ok("SLOWLOG RESET");
    pipeline(&mut client, &["GET k", "ZADD z 1 m", "GET k"]);
    waiting.read();
    let log = slow_log(&mut client);
    let expected = [
        "GET k",
        "BZPOPMIN z 0",
        "ZADD z 1",
        "GET k",
        "SLOWLOG RESET",
    ];
    assert_eq!(commands(&log), expected);
    let calls = field(&mut client, "commandstats", "cmdstat_bzpopmin", "calls");
    assert_eq!(calls, Some(1.0));
}

#[test]
fn fast_commands_have_an_event_of_their_own() {
    let server = Server::start(&["--latency-monitor-threshold", "2"]);
    let mut client = server.connect();
    fill_set(&mut client, "set", 100_000);
    let seen = events(&mut client);
    let millis = |name: &str| {
        seen.iter()
            .find(|event| event.0 == name)
            .map(|event| event.1)
    };
    assert!(millis("fast-command") >= Some(2), "{seen:?}");
    assert_eq!(millis("command"), None);
}

#[test]
fn eviction_and_expiry_are_events() {
    let server = Server::start(&["--latency-monitor-threshold", "1"]);
    let mut client = server.connect();
    fill_set(&mut client, "first", 200_000);
    fill_set(&mut client, "second", 200_000);
    client.ok("LATENCY RESET");
    client.ok("CONFIG SET maxmemory-policy allkeys-random maxmemory 1");
    client.ok("PING");
    let has_seen =
        |client: &mut Client, name: &str| events(client).iter().any(|event| event.0 == name);
    assert!(has_seen(&mut client, "eviction-cycle"));
    assert!(has_seen(&mut client, "eviction-del"));
    client.ok("CONFIG SET maxmemory 0");
    assert_eq!(client.ok("DBSIZE").number(), Some(0));

    client.ok("LATENCY RESET");
    client.ok("DEBUG SET-ACTIVE-EXPIRE 0");
    let lines: Vec<String> = (0..100_000)
        .map(|key| format!("SET {key} v PX 1"))
        .collect();
    for part in lines.chunks(10_000) {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        pipeline(&mut client, &part);
    }
    client.ok("DEBUG SET-ACTIVE-EXPIRE 1");
    for _ in 0..100 {
        if has_seen(&mut client, "expire-cycle") {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("{:?}", events(&mut client));
}

#[test]
fn eviction_is_not_the_commands_time() {
    let server = Server::start(&["--slowlog-log-slower-than", "2000"]);
    let mut client = server.connect();
    fill_set(&mut client, "set", 200_000);
    client.ok("CONFIG SET latency-monitor-threshold 1");
    client.ok("SLOWLOG RESET");
    client.ok("CONFIG SET maxmemory-policy allkeys-random maxmemory 1");
    client.ok("PING");
    assert!(!events(&mut client).is_empty());
    assert_eq!(commands(&slow_log(&mut client)), [""; 0]);
}
