//! Words with quotes, as `redis.conf` and `redis-cli` write them.

/// Writes a word in quotes, so that [`split_args`](crate::types::quoting::split_args) reads the same word back.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::quoting::split_args;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = split_args(line.as_bytes())?;
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
            assert_eq!(split_args(&quote(word)), Some(vec![word.to_vec()]));
        }
    }
}
