//! A raw, blocking client: sends exact bytes, returns exact replies.

use super::resp::{Reader, Reply, Value};
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take before a test gives up on it. Generous: it only bounds a hang. A recorder does
/// not know where a reply is due, and must not wait long to learn that none comes.
pub fn patience() -> Duration {
    match std::env::var_os("REDOUBLE_RECORD") {
        Some(_) => Duration::from_millis(700),
        None => Duration::from_secs(30),
    }
}

/// One connection to a server.
pub struct Client {
    stream: TcpStream,
    reader: Reader<TcpStream>,
}

/// The request as an array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        let arg = arg.as_ref();
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

impl Client {
    /// Connects; panics when nobody listens.
    pub fn connect(address: SocketAddr) -> Client {
        Client::try_connect(address).unwrap_or_else(|e| panic!("connect to {address}: {e}"))
    }

    /// Connects, or says why not.
    pub fn try_connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience()))?;
        let reader = Reader::new(stream.try_clone()?);
        Ok(Client { stream, reader })
    }

    /// Connects and, for protocol 3, says HELLO 3.
    pub fn connect_as(address: SocketAddr, protocol: u8) -> Client {
        let mut client = Client::connect(address);
        if protocol == 3 {
            let hello = client.call(&["HELLO", "3"]);
            assert!(matches!(hello, Value::Map(_)), "HELLO 3 gave {hello:?}");
        }
        client
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one request as an array of bulk strings.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        self.send_raw(&encode(args))
    }

    /// Sends one inline request; the line end is added.
    pub fn send_inline(&mut self, line: &str) -> io::Result<()> {
        self.send_raw(format!("{line}\r\n").as_bytes())
    }

    /// The next reply, as [`Reader::reply`] gives it.
    pub fn try_read(&mut self) -> io::Result<Reply> {
        self.reader.reply()
    }

    /// The next reply; panics when none comes.
    pub fn read(&mut self) -> Value {
        self.try_read().expect("a reply").value
    }

    /// Sends a request and reads its reply.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.send(args).expect("the request is sent");
        self.read()
    }

    /// As [`Client::call`] for a request written as words; panics on an error reply.
    pub fn ok(&mut self, words: &str) -> Value {
        let args: Vec<&str> = words.split_whitespace().collect();
        let reply = self.call(&args);
        assert!(!reply.is_error(), "{words}: {reply:?}");
        reply
    }

    /// Whether nothing arrives for `time`.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        if self.reader.has_unread() {
            return false;
        }
        self.stream.set_read_timeout(Some(time)).expect("timeout");
        let outcome = self.stream.peek(&mut [0]);
        self.stream
            .set_read_timeout(Some(patience()))
            .expect("timeout");
        matches!(outcome, Err(e) if is_timeout(&e))
    }

    /// Whether the server closes the connection without another byte.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.try_read(), Err(e) if e.kind() == io::ErrorKind::UnexpectedEof)
    }

    /// Everything until the server closes.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        self.reader.rest()
    }

    /// As [`Client::finish_sending`], where the server may have closed already.
    pub fn finish_sending_if_open(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Goes as a program does that is killed with replies unread: the connection is reset.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).expect("linger");
    }

    /// Says that this side will send nothing more; replies can still be read.
    pub fn finish_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("half close");
    }
}

/// Whether a read gave up because its time was over.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
