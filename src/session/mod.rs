//! One client's session: its state ([`Session`]), the checks before a command runs ([`gate`]), the
//! transaction it may be in ([`multi`]), how it waits ([`park`]), what it may be called ([`names`]), and
//! the socket loop ([`connection`]).

pub mod connection;
pub mod gate;
pub mod multi;
pub mod names;
pub mod park;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::{Client, flag};
use crate::resp::Protocol;
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
    pub reply_mode: ReplyMode,
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

    /// Changes the protocol.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.client.resp.store(protocol.version() as u8, Relaxed);
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
