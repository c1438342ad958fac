//! SHUTDOWN: the end of the server.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

const SHUTDOWN: CommandSpec =
    CommandSpec::session("SHUTDOWN", Arity::at_least(1), Group::Server, shutdown)
        .flags(
            members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY | SENTINEL),
        )
        .doc(
            "1.0.0",
            "O(1), or O(N) if it saves, where N is the number of keys in all databases.",
            "Ends the server.",
        )
        .args(&[
            Arg::new(
                "save-selector",
                ArgKind::OneOf(&[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")]),
            )
            .optional(),
            Arg::word("now", "NOW").optional().since("7.0.0"),
            Arg::word("force", "FORCE").optional().since("7.0.0"),
            Arg::word("abort", "ABORT").optional().since("7.0.0"),
        ]);

fn shutdown(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let options = Options::parse(args)?;
    if options.abort {
        // The end comes at once: there is none in progress that could be called off.
        return Err(Error::Static("ERR No shutdown in progress."));
    }
    context.server.shut_down();
    Ok(Flow::Close)
}

/// What SHUTDOWN was given. There is no file to save to, so that SAVE, NOSAVE and FORCE come to the
/// same; so does NOW, because there is no replica to wait for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    save: bool,
    nosave: bool,
    now: bool,
    force: bool,
    abort: bool,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let mut options = Options::default();
        for index in 1..args.len() {
            let known = [
                ("NOSAVE", &mut options.nosave),
                ("SAVE", &mut options.save),
                ("NOW", &mut options.now),
                ("FORCE", &mut options.force),
                ("ABORT", &mut options.abort),
            ];
            match known.into_iter().find(|(name, _)| args.is(index, name)) {
                Some((_, option)) => *option = true,
                None => return Err(Error::Syntax),
            }
        }
        let any = options.save || options.nosave || options.now || options.force;
        if (options.abort && any) || (options.save && options.nosave) {
            return Err(Error::Syntax);
        }
        Ok(options)
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[SHUTDOWN];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::Slot;

    fn parse(words: &[&str]) -> Result<Options, Error> {
        let (mut buffer, mut slots) = (Vec::new(), Vec::new());
        for word in [&["SHUTDOWN"], words].concat() {
            slots.push(Slot {
                start: buffer.len() as u32,
                len: word.len() as u32,
                hash: 0,
            });
            buffer.extend_from_slice(word.as_bytes());
        }
        Options::parse(Args::new(&buffer, &slots))
    }

    #[test]
    fn options_combine_as_in_redis() {
        assert_eq!(parse(&[]), Ok(Options::default()));
        let nosave = parse(&["nosave", "NOW", "Force", "NOSAVE"]).unwrap();
        assert!(nosave.nosave && nosave.now && nosave.force && !nosave.save);
        assert!(parse(&["abort", "ABORT"]).unwrap().abort);
        for words in [
            &["what"][..],
            &["SAVE", "NOSAVE"],
            &["ABORT", "NOW"],
            &["SAVE", "ABORT"],
            &["NOW", ""],
        ] {
            assert_eq!(parse(words), Err(Error::Syntax), "{words:?}");
        }
    }
}
