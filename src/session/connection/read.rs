//! Reading from the socket.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context as TaskContext, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Connection;
use super::worker::READ_SIZE;
use crate::clock;

/// Bytes that a client may have sent that did not run yet, whatever `client-query-buffer-limit` says:
/// offsets into them, and into what MULTI queued, have 32 bits.
const MAX_QUERY: usize = u32::MAX as usize - READ_SIZE;

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Whether an argument is known to be longer than what has come so far.
    pub(super) fn lacks_bytes(&self) -> bool {
        let needed = self.partial.as_ref().and_then(|partial| partial.0.needed());
        needed.is_some_and(|needed| needed > self.pending.len())
    }

    /// Whether a client that has sent `waiting` bytes that did not run yet must be closed: with what
    /// MULTI queued they are more than `client-query-buffer-limit`, or more than a [`Slot`] can name.
    pub(super) fn exceeds_query_limit(&self, waiting: usize) -> bool {
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

    pub(super) fn count_read(&self, bytes: usize) {
        let stats = self.worker.stats();
        stats.net_input_bytes.add(bytes as u64);
        stats.reads_processed.add(1);
    }

    /// Reads more of an unfinished request.
    pub(super) fn poll_read_pending(
        &mut self,
        cx: &mut TaskContext<'_>,
    ) -> Poll<io::Result<usize>> {
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
}
