//! What the load asks for: requests built once, of which only the digits of the keys change from write to write.

use crate::support::request::{Random, push_command};

/// Keys that the workloads choose from.
pub const KEY_SPACE: u64 = 100_000;

/// A key's name: this, then twelve digits. 16 bytes in all.
pub const KEY_PREFIX: &str = "key:";

/// Keys in one MGET or MSET.
const MANY: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Get,
    Set,
    Incr,
    Mget,
    Mset,
    Multi,
    Watch,
}

/// One row of the comparison.
pub struct Workload {
    pub name: &'static str,
    kind: Kind,
    /// Bytes in each value.
    pub value_size: usize,
}

/// Every workload, in the order of the table.
pub const WORKLOADS: &[Workload] = &[
    Workload::new("get-3", Kind::Get, 3),
    Workload::new("get-1k", Kind::Get, 1024),
    Workload::new("set-3", Kind::Set, 3),
    Workload::new("set-1k", Kind::Set, 1024),
    Workload::new("incr", Kind::Incr, 3),
    Workload::new("mget-10", Kind::Mget, 3),
    Workload::new("mset-10", Kind::Mset, 3),
    Workload::new("multi", Kind::Multi, 3),
    Workload::new("watch", Kind::Watch, 3),
];

impl Workload {
    const fn new(name: &'static str, kind: Kind, value_size: usize) -> Self {
        Self {
            name,
            kind,
            value_size,
        }
    }

    /// True if `--only filter` means this workload: its name, or the part before the dash.
    pub fn matches(&self, filter: &str) -> bool {
        self.name == filter || self.name.split('-').next() == Some(filter)
    }

    /// The value that every key holds before the workload starts. Its first byte makes it no integer, except for INCR.
    pub fn value(&self) -> Vec<u8> {
        match self.kind {
            Kind::Incr => b"100".to_vec(),
            _ => vec![b'x'; self.value_size],
        }
    }

    /// Bytes of bulk strings that one request is answered with.
    pub fn payload(&self) -> u64 {
        let values = match self.kind {
            Kind::Get | Kind::Watch => 1,
            Kind::Mget => MANY,
            _ => 0,
        };
        (values * self.value_size) as u64
    }

    /// True if a null reply is no fault: EXEC after another connection changed the watched key.
    pub fn may_abort(&self) -> bool {
        self.kind == Kind::Watch
    }

    /// The name of the test that asks redis-benchmark for the same, if it has one.
    pub fn redis_benchmark_test(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Get => Some("get"),
            Kind::Set => Some("set"),
            Kind::Incr => Some("incr"),
            _ => None,
        }
    }

    /// `pipeline` requests in one piece. A transaction counts as one request.
    pub fn template(&self, pipeline: usize) -> Template {
        let mut template = Template {
            bytes: Vec::new(),
            slots: Vec::new(),
            replies: 0,
        };
        let value = self.value();
        let value = Part::Text(&value);
        for _ in 0..pipeline {
            match self.kind {
                Kind::Get => template.push(&[Part::Text(b"GET"), Part::NewKey]),
                Kind::Set => template.push(&[Part::Text(b"SET"), Part::NewKey, value]),
                Kind::Incr => template.push(&[Part::Text(b"INCR"), Part::NewKey]),
                Kind::Mget => {
                    let mut parts = vec![Part::Text(b"MGET")];
                    parts.extend([Part::NewKey; MANY]);
                    template.push(&parts);
                }
                Kind::Mset => {
                    let mut parts = vec![Part::Text(b"MSET")];
                    parts.extend([[Part::NewKey, value]; MANY].concat());
                    template.push(&parts);
                }
                Kind::Multi => {
                    template.push(&[Part::Text(b"MULTI")]);
                    template.push(&[Part::Text(b"SET"), Part::NewKey, value]);
                    template.push(&[Part::Text(b"SET"), Part::NewKey, value]);
                    template.push(&[Part::Text(b"EXEC")]);
                }
                Kind::Watch => {
                    template.push(&[Part::Text(b"WATCH"), Part::NewKey]);
                    template.push(&[Part::Text(b"GET"), Part::SameKey]);
                    template.push(&[Part::Text(b"MULTI")]);
                    template.push(&[Part::Text(b"SET"), Part::SameKey, value]);
                    template.push(&[Part::Text(b"EXEC")]);
                }
            }
        }
        template
    }
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a [u8]),
    NewKey,
    SameKey,
}

/// The bytes of one write, and where its keys are.
#[derive(Clone)]
pub struct Template {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    /// Top-level replies that one write is answered with.
    pub replies: u64,
}

#[derive(Clone, Copy)]
struct Slot {
    /// Where the last six digits of the key start.
    at: usize,
    /// False if the key is the one before it again.
    new: bool,
}

impl Template {
    fn push(&mut self, parts: &[Part<'_>]) {
        self.replies += 1;
        let key = key_name(0);
        let arguments: Vec<&[u8]> = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => *text,
                Part::NewKey | Part::SameKey => key.as_bytes(),
            })
            .collect();
        let start = self.bytes.len();
        let ends = push_command(&mut self.bytes, &arguments);
        for (part, end) in parts.iter().zip(ends) {
            if !matches!(part, Part::Text(_)) {
                self.slots.push(Slot {
                    at: start + end - 6,
                    new: matches!(part, Part::NewKey),
                });
            }
        }
    }

    /// The bytes of the next write, with new random keys in it.
    pub fn next(&mut self, random: &mut Random) -> &[u8] {
        let mut high = &DIGITS[0];
        let mut low = &DIGITS[0];
        for slot in &self.slots {
            if slot.new {
                let key = random.below(KEY_SPACE) as usize;
                high = &DIGITS[key / 1000];
                low = &DIGITS[key % 1000];
            }
            self.bytes[slot.at..slot.at + 3].copy_from_slice(high);
            self.bytes[slot.at + 3..slot.at + 6].copy_from_slice(low);
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

/// The name of key number `n`, 16 bytes for any `n` below 10^12.
pub fn key_name(n: u64) -> String {
    format!("{KEY_PREFIX}{n:012}")
}
