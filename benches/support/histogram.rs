//! Histograms of waits.

use hdrhistogram::Histogram;

/// An empty histogram of nanoseconds, exact to three digits, up to two minutes.
pub fn new_histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 120_000_000_000, 3)
        .expect("the bounds are constant and valid");
    histogram.auto(false);
    histogram
}
