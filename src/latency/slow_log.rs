//! The slow log: the last commands that took long, each with its arguments and its client.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::clients::Client;
use crate::clock::Micros;
use crate::commands::registry::Command;
use crate::commands::secrets;
use crate::config::Config;
use crate::resp::Args;

/// Arguments that an entry keeps at most; the last of them then says how many more there were.
const MOST_ARGS: usize = 32;

/// Bytes of an argument that an entry keeps.
const MOST_BYTES: usize = 128;

/// One command that took long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unique, ascending from 0; SLOWLOG RESET does not begin anew.
    pub id: u64,
    /// When it ended, in Unix seconds.
    pub seconds: i64,
    /// How long it took.
    pub micros: u64,
    /// The command's arguments, cut short.
    pub args: Vec<Box<[u8]>>,
    /// The client's address.
    pub addr: Box<str>,
    /// The client's name.
    pub name: Box<[u8]>,
}

/// All entries.
#[derive(Debug, Default)]
pub struct SlowLog(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// The newest first.
    kept: VecDeque<Entry>,
    next_id: u64,
}

impl SlowLog {
    /// Adds an entry in front, and drops the oldest of more than `most`.
    pub fn add(
        &self,
        (command, args): (&Command, Args<'_>),
        client: &Client,
        (now, micros): (Micros, u64),
        most: usize,
    ) {
        let args = shown(command, args);
        let mut entries = self.0.lock();
        let id = entries.next_id;
        entries.next_id += 1;
        entries.kept.push_front(Entry {
            id,
            seconds: now.seconds(),
            micros,
            args,
            addr: client.addr().into(),
            name: client.names().name.into(),
        });
        entries.kept.truncate(most);
    }

    /// After the settings have changed: drops the oldest entries if there may no longer be as many. As in
    /// Redis, a log that is switched off keeps them.
    pub fn trim(&self, config: &Config) {
        if config.slowlog_log_slower_than() >= 0 && config.slowlog_max_len() > 0 {
            self.0.lock().kept.truncate(config.slowlog_max_len());
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.lock().kept.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The newest `most` entries, the newest first.
    pub fn newest(&self, most: usize) -> Vec<Entry> {
        self.0.lock().kept.iter().take(most).cloned().collect()
    }

    /// Drops all entries.
    pub fn reset(&self) {
        self.0.lock().kept.clear();
    }
}

/// The arguments as an entry keeps them.
fn shown(command: &Command, args: Args<'_>) -> Vec<Box<[u8]>> {
    let secret = secrets::places(command, args);
    let count = args.len().min(MOST_ARGS);
    let whole = if args.len() > MOST_ARGS {
        count - 1
    } else {
        count
    };
    let mut shown: Vec<Box<[u8]>> = (0..whole)
        .map(|index| match secret.contains(&index) {
            true => secrets::REDACTED.into(),
            false => cut(args.get(index)),
        })
        .collect();
    if whole < count {
        let more = args.len() - whole;
        shown.push(format!("... ({more} more arguments)").into_bytes().into());
    }
    shown
}

fn cut(arg: &[u8]) -> Box<[u8]> {
    match arg.split_at_checked(MOST_BYTES) {
        Some((kept, rest)) if !rest.is_empty() => {
            let note = format!("... ({} more bytes)", rest.len());
            [kept, note.as_bytes()].concat().into()
        }
        _ => arg.into(),
    }
}
