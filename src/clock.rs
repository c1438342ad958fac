//! The only source of time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Unix time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

/// Unix time in milliseconds: the unit of every expiry.
pub type Millis = i64;

impl Micros {
    /// The same moment in milliseconds.
    #[inline]
    pub fn millis(self) -> Millis {
        self.0 / 1_000
    }

    /// The same moment in whole seconds.
    #[inline]
    pub fn seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// Microseconds from `earlier` to here; 0 if the clock went back.
    #[inline]
    pub fn since(self, earlier: Micros) -> u64 {
        self.0.saturating_sub(earlier.0).max(0) as u64
    }
}

/// Reads the system clock. Read once for each socket read, never inside a command.
#[inline]
pub fn now() -> Micros {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Micros(since_epoch.as_micros() as i64)
}

/// The system clock in the machine's time zone, for the log.
pub fn local() -> jiff::Zoned {
    jiff::Zoned::now()
}
