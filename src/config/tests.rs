//! Unit tests of the settings: files, arguments, environment and CONFIG.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::table::{Kind, SETTINGS};
use super::*;

fn shown(config: &Config, name: &str) -> String {
    let found = config.get(&[name]);
    assert_eq!(found.len(), 1, "{name}");
    String::from_utf8(found[0].1.clone()).unwrap()
}

fn names(config: &Config, patterns: &[&str]) -> Vec<String> {
    let found = config.get(patterns).into_iter();
    found
        .map(|(name, _)| String::from_utf8(name).unwrap())
        .collect()
}

fn load_all(
    arguments: &[&str],
    environment: &[(&str, &str)],
    stdin: &str,
) -> Result<Loaded, LoadError> {
    let environment = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()));
    load(Sources {
        arguments: arguments.iter().map(OsString::from).collect(),
        environment: environment.collect(),
        stdin: stdin.as_bytes(),
    })
}

fn load_arguments(arguments: &[&str]) -> Config {
    load_all(arguments, &[], "").unwrap().config
}

fn load_error(arguments: &[&str]) -> String {
    load_all(arguments, &[], "").unwrap_err().to_string()
}

#[test]
fn defaults_are_those_of_redis() {
    let config = Config::new();
    let data = include_str!("../../tests/data/config_defaults.tsv");
    let mut known = 0;
    for line in data.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once('\t').unwrap();
        assert_eq!(shown(&config, name), value, "{name}");
        known += 1;
    }
    // Besides them there are only `dir` and our own `threads`.
    assert_eq!(NAMES.len(), known + 2);
}

#[test]
fn the_table_is_sound() {
    let aliases = SETTINGS.iter().filter(|setting| setting.alias.is_some());
    assert_eq!(
        NAMES.len(),
        SETTINGS.len() + aliases.count(),
        "no name twice"
    );
    for (&name, &id) in NAMES.iter() {
        assert_eq!(name, name.to_ascii_lowercase());
        assert_eq!(
            Id::find(name.to_ascii_uppercase().as_bytes()),
            Some((name, id))
        );
        assert!(std::ptr::eq(id.setting(), &SETTINGS[id as usize]));
        if let Kind::Number(number) = id.setting().kind
            && id != Id::Threads
        {
            let range = number.min..=number.max;
            assert!(range.contains(&i128::from(number.default)), "{name}");
        }
    }
}

#[test]
fn every_default_can_be_given_again() {
    // Without a master, `replicaof` shows nothing but is written `no one`.
    for (&name, &id) in NAMES.iter().filter(|(_, id)| **id != Id::Replicaof) {
        let config = Config::new();
        let value = config.show(id);
        let words = words_of(id, &value);
        let again = parse(id, &words, &config.value(id));
        assert_eq!(
            again.as_ref().map(|value| format(id, value)),
            Ok(value),
            "{name}"
        );
    }
}

#[test]
fn get_finds_names_and_patterns() {
    let config = Config::new();
    for (patterns, expected) in [
        (&["maxmemory"][..], &["maxmemory"][..]),
        (&["MAXmemory", "maxmemory"], &["MAXmemory"]),
        (
            &["maxmemory-s*", "MAXMEMORY-SAMPLES"],
            &["maxmemory-samples"],
        ),
        (&["[p-q]ort", "hz"], &["port", "hz"]),
        (
            &["*slave-ignore*", "*-ignore-max*"],
            &["slave-ignore-maxmemory", "replica-ignore-maxmemory"],
        ),
        (&["Slaveof"], &["Slaveof"]),
        (&["key-load-delay"], &["key-load-delay"]),
        (&["key-load-dela*"], &[]),
        (&["no-such-thing"], &[]),
        (&["max\\memory"], &[]),
        (&["\\h?"], &["hz"]),
        (&[], &[]),
    ] {
        assert_eq!(names(&config, patterns), expected, "{patterns:?}");
    }
    let all = names(&config, &["*"]);
    assert!(all.is_sorted());
    let hidden = NAMES.values().filter(|id| id.setting().hidden).count();
    assert_eq!(all.len(), NAMES.len() - hidden);
}

/// What CONFIG SET accepts, and how the value is shown then.
#[test]
fn set_accepts() {
    for (name, value, expected) in [
        ("maxmemory", "100mb", "104857600"),
        ("maxmemory", "1GB", "1073741824"),
        ("maxmemory", "2k", "2000"),
        ("maxmemory", "2kb", "2048"),
        ("maxmemory", "3m", "3000000"),
        ("maxmemory", "1g", "1000000000"),
        ("maxmemory", "7b", "7"),
        ("maxmemory", "", "0"),
        ("maxmemory", "k", "0"),
        ("maxmemory", "18446744073709551615", "18446744073709551615"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "100%", "100%"),
        ("maxmemory-clients", "0%", "0"),
        ("maxmemory-clients", "1mb", "1048576"),
        ("maxmemory-policy", "ALLKEYS-lfu", "allkeys-lfu"),
        ("slowlog-log-slower-than", "-1", "-1"),
        ("list-max-listpack-size", "-5", "-5"),
        ("hz", "0", "1"),
        ("hz", "100000", "500"),
        ("appendonly", "YES", "yes"),
        ("oom-score-adj", "relative", "yes"),
        ("shutdown-on-sigterm", "now nosave", "nosave now"),
        ("shutdown-on-sigterm", "default", "default"),
        ("save", "", ""),
        ("save", "1 2 3 4", "1 2 3 4"),
        ("notify-keyspace-events", "", ""),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "g$lshzxetd", "A"),
        ("notify-keyspace-events", "nmEx", "xnEm"),
        ("notify-keyspace-events", "AnmK", "AKm"),
        ("latency-tracking-info-percentiles", "", ""),
        (
            "latency-tracking-info-percentiles",
            "50 99.90 100.0",
            "50 99.9 100",
        ),
        ("oom-score-adj-values", "-2000 +5 2000", "-2000 5 2000"),
        ("bind", "127.0.0.1 -::1", "127.0.0.1 -::1"),
        ("bind", "", ""),
        (
            "client-output-buffer-limit",
            "REPLICA 1k 2k 3 normal 4mb 5 6",
            "normal 4194304 5 6 slave 1000 2000 3 pubsub 33554432 8388608 60",
        ),
        (
            "client-output-buffer-limit",
            "",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
        ("requirepass", "p\u{e4}ss word", "p\u{e4}ss word"),
        ("proc-title-template", "{{x}", "{{x}"),
        ("proc-title-template", "{title} {port}", "{title} {port}"),
        ("lua-time-limit", "7", "7"),
    ] {
        let config = Config::new();
        config
            .set(&[(name, value)])
            .unwrap_or_else(|error| panic!("{name} {value}: {error}"));
        assert_eq!(shown(&config, name), expected, "{name} {value}");
    }
}

/// What CONFIG SET refuses, and the reason.
#[test]
fn set_refuses() {
    const INT: &str = "argument must be between 0 and 2147483647 inclusive";
    const NO_INT: &str = "argument couldn't be parsed into an integer";
    const YES_NO: &str = "argument must be 'yes' or 'no'";
    const SAVE: &str = "Invalid save parameters";
    const LIMIT: &str =
        "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    const TITLE: &str = "template format is invalid or contains unknown variables";
    for (name, value, reason) in [
        ("maxmemory", "x", "argument must be a memory value"),
        ("maxmemory", "-1", "argument must be a memory value"),
        ("maxmemory", "1 mb", "argument must be a memory value"),
        (
            "maxmemory-clients",
            "-1",
            "argument must be a memory or percent value",
        ),
        (
            "maxmemory-clients",
            "%",
            "argument must be a memory or percent value",
        ),
        (
            "maxmemory-clients",
            "101%",
            "percentage argument must be less or equal to 100",
        ),
        ("timeout", "-1", INT),
        ("timeout", "2147483648", INT),
        ("timeout", "1.5", NO_INT),
        ("timeout", "01", NO_INT),
        ("timeout", "+1", NO_INT),
        ("timeout", " 1", NO_INT),
        ("timeout", "", NO_INT),
        ("timeout", "-0", NO_INT),
        ("timeout", "99999999999999999999", NO_INT),
        (
            "port",
            "65536",
            "argument must be between 0 and 65535 inclusive",
        ),
        (
            "maxclients",
            "0",
            "argument must be between 1 and 4294967295 inclusive",
        ),
        (
            "maxclients",
            "-1",
            "argument must be between 1 and 4294967295 inclusive",
        ),
        (
            "maxmemory-samples",
            "65",
            "argument must be between 1 and 64 inclusive",
        ),
        (
            "proto-max-bulk-len",
            "1mb1",
            "argument must be a memory value",
        ),
        (
            "proto-max-bulk-len",
            "18446744073709551615",
            "argument must be between 1048576 and 9223372036854775807 inclusive",
        ),
        (
            "list-max-listpack-size",
            "99999999999",
            "argument must be between -2147483648 and 2147483647 inclusive",
        ),
        ("appendonly", "maybe", YES_NO),
        ("appendonly", "", YES_NO),
        (
            "maxmemory-policy",
            "x",
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, \
             volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
        ),
        (
            "shutdown-on-sigterm",
            "x",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            "shutdown-on-sigterm",
            "",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            "shutdown-on-sigint",
            "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        ("save", "1", SAVE),
        ("save", "1 2 ", SAVE),
        ("save", "0 1", SAVE),
        ("save", "1 -1", SAVE),
        ("save", "a b", SAVE),
        (
            "notify-keyspace-events",
            "Q",
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ),
        (
            "latency-tracking-info-percentiles",
            "50 101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        (
            "latency-tracking-info-percentiles",
            "x",
            "Invalid latency-tracking-info-percentiles parameters",
        ),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        (
            "oom-score-adj-values",
            "1 2 3000",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (
            "client-output-buffer-limit",
            "x",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "master 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        ("client-output-buffer-limit", "normal 1k 2k -3", LIMIT),
        ("client-output-buffer-limit", "normal x 2k 3", LIMIT),
        (
            "bind",
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
            "Too many bind addresses specified.",
        ),
        (
            "cluster-announce-hostname",
            "a_b",
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        (
            "cluster-announce-human-nodename",
            "a b!",
            "Announced human node name contained invalid character",
        ),
        ("proc-title-template", "{bad}", TITLE),
        ("proc-title-template", "{title}", TITLE),
        ("proc-title-template", "{title", TITLE),
        ("proc-title-template", "", TITLE),
        ("databases", "3", "can't set immutable config"),
        ("threads", "3", "can't set immutable config"),
        ("unixsocketperm", "700", "can't set immutable config"),
        ("dir", "/", "can't set protected config"),
        ("dbfilename", "a", "can't set protected config"),
        (
            "lua-time-limit",
            "-1",
            "argument must be between 0 and 9223372036854775807 inclusive",
        ),
    ] {
        let config = Config::new();
        let before = format!("{config:?}");
        let error = config.set(&[(name, value)]).unwrap_err();
        let expected =
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(error.to_string(), expected, "{name} {value}");
        assert_eq!(format!("{config:?}"), before, "{name} {value}");
    }
}

#[test]
fn set_is_all_or_nothing() {
    let config = Config::new();
    let error = |pairs: &[(&str, &str)]| config.set(pairs).unwrap_err().to_string();
    assert_eq!(
        error(&[("timeout", "5"), ("nope", "1"), ("databases", "1")]),
        "ERR Unknown option or number of arguments for CONFIG SET - 'nope'"
    );
    assert_eq!(
        error(&[("timeout", "5"), ("Databases", "1"), ("nope", "1")]),
        "ERR CONFIG SET failed (possibly related to argument 'Databases') - can't set immutable config"
    );
    assert_eq!(
        error(&[("timeout", "5"), ("TIMEOUT", "6")]),
        "ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - duplicate parameter"
    );
    assert_eq!(
        error(&[("timeout", "5"), ("MAXMEMORY", "x")]),
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"
    );
    assert_eq!(config.timeout(), 0);
    assert_eq!(config.set::<&str, &str>(&[]), Ok(vec![]));
    let changed = config.set(&[("timeout", "5"), ("hz", "10"), ("slave-priority", "7")]);
    assert_eq!(changed, Ok(vec!["timeout", "replica-priority"]));
    assert_eq!(config.timeout(), 5);
    assert_eq!(shown(&config, "replica-priority"), "7");
}

#[test]
fn a_step_that_fails_brings_the_old_values_back() {
    let config = Config::new();
    let pairs = [
        ("port", "7000"),
        ("requirepass", "secret"),
        ("maxclients", "9"),
    ];
    let refused = config.set_with(&pairs, false, |changed| {
        assert_eq!(changed, ["port", "requirepass", "maxclients"]);
        assert_eq!((config.port(), config.has_password()), (7000, true));
        Err((
            "port",
            "Unable to listen on this port. Check server logs.".to_owned(),
        ))
    });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "ERR CONFIG SET failed (possibly related to argument 'port') - \
         Unable to listen on this port. Check server logs."
    );
    assert_eq!(
        (config.port(), config.has_password(), config.maxclients()),
        (6379, false, 10000)
    );
}

#[test]
fn protected_settings_follow_their_permission() {
    for (permission, remote, local) in [
        ("no", false, false),
        ("local", false, true),
        ("yes", true, true),
    ] {
        let config = Config::with(&[("enable-protected-configs", permission)]).unwrap();
        let set = |is_local| config.set_with(&[("dbfilename", "x.rdb")], is_local, |_| Ok(()));
        assert_eq!(
            (set(false).is_ok(), set(true).is_ok()),
            (remote, local),
            "{permission}"
        );
    }
}

#[test]
fn typed_access() {
    let config = Config::with(&[
        ("maxmemory", "1gb"),
        ("maxmemory-policy", "volatile-lfu"),
        ("loglevel", "warning"),
        ("enable-debug-command", "local"),
        ("requirepass", "pw"),
        ("client-output-buffer-limit", "pubsub 1 2 3"),
        ("notify-keyspace-events", "Ex"),
        ("slowlog-log-slower-than", "-1"),
        ("list-max-listpack-size", "-2"),
        ("bind", "127.0.0.1 ::1"),
        ("unixsocketperm", "755"),
        ("threads", "3"),
        ("daemonize", "yes"),
        ("logfile", "/var/log/x"),
    ])
    .unwrap();
    assert_eq!(config.maxmemory(), 1 << 30);
    assert_eq!(config.maxmemory_policy(), MaxmemoryPolicy::VolatileLfu);
    assert!(config.maxmemory_policy().is_lfu() && config.maxmemory_policy().is_volatile());
    assert_eq!(config.loglevel(), LogLevel::Warning);
    assert_eq!(config.enable_debug_command(), Permission::Local);
    assert_eq!(config.requirepass().as_deref(), Some(&b"pw"[..]));
    let limit = OutputLimit {
        hard: 1,
        soft: 2,
        seconds: 3,
    };
    assert_eq!(
        config.client_output_buffer_limit(ClientClass::PubSub),
        limit
    );
    assert_eq!(
        config.client_output_buffer_limit(ClientClass::Normal),
        OutputLimit::default()
    );
    assert_eq!(
        config.notify_keyspace_events(),
        notify::KEYEVENT | notify::EXPIRED
    );
    assert_eq!(config.slowlog_log_slower_than(), -1);
    assert_eq!(config.list_max_listpack_size(), -2);
    assert_eq!(config.bind(), ["127.0.0.1", "::1"]);
    assert_eq!(config.unixsocketperm(), 0o755);
    assert_eq!(config.threads(), 3);
    assert_eq!(config.pidfile(), Some("/var/run/redis.pid".into()));
    assert_eq!(config.logfile(), Some("/var/log/x".into()));
    config.set(&[("requirepass", "")]).unwrap();
    assert!(!config.has_password() && config.requirepass().is_none());

    let config = Config::new();
    assert!((1..=64).contains(&config.threads()));
    assert_eq!(config.bind(), ["*", "-::*"]);
    assert_eq!(config.pidfile(), None);
    for policy in table::MAXMEMORY_POLICY {
        config.set(&[("maxmemory-policy", policy.0)]).unwrap();
        assert_eq!(config.maxmemory_policy().name(), policy.0);
    }
}

#[test]
fn passwords_stay_out_of_debug_output() {
    let config = Config::with(&[("requirepass", "hunter2")]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(Config::is_secret(b"RequirePass") && !Config::is_secret(b"port"));
}

#[test]
fn arguments_as_redis_takes_them() {
    for (arguments, name, expected) in [
        (&["--port", "7000"][..], "port", "7000"),
        (&["--port 7000"], "port", "7000"),
        (&["--PORT", "7000"], "port", "7000"),
        (&["--port", "1", "--port", "2"], "port", "2"),
        (&["--requirepass foo"], "requirepass", "foo"),
        (&["--requirepass", "--foo"], "requirepass", "--foo"),
        (&["--requirepass", "a b\"c\\"], "requirepass", "a b\"c\\"),
        (&["--requirepass", "p\u{e4}ss"], "requirepass", "p\u{e4}ss"),
        (&["--save", ""], "save", ""),
        (&["--save", "--port", "1"], "save", ""),
        (&["--port", "1", "--save"], "save", ""),
        (&["--save 1 1 "], "save", "1 1"),
        (&["--save", "1 1"], "save", "1 1"),
        (&["--save", "1", "1", "2", "2"], "save", "1 1 2 2"),
        (&["--save", "1 1", "--save", "2 2"], "save", "1 1 2 2"),
        (&["--save", "1 1", "--save", ""], "save", ""),
        (&["--save", "", "--save", "2 2"], "save", "2 2"),
        (
            &["--client-output-buffer-limit", "normal", "1", "2", "3"],
            "client-output-buffer-limit",
            "normal 1 2 3 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
        (&["--bind", "127.0.0.1", "::1"], "bind", "127.0.0.1 ::1"),
        (&["--bind 127.0.0.1 ::1"], "bind", "127.0.0.1 ::1"),
        (
            &["--shutdown-on-sigterm", "nosave", "now"],
            "shutdown-on-sigterm",
            "nosave now",
        ),
        (&["--unixsocketperm", "700"], "unixsocketperm", "700"),
        (&["--threads", "2"], "threads", "2"),
        (&["--replicaof", "no", "one"], "replicaof", ""),
        (
            &["--slaveof", "host", "6379", "--replicaof no one"],
            "replicaof",
            "",
        ),
        (
            &["--user", "default", "on", ">pw", "~*", "+@all"],
            "requirepass",
            "pw",
        ),
        (
            &["--user default on nopass ~* &* +@all", "--requirepass pw"],
            "requirepass",
            "",
        ),
    ] {
        assert_eq!(
            shown(&load_arguments(arguments), name),
            expected,
            "{arguments:?}"
        );
    }
}

#[test]
fn sources_in_order() {
    let file = std::env::temp_dir().join(format!("redouble-config-{}.conf", std::process::id()));
    let file = file.to_str().unwrap();
    std::fs::write(
        file,
        "# comment\n\n  port 1 \ntimeout 1\r\nhz 11\nrequirepass \"a b\"",
    )
    .unwrap();
    let environment = [
        ("REDOUBLE_TIMEOUT", "3"),
        ("REDOUBLE_SET_MAX_INTSET_ENTRIES", "33"),
        ("REDOUBLE_SAVE", "5 6 7 8"),
        ("REDIS_ARGS", "--databases 4 --maxmemory-samples '9'"),
        ("REDOUBLE_DATABASES", "3"),
        ("OTHER", "x"),
    ];
    let loaded = load_all(&[file, "--hz", "12", "-"], &environment, "port 2\n").unwrap();
    std::fs::remove_file(file).unwrap();
    let config = loaded.config;
    assert_eq!(config.port(), 2, "stdin over file");
    assert_eq!(config.timeout(), 3, "environment over file");
    assert_eq!(config.hz(), 12, "argument over file");
    assert_eq!(config.databases(), 4, "REDIS_ARGS over a named variable");
    assert_eq!(config.maxmemory_samples(), 9);
    assert_eq!(config.set_max_intset_entries(), 33);
    assert_eq!(shown(&config, "save"), "5 6 7 8");
    assert_eq!(config.requirepass().as_deref(), Some(&b"a b"[..]));
    assert_eq!(config.file().unwrap().to_str(), Some(file));
}

#[test]
fn the_environment_is_forgiving_about_names_alone() {
    let environment = [
        ("REDIS_PASSWORD", "pa ss\"word"),
        ("REDOUBLE_MAXMEMORI", "1"),
        ("REDOUBLE_PORT", "tcp://10.0.0.1:6379"),
    ];
    let loaded = load_all(&[], &environment, "").unwrap();
    assert_eq!(
        loaded.config.requirepass().as_deref(),
        Some(&b"pa ss\"word"[..])
    );
    assert_eq!(loaded.config.port(), 6379);
    assert_eq!(
        loaded.notices,
        [
            "REDOUBLE_MAXMEMORI names no setting and is ignored; did you mean REDOUBLE_MAXMEMORY?",
            "REDOUBLE_PORT describes a service and is ignored",
        ]
    );
    let error = load_all(&[], &[("REDOUBLE_PORT", "x")], "").unwrap_err();
    assert_eq!(
        error.to_string(),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.1) ***\n\
         Reading the environment variable REDOUBLE_PORT\n>>> 'port \"x\"'\n\
         argument couldn't be parsed into an integer"
    );
}

#[test]
fn settings_without_effect_are_named_once() {
    let notices = |arguments: &[&str]| load_all(arguments, &[], "").unwrap().notices;
    let arguments = [
        "--dir",
        "/",
        "--save",
        "",
        "--save",
        "1 1",
        "--port",
        "1",
        "--appendonly",
        "no",
        "--a.b",
        "1",
    ];
    assert_eq!(
        notices(&arguments),
        ["Accepted, but without effect in this server: appendonly, save, a.b"]
    );
    assert!(notices(&["--lua-replicate-commands", "yes"]).is_empty());
    // A whole configuration file: what has its default value is only counted.
    let idle = SETTINGS.iter().filter(|setting| {
        let number = matches!(setting.kind, Kind::Number(_) | Kind::Flag(_));
        number && !setting.used && !setting.name.starts_with("tls-")
    });
    let config = Config::new();
    let given: Vec<String> = idle
        .map(|setting| format!("--{} {}", setting.name, shown(&config, setting.name)))
        .collect();
    let mut given: Vec<&str> = given.iter().map(String::as_str).collect();
    assert!(given.len() > 50);
    // Refused where it says anything else, so that it says nothing.
    given.retain(|line| !line.starts_with("--cluster-enabled"));
    let count = given.len();
    given.push("--cluster-enabled no");
    assert_eq!(
        notices(&given),
        [format!(
            "Accepted, but without effect in this server: {count} settings with their default values"
        )]
    );
    given.push("--appendonly yes");
    let rest = count - 1;
    assert_eq!(
        notices(&given),
        [format!(
            "Accepted, but without effect in this server: appendonly, and {rest} more with their default values"
        )]
    );
}

#[test]
fn what_will_be_missed_is_a_warning() {
    let arguments = [
        "--user",
        "alice on >x +@all",
        "--loadmodule",
        "/x.so",
        "a",
        "--rename-command KEYS ''",
    ];
    assert_eq!(
        load_all(&arguments, &[], "").unwrap().warnings,
        [
            "There are no users but the default one: 'alice on >x +@all' cannot log in",
            "There are no modules: '/x.so' is not loaded, and its commands are unknown",
            "Commands cannot be renamed: KEYS keeps its name",
        ]
    );
}

#[test]
fn what_would_mislead_is_refused() {
    for (arguments, text, reason) in [
        (
            &["--cluster-enabled", "yes"][..],
            "cluster-enabled \"yes\"",
            "cluster mode is not supported: this is a standalone server",
        ),
        (
            &["--tls-port 6380", "--port", "0"],
            "tls-port 6380",
            "TLS is not supported: connections are plain, to --port or --unixsocket",
        ),
        (
            &["--slaveof", "host", "6379"],
            "slaveof \"host\" \"6379\"",
            "replication is not supported: this server follows no other",
        ),
        (
            &["--aclfile", "/etc/users.acl"],
            "aclfile \"/etc/users.acl\"",
            "users and their rules are not supported: nothing would enforce this file",
        ),
        (
            &["--user", "default", "on", "nopass", "~*", "-@all"],
            "user \"default\" \"on\" \"nopass\" \"~*\" \"-@all\"",
            "rules for users are not supported, and the default user may do everything: '-@all' cannot be \
             enforced",
        ),
        (
            &["--sentinel", "monitor", "m", "host", "1", "2"],
            "sentinel \"monitor\" \"m\" \"host\" \"1\" \"2\"",
            "Sentinel is not supported: this is a standalone server",
        ),
    ] {
        assert_eq!(
            load_error(arguments),
            format!(
                "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.1) ***\n\
                 Reading the command line\n>>> '{text}'\n{reason}"
            )
        );
    }
    // What stands later takes it back.
    for arguments in [
        &["--cluster-enabled", "yes", "--cluster-enabled", "no"][..],
        &["--tls-port", "1", "--tls-port", "0"],
        &["--aclfile", "x", "--aclfile", ""],
    ] {
        assert!(load_all(arguments, &[], "").unwrap().notices.is_empty());
    }
}

#[test]
fn wrong_lines_are_reported_as_redis_does() {
    const LINE: &str = "the command line";
    for (arguments, stdin, place, text, reason) in [
        (
            &["--foo", "bar"][..],
            "",
            LINE,
            "foo \"bar\"",
            "Bad directive or wrong number of arguments",
        ),
        (
            &["--maxmemry", "1"],
            "",
            LINE,
            "maxmemry \"1\"",
            "Bad directive or wrong number of arguments\nDid you mean 'maxmemory'?",
        ),
        (&["--port"], "", LINE, "port", "wrong number of arguments"),
        (
            &["--port", "1", "2"],
            "",
            LINE,
            "port \"1\" \"2\"",
            "wrong number of arguments",
        ),
        (
            &["--hz", "1", "--port", "x"],
            "",
            LINE,
            "port \"x\"",
            "argument couldn't be parsed into an integer",
        ),
        (
            &["-"],
            "hz 1\nport 'x\n",
            "the configuration on standard input, at line 2",
            "port 'x",
            "Unbalanced quotes in configuration line",
        ),
        (
            &["-", "--unixsocketperm", "9"],
            "hz 1\nhz 2\n",
            LINE,
            "unixsocketperm \"9\"",
            "argument couldn't be parsed as an octal number",
        ),
        (
            &["--unixsocketperm 1000"],
            "",
            LINE,
            "unixsocketperm 1000",
            "argument must be between 0 and 777 inclusive",
        ),
        (
            &["--appendfilename", ""],
            "",
            LINE,
            "appendfilename \"\"",
            "appendfilename can't be empty",
        ),
        (
            &["--appenddirname", "a/b"],
            "",
            LINE,
            "appenddirname \"a/b\"",
            "appenddirname can't be a path, just a dirname",
        ),
        (
            &["--dbfilename", "a/b"],
            "",
            LINE,
            "dbfilename \"a/b\"",
            "dbfilename can't be a path, just a filename",
        ),
        (
            &["--dir", "/no/such/place"],
            "",
            LINE,
            "dir \"/no/such/place\"",
            "No such file or directory",
        ),
        (
            &["--replicaof", "h", "x"],
            "",
            LINE,
            "replicaof \"h\" \"x\"",
            "Invalid master port",
        ),
        (
            &["--some.module"],
            "",
            LINE,
            "some.module",
            "Module config specified without value",
        ),
        (
            &["-p", "1"],
            "",
            LINE,
            "\"-p\" \"1\"",
            "Bad directive or wrong number of arguments\n\
             Settings have two dashes in front, as in --port 6379",
        ),
        (
            &["-maxmem", "1"],
            "",
            LINE,
            "\"-maxmem\" \"1\"",
            "Bad directive or wrong number of arguments\nDid you mean '--maxmemory'?",
        ),
        (
            &["--port=1"],
            "",
            LINE,
            "port=1",
            "Bad directive or wrong number of arguments\nDid you mean 'port 1', without '='?",
        ),
    ] {
        let error = load_all(arguments, &[], stdin).unwrap_err();
        let expected = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.1) ***\n\
             Reading {place}\n>>> '{text}'\n{reason}"
        );
        assert_eq!(error.to_string(), expected, "{arguments:?}");
    }
    assert_eq!(
        load_error(&["maxclients", "5"]),
        "Fatal error, can't open config file 'maxclients': No such file or directory \
         (the setting is --maxclients)"
    );
    assert_eq!(
        load_error(&["/no/such.conf"]),
        "Fatal error, can't open config file '/no/such.conf': No such file or directory"
    );
}

#[test]
fn files_include_files() {
    let dir = std::env::temp_dir().join(format!("redouble-include-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let main = path("main.conf");
    let lines = [
        format!("include {}", path("one.conf")),
        format!("include {}", path("part-*.conf")),
        format!("include {}", path("none-*.conf")),
        "hz 20".to_owned(),
    ];
    std::fs::write(&main, lines.join("\n")).unwrap();
    std::fs::write(path("one.conf"), "port 1\nhz 1").unwrap();
    std::fs::write(path("part-a.conf"), "timeout 1\nmaxclients 1\n").unwrap();
    std::fs::write(path("part-b.conf"), "timeout 2\n").unwrap();
    std::fs::write(path("self.conf"), format!("include {}", path("self.conf"))).unwrap();
    std::fs::create_dir_all(path("inner")).unwrap();
    std::fs::write(path("inner/inner.conf"), "hz 1\n\nhtz 2\n").unwrap();
    let config = load_arguments(&[&main]);
    let found = (
        config.port(),
        config.timeout(),
        config.maxclients(),
        config.hz(),
    );
    let endless = load_error(&[&path("self.conf")]);
    let text = format!("dir {}\ndir inner\ninclude inner.conf", path(""));
    let wrong = load_all(&["-"], &[], &text).unwrap_err().to_string();
    let inner = load_all(&["-"], &[], &text.replace("include inner.conf", "")).unwrap();
    let inner = inner.config.dir().map(|dir| dir.ends_with("inner"));
    let missing = load_all(&["-"], &[], "include /no/such.conf")
        .unwrap_err()
        .to_string();
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(found, (1, 2, 1, 20));
    // Each file has its own name and lines, and relative names begin at the last `dir`, as in Redis.
    assert_eq!(inner, Some(true));
    assert!(
        wrong.contains("/inner/inner.conf', at line 3\n>>> 'htz 2'"),
        "{wrong}"
    );
    assert!(
        endless.ends_with("include is nested too deeply"),
        "{endless}"
    );
    assert!(missing.starts_with("Fatal error, can't open config file '/no/such.conf'"));
}

#[test]
fn arguments_need_not_be_text() {
    let password = OsString::from_vec(vec![0xff, 0, b'\n', b'"']);
    let loaded = load(Sources {
        arguments: vec!["--requirepass".into(), password],
        environment: Vec::new(),
        stdin: std::io::empty(),
    });
    let password = loaded.unwrap().config.requirepass();
    assert_eq!(password.as_deref(), Some(&[0xff, 0, b'\n', b'"'][..]));
}

#[test]
fn of_a_setting_and_its_old_name_the_last_counts() {
    let config = Config::default();
    for (pairs, entries) in [
        (
            [
                ("hash-max-ziplist-entries", "128"),
                ("hash-max-listpack-entries", "512"),
            ],
            512,
        ),
        (
            [
                ("hash-max-listpack-entries", "5"),
                ("hash-max-ziplist-entries", "6"),
            ],
            6,
        ),
    ] {
        config.set(&pairs).expect("both names are known");
        assert_eq!(config.hash_max_listpack_entries(), entries);
    }
}
