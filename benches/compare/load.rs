//! The load: closed loops over bare epoll. Each connection writes the next requests once all replies to the last ones
//! have come.
//!
//! It must cost much less than the server, or it would be the load that is measured: requests are one prepared buffer
//! in which only the keys' digits change, replies are counted and not kept, and one clock reading per write serves
//! the latencies.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::support::Result;
use crate::support::client::PATIENCE;
use crate::support::histogram::new_histogram;
use crate::support::request::Random;
use crate::support::scan::Scanner;
use crate::support::sys::{self, Poller};
use crate::template::Template;
use crate::workload::Workload;

/// What to send, and for how long.
pub struct Load<'a> {
    pub address: SocketAddr,
    pub connections: usize,
    /// Threads of the load, each with its share of the connections.
    pub threads: usize,
    /// Cores of the load; empty for any.
    pub cores: &'a [usize],
    pub workload: &'a Workload,
    /// Requests per write.
    pub pipeline: usize,
    /// Time before the measurement.
    pub warm: Duration,
    /// Time of the measurement, which lasts longer only if nearly nothing is answered.
    pub measure: Duration,
}

/// What was seen between the start and the end of the measurement.
pub struct Measured {
    pub requests: u64,
    pub seconds: f64,
    /// CPU seconds of the server.
    pub server_cpu: f64,
    /// CPU seconds of the load.
    pub load_cpu: f64,
    /// Nanoseconds from each write to the last of its replies.
    pub latency: Histogram<u64>,
    /// Transactions that a change by another connection aborted.
    pub aborted: u64,
}

// The phases come in this order, and only the leading thread moves on. A thread that fails sets FAILED.
const WARM: u8 = 0;
const MEASURE: u8 = 1;
const DRAIN: u8 = 2;
const FAILED: u8 = 3;

/// Runs the load against a server whose CPU seconds `server_cpu` reads.
pub fn run(load: &Load<'_>, server_cpu: impl Fn() -> Result<f64> + Sync) -> Result<Measured> {
    let phase = AtomicU8::new(WARM);
    let server_cpu: &(dyn Fn() -> Result<f64> + Sync) = &server_cpu;
    let results: Vec<Result<Measured>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..load.threads)
            .map(|index| {
                let phase = &phase;
                scope.spawn(move || {
                    let leads = (index == 0).then_some(server_cpu);
                    let result = Worker::new(load, index, phase, leads).and_then(Worker::run);
                    if result.is_err() {
                        phase.store(FAILED, Ordering::Relaxed);
                    }
                    result
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a thread of the load panicked"))
            .collect()
    });
    let mut results = results.into_iter().collect::<Result<Vec<_>>>()?.into_iter();
    let mut sum = results.next().ok_or("the load has no thread")?;
    for result in results {
        sum.requests += result.requests;
        sum.load_cpu += result.load_cpu;
        sum.aborted += result.aborted;
        sum.latency.add(&result.latency)?;
    }
    Ok(sum)
}

struct Connection {
    stream: TcpStream,
    scanner: Scanner,
    /// An unfinished line of the last read.
    rest: Vec<u8>,
    /// What of the last write the socket did not take.
    unsent: Vec<u8>,
    /// `scanner.replies` when the last write will have been answered.
    due: u64,
    waiting: bool,
    /// Nanoseconds since the start of the load.
    sent_at: u64,
}

/// One thread of the load.
struct Worker<'a> {
    load: &'a Load<'a>,
    phase: &'a AtomicU8,
    /// Only the leading thread has this, and it alone moves the phase on.
    server_cpu: Option<&'a (dyn Fn() -> Result<f64> + Sync)>,
    poller: Poller,
    connections: Vec<Connection>,
    template: Template,
    random: Random,
    buffer: Vec<u8>,
    start: Instant,
    seen: u8,
    measured: Measured,
    /// Requests answered since the start of the load, for the check of the replies.
    answered: u64,
}

impl<'a> Worker<'a> {
    fn new(
        load: &'a Load<'a>,
        index: usize,
        phase: &'a AtomicU8,
        server_cpu: Option<&'a (dyn Fn() -> Result<f64> + Sync)>,
    ) -> Result<Self> {
        sys::pin_thread(load.cores)?;
        let poller = Poller::new()?;
        let mut connections = Vec::new();
        for _ in (index..load.connections).step_by(load.threads) {
            let stream = TcpStream::connect(load.address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            poller.add(&stream, connections.len())?;
            connections.push(Connection {
                stream,
                scanner: Scanner::default(),
                rest: Vec::new(),
                unsent: Vec::new(),
                due: 0,
                waiting: false,
                sent_at: 0,
            });
        }
        Ok(Self {
            load,
            phase,
            server_cpu,
            poller,
            connections,
            template: load.workload.template(load.pipeline),
            random: Random::new(index as u64),
            buffer: vec![0; 256 * 1024],
            start: Instant::now(),
            seen: WARM,
            measured: Measured {
                requests: 0,
                seconds: 0.0,
                server_cpu: 0.0,
                load_cpu: 0.0,
                latency: new_histogram(),
                aborted: 0,
            },
            answered: 0,
        })
    }

    fn run(mut self) -> Result<Measured> {
        let mut events = vec![sys::NO_EVENT; self.connections.len()];
        let mut silent_since = self.now();
        for index in 0..self.connections.len() {
            let now = self.now();
            self.send(index, now)?;
        }
        loop {
            let count = self.poller.wait(&mut events, 100)?;
            for event in &events[..count] {
                let index = event.u64 as usize;
                if sys::is_writable(event) {
                    self.send_rest(index)?;
                }
                self.receive(index)?;
            }
            if count > 0 {
                silent_since = self.now();
            } else if self.now() - silent_since > PATIENCE.as_nanos() as u64 {
                return Err("the server stopped answering".into());
            }
            self.lead()?;
            self.follow()?;
            match self.seen {
                FAILED => return Err("another thread of the load failed".into()),
                DRAIN if !self.connections.iter().any(|c| c.waiting) => break,
                _ => (),
            }
        }
        self.check()?;
        Ok(self.measured)
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn send(&mut self, index: usize, now: u64) -> Result<()> {
        let connection = &mut self.connections[index];
        connection.sent_at = now;
        connection.due += self.template.replies;
        connection.waiting = true;
        let bytes = self.template.next(&mut self.random);
        let sent = write_some(&connection.stream, bytes)?;
        if sent < bytes.len() {
            connection.unsent.extend_from_slice(&bytes[sent..]);
            self.poller.watch_writes(&connection.stream, index, true)?;
        }
        Ok(())
    }

    fn send_rest(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        let sent = write_some(&connection.stream, &connection.unsent)?;
        connection.unsent.drain(..sent);
        if connection.unsent.is_empty() {
            self.poller.watch_writes(&connection.stream, index, false)?;
        }
        Ok(())
    }

    fn receive(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        let start = connection.rest.len();
        self.buffer[..start].copy_from_slice(&connection.rest);
        let count = match (&connection.stream).read(&mut self.buffer[start..]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = &self.buffer[..start + count];
        let taken = connection.scanner.feed(bytes)?;
        connection.rest.clear();
        connection.rest.extend_from_slice(&bytes[taken..]);
        if connection.scanner.replies < connection.due {
            return Ok(());
        }
        connection.waiting = false;
        let sent_at = connection.sent_at;
        let now = self.now();
        let requests = self.load.pipeline as u64;
        self.answered += requests;
        if self.seen == MEASURE {
            self.measured.requests += requests;
            self.measured.latency.saturating_record(now - sent_at);
        }
        if self.seen < DRAIN {
            self.send(index, now)?;
        }
        Ok(())
    }

    /// Moves the phase on when its time is over.
    fn lead(&mut self) -> Result<()> {
        if self.server_cpu.is_none() {
            return Ok(());
        }
        let now = Duration::from_nanos(self.now());
        let next = match self.seen {
            WARM if now >= self.load.warm => MEASURE,
            MEASURE if now >= self.load.warm + self.load.measure && self.has_enough() => DRAIN,
            _ => return Ok(()),
        };
        // A failure must not be overwritten, or the others would go on alone.
        let _ = self
            .phase
            .compare_exchange(self.seen, next, Ordering::Relaxed, Ordering::Relaxed);
        Ok(())
    }

    /// True once every connection could have had several writes answered. Fewer say nothing: what is under way at the
    /// start and at the end would outweigh them.
    fn has_enough(&self) -> bool {
        let writes = self.measured.requests / self.load.pipeline as u64;
        writes >= 4 * self.connections.len() as u64
    }

    /// Takes the readings at a change of phase.
    fn follow(&mut self) -> Result<()> {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase == self.seen {
            return Ok(());
        }
        let sign = match phase {
            MEASURE => -1.0,
            DRAIN => 1.0,
            _ => 0.0,
        };
        if let Some(server_cpu) = self.server_cpu {
            self.measured.server_cpu += sign * server_cpu()?;
        }
        self.measured.seconds += sign * self.start.elapsed().as_secs_f64();
        self.measured.load_cpu += sign * sys::thread_cpu()?;
        self.seen = phase;
        Ok(())
    }

    /// A fast wrong answer is worth nothing: no errors, no missing values, no value cut short.
    fn check(&mut self) -> Result<()> {
        let mut nils = 0;
        let mut payload = 0;
        let mut integers = 0_i64;
        for connection in &self.connections {
            let scanner = &connection.scanner;
            if let Some(error) = &scanner.first_error {
                let count = scanner.errors;
                return Err(
                    format!("{count} error replies on one connection, first: {error}").into(),
                );
            }
            if scanner.replies != connection.due || !connection.rest.is_empty() {
                return Err("more was answered than asked".into());
            }
            nils += scanner.nils;
            payload += scanner.payload;
            integers = integers.wrapping_add(scanner.integers);
        }
        if nils > 0 && !self.load.workload.may_abort() {
            return Err(format!("{nils} null replies for keys that exist").into());
        }
        let mean = payload as f64 / self.answered as f64;
        let (least, most) = self.load.workload.payload();
        if !(least..=most).contains(&mean) {
            let text = format!("the values have {mean} bytes on average, not {least} to {most}");
            return Err(text.into());
        }
        if let Some((least, most)) = self.load.workload.integers() {
            let mean = integers as f64 / self.answered as f64;
            if !(least..=most).contains(&mean) {
                let text = format!("the integers are {mean} on average, not {least} to {most}");
                return Err(text.into());
            }
        }
        self.measured.aborted = nils;
        Ok(())
    }
}

/// Writes what the socket takes now, and returns how much that was.
pub fn write_some(mut stream: &TcpStream, bytes: &[u8]) -> Result<usize> {
    match stream.write(bytes) {
        Ok(count) => Ok(count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error.into()),
    }
}
