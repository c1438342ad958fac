//! The progress line.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// A line on stderr that says what is running and how much is left.
pub struct Progress {
    rewrites: bool,
    start: Instant,
    done: usize,
    steps: usize,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            rewrites: io::stderr().is_terminal(),
            start: Instant::now(),
            done: 0,
            steps: 0,
        }
    }

    /// Starts over with `steps` steps to come.
    pub fn expect(&mut self, steps: usize) {
        *self = Self {
            steps,
            ..Self::new()
        };
    }

    pub fn step(&mut self, what: &str) {
        let elapsed = self.start.elapsed().as_secs_f64();
        let left = match self.done {
            0 => String::new(),
            done => {
                let left = elapsed / done as f64 * (self.steps - done.min(self.steps)) as f64;
                format!(", {left:.0} s left")
            }
        };
        self.done += 1;
        let line = format!("[{}/{}{left}] {what}", self.done, self.steps);
        if self.rewrites {
            eprint!("\r\x1b[K{line}");
            // A lost progress line is no reason to stop.
            let _ = io::stderr().flush();
        } else {
            eprintln!("{line}");
        }
    }

    pub fn end(&self) {
        if self.rewrites {
            eprint!("\r\x1b[K");
        }
    }
}
