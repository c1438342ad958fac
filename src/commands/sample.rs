//! Random picks out of collections, for HRANDFIELD and its kin.
//!
//! Every pick is uniform: each element, or each subset of the size asked for, has the same chance.

use std::collections::HashSet;
use std::hash::Hash;

use crate::error::Error;
use crate::random;
use crate::resp::Reply;

/// How many times larger than the number of picks a collection must be for drawing to be cheaper than
/// passing over all of it: fewer than half of the draws are then in vain.
const DRAW_FACTOR: usize = 3;

/// The most bytes that one reply of repeated picks may have. Redis has no such limit, and runs out of
/// memory.
const LONGEST_REPLY: usize = 1 << 30;

/// The least bytes that an element takes in a reply: an empty bulk string.
const LEAST_ELEMENT: usize = b"$0\r\n\r\n".len();

/// Whether `count` different elements out of `len` are better drawn one by one ([`distinct`]) than
/// chosen while passing over all of them ([`subset`]).
pub fn is_drawn(count: usize, len: usize) -> bool {
    count.saturating_mul(DRAW_FACTOR) <= len
}

/// Takes `count` of the `len` items, in their order. O(len), without memory.
pub fn subset<T>(
    items: impl Iterator<Item = T>,
    len: usize,
    count: usize,
    mut take: impl FnMut(T),
) {
    let (mut wanted, mut left) = (count, len);
    for item in items {
        if wanted == 0 {
            return;
        }
        // The chance that the wanted ones among those left have this one among them.
        if random::below(left) < wanted {
            wanted -= 1;
            take(item);
        }
        left -= 1;
    }
}

/// Takes `count` different items out of those that `draw` gives, told apart by `identity`. There must be
/// as many, and it is quick only where [`is_drawn`] says so. O(count).
pub fn distinct<T, I: Hash + Eq>(
    count: usize,
    mut draw: impl FnMut() -> Option<T>,
    identity: impl Fn(&T) -> I,
    mut take: impl FnMut(T),
) {
    let mut seen = HashSet::with_capacity(count);
    while seen.len() < count {
        let Some(item) = draw() else {
            return;
        };
        if seen.insert(identity(&item)) {
            take(item);
        }
    }
}

/// Writes `count` picks, of which each may come again, one by one with `write`.
///
/// # Errors
/// If the reply would be longer than 1 GiB: a short request could otherwise exhaust the memory.
pub fn repeat(
    count: u64,
    reply: &mut Reply<'_>,
    mut write: impl FnMut(&mut Reply<'_>),
) -> Result<(), Error> {
    let too_long = || Error::Static("ERR the reply would be longer than 1 GiB");
    if count > (LONGEST_REPLY / LEAST_ELEMENT) as u64 {
        return Err(too_long());
    }
    let limit = reply.mark().saturating_add(LONGEST_REPLY);
    for _ in 0..count {
        write(reply);
        if reply.mark() > limit {
            return Err(too_long());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether counts of equally likely outcomes look so: chi squared within six deviations of its mean.
    fn looks_uniform(counts: &[usize]) -> bool {
        let total: usize = counts.iter().sum();
        let expected = total as f64 / counts.len() as f64;
        let chi: f64 = counts
            .iter()
            .map(|&count| (count as f64 - expected).powi(2) / expected)
            .sum();
        let freedom = (counts.len() - 1) as f64;
        (chi - freedom).abs() < 6.0 * (2.0 * freedom).sqrt()
    }

    /// Each of the subsets of 3 out of 6 as a bit mask, counted.
    fn subsets(mut pick: impl FnMut(&mut dyn FnMut(usize))) -> Vec<usize> {
        let mut counts = vec![0; 64];
        for _ in 0..20_000 {
            let mut mask = 0;
            pick(&mut |item| {
                assert_eq!(mask & 1 << item, 0, "{item} came twice");
                mask |= 1 << item;
            });
            assert_eq!(u32::count_ones(mask), 3);
            counts[mask as usize] += 1;
        }
        counts
            .into_iter()
            .enumerate()
            .filter(|(mask, _)| mask.count_ones() == 3)
            .map(|(_, count)| count)
            .collect()
    }

    #[test]
    fn every_subset_has_the_same_chance() {
        let passed = subsets(|take| subset(0..6, 6, 3, take));
        assert!(looks_uniform(&passed), "{passed:?}");
        let drawn = subsets(|take| distinct(3, || Some(random::below(6)), |&item| item, take));
        assert!(looks_uniform(&drawn), "{drawn:?}");
    }

    #[test]
    fn all_and_none() {
        for count in [0, 5] {
            let mut taken = Vec::new();
            subset(0..5, 5, count, |item| taken.push(item));
            assert_eq!(taken, (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn replies_have_an_end() {
        let mut out = Vec::new();
        let mut reply = Reply::new(&mut out, crate::resp::Protocol::Resp2);
        assert!(repeat(i64::MAX as u64, &mut reply, |_| panic!("written")).is_err());
        assert_eq!(repeat(2, &mut reply, |reply| reply.bulk(b"x")), Ok(()));
        assert_eq!(out, b"$1\r\nx\r\n$1\r\nx\r\n");
    }
}
