//! Seeded chance: every run can be replayed from the seed that it printed.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator (SplitMix64). Not for secrets.
#[derive(Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Takes the seed from `REDOUBLE_SEED`, or from the clock, and prints how to replay the run.
    pub fn for_test(test: &str) -> Random {
        let seed = match std::env::var("REDOUBLE_SEED") {
            Ok(text) => text.parse().expect("REDOUBLE_SEED must be a whole number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("the clock is past 1970")
                .as_nanos() as u64,
        };
        println!("{test}: replay with REDOUBLE_SEED={seed} cargo test {test}");
        Random::new(seed)
    }

    /// A generator that always gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// The seed of a generator that goes on as this one will.
    pub fn seed(&self) -> u64 {
        self.state
    }

    /// A generator of its own for one of several threads, decided by this one's state.
    pub fn fork(&mut self) -> Random {
        Random::new(self.next())
    }

    /// Any 64-bit number.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; `bound` must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// `length` random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}
