//! CLIENT TRACKING and its kin: what a client is told that keeps copies of keys.

use super::list::redirection;
use crate::clients::flag;
use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::observers::tracking::{Choice, Opt, Options};
use crate::resp::{Args, Reply};
use crate::server::Server;
use crate::session::{Session, names};

pub(super) const CACHING: CommandSpec =
    CommandSpec::session("CACHING", Arity::exactly(3), Group::Connection, caching)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.0.0",
            "O(1)",
            "Says whether what the next command reads is tracked.",
        )
        .args(&[Arg::new(
            "mode",
            ArgKind::OneOf(&[Arg::word("yes", "YES"), Arg::word("no", "NO")]),
        )]);

fn caching(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let Some(choice) = context.session.tracking() else {
        return Err(Error::Static(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    if args.is(2, "YES") {
        if choice.opt != Some(Opt::In) {
            return Err(Error::Static(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
    } else if args.is(2, "NO") {
        if choice.opt != Some(Opt::Out) {
            return Err(Error::Static(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
    } else {
        return Err(Error::Syntax);
    }
    context.session.set_caching(true);
    reply.ok();
    Ok(Flow::Done)
}

pub(super) const GETREDIR: CommandSpec =
    CommandSpec::session("GETREDIR", Arity::exactly(2), Group::Connection, getredir)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.0.0",
            "O(1)",
            "Returns the connection that is told what this one tracks.",
        );

fn getredir(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    reply.integer(redirection(&context.session.client));
    Ok(Flow::Done)
}

pub(super) const TRACKING: CommandSpec =
    CommandSpec::session("TRACKING", Arity::at_least(3), Group::Connection, tracking)
        .flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
        .categories(Categories::CONNECTION)
        .doc(
            "6.0.0",
            "O(1), with options O(N) where N is the number of prefixes.",
            "Whether the connection is told of changes of keys that it may have copies of.",
        )
        .args(&[
            Arg::new(
                "status",
                ArgKind::OneOf(&[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
            ),
            Arg::new("client-id", ArgKind::Integer)
                .token("REDIRECT")
                .optional(),
            Arg::new("prefix", ArgKind::String)
                .token("PREFIX")
                .optional()
                .multiple_token(),
            Arg::word("BCAST", "BCAST").optional(),
            Arg::word("OPTIN", "OPTIN").optional(),
            Arg::word("OPTOUT", "OPTOUT").optional(),
            Arg::word("NOLOOP", "NOLOOP").optional(),
        ]);

fn tracking(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let request = Request::parse(context.server, args)?;
    let session = &mut *context.session;
    let tracking = &context.server.observers.tracking;
    if args.is(2, "ON") {
        let options = request.options(session)?;
        session.track(tracking, &options);
    } else if args.is(2, "OFF") {
        session.stop_tracking(tracking);
        session.tell_now(reply);
    } else {
        return Err(Error::Syntax);
    }
    reply.ok();
    Ok(Flow::Done)
}

/// The options of CLIENT TRACKING, as they were sent.
#[derive(Default)]
struct Request<'a> {
    redirection: u64,
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Request<'a> {
    fn parse(server: &Server, args: Args<'a>) -> Result<Self, Error> {
        let mut request = Request::default();
        let mut at = 3;
        while at < args.len() {
            let has_value = at + 1 < args.len();
            if args.is(at, "REDIRECT") && has_value {
                at += 1;
                request.redirect(server, args, at)?;
            } else if args.is(at, "BCAST") {
                request.broadcast = true;
            } else if args.is(at, "OPTIN") {
                request.opt_in = true;
            } else if args.is(at, "OPTOUT") {
                request.opt_out = true;
            } else if args.is(at, "NOLOOP") {
                request.no_loop = true;
            } else if args.is(at, "PREFIX") && has_value {
                at += 1;
                request.prefixes.push(args.get(at));
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        Ok(request)
    }

    fn redirect(&mut self, server: &Server, args: Args<'_>, at: usize) -> Result<(), Error> {
        if self.redirection != 0 {
            return Err(Error::Static(
                "ERR A client can only redirect to a single other client",
            ));
        }
        let id = u64::try_from(args.integer(at)?).ok();
        let client = id.and_then(|id| server.clients.get(id));
        self.redirection = client.map(|client| client.id).ok_or(Error::Static(
            "ERR The client ID you want redirect to does not exist",
        ))?;
        Ok(())
    }

    /// The options, if they suit each other and how the client tracks already.
    fn options(self, session: &Session) -> Result<Options<'a>, Error> {
        let current = session.tracking();
        if !self.broadcast && !self.prefixes.is_empty() {
            return Err(Error::Static(
                "ERR PREFIX option requires BCAST mode to be enabled",
            ));
        }
        if current.is_some() && session.client.has(flag::BROADCAST) != self.broadcast {
            return Err(Error::Static(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        if self.broadcast && (self.opt_in || self.opt_out) {
            return Err(Error::Static(
                "ERR OPTIN and OPTOUT are not compatible with BCAST",
            ));
        }
        let opt = match (self.opt_in, self.opt_out) {
            (true, true) => {
                return Err(Error::Static(
                    "ERR You can't specify both OPTIN mode and OPTOUT mode",
                ));
            }
            (true, false) => Some(Opt::In),
            (false, true) => Some(Opt::Out),
            (false, false) => None,
        };
        if let (Some(new), Some(old)) = (opt, current.and_then(|choice| choice.opt))
            && new != old
        {
            return Err(Error::Static(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        check_prefixes(&self.prefixes, current)?;
        Ok(Options {
            redirection: self.redirection,
            broadcast: self.broadcast,
            opt,
            no_loop: self.no_loop,
            prefixes: self.prefixes,
        })
    }
}

/// A client would be told twice of a key with two of its prefixes.
fn check_prefixes(prefixes: &[&[u8]], current: Option<&Choice>) -> Result<(), Error> {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    for (index, prefix) in prefixes.iter().enumerate() {
        let mut existing = current.iter().flat_map(|choice| &choice.prefixes);
        if let Some(other) = existing.find(|other| overlap(other, prefix)) {
            return Err(overlapping(prefix, "an existing", other));
        }
        let mut provided = prefixes[index + 1..].iter();
        if let Some(other) = provided.find(|other| overlap(other, prefix)) {
            return Err(overlapping(prefix, "another provided", other));
        }
    }
    Ok(())
}

fn overlapping(prefix: &[u8], which: &str, other: &[u8]) -> Error {
    let text = [
        b"ERR Prefix '",
        names::until_nul(prefix),
        b"' overlaps with ",
        which.as_bytes(),
        b" prefix '",
        names::until_nul(other),
        b"'. Prefixes for a single client must not overlap.",
    ];
    Error::Bytes(text.concat().into())
}

pub(super) const TRACKINGINFO: CommandSpec = CommandSpec::session(
    "TRACKINGINFO",
    Arity::exactly(2),
    Group::Connection,
    trackinginfo,
)
.flags(members!(Flags: NOSCRIPT | LOADING | STALE | SENTINEL))
.categories(Categories::CONNECTION)
.doc("6.2.0", "O(1)", "Describes how the connection tracks keys.");

fn trackinginfo(
    context: &mut Context<'_, '_>,
    _args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let session = &*context.session;
    let client = &session.client;
    let none = Choice::default();
    let choice = session.tracking().unwrap_or(&none);
    let (opt_in, opt_out) = (choice.opt == Some(Opt::In), choice.opt == Some(Opt::Out));
    let known = [
        ("on", session.tracking().is_some()),
        ("off", session.tracking().is_none()),
        ("bcast", client.has(flag::BROADCAST)),
        ("optin", opt_in),
        ("caching-yes", opt_in && choice.caching),
        ("optout", opt_out),
        ("caching-no", opt_out && choice.caching),
        ("noloop", client.has(flag::NO_LOOP)),
        ("broken_redirect", client.has(flag::BROKEN_REDIRECTION)),
    ];
    let set = known.iter().filter(|(_, on)| *on);
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(set.clone().count());
    for (name, _) in set {
        reply.bulk(name.as_bytes());
    }
    reply.bulk(b"redirect");
    reply.integer(redirection(client));
    reply.bulk(b"prefixes");
    reply.array(choice.prefixes.len());
    for prefix in &choice.prefixes {
        reply.bulk(prefix);
    }
    Ok(Flow::Done)
}
