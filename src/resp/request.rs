//! Bytes into arguments: the request side of the protocol, with Redis's limits and error texts.
//!
//! The parser makes slices of the buffer that was read and copies nothing. It stops where the bytes
//! end and goes on from there, so that a request that comes byte by byte costs time in proportion to
//! its length.

use std::fmt;

use crate::resp::args::Slot;
use crate::types::number;
use crate::types::quoting;

/// Longest line: an inline request, or a count or length before its CR (Redis's `PROTO_INLINE_MAX_SIZE`).
pub const MAX_LINE: usize = 64 * 1024;

/// Most arguments that a request may announce (`INT_MAX`).
const MAX_ARGUMENTS: i64 = i32::MAX as i64;

/// How each version of TLS begins: a handshake record, and the first byte of a version.
const TLS_HANDSHAKE: &[u8] = b"\x16\x03";

/// Most arguments, and longest argument, before authentication.
const MAX_UNAUTHENTICATED: (i64, i64) = (10, 16_384);

/// What a client may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument in bytes (`proto-max-bulk-len`).
    pub max_bulk: usize,
    /// Whether the client has yet to authenticate, which keeps its requests small.
    pub unauthenticated: bool,
}

/// A request that breaks the protocol. The connection is closed after the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// No CR within [`MAX_LINE`] bytes of an array's head.
    TooBigArrayHead,
    /// No CR within [`MAX_LINE`] bytes of a bulk string's head.
    TooBigBulkHead,
    /// No LF within [`MAX_LINE`] bytes of an inline request.
    TooBigInline,
    /// The number of arguments is not a number, or too large.
    InvalidArrayLength,
    /// An argument's length is not a number, negative, or over the limit.
    InvalidBulkLength,
    /// Too many arguments before authentication.
    UnauthenticatedArrayLength,
    /// Too long an argument before authentication.
    UnauthenticatedBulkLength,
    /// Something else where a bulk string must begin.
    ExpectedDollar(u8),
    /// Unbalanced quotes in an inline request.
    UnbalancedQuotes,
    /// The beginning of a TLS handshake. Such a client sends no line, and would wait for ever.
    TlsHandshake,
}

impl ProtocolError {
    /// The error line without its leading `-` and its CRLF, in the client's bytes.
    pub fn text(self) -> Vec<u8> {
        let mut text = b"ERR Protocol error: ".to_vec();
        if let ProtocolError::ExpectedDollar(got) = self {
            text.extend_from_slice(b"expected '$', got '");
            text.push(if matches!(got, b'\r' | b'\n') {
                b' '
            } else {
                got
            });
            text.push(b'\'');
        } else {
            text.extend_from_slice(self.to_string().as_bytes());
        }
        text
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProtocolError::TooBigArrayHead => "too big mbulk count string",
            ProtocolError::TooBigBulkHead => "too big bulk count string",
            ProtocolError::TooBigInline => "too big inline request",
            ProtocolError::InvalidArrayLength => "invalid multibulk length",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedArrayLength => "unauthenticated multibulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolError::ExpectedDollar(_) => "expected '$'",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::TlsHandshake => "TLS is not supported, connections are plain",
        })
    }
}

/// What was found at the place reached.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole request, of which the slots were added to the caller's.
    Request,
    /// An inline request. Its words, unquoted, are not slices of the buffer; there may be none.
    Inline(Vec<Vec<u8>>),
    /// The bytes end before the request does.
    Incomplete,
}

/// How far an unfinished request was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The next byte to read.
    pub at: usize,
    /// Arguments yet to come; 0 between requests.
    remaining: i64,
    /// The length of the argument at `at`, once its head was read.
    bulk: Option<usize>,
}

impl Progress {
    /// The same progress after the first `count` bytes of the buffer were dropped.
    pub fn shifted(&self, count: usize) -> Self {
        Progress {
            at: self.at - count,
            ..self.clone()
        }
    }

    /// How long the buffer must become before there is any use in going on, if that is known.
    pub fn needed(&self) -> Option<usize> {
        self.bulk.map(|len| self.at + len + 2)
    }

    /// Reads on from where it stopped, up to the end of one request.
    ///
    /// # Errors
    /// The request breaks the protocol; nothing after it can be read.
    #[inline]
    pub fn advance(
        &mut self,
        buffer: &[u8],
        limits: Limits,
        slots: &mut Vec<Slot>,
    ) -> Result<Parsed, ProtocolError> {
        if self.remaining == 0 {
            match buffer.get(self.at) {
                None => return Ok(Parsed::Incomplete),
                Some(b'*') => {}
                Some(_) => return self.inline(buffer),
            }
            let Some(count) = self.head(buffer, ProtocolError::TooBigArrayHead)? else {
                return Ok(Parsed::Incomplete);
            };
            match count {
                Some(count) if count > MAX_ARGUMENTS => {
                    return Err(ProtocolError::InvalidArrayLength);
                }
                Some(count) if limits.unauthenticated && count > MAX_UNAUTHENTICATED.0 => {
                    return Err(ProtocolError::UnauthenticatedArrayLength);
                }
                Some(count) if count <= 0 => return Ok(Parsed::Inline(Vec::new())),
                Some(count) => self.remaining = count,
                None => return Err(ProtocolError::InvalidArrayLength),
            }
        }
        self.short_arguments(buffer, limits, slots);
        while self.remaining > 0 {
            let len = match self.bulk {
                Some(len) => len,
                None => match self.bulk_length(buffer, limits)? {
                    Some(len) => len,
                    None => return Ok(Parsed::Incomplete),
                },
            };
            // The two bytes after an argument are not looked at, as in Redis.
            if buffer.len() - self.at < len + 2 {
                self.bulk = Some(len);
                return Ok(Parsed::Incomplete);
            }
            slots.push(Slot {
                start: self.at as u32,
                len: len as u32,
                hash: 0,
            });
            self.at += len + 2;
            self.bulk = None;
            self.remaining -= 1;
        }
        Ok(Parsed::Request)
    }

    /// Reads the next arguments as long as they are shorter than a hundred bytes and wholly there: nearly all are,
    /// and what each argument costs is paid several times for each request.
    #[inline]
    fn short_arguments(&mut self, buffer: &[u8], limits: Limits, slots: &mut Vec<Slot>) {
        if self.bulk.is_some() {
            return;
        }
        let (mut at, mut remaining) = (self.at, self.remaining);
        while remaining > 0 {
            let (len, start) = match buffer[at..] {
                [b'$', digit @ b'0'..=b'9', b'\r', _, ..] => (usize::from(digit - b'0'), at + 4),
                [b'$', tens @ b'1'..=b'9', units @ b'0'..=b'9', b'\r', _, ..] => {
                    let tens = usize::from(tens - b'0') * 10;
                    (tens + usize::from(units - b'0'), at + 5)
                }
                _ => break,
            };
            let end = start + len + 2;
            if end > buffer.len() || len > limits.max_bulk {
                break;
            }
            slots.push(Slot {
                start: start as u32,
                len: len as u32,
                hash: 0,
            });
            at = end;
            remaining -= 1;
        }
        (self.at, self.remaining) = (at, remaining);
    }

    /// The number in a line `*123` or `$123`, which is passed over. Outer `None`: the line is not
    /// complete. Inner `None`: it is no number.
    #[inline]
    fn head(
        &mut self,
        buffer: &[u8],
        too_big: ProtocolError,
    ) -> Result<Option<Option<i64>>, ProtocolError> {
        let rest = &buffer[self.at..];
        // Nearly every head is one or two digits long.
        if let [_, digit @ b'0'..=b'9', b'\r', _, ..] = *rest {
            self.at += 4;
            return Ok(Some(Some(i64::from(digit - b'0'))));
        }
        if let [_, tens @ b'1'..=b'9', units @ b'0'..=b'9', b'\r', _, ..] = *rest {
            self.at += 5;
            return Ok(Some(Some(
                i64::from(tens - b'0') * 10 + i64::from(units - b'0'),
            )));
        }
        match memchr::memchr(b'\r', rest) {
            None if rest.len() > MAX_LINE => Err(too_big),
            None => Ok(None),
            Some(end) if end + 2 > rest.len() => Ok(None),
            Some(end) => {
                self.at += end + 2;
                Ok(Some(number::parse_i64(
                    rest.get(1..end).unwrap_or_default(),
                )))
            }
        }
    }

    #[inline]
    fn bulk_length(
        &mut self,
        buffer: &[u8],
        limits: Limits,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(&first) = buffer.get(self.at) else {
            return Ok(None);
        };
        let start = self.at;
        let Some(len) = self.head(buffer, ProtocolError::TooBigBulkHead)? else {
            return Ok(None);
        };
        if first != b'$' {
            self.at = start;
            return Err(ProtocolError::ExpectedDollar(first));
        }
        match len {
            Some(len) if len < 0 || len as u64 > limits.max_bulk as u64 => {
                Err(ProtocolError::InvalidBulkLength)
            }
            Some(len) if limits.unauthenticated && len > MAX_UNAUTHENTICATED.1 => {
                Err(ProtocolError::UnauthenticatedBulkLength)
            }
            Some(len) => Ok(Some(len as usize)),
            None => Err(ProtocolError::InvalidBulkLength),
        }
    }

    #[cold]
    fn inline(&mut self, buffer: &[u8]) -> Result<Parsed, ProtocolError> {
        let rest = &buffer[self.at..];
        if rest.starts_with(TLS_HANDSHAKE) {
            return Err(ProtocolError::TlsHandshake);
        }
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return if rest.len() > MAX_LINE {
                Err(ProtocolError::TooBigInline)
            } else {
                Ok(Parsed::Incomplete)
            };
        };
        let line = &rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let words = quoting::split_args(line).ok_or(ProtocolError::UnbalancedQuotes)?;
        self.at += end + 1;
        Ok(Parsed::Inline(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    const LIMITS: Limits = Limits {
        max_bulk: 512 * 1024 * 1024,
        unauthenticated: false,
    };

    /// Parses `stream` in pieces that end at `cuts`, as a connection does.
    fn parse_all(stream: &[u8], cuts: &[usize]) -> Result<Vec<Vec<Vec<u8>>>, ProtocolError> {
        let mut requests = Vec::new();
        let mut progress = Progress::default();
        let mut slots = Vec::new();
        for end in cuts.iter().copied().chain([stream.len()]) {
            loop {
                match progress.advance(&stream[..end], LIMITS, &mut slots)? {
                    Parsed::Incomplete => break,
                    Parsed::Inline(words) => requests.push(words),
                    Parsed::Request => {
                        let words = slots.drain(..).map(|slot| {
                            stream[slot.start as usize..(slot.start + slot.len) as usize].to_vec()
                        });
                        requests.push(words.collect());
                    }
                }
            }
        }
        Ok(requests)
    }

    fn encode(words: &[Vec<u8>]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            out.extend_from_slice(word);
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn random_requests() -> Vec<Vec<Vec<u8>>> {
        let words = |_| {
            (0..1 + random::below(12))
                .map(|_| {
                    (0..random::below(130))
                        .map(|_| random::next() as u8)
                        .collect()
                })
                .collect()
        };
        (0..1 + random::below(4)).map(words).collect()
    }

    #[test]
    fn every_way_of_cutting_a_stream_in_two_gives_the_same_requests() {
        for _ in 0..50 {
            let requests = random_requests();
            let mut stream: Vec<u8> = requests.iter().flat_map(|words| encode(words)).collect();
            stream.extend_from_slice(b"SET \"a b\" 'c'\r\nPING\n");
            let mut expected = requests;
            expected.push(vec![b"SET".to_vec(), b"a b".to_vec(), b"c".to_vec()]);
            expected.push(vec![b"PING".to_vec()]);
            for cut in 0..=stream.len() {
                assert_eq!(
                    parse_all(&stream, &[cut]),
                    Ok(expected.clone()),
                    "cut at {cut}"
                );
            }
            let every: Vec<usize> = (0..stream.len()).collect();
            assert_eq!(parse_all(&stream, &every), Ok(expected));
        }
    }

    /// redis-protocol is an independent reader of the same grammar.
    #[test]
    fn agrees_with_an_independent_reader() {
        use redis_protocol::resp2::decode::decode;
        use redis_protocol::resp2::types::OwnedFrame;
        for _ in 0..500 {
            let requests = random_requests();
            let stream: Vec<u8> = requests.iter().flat_map(|words| encode(words)).collect();
            let (mut rest, mut theirs) = (&stream[..], Vec::new());
            while let Some((frame, used)) = decode(rest).unwrap() {
                rest = &rest[used..];
                let OwnedFrame::Array(words) = frame else {
                    panic!("an array")
                };
                let bytes = |word| match word {
                    OwnedFrame::BulkString(bytes) => bytes,
                    other => panic!("a bulk string, not {other:?}"),
                };
                theirs.push(words.into_iter().map(bytes).collect::<Vec<_>>());
            }
            assert_eq!(parse_all(&stream, &[]), Ok(theirs));
        }
    }

    #[test]
    fn random_bytes_give_requests_or_errors_and_never_a_panic() {
        for _ in 0..20_000 {
            let alphabet = b"*$0123456789\r\n-+ \"'\\xab:";
            let stream: Vec<u8> = (0..random::below(60))
                .map(|_| alphabet[random::below(alphabet.len())])
                .collect();
            let cut = random::below(stream.len() + 1);
            assert_eq!(
                parse_all(&stream, &[cut]),
                parse_all(&stream, &[]),
                "{stream:?} cut at {cut}"
            );
        }
    }

    #[test]
    fn broken_requests_give_redis_texts() {
        let error = |stream: &[u8]| parse_all(stream, &[]).unwrap_err().text();
        assert_eq!(
            error(b"*x\r\n"),
            b"ERR Protocol error: invalid multibulk length"
        );
        assert_eq!(
            error(b"*2147483648\r\n"),
            b"ERR Protocol error: invalid multibulk length"
        );
        assert_eq!(
            error(b"*1\r\n:1\r\n"),
            b"ERR Protocol error: expected '$', got ':'"
        );
        assert_eq!(
            error(b"*1\r\n$-1\r\n"),
            b"ERR Protocol error: invalid bulk length"
        );
        assert_eq!(
            error(b"*1\r\n$536870913\r\n"),
            b"ERR Protocol error: invalid bulk length"
        );
        assert_eq!(
            error(b"SET 'a\r\n"),
            b"ERR Protocol error: unbalanced quotes in request"
        );
        assert_eq!(
            error(&[b'a'; MAX_LINE + 1]),
            b"ERR Protocol error: too big inline request"
        );
        let long_count = [b"*".as_slice(), &[b'1'; MAX_LINE + 1]].concat();
        assert_eq!(
            error(&long_count),
            b"ERR Protocol error: too big mbulk count string"
        );
        let long_length = [b"*1\r\n$".as_slice(), &[b'1'; MAX_LINE + 1]].concat();
        assert_eq!(
            error(&long_length),
            b"ERR Protocol error: too big bulk count string"
        );
    }

    #[test]
    fn requests_are_small_before_authentication() {
        let limits = Limits {
            unauthenticated: true,
            ..LIMITS
        };
        let parse = |stream: &[u8]| Progress::default().advance(stream, limits, &mut Vec::new());
        assert_eq!(
            parse(b"*11\r\n"),
            Err(ProtocolError::UnauthenticatedArrayLength)
        );
        assert_eq!(
            parse(b"*1\r\n$16385\r\n"),
            Err(ProtocolError::UnauthenticatedBulkLength)
        );
        assert_eq!(parse(b"*10\r\n$16384\r\n"), Ok(Parsed::Incomplete));
    }
}
