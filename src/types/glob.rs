//! Glob patterns over bytes: `*`, `?`, `[abc]`, `[^a-z]` and `\` for the next byte itself.

/// How many stars may be followed by more pattern; a pattern with more of them matches nothing
/// that gets past them.
const MAX_STARS: usize = 1000;

/// Whether all of `text` matches `pattern`; `nocase` ignores ASCII case.
///
/// - An empty text matches only the empty pattern, not `*`.
/// - A class that is not closed ends with the pattern; `^` negates only right behind `[`; a range's
///   ends may come in either order and compare as signed bytes; `]` first in a class closes it.
/// - A byte behind `\` in a class is compared with its case even under `nocase`.
///
/// No allocation, no recursion. Time is at most O(|pattern| * |text|): when the part between two
/// stars has found its first place, no later place can do better, so only the last star is ever
/// tried again.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Behind the last star: where the pattern goes on, and where in the text it was last tried.
    let mut retry: Option<(usize, usize)> = None;
    let mut stars = 0;
    loop {
        if t == text.len() {
            return pattern[p..].iter().all(|&byte| byte == b'*');
        }
        if pattern.get(p) == Some(&b'*') {
            while pattern.get(p) == Some(&b'*') {
                p += 1;
            }
            if p == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > MAX_STARS {
                return false;
            }
            match candidate(pattern, p, text, t, nocase) {
                Some(start) => t = start,
                None => return false,
            }
            retry = Some((p, t));
            continue;
        }
        if p < pattern.len()
            && let Some(next) = matches_one(pattern, p, text[t], nocase)
        {
            p = next;
            t += 1;
            continue;
        }
        let Some((behind, tried)) = retry else {
            return false;
        };
        match candidate(pattern, behind, text, tried + 1, nocase) {
            Some(start) => (p, t) = (behind, start),
            None => return false,
        }
        retry = Some((behind, t));
    }
}

/// The first place at or behind `from` where the pattern behind a star could start.
#[inline]
fn candidate(
    pattern: &[u8],
    behind: usize,
    text: &[u8],
    from: usize,
    nocase: bool,
) -> Option<usize> {
    let first = pattern[behind];
    if nocase || matches!(first, b'?' | b'[' | b'\\') {
        return (from < text.len()).then_some(from);
    }
    memchr::memchr(first, &text[from..]).map(|skipped| from + skipped)
}

/// Compares `byte` with the element of the pattern at `p`, which is not a star; gives where the
/// next element starts.
#[inline]
fn matches_one(pattern: &[u8], p: usize, byte: u8, nocase: bool) -> Option<usize> {
    let (literal, next) = match pattern[p] {
        b'?' => return Some(p + 1),
        b'[' => return matches_class(pattern, p + 1, byte, nocase),
        b'\\' if p + 1 < pattern.len() => (pattern[p + 1], p + 2),
        literal => (literal, p + 1),
    };
    same(literal, byte, nocase).then_some(next)
}

#[inline]
fn same(a: u8, b: u8, nocase: bool) -> bool {
    a == b || nocase && a.eq_ignore_ascii_case(&b)
}

/// The class whose first byte behind `[` is at `p`.
fn matches_class(pattern: &[u8], mut p: usize, byte: u8, nocase: bool) -> Option<usize> {
    let negated = pattern.get(p) == Some(&b'^');
    if negated {
        p += 1;
    }
    let mut found = false;
    loop {
        match pattern[p..] {
            [] => break,
            [b'\\', literal, ..] => {
                found |= literal == byte;
                p += 2;
            }
            [b']', ..] => {
                p += 1;
                break;
            }
            [start, b'-', end, ..] => {
                found |= in_range(start, end, byte, nocase);
                p += 3;
            }
            [literal, ..] => {
                found |= same(literal, byte, nocase);
                p += 1;
            }
        }
    }
    (found != negated).then_some(p)
}

/// Whether a range holds `byte`. Bytes are signed while the ends are put in order, and case is taken
/// off only afterwards; both show in what `[\x01-\xff]` or `[Z-a]` holds.
fn in_range(start: u8, end: u8, byte: u8, nocase: bool) -> bool {
    let (start, end) = if start as i8 > end as i8 {
        (end, start)
    } else {
        (start, end)
    };
    if nocase {
        (lower(start)..=lower(end)).contains(&lower(byte))
    } else {
        (start as i8..=end as i8).contains(&(byte as i8))
    }
}

/// C's `tolower` of a signed byte: the upper half counts as unsigned, but for 0xff, which is EOF.
fn lower(byte: u8) -> i16 {
    match byte {
        0xff => -1,
        _ => i16::from(byte.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    #[test]
    fn truths() {
        let table: &[(&str, &str, bool)] = &[
            ("", "", true),
            ("*", "", false),
            ("", "a", false),
            ("*", "a", true),
            ("a*", "a", true),
            ("a***", "a", true),
            ("*a", "a", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("*ab*cd", "xxabxcabcd", true),
            ("*ab*cd", "xxabxcabc", false),
            ("a?", "a", false),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hallo", true),
            ("h[a-b]llo", "hcllo", false),
            ("[a-]", "-", false),
            ("[a-]", "a", true),
            ("[]a]", "a", false),
            ("[]", "a", false),
            ("[^]", "a", true),
            ("[a", "a", true),
            ("[abc", "b", true),
            ("[^abc", "d", true),
            ("[^abc", "b", false),
            ("[", "[", false),
            ("[^", "x", true),
            ("[\\]]", "]", true),
            ("[\\", "\\", true),
            ("[a\\-z]", "-", true),
            ("[a\\-z]", "b", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\", "a\\", true),
            ("\\a", "a", true),
            ("a]", "a]", true),
            ("*[0-9]", "key7", true),
            ("a[x]*", "ax", true),
        ];
        for &(pattern, text, expected) in table {
            let found = matches(pattern.as_bytes(), text.as_bytes(), false);
            assert_eq!(found, expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn case() {
        assert!(matches(b"HeLLo*", b"hEllO", true));
        assert!(!matches(b"hello", b"hellO", false));
        assert!(matches(b"[A-C]x", b"bX", true));
        assert!(matches(b"[abc]", b"B", true));
        assert!(
            !matches(b"[\\a]", b"A", true),
            "escaped in a class: case counts"
        );
        assert!(matches(b"\\a", b"A", true));
        assert!(!matches(b"\xe4", b"\xc4", true));
        // The ends are ordered before case is taken off, which leaves this range empty.
        assert!(!matches(b"[Z-a]", b"m", true));
        assert!(matches(b"[Z-a]", b"_", false));
    }

    #[test]
    fn bytes_are_signed_in_ranges() {
        assert!(matches(b"[\x80-\xff]", b"\xc4", false));
        assert!(matches(b"[\x01-\xff]", b"\x00", false));
        assert!(!matches(b"[\x01-\xff]", b"a", false));
        assert!(!matches(b"[\x80-Z]", b"[", true));
        assert!(matches(b"[\x80-Z]", b"A", false));
    }

    #[test]
    fn more_than_a_thousand_stars_match_nothing() {
        let text = vec![b'a'; 1005];
        assert!(matches(&b"*a".repeat(1000), &text, false));
        assert!(!matches(&b"*a".repeat(1001), &text, false));
        assert!(matches(
            &[&b"*a".repeat(1000)[..], b"*"].concat(),
            &text,
            false
        ));
    }

    /// With a retry at every star this would take longer than anyone waits.
    #[test]
    fn abusive_patterns_end() {
        let pattern = [&b"a*".repeat(500)[..], b"b"].concat();
        assert!(!matches(&pattern, &vec![b'a'; 10_000], false));
    }

    /// What a pattern means, straight from the definition.
    fn naive(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
        let fold = |b: u8| if nocase { b.to_ascii_lowercase() } else { b };
        let (Some(&first), Some(&byte)) = (pattern.first(), text.first()) else {
            return text.is_empty() && pattern.iter().all(|&b| b == b'*');
        };
        match first {
            b'*' => (0..=text.len()).any(|skip| naive(&pattern[1..], &text[skip..], nocase)),
            b'?' => naive(&pattern[1..], &text[1..], nocase),
            b'[' => {
                let negated = pattern.get(1) == Some(&b'^');
                let mut rest = &pattern[1 + usize::from(negated)..];
                let mut members = Vec::new();
                loop {
                    rest = match rest {
                        [] => break,
                        [b'\\', member, tail @ ..] => {
                            members.push(*member);
                            tail
                        }
                        [b']', tail @ ..] => {
                            rest = tail;
                            break;
                        }
                        [low, b'-', high, tail @ ..] => {
                            let (low, high) = (low.min(high), low.max(high));
                            let (low, high) = (fold(*low), fold(*high));
                            members.extend((0..128).filter(|&b| low <= fold(b) && fold(b) <= high));
                            tail
                        }
                        [member, tail @ ..] => {
                            members.extend((0..128).filter(|&b| fold(b) == fold(*member)));
                            tail
                        }
                    };
                }
                members.contains(&byte) != negated && naive(rest, &text[1..], nocase)
            }
            b'\\' if pattern.len() > 1 => {
                fold(pattern[1]) == fold(byte) && naive(&pattern[2..], &text[1..], nocase)
            }
            _ => fold(first) == fold(byte) && naive(&pattern[1..], &text[1..], nocase),
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        let mut chance = Chance::new(3);
        let mut found = 0;
        for round in 0..60_000 {
            let alphabet: &[u8] = [&b"ab*?"[..], b"ab*?[]^-\\", b"aAbZ[]-*^\\"][round % 3];
            let pattern = chance.text(alphabet, 9);
            let text = chance.text(b"abAZ]-", 8);
            let nocase = chance.below(2) == 1;
            // An empty text is a case of its own: see the first truths.
            let expected = if text.is_empty() {
                pattern.is_empty()
            } else {
                naive(&pattern, &text, nocase)
            };
            found += usize::from(expected);
            assert_eq!(
                matches(&pattern, &text, nocase),
                expected,
                "{:?} {:?} {nocase}",
                String::from_utf8_lossy(&pattern),
                String::from_utf8_lossy(&text)
            );
        }
        assert!(found > 3_000, "too few matches to mean anything: {found}");
    }
}
