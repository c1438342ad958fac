//! What the connections of one worker thread share: a read buffer, and buffers that are empty.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::commands::registry::Command;
use crate::keyspace::ShardSet;
use crate::latency::timer::Notes;
use crate::resp::args::Slot;
use crate::server::Server;
use crate::stats::WorkerStats;

/// Bytes read at once.
pub(super) const READ_SIZE: usize = 64 * 1024;

/// Bytes of empty buffers that a worker keeps for the next connections that need one. They count as used
/// memory, and so against `maxmemory`.
const SPARE_BYTES: usize = 1024 * 1024;

/// Number of empty buffers that a worker keeps at most.
const SPARE_BUFFERS: usize = 64;

/// What the connections of one worker thread share.
pub struct Worker {
    /// The server.
    pub server: Arc<Server>,
    /// How often the runtime has looked for input since the server's end began.
    pub last_turns: Cell<u32>,
    pub(super) index: usize,
    pub(super) scratch: RefCell<Scratch>,
    spare: RefCell<Spare>,
}

/// Empty buffers to use again.
#[derive(Default)]
struct Spare {
    buffers: Vec<Vec<u8>>,
    /// The sum of their capacities.
    bytes: usize,
}

pub(super) struct Scratch {
    pub(super) buffer: Box<[u8]>,
    pub(super) batch: Batch,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) slots: Vec<Slot>,
    pub(super) requests: Vec<Ahead>,
    pub(super) notes: Notes,
}

/// A request that was parsed and has not run yet.
pub(super) struct Ahead {
    pub(super) command: Option<&'static Command>,
    pub(super) shards: ShardSet,
    pub(super) slots: std::ops::Range<usize>,
    /// Where the next request begins.
    pub(super) end: usize,
}

impl Worker {
    /// Worker `index` of the server.
    pub fn new(server: Arc<Server>, index: usize) -> Self {
        let scratch = Scratch {
            buffer: vec![0; READ_SIZE].into(),
            batch: Batch::default(),
        };
        Worker {
            server,
            last_turns: Cell::new(0),
            index,
            scratch: RefCell::new(scratch),
            spare: RefCell::default(),
        }
    }

    /// The worker's counters.
    pub fn stats(&self) -> &WorkerStats {
        self.server.stats.worker(self.index)
    }

    pub(super) fn take_buffer(&self) -> Vec<u8> {
        let spare = &mut *self.spare.borrow_mut();
        let buffer = spare.buffers.pop().unwrap_or_default();
        spare.bytes -= buffer.capacity();
        buffer
    }

    pub(super) fn give_buffer(&self, mut buffer: Vec<u8>) {
        let spare = &mut *self.spare.borrow_mut();
        let bytes = spare.bytes + buffer.capacity();
        if bytes <= SPARE_BYTES && spare.buffers.len() < SPARE_BUFFERS {
            buffer.clear();
            spare.bytes = bytes;
            spare.buffers.push(buffer);
        }
    }
}
