//! Random operations against a naive model, and when the form changes.

use std::collections::VecDeque;

use super::*;
use crate::types::chance::Chance;

type Model = VecDeque<Vec<u8>>;

/// An element: an integer of any size, a short text, or sometimes a long one.
fn element(chance: &mut Chance) -> Vec<u8> {
    match chance.below(20) {
        0..8 => {
            let shift = chance.below(64);
            ((chance.bits() as i64) >> shift).to_string().into()
        }
        8..18 => chance.text(b"0123abc", 12),
        18 => chance.text(b"x", 300),
        _ if chance.below(20) == 0 => chance.text(b"y", 70_000),
        _ => chance.text(b"z", 5_000),
    }
}

fn bytes(element: Element<'_>) -> Vec<u8> {
    element.bytes(&mut itoa::Buffer::new()).to_vec()
}

fn check(list: &List, model: &Model) {
    assert_eq!(list.len(), model.len());
    assert!(list.iter().map(bytes).eq(model.iter().cloned()));
    assert!(list.iter().rev().map(bytes).eq(model.iter().rev().cloned()));
    let counts = list.nodes().map(|node| node.count());
    assert_eq!(counts.sum::<usize>(), model.len());
    assert!(list.is_empty() || list.nodes().all(|node| node.count() > 0));
    if let Form::Large(large) = list.0.get() {
        for slot in large.slots() {
            assert_eq!(slot.count(), slot.chunk.count());
            assert_eq!(slot.chunk.bytes().len(), slot.chunk.len());
        }
    }
}

fn check_range(list: &List, model: &Model, chance: &mut Chance) {
    let from = chance.below(model.len() + 2);
    let to = chance.below(model.len() + 2);
    let end = to.min(model.len());
    let start = from.min(end);
    let wanted: Vec<_> = model.range(start..end).cloned().collect();
    let range = list.range(from, to);
    assert_eq!(range.len(), wanted.len());
    let mut folded = Vec::new();
    range.for_each(|element| folded.push(bytes(element)));
    assert_eq!(folded, wanted);
    // From both ends in turns.
    let mut range = list.range(from, to);
    let (mut front, mut back) = (0, wanted.len());
    while front < back {
        if chance.below(2) == 0 {
            assert_eq!(range.next().map(bytes).as_ref(), Some(&wanted[front]));
            front += 1;
        } else {
            back -= 1;
            assert_eq!(range.next_back().map(bytes).as_ref(), Some(&wanted[back]));
        }
    }
    assert!(range.next().is_none() && range.next_back().is_none());
}

/// An element that is there, or hardly.
fn one_of(model: &Model, chance: &mut Chance) -> Vec<u8> {
    match chance.below(5) {
        0 => element(chance),
        _ if model.is_empty() => Vec::new(),
        _ => model[chance.below(model.len())].clone(),
    }
}

fn end(chance: &mut Chance) -> End {
    if chance.below(2) == 0 {
        End::Front
    } else {
        End::Back
    }
}

fn step(list: &mut List, model: &mut Model, fill: Fill, chance: &mut Chance) {
    match chance.below(17) {
        0..6 => {
            let end = end(chance);
            let texts: Vec<_> = (0..1 + chance.below(12)).map(|_| element(chance)).collect();
            list.expect(texts.iter().map(Vec::len).sum(), texts.len(), fill);
            for text in texts {
                list.push(end, &text);
                match end {
                    End::Front => model.push_front(text),
                    End::Back => model.push_back(text),
                }
            }
        }
        6..8 => {
            let end = end(chance);
            for _ in 0..1 + chance.below(20) {
                let popped = list.pop(end, bytes);
                list.settle(fill);
                let wanted = match end {
                    End::Front => model.pop_front(),
                    End::Back => model.pop_back(),
                };
                assert_eq!(popped, wanted);
            }
        }
        8 => {
            let at = chance.below(model.len() + 1);
            assert_eq!(list.get(at).map(bytes).as_ref(), model.get(at));
        }
        9 => check_range(list, model, chance),
        10 => {
            let from = chance.below(model.len() + 1);
            let most = if chance.below(4) == 0 { 200 } else { 12 };
            let to = from + chance.below(most);
            list.remove_range(from, to);
            list.settle(fill);
            model.drain(from.min(model.len())..to.min(model.len()));
        }
        11 => {
            let (at, text) = (chance.below(model.len() + 1), element(chance));
            list.expect(text.len(), 1, fill);
            assert_eq!(list.replace(at, &text), at < model.len());
            list.settle(fill);
            if at < model.len() {
                model[at] = text;
            }
        }
        12 | 13 => {
            let (text, pivot) = (element(chance), one_of(model, chance));
            let after = chance.below(2) == 0;
            list.expect(text.len(), 1, fill);
            let at = model.iter().position(|element| *element == pivot);
            assert_eq!(list.insert(&pivot, after, &text), at.is_some());
            if let Some(at) = at {
                model.insert(at + usize::from(after), text);
            }
        }
        14 => {
            let (text, most, end) = (one_of(model, chance), 1 + chance.below(9), end(chance));
            let removed = list.remove(&text, most, end);
            list.settle(fill);
            let mut left = most;
            let mut keep = |element: &Vec<u8>| {
                let gone = *element == text && left > 0;
                left -= usize::from(gone);
                !gone
            };
            if end == End::Front {
                model.retain(&mut keep);
            } else {
                let mut kept: Model = model.drain(..).rev().filter(&mut keep).collect();
                kept.make_contiguous().reverse();
                *model = kept;
            }
            assert_eq!(removed, most - left);
        }
        15 => {
            let (text, limit, end) = (one_of(model, chance), chance.below(300), end(chance));
            let most = chance.below(4);
            let mut found = Vec::new();
            list.find(&text, end, limit, |at| {
                found.push(at);
                found.len() <= most
            });
            let mut elements: Vec<_> = model.iter().collect();
            if end == End::Back {
                elements.reverse();
            }
            let wanted = elements.iter().enumerate().take(limit);
            let wanted = wanted.filter(|(_, element)| ***element == text);
            let wanted: Vec<_> = wanted.map(|(at, _)| at).take(most + 1).collect();
            assert_eq!(found, wanted);
        }
        _ => {
            let clone = list.clone();
            assert_eq!(clone.encoding(), list.encoding());
            assert!(clone.heap_bytes() <= list.heap_bytes() + 1);
            *list = clone;
        }
    }
}

#[test]
fn agrees_with_a_deque() {
    let mut chance = Chance::new(7);
    for setting in [-9, -5, -2, -1, 0, 1, 2, 5, 40, 128, 100_000] {
        let fill = Fill::new(setting);
        for _ in 0..12 {
            let (mut list, mut model) = (List::new(), Model::new());
            for _ in 0..150 {
                step(&mut list, &mut model, fill, &mut chance);
                check(&list, &model);
            }
            let texts: Vec<_> = model.iter().map(Vec::as_slice).collect();
            check(&List::of(texts.iter().copied(), fill), &model);
        }
    }
}

fn numbered(count: usize, fill: Fill) -> List {
    let texts: Vec<_> = (0..count).map(|n| format!("element:{n:08}")).collect();
    List::of(texts.iter().map(String::as_bytes), fill)
}

#[test]
fn changes_its_form_where_redis_does() {
    let fill = Fill::new(-1);
    // 16 bytes and 2 for each: 226 elements and the frame are 4,075 bytes.
    for (count, encoding) in [(1, "listpack"), (226, "listpack"), (228, "quicklist")] {
        assert_eq!(numbered(count, fill).encoding(), encoding, "{count}");
    }
    let mut list = numbered(400, fill);
    // Two chunks until the last element of one is gone, and then one that is larger than half of the limit.
    let mut changed = None;
    while list.len() > 1 {
        list.pop(End::Back, |_| ());
        list.settle(fill);
        if list.is_compact() && changed.is_none() {
            changed = Some(list.len());
        }
    }
    assert_eq!(changed, Some(113));
    let fill = Fill::new(4);
    assert_eq!(numbered(4, fill).encoding(), "listpack");
    let mut list = numbered(5, fill);
    assert_eq!(list.encoding(), "quicklist");
    list.remove_range(2, 5);
    list.settle(fill);
    assert_eq!((list.len(), list.encoding()), (2, "listpack"));
}

#[test]
fn a_million_elements_take_no_more_than_in_redis() {
    let fill = Fill::new(-2);
    for (text, redis) in [
        (|n: usize| format!("{n:08}x"), 11.1),
        (|n: usize| format!("element:{n:08}"), 18.14),
        (|n: usize| n.to_string(), 5.0),
    ] as [(fn(usize) -> String, f64); 3]
    {
        let mut list = List::new();
        for n in 0..1_000_000 {
            let text = text(n);
            list.expect(text.len(), 1, fill);
            list.push(
                if n % 2 == 0 { End::Front } else { End::Back },
                text.as_bytes(),
            );
        }
        let each = list.heap_bytes() as f64 / 1e6;
        assert!(each < redis, "{each}");
    }
}
