//! Words with quotes, as `redis.conf`, `redis-cli` and inline commands write them, and patterns.

/// Cuts a line into words.
///
/// Words stand between blanks. Inside `"…"` the escapes `\n \r \t \b \a \xHH` count and any other
/// escaped character stands for itself; inside `'…'` only `\'` does. A closing quote must be
/// followed by a blank or the end. `None` when quotes are not balanced. Linear in the line.
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        while at < line.len() && is_space(line[at]) {
            at += 1;
        }
        if at == line.len() {
            return Some(words);
        }
        let mut word = Vec::new();
        at = read_word(line, at, &mut word)?;
        words.push(word);
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Reads one word from `at`, answers where it ends.
fn read_word(line: &[u8], mut at: usize, word: &mut Vec<u8>) -> Option<usize> {
    while let Some(&byte) = line.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' | 0 => return Some(at + 1),
            b'"' | b'\'' => {
                at = read_quoted(line, at + 1, byte, word)?;
                return match line.get(at) {
                    Some(&next) if !is_space(next) => None,
                    _ => Some(at),
                };
            }
            _ => word.push(byte),
        }
        at += 1;
    }
    Some(at)
}

/// Reads up to the closing quote, answers the place behind it.
fn read_quoted(line: &[u8], mut at: usize, quote: u8, word: &mut Vec<u8>) -> Option<usize> {
    loop {
        let byte = *line.get(at)?;
        let next = line.get(at + 1).copied();
        if byte == quote {
            return Some(at + 1);
        }
        match (byte, next) {
            (b'\\', Some(b'\'')) if quote == b'\'' => {
                word.push(b'\'');
                at += 2;
            }
            (b'\\', Some(escaped)) if quote == b'"' => {
                let (byte, length) = unescape(escaped, &line[at + 2..]);
                word.push(byte);
                at += length;
            }
            _ => {
                word.push(byte);
                at += 1;
            }
        }
    }
}

/// The byte that an escape stands for, and how long the escape is.
fn unescape(escaped: u8, rest: &[u8]) -> (u8, usize) {
    let hex = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    if escaped == b'x'
        && let [high, low, ..] = rest
        && let (Some(high), Some(low)) = (hex(*high), hex(*low))
    {
        return (high * 16 + low, 4);
    }
    let byte = match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    };
    (byte, 2)
}

/// Writes a word in quotes, so that [`split_words`] reads the same word back.
pub fn quote(word: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len() + 2);
    out.push(b'"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

/// Whether `name` matches a glob pattern with `*`, `?`, `[a-z]`, `[^x]` and `\`, in any case.
///
/// At worst the product of both lengths.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, n));
            p += 1;
            continue;
        }
        match step(&pattern[p..], name[n]) {
            Some(length) => {
                p += length;
                n += 1;
            }
            None => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    p = star_at + 1;
                    n = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte with the pattern's next element; answers that element's length.
fn step(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern {
        [] => None,
        [b'?', ..] => Some(1),
        [b'[', ref class @ ..] => {
            let (found, length) = in_class(class, byte);
            found.then_some(length + 1)
        }
        [b'\\', literal, ..] => byte.eq_ignore_ascii_case(&literal).then_some(2),
        [literal, ..] => byte.eq_ignore_ascii_case(&literal).then_some(1),
    }
}

/// Whether a byte is in a class, given from behind its `[`, and how long the class is. A class
/// that is not closed ends with the pattern.
fn in_class(class: &[u8], byte: u8) -> (bool, usize) {
    let byte = byte.to_ascii_lowercase();
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut found = false;
    loop {
        match class[at.min(class.len())..] {
            [] => break,
            [b']', ..] => {
                at += 1;
                break;
            }
            [b'\\', literal, ..] => {
                found |= literal.to_ascii_lowercase() == byte;
                at += 2;
            }
            [from, b'-', to, ..] => {
                let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
                found |= (from.min(to)..=from.max(to)).contains(&byte);
                at += 3;
            }
            [literal, ..] => {
                found |= literal.to_ascii_lowercase() == byte;
                at += 1;
            }
        }
    }
    (found != negated, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_words(line.as_bytes())?;
        Some(
            words
                .into_iter()
                .map(|word| word.iter().map(|&b| b as char).collect())
                .collect(),
        )
    }

    #[test]
    fn words_are_cut_at_blanks_and_quotes() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("save 3600 1", &["save", "3600", "1"]),
            ("  port\t 1 ", &["port", "1"]),
            (r#"a "" b"#, &["a", "", "b"]),
            (r#"a '' "#, &["a", ""]),
            (r#""x y" 'z w'"#, &["x y", "z w"]),
            (r#""\x41\n\r\t\b\a\"\q""#, &["A\n\r\t\u{8}\u{7}\"q"]),
            (r#""\xg1""#, &["xg1"]),
            (r#"'a\'b\n'"#, &["a'b\\n"]),
            (r#"pre"fix x""#, &["prefix x"]),
        ];
        for (line, expected) in cases {
            let expected: Vec<String> = expected.iter().map(|word| word.to_string()).collect();
            assert_eq!(words(line), Some(expected), "{line}");
        }
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\\"", "\""] {
            assert_eq!(words(line), None, "{line}");
        }
    }

    #[test]
    fn quoted_words_read_back() {
        let all: Vec<u8> = (0..=255).collect();
        for word in [&b""[..], b"a b", b"\"\\'", &all] {
            assert_eq!(split_words(&quote(word)), Some(vec![word.to_vec()]));
        }
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "port", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("MAX*", "maxmemory", true),
            ("max*y", "maxmemory", true),
            ("max*x", "maxmemory", false),
            ("*m*m*y", "maxmemory", true),
            ("p?rt", "port", true),
            ("p?rt", "prt", false),
            ("[op]ort", "port", true),
            ("[^p]ort", "port", false),
            ("[a-p]ort", "port", true),
            ("[P-A]ort", "port", true),
            ("[q-z]ort", "port", false),
            ("po\\rt", "port", true),
            ("por[t", "port", true),
            ("port**", "port", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
        ] {
            let found = matches(pattern.as_bytes(), name.as_bytes());
            assert_eq!(found, expected, "{pattern} {name}");
        }
    }
}
