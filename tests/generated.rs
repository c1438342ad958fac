//! Random requests, valid and nearly valid, to this server and to a real redis-server: every reply must agree.
//!
//! The real server is found as in `differential.rs`. `REDOUBLE_GENERATED` is the number of requests,
//! `REDOUBLE_SEED` the seed; a difference prints the seed that makes it happen again. `REDOUBLE_CLOSER=1` then
//! looks at what the servers count after each batch, so that it shows where they begin to differ. With
//! `REDOUBLE_GROUP=bitmap` all data commands are of this group, but for a few that make something to work on.

mod support;

#[path = "generated/collections.rs"]
mod collections;
#[path = "generated/commands.rs"]
mod commands;
#[path = "generated/events.rs"]
mod events;
#[path = "generated/groups.rs"]
mod groups;
#[path = "generated/judge.rs"]
mod judge;
#[path = "generated/payloads.rs"]
mod payloads;
#[path = "generated/sort.rs"]
mod sort;
#[path = "generated/streams.rs"]
mod streams;
#[path = "generated/values.rs"]
mod values;

use commands::{Args, Generator, Request};
use events::{Exactly, Listeners};
use judge::Rule;
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};
use support::client::Client;
use support::notation;
use support::random::Random;
use support::resp::{Reply, Value};
use support::server::{Program, Server};

/// Requests of a run with servers of its own: what went before a difference is never more.
const RUN: usize = 10_000;
/// Requests before a difference that are shown.
const SHOWN: usize = 60;

/// A connection to each of the two servers.
struct Pair {
    ours: Client,
    theirs: Client,
    /// How the replies to the queued commands are compared.
    queued: Vec<Rule>,
}

/// One run: two servers, and three pairs of connections, of which the third only looks.
struct Run {
    pairs: [Pair; 3],
    /// Who hears the keyspace events, in runs that have them.
    listeners: Option<Listeners>,
    seed: u64,
    sent: usize,
    history: VecDeque<String>,
    servers: [Server; 2],
}

fn start(seed: u64, reference: &Program) -> Run {
    let servers = [Server::start(&[]), Server::start_program(reference, &[])];
    let pairs = [2, 3, 3].map(|protocol| Pair {
        ours: servers[0].connect_as(protocol),
        theirs: servers[1].connect_as(protocol),
        queued: Vec::new(),
    });
    let mut run = Run {
        pairs,
        listeners: None,
        seed,
        sent: 0,
        history: VecDeque::new(),
        servers,
    };
    // When stale keys are removed must not depend on time.
    let args = ["DEBUG", "SET-ACTIVE-EXPIRE", "0"].map(Vec::from).to_vec();
    run.exchange(2, &[Request::new(args, Rule::Exact)]);
    run
}

impl Run {
    /// Begins to listen to keyspace events.
    fn listen(&mut self) {
        let [ours, theirs] = &self.servers;
        self.listeners = Some(Listeners::new(ours, theirs));
        self.turn_events_on();
    }

    /// Turns keyspace events on, all that there are, if there are listeners: the requests may have turned
    /// them off.
    fn turn_events_on(&mut self) {
        if self.listeners.is_some() {
            // Not "KEAnm": Redis loses the n when a later CONFIG SET of it fails.
            let args = ["CONFIG", "SET", "notify-keyspace-events", "KEg$shzxenm"];
            self.exchange(
                2,
                &[Request::new(args.map(Vec::from).to_vec(), Rule::Exact)],
            );
        }
    }

    /// Compares the events of what was sent since the last call.
    fn hear(&mut self, how: Exactly) {
        if let Some(listeners) = &mut self.listeners
            && let Err((ours, theirs)) = listeners.compare(how)
        {
            self.fail(ours, theirs);
        }
    }

    /// Sends the requests to both servers, and compares what comes back.
    fn exchange(&mut self, connection: usize, requests: &[Request]) {
        self.exchange_and_hear(connection, requests, Exactly::InOrder);
    }

    /// The same where the events may be others in some way.
    fn exchange_and_hear(&mut self, connection: usize, requests: &[Request], how: Exactly) {
        let bytes: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
        let pair = &mut self.pairs[connection];
        pair.theirs.send_raw(&bytes).expect("the reference reads");
        pair.ours.send_raw(&bytes).expect("the server reads");
        let mut before = None;
        for request in requests {
            self.sent += 1;
            if self.history.len() == SHOWN {
                self.history.pop_front();
            }
            let line = format!("{:6} c{connection}> {}", self.sent, shown(&request.args));
            self.history.push_back(line);
            if request.answered {
                before = Some(self.compare(connection, request, before.as_ref()));
            }
        }
        self.hear(how);
    }

    /// Compares the next reply, and returns it.
    fn compare(&mut self, connection: usize, request: &Request, before: Option<&Value>) -> Value {
        let pair = &mut self.pairs[connection];
        let theirs = pair.theirs.try_read();
        let ours = pair.ours.try_read();
        let (Ok(ours), Ok(theirs)) = (&ours, &theirs) else {
            let text = |reply: &std::io::Result<Reply>| match reply {
                Ok(reply) => notation::write(&reply.value),
                Err(error) => format!("no reply: {error}"),
            };
            self.fail(text(&ours), text(&theirs));
        };
        let agree = match request.rule {
            Rule::Exec => pair.exec_agrees(&ours.value, &theirs.value),
            Rule::Exact => ours.bytes == theirs.bytes,
            ref rule => rule.accepts(&ours.value, &theirs.value, before),
        };
        if !agree {
            let (ours, theirs) = judge::shown(&request.rule, &ours.value, &theirs.value);
            self.fail(ours, theirs);
        }
        self.pairs[connection].follow(request, &theirs.value);
        theirs.value.clone()
    }

    /// Compares what whole iterations with a small COUNT return; the steps may differ. `start` are the
    /// command and its key.
    fn iterate(&mut self, connection: usize, start: &Args, count: u64, pattern: &[u8]) {
        let found = |client: &mut Client| {
            let mut found = BTreeSet::new();
            let mut cursor = b"0".to_vec();
            loop {
                let count = count.to_string();
                let mut args: Vec<&[u8]> = start.iter().map(Vec::as_slice).collect();
                args.extend([&cursor[..], b"COUNT", count.as_bytes(), b"MATCH", pattern]);
                let step = client.call(&args);
                let Value::Array(parts) = &step else {
                    return BTreeSet::from([format!("{step:?}")]);
                };
                let pairs = matches!(&start[0][..], b"HSCAN" | b"ZSCAN");
                for item in parts[1].elements().chunks(1 + usize::from(pairs)) {
                    found.insert(format!("{:?}", judge::short_all(item)));
                }
                cursor = parts[0].text().expect("a cursor");
                if cursor == b"0" {
                    return found;
                }
            }
        };
        let pair = &mut self.pairs[connection];
        let (ours, theirs) = (found(&mut pair.ours), found(&mut pair.theirs));
        if ours != theirs {
            let line = format!(
                "c{connection}> {} .. COUNT {count} MATCH {}",
                shown(start),
                notation::quote(pattern)
            );
            self.history.push_back(line);
            self.fail(format!("{ours:?}"), format!("{theirs:?}"));
        }
        self.hear(Exactly::InOrder);
    }

    /// Dumps every key on both servers, and restores it on the other one.
    fn exchange_dumps(&mut self) {
        for database in values::DATABASES {
            for key in values::keys() {
                let Pair { ours, theirs, .. } = &mut self.pairs[2];
                let there = restored(database, &key, ours, theirs);
                let back = restored(database, &key, theirs, ours);
                if let Err((before, after)) = there.and(back) {
                    let line = format!("DUMP and RESTORE of {}", notation::quote(&key));
                    self.history.push_back(line);
                    self.fail(before, after);
                }
            }
        }
    }

    fn fail(&self, ours: String, theirs: String) -> ! {
        let mut text = String::new();
        for line in &self.history {
            let _ = writeln!(text, "{line}");
        }
        panic!(
            "the replies or events differ after these requests:\n{text}ours:   {}\ntheirs: {}\n\
             again: REDOUBLE_SEED={} cargo test --test generated\n",
            short(&ours),
            short(&theirs),
            self.seed
        );
    }
}

impl Pair {
    /// Keeps the list of what is queued.
    fn follow(&mut self, request: &Request, reply: &Value) {
        if *reply == Value::Simple(b"QUEUED".to_vec()) {
            self.queued.push(request.rule.clone());
        } else if request.args.len() == 1
            && ["MULTI", "EXEC", "DISCARD", "RESET"]
                .iter()
                .any(|name| commands::is(&request.args, 0, name))
            && (!commands::is(&request.args, 0, "MULTI") || !reply.is_error())
        {
            self.queued.clear();
        }
    }

    fn exec_agrees(&self, ours: &Value, theirs: &Value) -> bool {
        let (Value::Array(a), Value::Array(b)) = (ours, theirs) else {
            return ours == theirs;
        };
        if a.len() != self.queued.len() || b.len() != a.len() {
            return ours == theirs;
        }
        (0..a.len()).all(|n| {
            let before = n.checked_sub(1).map(|n| &b[n]);
            self.queued[n].accepts(&a[n], &b[n], before)
        })
    }
}

/// Restores what one server dumps of a key on the other one, where it must be the same as what is there.
fn restored(
    database: &str,
    key: &[u8],
    from: &mut Client,
    to: &mut Client,
) -> Result<(), (String, String)> {
    for client in [&mut *from, &mut *to] {
        client.call(&["SELECT", database]);
    }
    let Value::Bulk(payload) = from.call(&[&b"DUMP"[..], key]) else {
        return Ok(());
    };
    let digest = |client: &mut Client, key: &[u8]| {
        format!("{:?}", client.call(&[&b"DEBUG"[..], b"DIGEST-VALUE", key]))
    };
    let before = digest(to, key);
    // Whether a key expires is in its digest.
    let ttl = match to.call(&[&b"PTTL"[..], key]).number() {
        Some(0..) => "100000000",
        _ => "0",
    };
    let other: &[u8] = b"what came from the other server";
    let reply = to.call(&[&b"RESTORE"[..], other, ttl.as_bytes(), &payload]);
    let after = digest(to, other);
    to.call(&[&b"DEL"[..], other]);
    match reply.is_error() || before != after {
        true => Err((before, format!("{after} {reply:?}"))),
        false => Ok(()),
    }
}

/// The request in one line, long arguments cut.
fn shown(args: &Args) -> String {
    let words: Vec<String> = args
        .iter()
        .map(|arg| match arg.len() {
            0..=70 => notation::quote(arg),
            length => format!("{}..({length} bytes)", notation::quote(&arg[..20])),
        })
        .collect();
    words.join(" ")
}

fn short(text: &str) -> String {
    match text.char_indices().nth(3500) {
        Some((end, _)) => format!("{}.. ({} bytes)", &text[..end], text.len()),
        None => text.to_string(),
    }
}

/// One run with servers of its own.
fn run(seed: u64, count: usize, reference: &Program) {
    let mut run = start(seed, reference);
    let mut generator = Generator::new(Random::new(seed), reference.version);
    if generator.one_in(2) {
        run.exchange(2, &commands::small_forms(reference.version));
    }
    if generator.one_in(2) {
        run.listen();
    }
    let closer = std::env::var("REDOUBLE_CLOSER").is_ok_and(|value| value == "1");
    while run.sent < count {
        if generator.one_in(20) {
            run.turn_events_on();
        }
        let connection = generator.random.below(2) as usize;
        let length = 1 + generator.random.below(40) as usize;
        let batch = generator.batch(connection, length);
        run.exchange(connection, &batch);
        if closer {
            run.exchange(2, &commands::counts().collect::<Vec<_>>());
        }
        if !generator.in_multi(connection) && generator.random.below(30) == 0 {
            let [stale, then] = generator.stale();
            run.exchange(connection, &stale);
            std::thread::sleep(Duration::from_millis(values::SOON + 2));
            if !then.is_empty() {
                // DIFFERENCE: a hash of which all fields are stale is found by Redis once more. The look-ups
                // are counted.
                run.exchange(2, &commands::counts().collect::<Vec<_>>());
                run.exchange_and_hear(connection, &then, Exactly::FieldsExpire);
                run.exchange(2, &commands::reset_counts());
            }
        }
        if !generator.in_multi(connection) && generator.random.below(30) == 0 {
            let count = 1 + generator.random.below(4);
            let pattern = values::pattern(&mut generator.random);
            let start = generator.iteration();
            // The look-ups are counted, and the steps differ.
            run.exchange(2, &commands::counts().collect::<Vec<_>>());
            run.iterate(connection, &start, count, &pattern);
            run.exchange(2, &commands::reset_counts());
        }
        if generator.random.below(30) == 0 {
            run.exchange(2, &commands::inspection(reference.version));
        }
    }
    run.exchange(2, &commands::inspection(reference.version));
    run.exchange_dumps();
}

#[test]
fn generated_requests_are_answered_as_the_real_server_does() {
    // Past the capture of test output, so that one sees that something goes on.
    let say = |line: String| drop(std::io::stderr().write_all(line.as_bytes()));
    let Some(reference) = Program::reference() else {
        let required = std::env::var_os("REDOUBLE_REFERENCE_REQUIRED");
        assert!(
            required.is_none_or(|value| value != "1"),
            "REDOUBLE_REFERENCE_REQUIRED=1, but there is no redis-server to compare with"
        );
        return say("SKIPPED: no redis-server on the PATH, no REDOUBLE_REFERENCE\n".into());
    };
    let total: usize = match std::env::var("REDOUBLE_GENERATED") {
        Ok(text) => text.parse().expect("REDOUBLE_GENERATED is a number"),
        Err(_) => 20_000,
    };
    let mut seeds = Random::for_test("generated");
    let began = Instant::now();
    let mut done = 0;
    while done < total {
        // The first run's seed is the given one, so that a run can be made again by its own seed.
        let count = RUN.min(total - done);
        run(seeds.seed(), count, &reference);
        seeds.next();
        done += count;
        let seconds = began.elapsed().as_secs_f32();
        say(format!(
            "generated: {done} of {total} requests, {seconds:.1} s\n"
        ));
    }
}
