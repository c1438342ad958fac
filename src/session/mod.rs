//! One client's session: its state ([`Session`]), the checks before a command runs ([`gate`]), the
//! transaction it may be in ([`multi`]), how it waits ([`park`]), its keys' way to another server ([`migrate`]), what it may be called ([`names`]), and
//! the socket loop ([`connection`]).

pub mod connection;
pub mod gate;
pub mod migrate;
pub mod multi;
pub mod names;
pub mod park;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::{Client, flag};
use crate::observers::monitor::Monitors;
use crate::observers::pubsub::{PubSub, Subscriptions};
use crate::observers::tracking::{self, Choice, Tracking};
use crate::resp::{Protocol, Reply};
use crate::session::multi::Multi;
use crate::transaction::watch::Watches;

/// Which replies a client wants (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// All.
    #[default]
    On,
    /// None.
    Off,
    /// None for the command after CLIENT REPLY SKIP, which is the next one.
    SkipNext,
    /// None for this command.
    Skip,
}

/// What sets a session apart, so that each of its commands needs more than a plain client's. Bits of
/// [`Session::attention`].
pub mod attention {
    /// Not all replies are wanted.
    pub const REPLY_MODE: u8 = 1;
    /// Others may have something to tell it.
    pub const INBOX: u8 = 2;
    /// It is subscribed to something: in RESP2 most commands are refused.
    pub const SUBSCRIBER: u8 = 4;
    /// The keys that it reads are noted.
    pub const TRACKING: u8 = 8;
    /// It sees every command that runs, and may not touch keys.
    pub const MONITOR: u8 = 16;
}

/// The state of one connection, without its socket.
pub struct Session {
    /// What others see of it.
    pub client: Arc<Client>,
    /// The transaction that it is in.
    pub multi: Multi,
    /// What it watches.
    pub watches: Watches,
    /// The selected database.
    pub db: usize,
    /// The protocol that it speaks.
    pub protocol: Protocol,
    /// Which replies it wants.
    reply_mode: ReplyMode,
    /// Bits of [`attention`]; 0 for a plain client.
    pub attention: u8,
    /// What it is subscribed to; made by its first subscription.
    subscriptions: Option<Box<Subscriptions>>,
    /// How it tracks keys, if it does.
    tracking: Option<Box<Choice>>,
    /// Whether it has authenticated as the default user.
    pub authenticated: bool,
    /// Whether the commands it runs are part of EXEC.
    pub in_exec: bool,
    /// Whether its reads do not count as uses of keys.
    pub no_touch: bool,
    /// Whether it is to be closed once its replies are sent.
    pub closing: bool,
}

impl Session {
    /// The session of a client that has just connected. `authenticated` if there is no password.
    pub fn new(client: Arc<Client>, authenticated: bool) -> Self {
        Session {
            client,
            multi: Multi::None,
            watches: Watches::default(),
            db: 0,
            protocol: Protocol::Resp2,
            reply_mode: ReplyMode::On,
            attention: 0,
            subscriptions: None,
            tracking: None,
            authenticated,
            in_exec: false,
            no_touch: false,
            closing: false,
        }
    }

    /// The client's id.
    pub fn id(&self) -> u64 {
        self.client.id
    }

    /// Selects a database, which must exist.
    pub fn select(&mut self, db: usize) {
        self.db = db;
        self.client.db.store(db as u32, Relaxed);
    }

    /// Changes the protocol. What the client was told until now, in the old one, comes before the reply.
    pub fn set_protocol(&mut self, protocol: Protocol, reply: &mut Reply<'_>) {
        let mut earlier = Vec::new();
        let out = self.may_tell_now().then_some(&mut earlier);
        self.client.change_protocol(protocol, out);
        reply.raw(&earlier);
        reply.set_protocol(protocol);
        self.protocol = protocol;
    }

    /// Which replies it wants.
    pub fn reply_mode(&self) -> ReplyMode {
        self.reply_mode
    }

    /// CLIENT REPLY.
    pub fn set_reply_mode(&mut self, mode: ReplyMode) {
        self.reply_mode = mode;
        self.attend(attention::REPLY_MODE, mode != ReplyMode::On);
        let mute = matches!(mode, ReplyMode::Off | ReplyMode::Skip);
        self.client.set_flag(flag::MUTE, mute);
    }

    /// Sets or clears bits of [`attention`].
    pub fn attend(&mut self, bits: u8, on: bool) {
        if on {
            self.attention |= bits;
        } else {
            self.attention &= !bits;
        }
    }

    /// Changes what it is subscribed to. The closure gets the client too.
    pub fn change_subscriptions<R>(
        &mut self,
        change: impl FnOnce(&mut Subscriptions, &Arc<Client>) -> R,
    ) -> R {
        let subscriptions = self.subscriptions.get_or_insert_default();
        let result = change(subscriptions, &self.client);
        let on = !subscriptions.is_empty();
        self.attend(attention::SUBSCRIBER, on);
        if on {
            self.attend(attention::INBOX, true);
        }
        result
    }

    /// Ends all its subscriptions, without a confirmation.
    pub fn unsubscribe_all(&mut self, pubsub: &PubSub) {
        if self.is_subscriber() {
            self.change_subscriptions(|subscriptions, client| subscriptions.clear(pubsub, client));
        }
    }

    /// Whether it is subscribed to anything.
    pub fn is_subscriber(&self) -> bool {
        self.attention & attention::SUBSCRIBER != 0
    }

    /// CLIENT TRACKING ON.
    pub fn track(&mut self, tracking: &Tracking, options: &tracking::Options<'_>) {
        let choice = self.tracking.get_or_insert_default();
        tracking.enable(&self.client, choice, options);
        self.attend(attention::INBOX, true);
        self.attend(attention::TRACKING, !options.broadcast);
    }

    /// CLIENT TRACKING OFF: when this returns, nobody sends it an invalidation any more.
    pub fn stop_tracking(&mut self, tracking: &Tracking) {
        if let Some(choice) = self.tracking.take() {
            tracking.disable(&self.client, &choice);
            self.attend(attention::TRACKING, false);
        }
    }

    /// How it tracks keys, if it does.
    pub fn tracking(&self) -> Option<&Choice> {
        self.tracking.as_deref()
    }

    /// CLIENT CACHING, or its end: whether it was given for what runs next.
    pub fn set_caching(&mut self, on: bool) {
        if let Some(choice) = &mut self.tracking {
            choice.caching = on;
        }
    }

    /// Lets what the client was told until now come before the reply that follows, if there is one; but not
    /// inside EXEC, where the array must not be torn.
    pub fn tell_now(&self, reply: &mut Reply<'_>) {
        if self.may_tell_now() {
            let mut late = Vec::new();
            self.take_inbox(&mut late);
            reply.raw(&late);
        }
    }

    fn may_tell_now(&self) -> bool {
        !self.in_exec && self.reply_mode == ReplyMode::On
    }

    /// MONITOR. False if it did that before.
    pub fn start_monitoring(&mut self, monitors: &Monitors) -> bool {
        if self.is_monitor() {
            return false;
        }
        self.attend(attention::MONITOR | attention::INBOX, true);
        self.client.set_flag(flag::MONITOR, true);
        monitors.add(&self.client);
        true
    }

    /// Ends MONITOR: when this returns, nobody tells it of commands any more.
    pub fn stop_monitoring(&mut self, monitors: &Monitors) {
        if self.is_monitor() {
            monitors.remove(self.id());
            self.attend(attention::MONITOR, false);
            self.client.set_flag(flag::MONITOR, false);
        }
    }

    /// Whether it sees every command.
    pub fn is_monitor(&self) -> bool {
        self.attention & attention::MONITOR != 0
    }

    /// Moves what others had to tell it to the end of `out`.
    pub fn take_inbox(&self, out: &mut Vec<u8>) {
        if let Some(inbox) = self.client.known_inbox()
            && !inbox.is_empty()
        {
            inbox.take(out);
        }
    }

    /// CLIENT NO-TOUCH.
    pub fn set_no_touch(&mut self, on: bool) {
        self.no_touch = on;
        self.client.set_flag(flag::NO_TOUCH, on);
    }

    /// Whether the client is on this machine.
    pub fn is_local(&self) -> bool {
        self.client.has(flag::UNIX_SOCKET)
            || self.client.addr().starts_with("127.")
            || self.client.addr().starts_with("[::1]:")
    }

    /// Whether the client must still authenticate.
    pub fn needs_auth(&self, config: &crate::config::Config) -> bool {
        !self.authenticated && config.has_password()
    }
}
