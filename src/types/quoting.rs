//! Words with quotes: how inline commands and configuration lines are cut up, and how bytes are shown.

/// What C's `isspace` holds for a space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn hex_value(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Cuts a line into words; `None` if a quote is not closed, or is closed in front of something
/// other than a space.
///
/// A quote may open anywhere in a word; where it closes, the word ends. `"` knows `\n`, `\r`, `\t`,
/// `\b`, `\a`, `\xHH` and `\` before any other byte (which stands for itself); `'` knows only `\'`.
/// The line ends at its first NUL byte, as everything behind it is out of reach for a reader of C
/// strings; a NUL inside quotes therefore leaves them open. An empty line has no words.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = line.iter().position(|&b| b == 0).unwrap_or(line.len());
    let mut rest = &line[..end];
    let mut words = Vec::new();
    loop {
        // Vertical tabs and form feeds are skipped between words, yet do not end an unquoted word.
        while let [first, tail @ ..] = rest
            && is_space(*first)
        {
            rest = tail;
        }
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        rest = take_word(rest, &mut word)?;
        words.push(word);
    }
}

/// Appends one word to `word`; gives what follows it.
fn take_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return Some(rest),
            [b' ' | b'\n' | b'\r' | b'\t', tail @ ..] => return Some(tail),
            [b'"', tail @ ..] => return after_quote(take_double_quoted(tail, word)?),
            [b'\'', tail @ ..] => return after_quote(take_single_quoted(tail, word)?),
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

/// What may follow a closing quote: the end, or a space.
fn after_quote(rest: &[u8]) -> Option<&[u8]> {
    match rest.first() {
        Some(&byte) if !is_space(byte) => None,
        _ => Some(rest),
    }
}

fn take_double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(hex_value(*high)? * 16 + hex_value(*low)?);
                tail
            }
            [b'\\', escaped, tail @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        };
    }
}

fn take_single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        };
    }
}

/// `bytes` in double quotes, all ASCII: `\\`, `\"`, `\n`, `\r`, `\t`, `\a`, `\b`, and `\xHH` for
/// every other byte that does not print. [`split_args`] reads it back.
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() + 2);
    quote(bytes, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// Appends [`quoted`] `bytes` to `out`.
pub fn quote(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend([
                b'\\',
                b'x',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chance::Chance;

    fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
        split_args(line)
    }

    fn list(words: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
        Some(words.iter().map(|w| w.to_vec()).collect())
    }

    #[test]
    fn plain_words() {
        assert_eq!(words(b""), list(&[]));
        assert_eq!(words(b" \t\r\n\x0b\x0c"), list(&[]));
        assert_eq!(words(b"set a b"), list(&[b"set", b"a", b"b"]));
        assert_eq!(words(b"  set\ta\r\nb "), list(&[b"set", b"a", b"b"]));
        assert_eq!(words(b"a\x0bb \x0bc"), list(&[b"a\x0bb", b"c"]));
        assert_eq!(words(b"a\\n b"), list(&[b"a\\n", b"b"]));
        assert_eq!(words(b"a\xff\x01"), list(&[b"a\xff\x01"]));
    }

    #[test]
    fn quotes() {
        assert_eq!(words(br#""""#), list(&[b""]));
        assert_eq!(words(b"'' \"\""), list(&[b"", b""]));
        assert_eq!(words(br#"a"b c"'d'"#), None);
        assert_eq!(words(br#"a"b c""#), list(&[b"ab c"]));
        assert_eq!(words(br#""a" "b""#), list(&[b"a", b"b"]));
        assert_eq!(words(b"\"a\"\x0b\"b\""), list(&[b"a", b"b"]));
        assert_eq!(words(br#""a"b"#), None);
        assert_eq!(words(br#"'a'b"#), None);
        assert_eq!(words(br#""a"#), None);
        assert_eq!(words(br#"'a"#), None);
        assert_eq!(words(br#"""""#), None);
        assert_eq!(words(br#"'"' "'""#), list(&[b"\"", b"'"]));
    }

    #[test]
    fn escapes() {
        assert_eq!(
            words(br#""\n\r\t\b\a\\\"\z""#),
            list(&[b"\n\r\t\x08\x07\\\"z"])
        );
        assert_eq!(words(br#""\x00\xfF\xg0\x1""#), list(&[b"\x00\xffxg0x1"]));
        assert_eq!(words(br#"'\n\'\x41\\z'"#), list(&[b"\\n'\\x41\\\\z"]));
        assert_eq!(words(br#""a\"#), None);
        assert_eq!(words(br#"'a\"#), None);
        assert_eq!(words(br#"'a\'"#), None);
    }

    #[test]
    fn a_nul_byte_ends_the_line() {
        assert_eq!(words(b"a b\0c d"), list(&[b"a", b"b"]));
        assert_eq!(words(b"\0"), list(&[]));
        assert_eq!(words(b"\"a\0\""), None);
        assert_eq!(words(b"\"a\"\0b"), list(&[b"a"]));
        assert_eq!(words(b"\"a\\\0\""), None);
    }

    #[test]
    fn shown() {
        assert_eq!(quoted(b""), r#""""#);
        assert_eq!(quoted(b"ab c~"), r#""ab c~""#);
        assert_eq!(
            quoted(b"\\\"\n\r\t\x07\x08'\x7f\x00\xff\x0b"),
            r#""\\\"\n\r\t\a\b'\x7f\x00\xff\x0b""#
        );
    }

    #[test]
    fn what_is_shown_reads_back() {
        let mut chance = Chance::new(7);
        let all: Vec<u8> = (0..=255).collect();
        for _ in 0..2_000 {
            let word = chance.text(&all, 20);
            let other = chance.text(&all, 20);
            let line = format!("{} {}", quoted(&word), quoted(&other));
            assert_eq!(split_args(line.as_bytes()), Some(vec![word, other]));
        }
    }
}
