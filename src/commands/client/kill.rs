//! CLIENT KILL: which clients it closes.

use std::sync::atomic::Ordering::Relaxed;

use crate::clients::{Client, flag};
use crate::clock::Micros;
use crate::commands::connection::DEFAULT_USER;
use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::config::ClientClass;
use crate::error::Error;
use crate::resp::{Args, Reply};
use crate::session::names;
use crate::types::number;

pub(super) const KILL: CommandSpec =
    CommandSpec::session("KILL", Arity::at_least(3), Group::Connection, kill)
        .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "2.4.0",
            "O(N) where N is the number of connections.",
            "Closes the connections that match.",
        )
        .args(&[Arg::new(
            "filter",
            ArgKind::OneOf(&[
                Arg::new("old-format", ArgKind::String)
                    .display("ip:port")
                    .deprecated("2.8.12"),
                Arg::new(
                    "new-format",
                    ArgKind::OneOf(&[
                        Arg::new("client-id", ArgKind::Integer)
                            .token("ID")
                            .optional()
                            .since("2.8.12"),
                        Arg::new(
                            "client-type",
                            ArgKind::OneOf(&[
                                Arg::word("normal", "NORMAL"),
                                Arg::word("master", "MASTER").since("3.2.0"),
                                Arg::word("slave", "SLAVE"),
                                Arg::word("replica", "REPLICA").since("5.0.0"),
                                Arg::word("pubsub", "PUBSUB"),
                            ]),
                        )
                        .token("TYPE")
                        .optional()
                        .since("2.8.12"),
                        Arg::new("username", ArgKind::String)
                            .token("USER")
                            .optional(),
                        Arg::new("addr", ArgKind::String)
                            .display("ip:port")
                            .token("ADDR")
                            .optional(),
                        Arg::new("laddr", ArgKind::String)
                            .display("ip:port")
                            .token("LADDR")
                            .optional()
                            .since("6.2.0"),
                        Arg::new(
                            "skipme",
                            ArgKind::OneOf(&[Arg::word("yes", "YES"), Arg::word("no", "NO")]),
                        )
                        .token("SKIPME")
                        .optional(),
                        Arg::new("maxage", ArgKind::Integer)
                            .token("MAXAGE")
                            .optional()
                            .since("7.4.0"),
                    ]),
                )
                .multiple(),
            ]),
        )]);

fn kill(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let now = context.db.access.now;
    let (filter, old_form) = match args.len() {
        3 => (Filter::of_address(args.get(2)), true),
        _ => (Filter::parse(args)?, false),
    };
    let own = context.session.id();
    let (mut killed, mut close) = (0, false);
    for client in context.server.clients.all() {
        if client.killed.load(Relaxed)
            || !filter.matches(&client, now)
            || (filter.skip_me && client.id == own)
        {
            continue;
        }
        killed += 1;
        if client.id == own {
            // Its reply is still to be sent, and inside EXEC the whole array.
            client.set_flag(flag::CLOSE_AFTER_REPLY, true);
            close = true;
        } else {
            client.kill();
            if client.is_subscribed() {
                context.server.observers.pubsub.forget(client.id);
            }
        }
    }
    if !old_form {
        reply.integer(killed);
    } else if killed == 0 {
        return Err(Error::Static("ERR No such client"));
    } else {
        reply.ok();
    }
    Ok(if close { Flow::Close } else { Flow::Done })
}

/// A client's type, as CLIENT KILL and CLIENT LIST name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Normal,
    Replica,
    PubSub,
    Master,
}

impl Type {
    pub fn parse(name: &[u8]) -> Result<Self, Error> {
        let known: [(&[u8], Type); 5] = [
            (b"normal", Type::Normal),
            (b"slave", Type::Replica),
            (b"replica", Type::Replica),
            (b"pubsub", Type::PubSub),
            (b"master", Type::Master),
        ];
        known
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, kind)| kind)
            .ok_or_else(|| Error::quoting("ERR Unknown client type '", name, "'"))
    }

    /// There is no replication.
    pub fn of(client: &Client) -> Self {
        match client.class() {
            ClientClass::PubSub => Type::PubSub,
            ClientClass::Normal | ClientClass::Replica => Type::Normal,
        }
    }
}

/// Which clients CLIENT KILL closes: those that pass every condition.
#[derive(Debug, Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Type>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    /// Seconds.
    max_age: Option<i64>,
    skip_me: bool,
}

impl<'a> Filter<'a> {
    /// The old form: only an address, and one may close oneself.
    fn of_address(addr: &'a [u8]) -> Self {
        Filter {
            addr: Some(names::until_nul(addr)),
            ..Filter::default()
        }
    }

    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut filter = Filter {
            skip_me: true,
            ..Filter::default()
        };
        for at in (2..args.len()).step_by(2) {
            let Some(value) = args.try_get(at + 1) else {
                return Err(Error::Syntax);
            };
            if args.is(at, "ID") {
                let id = number::parse_i64(value).filter(|&id| id >= 1);
                filter.id =
                    Some(id.ok_or(Error::Static("ERR client-id should be greater than 0"))? as u64);
            } else if args.is(at, "MAXAGE") {
                let age = number::parse_i64(value).ok_or(Error::Static(
                    "ERR maxage is not an integer or out of range",
                ))?;
                if age <= 0 {
                    return Err(Error::Static("ERR maxage should be greater than 0"));
                }
                filter.max_age = Some(age);
            } else if args.is(at, "TYPE") {
                filter.kind = Some(Type::parse(value)?);
            } else if args.is(at, "ADDR") {
                filter.addr = Some(names::until_nul(value));
            } else if args.is(at, "LADDR") {
                filter.laddr = Some(names::until_nul(value));
            } else if args.is(at, "USER") {
                // Everybody is the default user, so that the condition holds for all.
                if value != DEFAULT_USER {
                    return Err(Error::quoting("ERR No such user '", value, "'"));
                }
            } else if args.is(at, "SKIPME") {
                filter.skip_me = if args.is(at + 1, "YES") {
                    true
                } else if args.is(at + 1, "NO") {
                    false
                } else {
                    return Err(Error::Syntax);
                };
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(filter)
    }

    fn matches(&self, client: &Client, now: Micros) -> bool {
        let age = now.seconds() - client.created.seconds();
        self.addr
            .is_none_or(|addr| client.addr().as_bytes() == addr)
            && self
                .laddr
                .is_none_or(|laddr| client.laddr().as_bytes() == laddr)
            && self.kind.is_none_or(|kind| Type::of(client) == kind)
            && self.id.is_none_or(|id| client.id == id)
            && self.max_age.is_none_or(|most| age >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::args::Slot;

    const NOW: Micros = Micros(1_700_000_000_000_000);

    fn args<'a>(words: &[&str], buffer: &'a mut Vec<u8>, slots: &'a mut Vec<Slot>) -> Args<'a> {
        for word in words {
            slots.push(Slot {
                start: buffer.len() as u32,
                len: word.len() as u32,
                hash: 0,
            });
            buffer.extend_from_slice(word.as_bytes());
        }
        Args::new(buffer, slots)
    }

    fn matches(words: &[&str], client: &Client) -> Result<bool, Error> {
        let (mut buffer, mut slots) = (Vec::new(), Vec::new());
        let args = args(words, &mut buffer, &mut slots);
        Filter::parse(args).map(|filter| filter.matches(client, NOW))
    }

    fn client() -> Client {
        let created = Micros(NOW.0 - 10_000_000);
        Client::new(7, "a:1".into(), "b:2".into(), 3, 0, created)
    }

    #[test]
    fn kill_filters_must_all_hold() {
        let client = client();
        let cases: &[(&[&str], bool)] = &[
            (&["id", "7"], true),
            (&["ID", "8"], false),
            (&["ADDR", "a:1"], true),
            (&["ADDR", "b:2"], false),
            (&["LADDR", "b:2"], true),
            (&["LADDR", "a:1"], false),
            (&["TYPE", "NORMAL"], true),
            (&["TYPE", "pubsub"], false),
            (&["TYPE", "slave"], false),
            (&["USER", "default"], true),
            (&["MAXAGE", "10"], true),
            (&["MAXAGE", "11"], false),
            (&["ID", "7", "ADDR", "a:1", "LADDR", "b:2"], true),
            (&["ID", "7", "ADDR", "a:1", "LADDR", "b:3"], false),
            (&["ID", "8", "ID", "7"], true),
        ];
        for (words, expected) in cases {
            let words = [&["CLIENT", "KILL"], *words].concat();
            assert_eq!(matches(&words, &client), Ok(*expected), "{words:?}");
        }
    }

    #[test]
    fn kill_refuses_what_it_does_not_know() {
        let client = client();
        let cases: &[(&[&str], &str)] = &[
            (&["ID", "0"], "ERR client-id should be greater than 0"),
            (&["ID", "x"], "ERR client-id should be greater than 0"),
            (
                &["MAXAGE", "x"],
                "ERR maxage is not an integer or out of range",
            ),
            (&["MAXAGE", "0"], "ERR maxage should be greater than 0"),
            (&["TYPE", "odd"], "ERR Unknown client type 'odd'"),
            (&["USER", "bob"], "ERR No such user 'bob'"),
            (&["SKIPME", "maybe"], "ERR syntax error"),
            (&["ID", "1", "ADDR"], "ERR syntax error"),
            (&["WHAT", "1"], "ERR syntax error"),
        ];
        for (words, expected) in cases {
            let words = [&["CLIENT", "KILL"], *words].concat();
            let error = matches(&words, &client).unwrap_err();
            assert_eq!(error.to_string(), *expected, "{words:?}");
        }
    }
}
