//! Clients that wait for keys: how they begin to wait, how a batch that brought what they wait for
//! serves them, and how they stop.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use smallvec::SmallVec;

use crate::clients::{signal, waiting};
use crate::clock;
use crate::keyspace::blocked::{Attempt, Waiter};
use crate::keyspace::{Db, Keyspace, Locked, Mode};
use crate::resp::Reply;
use crate::stats::WorkerStats;

/// Clients that were served and are to be woken once the shards are unlocked.
pub type Served = SmallVec<[Arc<Waiter>; 1]>;

/// Lets a client wait. The shards of its keys are locked, so that nothing comes between the attempt
/// that found nothing and this.
pub fn wait(db: &mut Db<'_>, waiter: &Arc<Waiter>) {
    // From here on whoever serves it, or ends its wait, can claim it.
    waiter.client.waiting.store(waiting::BLOCKED, Relaxed);
    for key in waiter.keys() {
        db.wait_for(key, waiter);
    }
}

/// Serves the clients that wait for what the batch brought, after all of the batch and under its locks
/// (`transactions.md` 3.12): for each key in the order in which the keys came, first come first served.
#[cold]
pub fn serve(db: &mut Db<'_>, stats: &WorkerStats) -> Served {
    let mut served = Served::new();
    // A long EXEC may have outlived what it brought.
    db.pass_time(clock::now());
    while let Some((database, key)) = db.take_ready() {
        while let Some(waiter) = db.next_waiter(database, &key) {
            // Not one whose time has run out, or that was unblocked or closed, just now.
            if waiter.client.killed.load(Relaxed) || !waiter.client.claim_wait() {
                continue;
            }
            db.cover(&waiter);
            if run(db, stats, &waiter) {
                served.push(waiter);
            } else {
                wait(db, &waiter);
                // Its time may have run out while it was claimed: it looks again.
                served.push(waiter);
                break;
            }
        }
    }
    served
}

/// Runs the command of a client for it. False if there still is nothing for it.
fn run(db: &mut Db<'_>, stats: &WorkerStats, waiter: &Waiter) -> bool {
    let own = db.access;
    db.access.index = waiter.database;
    db.access.client = waiter.client.id;
    db.access.touch = waiter.touch;
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, waiter.protocol);
    let mark = reply.mark();
    let done = match (waiter.attempt)(db, waiter.args(), &mut reply) {
        Ok(Attempt::Done) => true,
        Ok(Attempt::Wait(_)) => false,
        Err(error) => {
            reply.cut(mark);
            reply.error(&error);
            stats.count_error(&error.code());
            stats.commands[waiter.command].failed.add(1);
            true
        }
    };
    db.access = own;
    if done {
        waiter.put_answer(out);
    }
    done
}

/// Wakes the clients that were served. Nothing is locked.
pub fn wake(served: Served) {
    for waiter in served {
        waiter.client.signal(signal::RESUME);
    }
}

/// Forgets a client whose wait is over, in every row where it may still be.
pub fn leave(keyspace: &Keyspace, waiter: &Arc<Waiter>) {
    let mut locked = Locked::acquire(keyspace, waiter.shards(), Mode::Exclusive);
    for key in waiter.keys() {
        let shard = locked.shard_mut(crate::keyspace::locks::shard_of(key.hash));
        shard.blocked.leave(key, waiter);
    }
}
