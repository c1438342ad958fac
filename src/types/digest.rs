//! The digests that DEBUG DIGEST and DEBUG DIGEST-VALUE print.
//!
//! A digest is 20 bytes that start as zeros. Two steps change it:
//!
//! - [`Digest::xor`]: digest = digest xor SHA1(data). The order of the steps does not matter.
//! - [`Digest::mix`]: digest = SHA1(digest xor SHA1(data)). The order does matter.
//!
//! **One value** (DIGEST-VALUE, from zeros), see [`Digest::add_string_value`]:
//! 1. mix the type's number as 4 bytes, big-endian (string 0, list 1, set 2, sorted set 3, hash 4,
//!    module 5, stream 6);
//! 2. the content. A string: mix its bytes (an integer as its decimal digits). A list: mix every
//!    element from head to tail. A set: xor every member. A hash: per field a digest of its own from
//!    zeros, mix field, mix value, xor `!!hexpire!!` if the field expires; then xor those 20 bytes
//!    into the value's digest. A sorted set: the same with member and score as printed. A stream:
//!    per entry mix `ms.seq`, then mix each field and each value;
//! 3. xor `!!expire!!` if the key has an expire time.
//!
//! DIGEST-VALUE of a missing key is 40 zeros.
//!
//! **The dataset** (DEBUG DIGEST), from zeros: for each database that holds a key, in ascending
//! order, mix the database's number as 4 bytes, big-endian ([`Digest::mix_number`]); then for each
//! of its keys, in any order, make the key's digest from zeros (mix the key, then the three steps
//! above, without clearing) and xor its 20 bytes ([`Digest::xor_digest`]). An empty dataset is 40
//! zeros.

use sha1::{Digest as _, Sha1};

use super::{Hash, List, Set, SortedSet, Stream, number};

/// 20 bytes that stand for some data; zeros at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    /// Adds `data`, whatever came before or after it.
    pub fn xor(&mut self, data: &[u8]) {
        let hash = Sha1::digest(data);
        for (own, new) in self.0.iter_mut().zip(hash.iter()) {
            *own ^= new;
        }
    }

    /// Adds `data` behind everything that was added before.
    pub fn mix(&mut self, data: &[u8]) {
        self.xor(data);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Mixes a database's or a type's number, as 4 bytes, big-endian.
    pub fn mix_number(&mut self, number: u32) {
        self.mix(&number.to_be_bytes());
    }

    /// Adds another digest's 20 bytes by [`Digest::xor`], which hashes them first.
    pub fn xor_digest(&mut self, other: &Digest) {
        self.xor(&other.0);
    }

    /// Adds a string value: its type, its bytes, and whether its key has an expire time.
    pub fn add_string_value(&mut self, value: &[u8], expires: bool) {
        self.mix_number(0);
        self.mix(value);
        if expires {
            self.mark_expire();
        }
    }

    /// Adds the members of a set: its type, then each of them, whatever their order.
    pub fn add_set(&mut self, set: &Set) {
        self.mix_number(2);
        for member in set.iter() {
            self.xor(member.bytes(&mut itoa::Buffer::new()));
        }
    }

    /// Adds a list: its type, then each element in order.
    pub fn add_list(&mut self, list: &List) {
        self.mix_number(1);
        for element in list.iter() {
            self.mix(element.bytes(&mut itoa::Buffer::new()));
        }
    }

    /// Adds a sorted set: its type, then each member with its score.
    pub fn add_sorted_set(&mut self, sorted_set: &SortedSet) {
        self.mix_number(3);
        for (member, score) in sorted_set.iter() {
            let mut own = Digest::default();
            own.mix(member);
            own.mix(number::format_f64(score).as_bytes());
            self.xor_digest(&own);
        }
    }

    /// Adds a stream: its type, then the ID, fields and values of each entry, in order.
    pub fn add_stream(&mut self, stream: &Stream) {
        self.mix_number(6);
        let mut buffer = itoa::Buffer::new();
        for entry in stream.iter() {
            self.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
            for (field, value) in entry.pairs() {
                self.mix(field.bytes(&mut buffer));
                self.mix(value.bytes(&mut buffer));
            }
        }
    }

    /// Adds a hash: its type, then each field with its value, and a mark if the field expires.
    pub fn add_hash(&mut self, hash: &Hash) {
        self.mix_number(4);
        for field in hash.iter() {
            let mut own = Digest::default();
            own.mix(field.name);
            own.mix(field.value);
            if field.expiry.is_some() {
                own.xor(b"!!hexpire!!");
            }
            self.xor_digest(&own);
        }
    }

    /// Adds the mark of a key that has an expire time.
    pub fn mark_expire(&mut self) {
        self.xor(b"!!expire!!");
    }

    /// 40 lower-case hex digits.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(40);
        for byte in self.0 {
            text.push(DIGITS[usize::from(byte >> 4)] as char);
            text.push(DIGITS[usize::from(byte & 15)] as char);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Limits;
    use crate::types::hash::FieldExpiry;
    use crate::types::set::SetLimits;

    /// Key, value, and whether the key expires.
    type Entry = (&'static [u8], &'static [u8], bool);

    /// The digest of a dataset of strings.
    fn dataset(databases: &[(u32, &[Entry])]) -> String {
        let mut all = Digest::default();
        for (number, keys) in databases {
            all.mix_number(*number);
            for (key, value, expires) in *keys {
                let mut digest = Digest::default();
                digest.mix(key);
                digest.add_string_value(value, *expires);
                all.xor_digest(&digest);
            }
        }
        all.hex()
    }

    fn value(value: &[u8], expires: bool) -> String {
        let mut digest = Digest::default();
        digest.add_string_value(value, expires);
        digest.hex()
    }

    #[test]
    fn values_as_recorded() {
        assert_eq!(Digest::default().hex(), "0".repeat(40));
        assert_eq!(
            value(b"v", false),
            "d79ee9fe5d5ad902d7f6620efc3b07b75ddd742f"
        );
        assert_eq!(
            value(b"12345", false),
            "e1cf90774e995ae03de66e8109dc5cb9d9c2dc83"
        );
        assert_eq!(
            value(b"", false),
            "8b3447c33a834b810e3e181b6fd6a2ee1020921c"
        );
        assert_eq!(
            value(b"x", true),
            "0745672cb1bf060476eedeb8a28f5ffe1ff5a2be"
        );
    }

    #[test]
    fn datasets_as_recorded() {
        let k: Entry = (b"k", b"v", false);
        assert_eq!(dataset(&[]), "0".repeat(40));
        assert_eq!(
            dataset(&[(0, &[k])]),
            "264ccf65edec66bccfa7cc659414ccca432057d2"
        );
        let n: Entry = (b"n", b"12345", false);
        let e: Entry = (b"e", b"", false);
        let t: Entry = (b"t", b"x", true);
        let first = [n, k, e];
        assert_eq!(
            dataset(&[(0, &first)]),
            "314003620356e7908a7315e93365acee98cdb68f"
        );
        let first = [t, e, k, n];
        assert_eq!(
            dataset(&[(0, &first)]),
            "11e5d69f9f668081ef887cddbe2afd89696ad5de"
        );
        let sixth = [(&b"a"[..], &b"b"[..], false), k];
        assert_eq!(
            dataset(&[(0, &first), (5, &sixth)]),
            "0cb01a8e2c97d20f77b07fdc844aed4b2e278f25"
        );
        let third = [(&b"bin"[..], &b"\x01\xff"[..], false)];
        assert_eq!(
            dataset(&[(0, &first), (2, &third), (5, &sixth)]),
            "87690d7fff743d7f24135a3d1f0ef88d1ffe8165"
        );
    }

    const LIMITS: Limits = Limits {
        entries: 128,
        value: 64,
    };

    #[test]
    fn collections_as_recorded() {
        let limits = SetLimits {
            intset: 512,
            listpack: LIMITS,
        };
        for (members, expected) in [
            (
                &["a", "b", "3", "-40", ""][..],
                "d41674edae962114991c2f7226b6a69591d78315",
            ),
            (&["1", "2", "3"], "2a462a3f51a1db89738ebbeef0c47ce1bbc85246"),
        ] {
            let mut set = Set::new();
            for member in members {
                set.add(member.as_bytes(), &limits);
            }
            let mut digest = Digest::default();
            digest.add_set(&set);
            assert_eq!(digest.hex(), expected);
        }
        let mut sorted_set = SortedSet::new();
        for (member, score) in [
            ("a", 1.5),
            ("b", 0.0),
            ("c", f64::INFINITY),
            ("d", 3.0),
            ("e", f64::NEG_INFINITY),
            ("f", 1e21),
            ("g", 0.1),
        ] {
            sorted_set.insert(member.as_bytes(), score, LIMITS);
        }
        let mut digest = Digest::default();
        digest.add_sorted_set(&sorted_set);
        assert_eq!(digest.hex(), "0f5c46522bedebb16ab4fd5eb47404da2e753d2f");
        // Only the large form keeps the sign of zero in Redis.
        let mut large = SortedSet::new();
        let limits = Limits {
            entries: 0,
            ..LIMITS
        };
        large.insert(b"b", -0.0, limits);
        let mut digest = Digest::default();
        digest.add_sorted_set(&large);
        assert_eq!(digest.hex(), "5c960294aeb741424834843e4c43f6efc7f8ac92");
    }

    #[test]
    fn hashes_as_recorded() {
        let mut hash = Hash::new();
        for (name, value) in [("f", "v"), ("1", "2"), ("", "")] {
            hash.set(
                name.as_bytes(),
                value.as_bytes(),
                FieldExpiry::Clear,
                LIMITS,
            );
        }
        let digest = |hash: &Hash| {
            let mut digest = Digest::default();
            digest.add_hash(hash);
            digest
        };
        let plain = "de75dbb5a9e3704697b0247affc39ee94c96d567";
        assert_eq!(digest(&hash).hex(), plain);
        hash.set_expiry(b"f", Some(1 << 41));
        let mut expiring = digest(&hash);
        assert_eq!(expiring.hex(), "3a0a24f846bf302fb24420e513b2d2a649955cd2");
        expiring.mark_expire();
        assert_eq!(expiring.hex(), "dc8fda079a86da7b7352cb1d56d81d3d533b1d51");
        hash.set_expiry(b"f", None);
        assert_eq!(digest(&hash).hex(), plain);
    }

    #[test]
    fn xor_forgets_the_order_and_mix_keeps_it() {
        let (mut ab, mut ba) = (Digest::default(), Digest::default());
        ab.xor(b"a");
        ab.xor(b"b");
        ba.xor(b"b");
        ba.xor(b"a");
        assert_eq!(ab, ba);
        let (mut ab, mut ba) = (Digest::default(), Digest::default());
        ab.mix(b"a");
        ab.mix(b"b");
        ba.mix(b"b");
        ba.mix(b"a");
        assert_ne!(ab, ba);
    }
}
