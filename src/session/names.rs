//! What clients may call themselves, and how texts that they sent are shown again.

use std::borrow::Cow;

use crate::error::Error;

/// The part of a text before its first NUL byte: names end there where Redis checks or shows them.
pub fn until_nul(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(0, text).unwrap_or(text.len())]
}

/// A text as an error quotes it. What is not UTF-8 is shown by replacement characters.
pub fn shown(text: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(until_nul(text))
}

/// Whether a text can be a field of CLIENT LIST: printable ASCII without spaces.
pub fn is_valid(text: &[u8]) -> bool {
    until_nul(text)
        .iter()
        .all(|byte| (b'!'..=b'~').contains(byte))
}

/// Checks a connection's name; the empty name is none, and valid.
///
/// # Errors
/// A byte that is not printable ASCII, or a space.
pub fn check_client_name(name: &[u8]) -> Result<(), Error> {
    if is_valid(name) {
        Ok(())
    } else {
        Err(Error::Static(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_ascii() {
        for name in [&b""[..], b"a", b"!~", b"web:1", b"a\0 b"] {
            assert_eq!(check_client_name(name), Ok(()), "{name:?}");
        }
        for name in [&b" "[..], b"a b", b"a\n", b"\x7f", b"\xc3\xa9", b"a\t"] {
            assert!(check_client_name(name).is_err(), "{name:?}");
        }
        assert_eq!(shown(b"ab\0c"), "ab");
    }
}
