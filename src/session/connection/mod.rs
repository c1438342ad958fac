//! The socket loop of one connection, and the only place of the server that waits.
//!
//! A worker's read buffer is shared by all its connections: bytes are read and run in one go, and only
//! an unfinished request is copied to its connection. An idle connection costs almost nothing.

mod read;
mod run;
mod wait;
mod worker;
mod write;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clients::{Client, signal};
use crate::resp::args::Slot;
use crate::resp::request::Progress;
use crate::session::Session;
use wait::Parked;
use worker::Scratch;

pub use worker::Worker;

/// Bytes of replies that a connection may owe before nothing more is read from it. A client that
/// sends a whole pipeline before it reads must not be stopped early: it would never read.
const MAX_UNSENT: usize = 256 * 1024 * 1024;

/// Bytes that an idle connection takes, besides what [`Client`] holds.
pub const FIXED_MEMORY: usize = size_of::<Connection<tokio::net::TcpStream>>();

/// Why the loop goes on.
enum Step {
    /// Commands ran: this many.
    Ran(usize),
    /// The connection is at its end.
    Closed,
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
