//! LZF, the compression of strings: runs of bytes, and references to up to 8,192 bytes before.
//!
//! | first byte | what it begins |
//! |---|---|
//! | `000nnnnn` | n + 1 bytes as they are |
//! | `nnnooooo` | one more byte of offset: n + 2 bytes from o + 1 bytes before |
//! | `111ooooo` | a byte n, then one of offset: n + 9 bytes from o + 1 bytes before |
//!
//! The compressor finds the same references as Redis's, so that the bytes are the same too. Redis's begins
//! with a table of places that it does not clear: where that happens to hold one that fits, it finds a
//! reference more.

use std::cell::RefCell;

use super::Corrupt;

/// Most bytes of a run.
const LONGEST_RUN: usize = 1 << 5;

/// How far a reference may reach.
const FARTHEST: usize = 1 << 13;

/// Most bytes that a reference can stand for.
const LONGEST_REFERENCE: usize = (1 << 8) + (1 << 3);

/// Bytes that compressed bytes can stand for at most, each: three of them are the longest reference.
pub const MOST_EXPANSION: usize = LONGEST_REFERENCE / 3;

const HASH_BITS: u32 = 16;

/// Where three bytes were seen last. Places count on from one use to the next, so that it need not be
/// cleared.
struct Places {
    last: Box<[u32; 1 << HASH_BITS]>,
    /// Places at or below this are of earlier uses.
    base: u32,
}

thread_local! {
    static PLACES: RefCell<Places> = RefCell::new(Places {
        last: vec![0; 1 << HASH_BITS].try_into().unwrap_or_else(|_| unreachable!("of that length")),
        base: 0,
    });
}

impl Places {
    /// Readies it for `len` bytes, of which there are less than 2^32.
    fn begin(&mut self, len: usize) {
        if self.base as usize + len + 1 >= u32::MAX as usize {
            self.last.fill(0);
            self.base = 0;
        }
    }

    /// Notes that the three bytes `next` are at `at`. Returns where they may have been before.
    #[inline]
    fn note(&mut self, next: u32, at: usize) -> Option<usize> {
        let hash = (next >> (24 - HASH_BITS)).wrapping_sub(next.wrapping_mul(5));
        let place = &mut self.last[hash as usize & ((1 << HASH_BITS) - 1)];
        let before = *place;
        *place = self.base + at as u32 + 1;
        before.checked_sub(self.base + 1).map(|at| at as usize)
    }
}

/// The three bytes at `at` as one number.
#[inline]
fn three(input: &[u8], at: usize) -> u32 {
    u32::from(input[at]) << 16 | u32::from(input[at + 1]) << 8 | u32::from(input[at + 2])
}

/// A run that is being written: its first byte is written when it ends.
struct Runs<'a> {
    out: &'a mut Vec<u8>,
    /// Where the output ends at the latest.
    end: usize,
    /// Bytes of the run so far.
    len: usize,
}

impl Runs<'_> {
    fn begin(&mut self) {
        self.len = 0;
        self.out.push(0);
    }

    /// Ends the run; one without bytes disappears.
    fn end(&mut self) {
        if self.len == 0 {
            self.out.pop();
        } else {
            let at = self.out.len() - self.len - 1;
            self.out[at] = (self.len - 1) as u8;
        }
    }

    fn push(&mut self, byte: u8) {
        self.out.push(byte);
        self.len += 1;
        if self.len == LONGEST_RUN {
            self.end();
            self.begin();
        }
    }

    /// Whether a reference may be too long for what is left.
    fn is_near_end(&self) -> bool {
        let at = self.out.len();
        at + 4 >= self.end && at + 4 - usize::from(self.len == 0) >= self.end
    }
}

/// Appends `input` in at most `most` bytes to `out`. False if it does not fit; `out` is then as it was. O(n).
pub fn compress(input: &[u8], most: usize, out: &mut Vec<u8>) -> bool {
    if input.is_empty() || most == 0 || input.len() >= u32::MAX as usize {
        return false;
    }
    let start = out.len();
    let fits = PLACES.with_borrow_mut(|places| {
        places.begin(input.len());
        let mut runs = Runs {
            end: start + most,
            out: &mut *out,
            len: 0,
        };
        let fits = compress_with(places, input, &mut runs);
        places.base += input.len() as u32;
        fits
    });
    if !fits {
        out.truncate(start);
    }
    fits
}

fn compress_with(places: &mut Places, input: &[u8], runs: &mut Runs<'_>) -> bool {
    let end = input.len();
    let mut at = 0;
    runs.begin();
    while at + 2 < end {
        let next = three(input, at);
        // Redis takes no reference to the very beginning.
        let before = places.note(next, at).filter(|&before| {
            before > 0 && at - before <= FARTHEST && three(input, before) == next
        });
        let Some(before) = before else {
            if runs.out.len() >= runs.end {
                return false;
            }
            runs.push(input[at]);
            at += 1;
            continue;
        };
        if runs.is_near_end() {
            return false;
        }
        runs.end();
        let mut most = (end - at - 2).min(LONGEST_REFERENCE);
        if most > 16 {
            // Redis looks at so many at once.
            most = most.max(19);
        }
        let mut len = 3;
        while len < most && input[before + len] == input[at + len] {
            len += 1;
        }
        let (len, offset) = (len - 2, at - before - 1);
        if len < 7 {
            runs.out.push((offset >> 8) as u8 | (len << 5) as u8);
        } else {
            runs.out.push((offset >> 8) as u8 | 7 << 5);
            runs.out.push((len - 7) as u8);
        }
        runs.out.push(offset as u8);
        runs.begin();
        at += len + 2;
        if at + 2 >= end {
            break;
        }
        places.note(three(input, at - 2), at - 2);
        places.note(three(input, at - 1), at - 1);
    }
    if runs.out.len() + 3 > runs.end {
        return false;
    }
    input[at..].iter().for_each(|&byte| runs.push(byte));
    runs.end();
    true
}

/// The `len` bytes that `input` stands for. O(n).
///
/// # Errors
/// If it stands for another number of bytes, or for none.
pub fn decompress(input: &[u8], len: usize) -> Result<Vec<u8>, Corrupt> {
    if len / MOST_EXPANSION > input.len() {
        return Err(Corrupt);
    }
    let mut out = Vec::with_capacity(len);
    let mut bytes = input.iter();
    let mut next = || bytes.next().copied().ok_or(Corrupt).map(usize::from);
    // The runs are taken from the iterator too, so that there is one place to be kept.
    while let Ok(first) = next() {
        if first < LONGEST_RUN {
            if out.len() + first + 1 > len {
                return Err(Corrupt);
            }
            for _ in 0..=first {
                out.push(next()? as u8);
            }
            continue;
        }
        let mut count = first >> 5;
        if count == 7 {
            count += next()?;
        }
        let offset = (first & 0x1f) << 8 | next()?;
        let from = out.len().checked_sub(offset + 1).ok_or(Corrupt)?;
        if out.len() + count + 2 > len {
            return Err(Corrupt);
        }
        copy_from_before(&mut out, from, count + 2);
    }
    if out.len() == len {
        Ok(out)
    } else {
        Err(Corrupt)
    }
}

/// Appends `count` bytes from `from` on, which may be among those that it appends.
fn copy_from_before(out: &mut Vec<u8>, from: usize, count: usize) {
    if from + count <= out.len() {
        out.extend_from_within(from..from + count);
    } else {
        (from..from + count).for_each(|at| out.push(out[at]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    fn compressed(input: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let fits = compress(input, most, &mut out);
        assert!(out.starts_with(b"before") && (fits || out.len() == 6));
        assert!(out.len() - 6 <= most);
        fits.then(|| out[6..].to_vec())
    }

    #[test]
    fn what_was_compressed_comes_back() {
        let mut chance = Chance::new(5);
        let mut shorter = 0;
        for round in 0..3_000 {
            let alphabet = &b"abcdefghijklmnopqrstuvwxyz"[..1 + round % 26];
            let longest = if round % 50 == 0 { 30_000 } else { 300 };
            let input = chance.text(alphabet, longest);
            if let Some(short) = compressed(&input, input.len().saturating_sub(4)) {
                shorter += 1;
                assert_eq!(decompress(&short, input.len()).unwrap(), input);
                assert_eq!(decompress(&short, input.len() + 1), Err(Corrupt));
                assert_eq!(
                    decompress(&short[..short.len() - 1], input.len()),
                    Err(Corrupt)
                );
                // It fits into no less, and into that.
                let least = short.len();
                let tight = (least..=least + 6).find_map(|most| compressed(&input, most));
                assert_eq!(tight.unwrap(), short);
            }
        }
        assert!(shorter > 300);
    }

    #[test]
    fn repeated_bytes_expand_no_further_than_said() {
        let input = vec![b'x'; 1_000_000];
        let short = compressed(&input, input.len()).unwrap();
        assert!(short.len() * MOST_EXPANSION >= input.len());
        assert!(short.len() * (MOST_EXPANSION - 1) <= input.len());
        assert_eq!(decompress(&short, input.len()).unwrap(), input);
    }

    #[test]
    fn lies_about_the_length_reserve_nothing() {
        assert_eq!(decompress(b"\x00x", usize::MAX), Err(Corrupt));
        assert_eq!(decompress(b"", 0), Ok(Vec::new()));
        // A reference to before the beginning.
        assert_eq!(decompress(b"\x00x\x20\x01", 4), Err(Corrupt));
        assert_eq!(decompress(b"\x00x\x20\x00", 4), Ok(b"xxxx".to_vec()));
    }

    #[test]
    fn places_of_earlier_uses_are_none() {
        PLACES.with_borrow_mut(|places| places.base = u32::MAX - 500);
        let mut chance = Chance::new(6);
        for _ in 0..50 {
            let input = chance.text(b"ab", 200);
            if let Some(short) = compressed(&input, input.len()) {
                assert_eq!(decompress(&short, input.len()).unwrap(), input);
            }
        }
    }
}
