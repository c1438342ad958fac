//! Which cores the server and the load run on.

use super::sys;

/// Where the server and the load run. Empty lists leave them unpinned.
pub struct Cores {
    pub server: Vec<usize>,
    pub load: Vec<usize>,
}

impl Cores {
    /// One thread of ours: the server on the first core, the load on the second. More: both on the same two cores.
    pub fn of(threads: usize) -> Self {
        let (server, load): (&[usize], &[usize]) = match (threads, sys::allowed_cores().as_slice())
        {
            (_, [] | [_]) => (&[], &[]),
            (1, [first, second, ..]) => (&[*first], &[*second]),
            (_, [first, second, ..]) => (&[*first, *second], &[*first, *second]),
        };
        Self {
            server: server.to_vec(),
            load: load.to_vec(),
        }
    }

    /// The same for a table's title.
    pub fn text(&self, threads: usize) -> String {
        match (threads, self.server.as_slice(), self.load.as_slice()) {
            (_, [], _) => "nothing pinned".to_owned(),
            (1, server, load) => format!("server on core {server:?}, load on core {load:?}"),
            (_, server, _) => format!("server and load share cores {server:?}"),
        }
    }
}
