//! The socket loop of one connection, and the only place of the server that waits.
//!
//! A worker's read buffer is shared by all its connections: bytes are read and run in one go, and only
//! an unfinished request is copied to its connection. An idle connection costs almost nothing.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::clients::{Client, signal, waiting};
use crate::clock;
use crate::commands::context::Flow;
use crate::commands::registry::{self, Command};
use crate::keyspace::ShardSet;
use crate::keyspace::locks::Prefetch;
use crate::latency;
use crate::latency::timer::{self, Notes, Timer};
use crate::observers::{self, Woken};
use crate::resp::args::Slot;
use crate::resp::request::{Limits, Parsed, Progress, ProtocolError};
use crate::resp::{Args, Reply};
use crate::server::Server;
use crate::session::gate::{self, Request};
use crate::session::migrate;
use crate::session::park::{Verdict, Wait};
use crate::session::{ReplyMode, Session};
use crate::stats::WorkerStats;
use crate::transaction::runner::Turn;
use crate::transaction::{blocking, hash_keys};

/// Bytes read at once.
const READ_SIZE: usize = 64 * 1024;

/// Requests that are parsed, and their keys prefetched, before the first of them runs.
const LOOK_AHEAD: usize = 16;

/// Bytes of replies that a connection may owe before nothing more is read from it. A client that
/// sends a whole pipeline before it reads must not be stopped early: it would never read.
const MAX_UNSENT: usize = 256 * 1024 * 1024;

/// Replies of one batch beyond which they are sent before the batch goes on.
const FLUSH_AT: usize = 1024 * 1024;

/// Bytes that a client may have sent that did not run yet, whatever `client-query-buffer-limit` says:
/// offsets into them, and into what MULTI queued, have 32 bits.
const MAX_QUERY: usize = u32::MAX as usize - READ_SIZE;

/// Bytes of empty buffers that a worker keeps for the next connections that need one. They count as used
/// memory, and so against `maxmemory`.
const SPARE_BYTES: usize = 1024 * 1024;

/// Number of empty buffers that a worker keeps at most.
const SPARE_BUFFERS: usize = 64;

/// Bytes that an idle connection takes, besides what [`Client`] holds.
pub const FIXED_MEMORY: usize = size_of::<Connection<tokio::net::TcpStream>>();

/// What the connections of one worker thread share.
pub struct Worker {
    /// The server.
    pub server: Arc<Server>,
    /// How often the runtime has looked for input since the server's end began.
    pub last_turns: Cell<u32>,
    index: usize,
    scratch: RefCell<Scratch>,
    spare: RefCell<Spare>,
}

/// Empty buffers to use again.
#[derive(Default)]
struct Spare {
    buffers: Vec<Vec<u8>>,
    /// The sum of their capacities.
    bytes: usize,
}

struct Scratch {
    buffer: Box<[u8]>,
    batch: Batch,
}

#[derive(Default)]
struct Batch {
    slots: Vec<Slot>,
    requests: Vec<Ahead>,
    notes: Notes,
}

/// A request that was parsed and has not run yet.
struct Ahead {
    command: Option<&'static Command>,
    shards: ShardSet,
    slots: std::ops::Range<usize>,
    /// Where the next request begins.
    end: usize,
}

impl Worker {
    /// Worker `index` of the server.
    pub fn new(server: Arc<Server>, index: usize) -> Self {
        let scratch = Scratch {
            buffer: vec![0; READ_SIZE].into(),
            batch: Batch::default(),
        };
        Worker {
            server,
            last_turns: Cell::new(0),
            index,
            scratch: RefCell::new(scratch),
            spare: RefCell::default(),
        }
    }

    /// The worker's counters.
    pub fn stats(&self) -> &WorkerStats {
        self.server.stats.worker(self.index)
    }

    fn take_buffer(&self) -> Vec<u8> {
        let spare = &mut *self.spare.borrow_mut();
        let buffer = spare.buffers.pop().unwrap_or_default();
        spare.bytes -= buffer.capacity();
        buffer
    }

    fn give_buffer(&self, mut buffer: Vec<u8>) {
        let spare = &mut *self.spare.borrow_mut();
        let bytes = spare.bytes + buffer.capacity();
        if bytes <= SPARE_BYTES && spare.buffers.len() < SPARE_BUFFERS {
            buffer.clear();
            spare.bytes = bytes;
            spare.buffers.push(buffer);
        }
    }
}

/// Why the loop goes on.
enum Step {
    /// Commands ran: this many.
    Ran(usize),
    /// The connection is at its end.
    Closed,
}

/// A wait with its timer.
struct Parked {
    wait: Wait,
    timer: Option<Pin<Box<Sleep>>>,
}

/// One connection.
pub struct Connection<S> {
    worker: Rc<Worker>,
    socket: S,
    session: Session,
    /// Bytes received of requests that did not run yet. Empty nearly always.
    pending: BytesMut,
    /// How far the first of them was parsed.
    partial: Option<Box<(Progress, Vec<Slot>)>>,
    /// Whether `pending` may hold a whole request.
    more: bool,
    out: Vec<u8>,
    sent: usize,
    /// Since when it has owed more than the soft limit, in Unix microseconds; 0: it does not.
    above_soft_limit: i64,
    /// The value of [`Worker::last_turns`] when there was something to do last.
    active_turn: u32,
    parked: Option<Box<Parked>>,
    at_end: bool,
    registered: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection for a client that is registered already, `authenticated` if there was no password
    /// when it connected.
    pub fn new(worker: Rc<Worker>, socket: S, client: Arc<Client>, authenticated: bool) -> Self {
        Connection {
            worker,
            socket,
            session: Session::new(client, authenticated),
            pending: BytesMut::new(),
            partial: None,
            more: false,
            out: Vec::new(),
            sent: 0,
            above_soft_limit: 0,
            active_turn: 0,
            parked: None,
            at_end: false,
            registered: false,
        }
    }

    /// [`Connection::poll_on`]; at the server's end a connection with nothing to do is done. Its socket
    /// may have bytes that the runtime has yet to notice, which takes it a turn.
    fn poll_step(&mut self, cx: &mut TaskContext<'_>) -> Poll<Step> {
        let step = self.poll_on(cx);
        let turn = self.worker.last_turns.get();
        if step.is_ready() {
            self.active_turn = turn;
        } else if turn > self.active_turn + 2 && self.out.len() == self.sent {
            return Poll::Ready(Step::Closed);
        }
        step
    }

    /// Sends what is owed, reads, and runs what was read.
    fn poll_on(&mut self, cx: &mut TaskContext<'_>) -> Poll<Step> {
        let signals = self.session.client.take_signals();
        if signals & (signal::KILL | signal::INBOX) != 0 && !self.take_messages(signals) {
            return Poll::Ready(Step::Closed);
        }
        if self.flush(cx).is_err() {
            return Poll::Ready(Step::Closed);
        }
        let unsent = self.out.len() - self.sent;
        // At the end nobody waits for a pause or a blocking command.
        let given_up = self.parked.is_some() && self.worker.last_turns.get() > 0;
        if self.session.closing || given_up || !self.worker.server.reads_on() {
            return if unsent == 0 {
                Poll::Ready(Step::Closed)
            } else {
                Poll::Pending
            };
        }
        if self.parked.is_some() && !self.unpark(cx, signals) {
            // Read on, to notice the socket's end.
            return loop {
                match ready!(self.poll_read_pending(cx)) {
                    Ok(0) | Err(_) => break Poll::Ready(Step::Closed),
                    Ok(_) => {}
                }
            };
        }
        if unsent > MAX_UNSENT {
            return Poll::Pending;
        }
        if self.more {
            return Poll::Ready(self.run_pending());
        }
        if self.at_end {
            return if unsent == 0 {
                Poll::Ready(Step::Closed)
            } else {
                Poll::Pending
            };
        }
        if !self.pending.is_empty() {
            loop {
                match ready!(self.poll_read_pending(cx)) {
                    Ok(0) => return self.end(),
                    Ok(_) if self.lacks_bytes() => {}
                    Ok(_) => return Poll::Ready(self.run_pending()),
                    Err(_) => return Poll::Ready(Step::Closed),
                }
            }
        }
        let worker = self.worker.clone();
        let mut scratch = worker.scratch.borrow_mut();
        let Scratch { buffer, batch } = &mut *scratch;
        let mut read = ReadBuf::new(buffer);
        match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read)) {
            Ok(()) if read.filled().is_empty() => self.end(),
            Ok(()) => {
                self.count_read(read.filled().len());
                if self.exceeds_query_limit(read.filled().len()) {
                    return Poll::Ready(Step::Closed);
                }
                Poll::Ready(self.run_fresh(&worker, batch, read.filled()))
            }
            Err(_) => Poll::Ready(Step::Closed),
        }
    }

    /// Takes what others told the client. False if it is to be closed.
    #[cold]
    fn take_messages(&mut self, signals: u8) -> bool {
        if signals & signal::KILL == 0 {
            self.session.take_inbox(&mut self.out);
            return true;
        }
        if self.session.client.cut_off.load(Relaxed) {
            let stats = self.worker.stats();
            stats.output_buffer_limit_disconnections.add(1);
        }
        false
    }

    /// The client sends no more. What it is owed is still sent: it may have closed one direction only.
    fn end(&mut self) -> Poll<Step> {
        self.at_end = true;
        if self.out.len() == self.sent {
            Poll::Ready(Step::Closed)
        } else {
            Poll::Ready(Step::Ran(0))
        }
    }

    /// Whether an argument is known to be longer than what has come so far.
    fn lacks_bytes(&self) -> bool {
        let needed = self.partial.as_ref().and_then(|partial| partial.0.needed());
        needed.is_some_and(|needed| needed > self.pending.len())
    }

    /// Whether a client that has sent `waiting` bytes that did not run yet must be closed: with what
    /// MULTI queued they are more than `client-query-buffer-limit`, or more than a [`Slot`] can name.
    fn exceeds_query_limit(&self, waiting: usize) -> bool {
        let limit = self.worker.server.config.client_query_buffer_limit();
        if waiting + self.session.multi.argument_memory() <= limit.min(MAX_QUERY) {
            return false;
        }
        tracing::warn!(
            "Closing client that reached max query buffer length: id={} addr={} (qbuf initial bytes)",
            self.session.id(),
            self.session.client.addr()
        );
        self.worker.stats().query_buffer_limit_disconnections.add(1);
        true
    }

    fn count_read(&self, bytes: usize) {
        let stats = self.worker.stats();
        stats.net_input_bytes.add(bytes as u64);
        stats.reads_processed.add(1);
    }

    /// Reads more of an unfinished request.
    fn poll_read_pending(&mut self, cx: &mut TaskContext<'_>) -> Poll<io::Result<usize>> {
        let missing = self
            .partial
            .as_ref()
            .and_then(|partial| partial.0.needed())
            .map_or(0, |needed| needed.saturating_sub(self.pending.len()));
        let count = if missing > READ_SIZE {
            ready!(self.poll_read_long(cx, missing))?
        } else {
            // By way of the worker's buffer: a client that sends little never makes us reserve much.
            let worker = self.worker.clone();
            let mut scratch = worker.scratch.borrow_mut();
            let mut read = ReadBuf::new(&mut scratch.buffer);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
            self.pending.extend_from_slice(read.filled());
            read.filled().len()
        };
        self.count_read(count);
        let bytes = self.pending.len();
        if self.exceeds_query_limit(bytes) {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        }
        let client = &self.session.client;
        client.query_bytes.store(bytes as u64, Relaxed);
        // One long argument can take longer than an idle client may.
        client.last_interaction.store(clock::now().0, Relaxed);
        Poll::Ready(Ok(count))
    }

    /// Reads a long argument straight into its place. Room is made for all that is missing, but never
    /// for more than the client has sent already.
    fn poll_read_long(
        &mut self,
        cx: &mut TaskContext<'_>,
        missing: usize,
    ) -> Poll<io::Result<usize>> {
        let room = missing.min(self.pending.len().max(READ_SIZE));
        self.pending.reserve(room);
        let mut read = ReadBuf::uninit(&mut self.pending.spare_capacity_mut()[..room]);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut read))?;
        let count = read.filled().len();
        // SAFETY: `count` bytes of the spare capacity were filled.
        unsafe { self.pending.set_len(self.pending.len() + count) };
        Poll::Ready(Ok(count))
    }

    fn run_pending(&mut self) -> Step {
        let worker = self.worker.clone();
        let mut bytes = std::mem::take(&mut self.pending);
        let (step, done) = self.run_bytes(&worker, &mut worker.scratch.borrow_mut().batch, &bytes);
        bytes.advance(done);
        // A large buffer is kept only while it is needed.
        if bytes.is_empty() {
            bytes = BytesMut::new();
        } else if !self.more && bytes.capacity() > 4 * bytes.len().max(READ_SIZE) {
            bytes = BytesMut::from(&bytes[..]);
        }
        let waiting = bytes.len() as u64;
        self.session.client.query_bytes.store(waiting, Relaxed);
        self.pending = bytes;
        step
    }

    fn run_fresh(&mut self, worker: &Worker, batch: &mut Batch, bytes: &[u8]) -> Step {
        let (step, done) = self.run_bytes(worker, batch, bytes);
        self.pending.extend_from_slice(&bytes[done..]);
        self.session
            .client
            .query_bytes
            .store(self.pending.len() as u64, Relaxed);
        step
    }

    /// Runs the requests in `bytes`. Returns how many of the bytes are done with; the caller keeps the
    /// others.
    fn run_bytes(&mut self, worker: &Worker, batch: &mut Batch, bytes: &[u8]) -> (Step, usize) {
        let now = clock::now();
        self.session.client.last_interaction.store(now.0, Relaxed);
        self.session
            .client
            .query_bytes
            .store(bytes.len() as u64, Relaxed);
        self.more = false;
        if self.out.capacity() == 0 {
            self.out = worker.take_buffer();
        }
        // What it was told before it sent this comes before the replies.
        self.session.take_inbox(&mut self.out);
        // An unfinished request goes on in its own list, so that a long one is not copied at each read.
        let (mut progress, mut slots) = match self.partial.take() {
            Some(partial) => *partial,
            None => {
                batch.slots.clear();
                (Progress::default(), std::mem::take(&mut batch.slots))
            }
        };
        let Batch {
            requests, notes, ..
        } = batch;
        let (server, stats) = (&*worker.server, worker.stats());
        let mut turn = Turn {
            server,
            stats,
            now,
            timer: Timer::new(server, stats, now, notes),
            woken: Woken::new(),
            changes: Vec::new(),
            reply_start: 0,
            tells_first: false,
        };
        let mut commands = 0;
        let mut done = 0;
        let owed = self.out.len();
        loop {
            let outlook = self.look_ahead(server, bytes, &mut progress, &mut slots, requests);
            let mut stopped =
                self.run_requests(&mut turn, bytes, &slots, requests, &mut done, &mut commands);
            if !stopped {
                match outlook {
                    Ok(Outlook::More) => {}
                    Ok(Outlook::Inline(words)) => {
                        let end = progress.at;
                        if words.is_empty() {
                            done = end;
                        } else {
                            commands += 1;
                            turn.timer.measure_each();
                            stopped = self.run_inline(&mut turn, &words, &mut done, end);
                        }
                    }
                    Ok(Outlook::End) => {
                        slots = self.keep_unfinished(progress, slots, requests, done);
                        break;
                    }
                    Err(error) => {
                        self.protocol_error(&turn, error);
                        break;
                    }
                }
            }
            slots.clear();
            // A backlog from a long wait runs in steps, and so does what makes large replies.
            if stopped || done >= READ_SIZE || self.out.len() - owed > FLUSH_AT {
                self.more = !self.session.closing;
                break;
            }
        }
        if !turn.changes.is_empty() {
            let tracking = &server.observers.tracking;
            tracking.broadcast(&server.config, &mut turn.changes, &mut turn.woken);
        }
        if self.session.attention != 0 {
            self.session.take_inbox(&mut self.out);
        }
        if !turn.woken.is_empty() {
            observers::wake(&mut turn.woken);
        }
        if let Some(micros) = turn.timer.finish()
            && let ([only], 1) = (&requests[..], commands)
            && let Some(slots) = slots.get(only.slots.clone())
            && let Some(command) = only.command
        {
            let call = (command, Args::new(bytes, slots));
            latency::report(server, &self.session.client, call, micros);
        }
        if slots.capacity() <= READ_SIZE {
            batch.slots = slots;
        }
        (Step::Ran(commands), done)
    }

    /// Notes how far an unfinished request was parsed, relative to `done`, where the bytes that the
    /// caller keeps begin. Returns a list to use again.
    fn keep_unfinished(
        &mut self,
        progress: Progress,
        slots: Vec<Slot>,
        requests: &[Ahead],
        done: usize,
    ) -> Vec<Slot> {
        if progress.at <= done {
            return slots;
        }
        let first = requests.last().map_or(0, |last| last.slots.end);
        if done == 0 && first == 0 {
            self.partial = Some(Box::new((progress, slots)));
            return Vec::new();
        }
        let shift = |slot: &Slot| Slot {
            start: slot.start - done as u32,
            ..*slot
        };
        let unfinished = slots[first..].iter().map(shift).collect();
        self.partial = Some(Box::new((progress.shifted(done), unfinished)));
        slots
    }

    /// Parses up to [`LOOK_AHEAD`] requests, and has their keys brought into the cache.
    fn look_ahead(
        &mut self,
        server: &Server,
        bytes: &[u8],
        progress: &mut Progress,
        slots: &mut Vec<Slot>,
        requests: &mut Vec<Ahead>,
    ) -> Result<Outlook, ProtocolError> {
        requests.clear();
        let unauthenticated = self.session.needs_auth(&server.config);
        let limits = Limits {
            max_bulk: server.config.proto_max_bulk_len(),
            unauthenticated,
        };
        // AUTH changes the limits for what follows it.
        let most = if unauthenticated { 1 } else { LOOK_AHEAD };
        let mut first_slot = 0;
        let outcome = loop {
            if requests.len() == most {
                break Ok(Outlook::More);
            }
            match progress.advance(bytes, limits, slots) {
                Ok(Parsed::Request) => {
                    let here = &mut slots[first_slot..];
                    let command = registry::resolve(Args::new(bytes, here));
                    let shards = command.map_or(ShardSet::NONE, |command| {
                        if command.spec.arity.accepts(here.len()) {
                            hash_keys(command, bytes, here)
                        } else {
                            ShardSet::NONE
                        }
                    });
                    requests.push(Ahead {
                        command,
                        shards,
                        slots: first_slot..slots.len(),
                        end: progress.at,
                    });
                    first_slot = slots.len();
                }
                Ok(Parsed::Inline(words)) => break Ok(Outlook::Inline(words)),
                Ok(Parsed::Incomplete) => break Ok(Outlook::End),
                Err(error) => break Err(error),
            }
        };
        if requests.len() > 1 {
            for stage in [Prefetch::Group, Prefetch::Entry] {
                for slot in slots.iter().filter(|slot| slot.hash != 0) {
                    server.keyspace.prefetch(slot.hash, self.session.db, stage);
                }
            }
        }
        outcome
    }

    /// Runs parsed requests in order. True if the connection must stop for now: it closes, waits, or
    /// owes too much; `done` is then where the first request begins that did not run.
    fn run_requests(
        &mut self,
        turn: &mut Turn<'_>,
        bytes: &[u8],
        slots: &[Slot],
        requests: &[Ahead],
        done: &mut usize,
        commands: &mut usize,
    ) -> bool {
        for ahead in requests {
            if self.session.client.killed.load(Relaxed) {
                // What it still sent does not run: the loop is about to see the signal.
                self.session.closing = true;
                return true;
            }
            let request = Request {
                args: Args::new(bytes, &slots[ahead.slots.clone()]),
                command: ahead.command,
                shards: ahead.shards,
            };
            let flow = gate::handle(turn, &mut self.session, request, &mut self.out);
            *commands += 1;
            if self.stops(flow, done, ahead.end) {
                return true;
            }
        }
        false
    }

    /// Notes how a command ended. True if no other may run now.
    #[inline]
    fn stops(&mut self, flow: Flow, done: &mut usize, end: usize) -> bool {
        match flow {
            Flow::Done => {
                *done = end;
                false
            }
            Flow::Close => {
                self.session.closing = true;
                true
            }
            Flow::Park(wait) => {
                if !matches!(wait, Wait::Postponed { .. }) {
                    *done = end;
                }
                self.park(wait);
                true
            }
        }
    }

    fn run_inline(
        &mut self,
        turn: &mut Turn<'_>,
        words: &[Vec<u8>],
        done: &mut usize,
        end: usize,
    ) -> bool {
        let mut buffer = Vec::new();
        let mut slots = Vec::new();
        for word in words {
            slots.push(Slot {
                start: buffer.len() as u32,
                len: word.len() as u32,
                hash: 0,
            });
            buffer.extend_from_slice(word);
        }
        let command = registry::resolve(Args::new(&buffer, &slots));
        let shards = match command {
            Some(command) if command.spec.arity.accepts(slots.len()) => {
                hash_keys(command, &buffer, &mut slots)
            }
            _ => ShardSet::NONE,
        };
        let request = Request {
            args: Args::new(&buffer, &slots),
            command,
            shards,
        };
        let flow = gate::handle(turn, &mut self.session, request, &mut self.out);
        self.stops(flow, done, end)
    }

    fn protocol_error(&mut self, turn: &Turn<'_>, error: ProtocolError) {
        let (id, addr) = (self.session.id(), self.session.client.addr());
        match error {
            // Not an accident of the moment: somebody has to change a setting.
            ProtocolError::TlsHandshake => {
                tracing::warn!("Protocol error ({error}) from client: id={id} addr={addr}");
            }
            _ => tracing::debug!("Protocol error ({error}) from client: id={id} addr={addr}"),
        }
        turn.stats.count_error("ERR");
        if self.session.reply_mode() == ReplyMode::On {
            self.out.push(b'-');
            self.out.extend_from_slice(&error.text());
            self.out.extend_from_slice(b"\r\n");
        }
        self.session.closing = true;
    }

    fn park(&mut self, wait: Wait) {
        let kind = if wait.is_blocking_command() {
            waiting::BLOCKED
        } else {
            waiting::POSTPONED
        };
        if !matches!(wait, Wait::Keys { .. }) {
            // Who waits for keys can be served since its shards were unlocked.
            self.session.client.waiting.store(kind, Relaxed);
        }
        // Whoever ends a pause looks for waiting clients after it: one of the two sees the other.
        fence(SeqCst);
        if kind == waiting::POSTPONED
            && self
                .worker
                .server
                .pause
                .holds(clock::now().0, || true)
                .is_none()
        {
            self.session.client.signal(signal::RESUME);
        }
        self.worker.server.clients.count_wait(&wait, true);
        if let Wait::Migration { migration, .. } = &wait {
            let client = self.session.client.clone();
            let talk = migrate::run(self.worker.clone(), migration.clone(), client);
            tokio::task::spawn_local(talk);
        }
        self.parked = Some(Box::new(Parked { wait, timer: None }));
    }

    /// Whether a wait is over; what it answers is then written.
    fn unpark(&mut self, cx: &mut TaskContext<'_>, signals: u8) -> bool {
        let Some(parked) = &mut self.parked else {
            return true;
        };
        let now = clock::now().0;
        let mut reply = Reply::new(&mut self.out, self.session.protocol);
        let mark = reply.mark();
        let mut verdict = parked.wait.check(now, signals, &mut reply);
        if parked.wait.is_blocking_command()
            && !matches!(verdict, Verdict::Wait | Verdict::Served)
            && signals & (signal::UNBLOCK_ERROR | signal::UNBLOCK_TIMEOUT) == 0
            && !self.session.client.claim_wait()
        {
            // CLIENT UNBLOCK was first, or who serves it: the signal is on the way, and must not end a later wait.
            reply.cut(mark);
            verdict = Verdict::Wait;
        }
        if verdict == Verdict::Wait {
            let Some(until) = parked.wait.until() else {
                return false;
            };
            let timer = parked.timer.get_or_insert_with(|| {
                let left = Duration::from_micros((until - now).max(0) as u64);
                Box::pin(tokio::time::sleep(left))
            });
            if timer.as_mut().poll(cx).is_ready() {
                // The timer counts whole milliseconds: look again.
                parked.timer = None;
                cx.waker().wake_by_ref();
            }
            return false;
        }
        if self.session.reply_mode() != ReplyMode::On {
            reply.cut(mark);
        }
        if self.session.reply_mode() == ReplyMode::Skip && verdict != Verdict::Again {
            // It skips the reply of the command that waited, and no other.
            self.session.set_reply_mode(ReplyMode::On);
        }
        if verdict == Verdict::Next && signals & signal::UNBLOCK_ERROR != 0 {
            parked.wait.count_unblock_error(self.worker.stats());
        }
        if verdict == Verdict::Served {
            // Who served it has counted it. What follows must not overtake the reply.
            self.session.take_inbox(&mut self.out);
        } else {
            let (server, client) = (&self.worker.server, &self.session.client);
            timer::end_wait(server, self.worker.stats(), client, &parked.wait);
        }
        self.session.client.waiting.store(waiting::NOT, Relaxed);
        self.leave_wait(verdict == Verdict::Served);
        self.more = !self.pending.is_empty();
        // The reply must be sent even if nothing else is left to run.
        cx.waker().wake_by_ref();
        true
    }

    /// Closes a client that owes more than client-output-buffer-limit allows: at once above the hard
    /// limit, after a while above the soft one.
    fn check_output_limit(&mut self) -> io::Result<()> {
        let unsent = (self.out.len() - self.sent) as u64;
        let config = &self.worker.server.config;
        let limit = config.client_output_buffer_limit(self.session.client.class());
        let above = |limit: u64| limit > 0 && unsent >= limit;
        let mut exceeded = above(limit.hard);
        if above(limit.soft) {
            let now = clock::now().0;
            if self.above_soft_limit == 0 {
                self.above_soft_limit = now;
            }
            exceeded |= now - self.above_soft_limit > limit.seconds as i64 * 1_000_000;
        } else {
            self.above_soft_limit = 0;
        }
        if !exceeded {
            return Ok(());
        }
        tracing::warn!(
            "Client id={} addr={} scheduled to be closed ASAP for overcoming of output buffer limits.",
            self.session.id(),
            self.session.client.addr()
        );
        self.worker
            .stats()
            .output_buffer_limit_disconnections
            .add(1);
        Err(io::ErrorKind::OutOfMemory.into())
    }

    /// Keeps what the socket does not take now. A client that always lags behind never lets the buffer
    /// run empty, so what was sent is dropped as soon as it is the larger part.
    fn keep_unsent(&mut self, progress: bool) {
        let unsent = self.out.len() - self.sent;
        if self.sent >= unsent {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        let client = &self.session.client;
        client.output_bytes.store(unsent as u64, Relaxed);
        if progress {
            // A client that still takes its replies is not idle.
            client.last_interaction.store(clock::now().0, Relaxed);
        }
    }

    /// Sends as much of the replies as the socket takes now.
    fn flush(&mut self, cx: &mut TaskContext<'_>) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let before = self.sent;
        while self.sent < self.out.len() {
            match Pin::new(&mut self.socket).poll_write(cx, &self.out[self.sent..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    self.sent += count;
                    let stats = self.worker.stats();
                    stats.net_output_bytes.add(count as u64);
                    stats.writes_processed.add(1);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.check_output_limit()?;
                    self.keep_unsent(self.sent > before);
                    return Ok(());
                }
            }
        }
        if self.sent > 0 {
            self.sent = 0;
            self.above_soft_limit = 0;
            self.session.client.output_bytes.store(0, Relaxed);
        }
        // Also when nothing was owed: a reply that was not wanted may have made it large.
        if self.out.capacity() > 0 {
            self.worker.give_buffer(std::mem::take(&mut self.out));
        }
        Ok(())
    }
}

/// What the look-ahead came to after the requests that it found.
enum Outlook {
    /// There may be more.
    More,
    /// An inline request.
    Inline(Vec<Vec<u8>>),
    /// The bytes' end.
    End,
}

/// Serves the client until it leaves. Written by hand, because an `async fn` would keep the connection
/// several times over, and there may be very many idle ones.
impl<S: AsyncRead + AsyncWrite + Unpin> Future for Connection<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        if !this.registered {
            // All polls are by the same task, so its waker is registered once.
            this.session.client.register(cx.waker());
            this.registered = true;
        }
        loop {
            match ready!(this.poll_step(cx)) {
                Step::Closed => return Poll::Ready(()),
                Step::Ran(commands) if commands > 1 || this.more => {
                    // Other connections' work first: theirs and ours then cost one wake-up less each,
                    // and a long backlog delays nobody else.
                    // Nothing needs to be kept of the yield: the next poll begins with sending.
                    let _ = std::pin::pin!(tokio::task::yield_now()).poll(cx);
                    return Poll::Pending;
                }
                Step::Ran(_) => {
                    if this.flush(cx).is_err() {
                        return Poll::Ready(());
                    }
                }
            }
        }
    }
}

impl<S> Connection<S> {
    /// Forgets the wait, here and where others look.
    fn leave_wait(&mut self, served: bool) {
        if let Some(parked) = self.parked.take() {
            let server = &self.worker.server;
            server.clients.count_wait(&parked.wait, false);
            if let Wait::Keys { waiter, .. } = &parked.wait {
                // Who was served for its only key is in no row any more.
                if !(served && waiter.keys().count() == 1) {
                    blocking::leave(&server.keyspace, waiter);
                }
            }
        }
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        // Nobody may serve it from here on; what was served just now is lost, as a reply would be.
        self.session.client.claim_wait();
        self.leave_wait(false);
        let server = &self.worker.server;
        crate::transaction::watch::unwatch(&server.keyspace, &mut self.session);
        self.session.unsubscribe_all(&server.observers.pubsub);
        self.session.stop_tracking(&server.observers.tracking);
        self.session.stop_monitoring(&server.observers.monitors);
        server.clients.remove(self.session.id());
        server.connection_ended(self.worker.index);
    }
}
