//! Requests built once, of which only the digits of random names and numbers change from write to write.

use crate::support::request::{Random, push_command};

/// The argument of a request.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    Text(&'a [u8]),
    /// A name or number with six random digits.
    New(Draw),
    /// The prefix with the digits of the last new one, plus this. The sum must not exceed 999,999.
    Again(&'static str, u64),
}

/// What comes before six digits, and what they may be: at least `from`, less than `below`, which is at most 1,000,000.
#[derive(Clone, Copy)]
pub struct Draw {
    pub prefix: &'static str,
    pub from: u64,
    pub below: u64,
}

/// The bytes of one write, and where its digits are.
#[derive(Clone, Default)]
pub struct Template {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// Top-level replies that one write is answered with.
    pub replies: u64,
}

#[derive(Clone, Copy)]
struct Slot {
    /// Where the six digits start.
    at: usize,
    digits: Digits,
}

#[derive(Clone, Copy)]
enum Digits {
    New { from: u64, count: u64 },
    Again { plus: u64 },
}

impl Template {
    /// Appends one command.
    pub fn push(&mut self, parts: &[Part<'_>]) {
        self.replies += 1;
        let arguments: Vec<Vec<u8>> = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.to_vec(),
                Part::New(Draw { prefix, .. }) | Part::Again(prefix, _) => {
                    format!("{prefix}000000").into_bytes()
                }
            })
            .collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let start = self.bytes.len();
        let ends = push_command(&mut self.bytes, &arguments);
        for (part, end) in parts.iter().zip(ends) {
            let digits = match part {
                Part::Text(_) => continue,
                Part::New(draw) => Digits::New {
                    from: draw.from,
                    count: draw.below - draw.from,
                },
                Part::Again(_, plus) => Digits::Again { plus: *plus },
            };
            let at = start + end - 6;
            self.slots.push(Slot { at, digits });
        }
    }

    /// The bytes of the next write, with new random digits in it.
    pub fn next(&mut self, random: &mut Random) -> &[u8] {
        let mut last = 0;
        for slot in &self.slots {
            let number = match slot.digits {
                Digits::New { from, count } => {
                    last = from + random.below(count);
                    last
                }
                Digits::Again { plus } => last + plus,
            } as usize;
            let digits = &mut self.bytes[slot.at..slot.at + 6];
            digits[..3].copy_from_slice(&DIGITS[number / 1000]);
            digits[3..].copy_from_slice(&DIGITS[number % 1000]);
        }
        &self.bytes
    }
}

/// "000" to "999".
static DIGITS: [[u8; 3]; 1000] = {
    let mut digits = [[0; 3]; 1000];
    let mut n = 0;
    while n < 1000 {
        digits[n] = [
            b'0' + (n / 100) as u8,
            b'0' + (n / 10 % 10) as u8,
            b'0' + (n % 10) as u8,
        ];
        n += 1;
    }
    digits
};
