//! A small set of integers: sorted, in one compact buffer, each in 2, 4 or 8 bytes.
//!
//! All have the width of the widest, so that the one at an index is found without looking at the
//! others and a binary search needs no index: 500 user ids are 2,000 bytes, where their texts would
//! be 4,000 and be searched one by one. A wider integer makes all of them wider, once; nothing makes
//! them narrower again, as that would have to look at all of them at each removal.
//!
//! The buffer's tag says how wide they are.

use super::packed::Packed;

/// The tag of a buffer is below this if it holds integers: of `2 << tag` bytes.
pub const TAGS: u8 = 3;

/// The integers of a buffer.
#[derive(Clone, Copy)]
pub struct Integers<'a> {
    bytes: &'a [u8],
    tag: u8,
}

/// The tag of the narrowest integers that `value` is one of.
fn tag_for(value: i64) -> u8 {
    if i16::try_from(value).is_ok() {
        0
    } else if i32::try_from(value).is_ok() {
        1
    } else {
        2
    }
}

/// Bytes of one integer of a buffer with this tag.
pub fn width(tag: u8) -> usize {
    2 << tag
}

impl<'a> Integers<'a> {
    /// Those of `packed`, whose tag must be below [`TAGS`].
    #[inline]
    pub fn of(packed: &'a Packed) -> Self {
        debug_assert!(packed.tag() < TAGS);
        Integers {
            bytes: packed.bytes(),
            tag: packed.tag(),
        }
    }

    /// The one at `index`, in ascending order. O(1).
    #[inline]
    pub fn get(self, index: usize) -> Option<i64> {
        Some(match self.tag {
            0 => i16::from_le_bytes(*self.bytes.as_chunks().0.get(index)?).into(),
            1 => i32::from_le_bytes(*self.bytes.as_chunks().0.get(index)?).into(),
            _ => i64::from_le_bytes(*self.bytes.as_chunks().0.get(index)?),
        })
    }

    /// Where `value` is, or where it would be put. O(log n).
    #[inline]
    pub fn search(self, value: i64) -> Result<usize, usize> {
        match self.tag {
            0 => search(self.bytes, value, |bytes| i16::from_le_bytes(bytes).into()),
            1 => search(self.bytes, value, |bytes| i32::from_le_bytes(bytes).into()),
            _ => search(self.bytes, value, i64::from_le_bytes),
        }
    }

    /// All, ascending.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = i64> + 'a {
        (0..).map_while(move |index| self.get(index))
    }
}

#[inline]
fn search<const N: usize>(
    bytes: &[u8],
    value: i64,
    read: impl Fn([u8; N]) -> i64,
) -> Result<usize, usize> {
    let (integers, _) = bytes.as_chunks::<N>();
    // Ids often come in ascending order.
    if integers.last().is_none_or(|last| read(*last) < value) {
        return Err(integers.len());
    }
    integers.binary_search_by_key(&value, |bytes| read(*bytes))
}

/// Most bytes that one more integer may need: all of them may become wider.
pub fn growth(packed: &Packed) -> usize {
    packed.count() * (width(TAGS - 1) - width(packed.tag())) + width(TAGS - 1)
}

/// Adds `value`. False if it is there already. O(n).
pub fn insert(packed: &mut Packed, value: i64) -> bool {
    let wanted = tag_for(value);
    if wanted > packed.tag() {
        widen(packed, wanted);
    }
    let Err(at) = Integers::of(packed).search(value) else {
        return false;
    };
    let width = width(packed.tag());
    packed.splice(at * width, 0, &[&value.to_le_bytes()[..width]]);
    packed.set_count(packed.count() + 1);
    true
}

#[cold]
fn widen(packed: &mut Packed, tag: u8) {
    let width = width(tag);
    let wider: Vec<u8> = Integers::of(packed)
        .iter()
        .flat_map(|value| value.to_le_bytes().into_iter().take(width))
        .collect();
    packed.splice(0, packed.bytes().len(), &[&wider]);
    packed.set_tag(tag);
}

/// Removes `value`. False if it is not there. O(n).
pub fn remove(packed: &mut Packed, value: i64) -> bool {
    let Ok(at) = Integers::of(packed).search(value) else {
        return false;
    };
    remove_at(packed, at);
    true
}

/// Removes the one at `index`, which must be there. O(n).
pub fn remove_at(packed: &mut Packed, index: usize) {
    let width = width(packed.tag());
    packed.splice(index * width, width, &[]);
    packed.set_count(packed.count() - 1);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn agrees_with_a_naive_model() {
        let mut chance = Chance::new(2);
        for round in 0..60 {
            let (mut packed, mut model) = (Packed::new(), BTreeSet::new());
            for step in 0..400 {
                // Later rounds are of wider numbers, and the widths also change within a round.
                let bits = [10, 16, 17, 32, 33, 64][(round + step / 100) % 6];
                let value = chance.bits() as i64 >> (64 - bits);
                if chance.below(3) > 0 {
                    assert!(growth(&packed) >= 8);
                    assert_eq!(insert(&mut packed, value), model.insert(value));
                } else {
                    let gone = *model.range(value..).next().unwrap_or(&value);
                    assert_eq!(remove(&mut packed, gone), model.remove(&gone));
                }
                assert_eq!(packed.count(), model.len());
                let integers = Integers::of(&packed);
                assert_eq!(integers.search(value).is_ok(), model.contains(&value));
            }
            let integers = Integers::of(&packed);
            assert!(integers.iter().eq(model.iter().copied()));
            for (index, value) in model.iter().enumerate() {
                assert_eq!(integers.get(index), Some(*value));
                assert_eq!(integers.search(*value), Ok(index));
            }
            assert_eq!(integers.get(model.len()), None);
            while let Some(value) = model.pop_first() {
                assert!(remove(&mut packed, value));
            }
            assert_eq!((packed.count(), packed.bytes().len()), (0, 0));
        }
    }

    #[test]
    fn the_edges_of_each_width() {
        for value in [
            i16::MIN.into(),
            i16::MAX.into(),
            i32::MIN.into(),
            i32::MAX.into(),
            i64::MIN,
            i64::MAX,
        ] {
            for near in [-1, 0, 1] {
                let value = i64::wrapping_add(value, near);
                let mut packed = Packed::new();
                assert!(insert(&mut packed, 5) && insert(&mut packed, value));
                assert!(!insert(&mut packed, value));
                assert_eq!(packed.bytes().len(), 2 * width(tag_for(value)));
                assert!(Integers::of(&packed).search(5).is_ok());
                let found = Integers::of(&packed).search(value).unwrap();
                assert_eq!(Integers::of(&packed).get(found), Some(value));
            }
        }
    }
}
