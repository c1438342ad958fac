//! How many nodes Redis's radix tree has for the chunks of a stream: XINFO STREAM tells.
//!
//! Its keys are the IDs of the chunks' first entries, 16 bytes each. Every key ends in a node without
//! children; where keys part there is a node with a child for each; and what all keys of a branch have in
//! common before that, if it is not nothing, is a node too.

use super::id::StreamId;

/// Bytes of a key.
const KEY: u32 = 16;

/// Number of nodes of a radix tree with these keys, which ascend. O(n).
pub fn nodes(keys: impl Iterator<Item = StreamId>) -> usize {
    let mut nodes = 0;
    // Where the keys up to the last one part, from the root on, each with more bytes in common.
    let mut partings: Vec<u32> = Vec::new();
    let mut last: Option<u128> = None;
    for key in keys {
        let key = u128::from(key.ms) << 64 | u128::from(key.seq);
        if let Some(last) = last {
            close(
                &mut nodes,
                &mut partings,
                Some((last ^ key).leading_zeros() / 8),
            );
        }
        last = Some(key);
    }
    match last {
        // Even without keys there is the root.
        None => 1,
        Some(_) => {
            close(&mut nodes, &mut partings, None);
            nodes
        }
    }
}

/// Counts what belongs to the last key alone, for the next has only so many bytes in common with it; or
/// everything that is left.
fn close(nodes: &mut usize, partings: &mut Vec<u32>, common: Option<u32>) {
    // Of the key, or a branch, that begins to be counted: how many bytes lead to it.
    let mut depth = KEY;
    loop {
        let parent = match (partings.last().copied(), common) {
            (Some(parting), Some(common)) => Some(parting.max(common)),
            (parting, common) => parting.or(common),
        };
        // The node itself, and what leads to it behind the byte by which its parent tells it from others.
        let led = parent.map_or(depth, |parent| depth - parent - 1);
        *nodes += 1 + usize::from(led > 0);
        match parent {
            Some(parent) if partings.last() == Some(&parent) => {
                if common.is_some_and(|common| common >= parent) {
                    return;
                }
                partings.pop();
                depth = parent;
            }
            Some(parent) => {
                partings.push(parent);
                return;
            }
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    /// The same by its definition: for each prefix, which bytes follow it.
    fn by_definition(keys: &[u128]) -> usize {
        fn below(keys: &[u128], depth: u32) -> usize {
            if depth == KEY {
                return 1;
            }
            let byte = |key: u128| (key >> (120 - 8 * depth)) as u8;
            let (first, last) = (byte(keys[0]), byte(keys[keys.len() - 1]));
            if first == last {
                // A run up to where they part, or end.
                let mut end = depth;
                let at = |key: u128, depth: u32| (key >> (120 - 8 * depth)) as u8;
                while end < KEY && keys.iter().all(|&key| at(key, end) == at(keys[0], end)) {
                    end += 1;
                }
                return 1 + below(keys, end);
            }
            let children = keys.chunk_by(|&one, &other| byte(one) == byte(other));
            1 + children.map(|keys| below(keys, depth + 1)).sum::<usize>()
        }
        if keys.is_empty() { 1 } else { below(keys, 0) }
    }

    #[test]
    fn agrees_with_the_definition() {
        let mut chance = Chance::new(3);
        for round in 0..2_000 {
            let mut keys: Vec<u128> = (0..chance.below(40))
                .map(|_| {
                    let bytes = [(); 16].map(|()| chance.below(1 + round % 4) as u8);
                    u128::from_be_bytes(bytes)
                })
                .collect();
            keys.sort_unstable();
            keys.dedup();
            let ids = keys
                .iter()
                .map(|&key| StreamId::new((key >> 64) as u64, key as u64));
            assert_eq!(nodes(ids), by_definition(&keys), "{keys:?}");
        }
    }
}
