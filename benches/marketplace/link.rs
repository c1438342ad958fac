//! A blocking connection that reads whole replies: what a client library is, and the same for every server.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::Result;
use crate::support::client::PATIENCE;
use crate::support::request::push_command;

/// A reply in RESP2.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    Status(String),
    Error(String),
    Integer(i64),
    Text(String),
    Null,
    Array(Vec<Reply>),
}

impl Reply {
    pub fn integer(&self) -> Result<i64> {
        match self {
            Self::Integer(number) => Ok(*number),
            other => Err(format!("an integer was expected, not {other:?}").into()),
        }
    }

    /// The text; None for a null.
    pub fn text(self) -> Result<Option<String>> {
        match self {
            Self::Text(text) => Ok(Some(text)),
            Self::Null => Ok(None),
            other => Err(format!("a text was expected, not {other:?}").into()),
        }
    }

    pub fn array(self) -> Result<Vec<Reply>> {
        match self {
            Self::Array(items) => Ok(items),
            other => Err(format!("an array was expected, not {other:?}").into()),
        }
    }

    /// An array of texts.
    pub fn texts(self) -> Result<Vec<String>> {
        let text = |item: Reply| item.text()?.ok_or_else(|| "a null among texts".into());
        self.array()?.into_iter().map(text).collect()
    }

    /// The first error in this reply, wherever it is.
    fn error(&self) -> Option<&str> {
        match self {
            Self::Error(text) => Some(text),
            Self::Array(items) => items.iter().find_map(Self::error),
            _ => None,
        }
    }
}

/// Reads one reply.
pub fn read(input: &mut impl BufRead) -> Result<Reply> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let text = line
        .strip_suffix("\r\n")
        .ok_or("the server closed the connection, or sent something that is not RESP2")?;
    let (Some(kind), Some(rest)) = (text.get(..1), text.get(1..)) else {
        return Err("an empty line is not RESP2".into());
    };
    Ok(match kind {
        "+" => Reply::Status(rest.to_owned()),
        "-" => Reply::Error(rest.to_owned()),
        ":" => Reply::Integer(rest.parse()?),
        "$" | "*" if rest == "-1" => Reply::Null,
        "$" => {
            let length: u32 = rest.parse()?;
            let mut bytes = vec![0; length as usize + 2];
            input.read_exact(&mut bytes)?;
            bytes.truncate(length as usize);
            Reply::Text(String::from_utf8(bytes)?)
        }
        "*" => {
            let count: u32 = rest.parse()?;
            let items = (0..count).map(|_| read(input));
            Reply::Array(items.collect::<Result<_>>()?)
        }
        _ => return Err(format!("not RESP2: {text:?}").into()),
    })
}

pub struct Link {
    stream: TcpStream,
    input: BufReader<TcpStream>,
    request: Vec<u8>,
}

impl Link {
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            input: BufReader::with_capacity(64 * 1024, stream.try_clone()?),
            stream,
            request: Vec::new(),
        })
    }

    /// Sends one command and waits for its reply. An error in the reply is an error.
    pub fn ask(&mut self, command: &[&str]) -> Result<Reply> {
        self.push(command);
        self.send()?;
        self.receive()
    }

    /// Sends WATCH of `keys` and the reads behind it in one write, and returns what the reads answered. WATCH runs first,
    /// so that whatever the reads see is watched.
    pub fn watch<const N: usize>(
        &mut self,
        keys: &[&str],
        reads: [&[&str]; N],
    ) -> Result<[Reply; N]> {
        self.push(&[&["WATCH"], keys].concat());
        for read in reads {
            self.push(read);
        }
        self.send()?;
        self.expect("OK")?;
        let mut replies = [const { Reply::Null }; N];
        for reply in &mut replies {
            *reply = self.receive()?;
        }
        Ok(replies)
    }

    /// Sends MULTI, the commands and EXEC in one write. None if EXEC gave a null: what was watched has changed.
    pub fn transaction(&mut self, commands: &[&[&str]]) -> Result<Option<Vec<Reply>>> {
        self.push(&["MULTI"]);
        for command in commands {
            self.push(command);
        }
        self.push(&["EXEC"]);
        self.send()?;
        self.expect("OK")?;
        for _ in commands {
            self.expect("QUEUED")?;
        }
        match self.receive()? {
            Reply::Null => Ok(None),
            reply => {
                let replies = reply.array()?;
                if replies.len() != commands.len() {
                    return Err(format!("EXEC of {commands:?} answered {replies:?}").into());
                }
                Ok(Some(replies))
            }
        }
    }

    /// For a command that is answered with a status.
    pub fn command(&mut self, command: &[&str]) -> Result<()> {
        self.push(command);
        self.send()?;
        self.expect("OK")
    }

    fn push(&mut self, command: &[&str]) {
        let arguments: Vec<&[u8]> = command.iter().map(|text| text.as_bytes()).collect();
        push_command(&mut self.request, &arguments);
    }

    fn send(&mut self) -> Result<()> {
        self.stream.write_all(&self.request)?;
        self.request.clear();
        Ok(())
    }

    fn receive(&mut self) -> Result<Reply> {
        let reply = read(&mut self.input)?;
        match reply.error() {
            Some(text) => Err(format!("error reply: {text}").into()),
            None => Ok(reply),
        }
    }

    fn expect(&mut self, status: &str) -> Result<()> {
        match self.receive()? {
            Reply::Status(text) if text == status => Ok(()),
            reply => Err(format!("{status} was expected, not {reply:?}").into()),
        }
    }
}
