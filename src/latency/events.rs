//! The latency monitor: for each kind of event that took long, when the last of them were and how long
//! they took.

use std::collections::{BTreeMap, VecDeque};

use parking_lot::Mutex;

/// What can take long here, by the names that Redis gives it.
pub mod event {
    /// A command.
    pub const COMMAND: &str = "command";
    /// A command that is flagged as fast.
    pub const FAST_COMMAND: &str = "fast-command";
    /// Eviction before a command, until there was room enough.
    pub const EVICTION_CYCLE: &str = "eviction-cycle";
    /// The removal of one key by eviction.
    pub const EVICTION_DEL: &str = "eviction-del";
    /// One round of the search for keys and fields that are past their expiry.
    pub const EXPIRE_CYCLE: &str = "expire-cycle";
}

/// Samples kept for each kind.
const MOST_SAMPLES: usize = 160;

/// The longest event of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, in Unix seconds.
    pub seconds: i64,
    /// How long it took.
    pub millis: u64,
}

/// What is known of one kind of event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// One sample a second at most, the oldest first.
    pub samples: VecDeque<Sample>,
    /// The longest since the start or the last reset.
    pub longest: u64,
}

impl Series {
    fn add(&mut self, sample: Sample) {
        self.longest = self.longest.max(sample.millis);
        match self.samples.back_mut() {
            Some(last) if last.seconds == sample.seconds => {
                last.millis = last.millis.max(sample.millis);
            }
            _ => {
                if self.samples.len() == MOST_SAMPLES {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
    }
}

/// All events, by kind.
#[derive(Debug, Default)]
pub struct Events(Mutex<BTreeMap<&'static str, Series>>);

impl Events {
    /// Adds an event.
    pub fn add(&self, event: &'static str, sample: Sample) {
        self.0.lock().entry(event).or_default().add(sample);
    }

    /// The events of one kind, if there were any.
    pub fn series(&self, event: &[u8]) -> Option<(&'static str, Series)> {
        let events = self.0.lock();
        let found = events.iter().find(|(name, _)| name.as_bytes() == event);
        found.map(|(name, series)| (*name, series.clone()))
    }

    /// The events of all kinds of which there were any, in alphabetical order.
    pub fn all(&self) -> Vec<(&'static str, Series)> {
        let events = self.0.lock();
        events
            .iter()
            .map(|(name, series)| (*name, series.clone()))
            .collect()
    }

    /// Forgets the events of one kind, whatever the case of its name, or of all. Returns of how many kinds
    /// there were any.
    pub fn reset(&self, event: Option<&[u8]>) -> usize {
        let mut events = self.0.lock();
        let before = events.len();
        events.retain(|name, _| {
            event.is_some_and(|event| !name.as_bytes().eq_ignore_ascii_case(event))
        });
        before - events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(events: &Events, seconds: i64, millis: u64) {
        events.add(event::COMMAND, Sample { seconds, millis });
    }

    #[test]
    fn a_second_has_one_sample_the_longest() {
        let events = Events::default();
        for (seconds, millis) in [(10, 5), (10, 9), (10, 7), (11, 3)] {
            add(&events, seconds, millis);
        }
        let (_, series) = events.series(b"command").unwrap();
        let samples = [(10, 9), (11, 3)].map(|(seconds, millis)| Sample { seconds, millis });
        assert_eq!(series.samples, samples);
        assert_eq!(series.longest, 9);
        assert!(events.series(b"COMMAND").is_none());
    }

    #[test]
    fn the_oldest_samples_go_first() {
        let events = Events::default();
        for second in 0..200 {
            add(&events, second, 1_000 - second as u64);
        }
        let (_, series) = events.series(b"command").unwrap();
        assert_eq!(series.samples.len(), 160);
        assert_eq!(series.samples[0].seconds, 40);
        assert_eq!(series.longest, 1_000);
    }

    #[test]
    fn reset_forgets_one_kind_or_all() {
        let events = Events::default();
        let fill = || {
            for name in [event::COMMAND, event::EXPIRE_CYCLE] {
                events.add(
                    name,
                    Sample {
                        seconds: 1,
                        millis: 1,
                    },
                );
            }
        };
        fill();
        assert_eq!(events.reset(Some(b"nosuch")), 0);
        assert_eq!(events.reset(Some(b"Command")), 1);
        assert_eq!(events.all().len(), 1);
        fill();
        assert_eq!(events.reset(None), 2);
        assert!(events.all().is_empty());
    }
}
