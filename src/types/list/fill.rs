//! How much goes into one chunk (`list-max-listpack-size`).

/// Bytes that a chunk may have for each negative number of the setting.
const SIZES: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];

/// Bytes that a chunk limited by the number of its elements may have all the same.
const SAFE_SIZE: usize = 8 << 10;

/// Bytes of a listpack besides its elements.
const FRAME: usize = 7;

/// More than an element's encoding takes besides its text, nearly always: what Redis reckons with.
const OVERHEAD: usize = 8;

/// Largest number of elements that can be asked for.
const MOST: i32 = 0x7fff;

/// How much goes into one chunk: some bytes, or some elements. Sizes are those that a listpack of the same
/// elements would have, so that lists change their forms when Redis's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill(i16);

impl Fill {
    /// The meaning of `list-max-listpack-size`.
    pub fn new(setting: i32) -> Self {
        Fill(setting.clamp(-(SIZES.len() as i32), MOST) as i16)
    }

    /// The most bytes, and the most elements. One of them is without a limit.
    fn limits(self) -> (usize, usize) {
        match usize::try_from(self.0) {
            Ok(count) => (usize::MAX, count.max(1)),
            Err(_) => (SIZES[usize::from(self.0.unsigned_abs()) - 1], usize::MAX),
        }
    }

    /// The most bytes that a chunk may have.
    fn most_bytes(self) -> usize {
        if self.0 < 0 {
            self.limits().0
        } else {
            SAFE_SIZE
        }
    }

    /// Whether elements of `bytes` bytes, encoded, are too much for one chunk.
    pub(super) fn is_exceeded(self, bytes: usize, count: usize) -> bool {
        let (_, most) = self.limits();
        bytes + FRAME > self.most_bytes() || count > most
    }

    /// Whether an element of `len` bytes is alone in its chunk.
    #[inline]
    pub(super) fn is_alone(self, len: usize) -> bool {
        len > self.most_bytes()
    }

    /// Whether a chunk with so much has room for an element of `len` bytes, which is not alone.
    #[inline]
    pub(super) fn has_room(self, bytes: usize, count: usize, len: usize) -> bool {
        !self.is_exceeded(bytes + len + OVERHEAD, count + 1)
    }

    /// Whether elements are so few that their list becomes compact: within the limits, or within half of
    /// them if it has been shrinking, so that it does not change its form again and again.
    pub(super) fn is_compact(self, bytes: usize, count: usize, shrinking: bool) -> bool {
        let (size, most) = self.limits();
        let part = 1 + usize::from(shrinking);
        bytes + FRAME <= size / part && count <= most / part
    }

    /// Bytes of elements beyond which a chunk is nearly full.
    #[inline]
    pub(super) fn target(self) -> usize {
        self.most_bytes() - FRAME - 2 * OVERHEAD
    }
}
