//! Puts elements in order.
//!
//! What decides most comparisons is one number of 64 bits, made once for each element: its weight, or the first
//! bytes of its text. Where only some of the elements are answered, only these are sorted.

use std::cmp::Ordering;
use std::ops::Range;

use super::query::Elements;
use crate::error::Error;
use crate::keyspace::StringRef;
use crate::types::number;
use crate::types::quicksort::sort_part;

/// An element to be sorted.
struct Item<'v, W> {
    /// Greater for what comes later; equal where more has to be looked at.
    rank: u64,
    element: StringRef<'v>,
    /// What is looked at then, if not the element.
    weight: W,
}

/// How texts are compared.
#[derive(Clone, Copy)]
pub(super) struct Texts {
    pub(super) descending: bool,
    /// Whether a text ends at its first NUL: so does C's `strcoll`.
    pub(super) up_to_nul: bool,
}

/// What items that are equal to the comparison mean.
enum Ties {
    /// They are the same to anybody.
    Alike,
    /// They stay in their order.
    Stable,
    /// They come as Redis's partial sort leaves them, or stay in their order if all are sorted.
    AsRedis,
}

/// Sorts by the numbers that `weigh` finds; 0 where it finds none. Equal ones are sorted by their bytes.
///
/// # Errors
/// `ERR One or more scores can't be converted into double`, be it one that is not answered.
pub(super) fn by_number<'v>(
    elements: &Elements<'v>,
    window: Range<usize>,
    descending: bool,
    mut weigh: impl FnMut(StringRef<'v>) -> Option<StringRef<'v>>,
) -> Result<Vec<StringRef<'v>>, Error> {
    let mut items = Vec::with_capacity(elements.len());
    let mut all_numbers = true;
    elements.each(|element| {
        let number = match weigh(element) {
            None => Some(0.0),
            Some(StringRef::Int(number)) => Some(number as f64),
            Some(StringRef::Bytes(text)) => number::parse_c_f64_in_range(text),
        };
        all_numbers &= number.is_some();
        items.push(Item {
            rank: rank_of_number(number.unwrap_or(0.0)),
            element,
            weight: (),
        });
    });
    if !all_numbers {
        return Err(Error::Static(
            "ERR One or more scores can't be converted into double",
        ));
    }
    let compare = |one: &Item<'_, ()>, other: &Item<'_, ()>| {
        let by_rank = one.rank.cmp(&other.rank);
        by_rank.then_with(|| compare_texts(one.element, other.element, false))
    };
    arrange(&mut items, window.clone(), Ties::Alike, descending, compare);
    Ok(elements_of(items, window))
}

/// Sorts by the elements' own texts.
pub(super) fn by_itself<'v>(
    elements: &Elements<'v>,
    window: Range<usize>,
    texts: Texts,
) -> Vec<StringRef<'v>> {
    let mut items = Vec::with_capacity(elements.len());
    let mut any_cut = false;
    elements.each(|element| {
        let (rank, cut) = rank_of_text(element, texts.up_to_nul);
        any_cut |= cut;
        items.push(Item {
            rank,
            element,
            weight: (),
        });
    });
    let compare = |one: &Item<'_, ()>, other: &Item<'_, ()>| {
        let by_rank = one.rank.cmp(&other.rank);
        by_rank.then_with(|| compare_texts(one.element, other.element, texts.up_to_nul))
    };
    let ties = match any_cut {
        true => Ties::Stable,
        false => Ties::Alike,
    };
    arrange(&mut items, window.clone(), ties, texts.descending, compare);
    elements_of(items, window)
}

/// Sorts by the texts that `weigh` finds; what it finds none for comes first.
pub(super) fn by_text<'v>(
    elements: &Elements<'v>,
    window: Range<usize>,
    texts: Texts,
    mut weigh: impl FnMut(StringRef<'v>) -> Option<StringRef<'v>>,
) -> Vec<StringRef<'v>> {
    let mut items = Vec::with_capacity(elements.len());
    elements.each(|element| {
        let weight = weigh(element);
        items.push(Item {
            rank: weight.map_or(0, |text| rank_of_text(text, texts.up_to_nul).0),
            element,
            weight,
        });
    });
    let compare = |one: &Item<'v, Option<StringRef<'v>>>, other: &Item<'v, Option<_>>| {
        let by_rank = one.rank.cmp(&other.rank);
        by_rank.then_with(|| match (one.weight, other.weight) {
            (Some(one), Some(other)) => compare_texts(one, other, texts.up_to_nul),
            (one, other) => one.is_some().cmp(&other.is_some()),
        })
    };
    let (range, descending) = (window.clone(), texts.descending);
    arrange(&mut items, range, Ties::AsRedis, descending, compare);
    elements_of(items, window)
}

/// Puts those items in their places that are within the window.
fn arrange<T>(
    items: &mut [T],
    window: Range<usize>,
    ties: Ties,
    descending: bool,
    compare: impl Fn(&T, &T) -> Ordering,
) {
    let order = |one: &T, other: &T| match descending {
        true => compare(other, one),
        false => compare(one, other),
    };
    let all = window.len() == items.len();
    match ties {
        Ties::Alike => sort_window(items, window, order),
        Ties::AsRedis if !all => sort_part(items, window, order),
        Ties::AsRedis | Ties::Stable => items.sort_by(order),
    }
}

/// Sorts what is within the window, after what comes before and behind it was set apart.
fn sort_window<T>(
    items: &mut [T],
    window: Range<usize>,
    order: impl Fn(&T, &T) -> Ordering + Copy,
) {
    let Range { start, end } = window;
    if start >= end {
        return;
    }
    if end < items.len() {
        items.select_nth_unstable_by(end, order);
    }
    let items = &mut items[..end];
    if start > 0 {
        items.select_nth_unstable_by(start, order);
    }
    items[start..].sort_unstable_by(order);
}

fn elements_of<W>(items: Vec<Item<'_, W>>, window: Range<usize>) -> Vec<StringRef<'_>> {
    let items = items.into_iter().skip(window.start).take(window.len());
    items.map(|item| item.element).collect()
}

/// A number that is as much greater as the double is; -0.0 is 0.0.
fn rank_of_number(number: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    let bits = (number + 0.0).to_bits();
    match bits & SIGN {
        0 => bits | SIGN,
        _ => !bits,
    }
}

/// The first eight bytes of a text as a number, and whether a NUL cut it.
fn rank_of_text(text: StringRef<'_>, up_to_nul: bool) -> (u64, bool) {
    let mut buffer = itoa::Buffer::new();
    let whole = text.bytes(&mut buffer);
    let bytes = match up_to_nul {
        true => before_nul(whole),
        false => whole,
    };
    let rank = match bytes.first_chunk::<8>() {
        Some(first) => u64::from_be_bytes(*first),
        None => {
            let mut first = [0; 8];
            first[..bytes.len()].copy_from_slice(bytes);
            u64::from_be_bytes(first)
        }
    };
    (rank, bytes.len() < whole.len())
}

fn before_nul(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(0, text).unwrap_or(text.len())]
}

fn compare_texts(one: StringRef<'_>, other: StringRef<'_>, up_to_nul: bool) -> Ordering {
    let mut buffers = [itoa::Buffer::new(), itoa::Buffer::new()];
    let [first, second] = &mut buffers;
    let (one, other) = (one.bytes(first), other.bytes(second));
    match up_to_nul {
        true => before_nul(one).cmp(before_nul(other)),
        false => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn ranks_are_in_the_order_of_numbers() {
        let mut numbers = vec![
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -5e-324,
            0.0,
            5e-324,
            1.5,
            f64::MAX,
            f64::INFINITY,
        ];
        assert_eq!(rank_of_number(-0.0), rank_of_number(0.0));
        let mut chance = Chance::new(1);
        let drawn = (0..10_000).map(|_| f64::from_bits(chance.bits()));
        numbers.extend(drawn.filter(|number| !number.is_nan()));
        numbers.sort_by(f64::total_cmp);
        for pair in numbers.windows(2) {
            assert_eq!(
                pair[0].partial_cmp(&pair[1]),
                Some(rank_of_number(pair[0]).cmp(&rank_of_number(pair[1]))),
                "{pair:?}"
            );
        }
    }

    #[test]
    fn ranks_of_texts_do_not_contradict_their_order() {
        let mut chance = Chance::new(2);
        for _ in 0..100_000 {
            let texts = [(); 2].map(|()| chance.text(b"ab\0", 12));
            let [one, other] = [0, 1].map(|at: usize| StringRef::Bytes(&texts[at]));
            for up_to_nul in [false, true] {
                let (first, cut) = rank_of_text(one, up_to_nul);
                assert_eq!(cut, up_to_nul && texts[0].contains(&0));
                let ranks = first.cmp(&rank_of_text(other, up_to_nul).0);
                if ranks.is_ne() {
                    assert_eq!(ranks, compare_texts(one, other, up_to_nul), "{texts:?}");
                }
            }
        }
    }

    /// Whatever the window and the ties, it holds what a stable sort of all would put there.
    #[test]
    fn a_window_holds_what_sorting_all_puts_there() {
        let mut chance = Chance::new(3);
        for _ in 0..3_000 {
            let count = chance.below(60);
            let kinds = 1 + chance.below(40);
            let items: Vec<(usize, usize)> =
                (0..count).map(|nth| (chance.below(kinds), nth)).collect();
            let start = chance.below(count + 1);
            let window = start..start + chance.below(count - start + 1);
            let descending = chance.below(2) == 0;
            let by_key = |a: &(usize, usize), b: &(usize, usize)| match descending {
                true => b.0.cmp(&a.0),
                false => a.0.cmp(&b.0),
            };
            let mut sorted = items.clone();
            sorted.sort_by(by_key);
            let compare = |a: &(usize, usize), b: &(usize, usize)| a.0.cmp(&b.0);
            for ties in [Ties::Alike, Ties::Stable, Ties::AsRedis] {
                let stable = matches!(ties, Ties::Stable);
                let mut found = items.clone();
                arrange(&mut found, window.clone(), ties, descending, compare);
                for at in window.clone() {
                    assert_eq!(found[at].0, sorted[at].0);
                    assert!(!stable || found[at] == sorted[at]);
                }
            }
        }
    }
}
