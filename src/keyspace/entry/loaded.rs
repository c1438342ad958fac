//! Entries of values that were read from Redis's form.

use super::{EMBSTR_LIMIT, Entry, Value};
use crate::clock::Millis;
use crate::rdb::Loaded;

impl Entry {
    /// A new entry that holds what was read. A long string is not copied.
    pub fn with_loaded(key: &[u8], value: Loaded, expiry: Option<Millis>, clock: u32) -> Self {
        match value {
            Loaded::String(bytes) if bytes.len() > EMBSTR_LIMIT => {
                let mut entry = Entry::new(key, Value::Bytes(b""), expiry, clock);
                entry.adopt(bytes);
                entry
            }
            Loaded::String(bytes) => Entry::new(key, Value::encode(&bytes), expiry, clock),
            Loaded::Hash(hash) => Entry::with_object(key, hash, expiry, clock),
            Loaded::List(list) => Entry::with_object(key, list, expiry, clock),
            Loaded::Set(set) => Entry::with_object(key, set, expiry, clock),
            Loaded::Stream(stream) => Entry::with_object(key, stream, expiry, clock),
            Loaded::SortedSet(sorted_set) => Entry::with_object(key, sorted_set, expiry, clock),
        }
    }
}
