//! How often a command took how long: counts in bins of two significant digits, from a nanosecond to a
//! second.
//!
//! The bins, and what is read out of them, are those of the HdrHistogram that Redis keeps for each
//! command, so that LATENCY HISTOGRAM and INFO latencystats answer in the same steps. The crate of that
//! name is not used: its counts have one owner, and here a worker adds while others read.

use std::sync::OnceLock;

use crate::stats::Counter;

/// Bits of a value that its bin keeps.
const KEPT_BITS: u32 = 8;

/// Values below this have a bin each.
const EXACT: u64 = 1 << KEPT_BITS;

/// The longest time that is told apart: a second.
const LONGEST: u64 = 1_000_000_000;

/// Number of bins.
const BINS: usize = bin(LONGEST) + 1;

/// The upper end of the last bin, as Redis has it: its bins go on to the next power of two.
const LAST_END: u64 = LONGEST.next_power_of_two() - 1;

/// The bin of a value.
#[inline]
const fn bin(nanos: u64) -> usize {
    let shift = (u64::BITS - KEPT_BITS) - (nanos | (EXACT - 1)).leading_zeros();
    ((shift as usize) << (KEPT_BITS - 1)) + (nanos >> shift) as usize
}

/// The lowest and the highest value of a bin.
const fn bounds(bin: usize) -> (u64, u64) {
    let half = 1 << (KEPT_BITS - 1);
    let shift = (bin / half).saturating_sub(1);
    let first = ((bin - shift * half) as u64) << shift;
    (first, first + (1 << shift) - 1)
}

/// The times of one command on one worker. Takes no room until there is one.
#[derive(Debug, Default)]
pub struct Histogram(OnceLock<Box<[Counter]>>);

impl Histogram {
    /// Counts a call that took `micros`. Only the owning thread may call it.
    #[inline]
    pub fn record_micros(&self, micros: u64) {
        self.record_within(micros.min(LONGEST / 1_000) * 1_000, 1);
    }

    /// Counts `times` calls that took `nanos` each. Only the owning thread may call it.
    #[inline]
    pub fn record(&self, nanos: u64, times: u64) {
        self.record_within(nanos.min(LONGEST), times);
    }

    #[inline]
    fn record_within(&self, nanos: u64, times: u64) {
        let Some(counts) = self.0.get() else {
            return self.begin(nanos, times);
        };
        // At least a nanosecond, as in Redis.
        let nanos = nanos + u64::from(nanos == 0);
        counts[bin(nanos)].add(times);
    }

    #[cold]
    fn begin(&self, nanos: u64, times: u64) {
        self.0
            .get_or_init(|| (0..BINS).map(|_| Counter::default()).collect());
        self.record_within(nanos, times);
    }

    /// Adds the counts to a distribution.
    pub fn add_to(&self, sum: &mut Distribution) {
        if let Some(counts) = self.0.get() {
            sum.counts.resize(BINS, 0);
            for (sum, count) in sum.counts.iter_mut().zip(counts) {
                *sum += count.get();
            }
        }
    }
}

/// Counts of several workers together, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// By bin; empty if nothing was ever counted.
    counts: Vec<u64>,
}

impl Distribution {
    /// Takes off what had been counted at an earlier moment.
    pub fn subtract(&mut self, earlier: &Distribution) {
        for (count, earlier) in self.counts.iter_mut().zip(&earlier.counts) {
            *count = count.saturating_sub(*earlier);
        }
    }

    /// Number of calls.
    pub fn calls(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The nanoseconds within which this percentage of the calls ended; for 0, the shortest call's.
    pub fn percentile(&self, percent: f64) -> u64 {
        let wanted = (percent.min(100.0) / 100.0 * self.calls() as f64 + 0.5) as u64;
        let wanted = wanted.max(1);
        let mut seen = 0;
        for (bin, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let (first, last) = bounds(bin);
                return if percent == 0.0 { first } else { last };
            }
        }
        0
    }

    /// Calls that took no longer than each of some limits in microseconds: about every power of two, but
    /// those that add no calls to the one before.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let calls = self.calls();
        let mut steps = Vec::new();
        let (mut seen, mut shown, mut next) = (0, 0, 0);
        let mut limit = 1024;
        while shown < calls {
            // The bin that begins with the limit counts to it, as in Redis.
            let end = if limit <= LONGEST {
                bin(limit) + 1
            } else {
                BINS
            };
            seen += self.counts[next..end].iter().sum::<u64>();
            next = end;
            if seen > shown {
                let last = if end == BINS {
                    LAST_END
                } else {
                    bounds(end - 1).1
                };
                steps.push((last / 1_000, seen));
                shown = seen;
            }
            limit *= 2;
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64]) -> Distribution {
        let histogram = Histogram::default();
        for &value in values {
            histogram.record(value, 1);
        }
        let mut sum = Distribution::default();
        histogram.add_to(&mut sum);
        sum
    }

    /// The development dependency is an implementation of the same histogram by others.
    #[test]
    fn bins_are_those_of_an_hdr_histogram() {
        let reference = hdrhistogram::Histogram::<u64>::new_with_bounds(1, LONGEST, 2).unwrap();
        let mut value = 1;
        while value <= LONGEST {
            for near in [value - 1, value, value + 1, value + value / 3] {
                let near = near.clamp(1, LONGEST);
                let (first, last) = bounds(bin(near));
                assert_eq!(first, reference.lowest_equivalent(near), "{near}");
                assert_eq!(last, reference.highest_equivalent(near), "{near}");
            }
            value += value / 7 + 1;
        }
        assert_eq!(bounds(0), (0, 0));
        for bin in 0..BINS {
            let (first, last) = bounds(bin);
            assert_eq!((super::bin(first), super::bin(last)), (bin, bin));
        }
    }

    #[test]
    fn percentiles_are_the_upper_ends_of_bins() {
        let times = of(&[1_000, 2_000, 3_000, 50_000_000]);
        assert_eq!(times.percentile(0.0), 1_000);
        assert_eq!(times.percentile(25.0), 1_003);
        assert_eq!(times.percentile(50.0), 2_007);
        assert_eq!(times.percentile(75.0), 3_007);
        assert_eq!(times.percentile(99.9), 50_069_503);
        assert_eq!(times.percentile(100.0), 50_069_503);
        // Shorter and longer than what is told apart.
        assert_eq!(of(&[0]).percentile(50.0), 1);
        assert_eq!(of(&[u64::MAX]).percentile(50.0), 1_002_438_655);
    }

    #[test]
    fn limits_are_powers_of_two_that_add_calls() {
        assert_eq!(of(&[]).cumulative(), []);
        assert_eq!(of(&[0, 1_000, 1_031]).cumulative(), [(1, 3)]);
        let times = of(&[1_000, 1_032, 5_000, 5_000, 300_000]);
        assert_eq!(times.cumulative(), [(1, 1), (2, 2), (8, 4), (528, 5)]);
        assert_eq!(of(&[600_000_000]).cumulative(), [(1_073_741, 1)]);
        assert_eq!(of(&[LONGEST * 9, 5]).cumulative(), [(1, 1), (1_073_741, 2)]);
    }

    #[test]
    fn what_was_counted_earlier_can_be_taken_off() {
        let histogram = Histogram::default();
        let now = || {
            let mut sum = Distribution::default();
            histogram.add_to(&mut sum);
            sum
        };
        assert_eq!(now().calls(), 0);
        histogram.record(1_000, 3);
        let earlier = now();
        histogram.record(1_000, 2);
        histogram.record(9_000, 1);
        let mut since = now();
        since.subtract(&earlier);
        assert_eq!(since, of(&[1_000, 1_000, 9_000]));
        since.subtract(&now());
        assert_eq!(since.calls(), 0);
    }
}
