//! HyperLogLog: how many different elements there are, to within about 1%, in at most 12 KiB.
//!
//! The lower bits of an element's hash choose one of 16,384 registers; a register keeps the longest run of
//! zeros that was met in the upper bits. The bytes are those of Redis, for a value is a string that anybody may
//! read and write:
//!
//! | bytes | |
//! |--:|---|
//! | 4 | `HYLL` |
//! | 1 | 0: dense, 1: sparse |
//! | 3 | not used |
//! | 8 | the last count, little endian; its highest bit says that it is out of date |
//! | | dense: registers of 6 bits, from the lowest bit on |
//! | | sparse: runs of equal registers: `00xxxxxx` x + 1 zeros, `01xxxxxx xxxxxxxx` x + 1 zeros, `1vvvvvxx` x + 1 times v + 1 |

use std::fmt::Write as _;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;
/// Bits of a hash whose run of zeros counts.
const RUN_BITS: usize = 64 - INDEX_BITS as usize;

const MAGIC: &[u8] = b"HYLL";
const ENCODING: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const COUNT: std::ops::Range<usize> = 8..16;
const OUT_OF_DATE: u8 = 0x80;
/// Bytes in front of the registers.
const HEADER: usize = 16;
/// Bytes of a dense value.
const DENSE_LEN: usize = HEADER + REGISTERS * 6 / 8;

/// The largest register of a sparse value.
const SPARSE_MOST: u8 = 32;
/// The longest run of a value, and the longest that is written in one byte of zeros.
const VALUE_RUN: usize = 4;
const SHORT_RUN: usize = 64;

/// The runs of a sparse value are not those of all registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupted;

/// Whether a string begins and is as long as a value.
pub fn is_value(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER
        && bytes.starts_with(MAGIC)
        && match bytes[ENCODING] {
            DENSE => bytes.len() == DENSE_LEN,
            encoding => encoding == SPARSE,
        }
}

/// Whether a value is dense.
pub fn is_dense(value: &[u8]) -> bool {
    value[ENCODING] == DENSE
}

/// A value without elements.
pub fn empty() -> Vec<u8> {
    let mut value = vec![0; HEADER];
    value[..MAGIC.len()].copy_from_slice(MAGIC);
    value[ENCODING] = SPARSE;
    value.extend(Run::Zeros(REGISTERS).bytes());
    value
}

/// The count that is noted in a value, if it is up to date.
pub fn noted_count(value: &[u8]) -> Option<u64> {
    let count = value[COUNT].try_into().map_or(0, u64::from_le_bytes);
    (value[COUNT.end - 1] & OUT_OF_DATE == 0).then_some(count)
}

/// Notes a count.
pub fn note_count(value: &mut [u8], count: u64) {
    value[COUNT].copy_from_slice(&count.to_le_bytes());
}

/// Notes that the count is out of date.
pub fn forget_count(value: &mut [u8]) {
    value[COUNT.end - 1] |= OUT_OF_DATE;
}

/// MurmurHash2 for 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0xadc8_3b19;
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word ^= word >> 47;
        hash = (hash ^ word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> 47).wrapping_mul(FACTOR);
    hash ^ hash >> 47
}

/// The register of an element, and what it must be at least.
fn register_of(element: &[u8]) -> (usize, u8) {
    let hash = hash(element);
    let index = hash as usize % REGISTERS;
    let run = (hash >> INDEX_BITS | 1 << RUN_BITS).trailing_zeros();
    (index, run as u8 + 1)
}

/// Whether adding an element to a valid value is known to change nothing: only of a dense one.
pub fn has(value: &[u8], element: &[u8]) -> bool {
    if !is_dense(value) {
        return false;
    }
    let (index, count) = register_of(element);
    get_dense(&value[HEADER..], index) >= count
}

/// Adds an element. Whether a register changed; the noted count is then out of date. A sparse value becomes
/// dense where a register or its length, more than `most` bytes, demands it.
///
/// # Errors
/// If the value has no such register. It is then as it was.
pub fn add(value: &mut Vec<u8>, element: &[u8], most: usize) -> Result<bool, Corrupted> {
    let (index, count) = register_of(element);
    let changed = raise(value, index, count, most)?;
    if changed {
        forget_count(value);
    }
    Ok(changed)
}

/// Makes a register at least `count`, as [`add`] does.
fn raise(value: &mut Vec<u8>, index: usize, count: u8, most: usize) -> Result<bool, Corrupted> {
    if is_dense(value) {
        return Ok(raise_dense(&mut value[HEADER..], index, count));
    }
    match raise_sparse(value, index, count, most)? {
        Some(changed) => Ok(changed),
        None => {
            make_dense(value)?;
            Ok(raise_dense(&mut value[HEADER..], index, count))
        }
    }
}

fn get_dense(registers: &[u8], index: usize) -> u8 {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let next = registers.get(at + 1).copied().unwrap_or(0);
    (u16::from_le_bytes([registers[at], next]) >> shift) as u8 & 63
}

fn set_dense(registers: &mut [u8], index: usize, count: u8) {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    let next = registers.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([registers[at], next]);
    let pair = pair & !(63 << shift) | u16::from(count) << shift;
    let [first, second] = pair.to_le_bytes();
    registers[at] = first;
    if let Some(next) = registers.get_mut(at + 1) {
        *next = second;
    }
}

fn raise_dense(registers: &mut [u8], index: usize, count: u8) -> bool {
    let raises = count > get_dense(registers, index);
    if raises {
        set_dense(registers, index, count);
    }
    raises
}

/// Registers of a sparse value that are equal and follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Zeros(usize),
    /// Two bytes, although it may be short.
    LongZeros(usize),
    Values(u8, usize),
}

impl Run {
    /// The run at a place; a byte that is missing at the end is 0.
    #[inline]
    fn at(value: &[u8], at: usize) -> Run {
        let byte = value[at];
        let low = usize::from(byte & 0x3f);
        match byte >> 6 {
            0 => Run::Zeros(low + 1),
            1 => {
                let next = value.get(at + 1).copied().unwrap_or(0);
                Run::LongZeros((low << 8 | usize::from(next)) + 1)
            }
            _ => Run::Values((byte >> 2 & 0x1f) + 1, usize::from(byte & 3) + 1),
        }
    }

    /// Number of registers.
    #[inline]
    fn len(self) -> usize {
        match self {
            Run::Zeros(len) | Run::LongZeros(len) | Run::Values(_, len) => len,
        }
    }

    /// Number of bytes where it was found.
    #[inline]
    fn size(self) -> usize {
        1 + usize::from(matches!(self, Run::LongZeros(_)))
    }

    /// The same with another length.
    fn with_len(self, len: usize) -> Run {
        match self {
            Run::Values(count, _) => Run::Values(count, len),
            Run::Zeros(_) | Run::LongZeros(_) => Run::Zeros(len),
        }
    }

    /// Its bytes: zeros take two where they must.
    fn bytes(self) -> impl Iterator<Item = u8> {
        let (first, second) = match self {
            Run::Values(count, len) => (0x80 | (count - 1) << 2 | (len - 1) as u8, None),
            Run::Zeros(len) | Run::LongZeros(len) if len <= SHORT_RUN => ((len - 1) as u8, None),
            Run::Zeros(len) | Run::LongZeros(len) => {
                (0x40 | ((len - 1) >> 8) as u8, Some((len - 1) as u8))
            }
        };
        [Some(first), second].into_iter().flatten()
    }
}

/// The runs of a sparse value.
fn runs(value: &[u8]) -> impl Iterator<Item = Run> {
    let mut at = HEADER;
    std::iter::from_fn(move || {
        (at < value.len()).then(|| {
            let run = Run::at(value, at);
            at += run.size();
            run
        })
    })
}

/// Makes a register of a sparse value at least `count`. `None` if only a dense value can do that.
fn raise_sparse(
    value: &mut Vec<u8>,
    index: usize,
    count: u8,
    most: usize,
) -> Result<Option<bool>, Corrupted> {
    if count > SPARSE_MOST {
        return Ok(None);
    }
    let (mut at, mut first, mut before) = (HEADER, 0, HEADER);
    let run = loop {
        if at >= value.len() {
            return Err(Corrupted);
        }
        let run = Run::at(value, at);
        if index < first + run.len() {
            break run;
        }
        before = at;
        at += run.size();
        first += run.len();
    };
    if let Run::Values(old, _) = run
        && old >= count
    {
        return Ok(Some(false));
    }
    let (left, right) = (index - first, first + run.len() - 1 - index);
    let mut parts = [None, Some(Run::Values(count, 1)), None];
    parts[0] = (left > 0).then(|| run.with_len(left));
    parts[2] = (right > 0).then(|| run.with_len(right));
    let parts = parts.into_iter().flatten();
    let size: usize = parts.clone().map(|part| part.bytes().count()).sum();
    let end = value.len().min(at + run.size());
    if size > run.size() && value.len() + size - (end - at) > most {
        return Ok(None);
    }
    value.splice(at..end, parts.flat_map(Run::bytes));
    merge_runs(value, before);
    Ok(Some(true))
}

/// Joins equal values that follow each other in the runs around a change: as many as Redis looks at.
fn merge_runs(value: &mut Vec<u8>, from: usize) {
    let mut at = from;
    for _ in 0..5 {
        if at >= value.len() {
            return;
        }
        let run = Run::at(value, at);
        let next = (at + 1 < value.len()).then(|| Run::at(value, at + 1));
        match (run, next) {
            (Run::Values(count, len), Some(Run::Values(other, more)))
                if count == other && len + more <= VALUE_RUN =>
            {
                value.remove(at);
                if let Some(byte) = Run::Values(count, len + more).bytes().next() {
                    value[at] = byte;
                }
            }
            _ => at += run.size(),
        }
    }
}

/// Gives the value its dense form. Whether it had another.
///
/// # Errors
/// If it is corrupted. It is then as it was.
pub fn make_dense(value: &mut Vec<u8>) -> Result<bool, Corrupted> {
    if is_dense(value) {
        return Ok(false);
    }
    let mut dense = vec![0; DENSE_LEN];
    dense[..HEADER].copy_from_slice(&value[..HEADER]);
    dense[ENCODING] = DENSE;
    let registers = &mut dense[HEADER..];
    each_register(value, |index, count| set_dense(registers, index, count))?;
    *value = dense;
    Ok(true)
}

/// Calls `visit` with each register of a sparse value that is not 0.
fn each_register(value: &[u8], mut visit: impl FnMut(usize, u8)) -> Result<(), Corrupted> {
    let mut index = 0;
    for run in runs(value) {
        if let Run::Values(count, len) = run {
            // What is behind the end does not make it corrupted.
            if index + len > REGISTERS {
                break;
            }
            (index..index + len).for_each(|index| visit(index, count));
        }
        index += run.len();
    }
    if index == REGISTERS {
        Ok(())
    } else {
        Err(Corrupted)
    }
}

/// About how many different elements were added.
///
/// # Errors
/// If the value is corrupted.
pub fn count(value: &[u8]) -> Result<u64, Corrupted> {
    let mut registers = Histogram::default();
    if is_dense(value) {
        registers.add_dense(&value[HEADER..]);
        return Ok(registers.estimate());
    }
    let mut total = 0;
    for run in runs(value) {
        let count = match run {
            Run::Values(count, _) => count,
            Run::Zeros(_) | Run::LongZeros(_) => 0,
        };
        registers.0[usize::from(count)] += run.len() as u32;
        total += run.len();
    }
    if total == REGISTERS {
        Ok(registers.estimate())
    } else {
        Err(Corrupted)
    }
}

/// How many registers have each value.
struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; 64])
    }
}

impl Histogram {
    fn add(&mut self, register: u8) {
        self.0[usize::from(register & 63)] += 1;
    }

    fn add_dense(&mut self, registers: &[u8]) {
        let (groups, _) = registers.as_chunks::<3>();
        for &[a, b, c] in groups {
            let four = u32::from_le_bytes([a, b, c, 0]);
            for shift in [0, 6, 12, 18] {
                self.add((four >> shift) as u8);
            }
        }
    }

    /// The estimate of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
    /// arXiv:1702.01284.
    fn estimate(&self) -> u64 {
        const ALPHA: f64 = 0.721_347_520_444_481_7;
        let registers = REGISTERS as f64;
        let full = f64::from(self.0[RUN_BITS + 1]);
        let mut z = registers * tau((registers - full) / registers);
        for count in self.0[1..=RUN_BITS].iter().rev() {
            z += f64::from(*count);
            z *= 0.5;
        }
        z += registers * sigma(f64::from(self.0[0]) / registers);
        let estimate = (ALPHA * registers * registers / z).round();
        // What no hashes can bring about, but bytes that are written, comes out as in Redis.
        if estimate < i64::MAX as f64 {
            estimate as u64
        } else {
            1 << 63
        }
    }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// The registers of several values together: of each, the largest.
pub struct Union(Box<[u8; REGISTERS]>);

impl Default for Union {
    fn default() -> Self {
        Union(Box::new([0; REGISTERS]))
    }
}

impl Union {
    /// Adds a value.
    ///
    /// # Errors
    /// If it is corrupted.
    pub fn add(&mut self, value: &[u8]) -> Result<(), Corrupted> {
        let largest = &mut self.0;
        if !is_dense(value) {
            return each_register(value, |index, count| {
                largest[index] = largest[index].max(count);
            });
        }
        let (groups, _) = value[HEADER..].as_chunks::<3>();
        for (largest, &[a, b, c]) in largest.chunks_exact_mut(4).zip(groups) {
            let four = u32::from_le_bytes([a, b, c, 0]);
            for (largest, shift) in largest.iter_mut().zip([0, 6, 12, 18]) {
                *largest = (*largest).max((four >> shift) as u8 & 63);
            }
        }
        Ok(())
    }

    /// About how many different elements were added to any of them.
    pub fn count(&self) -> u64 {
        let mut registers = Histogram::default();
        self.0.iter().for_each(|register| registers.add(*register));
        registers.estimate()
    }

    /// Makes each register of a value, which was added before, at least as large. Its count is then out of
    /// date.
    pub fn write(&self, value: &mut Vec<u8>, most: usize) {
        for (index, count) in self.0.iter().enumerate() {
            if *count > 0 {
                // The value was found to have all registers when it was added.
                let _ = raise(value, index, *count, most);
            }
        }
        forget_count(value);
    }
}

/// All registers of a dense value.
pub fn registers(value: &[u8]) -> impl ExactSizeIterator<Item = u8> {
    (0..REGISTERS).map(|index| get_dense(&value[HEADER..], index))
}

/// The runs of a sparse value in words, as PFDEBUG DECODE answers them.
pub fn describe(value: &[u8]) -> String {
    let mut text = String::new();
    for run in runs(value) {
        let _ = match run {
            Run::Zeros(len) => write!(text, "z:{len} "),
            Run::LongZeros(len) => write!(text, "Z:{len} "),
            Run::Values(count, len) => write!(text, "v:{count},{len} "),
        };
    }
    text.truncate(text.trim_end().len());
    text
}

/// Checks registers against plain bytes, the two forms against each other, and the counts of up to `elements`
/// elements against the truth. `chance` makes random numbers.
///
/// # Errors
/// What is wrong.
pub fn self_test(
    elements: u64,
    most: usize,
    mut chance: impl FnMut() -> u64,
) -> Result<(), String> {
    let mut dense = empty();
    make_dense(&mut dense).map_err(|_| "an empty value is corrupted")?;
    let empty_dense = dense.clone();
    for _ in 0..100 {
        let plain: Vec<u8> = (0..REGISTERS).map(|_| chance() as u8 & 63).collect();
        for (index, register) in plain.iter().enumerate() {
            set_dense(&mut dense[HEADER..], index, *register);
        }
        if let Some(index) = registers(&dense).zip(&plain).position(|(a, b)| a != *b) {
            return Err(format!("register {index} should be {}", plain[index]));
        }
    }
    let (mut dense, mut sparse) = (empty_dense, empty());
    let standard_error = 1.04 / (REGISTERS as f64).sqrt();
    let (seed, mut checkpoint) = (chance(), 1);
    for number in 1..=elements {
        let element = (number ^ seed).to_ne_bytes();
        let added = [
            add(&mut dense, &element, most),
            add(&mut sparse, &element, most),
        ];
        if added[0].is_err() || added[0] != added[1] {
            return Err(format!("the forms do not agree on element {number}"));
        }
        if number != checkpoint {
            continue;
        }
        if number < most as u64 / 2 && is_dense(&sparse) {
            return Err("sparse encoding not used".into());
        }
        let counted = count(&dense);
        if counted.is_err() || counted != count(&sparse) {
            return Err("dense/sparse disagree".into());
        }
        let error = counted.map_or(u64::MAX, |counted| counted.abs_diff(number));
        let allowed = match number {
            // A collision is unlikely, but counts for much.
            10 => 1,
            _ => (standard_error * 6.0 * number as f64).ceil() as u64,
        };
        if error > allowed {
            return Err(format!("Too big error. card:{number} abserr:{error}"));
        }
        checkpoint *= 10;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    /// What the registers should be.
    #[derive(Clone)]
    struct Model(Vec<u8>);

    impl Model {
        fn new() -> Self {
            Model(vec![0; REGISTERS])
        }

        fn raise(&mut self, index: usize, count: u8) -> bool {
            let raises = count > self.0[index];
            self.0[index] = self.0[index].max(count);
            raises
        }

        fn check(&self, value: &[u8]) {
            assert!(is_value(value));
            let mut dense = value.to_vec();
            make_dense(&mut dense).unwrap();
            assert!(registers(&dense).eq(self.0.iter().copied()));
            let mut all = Union::default();
            all.add(value).unwrap();
            assert_eq!(all.0[..], self.0[..]);
            assert_eq!(all.count(), count(value).unwrap());
            assert_eq!(all.count(), count(&dense).unwrap());
        }
    }

    #[test]
    fn registers_are_those_of_a_model() {
        let mut chance = Chance::new(1);
        for round in 0..30 {
            let most = [0, 40, 100, 3_000, 20_000][round % 5];
            let (mut value, mut model) = (empty(), Model::new());
            let near = chance.below(2) == 0;
            for step in 0..2_000 {
                // Neighbours with few values, so that runs are joined and split.
                let index = match near {
                    true => 5_000 + chance.below(60),
                    false => chance.below(REGISTERS),
                };
                let count = match chance.below(400) {
                    0 => 33 + chance.below(18) as u8,
                    1..100 => 1 + chance.below(32) as u8,
                    _ => 1 + chance.below(2) as u8,
                };
                let was_sparse = !is_dense(&value);
                let len = value.len();
                let changed = raise(&mut value, index, count, most).unwrap();
                assert_eq!(changed, model.raise(index, count));
                if was_sparse && !is_dense(&value) {
                    assert!(value.len() <= most.max(len));
                }
                if step % 100 == 0 {
                    model.check(&value);
                }
            }
            model.check(&value);
        }
    }

    #[test]
    fn runs_are_split_and_joined() {
        let mut value = empty();
        for (index, count, text) in [
            (100, 3, "Z:100 v:3,1 Z:16283"),
            (101, 3, "Z:100 v:3,2 Z:16282"),
            (99, 3, "Z:99 v:3,3 Z:16282"),
            (98, 3, "Z:98 v:3,4 Z:16282"),
            (97, 3, "Z:97 v:3,1 v:3,4 Z:16282"),
            (99, 4, "Z:97 v:3,2 v:4,1 v:3,2 Z:16282"),
            (99, 4, "Z:97 v:3,2 v:4,1 v:3,2 Z:16282"),
            (99, 32, "Z:97 v:3,2 v:32,1 v:3,2 Z:16282"),
            (0, 1, "v:1,1 Z:96 v:3,2 v:32,1 v:3,2 Z:16282"),
            (64, 1, "v:1,1 z:63 v:1,1 z:32 v:3,2 v:32,1 v:3,2 Z:16282"),
            (
                16383,
                2,
                "v:1,1 z:63 v:1,1 z:32 v:3,2 v:32,1 v:3,2 Z:16281 v:2,1",
            ),
            (
                16382,
                2,
                "v:1,1 z:63 v:1,1 z:32 v:3,2 v:32,1 v:3,2 Z:16280 v:2,2",
            ),
        ] {
            raise(&mut value, index, count, 3_000).unwrap();
            assert_eq!(describe(&value), text);
        }
        let len = value.len();
        raise(&mut value, 1_000, 1, len).unwrap();
        assert!(is_dense(&value));
    }

    /// Recorded from the algorithm and from redis-server.
    #[test]
    fn hashes_choose_registers() {
        for (element, hashed, register) in [
            ("", 0xd8df_ea65_85bc_9732, (5938, 2)),
            ("a", 0x53d2_470a_9b43_b1a7, (12711, 2)),
            ("abcdefg", 0x22fe_613b_b08c_9602, (5634, 2)),
            ("abcdefgh", 0xf3a6_5df5_5991_4567, (1383, 1)),
            ("hello world!", 0x0fc4_4401_1f57_220c, (8716, 3)),
            ("0123456789abcdef", 0x9f85_6542_8eaa_573d, (5949, 1)),
        ] {
            assert_eq!(hash(element.as_bytes()), hashed, "{element}");
            assert_eq!(register_of(element.as_bytes()), register, "{element}");
        }
    }

    #[test]
    fn counts_are_about_right() {
        let mut chance = Chance::new(3);
        self_test(100_000, 3_000, || chance.bits()).unwrap();
        let (mut all, mut first, mut second) = (empty(), empty(), empty());
        for number in 0..5_000 {
            let element = number.to_string();
            add(&mut all, element.as_bytes(), 3_000).unwrap();
            let half = if number % 2 == 0 {
                &mut first
            } else {
                &mut second
            };
            add(half, element.as_bytes(), 3_000).unwrap();
        }
        let mut union = Union::default();
        union.add(&first).unwrap();
        union.add(&second).unwrap();
        assert_eq!(union.count(), count(&all).unwrap());
        let mut merged = empty();
        union.write(&mut merged, 3_000);
        assert_eq!(merged, all);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut chance = Chance::new(4);
        for _ in 0..20_000 {
            let mut value = empty();
            match chance.below(3) {
                0 => value.truncate(HEADER + chance.below(3)),
                1 => {}
                _ => {
                    let len = HEADER + chance.below(40);
                    value.resize_with(len, || chance.bits() as u8);
                    value[HEADER..].fill_with(|| chance.bits() as u8);
                }
            }
            if chance.below(50) == 0 {
                value.resize_with(DENSE_LEN, || chance.bits() as u8);
                value[ENCODING] = DENSE;
            }
            assert!(is_value(&value));
            let _ = (count(&value), describe(&value), noted_count(&value));
            let before = value.clone();
            if Union::default().add(&value).is_ok() {
                assert!(make_dense(&mut value.clone()).is_ok());
            } else {
                assert_eq!(make_dense(&mut value), Err(Corrupted));
                assert_eq!(value, before);
            }
            for _ in 0..10 {
                let before = value.clone();
                let index = chance.below(REGISTERS);
                let count = 1 + chance.below(51) as u8;
                if raise(&mut value, index, count, 60).is_err() {
                    assert_eq!(value, before);
                }
            }
        }
        for other in [
            &b""[..],
            b"HYLL",
            b"HYLL\0aaaaaaaaaaaaaaa",
            b"hyll\x01aaaaaaaaaaaaaaa",
        ] {
            assert!(!is_value(other));
        }
    }

    #[test]
    fn counts_that_no_elements_bring_about() {
        let mut value = empty();
        make_dense(&mut value).unwrap();
        for count_of_all in [50, 51, 52, 63] {
            for index in 0..REGISTERS {
                set_dense(&mut value[HEADER..], index, count_of_all);
            }
            assert_eq!(count(&value), Ok(1 << 63), "{count_of_all}");
        }
    }
}
