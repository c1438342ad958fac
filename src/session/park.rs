//! How a client waits: a blocking command, a pause or a sleep ends the run of its commands, and what
//! it sent meanwhile stays unread until the wait is over.

use std::sync::Arc;

use crate::clients::signal;
use crate::clock::Micros;
use crate::commands::registry::Command;
use crate::error::Error;
use crate::keyspace::blocked::Waiter;
use crate::resp::args::Slot;
use crate::resp::{Args, Reply};
use crate::session::migrate::Migration;
use crate::stats::WorkerStats;

/// The command that waits, to be noted when it is answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// The command.
    pub command: &'static Command,
    buffer: Box<[u8]>,
    slots: Box<[Slot]>,
    /// When it began.
    pub began: Micros,
    /// Microseconds that it took until it waited.
    pub spent: u64,
}

impl Call {
    /// A command that began at some moment, and took some microseconds until it waited.
    pub fn new(command: &'static Command, args: Args<'_>, began: Micros, spent: u64) -> Self {
        let (buffer, slots) = args.to_owned_parts();
        Call {
            command,
            buffer,
            slots,
            began,
            spent,
        }
    }

    /// The command's arguments.
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.slots)
    }
}

/// For what a client waits.
#[derive(Clone, Debug)]
pub enum Wait {
    /// A blocking command: until another client brings what it wants, or a moment in Unix microseconds.
    Keys {
        /// How others see it.
        waiter: Arc<Waiter>,
        /// `None`: for ever.
        until: Option<i64>,
    },
    /// WAIT or WAITAOF: for replicas, of which there are none, until a moment in Unix microseconds.
    Replicas {
        /// `None`: for ever.
        until: Option<i64>,
        /// Writes what is answered then.
        answer: fn(&mut Reply<'_>),
        /// What waits; noted once the command has run.
        call: Option<Box<Call>>,
    },
    /// DEBUG SLEEP: until a moment in Unix microseconds.
    Sleep {
        /// The end.
        until: i64,
        /// What waits; noted once the command has run.
        call: Option<Box<Call>>,
    },
    /// MIGRATE: until another server has answered, or has not.
    Migration {
        /// What it answers, in the end.
        migration: Arc<Migration>,
        /// What waits; noted once the command has run.
        call: Option<Box<Call>>,
    },
    /// CLIENT PAUSE, or another client's DEBUG SLEEP: the command is then tried again.
    Postponed {
        /// The end as it is set now, in Unix microseconds.
        until: i64,
    },
}

/// What to do with a client that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Wait on.
    Wait,
    /// Go on with the next command; the reply is written.
    Next,
    /// As `Next`: another client has ended the wait by serving it, and the reply is in the inbox.
    Served,
    /// Try the same command again.
    Again,
}

impl Wait {
    /// The moment at which the wait ends by itself, in Unix microseconds.
    pub fn until(&self) -> Option<i64> {
        match self {
            Wait::Keys { until, .. } | Wait::Replicas { until, .. } => *until,
            Wait::Sleep { until, .. } | Wait::Postponed { until } => Some(*until),
            // It has time limits of its own.
            Wait::Migration { .. } => None,
        }
    }

    /// Whether CLIENT UNBLOCK ends it.
    pub fn is_blocking_command(&self) -> bool {
        matches!(self, Wait::Keys { .. } | Wait::Replicas { .. })
    }

    /// Counts the error with which CLIENT UNBLOCK ended the wait.
    pub fn count_unblock_error(&self, stats: &WorkerStats) {
        stats.count_error("UNBLOCKED");
        let command = match self {
            Wait::Keys { waiter, .. } => waiter.command,
            Wait::Replicas {
                call: Some(call), ..
            } => call.command.id,
            _ => return,
        };
        stats.commands[command].failed.add(1);
    }

    /// Looks whether the wait is over at `now`, given the signals that came, and answers if it is.
    pub fn check(&self, now: i64, signals: u8, reply: &mut Reply<'_>) -> Verdict {
        let timed_out = self.until().is_some_and(|until| now >= until);
        match self {
            Wait::Keys { .. } | Wait::Replicas { .. } => {
                if let Wait::Keys { waiter, .. } = self
                    && waiter.is_answered()
                {
                    return Verdict::Served;
                }
                if signals & signal::UNBLOCK_ERROR != 0 {
                    reply.error(&Error::Static(
                        "UNBLOCKED client unblocked via CLIENT UNBLOCK",
                    ));
                } else if timed_out || signals & signal::UNBLOCK_TIMEOUT != 0 {
                    match self {
                        Wait::Replicas { answer, .. } => answer(reply),
                        _ => reply.null_array(),
                    }
                } else {
                    return Verdict::Wait;
                }
                Verdict::Next
            }
            Wait::Sleep { .. } if timed_out => {
                reply.ok();
                Verdict::Next
            }
            Wait::Migration { migration, .. } => match migration.answer() {
                Some(Ok(())) => {
                    reply.ok();
                    Verdict::Next
                }
                Some(Err(error)) => {
                    reply.error(error);
                    Verdict::Next
                }
                None => Verdict::Wait,
            },
            Wait::Postponed { .. } if timed_out || signals & signal::RESUME != 0 => Verdict::Again,
            Wait::Sleep { .. } | Wait::Postponed { .. } => Verdict::Wait,
        }
    }
}
