//! What DUMP gives: a type, a value, the format's version and a checksum.

use std::fmt;

use crc::{CRC_64_REDIS, Crc, Table};

use super::encode::{type_of, version_of};
use super::read::Reader;
use super::write::Writer;
use super::{Limits, Loaded, VERSION, decode, encode};
use crate::keyspace::ValueRef;

/// Bytes of the version.
const VERSION_BYTES: usize = 2;

/// Bytes of the checksum.
const CHECKSUM: usize = 8;

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Why a payload is not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is of a later version, or its checksum is wrong.
    Footer,
    /// The value is not what it should be.
    Value,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Footer => "DUMP payload version or checksum are wrong",
            Refusal::Value => "Bad data format",
        })
    }
}

/// Redis's CRC64 of some bytes, by Jones's polynomial. O(n).
pub fn checksum(bytes: &[u8]) -> u64 {
    CRC.checksum(bytes)
}

/// The payload of a value; its strings are compressed if `compresses`. O(n).
pub fn dump(value: ValueRef<'_>, compresses: bool) -> Vec<u8> {
    let code = type_of(value);
    let mut out = Writer::new(compresses);
    out.byte(code);
    encode(value, &mut out);
    out.raw(&version_of(code).to_le_bytes());
    let checksum = checksum(out.bytes());
    out.raw(&checksum.to_le_bytes());
    out.into_bytes()
}

/// The value of a payload. O(n). As in Redis, bytes between the value and the footer do not matter.
///
/// # Errors
/// See [`Refusal`].
pub fn restore(payload: &[u8], limits: &Limits) -> Result<Loaded, Refusal> {
    if !has_footer(payload) {
        return Err(Refusal::Footer);
    }
    // With the footer, which a string that is too long may take for a part of it, as in Redis.
    let mut reader = Reader::new(payload, limits.longest);
    let code = reader.byte().map_err(|_| Refusal::Value)?;
    decode(code, &mut reader, limits).map_err(|_| Refusal::Value)
}

/// Whether the footer is there, and right.
fn has_footer(payload: &[u8]) -> bool {
    let Some((covered, noted)) = payload.split_last_chunk::<CHECKSUM>() else {
        return false;
    };
    let Some((_, version)) = covered.split_last_chunk::<VERSION_BYTES>() else {
        return false;
    };
    u16::from_le_bytes(*version) <= VERSION && checksum(covered) == u64::from_le_bytes(*noted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_redis() {
        // The value that its own test has for these nine bytes.
        assert_eq!(checksum(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(checksum(b""), 0);
    }
}
