//! A reader of RESP2 and RESP3 replies, independent of the server's own code.
//!
//! It is strict: what a server must never send is an error here, not something to be forgiving about.

use std::io::{self, Read};

/// One reply as a tree. RESP2's two nulls and RESP3's null are kept apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Int(i64),
    Bulk(Vec<u8>),
    /// RESP2 `$-1`.
    NullBulk,
    /// RESP2 `*-1`.
    NullArray,
    /// RESP3 `_`.
    Null,
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    /// The digits as they were sent.
    Double(Vec<u8>),
    Bool(bool),
    /// The three letters of the format, and the text.
    Verbatim(Vec<u8>, Vec<u8>),
    BigNumber(Vec<u8>),
    /// RESP3 attributes, and the reply that they describe.
    Attribute(Vec<(Value, Value)>, Box<Value>),
}

impl Value {
    /// The bytes of a string of any kind, an error or a number; `None` for the rest.
    pub fn text(&self) -> Option<Vec<u8>> {
        match self {
            Value::Simple(t) | Value::Error(t) | Value::Bulk(t) => Some(t.clone()),
            Value::Double(t) | Value::BigNumber(t) | Value::Verbatim(_, t) => Some(t.clone()),
            Value::Int(n) => Some(n.to_string().into_bytes()),
            _ => None,
        }
    }

    /// The number in an integer or in a string of digits.
    pub fn number(&self) -> Option<i64> {
        String::from_utf8(self.text()?).ok()?.parse().ok()
    }

    /// Whether this is any of the three nulls.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::NullBulk | Value::NullArray | Value::Null)
    }

    /// Whether this is an error reply.
    pub fn is_error(&self) -> bool {
        matches!(self, Value::Error(_))
    }

    /// The elements of an array or of a push message; a panic with the value otherwise.
    pub fn elements(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Push(items) => items,
            other => panic!("expected an array, got {other:?}"),
        }
    }
}

/// One reply: the tree and the exact bytes it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub value: Value,
}

/// Reads replies from any stream of bytes and keeps what it has read ahead.
pub struct Reader<R> {
    source: R,
    buffer: Vec<u8>,
    at: usize,
}

impl<R: Read> Reader<R> {
    pub fn new(source: R) -> Self {
        Reader {
            source,
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// Whether bytes are at hand that no reply has used yet.
    pub fn has_unread(&self) -> bool {
        self.at < self.buffer.len()
    }

    /// The next reply. `UnexpectedEof` when the stream ended between two replies, `InvalidData` when what
    /// came is not RESP or ends in the middle of a reply. After a timeout the call may be repeated.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let start = self.at;
        match self.value() {
            Ok(value) => {
                let bytes = self.buffer[start..self.at].to_vec();
                self.buffer.drain(..self.at);
                self.at = 0;
                Ok(Reply { bytes, value })
            }
            Err(error) => {
                let cut_short = start < self.buffer.len();
                self.at = start;
                if error.kind() == io::ErrorKind::UnexpectedEof && cut_short {
                    let rest = self.buffer[start..].escape_ascii().to_string();
                    return Err(invalid(format!("the stream ended inside a reply: {rest}")));
                }
                Err(error)
            }
        }
    }

    /// All bytes until the end of the stream.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(self.buffer.split_off(std::mem::take(&mut self.at)))
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 64 * 1024];
        loop {
            match self.source.read(&mut chunk) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                // A reset is how a close shows when the server had unread input.
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Ok(0),
                Err(e) => return Err(e),
                Ok(n) => {
                    self.buffer.extend_from_slice(&chunk[..n]);
                    return Ok(n);
                }
            }
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.at < count {
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        self.at += count;
        Ok(self.buffer[self.at - count..self.at].to_vec())
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut seen = self.at;
        loop {
            let found = self.buffer[seen..].iter().position(|&b| b == b'\n');
            if let Some(end) = found.map(|i| seen + i) {
                let line = self.buffer[self.at..end].to_vec();
                self.at = end + 1;
                return match line.split_last() {
                    Some((b'\r', text)) if !text.contains(&b'\r') => Ok(text.to_vec()),
                    _ => Err(invalid(format!("a bad line: {}", line.escape_ascii()))),
                };
            }
            seen = self.buffer.len();
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn blob(&mut self, length: i64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(|_| invalid(format!("length {length}")))?;
        let mut text = self.take(length + 2)?;
        if !text.ends_with(b"\r\n") {
            return Err(invalid("a bulk string does not end in CRLF".into()));
        }
        text.truncate(length);
        Ok(text)
    }

    fn values(&mut self, count: i64) -> io::Result<Vec<Value>> {
        (0..count).map(|_| self.value()).collect()
    }

    fn pairs(&mut self, count: i64) -> io::Result<Vec<(Value, Value)>> {
        (0..count)
            .map(|_| Ok((self.value()?, self.value()?)))
            .collect()
    }

    fn value(&mut self) -> io::Result<Value> {
        let line = self.line()?;
        let Some((&kind, text)) = line.split_first() else {
            return Err(invalid("an empty line".into()));
        };
        let text = text.to_vec();
        Ok(match kind {
            b'+' => Value::Simple(text),
            b'-' => Value::Error(text),
            b',' => Value::Double(text),
            b'(' => Value::BigNumber(text),
            b':' => Value::Int(number(&text)?),
            b'#' if text == b"t" || text == b"f" => Value::Bool(text == b"t"),
            b'_' if text.is_empty() => Value::Null,
            b'$' if text == b"-1" => Value::NullBulk,
            b'*' if text == b"-1" => Value::NullArray,
            b'$' => Value::Bulk(self.blob(number(&text)?)?),
            b'*' => Value::Array(self.values(number(&text)?)?),
            b'~' => Value::Set(self.values(number(&text)?)?),
            b'>' => Value::Push(self.values(number(&text)?)?),
            b'%' => Value::Map(self.pairs(number(&text)?)?),
            b'|' => Value::Attribute(self.pairs(number(&text)?)?, Box::new(self.value()?)),
            b'=' => {
                let all = self.blob(number(&text)?)?;
                if all.get(3) != Some(&b':') {
                    return Err(invalid("a verbatim string without a format".into()));
                }
                Value::Verbatim(all[..3].to_vec(), all[4..].to_vec())
            }
            _ => return Err(invalid(format!("not a reply: {}", line.escape_ascii()))),
        })
    }
}

fn number(text: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or_else(|| invalid(format!("not a number: {}", text.escape_ascii())))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_takes_every_type_apart() {
        let bytes = b"%1\r\n+k\r\n*9\r\n:-7\r\n$-1\r\n*-1\r\n_\r\n#f\r\n,1.5\r\n(99\r\n=5\r\ntxt:a\r\n~1\r\n$2\r\n\r\n\r\n>1\r\n-E x\r\n";
        let mut reader = Reader::new(&bytes[..]);
        let map = reader.reply().unwrap();
        let push = reader.reply().unwrap();
        let inside = Value::Array(vec![
            Value::Int(-7),
            Value::NullBulk,
            Value::NullArray,
            Value::Null,
            Value::Bool(false),
            Value::Double(b"1.5".to_vec()),
            Value::BigNumber(b"99".to_vec()),
            Value::Verbatim(b"txt".to_vec(), b"a".to_vec()),
            Value::Set(vec![Value::Bulk(b"\r\n".to_vec())]),
        ]);
        assert_eq!(
            map.value,
            Value::Map(vec![(Value::Simple(b"k".to_vec()), inside)])
        );
        assert_eq!(push.value, Value::Push(vec![Value::Error(b"E x".to_vec())]));
        assert_eq!([map.bytes, push.bytes].concat(), bytes);
        let end = reader.reply().unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn the_reader_refuses_what_is_not_resp() {
        for bad in [
            "+OK\n",
            "?\r\n",
            "$2\r\nabc\r\n",
            ":x\r\n",
            "*2\r\n:1\r\n",
            "#x\r\n",
        ] {
            let error = Reader::new(bad.as_bytes()).reply().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{bad:?}");
        }
    }
}
