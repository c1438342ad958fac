//! The pauses that CLIENT PAUSE and DEBUG SLEEP put on everybody's commands.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

use crate::clock::Micros;

/// Who must wait, and until when. Moments are Unix microseconds; 0: nobody.
#[derive(Debug, Default)]
pub struct Pause {
    client_until: AtomicI64,
    client_all: AtomicBool,
    sleep_until: AtomicI64,
}

impl Pause {
    /// If a command must wait at `now`: until when.
    #[inline]
    pub fn holds(&self, now: i64, may_write: impl FnOnce() -> bool) -> Option<i64> {
        let (client, sleep) = (
            self.client_until.load(Relaxed),
            self.sleep_until.load(Relaxed),
        );
        if client | sleep == 0 {
            return None;
        }
        if sleep > now {
            return Some(sleep);
        }
        (client > now && (self.client_all.load(Relaxed) || may_write())).then_some(client)
    }

    /// Whether CLIENT PAUSE holds anything at `now`.
    #[inline]
    pub fn is_on(&self, now: i64) -> bool {
        self.client_until.load(Relaxed) > now
    }

    /// CLIENT PAUSE: all commands wait, or only writes. As in Redis, the later end and the stricter
    /// kind win over those of a pause that is still on.
    pub fn pause(&self, now: Micros, until: i64, all: bool) {
        let still_on = self.client_until.load(Relaxed) > now.0;
        self.client_all
            .store(all || (still_on && self.client_all.load(Relaxed)), Relaxed);
        if still_on {
            self.client_until.fetch_max(until, Relaxed);
        } else {
            self.client_until.store(until, Relaxed);
        }
    }

    /// CLIENT UNPAUSE. Whoever waits must be woken by the caller.
    pub fn unpause(&self) {
        self.client_until.store(0, Relaxed);
        self.client_all.store(false, Relaxed);
    }

    /// DEBUG SLEEP: all commands wait.
    pub fn sleep(&self, until: i64) {
        self.sleep_until.fetch_max(until, Relaxed);
    }

    /// What CLIENT PAUSE holds at `now` (`all`, `write` or `none`), and for how many milliseconds yet.
    pub fn describe(&self, now: Micros) -> (&'static str, i64) {
        let until = self.client_until.load(Relaxed);
        if until <= now.0 {
            return ("none", 0);
        }
        let kind = if self.client_all.load(Relaxed) {
            "all"
        } else {
            "write"
        };
        (kind, (until - now.0 + 999) / 1_000)
    }
}
