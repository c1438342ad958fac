//! Every setting, declared once. CONFIG GET and SET, `redis.conf`, the command line and the
//! environment all read this table and nothing else.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// One setting: its names, its type with limits and default, and where it may be changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub name: &'static str,
    pub alias: Option<&'static str>,
    pub kind: Kind,
    /// Can be given at start-up only.
    pub fixed: bool,
    /// Shown by CONFIG GET to those who name it in full, never to a pattern.
    pub hidden: bool,
    /// CONFIG SET needs `enable-protected-configs`.
    pub protected: bool,
    /// The value is a password: keep it out of logs.
    pub secret: bool,
    /// The server acts on it. Others are accepted, kept and shown, and do nothing.
    pub used: bool,
}

/// The type of a setting's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Flag(bool),
    Number(Number),
    Choice(Choices, &'static str),
    /// Several of the choices at once, each a bit.
    Flags(Choices, &'static str),
    Text(&'static str, Check),
    Special(Special),
}

/// What may be chosen, and the number kept for it. Two names may share a number; the first is
/// shown then.
pub(crate) type Choices = &'static [(&'static str, u64)];

/// A whole number with its limits, both included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub default: i64,
    pub min: i128,
    pub max: i128,
    pub unit: Unit,
    /// Compared as unsigned, so that what wraps below zero counts as too large.
    pub unsigned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    None,
    /// Bytes, with `k`, `kb`, `m`, `mb`, `g`, `gb`.
    Memory,
    /// Bytes, or a share written `5%` and kept as -5.
    MemoryOrPercent,
    Octal,
}

/// A further condition on a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    None,
    DbFileName,
    AofFileName,
    AofDirName,
    HostName,
    NodeName,
    ProcTitle,
}

/// Settings with a grammar of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    Bind,
    ClientOutputBufferLimit,
    Dir,
    LatencyTrackingInfoPercentiles,
    NotifyKeyspaceEvents,
    OomScoreAdjValues,
    Replicaof,
    Save,
}

impl Setting {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Setting {
            name,
            alias: None,
            kind,
            fixed: false,
            hidden: false,
            protected: false,
            secret: false,
            used: false,
        }
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    const fn fixed(mut self) -> Self {
        self.fixed = true;
        self
    }

    const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    const fn protected(mut self) -> Self {
        self.protected = true;
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn used(mut self) -> Self {
        self.used = true;
        self
    }

    const fn unsigned(mut self) -> Self {
        if let Kind::Number(ref mut number) = self.kind {
            number.unsigned = true;
        }
        self
    }

    const fn check(mut self, wanted: Check) -> Self {
        if let Kind::Text(_, ref mut check) = self.kind {
            *check = wanted;
        }
        self
    }

    /// Whether the value may be several words: a list of numbers, addresses, limits or choices.
    pub fn takes_many(&self) -> bool {
        match self.kind {
            Kind::Flags(..) => true,
            Kind::Special(special) => {
                !matches!(special, Special::Dir | Special::NotifyKeyspaceEvents)
            }
            _ => false,
        }
    }
}

const fn flag(name: &'static str, default: bool) -> Setting {
    Setting::new(name, Kind::Flag(default))
}

const fn with_unit(
    name: &'static str,
    default: i64,
    range: RangeInclusive<i128>,
    unit: Unit,
) -> Setting {
    let (min, max) = (*range.start(), *range.end());
    Setting::new(
        name,
        Kind::Number(Number {
            default,
            min,
            max,
            unit,
            unsigned: false,
        }),
    )
}

const fn number(name: &'static str, default: i64, range: RangeInclusive<i128>) -> Setting {
    with_unit(name, default, range, Unit::None)
}

const fn memory(name: &'static str, default: i128, range: RangeInclusive<i128>) -> Setting {
    with_unit(name, default as i64, range, Unit::Memory)
}

const fn memory_or_percent(
    name: &'static str,
    default: i64,
    range: RangeInclusive<i128>,
) -> Setting {
    with_unit(name, default, range, Unit::MemoryOrPercent)
}

const fn octal(name: &'static str, default: i64, range: RangeInclusive<i128>) -> Setting {
    with_unit(name, default, range, Unit::Octal)
}

const fn choice(name: &'static str, choices: Choices, default: &'static str) -> Setting {
    Setting::new(name, Kind::Choice(choices, default))
}

const fn flags(name: &'static str, choices: Choices, default: &'static str) -> Setting {
    Setting::new(name, Kind::Flags(choices, default))
}

const fn text(name: &'static str, default: &'static str) -> Setting {
    Setting::new(name, Kind::Text(default, Check::None))
}

const fn special(name: &'static str, special: Special) -> Setting {
    Setting::new(name, Kind::Special(special))
}

const I32: i128 = i32::MAX as i128;
const U32: i128 = u32::MAX as i128;
const I64: i128 = i64::MAX as i128;
const U64: i128 = u64::MAX as i128;
const MB: i128 = 1 << 20;
const GB: i128 = 1 << 30;

pub(crate) const MAXMEMORY_POLICY: Choices = &[
    ("volatile-lru", 0),
    ("volatile-lfu", 1),
    ("volatile-random", 2),
    ("volatile-ttl", 3),
    ("allkeys-lru", 4),
    ("allkeys-lfu", 5),
    ("allkeys-random", 6),
    ("noeviction", 7),
];
pub(crate) const LOGLEVEL: Choices = &[
    ("debug", 0),
    ("verbose", 1),
    ("notice", 2),
    ("warning", 3),
    ("nothing", 4),
];
pub(crate) const PROTECTED_ACTION: Choices = &[("no", 0), ("yes", 1), ("local", 2)];
const ACL_PUBSUB_DEFAULT: Choices = &[("allchannels", 1), ("resetchannels", 0)];
const AOF_FSYNC: Choices = &[("everysec", 0), ("always", 1), ("no", 2)];
const CLUSTER_PREFERRED_ENDPOINT_TYPE: Choices =
    &[("ip", 0), ("hostname", 1), ("unknown-endpoint", 2)];
const OOM_SCORE_ADJ: Choices = &[("no", 0), ("yes", 1), ("relative", 1), ("absolute", 2)];
const PROPAGATION_ERROR_BEHAVIOR: Choices =
    &[("ignore", 0), ("panic", 1), ("panic-on-replicas", 2)];
const REPL_DISKLESS_LOAD: Choices = &[("disabled", 0), ("on-empty-db", 1), ("swapdb", 2)];
const SANITIZE_DUMP_PAYLOAD: Choices = &[("no", 0), ("yes", 1), ("clients", 2)];
const SHUTDOWN_ON_SIG: Choices = &[
    ("default", 0),
    ("save", SHUTDOWN_SAVE),
    ("nosave", SHUTDOWN_NOSAVE),
    ("now", 4),
    ("force", 8),
];
pub(crate) const SHUTDOWN_SAVE: u64 = 1;
pub(crate) const SHUTDOWN_NOSAVE: u64 = 2;
const SUPERVISED_MODE: Choices = &[("upstart", 0), ("systemd", 1), ("auto", 2), ("no", 3)];
const SYSLOG_FACILITY: Choices = &[
    ("user", 0),
    ("local0", 1),
    ("local1", 2),
    ("local2", 3),
    ("local3", 4),
    ("local4", 5),
    ("local5", 6),
    ("local6", 7),
    ("local7", 8),
];
const TLS_AUTH_CLIENTS: Choices = &[("no", 0), ("yes", 1), ("optional", 2)];

/// Makes the settings' identities and, in the same order, their table.
macro_rules! settings {
    ($($id:ident => $setting:expr;)*) => {
        /// A setting's identity: its place in [`SETTINGS`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(clippy::enum_variant_names, reason = "one setting's name ends in -id")]
        pub(crate) enum Id { $($id),* }

        const ALL: &[Id] = &[$(Id::$id),*];

        /// How many settings there are.
        pub(crate) const COUNT: usize = ALL.len();

        /// All settings, by name.
        pub(crate) static SETTINGS: [Setting; COUNT] = [$($setting),*];
    };
}

impl Id {
    /// The setting's declaration.
    pub fn setting(self) -> &'static Setting {
        &SETTINGS[self as usize]
    }

    /// All settings, by name.
    pub fn all() -> &'static [Id] {
        ALL
    }

    /// Whether this is the setting's name or alias, in any case.
    pub fn is_called(self, name: &[u8]) -> bool {
        Id::find(name).is_some_and(|(_, id)| id == self)
    }

    /// The setting of this name or alias, in any case, with the name as declared.
    pub fn find(name: &[u8]) -> Option<(&'static str, Id)> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        NAMES
            .get_key_value(name.as_str())
            .map(|(&name, &id)| (name, id))
    }
}

/// Names and aliases, in alphabetical order.
pub(crate) static NAMES: LazyLock<BTreeMap<&'static str, Id>> = LazyLock::new(|| {
    let names = ALL.iter().map(|&id| (id.setting().name, id));
    let aliases = ALL.iter().filter_map(|&id| Some((id.setting().alias?, id)));
    names.chain(aliases).collect()
});

settings! {
    AclPubsubDefault => choice("acl-pubsub-default", ACL_PUBSUB_DEFAULT, "resetchannels");
    Aclfile => text("aclfile", "").fixed();
    AcllogMaxLen => number("acllog-max-len", 128, 0..=I64).used();
    ActiveDefragCycleMax => number("active-defrag-cycle-max", 25, 1..=99);
    ActiveDefragCycleMin => number("active-defrag-cycle-min", 1, 1..=99);
    ActiveDefragIgnoreBytes => memory("active-defrag-ignore-bytes", 100 * MB, 1..=I64).unsigned();
    ActiveDefragMaxScanFields => number("active-defrag-max-scan-fields", 1000, 1..=I64);
    ActiveDefragThresholdLower => number("active-defrag-threshold-lower", 10, 0..=1000);
    ActiveDefragThresholdUpper => number("active-defrag-threshold-upper", 100, 0..=1000);
    ActiveExpireEffort => number("active-expire-effort", 1, 1..=10);
    Activedefrag => flag("activedefrag", false);
    Activerehashing => flag("activerehashing", true);
    AlwaysShowLogo => flag("always-show-logo", false).fixed();
    AofDisableAutoGc => flag("aof-disable-auto-gc", false).hidden();
    AofLoadTruncated => flag("aof-load-truncated", true);
    AofRewriteCpulist => text("aof-rewrite-cpulist", "").alias("aof_rewrite_cpulist").fixed();
    AofRewriteIncrementalFsync => flag("aof-rewrite-incremental-fsync", true);
    AofTimestampEnabled => flag("aof-timestamp-enabled", false);
    AofUseRdbPreamble => flag("aof-use-rdb-preamble", true);
    Appenddirname => text("appenddirname", "appendonlydir").check(Check::AofDirName).fixed();
    Appendfilename => text("appendfilename", "appendonly.aof").check(Check::AofFileName).fixed();
    Appendfsync => choice("appendfsync", AOF_FSYNC, "everysec");
    Appendonly => flag("appendonly", false);
    AutoAofRewriteMinSize => memory("auto-aof-rewrite-min-size", 64 * MB, 0..=I64);
    AutoAofRewritePercentage => number("auto-aof-rewrite-percentage", 100, 0..=I32);
    BgsaveCpulist => text("bgsave-cpulist", "").alias("bgsave_cpulist").fixed();
    Bind => special("bind", Special::Bind).used();
    BindSourceAddr => text("bind-source-addr", "");
    BioCpulist => text("bio-cpulist", "").alias("bio_cpulist").fixed();
    BusyReplyThreshold => number("busy-reply-threshold", 5000, 0..=I64)
        .alias("lua-time-limit").used();
    ClientOutputBufferLimit =>
        special("client-output-buffer-limit", Special::ClientOutputBufferLimit).used();
    ClientQueryBufferLimit => memory("client-query-buffer-limit", GB, MB..=I64).unsigned().used();
    ClusterAllowPubsubshardWhenDown => flag("cluster-allow-pubsubshard-when-down", true);
    ClusterAllowReadsWhenDown => flag("cluster-allow-reads-when-down", false);
    ClusterAllowReplicaMigration => flag("cluster-allow-replica-migration", true);
    ClusterAnnounceBusPort => number("cluster-announce-bus-port", 0, 0..=65535);
    ClusterAnnounceHostname => text("cluster-announce-hostname", "").check(Check::HostName);
    ClusterAnnounceHumanNodename => text("cluster-announce-human-nodename", "")
        .check(Check::NodeName);
    ClusterAnnounceIp => text("cluster-announce-ip", "");
    ClusterAnnouncePort => number("cluster-announce-port", 0, 0..=65535);
    ClusterAnnounceTlsPort => number("cluster-announce-tls-port", 0, 0..=65535);
    ClusterConfigFile => text("cluster-config-file", "nodes.conf").fixed();
    ClusterEnabled => flag("cluster-enabled", false).fixed();
    ClusterLinkSendbufLimit => memory("cluster-link-sendbuf-limit", 0, 0..=U64).unsigned();
    ClusterMigrationBarrier => number("cluster-migration-barrier", 1, 0..=I32);
    ClusterNodeTimeout => number("cluster-node-timeout", 15000, 0..=I64);
    ClusterPingInterval => number("cluster-ping-interval", 0, 0..=I64).hidden();
    ClusterPort => number("cluster-port", 0, 0..=65535).fixed();
    ClusterPreferredEndpointType =>
        choice("cluster-preferred-endpoint-type", CLUSTER_PREFERRED_ENDPOINT_TYPE, "ip");
    ClusterReplicaNoFailover => flag("cluster-replica-no-failover", false)
        .alias("cluster-slave-no-failover");
    ClusterReplicaValidityFactor => number("cluster-replica-validity-factor", 10, 0..=I32)
        .alias("cluster-slave-validity-factor");
    ClusterRequireFullCoverage => flag("cluster-require-full-coverage", true);
    CrashLogEnabled => flag("crash-log-enabled", true);
    CrashMemcheckEnabled => flag("crash-memcheck-enabled", true);
    Daemonize => flag("daemonize", false).fixed().used();
    Databases => number("databases", 16, 1..=I32).fixed().used();
    Dbfilename => text("dbfilename", "dump.rdb").check(Check::DbFileName).protected();
    Dir => special("dir", Special::Dir).protected().used();
    DisableThp => flag("disable-thp", true).fixed();
    DynamicHz => flag("dynamic-hz", true);
    EnableDebugCommand => choice("enable-debug-command", PROTECTED_ACTION, "no").fixed().used();
    EnableModuleCommand => choice("enable-module-command", PROTECTED_ACTION, "no").fixed().used();
    EnableProtectedConfigs => choice("enable-protected-configs", PROTECTED_ACTION, "no")
        .fixed().used();
    HashMaxListpackEntries => number("hash-max-listpack-entries", 512, 0..=I64)
        .unsigned().alias("hash-max-ziplist-entries").used();
    HashMaxListpackValue => memory("hash-max-listpack-value", 64, 0..=I64)
        .unsigned().alias("hash-max-ziplist-value").used();
    HideUserDataFromLog => flag("hide-user-data-from-log", false);
    HllSparseMaxBytes => memory("hll-sparse-max-bytes", 3000, 0..=I64).unsigned().used();
    Hz => number("hz", 10, 0..=I32).used();
    IgnoreWarnings => text("ignore-warnings", "");
    IoThreads => number("io-threads", 1, 1..=128).fixed();
    IoThreadsDoReads => flag("io-threads-do-reads", false).fixed();
    JemallocBgThread => flag("jemalloc-bg-thread", true);
    KeyLoadDelay => number("key-load-delay", 0, -I32 - 1..=I32).hidden();
    LatencyMonitorThreshold => number("latency-monitor-threshold", 0, 0..=I64).used();
    LatencyTracking => flag("latency-tracking", true).used();
    LatencyTrackingInfoPercentiles =>
        special("latency-tracking-info-percentiles", Special::LatencyTrackingInfoPercentiles).used();
    LazyfreeLazyEviction => flag("lazyfree-lazy-eviction", false);
    LazyfreeLazyExpire => flag("lazyfree-lazy-expire", false);
    LazyfreeLazyServerDel => flag("lazyfree-lazy-server-del", false);
    LazyfreeLazyUserDel => flag("lazyfree-lazy-user-del", false);
    LazyfreeLazyUserFlush => flag("lazyfree-lazy-user-flush", false).used();
    LfuDecayTime => number("lfu-decay-time", 1, 0..=I32).used();
    LfuLogFactor => number("lfu-log-factor", 10, 0..=I32).used();
    ListCompressDepth => number("list-compress-depth", 0, 0..=I32);
    ListMaxListpackSize => number("list-max-listpack-size", -2, -I32 - 1..=I32)
        .alias("list-max-ziplist-size");
    LoadingProcessEventsIntervalBytes =>
        number("loading-process-events-interval-bytes", 2 << 20, 1024..=I32).hidden();
    LocaleCollate => text("locale-collate", "");
    Logfile => text("logfile", "").fixed().used();
    Loglevel => choice("loglevel", LOGLEVEL, "notice").used();
    Masterauth => text("masterauth", "").secret();
    Masteruser => text("masteruser", "").secret();
    MaxNewConnectionsPerCycle => number("max-new-connections-per-cycle", 10, 1..=1000).unsigned();
    MaxNewTlsConnectionsPerCycle => number("max-new-tls-connections-per-cycle", 1, 1..=1000)
        .unsigned();
    Maxclients => number("maxclients", 10000, 1..=U32).unsigned().used();
    Maxmemory => memory("maxmemory", 0, 0..=U64).unsigned().used();
    MaxmemoryClients => memory_or_percent("maxmemory-clients", 0, -100..=I64);
    MaxmemoryEvictionTenacity => number("maxmemory-eviction-tenacity", 10, 0..=100);
    MaxmemoryPolicy => choice("maxmemory-policy", MAXMEMORY_POLICY, "noeviction").used();
    MaxmemorySamples => number("maxmemory-samples", 5, 1..=64).used();
    MinReplicasMaxLag => number("min-replicas-max-lag", 10, 0..=I32).alias("min-slaves-max-lag");
    MinReplicasToWrite => number("min-replicas-to-write", 0, 0..=I32).alias("min-slaves-to-write");
    NoAppendfsyncOnRewrite => flag("no-appendfsync-on-rewrite", false);
    NotifyKeyspaceEvents => special("notify-keyspace-events", Special::NotifyKeyspaceEvents).used();
    OomScoreAdj => choice("oom-score-adj", OOM_SCORE_ADJ, "no");
    OomScoreAdjValues => special("oom-score-adj-values", Special::OomScoreAdjValues);
    Pidfile => text("pidfile", "").fixed().used();
    Port => number("port", 6379, 0..=65535).used();
    ProcTitleTemplate => text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .check(Check::ProcTitle);
    PropagationErrorBehavior =>
        choice("propagation-error-behavior", PROPAGATION_ERROR_BEHAVIOR, "ignore");
    ProtectedMode => flag("protected-mode", true).used();
    ProtoMaxBulkLen => memory("proto-max-bulk-len", 512 * MB, MB..=I64).used();
    RdbDelSyncFiles => flag("rdb-del-sync-files", false);
    RdbKeySaveDelay => number("rdb-key-save-delay", 0, -I32 - 1..=I32).hidden();
    RdbSaveIncrementalFsync => flag("rdb-save-incremental-fsync", true);
    Rdbchecksum => flag("rdbchecksum", true).fixed();
    Rdbcompression => flag("rdbcompression", true).used();
    ReplBacklogSize => memory("repl-backlog-size", MB, 1..=I64);
    ReplBacklogTtl => number("repl-backlog-ttl", 3600, 0..=I64);
    ReplDisableTcpNodelay => flag("repl-disable-tcp-nodelay", false);
    ReplDisklessLoad => choice("repl-diskless-load", REPL_DISKLESS_LOAD, "disabled");
    ReplDisklessSync => flag("repl-diskless-sync", true);
    ReplDisklessSyncDelay => number("repl-diskless-sync-delay", 5, 0..=I32);
    ReplDisklessSyncMaxReplicas => number("repl-diskless-sync-max-replicas", 0, 0..=I32);
    ReplPingReplicaPeriod => number("repl-ping-replica-period", 10, 1..=I32)
        .alias("repl-ping-slave-period");
    ReplTimeout => number("repl-timeout", 60, 1..=I32);
    ReplicaAnnounceIp => text("replica-announce-ip", "").alias("slave-announce-ip");
    ReplicaAnnouncePort => number("replica-announce-port", 0, 0..=65535)
        .alias("slave-announce-port");
    ReplicaAnnounced => flag("replica-announced", true);
    ReplicaIgnoreDiskWriteErrors => flag("replica-ignore-disk-write-errors", false);
    ReplicaIgnoreMaxmemory => flag("replica-ignore-maxmemory", true)
        .alias("slave-ignore-maxmemory");
    ReplicaLazyFlush => flag("replica-lazy-flush", false).alias("slave-lazy-flush");
    ReplicaPriority => number("replica-priority", 100, 0..=I32).alias("slave-priority");
    ReplicaReadOnly => flag("replica-read-only", true).alias("slave-read-only");
    ReplicaServeStaleData => flag("replica-serve-stale-data", true).alias("slave-serve-stale-data");
    Replicaof => special("replicaof", Special::Replicaof).alias("slaveof").fixed();
    Requirepass => text("requirepass", "").secret().used();
    SanitizeDumpPayload => choice("sanitize-dump-payload", SANITIZE_DUMP_PAYLOAD, "no");
    Save => special("save", Special::Save);
    ServerCpulist => text("server-cpulist", "").alias("server_cpulist").fixed();
    SetMaxIntsetEntries => number("set-max-intset-entries", 512, 0..=I64).unsigned().used();
    SetMaxListpackEntries => number("set-max-listpack-entries", 128, 0..=I64).unsigned().used();
    SetMaxListpackValue => number("set-max-listpack-value", 64, 0..=I64).unsigned().used();
    SetProcTitle => flag("set-proc-title", true).fixed();
    ShutdownOnSigint => flags("shutdown-on-sigint", SHUTDOWN_ON_SIG, "default");
    ShutdownOnSigterm => flags("shutdown-on-sigterm", SHUTDOWN_ON_SIG, "default");
    ShutdownTimeout => number("shutdown-timeout", 10, 0..=I32);
    SlowlogLogSlowerThan => number("slowlog-log-slower-than", 10000, -1..=I64).used();
    SlowlogMaxLen => number("slowlog-max-len", 128, 0..=I64).used();
    SocketMarkId => number("socket-mark-id", 0, 0..=U32).unsigned().fixed();
    StopWritesOnBgsaveError => flag("stop-writes-on-bgsave-error", true);
    StreamNodeMaxBytes => memory("stream-node-max-bytes", 4096, 0..=I64).unsigned();
    StreamNodeMaxEntries => number("stream-node-max-entries", 100, 0..=I64);
    Supervised => choice("supervised", SUPERVISED_MODE, "no").fixed();
    SyslogEnabled => flag("syslog-enabled", false).fixed();
    SyslogFacility => choice("syslog-facility", SYSLOG_FACILITY, "local0").fixed();
    SyslogIdent => text("syslog-ident", "redis").fixed();
    TcpBacklog => number("tcp-backlog", 511, 0..=I32).fixed().used();
    TcpKeepalive => number("tcp-keepalive", 300, 0..=I32).used();
    Threads => number("threads", 0, 1..=64).fixed().used();
    Timeout => number("timeout", 0, 0..=I32).used();
    TlsAuthClients => choice("tls-auth-clients", TLS_AUTH_CLIENTS, "yes");
    TlsCaCertDir => text("tls-ca-cert-dir", "");
    TlsCaCertFile => text("tls-ca-cert-file", "");
    TlsCertFile => text("tls-cert-file", "");
    TlsCiphers => text("tls-ciphers", "");
    TlsCiphersuites => text("tls-ciphersuites", "");
    TlsClientCertFile => text("tls-client-cert-file", "");
    TlsClientKeyFile => text("tls-client-key-file", "");
    TlsClientKeyFilePass => text("tls-client-key-file-pass", "").secret();
    TlsCluster => flag("tls-cluster", false);
    TlsDhParamsFile => text("tls-dh-params-file", "");
    TlsKeyFile => text("tls-key-file", "");
    TlsKeyFilePass => text("tls-key-file-pass", "").secret();
    TlsPort => number("tls-port", 0, 0..=65535);
    TlsPreferServerCiphers => flag("tls-prefer-server-ciphers", false);
    TlsProtocols => text("tls-protocols", "");
    TlsReplication => flag("tls-replication", false);
    TlsSessionCacheSize => number("tls-session-cache-size", 20480, 0..=I32);
    TlsSessionCacheTimeout => number("tls-session-cache-timeout", 300, 0..=I32);
    TlsSessionCaching => flag("tls-session-caching", true);
    TrackingTableMaxKeys => number("tracking-table-max-keys", 1_000_000, 0..=I64)
        .unsigned().used();
    Unixsocket => text("unixsocket", "").fixed().used();
    Unixsocketperm => octal("unixsocketperm", 0, 0..=0o777).unsigned().fixed().used();
    UseExitOnPanic => flag("use-exit-on-panic", false).hidden();
    WatchdogPeriod => number("watchdog-period", 0, 0..=I32).hidden();
    ZsetMaxListpackEntries => number("zset-max-listpack-entries", 128, 0..=I64)
        .unsigned().alias("zset-max-ziplist-entries").used();
    ZsetMaxListpackValue => memory("zset-max-listpack-value", 64, 0..=I64)
        .unsigned().alias("zset-max-ziplist-value").used();
}
