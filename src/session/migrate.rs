//! How keys go to another server: MIGRATE's talk with it.
//!
//! The command has read the keys and marked them ([`Marks`]), and its client waits. The talk is a task of its
//! own, because it goes on if the client leaves: what the other server has taken must not stay here. Nothing is
//! locked meanwhile. Then those keys are removed that were taken and are still what they were.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::clients::{Client, signal};
use crate::commands::registry;
use crate::error::Error;
use crate::keyspace::marks::Marks;
use crate::session::connection::Worker;
use crate::transaction::migrate;

/// Bytes that are sent at once.
const CHUNK: usize = 64 * 1024;

/// Most bytes of a line of the other server's that are looked at.
const LONGEST_LINE: usize = 1023;

/// Keys on their way.
pub struct Migration {
    /// Where to.
    pub host: String,
    /// The port, of which the lowest 16 bits count; none if negative.
    pub port: i64,
    /// How long each step may take.
    pub patience: Duration,
    /// Everything that is sent: AUTH and SELECT, if they are, and a RESTORE for each key.
    pub request: Vec<u8>,
    /// How many requests go before RESTORE.
    pub preamble: usize,
    /// How many keys are sent.
    pub keys: usize,
    /// The keys, unless they stay here.
    pub marks: Option<Marks>,
    answer: OnceLock<Result<(), Error>>,
}

impl std::fmt::Debug for Migration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let target = (&self.host, self.port);
        f.debug_tuple("Migration").field(&target).finish()
    }
}

impl Migration {
    /// A migration that has not begun, to a server, with patience for each of its steps.
    pub fn new(host: String, port: i64, patience: Duration) -> Self {
        Migration {
            host,
            port,
            patience,
            request: Vec::new(),
            preamble: 0,
            keys: 0,
            marks: None,
            answer: OnceLock::new(),
        }
    }

    /// What the client is to be answered, once that is known.
    pub fn answer(&self) -> Option<&Result<(), Error>> {
        self.answer.get()
    }
}

/// Why a talk ended early.
enum Failure {
    Connecting,
    Writing(bool),
    Reading(bool),
}

impl Failure {
    fn error(&self) -> Error {
        Error::Static(match self {
            Failure::Connecting => "IOERR error or timeout connecting to the client",
            Failure::Writing(_) => "IOERR error or timeout writing to target instance",
            Failure::Reading(_) => "IOERR error or timeout reading to target instance",
        })
    }

    /// Whether another attempt may help: as in Redis, unless time ran out.
    fn may_retry(&self) -> bool {
        matches!(self, Failure::Writing(false) | Failure::Reading(false))
    }
}

/// What came of a talk.
#[derive(Default)]
struct Talk {
    /// How many replies to RESTORE came.
    replies: usize,
    /// Whether each of these keys was taken.
    taken: Vec<bool>,
    /// The first error that the other server answered.
    refusal: Option<Error>,
}

/// Talks with the other server, removes what it has taken, and wakes the client.
pub async fn run(worker: Rc<Worker>, migration: Arc<Migration>, client: Arc<Client>) {
    let (mut talk, mut outcome) = attempt(&migration).await;
    if talk.replies == 0 && outcome.as_ref().is_err_and(Failure::may_retry) {
        (talk, outcome) = attempt(&migration).await;
    }
    let (server, stats) = (&*worker.server, worker.stats());
    let changed = match &migration.marks {
        Some(marks) => migrate::remove_taken(server, stats, client.id, marks, &talk.taken),
        None => 0,
    };
    let answer = match (talk.refusal, outcome) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(failure)) => Err(failure.error()),
        (None, Ok(())) if changed > 0 => Err(Error::text(format!(
            "ERR {changed} of the keys changed while they were migrated, and are still here"
        ))),
        (None, Ok(())) => Ok(()),
    };
    if let Err(error) = &answer {
        stats.count_error(&error.code());
        if let Some(command) = registry::lookup(b"migrate") {
            stats.commands[command.id].failed.add(1);
        }
    }
    // Nobody else sets it.
    let _ = migration.answer.set(answer);
    client.signal(signal::RESUME);
}

async fn attempt(migration: &Migration) -> (Talk, Result<(), Failure>) {
    let mut talk = Talk::default();
    let outcome = talk_with(migration, &mut talk).await;
    (talk, outcome)
}

async fn talk_with(migration: &Migration, talk: &mut Talk) -> Result<(), Failure> {
    let mut socket = connect(migration).await?;
    // The requests go out as they are anyway.
    let _ = socket.set_nodelay(true);
    for chunk in migration.request.chunks(CHUNK) {
        match timeout(migration.patience, socket.write_all(chunk)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Failure::Writing(false)),
            Err(_) => return Err(Failure::Writing(true)),
        }
    }
    let mut lines = Lines {
        socket,
        patience: migration.patience,
        bytes: Vec::new(),
    };
    let mut refused = None;
    for _ in 0..migration.preamble {
        let line = lines.next().await?;
        refused = refused.or_else(|| refusal(&line));
    }
    for _ in 0..migration.keys {
        let line = lines.next().await?;
        talk.replies += 1;
        let error = refused.clone().or_else(|| refusal(&line));
        talk.taken.push(error.is_none());
        if talk.refusal.is_none() {
            talk.refusal = error;
        }
    }
    Ok(())
}

/// Connects. As in Redis, whoever refuses that is said to have refused what was written.
async fn connect(migration: &Migration) -> Result<TcpStream, Failure> {
    if migration.port < 0 {
        return Err(Failure::Connecting);
    }
    let target = (migration.host.as_str(), migration.port as u16);
    let connecting = async {
        let found = lookup_host(target).await.map_err(|_| Failure::Connecting)?;
        let found: Vec<_> = found.collect();
        let connected = TcpStream::connect(&found[..]).await;
        connected.map_err(|_| Failure::Writing(false))
    };
    let connected = timeout(migration.patience, connecting).await;
    connected.unwrap_or(Err(Failure::Connecting))
}

/// The error for a line that is one.
fn refusal(line: &[u8]) -> Option<Error> {
    let text = line.strip_prefix(b"-")?;
    Some(Error::quoting(
        "ERR Target instance replied with error: ",
        text,
        "",
    ))
}

/// Lines that another server sends.
struct Lines {
    socket: TcpStream,
    patience: Duration,
    bytes: Vec<u8>,
}

impl Lines {
    /// The next line, without its end.
    async fn next(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.bytes) {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                return Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec());
            }
            if self.bytes.len() > LONGEST_LINE {
                return Err(Failure::Reading(false));
            }
            let mut buffer = [0; 4096];
            let read = timeout(self.patience, self.socket.read(&mut buffer)).await;
            let read = read.map_err(|_| Failure::Reading(true))?;
            match read {
                Ok(0) => return Err(Failure::Reading(false)),
                Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
                Err(error) => {
                    return Err(Failure::Reading(error.kind() == io::ErrorKind::TimedOut));
                }
            }
        }
    }
}
