//! Sets.

mod algebra;
mod random;

use crate::commands::scan::{self, Page, ScanOptions, Scanned};
use crate::commands::spec::{
    Arg, ArgKind, Arity, Categories, CommandResult, CommandSpec, Flags, Group, KeyFlags, KeySpec,
    members,
};
use crate::keyspace::{Db, Missing, View};
use crate::resp::{Args, Reply};
use crate::types::Set;
use crate::types::set::Member;

const SADD: CommandSpec = CommandSpec::write("SADD", Arity::at_least(3), Group::Set, sadd)
    .flags(members!(Flags: DENY_OOM | FAST))
    .categories(Categories::SET)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | INSERT))])
    .doc(
        "1.0.0",
        "O(N) where N is the number of members to add.",
        "Adds members to a set; makes the key if it is missing.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("member", ArgKind::String).multiple(),
    ]);

fn sadd(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let limits = db.access.set_limits();
    let added = db.edit_object(args.key(1), Missing::Make, "sadd", |set: &mut Set| {
        set.prepare(args.get(2), args.len() - 2, &limits);
        let added = args
            .from(2)
            .filter(|member| set.add(member, &limits))
            .count();
        Ok((added, added as u64))
    })?;
    reply.count(added.unwrap_or(0));
    Ok(())
}

const SCARD: CommandSpec = CommandSpec::read("SCARD", Arity::exactly(2), Group::Set, scard)
    .flags(Flags::FAST)
    .categories(Categories::SET)
    .keys(&[KeySpec::at(1, KeyFlags::RO)])
    .doc("1.0.0", "O(1)", "Returns the number of members of a set.")
    .args(&[Arg::new("key", ArgKind::Key(0))]);

fn scard(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<Set>(args.key(1))?;
    reply.count(set.map_or(0, Set::len));
    Ok(())
}

const SISMEMBER: CommandSpec =
    CommandSpec::read("SISMEMBER", Arity::exactly(3), Group::Set, sismember)
        .flags(Flags::FAST)
        .categories(Categories::SET)
        .keys(&[KeySpec::at(1, KeyFlags::RO)])
        .doc("1.0.0", "O(1)", "Tells whether a set has a member.")
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("member", ArgKind::String),
        ]);

fn sismember(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<Set>(args.key(1))?;
    reply.flag(set.is_some_and(|set| set.contains(args.get(2))));
    Ok(())
}

const SMEMBERS: CommandSpec =
    CommandSpec::read("SMEMBERS", Arity::exactly(2), Group::Set, smembers)
        .categories(Categories::SET)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "1.0.0",
            "O(N) where N is the number of members.",
            "Returns all members of a set.",
        )
        .tips(&["nondeterministic_output_order"])
        .args(&[Arg::new("key", ArgKind::Key(0))]);

fn smembers(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    match view.object::<Set>(args.key(1))? {
        Some(set) => write_all(set, reply),
        None => reply.set(0),
    }
    Ok(())
}

const SMISMEMBER: CommandSpec =
    CommandSpec::read("SMISMEMBER", Arity::at_least(3), Group::Set, smismember)
        .flags(Flags::FAST)
        .categories(Categories::SET)
        .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
        .doc(
            "6.2.0",
            "O(N) where N is the number of members to look for.",
            "Tells of each given member whether a set has it.",
        )
        .args(&[
            Arg::new("key", ArgKind::Key(0)),
            Arg::new("member", ArgKind::String).multiple(),
        ]);

fn smismember(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let set = view.object::<Set>(args.key(1))?;
    reply.array(args.len() - 2);
    for member in args.from(2) {
        reply.flag(set.is_some_and(|set| set.contains(member)));
    }
    Ok(())
}

const SMOVE: CommandSpec = CommandSpec::write("SMOVE", Arity::exactly(4), Group::Set, smove)
    .flags(Flags::FAST)
    .categories(Categories::SET)
    .keys(&[
        KeySpec::at(1, members!(KeyFlags: RW | ACCESS | DELETE)),
        KeySpec::at(2, members!(KeyFlags: RW | INSERT)),
    ])
    .doc("1.0.0", "O(1)", "Moves a member from one set to another.")
    .args(&[
        Arg::new("source", ArgKind::Key(0)),
        Arg::new("destination", ArgKind::Key(1)),
        Arg::new("member", ArgKind::String),
    ]);

fn smove(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let (from, to, member) = (args.key(1), args.key(2), args.get(3));
    let source = db.object::<Set>(from);
    let found = source.map(|source| source.map(|source| source.contains(member)));
    // Looked up in any case, but its type matters only if there is a source.
    let fits = db.object::<Set>(to).map(|_| ());
    let Some(found) = found? else {
        reply.flag(false);
        return Ok(());
    };
    fits?;
    if found && from.bytes != to.bytes {
        db.edit_object(from, Missing::Skip, "srem", |set: &mut Set| {
            set.remove(member);
            Ok(((), 1))
        })?;
        let limits = db.access.set_limits();
        db.edit_object(to, Missing::Make, "sadd", |set: &mut Set| {
            if set.is_empty() {
                set.prepare(member, 1, &limits);
            }
            Ok(((), u64::from(set.add(member, &limits))))
        })?;
    }
    reply.flag(found);
    Ok(())
}

const SREM: CommandSpec = CommandSpec::write("SREM", Arity::at_least(3), Group::Set, srem)
    .flags(Flags::FAST)
    .categories(Categories::SET)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RW | DELETE))])
    .doc(
        "1.0.0",
        "O(N) where N is the number of members to remove.",
        "Removes members from a set, and the key with the last of them.",
    )
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("member", ArgKind::String).multiple(),
    ]);

fn srem(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let removed = db.edit_object(args.key(1), Missing::Skip, "srem", |set: &mut Set| {
        let removed = args.from(2).filter(|member| set.remove(member)).count();
        Ok((removed, removed as u64))
    })?;
    reply.count(removed.unwrap_or(0));
    Ok(())
}

const SSCAN: CommandSpec = CommandSpec::read("SSCAN", Arity::at_least(3), Group::Set, sscan)
    .categories(Categories::SET)
    .keys(&[KeySpec::at(1, members!(KeyFlags: RO | ACCESS))])
    .doc(
        "2.8.0",
        "O(1) for a call, O(N) for a complete iteration, where N is the number of members.",
        "Returns some members of a set and a cursor to go on from.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::new("key", ArgKind::Key(0)),
        Arg::new("cursor", ArgKind::Integer),
        scan::MATCH,
        scan::COUNT,
    ]);

fn sscan(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let cursor = scan::cursor(args, 2)?;
    let mut page = Page::new(reply);
    let mut next = 0;
    if let Some(set) = view.object::<Set>(args.key(1))? {
        let options = ScanOptions::parse(args, Scanned::Other)?;
        let mut buffer = itoa::Buffer::new();
        next = set.scan(cursor, options.count, |member| {
            let member = member.bytes(&mut buffer);
            if options.filter.matches(member) {
                page.bulk(member);
            }
        });
    }
    page.send(next, reply);
    Ok(())
}

#[inline]
fn write_member(member: Member<'_>, reply: &mut Reply<'_>) {
    match member {
        Member::Int(number) => reply.bulk_integer(number),
        Member::Bytes(bytes) => reply.bulk(bytes),
    }
}

fn write_all(set: &Set, reply: &mut Reply<'_>) {
    reply.set(set.len());
    for member in set.iter() {
        write_member(member, reply);
    }
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[
    SADD,
    SCARD,
    algebra::SDIFF,
    algebra::SDIFFSTORE,
    algebra::SINTER,
    algebra::SINTERCARD,
    algebra::SINTERSTORE,
    SISMEMBER,
    SMEMBERS,
    SMISMEMBER,
    SMOVE,
    random::SPOP,
    random::SRANDMEMBER,
    SREM,
    SSCAN,
    algebra::SUNION,
    algebra::SUNIONSTORE,
];
