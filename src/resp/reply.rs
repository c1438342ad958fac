//! Writes replies into a connection's output buffer. The only file that tells RESP2 from RESP3.

use crate::error::Error;
use crate::types::number;

/// The protocol version that a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, which every connection begins with.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// The protocol of this version, 2 or 3.
    #[inline]
    pub fn of_version(version: u8) -> Self {
        match version {
            3 => Protocol::Resp3,
            _ => Protocol::Resp2,
        }
    }

    /// Whether messages can be told from replies, so that they may come at any time.
    pub fn has_push(self) -> bool {
        self == Protocol::Resp3
    }

    /// 2 or 3.
    pub fn version(self) -> i64 {
        match self {
            Protocol::Resp2 => 2,
            Protocol::Resp3 => 3,
        }
    }
}

/// A push message of bulk strings, made once for receivers of both protocols: in RESP2 it is an array.
#[derive(Clone, Debug)]
pub struct Push(Vec<u8>);

impl Push {
    /// The message of these parts.
    pub fn new(parts: &[&[u8]]) -> Self {
        let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 16).sum());
        let mut reply = Reply::new(&mut out, Protocol::Resp3);
        reply.push(parts.len());
        for part in parts {
            reply.bulk(part);
        }
        Push(out)
    }

    /// Appends the message as it is in this protocol.
    pub fn append(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.0);
        if protocol == Protocol::Resp2 {
            out[start] = b'*';
        }
    }
}

/// Appends replies to a buffer. Every call writes one element; the caller keeps counts true.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    protocol: Protocol,
}

impl<'a> Reply<'a> {
    /// Replies in `protocol`, appended to `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, protocol: Protocol) -> Self {
        Reply { out, protocol }
    }

    /// The protocol in which the next element will be written.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Switches the encoding of what follows (HELLO, RESET).
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// Where the next element begins, for [`Reply::cut`].
    #[inline]
    pub fn mark(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything written since `mark`.
    #[inline]
    pub fn cut(&mut self, mark: usize) {
        self.out.truncate(mark);
    }

    /// Puts bytes, complete elements, before everything written since `mark`.
    pub fn insert(&mut self, mark: usize, bytes: &[u8]) {
        self.out.splice(mark..mark, bytes.iter().copied());
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A simple string; `text` holds no CR or LF.
    pub fn simple(&mut self, text: &str) {
        self.out.push(b'+');
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// An error; CR and LF in its text become spaces.
    pub fn error(&mut self, error: &Error) {
        use std::io::Write;
        self.out.push(b'-');
        let start = self.out.len();
        match error {
            Error::Bytes(text) => self.out.extend_from_slice(text),
            _ => {
                let _ = write!(self.out, "{error}");
            }
        }
        for byte in &mut self.out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A line of one byte and a number.
    #[inline]
    fn header(&mut self, kind: u8, value: i64) {
        // Yes and no, and the lengths of most strings and arrays.
        match value {
            0..10 => {
                let digit = b'0' + value as u8;
                self.out.extend_from_slice(&[kind, digit, b'\r', b'\n']);
            }
            10..100 => {
                let [tens, units] = [value / 10, value % 10].map(|digit| b'0' + digit as u8);
                self.out
                    .extend_from_slice(&[kind, tens, units, b'\r', b'\n']);
            }
            _ => self.long_header(kind, value),
        }
    }

    fn long_header(&mut self, kind: u8, value: i64) {
        self.out.push(kind);
        self.out
            .extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A length or count as an integer.
    #[inline]
    pub fn count(&mut self, value: usize) {
        self.integer(value as i64);
    }

    /// 1 or 0 as an integer, as most commands answer yes and no.
    pub fn flag(&mut self, value: bool) {
        self.integer(i64::from(value));
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.out.reserve(bytes.len() + 16);
        self.header(b'$', bytes.len() as i64);
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// A text that clients show as it is: a verbatim string of format `txt` in RESP3, else a bulk.
    pub fn verbatim(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.header(b'=', text.len() as i64 + 4);
                self.out.extend_from_slice(b"txt:");
                self.out.extend_from_slice(text);
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// The missing value: `$-1` or `_`.
    pub fn null(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The missing array, such as an aborted EXEC: `*-1` or `_`.
    pub fn null_array(&mut self) {
        self.out.extend_from_slice(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// The head of an array of `count` elements.
    pub fn array(&mut self, count: usize) {
        self.header(b'*', count as i64);
    }

    /// The head of a map of `count` pairs; a flat array in RESP2.
    pub fn map(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', 2 * count as i64),
            Protocol::Resp3 => self.header(b'%', count as i64),
        }
    }

    /// The head of a set of `count` elements; an array in RESP2.
    pub fn set(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', count as i64),
            Protocol::Resp3 => self.header(b'~', count as i64),
        }
    }

    /// The head of `count` pairs in an order that matters, each begun with [`Reply::pair`]: arrays of two
    /// in RESP3, all in one flat array in RESP2.
    pub fn pairs(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(count.saturating_mul(2)),
            Protocol::Resp3 => self.array(count),
        }
    }

    /// Begins one of the pairs that [`Reply::pairs`] announced.
    #[inline]
    pub fn pair(&mut self) {
        if self.protocol == Protocol::Resp3 {
            self.array(2);
        }
    }

    /// The head of `count` values under keys, each begun with [`Reply::keyed_value`]: a map in RESP3, an array of
    /// arrays of two in RESP2.
    pub fn keyed(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.array(count),
            Protocol::Resp3 => self.map(count),
        }
    }

    /// Begins one of the values that [`Reply::keyed`] announced, with its key.
    pub fn keyed_value(&mut self, key: &[u8]) {
        if self.protocol == Protocol::Resp2 {
            self.array(2);
        }
        self.bulk(key);
    }

    /// An array whose length is known only at its end: `write` writes the elements and returns how many
    /// there were. The head is put before them afterwards, which moves what was written. After an error the
    /// elements stay; the caller cuts them off.
    ///
    /// # Errors
    /// What `write` returns.
    pub fn deferred_array<E>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.deferred(Self::array, write)
    }

    /// As [`Reply::deferred_array`], for a set.
    ///
    /// # Errors
    /// What `write` returns.
    pub fn deferred_set<E>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.deferred(Self::set, write)
    }

    /// An array of about `guess` elements: `write` writes them and returns how many there were. Nothing moves if
    /// the guess has as many digits as the number.
    #[inline]
    pub fn guessed_array(&mut self, guess: usize, write: impl FnOnce(&mut Self) -> usize) {
        let start = self.mark();
        self.array(guess);
        let end = self.mark();
        let count = write(self);
        if count != guess {
            let mut head = Vec::with_capacity(24);
            Reply::new(&mut head, self.protocol).array(count);
            self.out.splice(start..end, head);
        }
    }

    /// As [`Reply::deferred_array`], for values that are each begun with [`Reply::keyed_value`].
    ///
    /// # Errors
    /// What `write` returns.
    pub fn deferred_keyed<E>(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<usize, E>,
    ) -> Result<(), E> {
        self.deferred(Self::keyed, write)
    }

    fn deferred<E>(
        &mut self,
        head: impl FnOnce(&mut Self, usize),
        write: impl FnOnce(&mut Self) -> Result<usize, E>,
    ) -> Result<(), E> {
        let start = self.mark();
        let count = write(self)?;
        let end = self.mark();
        head(self, count);
        let len = self.mark() - end;
        self.out[start..].rotate_right(len);
        Ok(())
    }

    /// The head of a push message of `count` elements; an array in RESP2.
    pub fn push(&mut self, count: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', count as i64),
            Protocol::Resp3 => self.header(b'>', count as i64),
        }
    }

    /// An attribute of `count` pairs, which `write` writes, for the reply that follows. Nothing in
    /// RESP2, which has none.
    pub fn attribute(&mut self, count: usize, write: impl FnOnce(&mut Self)) {
        if self.protocol == Protocol::Resp3 {
            self.header(b'|', count as i64);
            write(self);
        }
    }

    /// An integer of any size, given as its digits; a bulk string in RESP2.
    pub fn big_number(&mut self, digits: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(digits.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b'(');
                self.out.extend_from_slice(digits.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// True or false; 1 or 0 in RESP2.
    pub fn boolean(&mut self, value: bool) {
        match self.protocol {
            Protocol::Resp2 => self.flag(value),
            Protocol::Resp3 => {
                self.out
                    .extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" });
            }
        }
    }

    /// A floating point number already formatted as Redis prints it; a bulk string in RESP2.
    pub fn double(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.out.push(b',');
                self.out.extend_from_slice(text.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// A score as Redis 7.4 prints it; a bulk string in RESP2.
    #[inline]
    pub fn score(&mut self, value: f64) {
        // Whole numbers are by far the most, and beyond 2^53 the general form prints them too.
        let whole = value as i64;
        if whole as f64 == value
            && whole.unsigned_abs() < 1 << 53
            && (whole != 0 || value.is_sign_positive())
        {
            self.double(itoa::Buffer::new().format(whole));
        } else {
            self.double(&number::format_f64(value));
        }
    }

    /// Bytes that are a complete reply already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deferred_head_stands_before_its_elements() {
        let mut out = b"+before\r\n".to_vec();
        let mut reply = Reply::new(&mut out, Protocol::Resp3);
        let write = |reply: &mut Reply<'_>| {
            reply.integer(7);
            reply.deferred_array(|_| Ok(0))?;
            Ok(12)
        };
        assert_eq!(reply.deferred_set::<()>(write), Ok(()));
        reply.set_protocol(Protocol::Resp2);
        assert_eq!(reply.deferred_set::<()>(|_| Ok(0)), Ok(()));
        assert_eq!(out, b"+before\r\n~12\r\n:7\r\n*0\r\n*0\r\n");
    }

    #[test]
    fn a_guessed_head_is_put_right() {
        for guess in [0, 1, 2, 15, 1_000] {
            let mut out = b"+before\r\n".to_vec();
            let mut reply = Reply::new(&mut out, Protocol::Resp2);
            reply.guessed_array(guess, |reply| {
                reply.integer(7);
                reply.integer(8);
                2
            });
            assert_eq!(out, b"+before\r\n*2\r\n:7\r\n:8\r\n");
        }
    }
}
