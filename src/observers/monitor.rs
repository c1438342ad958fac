//! The clients that see every command that runs (MONITOR).

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::clients::{Client, flag};
use crate::clock;
use crate::config::Config;
use crate::observers::Woken;
use crate::resp::Args;
use crate::types::quoting;

/// A command that has run.
pub struct Shown<'a> {
    /// Who sent it.
    pub client: &'a Client,
    /// The database that is selected now.
    pub database: usize,
    /// What was sent, the command's name first.
    pub args: Args<'a>,
    /// The places of arguments that nobody may see, and what is shown instead.
    pub secret: (&'a [usize], &'a [u8]),
}

/// All clients that are told of each command.
#[derive(Debug, Default)]
pub struct Monitors {
    /// Their number, to be read without the lock at each command.
    count: AtomicUsize,
    feed: Mutex<Feed>,
}

#[derive(Debug, Default)]
struct Feed {
    /// In the order in which they came.
    clients: Vec<Arc<Client>>,
    /// The line that is told, kept for its memory.
    line: Vec<u8>,
}

impl Monitors {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count.load(Relaxed) == 0
    }

    /// Adds a client, which is none of them yet.
    pub fn add(&self, client: &Arc<Client>) {
        let mut feed = self.feed.lock();
        feed.clients.push(client.clone());
        self.count.store(feed.clients.len(), Relaxed);
    }

    /// Removes a client: when this returns, it is told nothing any more.
    pub fn remove(&self, id: u64) {
        let mut feed = self.feed.lock();
        feed.clients.retain(|client| client.id != id);
        self.count.store(feed.clients.len(), Relaxed);
    }

    /// Tells all of them of a command, in one order for all. Called while the command's shards are still locked,
    /// so that the order of commands on a key is that of their effects.
    pub fn tell(&self, config: &Config, shown: &Shown<'_>, woken: &mut Woken) {
        let Feed { clients, line } = &mut *self.feed.lock();
        if clients.is_empty() {
            return;
        }
        line.clear();
        shown.write(line);
        for client in clients.iter().filter(|client| !client.has(flag::MUTE)) {
            client.post(config, woken, |_, out| out.extend_from_slice(line));
        }
        line.shrink_to(KEPT);
    }
}

/// Capacity of the line that is kept.
const KEPT: usize = 16 * 1024;

impl Shown<'_> {
    /// The line: when it ran, where, for whom, and what.
    fn write(&self, out: &mut Vec<u8>) {
        let now = clock::now().0;
        let (seconds, micros) = (now / 1_000_000, now % 1_000_000);
        let database = self.database;
        let (kind, address) = match self.client.has(flag::UNIX_SOCKET) {
            true => ("unix:", self.client.addr().trim_end_matches(":0")),
            false => ("", self.client.addr()),
        };
        // Writing to memory does not fail.
        let _ = write!(out, "+{seconds}.{micros:06} [{database} {kind}{address}]");
        let (places, instead) = self.secret;
        for (place, arg) in self.args.from(0).enumerate() {
            let arg = if places.contains(&place) {
                instead
            } else {
                arg
            };
            out.push(b' ');
            quoting::quote(arg, out);
        }
        out.extend_from_slice(b"\r\n");
    }
}
