//! The transaction that a session is in: what MULTI queues and EXEC takes.

use crate::commands::registry::Command;
use crate::commands::spec::Flags;
use crate::keyspace::ShardSet;
use crate::resp::Args;
use crate::resp::args::Slot;

/// Whether a session is inside MULTI.
#[derive(Default)]
pub enum Multi {
    /// It is not.
    #[default]
    None,
    /// It is, and the commands so far were accepted.
    Queuing(Box<Queue>),
    /// It is, and a command was refused: EXEC will answer EXECABORT.
    Doomed,
}

/// Commands waiting for EXEC. Their bytes are copied, because the read buffer moves on.
#[derive(Default)]
pub struct Queue {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    commands: Vec<Queued>,
    /// The shards of all their keys.
    pub shards: ShardSet,
    /// The union of their flags.
    pub flags: Flags,
    /// Whether one of them is to be measured by itself.
    measured: bool,
}

struct Queued {
    command: &'static Command,
    first_slot: u32,
}

impl Queue {
    /// Adds a command, of which the keys are hashed already.
    pub fn push(&mut self, command: &'static Command, args: Args<'_>, shards: ShardSet) {
        self.commands.push(Queued {
            command,
            first_slot: self.slots.len() as u32,
        });
        for (index, slot) in args.slots().iter().enumerate() {
            let start = self.bytes.len() as u32;
            self.bytes.extend_from_slice(args.get(index));
            self.slots.push(Slot { start, ..*slot });
        }
        self.shards = self.shards.union(shards);
        self.flags = self.flags.union(command.flags);
        self.measured |= args.len() >= command.measured_from;
    }

    /// Number of commands.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// How much EXEC has to do: the number of commands, or any amount if one of them may have much to do.
    pub fn work(&self) -> usize {
        if self.measured {
            usize::MAX
        } else {
            self.commands.len()
        }
    }

    /// Whether nothing was queued.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Bytes of the arguments.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What the arguments count against `client-query-buffer-limit`: their bytes, and a pointer each
    /// as in Redis.
    pub fn argument_memory(&self) -> usize {
        self.bytes.len() + self.slots.len() * size_of::<usize>()
    }

    /// The commands in order, with their arguments.
    pub fn commands(&self) -> impl Iterator<Item = (&'static Command, Args<'_>)> {
        let ends = self
            .commands
            .iter()
            .skip(1)
            .map(|next| next.first_slot as usize)
            .chain([self.slots.len()]);
        self.commands.iter().zip(ends).map(|(queued, end)| {
            (
                queued.command,
                Args::new(&self.bytes, &self.slots[queued.first_slot as usize..end]),
            )
        })
    }

    /// Empties the queue and keeps its memory, unless that is large.
    pub fn clear(&mut self) {
        if self.bytes.capacity() > 16 * 1024 || self.slots.capacity() > 1024 {
            *self = Queue::default();
        } else {
            self.bytes.clear();
            self.slots.clear();
            self.commands.clear();
            self.shards = ShardSet::NONE;
            self.flags = Flags::NONE;
            self.measured = false;
        }
    }
}

impl Multi {
    /// Whether the session is inside MULTI.
    #[inline]
    pub fn is_active(&self) -> bool {
        !matches!(self, Multi::None)
    }

    /// [`Queue::argument_memory`] of what is queued.
    #[inline]
    pub fn argument_memory(&self) -> usize {
        match self {
            Multi::Queuing(queue) => queue.argument_memory(),
            Multi::None | Multi::Doomed => 0,
        }
    }

    /// An error while queuing: EXEC will answer EXECABORT. No effect outside MULTI.
    pub fn doom(&mut self) {
        if self.is_active() {
            *self = Multi::Doomed;
        }
    }
}

/// Empty queues to use again, so that a short transaction allocates nothing.
// Boxed, because that is how a session holds a queue: most sessions have none.
#[allow(clippy::vec_box)]
#[derive(Default)]
pub struct Queues(parking_lot::Mutex<Vec<Box<Queue>>>);

impl Queues {
    /// Queues kept at most.
    const MOST: usize = 64;

    /// An empty queue.
    pub fn take(&self) -> Box<Queue> {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Takes a queue back.
    pub fn give(&self, mut queue: Box<Queue>) {
        queue.clear();
        let mut queues = self.0.lock();
        if queues.len() < Self::MOST {
            queues.push(queue);
        }
    }
}
