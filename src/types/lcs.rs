//! The longest common subsequence of two byte strings, as LCS reports it.
//!
//! Among subsequences of the same length the one reported is fixed: the walk starts at both ends,
//! takes equal bytes, and otherwise drops a byte of `a` only if that alone keeps the length.
//!
//! The lengths of all pairs of prefixes are kept as one bit per cell, "the length grows here along
//! `b`", and 64 cells are computed at a time, so time is O(|a| * |b| / 64) and memory is 1/32 of what
//! the reference's table takes. The limit is nevertheless that of the reference's table, 4 bytes per
//! cell, so that the same calls fail.

/// Why no subsequence was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LcsError {
    /// A string of 4,294,967,294 bytes or more.
    #[error("ERR String too long for LCS")]
    TooLong,
    /// The table, `4 * (|a| + 1) * (|b| + 1)` bytes, would pass the limit.
    #[error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")]
    TooMuchMemory,
}

/// A run of bytes that is in both strings and in the subsequence. Positions count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where the run starts in the first string.
    pub a: usize,
    /// Where the run starts in the second string.
    pub b: usize,
    /// The run's length in bytes, at least 1.
    pub len: usize,
}

/// The longest common subsequence and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lcs {
    /// The subsequence's bytes.
    pub bytes: Vec<u8>,
    /// The runs that it consists of, the last run first, as IDX lists them. MINMATCHLEN is a
    /// filter over these (0 and below keep all).
    pub matches: Vec<Match>,
}

/// The length alone. `limit` is in bytes (`proto-max-bulk-len`). Memory: O(|a| + |b|) bits per
/// distinct byte of `a`.
pub fn length(a: &[u8], b: &[u8], limit: u64) -> Result<usize, LcsError> {
    check(a, b, limit)?;
    let mut rows = Rows::new(a, b);
    for &byte in a {
        rows.step(byte);
    }
    Ok(rows.length())
}

/// The subsequence and its runs. `limit` is in bytes (`proto-max-bulk-len`).
pub fn compute(a: &[u8], b: &[u8], limit: u64) -> Result<Lcs, LcsError> {
    check(a, b, limit)?;
    let mut rows = Rows::new(a, b);
    let words = rows.row.len();
    let mut table = Vec::with_capacity(words * a.len());
    for &byte in a {
        rows.step(byte);
        table.extend_from_slice(&rows.row);
    }
    // A clear bit of row `i` at `j` says that prefix lengths (i + 1, j + 1) and (i + 1, j) differ.
    let grows = |i: usize, j: usize| table[i * words + j / 64] >> (j % 64) & 1 == 0;

    let mut lcs = Lcs {
        bytes: Vec::with_capacity(rows.length()),
        matches: Vec::new(),
    };
    let mut open: Option<Match> = None;
    let (mut i, mut j) = (a.len(), b.len());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            i -= 1;
            j -= 1;
            lcs.bytes.push(a[i]);
            // Any step without a match closes the run, so an open run always continues here.
            let len = open.map_or(1, |run| run.len + 1);
            open = Some(Match { a: i, b: j, len });
            continue;
        }
        // Unequal last bytes: the length here is the larger of both neighbours', so if it grew
        // along `b`, it is the neighbour without `a`'s last byte that has all of it.
        if grows(i - 1, j - 1) {
            i -= 1;
        } else {
            j -= 1;
        }
        lcs.matches.extend(open.take());
    }
    lcs.matches.extend(open);
    lcs.bytes.reverse();
    Ok(lcs)
}

fn check(a: &[u8], b: &[u8], limit: u64) -> Result<(), LcsError> {
    let longest = u64::from(u32::MAX) - 1;
    let (a, b) = (a.len() as u64, b.len() as u64);
    if a >= longest || b >= longest {
        return Err(LcsError::TooLong);
    }
    // Below 2^32 each, so the cells cannot pass 2^64, yet their bytes can.
    match ((a + 1) * (b + 1)).checked_mul(4) {
        Some(bytes) if bytes <= limit => Ok(()),
        _ => Err(LcsError::TooMuchMemory),
    }
}

/// The bits of one row of the table at a time: bit `j` is clear where the length grows.
struct Rows {
    row: Vec<u64>,
    /// For each byte that occurs in `a`, where it is in `b`.
    places: Vec<u64>,
    /// Where a byte's bits start in `places`.
    starts: [usize; 256],
    width: usize,
}

impl Rows {
    fn new(a: &[u8], b: &[u8]) -> Self {
        let words = b.len().div_ceil(64);
        let mut starts = [usize::MAX; 256];
        let mut used = 0;
        for &byte in a {
            let start = &mut starts[usize::from(byte)];
            if *start == usize::MAX {
                *start = used;
                used += words;
            }
        }
        let mut places = vec![0; used];
        for (j, &byte) in b.iter().enumerate() {
            let start = starts[usize::from(byte)];
            if start != usize::MAX {
                places[start + j / 64] |= 1 << (j % 64);
            }
        }
        Rows {
            row: vec![u64::MAX; words],
            places,
            starts,
            width: b.len(),
        }
    }

    /// Goes on to the row of one more byte of `a`.
    ///
    /// Hyyro's recurrence: with U = V and M, the next V is (V + U) or (V and not M).
    fn step(&mut self, byte: u8) {
        let start = self.starts[usize::from(byte)];
        let places = &self.places[start..start + self.row.len()];
        let mut carry = false;
        for (word, &place) in self.row.iter_mut().zip(places) {
            let (sum, first) = word.overflowing_add(*word & place);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            *word = sum | (*word & !place);
        }
    }

    fn length(&self) -> usize {
        let mut clear: u32 = self.row.iter().map(|word| word.count_zeros()).sum();
        // Bits past the width stand for nothing, yet a carry may have cleared some.
        let used = self.width % 64;
        if used != 0
            && let Some(last) = self.row.last()
        {
            clear -= (last | !(u64::MAX << used)).count_zeros();
        }
        clear as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    const LIMIT: u64 = 512 * 1024 * 1024;

    fn runs(lcs: &Lcs) -> Vec<(usize, usize, usize)> {
        lcs.matches.iter().map(|m| (m.a, m.b, m.len)).collect()
    }

    #[test]
    fn as_recorded() {
        let lcs = compute(b"ohmytext", b"mynewtext", LIMIT).unwrap();
        assert_eq!(lcs.bytes, b"mytext");
        assert_eq!(runs(&lcs), [(4, 5, 4), (2, 0, 2)]);
        let lcs = compute(b"aabba", b"aab", LIMIT).unwrap();
        assert_eq!(lcs.bytes, b"aab");
        assert_eq!(runs(&lcs), [(3, 2, 1), (0, 0, 2)]);
        assert_eq!(compute(b"", b"abc", LIMIT), Ok(Lcs::default()));
        assert_eq!(compute(b"abc", b"", LIMIT), Ok(Lcs::default()));
        assert_eq!(compute(b"abc", b"xyz", LIMIT), Ok(Lcs::default()));
        assert_eq!(length(b"", b"", LIMIT), Ok(0));
    }

    #[test]
    fn the_limit_is_four_bytes_per_cell() {
        let (a, b) = ([b'a'; 9], [b'a'; 19]);
        assert_eq!(length(&a, &b, 800), Ok(9));
        assert_eq!(length(&a, &b, 799), Err(LcsError::TooMuchMemory));
        assert_eq!(compute(&a, &b, 799), Err(LcsError::TooMuchMemory));
        assert!(compute(&a, &b, 800).is_ok());
        assert_eq!(length(b"", b"", 3), Err(LcsError::TooMuchMemory));
    }

    /// The textbook table of lengths, and the walk back through it.
    fn naive(a: &[u8], b: &[u8]) -> Lcs {
        let mut table = vec![vec![0usize; b.len() + 1]; a.len() + 1];
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                table[i][j] = if a[i - 1] == b[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    table[i - 1][j].max(table[i][j - 1])
                };
            }
        }
        let mut lcs = Lcs::default();
        let (mut i, mut j) = (a.len(), b.len());
        let mut joined = false;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                lcs.bytes.insert(0, a[i]);
                match lcs.matches.last_mut() {
                    Some(run) if joined => {
                        *run = Match {
                            a: i,
                            b: j,
                            len: run.len + 1,
                        }
                    }
                    _ => lcs.matches.push(Match { a: i, b: j, len: 1 }),
                }
                joined = true;
            } else {
                joined = false;
                if table[i - 1][j] > table[i][j - 1] {
                    i -= 1;
                } else {
                    j -= 1;
                }
            }
        }
        lcs
    }

    #[test]
    fn agrees_with_the_textbook() {
        let mut chance = Chance::new(11);
        for round in 0..600 {
            let alphabet: &[u8] = [&b"ab"[..], b"abcd", b"abcdefghijklmnopqrstuvwxyz"][round % 3];
            let longest = [6, 64, 65, 200][round % 4];
            let a = chance.text(alphabet, longest);
            let b = chance.text(alphabet, longest);
            let expected = naive(&a, &b);
            assert_eq!(length(&a, &b, LIMIT), Ok(expected.bytes.len()));
            assert_eq!(compute(&a, &b, LIMIT), Ok(expected), "{a:?} {b:?}");
        }
    }
}
