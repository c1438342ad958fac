//! What it costs to tell others: PUBLISH to subscribers, SET under client tracking, SET with keyspace events, and RPUSH to
//! clients that wait in BLPOP.
//!
//! Senders are closed loops of their own, and receivers read whatever comes, all on one thread. At the end every
//! message must have arrived.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::load::write_some;
use crate::support::Result;
use crate::support::client::PATIENCE;
use crate::support::cores::Cores;
use crate::support::request::push_command;
use crate::support::scan::Scanner;
use crate::support::server::Server;
use crate::support::sys::{self, Poller};
use crate::support::table::{NONE, Table, figure, grouped, median, ratio};
use crate::workload::key_name;

/// Connections that send, but for RPUSH to waiting clients.
const SENDERS: usize = 10;

/// Keys that the workloads on keys go through, one after the other.
const KEYS: u64 = 100_000;

const CHANNEL: &[u8] = b"channel";
const QUEUE: &[u8] = b"queue";
const MESSAGE: &[u8] = b"a message of 24 bytes...";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// PUBLISH to a channel that all receivers are subscribed to.
    Publish,
    /// A receiver GETs keys, which are thereby tracked; a sender SETs them.
    Tracked,
    /// SET of keys with a prefix of which all receivers are told (BCAST).
    Broadcast,
    /// SET with keyspace events on, which all receivers listen to by a pattern.
    Events,
    /// RPUSH to a list that is empty, because all receivers wait for it in BLPOP.
    Queue,
}

#[derive(Clone, Copy)]
struct Workload {
    name: &'static str,
    kind: Kind,
    receivers: usize,
    senders: usize,
}

const WORKLOADS: &[Workload] = &[
    Workload::new("publish-1", Kind::Publish, 1),
    Workload::new("publish-10", Kind::Publish, 10),
    Workload::new("publish-1000", Kind::Publish, 1_000),
    Workload::new("set-tracked", Kind::Tracked, 100),
    Workload::new("set-broadcast", Kind::Broadcast, 100),
    Workload::new("set-events", Kind::Events, 10),
    Workload::new("blpop-1000", Kind::Queue, 1_000).from(1),
];

impl Workload {
    const fn new(name: &'static str, kind: Kind, receivers: usize) -> Self {
        Workload {
            name,
            kind,
            receivers,
            senders: SENDERS,
        }
    }

    const fn from(mut self, senders: usize) -> Self {
        self.senders = senders;
        self
    }

    /// What is counted: the messages delivered by PUBLISH and RPUSH, else the SETs.
    fn unit(self) -> &'static str {
        match self.kind {
            Kind::Publish | Kind::Queue => "delivery",
            Kind::Tracked => "GET and SET",
            Kind::Broadcast | Kind::Events => "SET",
        }
    }

    /// What makes a connection a receiver; each has one reply.
    fn introduction(self) -> Vec<Vec<&'static [u8]>> {
        match self.kind {
            Kind::Publish => vec![vec![b"SUBSCRIBE", CHANNEL]],
            Kind::Tracked => vec![vec![b"HELLO", b"3"], vec![b"CLIENT", b"TRACKING", b"ON"]],
            Kind::Broadcast => vec![
                vec![b"HELLO", b"3"],
                vec![b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"PREFIX", b"key:"],
            ],
            Kind::Events => vec![vec![b"PSUBSCRIBE", b"__keyevent@0__:*"]],
            Kind::Queue => vec![],
        }
    }

    /// How many messages come for so many requests.
    fn due(self, sent: u64) -> u64 {
        match self.kind {
            // A tracked key is answered to its reader once, and then told of once.
            Kind::Tracked => 2 * sent,
            Kind::Queue => sent,
            _ => sent * self.receivers as u64,
        }
    }

    fn request(self, out: &mut Vec<u8>, key: u64) {
        match self.kind {
            Kind::Publish => push_command(out, &[b"PUBLISH", CHANNEL, MESSAGE]),
            Kind::Queue => push_command(out, &[b"RPUSH", QUEUE, MESSAGE]),
            _ => push_command(out, &[b"SET", key_name(key).as_bytes(), b"xxx"]),
        };
    }
}

/// One round of one workload on one server.
#[derive(Clone, Copy)]
struct Sample {
    /// Units per second.
    rate: f64,
    /// CPU microseconds of the server per unit.
    cpu: f64,
}

/// Measures, with one thread of ours, and prints the table.
pub fn run(context: &mut Context) -> Result<()> {
    let workloads = wanted(context);
    let rounds = context.options.rounds(5) as usize;
    // Only these two: between them nothing new is to be seen.
    let mut pipelines = context.options.pipeline.clone();
    pipelines.retain(|pipeline| *pipeline != 16);
    let mut table = Table::new(1, heading(context));
    context
        .progress
        .expect(workloads.len() * pipelines.len() * rounds * context.targets.len());
    for workload in &workloads {
        for &pipeline in &pipelines {
            let mut samples = vec![Vec::new(); context.targets.len()];
            for round in 0..rounds {
                run_round(context, *workload, pipeline, round, &mut samples)?;
            }
            push_rows(&mut table, context, *workload, pipeline, &samples);
        }
    }
    context.progress.end();
    let cores = Cores::of(1).text(1);
    let title = format!("Telling others: 1 thread of ours, {cores}");
    table.print(&title, context.options.markdown);
    Ok(())
}

/// The workloads that `--only` leaves in.
fn wanted(context: &Context) -> Vec<Workload> {
    let only = &context.options.only;
    let matches = |workload: &&Workload| {
        only.is_empty() || only.iter().any(|name| workload.name.starts_with(&**name))
    };
    WORKLOADS.iter().filter(matches).copied().collect()
}

fn run_round(
    context: &mut Context,
    workload: Workload,
    pipeline: usize,
    round: usize,
    samples: &mut [Vec<Sample>],
) -> Result<()> {
    let servers = context.start_all(1)?;
    for step in 0..servers.len() {
        let index = (step + round) % servers.len();
        let name = format!("{} x{pipeline} on {}", workload.name, servers[index].name);
        context
            .progress
            .step(&format!("{name}, round {}", round + 1));
        let time = Duration::from_secs_f64(context.options.seconds(1.0, 0.05));
        // On a thread of its own, which is pinned: the next servers must not inherit that.
        let result = thread::scope(|scope| {
            let measured = scope.spawn(|| {
                sys::pin_thread(&Cores::of(1).load)?;
                Load::new(&servers[index], workload, pipeline)?.run(time)
            });
            measured.join().expect("the thread of the load panicked")
        });
        samples[index].extend(context.note_failure(&name, result));
    }
    Ok(())
}

/// A connection, and what has come on it.
struct Connection {
    stream: TcpStream,
    scanner: Scanner,
    rest: Vec<u8>,
    /// `scanner.replies` when the last write will have been answered. Senders only.
    due: u64,
}

impl Connection {
    fn new(server: &Server) -> Result<Self> {
        let stream = server.client()?.into_stream();
        Ok(Connection {
            stream,
            scanner: Scanner::default(),
            rest: Vec::new(),
            due: 0,
        })
    }

    /// Reads what there is.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<()> {
        let start = self.rest.len();
        buffer[..start].copy_from_slice(&self.rest);
        let count = match (&self.stream).read(&mut buffer[start..]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &buffer[..start + count];
        let taken = self.scanner.feed(bytes)?;
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[taken..]);
        match &self.scanner.first_error {
            Some(error) => Err(format!("error reply: {error}").into()),
            None => Ok(()),
        }
    }
}

/// What is under way on one server.
struct Load<'a> {
    server: &'a Server,
    workload: Workload,
    pipeline: usize,
    poller: Poller,
    /// The senders, then the receivers.
    connections: Vec<Connection>,
    buffer: Vec<u8>,
    /// The next key.
    key: u64,
    /// By sender, for [`Kind::Tracked`]: the first of the keys that a receiver GETs and the sender then SETs, and
    /// that receiver; nothing once they are SET.
    turns: Vec<Option<(u64, usize)>>,
    /// By sender: the receiver of its next turn.
    next: Vec<usize>,
    /// Requests sent.
    sent: u64,
    /// Requests answered.
    answered: u64,
}

impl<'a> Load<'a> {
    fn new(server: &'a Server, workload: Workload, pipeline: usize) -> Result<Self> {
        let mut control = server.client()?;
        control.command(&[b"FLUSHALL"])?;
        let events: &[u8] = if workload.kind == Kind::Events {
            b"KEA"
        } else {
            b""
        };
        control.command(&[b"CONFIG", b"SET", b"notify-keyspace-events", events])?;
        control.fill(KEYS, |key, out| {
            push_command(out, &[b"SET", key_name(key).as_bytes(), b"xxx"]);
        })?;
        let poller = Poller::new()?;
        let mut connections = Vec::new();
        for index in 0..workload.senders + workload.receivers {
            let connection = if index < workload.senders {
                Connection::new(server)?
            } else {
                let mut client = server.client()?;
                for command in workload.introduction() {
                    client.command(&command)?;
                }
                let stream = client.into_stream();
                Connection {
                    stream,
                    scanner: Scanner::default(),
                    rest: Vec::new(),
                    due: 0,
                }
            };
            connection.stream.set_nonblocking(true)?;
            poller.add(&connection.stream, index)?;
            connections.push(connection);
        }
        Ok(Load {
            server,
            workload,
            pipeline,
            poller,
            connections,
            buffer: vec![0; 256 * 1024],
            key: 0,
            turns: vec![None; workload.senders],
            next: (0..workload.senders).collect(),
            sent: 0,
            answered: 0,
        })
    }

    /// Sends, for a while, and then waits until everything has arrived.
    fn run(mut self, time: Duration) -> Result<Sample> {
        for receiver in self.workload.senders..self.connections.len() {
            self.wait_for_more(receiver)?;
        }
        for sender in 0..self.workload.senders {
            self.begin(sender)?;
        }
        self.go_on(time / 5)?;
        let (cpu, units, start) = (self.server.cpu()?, self.units(), Instant::now());
        self.go_on(time)?;
        let seconds = start.elapsed().as_secs_f64();
        let (cpu, units) = (self.server.cpu()? - cpu, (self.units() - units) as f64);
        self.finish()?;
        Ok(Sample {
            rate: units / seconds,
            cpu: cpu / units * 1e6,
        })
    }

    /// What has been done so far.
    fn units(&self) -> u64 {
        match self.workload.kind {
            Kind::Publish | Kind::Queue => self.delivered(),
            _ => self.answered,
        }
    }

    /// Messages received; of broadcasts, the keys in them.
    fn delivered(&self) -> u64 {
        let receivers = &self.connections[self.workload.senders..];
        receivers
            .iter()
            .map(|receiver| match self.workload.kind {
                Kind::Broadcast => {
                    let words = b"invalidate".len() as u64 * receiver.scanner.replies;
                    (receiver.scanner.payload - words) / key_name(0).len() as u64
                }
                _ => receiver.scanner.replies,
            })
            .sum()
    }

    fn go_on(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time || self.answered < 4 * self.pipeline as u64 {
            self.turn(true)?;
            if start.elapsed() > PATIENCE {
                return Err("the server stopped answering".into());
            }
        }
        Ok(())
    }

    /// Every request must have been answered, and every message delivered.
    fn finish(mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            let due = self.workload.due(self.sent);
            if self.answered == self.sent && self.delivered() == due {
                return Ok(());
            }
            if self.answered == self.sent && self.delivered() > due {
                return Err("more was delivered than sent".into());
            }
            if start.elapsed() > PATIENCE {
                let (answered, sent, delivered) = (self.answered, self.sent, self.delivered());
                return Err(format!(
                    "of {sent} requests {answered} were answered; {delivered} deliveries, not {due}"
                )
                .into());
            }
            self.turn(false)?;
        }
    }

    /// Takes what has come; who has been answered sends again, if `more`.
    fn turn(&mut self, more: bool) -> Result<()> {
        let mut events = vec![sys::NO_EVENT; self.connections.len()];
        let count = self.poller.wait(&mut events, 20)?;
        for event in &events[..count] {
            let index = event.u64 as usize;
            let before = self.connections[index].scanner.replies;
            self.connections[index].receive(&mut self.buffer)?;
            if index >= self.workload.senders {
                self.continue_turns()?;
                if self.connections[index].scanner.replies > before {
                    self.wait_for_more(index)?;
                }
                continue;
            }
            let connection = &self.connections[index];
            if connection.due > 0 && connection.scanner.replies == connection.due {
                self.answered += self.pipeline as u64;
                self.connections[index].due = 0;
                self.connections[index].scanner.replies = 0;
                if more {
                    self.begin(index)?;
                }
            }
        }
        Ok(())
    }

    /// Begins a sender's next turn: with a GET by a receiver if keys are tracked, else with the requests.
    fn begin(&mut self, sender: usize) -> Result<()> {
        let first = self.key;
        self.key = (self.key + self.pipeline as u64) % (KEYS - self.pipeline as u64);
        if self.workload.kind != Kind::Tracked {
            return self.send(sender, first);
        }
        let receiver = self.next[sender];
        self.next[sender] = (receiver + self.workload.senders) % self.workload.receivers;
        self.turns[sender] = Some((first, receiver));
        let mut out = Vec::new();
        for key in first..first + self.pipeline as u64 {
            push_command(&mut out, &[b"GET", key_name(key).as_bytes()]);
        }
        let reader = &mut self.connections[self.workload.senders + receiver];
        // Its earlier messages may still be on the way.
        reader.due += 2 * self.pipeline as u64;
        self.write(self.workload.senders + receiver, &out)
    }

    /// Sends the SETs for which the GETs have been answered.
    fn continue_turns(&mut self) -> Result<()> {
        if self.workload.kind != Kind::Tracked {
            return Ok(());
        }
        for sender in 0..self.workload.senders {
            let Some((first, receiver)) = self.turns[sender] else {
                continue;
            };
            let reader = &self.connections[self.workload.senders + receiver];
            if reader.scanner.replies + self.pipeline as u64 >= reader.due {
                self.turns[sender] = None;
                self.send(sender, first)?;
            }
        }
        Ok(())
    }

    /// A receiver that has got an element of the queue asks for the next.
    fn wait_for_more(&self, receiver: usize) -> Result<()> {
        if self.workload.kind != Kind::Queue {
            return Ok(());
        }
        let mut out = Vec::new();
        push_command(&mut out, &[b"BLPOP", QUEUE, b"0"]);
        self.write(receiver, &out)
    }

    fn send(&mut self, sender: usize, first: u64) -> Result<()> {
        let mut out = Vec::new();
        for key in first..first + self.pipeline as u64 {
            self.workload.request(&mut out, key);
        }
        self.connections[sender].due = self.pipeline as u64;
        self.sent += self.pipeline as u64;
        self.write(sender, &out)
    }

    fn write(&self, index: usize, bytes: &[u8]) -> Result<()> {
        // A closed loop: the socket is empty when its next requests are written.
        match write_some(&self.connections[index].stream, bytes)? {
            count if count == bytes.len() => Ok(()),
            _ => Err("a socket does not take one write of requests".into()),
        }
    }
}

fn heading(context: &Context) -> Vec<String> {
    let mut heading: Vec<String> = [
        "workload",
        "per write",
        "server",
        "counted",
        "per s",
        "CPU us",
    ]
    .map(String::from)
    .to_vec();
    for base in context.targets.iter().filter(|target| target.is_base()) {
        heading.push(format!("less CPU than {}", base.name));
        heading.push(format!("throughput of {}", base.name));
    }
    heading
}

fn push_rows(
    table: &mut Table,
    context: &Context,
    workload: Workload,
    pipeline: usize,
    samples: &[Vec<Sample>],
) {
    let middle = |samples: &[Sample], of: fn(&Sample) -> f64| median(samples.iter().map(of));
    let medians: Vec<[Option<f64>; 2]> = samples
        .iter()
        .map(|samples| {
            [
                middle(samples, |sample| sample.rate),
                middle(samples, |sample| sample.cpu),
            ]
        })
        .collect();
    for (target, &[rate, own]) in context.targets.iter().zip(&medians) {
        let mut row = vec![
            workload.name.to_owned(),
            pipeline.to_string(),
            target.name.clone(),
            workload.unit().to_owned(),
            rate.map_or_else(|| NONE.to_owned(), grouped),
            figure(own, 3),
        ];
        for (base, &[others, cpu]) in context.targets.iter().zip(&medians) {
            if base.is_base() {
                row.push(ratio(cpu, own));
                row.push(ratio(rate, others));
            }
        }
        table.push(row);
    }
}
