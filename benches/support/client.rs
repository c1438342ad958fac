//! A blocking connection, for everything that is not measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::Result;
use super::request::push_command;
use super::scan::Scanner;

/// Bytes of requests written before their replies are read. The replies must fit into the socket's buffers meanwhile.
const CHUNK: usize = 64 * 1024;

/// A server that is silent for this long counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client(TcpStream);

impl Client {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// The bare connection, to be kept open.
    pub fn into_stream(self) -> TcpStream {
        self.0
    }

    /// Sends one command and returns its raw reply. An error reply is an error.
    pub fn command(&mut self, arguments: &[&[u8]]) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        push_command(&mut bytes, arguments);
        self.exchange(&bytes, 1)
    }

    /// Like [`Client::command`], for a reply that is an integer.
    pub fn integer(&mut self, arguments: &[&[u8]]) -> Result<u64> {
        let reply = String::from_utf8(self.command(arguments)?)?;
        let number = reply.strip_prefix(':').map(str::trim_end);
        let number = number.ok_or_else(|| format!("an integer was expected, not {reply:?}"))?;
        Ok(number.parse()?)
    }

    /// The number in the line `field:number` of INFO, if there is such a line.
    pub fn info(&mut self, field: &str) -> Result<Option<u64>> {
        let reply = String::from_utf8_lossy(&self.command(&[b"INFO"])?).into_owned();
        let mut lines = reply.lines().filter_map(|line| line.split_once(':'));
        let value = lines.find(|(name, _)| *name == field);
        Ok(value.and_then(|(_, value)| value.trim().parse().ok()))
    }

    /// Sends the commands that `request` appends for 0 to `count` - 1, one each, many per write.
    pub fn fill(&mut self, count: u64, mut request: impl FnMut(u64, &mut Vec<u8>)) -> Result<()> {
        let mut bytes = Vec::with_capacity(2 * CHUNK);
        let mut waiting = 0;
        for n in 0..count {
            request(n, &mut bytes);
            waiting += 1;
            if bytes.len() >= CHUNK || n + 1 == count {
                self.exchange(&bytes, waiting)?;
                bytes.clear();
                waiting = 0;
            }
        }
        Ok(())
    }

    fn exchange(&mut self, bytes: &[u8], replies: u64) -> Result<Vec<u8>> {
        self.0.write_all(bytes)?;
        let mut scanner = Scanner::default();
        let mut answer = Vec::new();
        let mut scanned = 0;
        let mut buffer = [0; 64 * 1024];
        while scanner.replies < replies {
            let count = self.0.read(&mut buffer)?;
            if count == 0 {
                return Err("the server closed the connection".into());
            }
            answer.extend_from_slice(&buffer[..count]);
            scanned += scanner.feed(&answer[scanned..])?;
        }
        match scanner.first_error {
            Some(error) => Err(format!("error reply: {error}").into()),
            None => Ok(answer),
        }
    }
}
