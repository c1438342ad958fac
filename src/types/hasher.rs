//! The one hash function: of a key, for its shard and for every table's probe.
//!
//! Keyed at random when the process starts, so that nobody can choose keys that collide.

use std::hash::{BuildHasher, Hasher};
use std::sync::LazyLock;

static STATE: LazyLock<ahash::RandomState> = LazyLock::new(ahash::RandomState::new);

/// The same function for maps that are not ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keyed;

impl BuildHasher for Keyed {
    type Hasher = ahash::AHasher;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        STATE.build_hasher()
    }
}

/// Hashes `bytes`; never 0, so that 0 can stand for "not hashed yet".
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = STATE.build_hasher();
    hasher.write(bytes);
    hasher.finish().max(1)
}
