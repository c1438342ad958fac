//! DEBUG: for testing the server.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::commands::context::{Context, Flow};
use crate::commands::help;
use crate::commands::object::references;
use crate::commands::spec::{Arity, CommandResult, CommandSpec, Flags, Footprint, Group, members};
use crate::config::parse_memory;
use crate::error::Error;
use crate::keyspace::{Db, Entry, SetExpiry, Value, ValueRef, View};
use crate::rdb;
use crate::resp::{Args, Key, Protocol, Reply};
use crate::session::park::Wait;
use crate::types::digest::Digest;
use crate::types::{List, glob, number};

const DEBUG: CommandSpec = CommandSpec::session("DEBUG", Arity::at_least(2), Group::Server, debug)
    .flags(members!(Flags: ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED))
    .footprint(Footprint::AllExclusive)
    .doc(
        "1.0.0",
        "Depends on the subcommand.",
        "A container of commands for testing the server.",
    )
    .syscmd();

/// Runs the subcommand that argument 1 names, if there are as many arguments as it takes.
///
/// The subcommands are not declared one by one: Redis declares none, so a wrong number of arguments is
/// an unknown subcommand, and all of them lock all keys.
fn debug(
    context: &mut Context<'_, '_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    let name = args.get(1).to_ascii_uppercase();
    let view = context.db.view();
    match (name.as_slice(), args.len()) {
        (b"HELP", 2) => help::reply(reply, DEBUG.name, HELP_LINES),
        (b"DICT-RESIZING", 3) | (b"JMAP", 2) => reply.ok(),
        (b"DIGEST", 2) => reply.simple(&dataset_digest(&view)),
        (b"DIGEST-VALUE", _) => digest_values(&view, args, reply),
        (b"ERROR", 3) => raw_error(args.get(2), reply),
        (b"HTSTATS", 3..) => table_statistics(&view, args, reply)?,
        (b"HTSTATS-KEY", 3..) => {
            let text = look_inside(context.db, args, key_table_statistics)?;
            reply.verbatim(text.as_bytes());
        }
        (b"LISTPACK", 3) => {
            let text = look_inside(context.db, args, listpack_statistics)?;
            tracing::warn!("DEBUG LISTPACK: {text}");
            reply.simple("Listpack structure written to the log");
        }
        (b"LOADAOF", 2) => {
            context.db.reload();
            reply.ok();
        }
        (b"LOG", 3) => {
            tracing::warn!("DEBUG LOG: {}", String::from_utf8_lossy(args.get(2)));
            reply.ok();
        }
        (b"OBJECT", 3) => {
            let entry = view.find_stored(args.key(2)).ok_or(Error::NoSuchKey)?;
            reply.simple(&describe(entry, &view));
        }
        (b"PAUSE-CRON", 3) => {
            let on = number::parse_leading_integer(args.get(2)) != 0;
            context.server.timers_paused.store(on, Relaxed);
            reply.ok();
        }
        (b"POPULATE", 3..=5) => populate(context.db, args, reply)?,
        (b"PROTOCOL", 3) => protocol(context.session.in_exec, args, reply)?,
        (b"QUICKLIST", 3 | 4) => {
            reply.simple(&look_inside(context.db, args, quicklist_statistics)?);
        }
        (b"QUICKLIST-PACKED-THRESHOLD", 3) => packed_threshold(args, reply)?,
        (b"RELOAD", 2) => {
            context.db.reload();
            let (server, now) = (context.server, context.db.access.now);
            server.saves.note(&server.stats, now);
            reply.ok();
        }
        (b"REPLYBUFFER", 4) => reply_buffer(args, reply)?,
        (b"SET-ACTIVE-EXPIRE", 3) => {
            let on = number::parse_leading_integer(args.get(2)) != 0;
            context.server.active_expire.store(on, Relaxed);
            reply.ok();
        }
        (b"SLEEP", 3) => return Ok(sleep(context, args, reply)),
        (b"STRINGMATCH-LEN", 4) => {
            reply.flag(glob::matches(args.get(2), args.get(3), false));
        }
        _ => return Err(Error::subcommand_syntax(args.get(1), DEBUG.name)),
    }
    Ok(Flow::Done)
}

const HELP_LINES: &[&str] = &[
    "DICT-RESIZING <0|1>",
    "    Accepted without effect: tables here grow and shrink in small steps.",
    "DIGEST",
    "    Return 40 hex digits that stand for all keys and values.",
    "DIGEST-VALUE <key> [<key> ...]",
    "    Return 40 hex digits for the value of each key.",
    "ERROR <string>",
    "    Reply with an error of this text.",
    "HTSTATS <dbid> [full]",
    "    Return the size of a database's tables.",
    "HTSTATS-KEY <key> [full]",
    "    Like HTSTATS, for the table in which the key's value is kept.",
    "JMAP",
    "    Accepted without effect.",
    "LISTPACK <key>",
    "    Write the size of a value that is kept as a listpack to the log.",
    "LOADAOF",
    "    As RELOAD, but nothing counts as saved.",
    "LOG <message>",
    "    Write a message to the log.",
    "OBJECT <key>",
    "    Describe how the value under the key is kept.",
    "PAUSE-CRON <0|1>",
    "    Whether what is done now and then is left undone, such as closing idle clients.",
    "POPULATE <count> [<prefix>] [<size>]",
    "    Make <count> strings under the names <prefix>:<number> (default: key), of <size>",
    "    bytes if it is given. Keys that exist stay as they are.",
    "PROTOCOL <type>",
    "    Reply with a sample of this type: string, integer, double, bignum, null, array,",
    "    set, map, attrib, push, verbatim, true, false.",
    "QUICKLIST <key> [<0|1>]",
    "    Look at a value that is kept as a quicklist.",
    "QUICKLIST-PACKED-THRESHOLD <size>",
    "    Accepted without effect on strings.",
    "RELOAD",
    "    Store every key anew, as if all of them had been saved and loaded.",
    "REPLYBUFFER <PEAK-RESET-TIME <NEVER|RESET|milliseconds>|RESIZING <0|1>>",
    "    Accepted without effect: a reply buffer is given back after each use.",
    "SET-ACTIVE-EXPIRE <0|1>",
    "    Whether keys are removed when they expire, before anybody asks for them.",
    "SLEEP <seconds>",
    "    Let all commands of all clients wait. Decimals are allowed.",
    "STRINGMATCH-LEN <pattern> <string>",
    "    Return 1 if the glob-style pattern matches the string, else 0.",
];

/// Writes the error as it was sent; it is a test's, so it is not counted.
fn raw_error(text: &[u8], reply: &mut Reply<'_>) {
    let one_line: Vec<u8> = text
        .iter()
        .map(|&byte| {
            if matches!(byte, b'\r' | b'\n') {
                b' '
            } else {
                byte
            }
        })
        .collect();
    reply.raw(b"-");
    reply.raw(&one_line);
    reply.raw(b"\r\n");
}

/// Adds what the key holds; in order, behind what was added before.
fn add_value(digest: &mut Digest, entry: &Entry) {
    match entry.value() {
        ValueRef::String(string) => {
            return digest.add_string_value(
                string.bytes(&mut itoa::Buffer::new()),
                entry.expiry().is_some(),
            );
        }
        ValueRef::Set(set) => digest.add_set(set),
        ValueRef::SortedSet(sorted_set) => digest.add_sorted_set(sorted_set),
        ValueRef::List(list) => digest.add_list(list),
        ValueRef::Hash(hash) => digest.add_hash(hash),
        ValueRef::Stream(stream) => digest.add_stream(stream),
    }
    if entry.expiry().is_some() {
        digest.mark_expire();
    }
}

fn dataset_digest(view: &View<'_>) -> String {
    let mut all = Digest::default();
    for index in (0..view.databases()).filter(|&index| view.len_of(index) > 0) {
        all.mix_number(index as u32);
        for entry in view.stored_entries_of(index) {
            let mut digest = Digest::default();
            digest.mix(entry.key());
            add_value(&mut digest, entry);
            all.xor_digest(&digest);
        }
    }
    all.hex()
}

fn digest_values(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) {
    reply.array(args.len() - 2);
    for index in 2..args.len() {
        let mut digest = Digest::default();
        if let Some(entry) = view.find_stored(args.key(index)) {
            add_value(&mut digest, entry);
        }
        reply.simple(&digest.hex());
    }
}

fn table_statistics(view: &View<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let index = usize::try_from(args.integer(2)?)
        .ok()
        .filter(|&index| index < view.databases())
        .ok_or(Error::Static("ERR Out of range database"))?;
    // Keys with and without an expiry share a table.
    let part = |count: usize| match count {
        0 => String::new(),
        _ => format!(
            "Hash table 0 stats (main hash table):\n table size: {}\n number of elements: {count}\n",
            view.slots_of(index)
        ),
    };
    let (keys, expires) = (part(view.len_of(index)), part(view.expires_of(index)));
    reply.verbatim(format!("[Dictionary HT]\n{keys}[Expires HT]\n{expires}").as_bytes());
    Ok(())
}

/// Looks the key up as OBJECT does, and hands it to `look`.
fn look_inside<R>(
    db: &mut Db<'_>,
    args: Args<'_>,
    look: impl FnOnce(&Entry) -> Result<R, Error>,
) -> Result<R, Error> {
    let key = args.key(2);
    db.remove_if_stale(key);
    let view = db.view();
    let result = view
        .get_unnoticed(key)
        .ok_or(Error::NoSuchKey)
        .and_then(look);
    view.count();
    result
}

/// Number of members, fields or elements; 0 for a string.
fn elements(entry: &Entry) -> usize {
    match entry.value() {
        ValueRef::String(_) => 0,
        ValueRef::Hash(hash) => hash.len(),
        ValueRef::Set(set) => set.len(),
        ValueRef::SortedSet(sorted_set) => sorted_set.len(),
        ValueRef::Stream(stream) => stream.len(),
        ValueRef::List(list) => list.len(),
    }
}

fn key_table_statistics(entry: &Entry) -> Result<String, Error> {
    if !matches!(entry.encoding(), "hashtable" | "skiplist") {
        return Err(Error::Static(
            "ERR The value stored at the specified key is not represented using an hash table",
        ));
    }
    Ok(format!(
        "Hash table 0 stats (main hash table):\n number of elements: {}\n bytes: {}\n",
        elements(entry),
        entry.heap_bytes()
    ))
}

fn quicklist_statistics(entry: &Entry) -> Result<String, Error> {
    match entry.value() {
        ValueRef::List(list) if !list.is_compact() => Ok(format!(
            "quicklist of {} elements in {} nodes and {} bytes",
            list.len(),
            list.nodes().count(),
            list.heap_bytes()
        )),
        _ => Err(Error::Static("ERR Not a quicklist encoded object.")),
    }
}

fn listpack_statistics(entry: &Entry) -> Result<String, Error> {
    if !entry.encoding().starts_with("listpack") {
        return Err(Error::Static("ERR Not a listpack encoded object."));
    }
    Ok(format!(
        "{} of {} elements in {} bytes",
        entry.encoding(),
        elements(entry),
        entry.heap_bytes()
    ))
}

fn describe(entry: &Entry, view: &View<'_>) -> String {
    let about_nodes = match entry.value() {
        ValueRef::List(list) if !list.is_compact() => describe_nodes(list, view),
        _ => String::new(),
    };
    format!(
        "Value at:{entry:p} refcount:{} encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{about_nodes}",
        references(entry, view.access.config),
        entry.encoding(),
        rdb::saved_len(entry.value(), view.access.config.rdbcompression()),
        entry.access_clock(),
        view.access.idle_seconds(entry)
    )
}

/// Bytes around the elements of a listpack.
const LISTPACK_FRAME: usize = 7;

/// What DEBUG OBJECT tells of a large list besides.
fn describe_nodes(list: &List, view: &View<'_>) -> String {
    let config = view.access.config;
    let (mut nodes, mut bytes) = (0, 0);
    for node in list.nodes() {
        nodes += 1;
        bytes += match node.plain() {
            Some(element) => element.bytes(&mut itoa::Buffer::new()).len(),
            None => LISTPACK_FRAME + node.bytes().len(),
        };
    }
    format!(
        " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{bytes}",
        list.len() as f64 / f64::from(nodes),
        config.list_max_listpack_size(),
        u8::from(config.list_compress_depth() != 0),
    )
}

/// Longest key that POPULATE makes.
const LONGEST_NAME: usize = 127;

fn populate(db: &mut Db<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let number = |index: usize| {
        args.integer(index)
            .ok()
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(Error::Static("ERR value is out of range, must be positive"))
    };
    let count = number(2)?;
    let size = if args.len() == 5 { number(4)? } else { 0 };
    if size > db.access.longest_string() {
        return Err(Error::StringTooLong);
    }
    let prefix = args.try_get(3).unwrap_or(b"key");
    for nth in 0..count {
        let mut name = [prefix, b":", nth.to_string().as_bytes()].concat();
        name.truncate(LONGEST_NAME);
        let key = Key::new(&name);
        if db.get(key).is_some() {
            continue;
        }
        let mut value = format!("value:{nth}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        db.set(key, Value::Bytes(&value), SetExpiry::Clear, "populate");
    }
    reply.ok();
    Ok(())
}

fn protocol(in_exec: bool, args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    let first_three = |reply: &mut Reply<'_>| (0..3).for_each(|number| reply.integer(number));
    match args.get(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12_345),
        b"double" => reply.double("3.141"),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            first_three(reply);
        }
        b"set" => {
            reply.set(3);
            first_three(reply);
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            reply.attribute(1, |reply| {
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            });
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if reply.protocol() == Protocol::Resp2 => {
            return Err(Error::Static("ERR RESP2 is not supported by this command"));
        }
        b"push" => {
            reply.bulk(b"Some real reply following the push reply");
            // A push goes behind the reply of the command that causes it, never into an array; EXEC's
            // ends only later.
            if !in_exec {
                reply.push(2);
                reply.bulk(b"server-cpu-usage");
                reply.integer(42);
            }
        }
        b"verbatim" => reply.verbatim(b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => {
            return Err(Error::Static(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// Largest threshold that QUICKLIST-PACKED-THRESHOLD takes, in bytes.
const LARGEST_THRESHOLD: u64 = (1 << 32) - (1 << 20);

fn packed_threshold(args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if parse_memory(args.get(2)).is_none_or(|size| size > LARGEST_THRESHOLD) {
        return Err(Error::Static(
            "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        ));
    }
    reply.ok();
    Ok(())
}

fn reply_buffer(args: Args<'_>, reply: &mut Reply<'_>) -> CommandResult {
    if args.is(2, "PEAK-RESET-TIME") {
        if !args.is(3, "NEVER") && !args.is(3, "RESET") {
            args.integer(3)?;
        }
    } else if !args.is(2, "RESIZING") {
        return Err(Error::subcommand_syntax(args.get(1), DEBUG.name));
    }
    reply.ok();
    Ok(())
}

/// Lets every client wait. Alone, the command gives its locks back meanwhile; inside EXEC it keeps
/// them, because nobody may see half of a transaction.
fn sleep(context: &mut Context<'_, '_>, args: Args<'_>, reply: &mut Reply<'_>) -> Flow {
    let micros = number::parse_leading_f64(args.get(2)) * 1e6;
    // A time that no sleep can last is none, as in Redis.
    let micros = if micros < i64::MAX as f64 {
        micros as i64
    } else {
        0
    };
    if micros <= 0 {
        reply.ok();
        return Flow::Done;
    }
    let until = context.db.access.now.0.saturating_add(micros);
    context.server.pause.sleep(until);
    if context.session.in_exec {
        std::thread::sleep(Duration::from_micros(micros as u64));
        reply.ok();
        return Flow::Done;
    }
    Flow::Park(Wait::Sleep { until, call: None })
}

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[DEBUG];
