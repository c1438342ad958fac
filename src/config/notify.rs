//! The classes of keyspace events that `notify-keyspace-events` turns on, one bit each.

/// `K`: publish on `__keyspace@<db>__:<key>`.
pub const KEYSPACE: u32 = 1;
/// `E`: publish on `__keyevent@<db>__:<event>`.
pub const KEYEVENT: u32 = 1 << 1;
/// `g`: commands of no one type, such as DEL, EXPIRE and RENAME.
pub const GENERIC: u32 = 1 << 2;
/// `$`: strings.
pub const STRING: u32 = 1 << 3;
/// `l`: lists.
pub const LIST: u32 = 1 << 4;
/// `s`: sets.
pub const SET: u32 = 1 << 5;
/// `h`: hashes.
pub const HASH: u32 = 1 << 6;
/// `z`: sorted sets.
pub const ZSET: u32 = 1 << 7;
/// `x`: keys that expired.
pub const EXPIRED: u32 = 1 << 8;
/// `e`: keys that were evicted.
pub const EVICTED: u32 = 1 << 9;
/// `t`: streams.
pub const STREAM: u32 = 1 << 10;
/// `m`: reads of keys that do not exist. Not in `A`.
pub const KEY_MISS: u32 = 1 << 11;
/// `d`: types that modules bring.
pub const MODULE: u32 = 1 << 12;
/// `n`: keys that are new. Not in `A`.
pub const NEW: u32 = 1 << 13;
/// `A`: all classes but `m` and `n`.
pub const ALL: u32 =
    GENERIC | STRING | LIST | SET | HASH | ZSET | EXPIRED | EVICTED | STREAM | MODULE;

/// The letters in the order in which they are shown; `n` is shown only where `A` is not.
const LETTERS: [(u8, u32); 14] = [
    (b'g', GENERIC),
    (b'$', STRING),
    (b'l', LIST),
    (b's', SET),
    (b'h', HASH),
    (b'z', ZSET),
    (b'x', EXPIRED),
    (b'e', EVICTED),
    (b't', STREAM),
    (b'd', MODULE),
    (b'n', NEW),
    (b'K', KEYSPACE),
    (b'E', KEYEVENT),
    (b'm', KEY_MISS),
];

/// Reads a list of class letters; `None` when one of them is unknown.
pub(crate) fn from_text(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |flags, &letter| {
        let bits = match letter {
            b'A' => ALL,
            _ => LETTERS.iter().find(|(known, _)| *known == letter)?.1,
        };
        Some(flags | bits)
    })
}

/// Writes classes as CONFIG GET shows them.
pub(crate) fn to_text(flags: u32) -> String {
    let all = flags & ALL == ALL;
    let mut text = String::from(if all { "A" } else { "" });
    for (letter, bit) in LETTERS {
        let covered = all && (bit & ALL != 0 || bit == NEW);
        if flags & bit != 0 && !covered {
            text.push(letter as char);
        }
    }
    text
}
