//! Sorting of a part, as Redis does where it does not sort all (SORT with BY and LIMIT, GEOSEARCH with COUNT):
//! equal items come in the order in which Bentley's and McIlroy's quicksort leaves them ("Engineering a Sort
//! Function").

use std::cmp::Ordering;
use std::ops::Range;

/// Puts those items in their places that belong to `wanted` once all are in order. O(n) on average and
/// O(k log k) for the k that are wanted; O(n log n) at worst.
pub fn sort_part<T>(items: &mut [T], wanted: Range<usize>, order: impl Fn(&T, &T) -> Ordering) {
    // Many times what it takes unless somebody has chosen the items so that it takes n^2.
    let mut patience = 8 * items.len() * (items.len().checked_ilog2().unwrap_or(0) as usize + 1);
    let mut parts = Vec::new();
    parts.push(0..items.len());
    while let Some(part) = parts.pop() {
        if part.start >= wanted.end || part.end <= wanted.start || part.len() < 2 {
            continue;
        }
        if patience < part.len() {
            items[part].sort_by(&order);
            continue;
        }
        patience -= part.len();
        let (start, end) = (part.start, part.end);
        let (smaller, larger) = partition(&mut items[part], &order);
        parts.push(start..start + smaller);
        parts.push(end - larger..end);
    }
}

/// Moves smaller items in front of larger ones, with those that equal the pivot between them. Returns how many
/// items on either side are not in order yet.
fn partition<T>(items: &mut [T], order: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let count = items.len();
    if count < 7 {
        for from in 1..count {
            let mut at = from;
            while at > 0 && order(&items[at - 1], &items[at]).is_gt() {
                items.swap(at - 1, at);
                at -= 1;
            }
        }
        return (0, 0);
    }
    let pivot = choose(items, order);
    items.swap(0, pivot);
    // Equal items gather at both ends: before `equal_left` and behind `equal_right`.
    let (mut equal_left, mut left) = (1, 1);
    let (mut right, mut equal_right) = (count - 1, count - 1);
    loop {
        while left <= right {
            match order(&items[left], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(equal_left, left);
                    equal_left += 1;
                }
                Ordering::Less => {}
            }
            left += 1;
        }
        while left <= right {
            match order(&items[right], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(right, equal_right);
                    equal_right -= 1;
                }
                Ordering::Greater => {}
            }
            right -= 1;
        }
        if left > right {
            break;
        }
        items.swap(left, right);
        left += 1;
        right -= 1;
    }
    let (smaller, larger) = (left - equal_left, equal_right - right);
    // They move to the middle, each from its end.
    swap_blocks(items, 0, left, equal_left.min(smaller));
    swap_blocks(items, left, count, larger.min(count - 1 - equal_right));
    (smaller, larger)
}

/// Swaps the `len` items from `from` on with the `len` items before `end`.
fn swap_blocks<T>(items: &mut [T], from: usize, end: usize, len: usize) {
    (0..len).for_each(|nth| items.swap(from + nth, end - len + nth));
}

/// The place of an item in the middle: the median of three, or of three medians where there are many.
fn choose<T>(items: &[T], order: &impl Fn(&T, &T) -> Ordering) -> usize {
    let count = items.len();
    let middle = count / 2;
    if count == 7 {
        return middle;
    }
    let median = |a, b, c| median(items, order, a, b, c);
    let last = count - 1;
    if count <= 40 {
        return median(0, middle, last);
    }
    let far = count / 8;
    median(
        median(0, far, 2 * far),
        median(middle - far, middle, middle + far),
        median(last - 2 * far, last - far, last),
    )
}

fn median<T>(
    items: &[T],
    order: &impl Fn(&T, &T) -> Ordering,
    a: usize,
    b: usize,
    c: usize,
) -> usize {
    let compare = |one: usize, other: usize| order(&items[one], &items[other]);
    if compare(a, b).is_lt() {
        match () {
            _ if compare(b, c).is_lt() => b,
            _ if compare(a, c).is_lt() => c,
            _ => a,
        }
    } else {
        match () {
            _ if compare(b, c).is_gt() => b,
            _ if compare(a, c).is_lt() => a,
            _ => c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;
    use std::cell::Cell;

    /// McIlroy's adversary ("A Killer Adversary for Quicksort"): it decides how items compare only when it
    /// must, and then for the worst.
    #[test]
    fn items_that_were_chosen_for_the_worst_do_not_take_the_square_of_their_number() {
        const COUNT: usize = 20_000;
        let values = vec![Cell::new(COUNT); COUNT];
        let (next, candidate, compared) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let order = |a: &usize, b: &usize| {
            compared.set(compared.get() + 1);
            let undecided = |item: &usize| values[*item].get() == COUNT;
            if undecided(a) && undecided(b) {
                let decided = if *a == candidate.get() { a } else { b };
                values[*decided].set(next.get());
                next.set(next.get() + 1);
            }
            if undecided(a) {
                candidate.set(*a);
            } else if undecided(b) {
                candidate.set(*b);
            }
            values[*a].get().cmp(&values[*b].get())
        };
        let mut items: Vec<usize> = (0..COUNT).collect();
        sort_part(&mut items, 0..COUNT, order);
        assert!(
            compared.get() < COUNT * 400,
            "{} comparisons",
            compared.get()
        );
        let found: Vec<usize> = items.iter().map(|item| values[*item].get()).collect();
        assert!(found.is_sorted());
    }

    #[test]
    fn what_is_wanted_is_where_it_belongs() {
        let mut chance = Chance::new(6);
        for _ in 0..3_000 {
            let count = chance.below(200);
            let kinds = 1 + chance.below(30);
            let mut items: Vec<(usize, usize)> =
                (0..count).map(|nth| (chance.below(kinds), nth)).collect();
            let mut sorted = items.clone();
            sorted.sort();
            let start = chance.below(count + 1);
            let wanted = start..start + chance.below(count - start + 1);
            sort_part(&mut items, wanted.clone(), |a, b| a.0.cmp(&b.0));
            let keys = |items: &[(usize, usize)]| -> Vec<usize> {
                items[wanted.clone()].iter().map(|item| item.0).collect()
            };
            assert_eq!(keys(&items), keys(&sorted));
            items.sort();
            assert_eq!(items, sorted);
        }
    }
}
