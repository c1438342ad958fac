//! What others have to tell a client: whole messages, in order, which its own task sends between replies.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

/// Capacity that an empty inbox keeps.
const KEPT: usize = 1024;

/// A client's inbox, made by the first thing that may fill it. Any thread appends, the client's own takes.
#[derive(Debug, Default)]
pub struct Inbox {
    messages: Mutex<Messages>,
    /// The length of `messages`, to be read without the lock.
    len: AtomicUsize,
    /// Since when the client has owed more than its soft limit, in Unix microseconds; 0: it does not.
    pub above_soft_limit: AtomicI64,
    /// Number of channels to which the client is subscribed.
    pub channels: AtomicU32,
    /// Number of patterns to which it is subscribed.
    pub patterns: AtomicU32,
    /// Number of shard channels to which it is subscribed.
    pub shard_channels: AtomicU32,
    /// The client that is told what it tracks; 0: itself.
    pub redirection: AtomicU64,
}

#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    /// How many bytes were taken before.
    taken: u64,
}

impl Inbox {
    /// Appends what `write` writes. True if the inbox was empty: then the client must be woken.
    pub fn append(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let bytes = &mut self.messages.lock().bytes;
        let was_empty = bytes.is_empty();
        write(bytes);
        self.len.store(bytes.len(), Relaxed);
        was_empty && !bytes.is_empty()
    }

    /// Where the next message will be, for [`Inbox::insert`].
    pub fn place(&self) -> u64 {
        let messages = self.messages.lock();
        messages.taken + messages.bytes.len() as u64
    }

    /// Puts in a message as if it had come when `place` was the end.
    pub fn insert(&self, place: u64, message: &[u8]) {
        let Messages { bytes, taken } = &mut *self.messages.lock();
        let at = place.saturating_sub(*taken).min(bytes.len() as u64) as usize;
        bytes.splice(at..at, message.iter().copied());
        self.len.store(bytes.len(), Relaxed);
    }

    /// Number of bytes that wait.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.load(Relaxed)
    }

    /// Whether nothing waits. May miss what is being appended just now, whose writer wakes the client.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves everything to the end of `out`.
    pub fn take(&self, out: &mut Vec<u8>) {
        self.take_and(out, || {});
    }

    /// As [`Inbox::take`], and does something else before anybody can append more.
    pub fn take_and(&self, out: &mut Vec<u8>, then: impl FnOnce()) {
        let Messages { bytes, taken } = &mut *self.messages.lock();
        then();
        *taken += bytes.len() as u64;
        if out.is_empty() && bytes.len() > KEPT {
            std::mem::swap(bytes, out);
        } else {
            out.extend_from_slice(bytes);
        }
        bytes.clear();
        bytes.shrink_to(KEPT);
        self.len.store(0, Relaxed);
    }

    /// Drops everything: the client is to be closed.
    pub fn discard(&self) {
        self.messages.lock().bytes = Vec::new();
        self.len.store(0, Relaxed);
    }

    /// Whether the client is subscribed to anything.
    pub fn is_subscribed(&self) -> bool {
        let counts = [&self.channels, &self.patterns, &self.shard_channels];
        counts.iter().any(|count| count.load(Relaxed) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_message_wakes_and_order_is_kept() {
        let inbox = Inbox::default();
        assert!(inbox.is_empty());
        assert!(!inbox.append(|_| {}));
        assert!(inbox.append(|out| out.push(b'a')));
        assert!(!inbox.append(|out| out.push(b'b')));
        assert_eq!(inbox.len(), 2);
        let mut out = b"+OK\r\n".to_vec();
        inbox.take(&mut out);
        assert_eq!(out, b"+OK\r\nab");
        assert!(inbox.is_empty());
        assert!(inbox.append(|out| out.resize(2 * KEPT, b'c')));
        out.clear();
        inbox.take(&mut out);
        assert_eq!(out, vec![b'c'; 2 * KEPT]);
        assert!(inbox.append(|out| out.push(b'd')));
        inbox.discard();
        assert!(inbox.is_empty());
    }

    #[test]
    fn what_comes_late_takes_its_place() {
        let inbox = Inbox::default();
        let mut out = Vec::new();
        inbox.append(|out| out.extend_from_slice(b"before "));
        let place = inbox.place();
        inbox.append(|out| out.extend_from_slice(b" after"));
        inbox.insert(place, b"reply");
        assert_eq!(inbox.len(), 18);
        inbox.take(&mut out);
        assert_eq!(out, b"before reply after");
        // What belongs before it is gone already.
        inbox.append(|out| out.extend_from_slice(b"later"));
        inbox.insert(place, b"late ");
        out.clear();
        inbox.take(&mut out);
        assert_eq!(out, b"late later");
        inbox.insert(inbox.place(), b"last");
        out.clear();
        inbox.take(&mut out);
        assert_eq!(out, b"last");
    }
}
