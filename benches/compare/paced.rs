//! Load at a fixed rate, for latencies that mean something while the server is busy with other things.
//!
//! A closed loop stops asking while the server is stuck, so a long stall is seen by a few requests only and vanishes
//! among the rest. Here each request has its time, is sent even if earlier ones still wait, and its latency counts
//! from that time.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::load::write_some;
use crate::support::Result;
use crate::support::client::PATIENCE;
use crate::support::histogram::new_histogram;
use crate::support::request::Random;
use crate::support::scan::Scanner;
use crate::support::sys::{self, Poller};
use crate::template::Template;

/// Writes that may wait for their replies on the side connection.
const SIDE_WINDOW: u64 = 64;

/// Work that goes on beside the measured requests, on a connection of its own.
pub trait Side {
    /// Appends the next write to `out` if it is due after `elapsed`, and returns how many replies it will get; 0 if
    /// nothing is due.
    fn next(&mut self, elapsed: Duration, out: &mut Vec<u8>) -> u64;

    /// True if there is nothing more to come.
    fn is_done(&self) -> bool;
}

/// The measured requests.
pub struct Paced<'a> {
    pub address: SocketAddr,
    pub connections: usize,
    /// Cores of the load; empty for any. It keeps one busy.
    pub cores: &'a [usize],
    /// The request, one per write.
    pub template: Template,
    /// Requests per second, over all connections.
    pub rate: u64,
    /// Sending goes on at least this long, and until the side is done.
    pub at_least: Duration,
}

struct Connection {
    stream: TcpStream,
    scanner: Scanner,
    rest: Vec<u8>,
    unsent: Vec<u8>,
    /// Replies seen so far, of those in `scanner`.
    seen: u64,
    /// When each request without a reply was due, in nanoseconds since the start.
    due: VecDeque<u64>,
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            scanner: Scanner::default(),
            rest: Vec::new(),
            unsent: Vec::new(),
            seen: 0,
            due: VecDeque::new(),
        })
    }

    fn send_rest(&mut self) -> Result<()> {
        if !self.unsent.is_empty() {
            let sent = write_some(&self.stream, &self.unsent)?;
            self.unsent.drain(..sent);
        }
        Ok(())
    }

    /// Reads what is there, and returns how many replies that completed.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<u64> {
        let start = self.rest.len();
        buffer[..start].copy_from_slice(&self.rest);
        let count = match (&self.stream).read(&mut buffer[start..]) {
            Ok(0) => return Err("the server closed a connection".into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let bytes = &buffer[..start + count];
        let taken = self.scanner.feed(bytes)?;
        self.rest.clear();
        self.rest.extend_from_slice(&bytes[taken..]);
        if let Some(error) = &self.scanner.first_error {
            return Err(format!("error reply: {error}").into());
        }
        let new = self.scanner.replies - self.seen;
        self.seen = self.scanner.replies;
        Ok(new)
    }
}

/// Runs the load, and `side` beside it. Returns the nanoseconds from when each request was due to its reply.
pub fn run(paced: Paced<'_>, side: &mut (dyn Side + Send)) -> Result<Histogram<u64>> {
    // A thread of its own, because the pinning ends with it.
    std::thread::scope(|scope| {
        let worker = scope.spawn(move || {
            sys::pin_thread(paced.cores)?;
            Worker::new(paced)?.run(side)
        });
        worker.join().expect("the thread of the load panicked")
    })
}

struct Worker<'a> {
    paced: Paced<'a>,
    poller: Poller,
    /// The last one is the side connection.
    connections: Vec<Connection>,
    random: Random,
    latency: Histogram<u64>,
    buffer: Vec<u8>,
    /// Replies that the side connection waits for.
    side_waits: u64,
    /// Measured requests sent.
    sent: u64,
}

impl<'a> Worker<'a> {
    fn new(paced: Paced<'a>) -> Result<Self> {
        let poller = Poller::new()?;
        let mut connections = Vec::new();
        for token in 0..=paced.connections {
            let connection = Connection::open(paced.address)?;
            poller.add(&connection.stream, token)?;
            connections.push(connection);
        }
        Ok(Self {
            paced,
            poller,
            connections,
            random: Random::new(0),
            latency: new_histogram(),
            buffer: vec![0; 256 * 1024],
            side_waits: 0,
            sent: 0,
        })
    }

    fn run(mut self, side: &mut dyn Side) -> Result<Histogram<u64>> {
        let mut events = vec![sys::NO_EVENT; self.connections.len()];
        let start = Instant::now();
        let mut last_reply = Duration::ZERO;
        loop {
            let now = start.elapsed();
            let goes_on = now < self.paced.at_least || !side.is_done() || self.side_waits > 0;
            if goes_on {
                self.send_due(now)?;
            } else if self.connections.iter().all(|c| c.due.is_empty()) {
                return Ok(self.latency);
            }
            self.run_side(side, now)?;
            // No sleep: waking up takes longer than many a reply.
            let count = self.poller.wait(&mut events, 0)?;
            for event in &events[..count] {
                self.receive(event.u64 as usize, start)?;
                last_reply = now;
            }
            if now - last_reply > PATIENCE {
                return Err("the server stopped answering".into());
            }
        }
    }

    fn send_due(&mut self, now: Duration) -> Result<()> {
        let now = now.as_nanos() as u64;
        loop {
            let due = (u128::from(self.sent) * 1_000_000_000 / u128::from(self.paced.rate)) as u64;
            if due > now {
                return Ok(());
            }
            let index = (self.sent % self.paced.connections as u64) as usize;
            let connection = &mut self.connections[index];
            let bytes = self.paced.template.next(&mut self.random);
            if connection.unsent.is_empty() {
                let sent = write_some(&connection.stream, bytes)?;
                connection.unsent.extend_from_slice(&bytes[sent..]);
            } else {
                connection.unsent.extend_from_slice(bytes);
                connection.send_rest()?;
            }
            connection.due.push_back(due);
            self.sent += 1;
        }
    }

    fn run_side(&mut self, side: &mut dyn Side, now: Duration) -> Result<()> {
        let connection = &mut self.connections[self.paced.connections];
        if connection.unsent.is_empty() && self.side_waits < SIDE_WINDOW {
            self.side_waits += side.next(now, &mut connection.unsent);
        }
        connection.send_rest()
    }

    fn receive(&mut self, index: usize, start: Instant) -> Result<()> {
        let replies = self.connections[index].receive(&mut self.buffer)?;
        if index == self.paced.connections {
            self.side_waits -= replies;
            return Ok(());
        }
        let now = start.elapsed().as_nanos() as u64;
        let connection = &mut self.connections[index];
        connection.send_rest()?;
        for _ in 0..replies {
            let due = connection.due.pop_front();
            let due = due.ok_or("more was answered than asked")?;
            self.latency.saturating_record(now - due);
        }
        Ok(())
    }
}
