//! Waiting: for keys, for replicas, or for a pause to end.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::fence;
use std::task::Context as TaskContext;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

use super::Connection;
use crate::clients::{signal, waiting};
use crate::clock;
use crate::latency::timer;
use crate::resp::Reply;
use crate::session::ReplyMode;
use crate::session::migrate;
use crate::session::park::{Verdict, Wait};
use crate::transaction::blocking;

/// A wait with its timer.
pub(super) struct Parked {
    wait: Wait,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn park(&mut self, wait: Wait) {
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
    pub(super) fn unpark(&mut self, cx: &mut TaskContext<'_>, signals: u8) -> bool {
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
}

impl<S> Connection<S> {
    /// Forgets the wait, here and where others look.
    pub(super) fn leave_wait(&mut self, served: bool) {
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
