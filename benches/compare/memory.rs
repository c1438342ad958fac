//! Memory per key, per member of a collection, per small hash and per idle connection.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::fill;
use crate::support::client::Client;
use crate::support::cores::Cores;
use crate::support::request::push_command;
use crate::support::server::{Server, Target};
use crate::support::table::{NONE, Table, grouped, ratio};
use crate::support::{Result, sys};
use crate::workload::{FIELD_PREFIX, FIRST_ID, key_name, name};

/// Three sizes, because a table that doubles is fullest just before it does.
const KEYS: [u64; 3] = [700_000, 1_000_000, 1_400_000];

const IDLE_CONNECTIONS: u64 = 10_000;

/// Members of one collection.
const MEMBERS: u64 = 1_000_000;

const SMALL_HASHES: u64 = 100_000;
const HASH_FIELDS: u64 = 10;
const STREAM_FIELDS: u64 = 3;

/// What a server uses, in bytes.
#[derive(Clone, Copy)]
struct Usage {
    resident: f64,
    /// `used_memory` of INFO, if the server says it.
    reported: Option<f64>,
}

impl Usage {
    fn of(server: &Server, client: &mut Client) -> Result<Self> {
        Ok(Self {
            reported: client.info("used_memory")?.map(|bytes| bytes as f64),
            resident: server.resident()? as f64,
        })
    }

    /// How much more this is than `before`, for each of `count` things.
    fn since(self, before: Self, count: u64) -> Self {
        let each = |now: f64, before: f64| (now - before) / count as f64;
        Self {
            resident: each(self.resident, before.resident),
            reported: self
                .reported
                .zip(before.reported)
                .map(|(now, before)| each(now, before)),
        }
    }
}

/// What is counted.
#[derive(Clone, Copy)]
pub enum Thing {
    Keys { count: u64, ttl: bool },
    Members { of: Collection, count: u64 },
    SmallHashes(u64),
    Connections(u64),
}

#[derive(Clone, Copy)]
pub enum Collection {
    SortedSet,
    Set,
    Hash,
    List,
    Stream,
}

impl Collection {
    const ALL: [Self; 5] = [
        Self::SortedSet,
        Self::Set,
        Self::Hash,
        Self::List,
        Self::Stream,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::SortedSet => "sorted set",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Stream => "stream",
        }
    }

    /// The command that adds, and the one that counts.
    fn commands(self) -> [&'static str; 2] {
        match self {
            Self::SortedSet => ["ZADD", "ZCARD"],
            Self::Set => ["SADD", "SCARD"],
            Self::Hash => ["HSET", "HLEN"],
            Self::List => ["RPUSH", "LLEN"],
            Self::Stream => ["XADD", "XLEN"],
        }
    }
}

impl Thing {
    fn name(self) -> String {
        match self {
            Self::Keys { count, ttl } => {
                let ttl = if ttl { "with" } else { "without" };
                format!("{} keys {ttl} TTL", grouped(count as f64))
            }
            Self::Members { of, count } => {
                format!("{} members of one {}", grouped(count as f64), of.name())
            }
            Self::SmallHashes(count) => {
                let count = grouped(count as f64);
                format!("{count} hashes of {HASH_FIELDS} fields")
            }
            Self::Connections(count) => format!("{} idle connections", grouped(count as f64)),
        }
    }

    /// True if `--only filter` means this.
    fn matches(self, filter: &str) -> bool {
        match self {
            Self::Keys { .. } => filter == "keys",
            Self::Members { of, .. } => filter == of.name().replace(' ', "-"),
            Self::SmallHashes(_) => filter == "hashes",
            Self::Connections(_) => filter == "connections",
        }
    }

    /// How many times Redis's bytes ours should be at most.
    fn goal(self) -> Option<f64> {
        matches!(self, Self::Members { .. } | Self::SmallHashes(_)).then_some(1.0)
    }
}

/// Measures every server, each time in a fresh process, and prints the table.
pub fn run(context: &mut Context) -> Result<()> {
    let things = things(context)?;
    let mut heading = ["bytes for each of", "server", "resident", "used_memory"]
        .map(String::from)
        .to_vec();
    for base in context.targets.iter().filter(|target| target.is_base()) {
        heading.push(format!("resident / {}", base.name));
        heading.push(format!("used / {}", base.name));
    }
    heading.push("goal, at most".to_owned());
    let mut table = Table::new(2, heading);
    context
        .progress
        .expect(things.len() * context.targets.len());
    for thing in things {
        let mut usages = Vec::new();
        for index in 0..context.targets.len() {
            let name = format!("{} on {}", thing.name(), context.targets[index].name);
            context.progress.step(&name);
            let result = measure(context, &context.targets[index], thing);
            usages.push(context.note_failure(&name, result));
        }
        push_rows(&mut table, thing, &context.targets, &usages);
    }
    context.progress.end();
    table.print(
        "Memory: bytes for each key (16 bytes, with a value of 16), member, small hash and connection",
        context.options.markdown,
    );
    Ok(())
}

/// What `--only` leaves to measure; in a quick run a tenth of it.
pub fn things(context: &Context) -> Result<Vec<Thing>> {
    let scale = if context.options.quick { 10 } else { 1 };
    let mut things = Vec::new();
    for ttl in [false, true] {
        things.extend(KEYS.map(|count| Thing::Keys {
            count: count / scale,
            ttl,
        }));
    }
    things.extend(Collection::ALL.map(|of| Thing::Members {
        of,
        count: MEMBERS / scale,
    }));
    things.push(Thing::SmallHashes(SMALL_HASHES / scale));
    things.push(Thing::Connections(possible_connections(
        IDLE_CONNECTIONS / scale,
    )?));
    let only = &context.options.only;
    things.retain(|thing| only.is_empty() || only.iter().any(|filter| thing.matches(filter)));
    Ok(things)
}

fn push_rows(table: &mut Table, thing: Thing, targets: &[Target], usages: &[Option<Usage>]) {
    for (target, usage) in targets.iter().zip(usages) {
        let resident = usage.map(|usage| usage.resident);
        let reported = usage.and_then(|usage| usage.reported);
        let show =
            |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |v| format!("{v:.1}"));
        let mut row = vec![
            thing.name(),
            target.name.clone(),
            show(resident),
            show(reported),
        ];
        for (base, usage) in targets.iter().zip(usages) {
            if base.is_base() {
                row.push(ratio(resident, usage.map(|usage| usage.resident)));
                row.push(ratio(reported, usage.and_then(|usage| usage.reported)));
            }
        }
        let goal = thing.goal().filter(|_| !target.is_base());
        row.push(goal.map_or_else(|| NONE.to_owned(), |goal| format!("{goal:.2}x")));
        table.push(row);
    }
}

fn measure(context: &Context, target: &Target, thing: Thing) -> Result<Usage> {
    let server = target.start(1, &Cores::of(1).server, context.directory())?;
    let mut client = server.client()?;
    // The first commands make buffers and tables that are there only once.
    client.command(&[b"SET", b"warm", b"up"])?;
    client.command(&[b"DEL", b"warm"])?;
    let before = settled(&server, &mut client)?;
    // Servers give memory back late: jemalloc returns freed pages within ten seconds, and Redis frees the read buffer of
    // a connection a few seconds after its last command.
    let pause = Duration::from_secs(if context.options.quick { 0 } else { 12 });
    match thing {
        Thing::Keys { count, ttl } => {
            fill(&server, count, ttl)?;
            expect_keys(&mut client, count)?;
            thread::sleep(pause);
            Ok(settled(&server, &mut client)?.since(before, count))
        }
        Thing::Members { of, count } => {
            fill_collection(&mut client, of, count)?;
            thread::sleep(pause);
            Ok(settled(&server, &mut client)?.since(before, count))
        }
        Thing::SmallHashes(count) => {
            fill_hashes(&server, count)?;
            expect_keys(&mut client, count)?;
            thread::sleep(pause);
            Ok(settled(&server, &mut client)?.since(before, count))
        }
        Thing::Connections(count) => {
            let connections = connect(&server, count)?;
            // Redis frees the read buffer of a connection a few seconds after its last command.
            thread::sleep(Duration::from_secs(if context.options.quick {
                0
            } else {
                5
            }));
            let usage = settled(&server, &mut client)?.since(before, count);
            drop(connections);
            Ok(usage)
        }
    }
}

fn fill(server: &Server, count: u64, ttl: bool) -> Result<()> {
    server.client()?.fill(count, |n, out| {
        let key = key_name(n);
        // Letters first, so that no server can keep the value as an integer.
        let value = format!("v{n:015x}");
        if ttl {
            // A day from now, at times that differ, as they would in use.
            let ttl = (86_400_000 + n).to_string();
            push_command(
                out,
                &[
                    b"SET",
                    key.as_bytes(),
                    value.as_bytes(),
                    b"PX",
                    ttl.as_bytes(),
                ],
            );
        } else {
            push_command(out, &[b"SET", key.as_bytes(), value.as_bytes()]);
        }
    })
}

fn expect_keys(client: &mut Client, count: u64) -> Result<()> {
    let size = client.integer(&[b"DBSIZE"])?;
    if size != count {
        return Err(format!("{size} keys after setting {count}").into());
    }
    Ok(())
}

/// One collection of `count` members of 16 bytes, with different scores or with values of 16 bytes.
///
/// An entry of a stream has three fields: names of 7 bytes, and values of 10.
fn fill_collection(client: &mut Client, of: Collection, count: u64) -> Result<()> {
    if matches!(of, Collection::Stream) {
        return fill::fill_stream(client, FIRST_ID, count, |n, words| {
            for field in 0..STREAM_FIELDS {
                let value = format!("v{:09x}", n * STREAM_FIELDS + field);
                words.extend([name(FIELD_PREFIX, field), value]);
            }
        });
    }
    fill::fill_one(client, of.commands(), "one", count, |n, words| {
        let member = key_name(n);
        match of {
            // No two neighbours are added one after the other: 7,919 is prime.
            Collection::SortedSet => words.extend([(n * 7_919 % count).to_string(), member]),
            Collection::Set | Collection::List => words.push(member),
            Collection::Hash => words.extend([member, format!("v{n:015x}")]),
            Collection::Stream => unreachable!("one entry for each command"),
        }
    })
}

/// Hashes of fields of 7 bytes with values of 10.
fn fill_hashes(server: &Server, count: u64) -> Result<()> {
    server.client()?.fill(count, |n, out| {
        let mut words = vec!["HSET".to_owned(), key_name(n)];
        for field in 0..HASH_FIELDS {
            let value = format!("v{:09x}", n * HASH_FIELDS + field);
            words.extend([name(FIELD_PREFIX, field), value]);
        }
        fill::push(out, &words);
    })
}

/// Connections that have each sent one command, and then nothing more.
fn connect(server: &Server, count: u64) -> Result<Vec<TcpStream>> {
    (0..count)
        .map(|_| {
            let mut client = server.client()?;
            client.command(&[b"PING"])?;
            Ok(client.into_stream())
        })
        .collect()
}

/// Reads the usage once it no longer changes: tables are still moving, and memory is still given back, for a while.
fn settled(server: &Server, client: &mut Client) -> Result<Usage> {
    const CALM: u32 = 4;
    let start = Instant::now();
    let mut usage = Usage::of(server, client)?;
    let mut calm = 0;
    while calm < CALM && start.elapsed() < Duration::from_secs(15) {
        thread::sleep(Duration::from_millis(150));
        let next = Usage::of(server, client)?;
        let change = (next.resident - usage.resident).abs()
            + (next.reported.unwrap_or(0.0) - usage.reported.unwrap_or(0.0)).abs();
        calm = if change < 64.0 * 1024.0 { calm + 1 } else { 0 };
        usage = next;
    }
    Ok(usage)
}

/// `wanted`, or as many connections as the limit of open files allows here and in the server.
fn possible_connections(wanted: u64) -> Result<u64> {
    let room = sys::raise_file_limit()?.saturating_sub(200);
    if room < wanted {
        eprintln!(
            "only {room} idle connections: the limit of open files (ulimit -n) allows no more"
        );
    }
    Ok(wanted.min(room))
}
