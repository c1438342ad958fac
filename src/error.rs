//! Every text that a client can be sent as an error, in one enum.
//!
//! The words are Redis 7.4.1's, byte for byte, without the leading `-`.

use std::fmt;

use crate::resp::Args;

/// An error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A value of another type lies under the key.
    WrongType,
    /// Options that do not fit together.
    Syntax,
    /// Not a 64-bit integer.
    NotInteger,
    /// Not a floating point number.
    NotFloat,
    /// An integer outside the range of an option without a text of its own.
    OutOfRange,
    /// The key does not exist where it must.
    NoSuchKey,
    /// An increment or decrement would leave the 64-bit range.
    Overflow,
    /// DECRBY of the smallest integer.
    DecrementOverflow,
    /// INCRBYFLOAT would give NaN or infinity.
    NanOrInfinity,
    /// A string would pass `proto-max-bulk-len`.
    StringTooLong,
    /// SETRANGE below 0.
    OffsetOutOfRange,
    /// An expire time outside its range; holds the command's lower-case name.
    InvalidExpire(&'static str),
    /// A database number outside the configured range.
    DbIndexOutOfRange,
    /// Source and destination are the same.
    SameObject,
    /// Wrong number of arguments; holds the command's full lower-case name (`client|kill`).
    WrongArity(&'static str),
    /// A command before authentication.
    NoAuth,
    /// A wrong user name or password.
    WrongPass,
    /// A command over `maxmemory`.
    Oom,
    /// A command that a subscriber may not send in RESP2; holds its full lower-case name.
    SubscriberOnly(&'static str),
    /// MULTI inside MULTI.
    NestedMulti,
    /// WATCH inside MULTI.
    WatchInsideMulti,
    /// EXEC outside MULTI.
    ExecWithoutMulti,
    /// DISCARD outside MULTI.
    DiscardWithoutMulti,
    /// A command flagged `no_multi` inside MULTI.
    NotAllowedInMulti,
    /// EXEC of a transaction that an earlier error doomed.
    ExecAbort,
    /// EXEC itself was refused; holds the refusal.
    ExecAbortBecause(Box<Error>),
    /// Any other text, complete with its first word (`ERR ...`).
    Text(Box<str>),
    /// A text that shows bytes as a client sent them.
    Bytes(Box<[u8]>),
    /// Any other fixed text, complete with its first word.
    Static(&'static str),
}

impl Error {
    /// An error with a text of its own, which begins with a code such as `ERR`.
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Error::Text(text.into())
    }

    /// An error that shows what a client sent, byte by byte and up to a NUL, between two texts. Line ends
    /// at the end of the whole are cut.
    pub fn quoting(before: &str, sent: &[u8], after: &str) -> Self {
        let mut text = [
            before.as_bytes(),
            until_nul(sent, usize::MAX),
            after.as_bytes(),
        ]
        .concat();
        while matches!(text.last(), Some(b'\r' | b'\n')) {
            text.pop();
        }
        Error::Bytes(text.into())
    }

    /// As [`Error::quoting`], with two things that the client sent.
    pub fn quoting_two(
        before: &str,
        first: &[u8],
        between: &str,
        second: &[u8],
        after: &str,
    ) -> Self {
        let before = [
            before.as_bytes(),
            until_nul(first, usize::MAX),
            between.as_bytes(),
        ];
        let text = [
            &before.concat(),
            until_nul(second, usize::MAX),
            after.as_bytes(),
        ];
        Error::Bytes(text.concat().into())
    }

    /// An unknown subcommand, or a wrong number of arguments, of a command that tells its subcommands
    /// apart itself: as sent, and the command's upper-case name.
    pub fn subcommand_syntax(sent: &[u8], container: &str) -> Self {
        Error::quoting(
            "ERR unknown subcommand or wrong number of arguments for '",
            until_nul(sent, SHOWN),
            &format!("'. Try {container} HELP."),
        )
    }

    /// An unknown command, with the beginnings of its name and of its arguments, which share one budget
    /// of bytes (`transactions.md` 2).
    pub fn unknown_command(args: Args<'_>) -> Self {
        let mut shown = Vec::new();
        for arg in args.from(1) {
            if shown.len() >= SHOWN {
                break;
            }
            let budget = SHOWN - shown.len();
            shown.push(b'\'');
            shown.extend_from_slice(until_nul(arg, budget));
            shown.extend_from_slice(b"' ");
        }
        let name = until_nul(args.get(0), SHOWN);
        let text = [
            b"ERR unknown command '",
            name,
            b"', with args beginning with: ",
            &shown,
        ]
        .concat();
        Error::Bytes(text.into())
    }

    /// An unknown subcommand of a container.
    pub fn unknown_subcommand(sent: &[u8], container: &str) -> Self {
        Error::quoting(
            "ERR unknown subcommand '",
            until_nul(sent, SHOWN),
            &format!("'. Try {container} HELP."),
        )
    }

    /// The code counted in `INFO errorstats`: the text's first word, or `ERR` if that is longer than
    /// 30 bytes or the only one.
    pub fn code(&self) -> String {
        let text = self.to_string();
        match text.split_once(' ') {
            Some((code, _)) if code.len() <= 30 => code.to_owned(),
            _ => "ERR".to_owned(),
        }
    }
}

/// Bytes of an unknown command's name, and of its arguments in all, that an error shows.
const SHOWN: usize = 128;

/// Bytes as C's `%.*s` shows them.
fn until_nul(bytes: &[u8], limit: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(limit)];
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Error::Syntax => "ERR syntax error",
            Error::NotInteger => "ERR value is not an integer or out of range",
            Error::NotFloat => "ERR value is not a valid float",
            Error::OutOfRange => "ERR value is out of range",
            Error::NoSuchKey => "ERR no such key",
            Error::Overflow => "ERR increment or decrement would overflow",
            Error::DecrementOverflow => "ERR decrement would overflow",
            Error::NanOrInfinity => "ERR increment would produce NaN or Infinity",
            Error::StringTooLong => "ERR string exceeds maximum allowed size (proto-max-bulk-len)",
            Error::OffsetOutOfRange => "ERR offset is out of range",
            Error::InvalidExpire(command) => {
                return write!(f, "ERR invalid expire time in '{command}' command");
            }
            Error::DbIndexOutOfRange => "ERR DB index is out of range",
            Error::SameObject => "ERR source and destination objects are the same",
            Error::WrongArity(command) => {
                return write!(f, "ERR wrong number of arguments for '{command}' command");
            }
            Error::NoAuth => "NOAUTH Authentication required.",
            Error::WrongPass => "WRONGPASS invalid username-password pair or user is disabled.",
            Error::Oom => "OOM command not allowed when used memory > 'maxmemory'.",
            Error::SubscriberOnly(command) => {
                return write!(
                    f,
                    "ERR Can't execute '{command}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
                     allowed in this context"
                );
            }
            Error::NestedMulti => "ERR MULTI calls can not be nested",
            Error::WatchInsideMulti => "ERR WATCH inside MULTI is not allowed",
            Error::ExecWithoutMulti => "ERR EXEC without MULTI",
            Error::DiscardWithoutMulti => "ERR DISCARD without MULTI",
            Error::NotAllowedInMulti => "ERR Command not allowed inside a transaction",
            Error::ExecAbort => "EXECABORT Transaction discarded because of previous errors.",
            Error::ExecAbortBecause(reason) => {
                // Redis strips the generic code `ERR` and keeps every other one.
                let text = reason.to_string();
                let text = text.strip_prefix("ERR ").unwrap_or(&text);
                return write!(f, "EXECABORT Transaction discarded because of: {text}");
            }
            Error::Text(text) => text,
            Error::Bytes(bytes) => return f.write_str(&String::from_utf8_lossy(bytes)),
            Error::Static(text) => text,
        })
    }
}

impl std::error::Error for Error {}
