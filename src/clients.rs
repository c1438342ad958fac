//! The connected clients, as every session may see them: CLIENT LIST, CLIENT KILL and INFO read here
//! what each session's own task writes.

use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
    fence,
};
use std::sync::{Arc, OnceLock};
use std::task::Waker;

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::clock;
use crate::clock::Micros;
use crate::commands::registry::Command;
use crate::config::{ClientClass, Config, OutputLimit};
use crate::keyspace::watch::WatchSlot;
use crate::observers::Woken;
use crate::observers::inbox::Inbox;
use crate::resp::Protocol;
use crate::session::park::Wait;

/// Requests from others to a connection's task. Bits of [`Client::signals`].
pub mod signal {
    /// Close the connection now.
    pub const KILL: u8 = 1;
    /// Stop waiting, as if the time had run out (CLIENT UNBLOCK TIMEOUT).
    pub const UNBLOCK_TIMEOUT: u8 = 2;
    /// Stop waiting with an error (CLIENT UNBLOCK ERROR).
    pub const UNBLOCK_ERROR: u8 = 4;
    /// Look again whether there still is a reason to wait.
    pub const RESUME: u8 = 8;
    /// Look into the inbox.
    pub const INBOX: u8 = 16;
}

/// Why a client waits. Values of [`Client::waiting`].
pub mod waiting {
    /// It does not.
    pub const NOT: u8 = 0;
    /// In a blocking command, from which CLIENT UNBLOCK frees it.
    pub const BLOCKED: u8 = 1;
    /// For the end of a CLIENT PAUSE or of a DEBUG SLEEP.
    pub const POSTPONED: u8 = 2;
}

/// Bits of [`Client::flags`].
pub mod flag {
    /// Inside MULTI.
    pub const MULTI: u32 = 1;
    /// Will be closed after its replies.
    pub const CLOSE_AFTER_REPLY: u32 = 2;
    /// CLIENT NO-EVICT ON.
    pub const NO_EVICT: u32 = 4;
    /// CLIENT NO-TOUCH ON.
    pub const NO_TOUCH: u32 = 8;
    /// Connected through a Unix socket.
    pub const UNIX_SOCKET: u32 = 16;
    /// CLIENT TRACKING ON.
    pub const TRACKING: u32 = 32;
    /// The client that it redirects to is gone.
    pub const BROKEN_REDIRECTION: u32 = 64;
    /// CLIENT TRACKING ON BCAST.
    pub const BROADCAST: u32 = 128;
    /// CLIENT TRACKING ON NOLOOP.
    pub const NO_LOOP: u32 = 256;
    /// MONITOR.
    pub const MONITOR: u32 = 512;
    /// It wants no replies now (CLIENT REPLY).
    pub const MUTE: u32 = 1024;
}

/// What a client says of itself.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// CLIENT SETNAME; empty: none.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Vec<u8>,
}

/// One connected client. Numbers are written by its own task and read by anyone.
#[derive(Debug)]
pub struct Client {
    /// Unique, ascending, from 1.
    pub id: u64,
    /// The peer's address and the one it connected to, one after the other. An idle client is small.
    addresses: Box<str>,
    addr_len: u32,
    /// The socket's file descriptor.
    pub fd: i32,
    /// When it connected.
    pub created: Micros,
    /// When it last sent something.
    pub last_interaction: AtomicI64,
    /// The command that it ran last.
    last_command: AtomicPtr<Command>,
    /// Its names, if it has any.
    names: Mutex<Option<Box<Names>>>,
    /// The selected database.
    pub db: AtomicU32,
    /// 2 or 3; see [`Client::protocol`].
    resp: AtomicU8,
    /// Bits of [`flag`].
    pub flags: AtomicU32,
    /// Commands queued by MULTI; -1 outside.
    pub queued: AtomicI64,
    /// Bytes queued by MULTI.
    pub queued_bytes: AtomicU64,
    /// Bytes of an unfinished request.
    pub query_bytes: AtomicU64,
    /// Bytes of replies not sent yet.
    pub output_bytes: AtomicU64,
    /// Why it waits: a value of [`waiting`].
    pub waiting: AtomicU8,
    /// Whether it was killed.
    pub killed: AtomicBool,
    /// Whether it was killed because of `client-output-buffer-limit`.
    pub cut_off: AtomicBool,
    /// What others write about its watches; made by its first WATCH.
    watch: OnceLock<Arc<WatchSlot>>,
    /// What others have to tell it; made by its first subscription, or when it tracks.
    inbox: OnceLock<Box<Inbox>>,
    /// Bits of [`signal`].
    signals: AtomicU8,
    waker: OnceLock<Waker>,
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: u64, addr: String, laddr: String, fd: i32, flags: u32, now: Micros) -> Self {
        Client {
            id,
            addr_len: addr.len() as u32,
            addresses: (addr + &laddr).into(),
            fd,
            created: now,
            last_interaction: AtomicI64::new(now.0),
            last_command: AtomicPtr::default(),
            names: Mutex::default(),
            db: AtomicU32::new(0),
            resp: AtomicU8::new(2),
            flags: AtomicU32::new(flags),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicU64::new(0),
            query_bytes: AtomicU64::new(0),
            output_bytes: AtomicU64::new(0),
            waiting: AtomicU8::new(waiting::NOT),
            killed: AtomicBool::new(false),
            cut_off: AtomicBool::new(false),
            watch: OnceLock::new(),
            inbox: OnceLock::new(),
            signals: AtomicU8::new(0),
            waker: OnceLock::new(),
        }
    }

    /// The peer's address.
    pub fn addr(&self) -> &str {
        &self.addresses[..self.addr_len as usize]
    }

    /// The address that it connected to.
    pub fn laddr(&self) -> &str {
        &self.addresses[self.addr_len as usize..]
    }

    /// Its names.
    pub fn names(&self) -> Names {
        self.names.lock().as_deref().cloned().unwrap_or_default()
    }

    /// Changes its names.
    pub fn change_names(&self, change: impl FnOnce(&mut Names)) {
        change(self.names.lock().get_or_insert_default());
    }

    /// What others write about its watches.
    pub fn watch(&self) -> &Arc<WatchSlot> {
        self.watch.get_or_init(Arc::default)
    }

    /// Whether a key that it watches was changed.
    pub fn is_dirty(&self) -> bool {
        self.watch.get().is_some_and(|slot| slot.is_dirty())
    }

    /// Number of keys that it watches; 0 once it is dirty.
    pub fn watched(&self) -> u32 {
        self.watch.get().map_or(0, |slot| slot.watched())
    }

    /// The command that it ran last.
    pub fn last_command(&self) -> Option<&'static Command> {
        let command = self.last_command.load(Relaxed);
        // SAFETY: null, or one of the registry's commands, which live forever.
        unsafe { command.as_ref() }
    }

    /// Notes that it sent a command that does not exist.
    pub fn forget_last_command(&self) {
        self.last_command.store(std::ptr::null_mut(), Relaxed);
    }

    /// Notes the command that it runs.
    #[inline]
    pub fn set_last_command(&self, command: &'static Command) {
        self.last_command
            .store(std::ptr::from_ref(command).cast_mut(), Relaxed);
    }

    /// Whether a flag is set.
    pub fn has(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    /// Sets or clears a flag.
    pub fn set_flag(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }

    /// The protocol that it speaks.
    #[inline]
    pub fn protocol(&self) -> Protocol {
        Protocol::of_version(self.resp.load(Relaxed))
    }

    /// Changes the protocol. What it was told before, in the old one, is moved to the end of `out`.
    pub fn change_protocol(&self, protocol: Protocol, out: Option<&mut Vec<u8>>) {
        let change = || self.resp.store(protocol.version() as u8, Relaxed);
        match (self.known_inbox(), out) {
            (Some(inbox), Some(out)) => inbox.take_and(out, change),
            _ => change(),
        }
    }

    /// The client that is told what it tracks; 0: itself.
    pub fn redirection(&self) -> u64 {
        self.known_inbox()
            .map_or(0, |inbox| inbox.redirection.load(Relaxed))
    }

    /// Sets who is told what it tracks; 0: itself.
    pub fn set_redirection(&self, id: u64) {
        self.inbox().redirection.store(id, Relaxed);
    }

    /// The inbox, if the client has had anything to be told.
    #[inline]
    pub fn known_inbox(&self) -> Option<&Inbox> {
        self.inbox.get().map(Box::as_ref)
    }

    /// The inbox.
    pub fn inbox(&self) -> &Inbox {
        self.inbox.get_or_init(Box::default)
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscribed(&self) -> bool {
        self.known_inbox().is_some_and(Inbox::is_subscribed)
    }

    /// Its class, as far as limits on its output go.
    pub fn class(&self) -> ClientClass {
        if self.is_subscribed() {
            ClientClass::PubSub
        } else {
            ClientClass::Normal
        }
    }

    /// Bytes of replies and messages not sent yet.
    pub fn owed_bytes(&self) -> u64 {
        let messages = self.known_inbox().map_or(0, Inbox::len);
        self.output_bytes.load(Relaxed) + messages as u64
    }

    /// Tells the client something, in the protocol that it speaks; a client that now owes more than
    /// `client-output-buffer-limit` allows is closed instead. If it is to be woken it is added to `woken`.
    pub fn post(
        self: &Arc<Self>,
        config: &Config,
        woken: &mut Woken,
        write: impl FnOnce(Protocol, &mut Vec<u8>),
    ) {
        if self.killed.load(Relaxed) {
            return;
        }
        let inbox = self.inbox();
        // The protocol changes only while the inbox is locked.
        let wake = inbox.append(|out| write(self.protocol(), out));
        let owed = self.owed_bytes();
        let is_late = inbox.above_soft_limit.load(Relaxed) != 0;
        if wake {
            self.signals.fetch_or(signal::INBOX, SeqCst);
            woken.push(self.clone());
        }
        if owed >= config.least_output_limit() || is_late {
            let limit = config.client_output_buffer_limit(self.class());
            if self.exceeds(limit, owed, inbox) {
                self.close_for_output(inbox);
                woken.push(self.clone());
            }
        }
    }

    /// Whether owing so many bytes is more than the limit allows: more than the hard limit, or for a while
    /// more than the soft one.
    fn exceeds(&self, limit: OutputLimit, owed: u64, inbox: &Inbox) -> bool {
        let above = |limit: u64| limit > 0 && owed >= limit;
        if above(limit.hard) {
            return true;
        }
        if !above(limit.soft) {
            inbox.above_soft_limit.store(0, Relaxed);
            return false;
        }
        let now = clock::now().0;
        let since = &inbox.above_soft_limit;
        match since.compare_exchange(0, now, Relaxed, Relaxed) {
            Ok(_) => false,
            Err(since) => now - since > limit.seconds as i64 * 1_000_000,
        }
    }

    /// Has the connection closed for what it owes; what waits in its inbox is dropped at once.
    #[cold]
    fn close_for_output(&self, inbox: &Inbox) {
        if self.killed.swap(true, Relaxed) {
            return;
        }
        self.cut_off.store(true, Relaxed);
        self.signals.fetch_or(signal::KILL, SeqCst);
        inbox.discard();
        tracing::warn!(
            "Client id={} addr={} scheduled to be closed ASAP for overcoming of output buffer limits.",
            self.id,
            self.addr()
        );
    }

    /// Wakes the connection's task, which then sees what was written before.
    pub fn wake(&self) {
        // A task that is about to run need not be woken, and its waker may not be there yet: it then sees
        // what was written, or this thread sees that it must wake it.
        fence(SeqCst);
        // Woken by reference: the same waker serves every later time too.
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Makes the connection's task look at `signal`.
    pub fn signal(&self, signal: u8) {
        self.signals.fetch_or(signal, SeqCst);
        self.wake();
    }

    /// Closes the connection; its replies so far are not waited for.
    pub fn kill(&self) {
        self.killed.store(true, Relaxed);
        self.signal(signal::KILL);
    }

    /// CLIENT UNBLOCK: ends the client's wait with this signal, if a blocking command holds it. Only one
    /// caller succeeds for one wait.
    pub fn unblock(&self, signal: u8) -> bool {
        let claimed = !self.killed.load(Relaxed) && self.claim_wait();
        if claimed {
            self.signal(signal);
        }
        claimed
    }

    /// Claims the end of a blocking command's wait: true for one caller only.
    pub fn claim_wait(&self) -> bool {
        self.waiting
            .compare_exchange(waiting::BLOCKED, waiting::NOT, Relaxed, Relaxed)
            .is_ok()
    }

    /// Bytes that the connection takes, about.
    pub fn memory(&self) -> u64 {
        let fixed = size_of::<Self>() + crate::session::connection::FIXED_MEMORY;
        let names = self.names();
        let texts = self.addresses.len()
            + names.name.capacity()
            + names.lib_name.capacity()
            + names.lib_ver.capacity();
        (fixed + texts) as u64
            + self.query_bytes.load(Relaxed)
            + self.owed_bytes()
            + self.queued_bytes.load(Relaxed)
    }

    /// The signals that came since the last call, which are forgotten, but a kill stays.
    pub fn take_signals(&self) -> u8 {
        if self.signals.load(SeqCst) == 0 {
            0
        } else {
            self.signals.fetch_and(signal::KILL, SeqCst)
        }
    }

    /// Sets who is woken by [`Client::signal`]: the connection's task, whose waker stays the same for
    /// as long as it lives.
    pub fn register(&self, waker: &Waker) {
        let _ = self.waker.set(waker.clone());
        fence(SeqCst);
    }
}

/// All clients, by id.
#[derive(Debug, Default)]
pub struct Clients {
    by_id: DashMap<u64, Arc<Client>>,
    last_id: AtomicU64,
    /// How many wait in blocking commands.
    pub blocked: AtomicU32,
    /// How many of these wait for a limited time.
    pub blocked_with_timeout: AtomicU32,
}

impl Clients {
    /// The next client's id.
    pub fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Relaxed) + 1
    }

    /// Adds a client.
    pub fn insert(&self, client: Arc<Client>) {
        self.by_id.insert(client.id, client);
    }

    /// Removes a client.
    pub fn remove(&self, id: u64) {
        self.by_id.remove(&id);
    }

    /// The client of this id.
    pub fn get(&self, id: u64) -> Option<Arc<Client>> {
        self.by_id.get(&id).map(|client| client.clone())
    }

    /// Notes that a client begins (`true`) or ends a wait.
    pub fn count_wait(&self, wait: &Wait, begins: bool) {
        let count = |counter: &AtomicU32| match begins {
            true => counter.fetch_add(1, Relaxed),
            false => counter.fetch_sub(1, Relaxed),
        };
        if wait.is_blocking_command() {
            count(&self.blocked);
            if wait.until().is_some() {
                count(&self.blocked_with_timeout);
            }
        }
    }

    /// Number of clients.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// All clients, by ascending id, which is the order in which they connected.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut clients: Vec<_> = self.by_id.iter().map(|client| client.clone()).collect();
        clients.sort_unstable_by_key(|client| client.id);
        clients
    }

    /// Wakes every client that waits, to look whether it still must.
    pub fn resume_all(&self) {
        // After the change for which they are woken: a client that starts to wait now sees it.
        fence(SeqCst);
        for client in self.by_id.iter() {
            if client.waiting.load(Relaxed) != waiting::NOT {
                client.signal(signal::RESUME);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn every_signal_wakes_the_task() {
        let client = Client::new(1, String::new(), String::new(), 0, 0, Micros(0));
        let count = Arc::new(Count(AtomicUsize::new(0)));
        client.register(&count.clone().into());
        for times in 1..=3 {
            client.signal(signal::RESUME);
            assert_eq!(count.0.load(Relaxed), times);
            assert_eq!(client.take_signals(), signal::RESUME);
            assert_eq!(client.take_signals(), 0);
        }
        client.kill();
        assert_eq!(client.take_signals(), signal::KILL);
        assert_eq!(client.take_signals(), signal::KILL);
    }

    #[test]
    fn only_a_blocking_command_is_unblocked_and_once() {
        let client = Client::new(7, String::new(), String::new(), 0, 0, Micros(0));
        assert!(!client.unblock(signal::UNBLOCK_ERROR));
        client.waiting.store(waiting::POSTPONED, Relaxed);
        assert!(!client.unblock(signal::UNBLOCK_ERROR));
        client.waiting.store(waiting::BLOCKED, Relaxed);
        assert!(client.unblock(signal::UNBLOCK_ERROR));
        assert!(!client.unblock(signal::UNBLOCK_ERROR));
        assert_eq!(client.take_signals(), signal::UNBLOCK_ERROR);
    }
}
