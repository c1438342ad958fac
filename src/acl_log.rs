//! What was refused of late, as ACL LOG shows it: passwords that were wrong.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::clock::Millis;

/// Milliseconds within which the same refusals count as one entry, as in Redis.
const TOGETHER: Millis = 60_000;

/// Entries that are compared with a new refusal, as in Redis.
const COMPARED: usize = 10;

/// A refusal, or several of the same kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Ascending from 0, and never used again.
    pub id: u64,
    /// How many refusals.
    pub count: u64,
    /// Whether EXEC ran the command.
    pub in_exec: bool,
    /// The command, as it was sent.
    pub object: Box<[u8]>,
    /// Who the client wanted to be.
    pub user: Box<[u8]>,
    /// The client, as CLIENT LIST describes it, at the last of them.
    pub client: String,
    /// When the first of them was.
    pub created: Millis,
    /// When the last of them was.
    pub updated: Millis,
}

/// The entries, the newest first.
#[derive(Debug, Default)]
pub struct AclLog(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl AclLog {
    /// Adds a refusal, and keeps `most` entries at most.
    pub fn add(&self, most: usize, mut new: Entry) {
        let mut log = self.0.lock();
        let same = |entry: &Entry| {
            entry.in_exec == new.in_exec
                && new.updated.abs_diff(entry.updated) <= TOGETHER.unsigned_abs()
                && entry.object == new.object
                && entry.user == new.user
        };
        let known = log.entries.iter().take(COMPARED).position(same);
        match known.and_then(|at| log.entries.remove(at)) {
            Some(known) if most > 0 => log.entries.push_front(Entry {
                id: known.id,
                count: known.count + 1,
                created: known.created,
                ..new
            }),
            _ => {
                new.id = log.next_id;
                log.next_id += u64::from(most > 0);
                log.entries.push_front(new);
            }
        }
        log.entries.truncate(most);
    }

    /// Up to `count` entries, the newest first.
    pub fn newest(&self, count: usize) -> Vec<Entry> {
        self.0.lock().entries.iter().take(count).cloned().collect()
    }

    /// ACL LOG RESET.
    pub fn clear(&self) {
        self.0.lock().entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(user: &str, at: Millis) -> Entry {
        Entry {
            id: 0,
            count: 1,
            in_exec: false,
            object: b"AUTH".as_slice().into(),
            user: user.as_bytes().into(),
            client: format!("at {at}"),
            created: at,
            updated: at,
        }
    }

    /// Ids, counts and times of the entries.
    fn shown(log: &AclLog) -> Vec<(u64, u64, Millis, Millis)> {
        let entries = log.newest(usize::MAX);
        let shown = entries
            .iter()
            .map(|e| (e.id, e.count, e.created, e.updated));
        shown.collect()
    }

    #[test]
    fn the_same_refusal_within_a_minute_is_counted() {
        let log = AclLog::default();
        log.add(8, refusal("a", 1_000));
        log.add(8, refusal("b", 2_000));
        log.add(8, refusal("a", 61_000));
        assert_eq!(shown(&log), [(0, 2, 1_000, 61_000), (1, 1, 2_000, 2_000)]);
        assert_eq!(log.newest(1)[0].client, "at 61000");
        log.add(8, refusal("b", 62_001));
        log.add(
            8,
            Entry {
                in_exec: true,
                ..refusal("a", 62_001)
            },
        );
        assert_eq!(
            shown(&log)[..2],
            [(3, 1, 62_001, 62_001), (2, 1, 62_001, 62_001)]
        );
        log.clear();
        assert!(shown(&log).is_empty());
        log.add(8, refusal("a", 63_000));
        assert_eq!(shown(&log), [(4, 1, 63_000, 63_000)]);
    }

    #[test]
    fn only_so_many_are_kept_and_compared() {
        let log = AclLog::default();
        for number in 0..12 {
            log.add(11, refusal(&number.to_string(), number));
        }
        assert_eq!((shown(&log).len(), shown(&log)[10].0), (11, 1));
        // The first is past the ten that are compared.
        log.add(11, refusal("1", 20));
        assert_eq!(shown(&log)[0], (12, 1, 20, 20));
        log.add(0, refusal("1", 21));
        assert!(shown(&log).is_empty());
        log.add(1, refusal("1", 22));
        assert_eq!(shown(&log), [(13, 1, 22, 22)]);
    }
}
