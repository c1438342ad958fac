//! Parsing what was read, and running it.

use std::sync::atomic::Ordering::Relaxed;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::worker::{Ahead, Batch, READ_SIZE, Worker};
use super::{Connection, Step};
use crate::clock;
use crate::commands::context::Flow;
use crate::commands::registry;
use crate::keyspace::ShardSet;
use crate::keyspace::locks::Prefetch;
use crate::latency;
use crate::latency::timer::Timer;
use crate::observers::{self, Woken};
use crate::resp::Args;
use crate::resp::args::Slot;
use crate::resp::request::{Limits, Parsed, Progress, ProtocolError};
use crate::server::Server;
use crate::session::ReplyMode;
use crate::session::gate::{self, Request};
use crate::session::park::Wait;
use crate::transaction::hash_keys;
use crate::transaction::runner::Turn;

/// Requests that are parsed, and their keys prefetched, before the first of them runs.
const LOOK_AHEAD: usize = 16;

/// Replies of one batch beyond which they are sent before the batch goes on.
const FLUSH_AT: usize = 1024 * 1024;

/// What the look-ahead came to after the requests that it found.
enum Outlook {
    /// There may be more.
    More,
    /// An inline request.
    Inline(Vec<Vec<u8>>),
    /// The bytes' end.
    End,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn run_pending(&mut self) -> Step {
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

    pub(super) fn run_fresh(&mut self, worker: &Worker, batch: &mut Batch, bytes: &[u8]) -> Step {
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
                let mut last = 0;
                for slot in slots.iter().filter(|slot| slot.hash != 0) {
                    // Many requests in a row for one key, as of a queue, need it once.
                    if slot.hash != last {
                        server.keyspace.prefetch(slot.hash, self.session.db, stage);
                        last = slot.hash;
                    }
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
}
