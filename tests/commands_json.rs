//! Every declaration agrees with the facts on Redis 7.4.1's commands in `tests/data/commands.json`, or, for the
//! few commands that came with Redis 8.0, with those in `tests/data/commands_since_8.json`.

use std::collections::BTreeSet;

use redouble::commands::absent::ABSENT;
use redouble::commands::registry::{self, Command};
use redouble::commands::spec::{
    Arg, ArgKind, BeginSearch, Categories, CommandSpec, FindKeys, Flags, KeyFlags, KeySpec,
};
use serde_json::{Map, Value, json};

/// The commands and subcommands that must be there.
const EXPECTED: &str = "
    BITCOUNT BITFIELD BITFIELD_RO BITOP BITPOS GETBIT SETBIT
    GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEORADIUS_RO GEOSEARCH
    GEOSEARCHSTORE
    PFADD PFCOUNT PFDEBUG PFMERGE PFSELFTEST
    APPEND DECR DECRBY GET GETDEL GETEX GETRANGE GETSET INCR INCRBY INCRBYFLOAT LCS MGET MSET MSETNX
    PSETEX SET SETEX SETNX SETRANGE STRLEN SUBSTR
    SADD SCARD SDIFF SDIFFSTORE SINTER SINTERCARD SINTERSTORE SISMEMBER SMEMBERS SMISMEMBER SMOVE SPOP
    SRANDMEMBER SREM SSCAN SUNION SUNIONSTORE
    ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMPOP ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE ZRANGEBYLEX
    ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE
    ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE
    DISCARD EXEC MULTI UNWATCH WATCH
    AUTH ECHO HELLO PING QUIT RESET SELECT
    CLIENT|GETNAME CLIENT|HELP CLIENT|ID CLIENT|INFO CLIENT|KILL CLIENT|LIST CLIENT|NO-EVICT
    CLIENT|NO-TOUCH CLIENT|PAUSE CLIENT|REPLY CLIENT|SETINFO CLIENT|SETNAME CLIENT|UNBLOCK
    CLIENT|UNPAUSE
    COPY DEL EXISTS EXPIRE EXPIREAT EXPIRETIME KEYS MOVE PERSIST PEXPIRE PEXPIREAT PEXPIRETIME PTTL
    RANDOMKEY RENAME RENAMENX SCAN SORT SORT_RO TOUCH TTL TYPE UNLINK WAIT
    HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HMSET HRANDFIELD HSCAN HSET HSETNX
    HSTRLEN HVALS
    HEXPIRE HEXPIREAT HEXPIRETIME HGETDEL HGETEX HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL HSETEX HTTL
    OBJECT|ENCODING OBJECT|FREQ OBJECT|HELP OBJECT|IDLETIME OBJECT|REFCOUNT
    COMMAND COMMAND|COUNT COMMAND|DOCS COMMAND|GETKEYS COMMAND|GETKEYSANDFLAGS COMMAND|HELP
    COMMAND|INFO COMMAND|LIST
    CONFIG|GET CONFIG|HELP CONFIG|RESETSTAT CONFIG|REWRITE CONFIG|SET
    DBSIZE DEBUG FLUSHALL FLUSHDB FUNCTION|FLUSH FUNCTION|HELP INFO LOLWUT SHUTDOWN SWAPDB TIME
    MEMORY|DOCTOR MEMORY|HELP MEMORY|MALLOC-STATS MEMORY|PURGE MEMORY|STATS MEMORY|USAGE
    ACL|CAT ACL|DELUSER ACL|DRYRUN ACL|GENPASS ACL|GETUSER ACL|HELP ACL|LIST ACL|LOAD ACL|LOG ACL|SAVE
    ACL|USERS ACL|WHOAMI
    BGREWRITEAOF BGSAVE LASTSAVE SAVE
    FAILOVER PSYNC REPLCONF REPLICAOF ROLE SLAVEOF SYNC WAITAOF
    MODULE|HELP MODULE|LIST MODULE|LOAD MODULE|LOADEX MODULE|UNLOAD
    ASKING CLUSTER READONLY READWRITE";

fn facts() -> Map<String, Value> {
    let read = |text| -> Map<String, Value> {
        serde_json::from_str(text).expect("the files of tests/data are JSON objects")
    };
    let mut facts = read(include_str!("data/commands.json"));
    facts.extend(read(include_str!("data/commands_since_8.json")));
    facts
}

/// A command's name in the file: `CLIENT KILL`.
fn name(command: &Command) -> String {
    command.full_name.to_ascii_uppercase().replace('|', " ")
}

/// Compares one fact of every declared command, and reports all that differ.
fn compare(fact: &str, declared: impl Fn(&Command) -> Value, known: impl Fn(&Value) -> Value) {
    let facts = facts();
    let mut wrong = Vec::new();
    for command in registry::all() {
        let name = name(command);
        let entry = facts
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is no command of Redis"));
        let (declared, known) = (declared(command), known(entry));
        if declared != known {
            wrong.push(format!(
                "{name}: {fact} is {declared}, but Redis has {known}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The strings of an array, in alphabetical order.
fn sorted(value: &Value) -> Value {
    let strings: BTreeSet<&str> = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap())
        .collect();
    json!(strings)
}

fn upper<'a>(names: impl Iterator<Item = &'a str>) -> Value {
    let names: BTreeSet<String> = names.map(str::to_ascii_uppercase).collect();
    json!(names)
}

#[test]
fn every_expected_command_is_declared() {
    for name in EXPECTED.split_whitespace() {
        let command = registry::lookup_full(name.as_bytes());
        assert_eq!(
            command.map(|command| command.full_name),
            Some(&*name.to_ascii_lowercase())
        );
    }
}

/// Each is one of the two and not both, but a subcommand of an absent container, which is neither.
#[test]
fn every_command_of_redis_is_declared_or_known_to_be_absent() {
    let known: Map<String, Value> =
        serde_json::from_str(include_str!("data/commands.json")).unwrap();
    let absent: BTreeSet<&str> = ABSENT.iter().copied().collect();
    assert_eq!(absent.len(), ABSENT.len());
    let mut wrong = Vec::new();
    for name in known.keys().map(|name| name.replace(' ', "|")) {
        let container = name.split_once('|').map(|(container, _)| container);
        let declared = registry::lookup_full(name.as_bytes()).is_some();
        let listed = absent.contains(&*name);
        // Who does not know the container has said so before it comes to a subcommand.
        let covered = container.is_some_and(|container| absent.contains(container));
        match (declared, listed, covered) {
            (true, false, false) | (false, true, false) | (false, false, true) => {}
            _ => wrong.push(format!(
                "{name}: declared {declared}, absent {listed}, within {covered}"
            )),
        }
    }
    for name in ABSENT
        .iter()
        .filter(|name| !known.contains_key(&name.replace('|', " ")))
    {
        wrong.push(format!("{name} is no command of Redis"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn arity_group_and_versions_agree() {
    compare(
        "arity",
        |c| json!(c.spec.arity.0),
        |known| known["arity"].clone(),
    );
    compare(
        "group",
        |c| json!(c.spec.group.name()),
        // The declarations write `sorted_set` where COMMAND DOCS answers `sorted-set`.
        |known| json!(known["group"].as_str().map(|name| name.replace('_', "-"))),
    );
    compare(
        "since",
        |c| json!(c.spec.since),
        |known| known["since"].clone(),
    );
    compare(
        "deprecated_since",
        |c| json!(c.spec.deprecated_since),
        |known| known["deprecated_since"].clone(),
    );
    compare(
        "replaced_by",
        |c| json!(c.spec.replaced_by),
        |known| known["replaced_by"].clone(),
    );
}

#[test]
fn doc_flags_agree() {
    let declared = |spec: &CommandSpec| {
        let deprecated = spec.deprecated_since.map(|_| "DEPRECATED");
        json!(
            deprecated
                .into_iter()
                .chain(spec.syscmd.then_some("SYSCMD"))
                .collect::<Vec<_>>()
        )
    };
    compare(
        "doc flags",
        |c| declared(c.spec),
        |known| sorted(&known["doc_flags"]),
    );
}

#[test]
fn flags_agree() {
    let text = |flag: &'static str| {
        if flag == "movablekeys" {
            "MOVABLE_KEYS"
        } else {
            flag
        }
    };
    compare(
        "flags",
        |c| upper(c.spec.flags.names().map(text)),
        |known| sorted(&known["flags"]),
    );
}

#[test]
fn only_the_key_specifications_make_keys_movable() {
    for command in registry::all() {
        assert!(
            !command.spec.flags.contains(Flags::MOVABLE_KEYS),
            "{}",
            command.full_name
        );
    }
}

#[test]
fn categories_agree() {
    compare(
        "categories",
        |c| upper(c.spec.categories.names()),
        |known| sorted(&known["acl_categories"]),
    );
    // Every command is either fast or slow, and what the flags say is implied.
    for command in registry::all() {
        let all = command.spec.all_categories();
        assert_ne!(
            all.contains(Categories::FAST),
            all.contains(Categories::SLOW)
        );
        assert_eq!(
            all.contains(Categories::WRITE),
            command.flags.contains(Flags::WRITE)
        );
    }
}

#[test]
fn tips_agree() {
    // The order matters: clients see it.
    let known = |known: &Value| {
        let tips = known["tips"].as_array().unwrap();
        json!(
            tips.iter()
                .map(|tip| tip.as_str().unwrap().to_ascii_lowercase())
                .collect::<Vec<_>>()
        )
    };
    compare("tips", |c| json!(c.spec.tips), known);
}

#[test]
fn key_specifications_agree() {
    let known = |known: &Value| {
        let mut specs = known["key_specs"].clone();
        for spec in specs.as_array_mut().unwrap() {
            spec["flags"] = sorted(&spec["flags"]);
        }
        specs
    };
    let declared = |keys: &[KeySpec]| json!(keys.iter().map(key_spec).collect::<Vec<_>>());
    compare("key specifications", |c| declared(c.spec.keys), known);
}

fn key_spec(spec: &KeySpec) -> Value {
    let begin = match spec.begin {
        BeginSearch::Index(pos) => json!({"index": {"pos": pos}}),
        BeginSearch::Keyword(word, from) => {
            json!({"keyword": {"keyword": word, "startfrom": from}})
        }
        BeginSearch::Unknown => json!({"unknown": null}),
    };
    let find = match spec.find {
        FindKeys::Range { last, step, limit } => {
            json!({"range": {"lastkey": last, "step": step, "limit": limit}})
        }
        FindKeys::KeyNum { index, first, step } => {
            json!({"keynum": {"keynumidx": index, "firstkey": first, "step": step}})
        }
        FindKeys::Unknown => json!({"unknown": null}),
    };
    json!({"flags": upper(spec.flags.names()), "begin_search": begin, "find_keys": find})
}

#[test]
fn argument_grammar_agrees() {
    let known = |known: &Value| {
        let mut args = known["arguments"].clone();
        upper_tokens(&mut args);
        args
    };
    compare("grammar", |c| grammar(c.spec.args), known);
}

fn grammar(args: &[Arg]) -> Value {
    json!(args.iter().map(argument).collect::<Vec<_>>())
}

/// The file holds only what is set.
fn argument(arg: &Arg) -> Value {
    let mut map = Map::new();
    map.insert("name".into(), json!(arg.name));
    map.insert("type".into(), json!(arg.kind.name()));
    let texts = [
        ("token", arg.token),
        ("since", arg.since),
        ("deprecated_since", arg.deprecated_since),
    ];
    for (field, value) in texts {
        map.extend(value.map(|value| (field.to_owned(), json!(value))));
    }
    let switches = [
        ("optional", arg.optional),
        ("multiple", arg.multiple),
        ("multiple_token", arg.multiple_token),
    ];
    for (field, _) in switches.into_iter().filter(|(_, on)| *on) {
        map.insert(field.into(), json!(true));
    }
    match arg.kind {
        ArgKind::Key(index) | ArgKind::KeyPattern(index) => {
            map.insert("key_spec_index".into(), json!(index));
        }
        ArgKind::OneOf(inner) | ArgKind::Block(inner) => {
            map.insert("arguments".into(), grammar(inner));
        }
        _ => {}
    }
    Value::Object(map)
}

/// Redis's `COMMAND DOCS` prints every token in upper case, whatever the source files say.
fn upper_tokens(args: &mut Value) {
    for arg in args.as_array_mut().into_iter().flatten() {
        if let Some(token) = arg.get("token").and_then(Value::as_str) {
            arg["token"] = json!(token.to_ascii_uppercase());
        }
        if let Some(inner) = arg.get_mut("arguments") {
            upper_tokens(inner);
        }
    }
}

#[test]
fn keys_of_arguments_exist_among_the_specifications() {
    fn check(args: &[Arg], specs: usize, name: &str) {
        for arg in args {
            match arg.kind {
                ArgKind::Key(index) | ArgKind::KeyPattern(index) => {
                    assert!(index < specs, "{name}: {}", arg.name);
                }
                ArgKind::OneOf(inner) | ArgKind::Block(inner) => check(inner, specs, name),
                _ => {}
            }
        }
    }
    for command in registry::all() {
        check(
            command.spec.args,
            command.spec.keys.len(),
            command.full_name,
        );
        let not_keys = command
            .spec
            .keys
            .iter()
            .all(|k| k.flags.contains(KeyFlags::NOT_KEY));
        assert_eq!(command.has_keys(), !not_keys);
    }
}
