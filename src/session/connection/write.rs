//! Sending replies, and giving up on clients that do not read them.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context as TaskContext, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::Connection;
use crate::clock;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
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
    pub(super) fn flush(&mut self, cx: &mut TaskContext<'_>) -> io::Result<()> {
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
