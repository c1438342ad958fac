//! The only source of time.

use std::cell::Cell;

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

/// Reads the system clock. Read twice for each socket read and seldom more: the standard library's way to
/// a number of microseconds, by a difference to 1970, would cost several times as many instructions.
#[inline]
pub fn now() -> Micros {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: fills the structure. It fails for clocks that do not exist, and this one always does.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    Micros(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)
}

/// The system clock in the machine's time zone, for the log.
pub fn local() -> jiff::Zoned {
    jiff::Zoned::now()
}

thread_local! {
    static APART: Cell<u64> = const { Cell::new(0) };
}

/// Does what is not the own work of the command that this thread runs, such as to wait for a lock. Returns
/// also how many microseconds that took, without what in it was in turn set apart.
pub fn apart<R>(work: impl FnOnce() -> R) -> (R, u64) {
    let before = APART.take();
    let began = now();
    let result = work();
    let micros = now().since(began);
    let inner = APART.replace(before + micros);
    (result, micros.saturating_sub(inner))
}

/// The microseconds that this thread has set apart since the last call.
#[inline]
pub fn take_apart() -> u64 {
    APART.take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    #[test]
    fn now_is_between_two_looks_at_the_standard_clock() {
        let standard = || {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            time.as_micros() as i64
        };
        let (before, now, after) = (standard(), now().0, standard());
        assert!(before <= now && now <= after, "{before} {now} {after}");
    }

    #[test]
    fn what_is_set_apart_is_counted_once() {
        let sleep = |millis| std::thread::sleep(Duration::from_millis(millis));
        take_apart();
        let began = now();
        let (inner, outer) = apart(|| {
            sleep(20);
            apart(|| sleep(30)).1
        });
        let all = now().since(began);
        assert!(inner >= 30_000 && outer >= 20_000);
        // The inner 30 ms are not the outer's, whatever else the machine does.
        assert!(inner + outer <= all && take_apart() <= all);
        apart(|| sleep(1));
        apart(|| sleep(1));
        assert!(take_apart() >= 2_000);
        assert_eq!(take_apart(), 0);
    }
}
