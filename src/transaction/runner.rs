//! Runs commands: one alone, or those of an EXEC together. A single command is a transaction of one.

use std::sync::Arc;

use crate::clock::Micros;
use crate::commands::context::{Context, Flow};
use crate::commands::registry::Command;
use crate::commands::secrets;
use crate::commands::spec::{CommandResult, Flags, Footprint, Handler};
use crate::error::Error;
use crate::keyspace::blocked::{Attempt, AttemptFn, Waiter, Want};
use crate::keyspace::view::Trace;
use crate::keyspace::{Access, Db, Locked, Mode, ShardSet, View};
use crate::latency::timer::Timer;
use crate::observers::monitor::Shown;
use crate::observers::tracking::{Change, Choice};
use crate::observers::{Woken, events};
use crate::resp::{Args, Reply};
use crate::server::Server;
use crate::session::gate::Request;
use crate::session::multi::Queue;
use crate::session::park::Wait;
use crate::session::{ReplyMode, Session, attention};
use crate::stats::WorkerStats;
use crate::transaction::blocking;
use crate::transaction::watch;

/// What a worker brings to each command of a read: the server, its own counters, and the time.
pub struct Turn<'a> {
    /// The server.
    pub server: &'a Server,
    /// The worker's counters.
    pub stats: &'a WorkerStats,
    /// When the bytes were read: the time of every command in them.
    pub now: Micros,
    /// Measures how long they take.
    pub timer: Timer<'a>,
    /// Clients that were told something in this turn, to be woken at its end.
    pub woken: Woken,
    /// Keys that were changed in this turn, for clients that broadcast.
    pub changes: Vec<Change>,
    /// Where the reply of the running command begins, behind what the client was told before it; set for a
    /// session that needs attention.
    pub reply_start: usize,
    /// Whether the client is told what the command changed before its reply.
    pub tells_first: bool,
}

impl<'a> Turn<'a> {
    /// Writes an error in place of all that was written since `mark`, and counts it.
    #[cold]
    pub fn fail(
        &self,
        command: Option<&Command>,
        error: &Error,
        mark: usize,
        reply: &mut Reply<'_>,
    ) {
        reply.cut(mark);
        reply.error(error);
        self.stats.count_error(&error.code());
        if let Some(command) = command {
            self.stats.commands[command.id].failed.add(1);
        }
    }

    /// Notes the keys of a command that is a read by its flags, whatever it answered, if the client tracks what it
    /// reads. Their shards are locked since the read.
    #[inline]
    fn note_read(&self, session: &Session, command: &Command, args: Args<'_>) {
        if tracks(session, command) {
            self.remember(session, command, args);
        }
    }

    #[cold]
    fn remember(&self, session: &Session, command: &Command, args: Args<'_>) {
        let tracking = &self.server.observers.tracking;
        command.for_each_key(args, |index, _| {
            tracking.remember(args.key(index), session.id());
        });
    }

    /// Shows a command that has run to the clients in MONITOR mode: before what it locked is unlocked.
    #[inline]
    pub fn show(&mut self, session: &Session, command: &Command, args: Args<'_>) {
        if !self.server.observers.monitors.is_empty() {
            self.tell_monitors(session, command, args);
        }
    }

    #[cold]
    fn tell_monitors(&mut self, session: &Session, command: &Command, args: Args<'_>) {
        if command
            .flags
            .intersects(Flags::ADMIN.union(Flags::SKIP_MONITOR))
        {
            return;
        }
        let shown = Shown {
            client: &session.client,
            database: session.db,
            args,
            secret: (&secrets::places(command, args), secrets::REDACTED),
        };
        let monitors = &self.server.observers.monitors;
        monitors.tell(&self.server.config, &shown, &mut self.woken);
    }

    fn access(&self, session: &Session) -> Access<'a> {
        Access {
            index: session.db,
            now: self.now,
            client: session.id(),
            touch: !session.no_touch,
            removes_stale: !self.server.pause.is_on(self.now.0),
            config: &self.server.config,
            observers: &self.server.observers,
            stats: self.stats,
        }
    }

    /// Locks what a batch may write, and what clients may need that wait for it: `keys` tells which keys.
    #[inline]
    fn lock_reach(&self, shards: ShardSet, keys: &blocking::Keys<'_>) -> Locked<'a> {
        let keyspace = &self.server.keyspace;
        let locked = Locked::acquire(keyspace, shards, Mode::Exclusive);
        if blocking::has_moving(&locked) {
            return blocking::cover(keyspace, locked, keys);
        }
        locked
    }

    fn lock(
        &self,
        session: &Session,
        command: &Command,
        args: Args<'_>,
        shards: ShardSet,
    ) -> Db<'a> {
        let locked = self.lock_reach(shards, &|found| {
            command.for_each_key(args, |index, _| found(args.key(index)));
        });
        let mut access = self.access(session);
        access.now = locked.settle_time(access.now);
        Db::new(locked, access)
    }

    /// Unlocks, after what is to be done before that, and before what is to be done after.
    #[inline]
    pub(super) fn finish(&mut self, mut db: Db<'_>) {
        if db.has_aftermath() {
            return self.clear_up(db);
        }
        db.forget_aftermath();
        self.stats.dirty.add(db.dirty());
    }

    /// Tells the client of its own changes, serves the clients that wait for what came, unlocks, wakes them, and
    /// drops what was removed.
    #[cold]
    fn clear_up(&mut self, mut db: Db<'_>) {
        self.tells_first = db.flushes_now();
        db.tell_own();
        let served = blocking::serve(&mut db, self.stats);
        for (waiter, micros) in &served {
            if let Some(micros) = micros {
                self.timer.serve(waiter, *micros);
            }
        }
        self.stats.dirty.add(db.dirty());
        let garbage = db.take_garbage();
        self.woken.append(&mut db.take_woken());
        self.changes.append(&mut db.take_changes());
        drop(db);
        blocking::wake(served);
        if !garbage.is_empty() {
            self.server.reaper.dispose(garbage);
        }
    }

    /// Lets the client wait for what its command wants.
    fn block(
        &self,
        db: &mut Db<'_>,
        session: &Session,
        command: (&Command, AttemptFn),
        args: Args<'_>,
        want: &Want,
    ) -> Flow {
        let waiter = Waiter::new(
            session.client.clone(),
            (
                session.db,
                session.protocol,
                !session.no_touch,
                session.reply_mode() == ReplyMode::On,
            ),
            (command.0.id, command.1),
            args,
            want,
        );
        let waiter = Arc::new(waiter.tracking(tracks(session, command.0)));
        blocking::wait(db, &waiter);
        Flow::Park(Wait::Keys {
            waiter,
            until: want.until,
        })
    }

    /// Runs one command outside of EXEC. `shards` are those of its footprint.
    ///
    /// # Errors
    /// What the command answers instead of a reply; the caller writes it.
    #[inline]
    pub fn run(
        &mut self,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        shards: ShardSet,
        reply: &mut Reply<'_>,
    ) -> Result<Flow, Error> {
        match command.spec.handler {
            Handler::Read(run) => self
                .run_read(session, command, run, args, shards, reply)
                .map(|()| Flow::Done),
            Handler::Write(run) => {
                let mut db = self.lock(session, command, args, shards);
                let result = run(&mut db, args, reply);
                self.note_read(session, command, args);
                self.show(session, command, args);
                self.finish(db);
                result.map(|()| Flow::Done)
            }
            Handler::Blocking(run) => {
                let mut db = self.lock(session, command, args, shards);
                let result = run(&mut db, args, reply).map(|attempt| match attempt {
                    Attempt::Done => Flow::Done,
                    Attempt::Wait(want) => {
                        self.block(&mut db, session, (command, run), args, &want)
                    }
                });
                self.note_read(session, command, args);
                self.show(session, command, args);
                self.finish(db);
                result
            }
            Handler::Session(run) => {
                let mode = match command.spec.footprint {
                    Footprint::AllShared => Mode::Shared,
                    Footprint::Keys | Footprint::KeysOrAll(_) | Footprint::AllExclusive => {
                        Mode::Exclusive
                    }
                };
                let locked = Locked::acquire(&self.server.keyspace, shards, mode);
                let mut access = self.access(session);
                access.now = locked.settle_time(access.now);
                let mut db = Db::new(locked, access);
                let result = run(
                    &mut Context {
                        session,
                        server: self.server,
                        db: &mut db,
                    },
                    args,
                    reply,
                );
                self.show(session, command, args);
                self.finish(db);
                result
            }
            Handler::Control(_) | Handler::Container => Ok(Flow::Done),
        }
    }

    /// Runs a read under shared locks; if it meets a stale key, once more under exclusive ones.
    #[inline]
    fn run_read(
        &mut self,
        session: &Session,
        command: &Command,
        run: fn(&View<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult,
        args: Args<'_>,
        shards: ShardSet,
        reply: &mut Reply<'_>,
    ) -> CommandResult {
        let mark = reply.mark();
        {
            let locked = Locked::acquire(&self.server.keyspace, shards, Mode::Shared);
            let mut access = self.access(session);
            access.now = locked.settle_time(access.now);
            let view = View::new(&locked, access).tentative();
            let result = run(&view, args, reply);
            if !view.met_expired() || !view.access.removes_stale {
                view.count();
                if view.has_traces() {
                    publish_misses(&view, &mut self.woken);
                }
                self.note_read(session, command, args);
                self.show(session, command, args);
                return result;
            }
        }
        reply.cut(mark);
        let mut db = self.lock(session, command, args, shards);
        let result = read_exclusively(&mut db, run, args, reply);
        self.note_read(session, command, args);
        self.show(session, command, args);
        self.finish(db);
        result
    }

    /// WATCH.
    pub fn watch(&mut self, session: &mut Session, request: &Request<'_>) {
        let Request { args, shards, .. } = *request;
        let keyspace = &self.server.keyspace;
        let _locked = watch::watch(keyspace, session, args, shards, self.now);
        self.show_request(session, request);
    }

    fn show_request(&mut self, session: &Session, request: &Request<'_>) {
        if let Some(command) = request.command {
            self.show(session, command, request.args);
        }
    }

    /// EXEC: runs the queued commands under one set of locks, unless a watched key changed.
    pub fn exec(
        &mut self,
        session: &mut Session,
        queue: &Queue,
        request: &Request<'_>,
        reply: &mut Reply<'_>,
    ) {
        let shards = queue.shards.union(session.watches.shards());
        let locked = self.lock_reach(shards, &|found| {
            for (command, args) in queue.commands() {
                command.for_each_key(args, |index, _| found(args.key(index)));
            }
        });
        let now = locked.settle_time(self.now);
        let access = Access {
            now,
            ..self.access(session)
        };
        let mut db = Db::new(locked, access);
        let dirty = !session.watches.is_empty() && watch::is_dirty(db.locked_mut(), session, now);
        if dirty {
            log_abort(session);
        }
        watch::release(db.locked_mut(), session);
        if dirty {
            reply.null_array();
            self.show_request(session, request);
            return;
        }
        reply.array(queue.len());
        session.in_exec = true;
        self.timer.enter(queue.len());
        for (command, args) in queue.commands() {
            let mark = reply.mark();
            let measured = self.timer.begin(command, args.len());
            let result = self.run_queued(&mut db, session, command, args, reply);
            self.show(session, command, args);
            if let Err(error) = result {
                self.fail(Some(command), &error, mark, reply);
            }
            self.timer.end(measured, &session.client, command, args);
        }
        self.show_request(session, request);
        session.in_exec = false;
        db.mark_garbage_of_exec();
        self.finish(db);
        self.tells_first = false;
    }

    fn run_queued(
        &self,
        db: &mut Db<'_>,
        session: &mut Session,
        command: &'static Command,
        args: Args<'_>,
        reply: &mut Reply<'_>,
    ) -> CommandResult {
        match command.spec.handler {
            Handler::Read(run) => {
                let result = read_exclusively(db, run, args, reply);
                self.note_read(session, command, args);
                result
            }
            Handler::Write(run) => {
                let result = run(db, args, reply);
                self.note_read(session, command, args);
                result
            }
            Handler::Blocking(run) => {
                let attempt = run(db, args, reply);
                self.note_read(session, command, args);
                // As if its time were over (`transactions.md` 3.5).
                if let Attempt::Wait(want) = attempt? {
                    match want.destination {
                        Some(_) => reply.null(),
                        None => reply.null_array(),
                    }
                }
                Ok(())
            }
            Handler::Session(run) => {
                let flow = run(
                    &mut Context {
                        session,
                        server: self.server,
                        db,
                    },
                    args,
                    reply,
                )?;
                session.closing |= matches!(flow, Flow::Close);
                db.access.index = session.db;
                db.access.touch = !session.no_touch;
                reply.set_protocol(session.protocol);
                Ok(())
            }
            Handler::Control(_) | Handler::Container => Ok(()),
        }
    }
}

/// Whether the client tracks what this command reads.
#[inline]
fn tracks(session: &Session, command: &Command) -> bool {
    session.attention & attention::TRACKING != 0
        && command.flags.contains(Flags::READONLY)
        && session.tracking().is_some_and(Choice::remembers)
}

/// Says in the log why an EXEC answers null: the question that every user of WATCH asks at some time.
fn log_abort(session: &Session) {
    match session.client.watch().blame() {
        Some((blame, key)) => tracing::debug!(
            "EXEC of client id={} aborted: watched key {:?} was changed by '{}' of client id={}",
            session.id(),
            String::from_utf8_lossy(&key),
            blame.event,
            blame.client
        ),
        None => tracing::debug!(
            "EXEC of client id={} aborted: a watched key expired",
            session.id()
        ),
    }
}

/// Runs a read command under exclusive locks: the stale keys that it meets are removed, then it runs
/// once more.
fn read_exclusively(
    db: &mut Db<'_>,
    run: fn(&View<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> CommandResult {
    let mark = reply.mark();
    db.look_up(|view| {
        reply.cut(mark);
        run(view, args, reply)
    })
}

/// Publishes what a read looked for in vain.
#[cold]
fn publish_misses(view: &View<'_>, woken: &mut Woken) {
    let access = &view.access;
    for trace in view.take_traces() {
        if let Trace::Missed(key) = trace {
            let pubsub = &access.observers.pubsub;
            events::publish(pubsub, access.config, access.index, &key, "keymiss", woken);
        }
    }
}
