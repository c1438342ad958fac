//! Requests as bytes, and the chance that they are made with.

/// Appends one command to `out`. Returns where each argument ends, counted from where the command starts.
pub fn push_command(out: &mut Vec<u8>, arguments: &[&[u8]]) -> Vec<usize> {
    let start = out.len();
    out.extend_from_slice(format!("*{}\r\n", arguments.len()).as_bytes());
    arguments
        .iter()
        .map(|argument| {
            out.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            out.extend_from_slice(argument);
            let end = out.len() - start;
            out.extend_from_slice(b"\r\n");
            end
        })
        .collect()
}

/// A small generator (xorshift). Every server gets the same seed, and so the same keys.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Any seed but zero would do; the product spreads small ones.
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number from 0 to `limit` - 1; `limit` is at most 2^32.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) * limit) >> 32
    }
}
