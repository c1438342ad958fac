//! A command as `COMMAND INFO` and `COMMAND DOCS` describe it to clients.

use smallvec::SmallVec;

use crate::commands::registry::Command;
use crate::commands::spec::{
    Arg, ArgKind, BeginSearch, Categories, FindKeys, Flags, KeyFlags, KeySpec, members,
};
use crate::resp::Reply;

/// Flags that concern the server alone.
const HIDDEN: Flags = members!(
    Flags: MAY_REPLICATE | SENTINEL | ONLY_SENTINEL | PROTECTED | TOUCHES_ARBITRARY_KEYS
);

/// Writes the ten fields of `COMMAND INFO`.
pub fn info(command: &Command, reply: &mut Reply<'_>) {
    let spec = command.spec;
    reply.array(10);
    reply.bulk(command.full_name.as_bytes());
    reply.integer(spec.arity.0.into());
    let visible = |flag: Flags| command.flags.contains(flag) && !HIDDEN.contains(flag);
    simple_set(
        reply,
        Flags::ALL
            .iter()
            .filter(|(flag, _)| visible(*flag))
            .map(|(_, name)| *name),
    );
    reply.integer(command.legacy.first);
    reply.integer(command.legacy.last);
    reply.integer(command.legacy.step);
    categories(spec.all_categories(), reply);
    reply.set(spec.tips.len());
    for tip in spec.tips {
        text(reply, tip);
    }
    reply.set(spec.keys.len());
    for key_spec in spec.keys {
        key_specification(key_spec, reply);
    }
    // Redis answers an empty set, but an array if there is anything in it.
    match command.subcommands() {
        [] => reply.set(0),
        subcommands => {
            reply.array(subcommands.len());
            subcommands.iter().for_each(|sub| info(sub, reply));
        }
    }
}

/// Writes the map of `COMMAND DOCS`.
pub fn docs(command: &Command, reply: &mut Reply<'_>) {
    let spec = command.spec;
    let doc_flags: SmallVec<[&str; 2]> = spec
        .deprecated_since
        .map(|_| "deprecated")
        .into_iter()
        .chain(spec.syscmd.then_some("syscmd"))
        .collect();
    let fields = present([
        ("summary", Some(spec.summary)),
        ("since", Some(spec.since)),
        ("group", Some(spec.group.name())),
        (
            "complexity",
            Some(spec.complexity).filter(|text| !text.is_empty()),
        ),
    ]);
    let deprecation = present([
        ("deprecated_since", spec.deprecated_since),
        ("replaced_by", spec.replaced_by),
    ]);

    let parts = [
        !doc_flags.is_empty(),
        !spec.args.is_empty(),
        command.has_subcommands(),
    ];
    let parts = parts.into_iter().filter(|part| *part).count();
    reply.map(fields.len() + deprecation.len() + parts);
    pairs(reply, &fields);
    if !doc_flags.is_empty() {
        text(reply, "doc_flags");
        simple_set(reply, doc_flags.into_iter());
    }
    pairs(reply, &deprecation);
    if !spec.args.is_empty() {
        text(reply, "arguments");
        arguments(spec.args, reply);
    }
    if command.has_subcommands() {
        text(reply, "subcommands");
        reply.map(command.subcommands().len());
        for sub in command.subcommands() {
            text(reply, sub.full_name);
            docs(sub, reply);
        }
    }
}

/// Writes a key's flags.
pub fn key_flags(flags: KeyFlags, reply: &mut Reply<'_>) {
    simple_set(reply, flags.names());
}

fn text(reply: &mut Reply<'_>, text: &str) {
    reply.bulk(text.as_bytes());
}

type Pairs<'a> = SmallVec<[(&'a str, &'a str); 4]>;

/// The fields that have a value.
fn present<'a, const N: usize>(fields: [(&'a str, Option<&'a str>); N]) -> Pairs<'a> {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

fn pairs(reply: &mut Reply<'_>, pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        text(reply, name);
        text(reply, value);
    }
}

fn simple_set<'a>(reply: &mut Reply<'_>, names: impl Iterator<Item = &'a str>) {
    let names: SmallVec<[&str; 24]> = names.collect();
    reply.set(names.len());
    for name in names {
        reply.simple(name);
    }
}

fn categories(categories: Categories, reply: &mut Reply<'_>) {
    reply.set(categories.names().count());
    for name in categories.names() {
        reply.simple(&format!("@{name}"));
    }
}

fn key_specification(spec: &KeySpec, reply: &mut Reply<'_>) {
    reply.map(3 + usize::from(spec.notes.is_some()));
    if let Some(notes) = spec.notes {
        text(reply, "notes");
        text(reply, notes);
    }
    text(reply, "flags");
    key_flags(spec.flags, reply);
    text(reply, "begin_search");
    match spec.begin {
        BeginSearch::Index(index) => rule(reply, "index", &[("index", index as i64)]),
        BeginSearch::Keyword(word, from) => {
            rule_head(reply, "keyword", 2);
            pairs(reply, &[("keyword", word)]);
            numbers(reply, &[("startfrom", from as i64)]);
        }
        BeginSearch::Unknown => rule(reply, "unknown", &[]),
    }
    text(reply, "find_keys");
    match spec.find {
        FindKeys::Range { last, step, limit } => {
            let fields = [
                ("lastkey", last as i64),
                ("keystep", step as i64),
                ("limit", limit as i64),
            ];
            rule(reply, "range", &fields);
        }
        FindKeys::KeyNum { index, first, step } => {
            let fields = [
                ("keynumidx", index as i64),
                ("firstkey", first as i64),
                ("keystep", step as i64),
            ];
            rule(reply, "keynum", &fields);
        }
        FindKeys::Unknown => rule(reply, "unknown", &[]),
    }
}

fn rule(reply: &mut Reply<'_>, kind: &str, fields: &[(&str, i64)]) {
    rule_head(reply, kind, fields.len());
    numbers(reply, fields);
}

fn rule_head(reply: &mut Reply<'_>, kind: &str, fields: usize) {
    reply.map(2);
    pairs(reply, &[("type", kind)]);
    text(reply, "spec");
    reply.map(fields);
}

fn numbers(reply: &mut Reply<'_>, fields: &[(&str, i64)]) {
    for (name, value) in fields {
        text(reply, name);
        reply.integer(*value);
    }
}

fn arguments(args: &[Arg], reply: &mut Reply<'_>) {
    reply.array(args.len());
    for arg in args {
        argument(arg, reply);
    }
}

fn argument(arg: &Arg, reply: &mut Reply<'_>) {
    let inner = match arg.kind {
        ArgKind::OneOf(inner) | ArgKind::Block(inner) => Some(inner),
        _ => None,
    };
    let key_spec = match arg.kind {
        ArgKind::Key(index) | ArgKind::KeyPattern(index) => Some(index),
        _ => None,
    };
    let shown = arg.display.unwrap_or(arg.name);
    let head = present([
        ("name", Some(arg.name)),
        ("type", Some(arg.kind.name())),
        ("display_text", inner.is_none().then_some(shown)),
    ]);
    let tail = present([
        ("token", arg.token),
        ("since", arg.since),
        ("deprecated_since", arg.deprecated_since),
    ]);
    let flags: SmallVec<[&str; 3]> = [
        (arg.optional, "optional"),
        (arg.multiple, "multiple"),
        (arg.multiple_token, "multiple_token"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();

    let parts = [key_spec.is_some(), !flags.is_empty(), inner.is_some()];
    let parts = parts.into_iter().filter(|part| *part).count();
    reply.map(head.len() + tail.len() + parts);
    pairs(reply, &head);
    if let Some(index) = key_spec {
        numbers(reply, &[("key_spec_index", index as i64)]);
    }
    pairs(reply, &tail);
    if !flags.is_empty() {
        text(reply, "flags");
        simple_set(reply, flags.into_iter());
    }
    if let Some(inner) = inner {
        text(reply, "arguments");
        arguments(inner, reply);
    }
}
