//! Strings as rows of bits, the highest bit of the first byte being number 0, and integers of any width in
//! them.

/// Bytes of all sources of [`combine`] that are worked on at a time: they stay in the cache.
const CHUNK: usize = 8 * 1024;

/// Bit `offset`; those behind the end are 0.
pub fn get(bytes: &[u8], offset: u64) -> bool {
    usize::try_from(offset / 8)
        .ok()
        .and_then(|index| bytes.get(index))
        .is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0)
}

/// Sets bit `offset`, which must not lie behind the end. Returns what it was.
pub fn set(bytes: &mut [u8], offset: u64, bit: bool) -> bool {
    let mask = 0x80 >> (offset % 8);
    let byte = &mut bytes[(offset / 8) as usize];
    let old = *byte & mask != 0;
    *byte = if bit { *byte | mask } else { *byte & !mask };
    old
}

/// Number of bits that are 1, from bit `from` up to and without bit `to`, neither behind the end.
pub fn count(bytes: &[u8], from: u64, to: u64) -> u64 {
    if from >= to {
        return 0;
    }
    let (first, last) = ((from / 8) as usize, ((to - 1) / 8) as usize);
    let outside = u32::from(bytes[first] & before(from)).count_ones()
        + u32::from(bytes[last] & after(to - 1)).count_ones();
    count_all(&bytes[first..=last]) - u64::from(outside)
}

/// The bits of a byte before bit `offset`.
fn before(offset: u64) -> u8 {
    !(0xff >> (offset % 8))
}

/// The bits of a byte after bit `offset`.
fn after(offset: u64) -> u8 {
    0x7f >> (offset % 8)
}

/// Number of bits that are 1.
fn count_all(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        // SAFETY: the processor has the instruction.
        return unsafe { count_with_popcnt(bytes) };
    }
    count_words(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn count_with_popcnt(bytes: &[u8]) -> u64 {
    count_words(bytes)
}

#[inline(always)]
fn count_words(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words: u64 = words
        .iter()
        .map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()))
        .sum();
    let in_rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    in_words + u64::from(in_rest)
}

/// The first bit that is `bit`, from bit `from` up to and without bit `to`, neither behind the end.
pub fn position(bytes: &[u8], bit: bool, from: u64, to: u64) -> Option<u64> {
    if from >= to {
        return None;
    }
    let (first, last) = ((from / 8) as usize, ((to - 1) / 8) as usize);
    // In what follows it is always a 1 that is looked for.
    let flip = if bit { 0 } else { 0xff };
    let in_byte = |index: usize| {
        let mut byte = bytes[index] ^ flip;
        if index == first {
            byte &= !before(from);
        }
        if index == last {
            byte &= !after(to - 1);
        }
        (byte != 0).then(|| index as u64 * 8 + u64::from(byte.leading_zeros()))
    };
    in_byte(first)
        .or_else(|| {
            let between = bytes.get(first + 1..last)?;
            in_byte(first + 1 + first_other(between, flip)?)
        })
        .or_else(|| in_byte(last))
}

/// The first byte that is not `byte`.
fn first_other(bytes: &[u8], byte: u8) -> Option<usize> {
    let skipped = u64::from_ne_bytes([byte; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    match words
        .iter()
        .position(|word| u64::from_ne_bytes(*word) != skipped)
    {
        Some(word) => words[word]
            .iter()
            .position(|other| *other != byte)
            .map(|at| word * 8 + at),
        None => rest
            .iter()
            .position(|other| *other != byte)
            .map(|at| words.len() * 8 + at),
    }
}

/// What BITOP makes of several strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The bits that all of them have.
    And,
    /// The bits that any of them has.
    Or,
    /// The bits that an odd number of them has.
    Xor,
    /// The bits that the first does not have.
    Not,
}

/// The operation on strings, as long as the longest: behind its end, each goes on with zeros.
pub fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let Some((first, others)) = sources.split_first() else {
        return Vec::new();
    };
    let mut result = Vec::with_capacity(len);
    while result.len() < len {
        let from = result.len();
        let to = len.min(from + CHUNK);
        let part = |source: &&[u8]| {
            let end = source.len();
            from.min(end)..to.min(end)
        };
        result.extend_from_slice(&first[part(first)]);
        result.resize(to, 0);
        let chunk = &mut result[from..];
        match operation {
            Operation::Not => chunk.iter_mut().for_each(|byte| *byte = !*byte),
            Operation::And => {
                for source in others {
                    let (both, rest) = chunk.split_at_mut(part(source).len());
                    merge(both, &source[part(source)], |a, b| a & b);
                    rest.fill(0);
                }
            }
            Operation::Or => {
                for source in others {
                    merge(chunk, &source[part(source)], |a, b| a | b);
                }
            }
            Operation::Xor => {
                for source in others {
                    merge(chunk, &source[part(source)], |a, b| a ^ b);
                }
            }
        }
    }
    result
}

#[inline]
fn merge(into: &mut [u8], from: &[u8], merged: impl Fn(u8, u8) -> u8) {
    for (into, from) in into.iter_mut().zip(from) {
        *into = merged(*into, *from);
    }
}

/// What becomes of a number that does not fit its field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The bits that fit are kept.
    #[default]
    Wrap,
    /// The nearest number that fits is taken.
    Saturate,
    /// Nothing is written.
    Fail,
}

/// The type of an integer in a row of bits: up to 64 bits with a sign, up to 63 without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Whether the highest bit is a sign.
    pub signed: bool,
    /// Its width.
    pub bits: u32,
}

impl Field {
    /// Most bytes that a field touches.
    const BYTES: usize = 9;

    /// The number at bit `offset`; bits behind the end are 0.
    pub fn get(self, bytes: &[u8], offset: u64) -> i64 {
        let window = u128::from_be_bytes(self.window(bytes, offset)) << (offset % 8);
        if self.signed {
            (window as i128 >> (128 - self.bits)) as i64
        } else {
            (window >> (128 - self.bits)) as i64
        }
    }

    /// Puts the lowest bits of `value` at bit `offset`. The field must not reach behind the end.
    pub fn set(self, bytes: &mut [u8], offset: u64, value: i64) {
        let shift = 128 - u64::from(self.bits) - offset % 8;
        let mask = (u128::MAX >> (128 - self.bits)) << shift;
        let old = u128::from_be_bytes(self.window(bytes, offset));
        let new = old & !mask | ((value as u128) << shift) & mask;
        let from = (offset / 8) as usize;
        let len = (offset % 8 + u64::from(self.bits)).div_ceil(8) as usize;
        bytes[from..from + len].copy_from_slice(&new.to_be_bytes()[..len]);
    }

    /// The bytes from that of bit `offset` on, filled up with zeros.
    fn window(self, bytes: &[u8], offset: u64) -> [u8; 16] {
        let mut window = [0; 16];
        let found = usize::try_from(offset / 8)
            .ok()
            .and_then(|from| bytes.get(from..))
            .unwrap_or_default();
        let len = found.len().min(Self::BYTES);
        window[..len].copy_from_slice(&found[..len]);
        window
    }

    /// `value` plus `increment` as it is written: itself where it fits, otherwise what `overflow` makes of
    /// it, which may be nothing.
    ///
    /// `value` is what the field holds, or any number with an `increment` of 0. One without a sign is
    /// taken for 64 bits without one: those below 0 are too large.
    pub fn fit(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let (least, most) = self.bounds();
        let wide = match self.signed {
            true => i128::from(value),
            false => i128::from(value as u64),
        };
        let sum = wide + i128::from(increment);
        let end = if sum > i128::from(most) || self.is_far_below(value) {
            most
        } else if sum < i128::from(least) {
            least
        } else {
            return Some(sum as i64);
        };
        match overflow {
            Overflow::Wrap => Some(self.wrapped(sum as i64)),
            Overflow::Saturate => Some(end),
            Overflow::Fail => None,
        }
    }

    fn bounds(self) -> (i64, i64) {
        match (self.signed, self.bits) {
            (true, 64) => (i64::MIN, i64::MAX),
            (true, bits) => (-1 << (bits - 1), (1 << (bits - 1)) - 1),
            (false, bits) => (0, (1u64 << bits).wrapping_sub(1) as i64),
        }
    }

    /// Whether the distance to the largest number does not fit 64 bits: Redis takes such a number for too
    /// large, although it is too small.
    fn is_far_below(self, value: i64) -> bool {
        let (_, most) = self.bounds();
        self.signed && self.bits < 64 && most.checked_sub(value).is_none()
    }

    /// The lowest bits as a number of this type.
    fn wrapped(self, value: i64) -> i64 {
        let spare = 64 - self.bits;
        match self.signed {
            true => value << spare >> spare,
            false => ((value as u64) << spare >> spare) as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    /// The bits, one by one.
    fn bits(bytes: &[u8]) -> Vec<bool> {
        bytes
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte >> (7 - bit) & 1 == 1))
            .collect()
    }

    /// A string of up to `longest` bytes: any, or mostly all alike, so that there are long runs.
    fn row(chance: &mut Chance, longest: usize) -> Vec<u8> {
        let len = chance.below(longest + 1);
        let fill = [0, 0xff][chance.below(2)];
        let any = chance.below(3) == 0;
        let mut row = vec![fill; len];
        for byte in &mut row {
            if any || chance.below(20) == 0 {
                *byte = chance.bits() as u8;
            }
        }
        row
    }

    #[test]
    fn bits_are_those_of_a_model() {
        let mut chance = Chance::new(1);
        for _ in 0..2_000 {
            let mut row = row(&mut chance, 60);
            let mut model = bits(&row);
            for _ in 0..20 {
                let offset = chance.below(model.len() + 20);
                let old = model.get(offset).copied().unwrap_or(false);
                assert_eq!(get(&row, offset as u64), old);
                if offset < model.len() {
                    let bit = chance.below(2) == 1;
                    assert_eq!(set(&mut row, offset as u64, bit), old);
                    model[offset] = bit;
                }
                let (from, to) = (chance.below(model.len() + 1), chance.below(model.len() + 1));
                let range = model.get(from..to).unwrap_or_default();
                let ones = range.iter().filter(|bit| **bit).count() as u64;
                let (first, last) = (from as u64, to as u64);
                assert_eq!(count(&row, first, last), ones);
                assert_eq!(count_words(&row), count_all(&row));
                for bit in [false, true] {
                    let found = range.iter().position(|other| *other == bit);
                    assert_eq!(
                        position(&row, bit, first, last),
                        found.map(|at| (from + at) as u64)
                    );
                }
            }
            assert_eq!(bits(&row), model);
        }
        assert!(!get(b"\xff", u64::MAX));
    }

    #[test]
    fn combinations_are_those_of_a_model() {
        let mut chance = Chance::new(2);
        for round in 0..500 {
            let longest = if round % 50 == 0 { 5 * CHUNK } else { 100 };
            let sources: Vec<Vec<u8>> = (0..1 + chance.below(5))
                .map(|_| row(&mut chance, longest))
                .collect();
            let len = sources.iter().map(Vec::len).max().unwrap_or(0);
            let byte = |source: &Vec<u8>, at: usize| source.get(at).copied().unwrap_or(0);
            let model = |merged: fn(u8, u8) -> u8| -> Vec<u8> {
                (0..len)
                    .map(|at| {
                        let bytes = sources.iter().map(|source| byte(source, at));
                        bytes.reduce(merged).unwrap_or(0)
                    })
                    .collect()
            };
            let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            assert_eq!(combine(Operation::And, &slices), model(|a, b| a & b));
            assert_eq!(combine(Operation::Or, &slices), model(|a, b| a | b));
            assert_eq!(combine(Operation::Xor, &slices), model(|a, b| a ^ b));
            let inverse: Vec<u8> = sources[0].iter().map(|byte| !byte).collect();
            assert_eq!(combine(Operation::Not, &slices[..1]), inverse);
        }
        assert!(combine(Operation::And, &[]).is_empty());
    }

    #[test]
    fn fields_are_those_of_a_model() {
        let mut chance = Chance::new(3);
        for _ in 0..50_000 {
            let signed = chance.below(2) == 1;
            let field = Field {
                signed,
                bits: 1 + chance.below(if signed { 64 } else { 63 }) as u32,
            };
            let mut row = row(&mut chance, 30);
            let mut model = bits(&row);
            let offset = chance.below(8 * 30);
            let expected = |model: &[bool]| {
                let mut bits = (offset..offset + field.bits as usize)
                    .map(|at| model.get(at).copied().unwrap_or(false))
                    .peekable();
                let negative = signed && bits.peek() == Some(&true);
                let start = if negative { -1 } else { 0 };
                bits.fold(start, |value: i64, bit| value << 1 | i64::from(bit))
            };
            assert_eq!(field.get(&row, offset as u64), expected(&model));
            if offset + field.bits as usize > model.len() {
                continue;
            }
            let value = chance.bits() as i64 >> chance.below(64);
            field.set(&mut row, offset as u64, value);
            for at in 0..field.bits as usize {
                model[offset + at] = value >> (field.bits as usize - 1 - at) & 1 == 1;
            }
            assert_eq!(bits(&row), model);
            assert_eq!(field.get(&row, offset as u64), field.wrapped(value));
            let fits = field.fit(value, 0, Overflow::Fail) == Some(value);
            assert_eq!(fits, expected(&model) == value);
        }
        assert_eq!(
            Field {
                signed: true,
                bits: 8
            }
            .get(b"\xff", u64::MAX),
            0
        );
    }

    #[test]
    fn sums_that_do_not_fit() {
        use Overflow::{Fail, Saturate, Wrap};
        let (i8, u8) = (field(true, 8), field(false, 8));
        let (i64, u63) = (field(true, 64), field(false, 63));
        for (field, value, increment, overflow, result) in [
            (i8, 100, 27, Fail, Some(127)),
            (i8, 100, 28, Fail, None),
            (i8, 100, 28, Wrap, Some(-128)),
            (i8, 100, 28, Saturate, Some(127)),
            (i8, -100, -28, Fail, Some(-128)),
            (i8, -100, -29, Wrap, Some(127)),
            (i8, -100, -29, Saturate, Some(-128)),
            (i8, -129, 0, Saturate, Some(-128)),
            (i8, i64::MIN + 128, 0, Saturate, Some(-128)),
            (i8, i64::MIN + 127, 0, Saturate, Some(127)),
            (i8, i64::MIN, 0, Wrap, Some(0)),
            (u8, 255, 0, Fail, Some(255)),
            (u8, 255, 1, Fail, None),
            (u8, 255, 1, Wrap, Some(0)),
            (u8, 255, i64::MAX, Saturate, Some(255)),
            (u8, 1, -2, Wrap, Some(255)),
            (u8, 1, -2, Saturate, Some(0)),
            (u8, -1, 0, Saturate, Some(255)),
            (u8, -2, 0, Wrap, Some(254)),
            (i64, i64::MAX, 1, Wrap, Some(i64::MIN)),
            (i64, i64::MAX, 1, Saturate, Some(i64::MAX)),
            (i64, i64::MIN, -1, Saturate, Some(i64::MIN)),
            (i64, i64::MIN, -1, Fail, None),
            (i64, i64::MIN, i64::MAX, Fail, Some(-1)),
            (u63, i64::MAX, 1, Wrap, Some(0)),
            (u63, i64::MAX, i64::MIN, Saturate, Some(0)),
            (u63, i64::MAX, -i64::MAX, Fail, Some(0)),
        ] {
            let found = field.fit(value, increment, overflow);
            assert_eq!(found, result, "{field:?} {value} {increment} {overflow:?}");
        }
    }

    fn field(signed: bool, bits: u32) -> Field {
        Field { signed, bits }
    }
}
