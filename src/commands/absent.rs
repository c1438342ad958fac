//! Commands of Redis 7.4 that do not exist here yet. A client that sends one is told so, and not that
//! nobody knows the command.

use std::cmp::Ordering;

use crate::commands::registry;
use crate::error::Error;
use crate::resp::Args;

/// Their names, sorted; a subcommand with the container that does exist. Whoever adds a command takes its
/// line away, as `tests/commands_json.rs` asks.
#[rustfmt::skip]
pub const ABSENT: &[&str] = &[
    "ACL|SETUSER",
    "EVAL",
    "EVALSHA",
    "EVALSHA_RO",
    "EVAL_RO",
    "FCALL",
    "FCALL_RO",
    "FUNCTION|DELETE",
    "FUNCTION|DUMP",
    "FUNCTION|KILL",
    "FUNCTION|LIST",
    "FUNCTION|LOAD",
    "FUNCTION|RESTORE",
    "FUNCTION|STATS",
    "SCRIPT",
];

/// The error for a command or subcommand of Redis 7.4 that does not exist here, if these arguments call one.
#[cold]
pub fn error(args: Args<'_>) -> Option<Error> {
    let name = args.get(0);
    let container = registry::lookup(name).is_some();
    let sent = match args.try_get(1) {
        Some(subcommand) if container => &[name, b"|", subcommand][..],
        // No command's own name has a bar.
        _ if name.contains(&b'|') => return None,
        _ => &[name],
    };
    let found = ABSENT.binary_search_by(|name| compare(name.as_bytes(), sent));
    let name = ABSENT[found.ok()?].replace('|', " ");
    let text =
        format!("ERR {name} is a command of Redis 7.4 that this server does not support yet");
    Some(Error::text(text))
}

/// Compares a name in upper case with parts of one that was sent in any case.
fn compare(name: &[u8], sent: &[&[u8]]) -> Ordering {
    let sent = sent.iter().copied().flatten();
    name.iter().copied().cmp(sent.map(u8::to_ascii_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::Slot;

    fn said(words: &[&str]) -> Option<String> {
        let (mut buffer, mut slots) = (Vec::new(), Vec::new());
        for word in words {
            slots.push(Slot {
                start: buffer.len() as u32,
                len: word.len() as u32,
                hash: 0,
            });
            buffer.extend_from_slice(word.as_bytes());
        }
        error(Args::new(&buffer, &slots)).map(|error| error.to_string())
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(ABSENT.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn absent_commands_are_found_in_any_case() {
        for name in ABSENT {
            let shown = name.replace('|', " ");
            let text = format!(
                "ERR {shown} is a command of Redis 7.4 that this server does not support yet"
            );
            for sent in [name.to_string(), name.to_ascii_lowercase()] {
                let words: Vec<&str> = sent.split('|').collect();
                assert_eq!(said(&words).as_deref(), Some(&*text));
                let more = [&words[..], &["x"]].concat();
                assert_eq!(said(&more).as_deref(), Some(&*text));
            }
        }
    }

    #[test]
    fn others_are_not() {
        for words in [
            &[""][..],
            &["GET"],
            &["NOSUCH", "x"],
            &["FUNCTION"],
            &["FUNCTION", "FLUSH"],
            &["FUNCTION", "NOSUCH"],
            &["FUNCTION", ""],
            &["FUNCTION|LIST"],
            &["GET", "LIST"],
        ] {
            assert_eq!(said(words), None, "{words:?}");
        }
    }
}
