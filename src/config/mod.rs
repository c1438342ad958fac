//! The server's settings: what CONFIG GET and SET, `redis.conf`, the command line and the
//! environment read and write.
//!
//! Each setting is declared once, in `table.rs`. [`Config`] holds the values; what the server asks
//! for often is one relaxed load. All methods take `&self`: share it as `Arc<Config>`.

mod load;
pub mod notify;
mod rewrite;
mod table;
#[cfg(test)]
mod tests;
mod user;
mod value;
mod words;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};

pub use load::{LoadError, Loaded, Sources, load};
pub(crate) use value::parse_memory;
pub use value::{OutputLimit, os_text};
pub use words::quote;

use crate::types::glob;
use table::{COUNT, Id, NAMES};
use value::{Value, format, parse};

/// The version of Redis whose behaviour is followed.
pub const REDIS_VERSION: &str = "7.4.1";

/// A number that names the build: the same for the same version on every machine.
pub fn build_id() -> u64 {
    // FNV-1a.
    let version = env!("CARGO_PKG_VERSION").bytes();
    version.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// All settings with their values.
pub struct Config {
    /// Numbers, flags and choices, by [`Id`].
    numbers: [AtomicU64; COUNT],
    /// Texts, by [`Id`]; empty for settings of other types.
    texts: RwLock<Box<[Arc<[u8]>]>>,
    limits: RwLock<[OutputLimit; 3]>,
    /// The least of `limits` that is one.
    least_limit: AtomicU64,
    has_password: AtomicBool,
    /// See [`Config::slow_command`].
    slow_command: AtomicU64,
    /// Held while values change, so that two CONFIG SET do not mix.
    changing: Mutex<()>,
    file: Option<PathBuf>,
}

/// Why CONFIG SET changed nothing. Displays as the error that the client is sent, without the
/// leading `-`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no such setting.
    #[error("ERR Unknown option or number of arguments for CONFIG SET - '{}'", String::from_utf8_lossy(.0))]
    Unknown(Vec<u8>),
    /// The setting exists and refused the value.
    #[error("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")]
    Refused {
        /// The setting, as the client or the table names it.
        name: String,
        /// Why.
        reason: String,
    },
}

const IMMUTABLE: &str = "can't set immutable config";

impl ConfigError {
    fn refused(name: &[u8], reason: impl Into<String>) -> Self {
        ConfigError::Refused {
            name: String::from_utf8_lossy(name).into_owned(),
            reason: reason.into(),
        }
    }
}

/// What to evict when memory is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MaxmemoryPolicy {
    /// The key with a TTL that was used longest ago.
    VolatileLru,
    /// The key with a TTL that is used least often.
    VolatileLfu,
    /// Any key with a TTL.
    VolatileRandom,
    /// The key that would expire first.
    VolatileTtl,
    /// The key that was used longest ago.
    AllkeysLru,
    /// The key that is used least often.
    AllkeysLfu,
    /// Any key.
    AllkeysRandom,
    /// None: commands that need memory fail.
    NoEviction,
}

impl MaxmemoryPolicy {
    /// The name in CONFIG and INFO.
    pub fn name(self) -> &'static str {
        value::choice_name(table::MAXMEMORY_POLICY, self as u64)
    }

    /// Whether keys are judged by how often they are used, and not by when.
    pub fn is_lfu(self) -> bool {
        matches!(self, Self::VolatileLfu | Self::AllkeysLfu)
    }

    /// Whether keys are judged by their access clock: when, or how often, they are used.
    pub fn needs_clock(self) -> bool {
        self.is_lfu() || matches!(self, Self::VolatileLru | Self::AllkeysLru)
    }

    /// Whether only keys with a TTL may go.
    pub fn is_volatile(self) -> bool {
        (self as u64) <= Self::VolatileTtl as u64
    }

    fn from_number(number: u64) -> Self {
        match number {
            0 => Self::VolatileLru,
            1 => Self::VolatileLfu,
            2 => Self::VolatileRandom,
            3 => Self::VolatileTtl,
            4 => Self::AllkeysLru,
            5 => Self::AllkeysLfu,
            6 => Self::AllkeysRandom,
            _ => Self::NoEviction,
        }
    }
}

/// How much is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Everything.
    Debug,
    /// Much that is rarely useful.
    Verbose,
    /// What one wants to know in production.
    Notice,
    /// Only what is important.
    Warning,
    /// Nothing.
    Nothing,
}

/// Who may use a command that can harm, such as DEBUG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nobody.
    No,
    /// Everybody.
    Yes,
    /// Clients on this machine.
    Local,
}

impl Permission {
    /// Whether a client may, given whether it is on this machine.
    pub fn allows(self, client_is_local: bool) -> bool {
        match self {
            Permission::No => false,
            Permission::Yes => true,
            Permission::Local => client_is_local,
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            0 => Permission::No,
            1 => Permission::Yes,
            _ => Permission::Local,
        }
    }
}

/// Clients that have an output limit of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientClass {
    /// All that are not of another class.
    Normal,
    /// Replicas.
    Replica,
    /// Clients that are subscribed to a channel or pattern.
    PubSub,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut map = out.debug_map();
        for &id in Id::all() {
            let value = match id.setting().secret {
                true => "…".into(),
                false => String::from_utf8_lossy(&format(id, &self.value(id))).into_owned(),
            };
            map.entry(&id.setting().name, &value);
        }
        map.finish()
    }
}

impl Config {
    /// All settings at their defaults.
    pub fn new() -> Self {
        let config = Config {
            numbers: std::array::from_fn(|_| AtomicU64::new(0)),
            texts: RwLock::new(vec![Arc::from(&b""[..]); COUNT].into()),
            limits: RwLock::default(),
            least_limit: AtomicU64::new(u64::MAX),
            has_password: AtomicBool::new(false),
            slow_command: AtomicU64::new(u64::MAX),
            changing: Mutex::new(()),
            file: None,
        };
        for &id in Id::all() {
            config.store(id, &value::default_value(id));
        }
        config
    }

    /// Settings with the given changes, fixed ones included. For programs that embed the server
    /// and for tests.
    ///
    /// # Errors
    /// As [`Config::set`].
    pub fn with(pairs: &[(&str, &str)]) -> Result<Self, ConfigError> {
        let config = Self::new();
        for (name, value) in pairs {
            let Some((known, id)) = Id::find(name.as_bytes()) else {
                return Err(ConfigError::Unknown((*name).into()));
            };
            let words = words_of(id, value.as_bytes());
            let value = parse(id, &words, &config.value(id))
                .map_err(|reason| ConfigError::refused(known.as_bytes(), reason))?;
            config.store(id, &value);
        }
        Ok(config)
    }

    /// CONFIG GET: names with values. Names without `*`, `?` or `[` come back as they were given;
    /// each pattern's names come in alphabetical order. Each name is there once.
    pub fn get(&self, patterns: &[impl AsRef<[u8]>]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
                if let Some((name, id)) = Id::find(pattern)
                    && seen.insert(name)
                {
                    found.push((pattern.to_vec(), self.show(id)));
                }
                continue;
            }
            for (&name, &id) in NAMES.iter() {
                let visible = !id.setting().hidden && glob::matches(pattern, name.as_bytes(), true);
                if visible && seen.insert(name) {
                    found.push((name.as_bytes().to_vec(), self.show(id)));
                }
            }
        }
        found
    }

    /// CONFIG SET for a client that is not known to be on this machine: all pairs or none.
    /// Answers the names of the settings whose values changed.
    ///
    /// # Errors
    /// An unknown, fixed, protected or doubled name, or a value that is refused.
    pub fn set<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: &[(N, V)],
    ) -> Result<Vec<&'static str>, ConfigError> {
        self.set_with(pairs, false, |_| Ok(()))
    }

    /// CONFIG SET with a step that puts the new values into force (a new port to listen on, more
    /// files to open). `apply` sees the new values in `self` and is given the changed names. When
    /// it refuses, with a name and a reason, all old values come back.
    ///
    /// # Errors
    /// As [`Config::set`], and what `apply` says.
    pub fn set_with<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: &[(N, V)],
        client_is_local: bool,
        apply: impl FnOnce(&[&'static str]) -> Result<(), (&'static str, String)>,
    ) -> Result<Vec<&'static str>, ConfigError> {
        let _alone = self.changing.lock();
        let named = self.find_all(pairs, client_is_local)?;
        let mut changes: Vec<(Id, Value, Value)> = Vec::with_capacity(named.len());
        for (&(name, id), (_, text)) in named.iter().zip(pairs) {
            // A setting and its old name may both be there: the last one counts.
            let earlier = changes.iter().rev().find(|change| change.0 == id);
            let old = earlier.map_or_else(|| self.value(id), |(_, _, new)| new.clone());
            let new = parse(id, &words_of(id, text.as_ref()), &old)
                .map_err(|reason| ConfigError::refused(name.as_bytes(), reason))?;
            if id.setting().fixed && old != new {
                return Err(ConfigError::refused(name.as_bytes(), IMMUTABLE));
            }
            changes.push((id, old, new));
        }
        changes.retain(|(_, old, new)| old != new);
        for (id, _, new) in &changes {
            self.store(*id, new);
        }
        let names: Vec<&str> = changes.iter().map(|(id, ..)| id.setting().name).collect();
        if let Err((name, reason)) = apply(&names) {
            for (id, old, _) in changes.iter().rev() {
                self.store(*id, old);
            }
            return Err(ConfigError::refused(name.as_bytes(), reason));
        }
        if names.contains(&"loglevel") {
            tracing::callsite::rebuild_interest_cache();
        }
        Ok(names)
    }

    /// Finds the named settings and checks that each may be changed; the first fault counts.
    fn find_all<N: AsRef<[u8]>, V>(
        &self,
        pairs: &[(N, V)],
        client_is_local: bool,
    ) -> Result<Vec<(&'static str, Id)>, ConfigError> {
        let mut named: Vec<(&'static str, Id)> = Vec::with_capacity(pairs.len());
        for (given, _) in pairs {
            let given = given.as_ref();
            let Some((name, id)) = Id::find(given) else {
                return Err(ConfigError::Unknown(given.to_vec()));
            };
            let protected = || !self.enable_protected_configs().allows(client_is_local);
            // Programs that write back all that CONFIG GET told them know which of Redis's settings are
            // fixed, but not ours: its own value is taken.
            if id.setting().fixed && id != Id::Threads {
                return Err(ConfigError::refused(given, IMMUTABLE));
            } else if id.setting().protected && protected() {
                return Err(ConfigError::refused(given, "can't set protected config"));
            } else if named.iter().any(|(other, _)| *other == name) {
                return Err(ConfigError::refused(given, "duplicate parameter"));
            }
            named.push((name, id));
        }
        Ok(named)
    }

    /// Whether CONFIG SET should hide the value of this name from logs: it is a password.
    pub fn is_secret(name: &[u8]) -> bool {
        Id::find(name).is_some_and(|(_, id)| id.setting().secret)
    }

    fn show(&self, id: Id) -> Vec<u8> {
        format(id, &self.value(id))
    }

    fn value(&self, id: Id) -> Value {
        use table::{Kind, Special};
        match id.setting().kind {
            Kind::Text(..) => Value::Text(self.text(id)),
            Kind::Special(Special::ClientOutputBufferLimit) => Value::Limits(*self.limits.read()),
            Kind::Special(special) if special != Special::NotifyKeyspaceEvents => {
                Value::Text(self.text(id))
            }
            _ => Value::Number(self.number(id)),
        }
    }

    fn store(&self, id: Id, value: &Value) {
        match value {
            Value::Number(number) => {
                self.numbers[id as usize].store(*number, Relaxed);
                if let Id::SlowlogLogSlowerThan | Id::SlowlogMaxLen | Id::LatencyMonitorThreshold =
                    id
                {
                    self.note_slow_command();
                }
            }
            Value::Text(text) => {
                self.texts.write()[id as usize] = text.clone();
                if id == Id::Requirepass {
                    self.has_password.store(!text.is_empty(), Relaxed);
                }
            }
            Value::Limits(limits) => {
                let all = limits.iter().flat_map(|limit| [limit.hard, limit.soft]);
                let least = all.filter(|&bytes| bytes > 0).min().unwrap_or(u64::MAX);
                *self.limits.write() = *limits;
                self.least_limit.store(least, Relaxed);
            }
        }
    }

    fn note_slow_command(&self) {
        let logged = match u64::try_from(self.slowlog_log_slower_than()) {
            Ok(micros) if self.slowlog_max_len() > 0 => micros,
            _ => u64::MAX,
        };
        let monitored = match self.latency_monitor_threshold() {
            0 => u64::MAX,
            millis => millis.saturating_mul(1_000),
        };
        self.slow_command.store(logged.min(monitored), Relaxed);
    }

    fn number(&self, id: Id) -> u64 {
        self.numbers[id as usize].load(Relaxed)
    }

    fn text(&self, id: Id) -> Arc<[u8]> {
        self.texts.read()[id as usize].clone()
    }

    /// A text that names a file, if it is set.
    fn path(&self, id: Id) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let text = self.text(id);
        (!text.is_empty()).then(|| OsString::from_vec(text.to_vec()).into())
    }
}

/// The words of a value as CONFIG SET reads it: lists are cut at each single space.
fn words_of(id: Id, text: &[u8]) -> Vec<&[u8]> {
    if !id.setting().takes_many() {
        vec![text]
    } else if text.is_empty() {
        Vec::new()
    } else {
        text.split(|&byte| byte == b' ').collect()
    }
}

/// Typed access to numbers: one relaxed load each.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $id:ident;)*) => {
        impl Config {
            $($(#[$doc])* pub fn $name(&self) -> $type { self.number(Id::$id) as $type })*
        }
    };
}

numbers! {
    /// Bytes that data may take; 0: no limit.
    maxmemory: u64 = Maxmemory;
    /// How many keys eviction looks at to choose one (1 to 64).
    maxmemory_samples: usize = MaxmemorySamples;
    /// How hard it is for an LFU counter to grow; 0: each access counts.
    lfu_log_factor: u32 = LfuLogFactor;
    /// Minutes after which an LFU counter is lowered by one; 0: never.
    lfu_decay_time: u32 = LfuDecayTime;
    /// Seconds after which an idle client is closed; 0: never.
    timeout: u64 = Timeout;
    /// Seconds between keep-alive probes; 0: none.
    tcp_keepalive: u32 = TcpKeepalive;
    /// How many clients may be connected at once.
    maxclients: usize = Maxclients;
    /// The longest bulk string that a client may send, in bytes.
    proto_max_bulk_len: usize = ProtoMaxBulkLen;
    /// The most bytes of a request that is not complete.
    client_query_buffer_limit: usize = ClientQueryBufferLimit;
    /// How often in a second background work runs (1 to 500).
    hz: u32 = Hz;
    /// The number of databases.
    databases: usize = Databases;
    /// Microseconds from which a command enters the slow log; negative: none does.
    slowlog_log_slower_than: i64 = SlowlogLogSlowerThan;
    /// How many entries the slow log keeps.
    slowlog_max_len: usize = SlowlogMaxLen;
    /// Milliseconds from which an event enters the latency monitor; 0: it is off.
    latency_monitor_threshold: u64 = LatencyMonitorThreshold;
    /// Bits of [`notify`]; 0: no keyspace events.
    notify_keyspace_events: u32 = NotifyKeyspaceEvents;
    /// Milliseconds after which other clients of a running script are answered BUSY; 0: never.
    busy_reply_threshold: u64 = BusyReplyThreshold;
    /// The TCP port; 0: no port in particular.
    port: u16 = Port;
    /// How many connections may wait to be accepted.
    tcp_backlog: u32 = TcpBacklog;
    /// The mode bits of the Unix socket; 0: as the system makes it.
    unixsocketperm: u32 = Unixsocketperm;
    /// How many threads serve clients (1 to 64).
    threads: usize = Threads;
    /// How much the search for expired keys may do (1 to 10).
    active_expire_effort: u32 = ActiveExpireEffort;
    /// Entries up to which a hash is kept as a listpack.
    hash_max_listpack_entries: usize = HashMaxListpackEntries;
    /// Bytes of a field or value up to which a hash is kept as a listpack.
    hash_max_listpack_value: usize = HashMaxListpackValue;
    /// Size of a list's nodes: entries, or a class of bytes (-1: 4 KiB to -5: 64 KiB).
    list_max_listpack_size: i32 = ListMaxListpackSize;
    /// How many nodes at each end of a list stay uncompressed; 0: all.
    list_compress_depth: u32 = ListCompressDepth;
    /// Members up to which a set of whole numbers is kept as an intset.
    set_max_intset_entries: usize = SetMaxIntsetEntries;
    /// Members up to which a set is kept as a listpack.
    set_max_listpack_entries: usize = SetMaxListpackEntries;
    /// Bytes of a member up to which a set is kept as a listpack.
    set_max_listpack_value: usize = SetMaxListpackValue;
    /// Members up to which a sorted set is kept as a listpack.
    zset_max_listpack_entries: usize = ZsetMaxListpackEntries;
    /// Bytes of a member up to which a sorted set is kept as a listpack.
    zset_max_listpack_value: usize = ZsetMaxListpackValue;
    /// Bytes up to which a HyperLogLog is kept sparse.
    hll_sparse_max_bytes: usize = HllSparseMaxBytes;
    /// Bytes of one stream node; 0: no limit.
    stream_node_max_bytes: usize = StreamNodeMaxBytes;
    /// Entries of one stream node; 0: no limit.
    stream_node_max_entries: u64 = StreamNodeMaxEntries;
    /// Keys that may be remembered for client-side caching; 0: no limit.
    tracking_table_max_keys: usize = TrackingTableMaxKeys;
    /// How many entries the ACL log keeps.
    acllog_max_len: usize = AcllogMaxLen;
}

/// Typed access to flags: one relaxed load each.
macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident = $id:ident;)*) => {
        impl Config {
            $($(#[$doc])* pub fn $name(&self) -> bool { self.number(Id::$id) != 0 })*
        }
    };
}

switches! {
    /// Whether FLUSHALL and FLUSHDB free memory in the background unless told otherwise.
    lazyfree_lazy_user_flush = LazyfreeLazyUserFlush;
    /// Whether DEL behaves as UNLINK.
    lazyfree_lazy_user_del = LazyfreeLazyUserDel;
    /// Whether to run in the background.
    daemonize = Daemonize;
    /// Whether clients from other machines are refused while there is no password.
    protected_mode = ProtectedMode;
    /// Whether the time of each command is kept for INFO latencystats.
    latency_tracking = LatencyTracking;
    /// Whether long strings of a dump are compressed.
    rdbcompression = Rdbcompression;
}

impl Config {
    /// What to evict when memory is full.
    pub fn maxmemory_policy(&self) -> MaxmemoryPolicy {
        MaxmemoryPolicy::from_number(self.number(Id::MaxmemoryPolicy))
    }

    /// How much is written to the log.
    pub fn loglevel(&self) -> LogLevel {
        match self.number(Id::Loglevel) {
            0 => LogLevel::Debug,
            1 => LogLevel::Verbose,
            2 => LogLevel::Notice,
            3 => LogLevel::Warning,
            _ => LogLevel::Nothing,
        }
    }

    /// Who may use DEBUG.
    pub fn enable_debug_command(&self) -> Permission {
        Permission::from_number(self.number(Id::EnableDebugCommand))
    }

    /// Who may use MODULE.
    pub fn enable_module_command(&self) -> Permission {
        Permission::from_number(self.number(Id::EnableModuleCommand))
    }

    /// Who may change protected settings.
    pub fn enable_protected_configs(&self) -> Permission {
        Permission::from_number(self.number(Id::EnableProtectedConfigs))
    }

    /// When clients of a class are closed because they do not read.
    pub fn client_output_buffer_limit(&self, class: ClientClass) -> OutputLimit {
        self.limits.read()[class as usize]
    }

    /// The least number of unsent bytes at which a client of any class may have to be closed: one relaxed
    /// load.
    pub fn least_output_limit(&self) -> u64 {
        self.least_limit.load(Relaxed)
    }

    /// Whether clients must give a password: one relaxed load.
    pub fn has_password(&self) -> bool {
        self.has_password.load(Relaxed)
    }

    /// Microseconds from which a command is noted by the slow log or the latency monitor: one relaxed load.
    pub fn slow_command(&self) -> u64 {
        self.slow_command.load(Relaxed)
    }

    /// The percentiles that INFO latencystats shows, in the form in which CONFIG GET does.
    pub fn latency_percentiles(&self) -> Vec<String> {
        let text = self.text(Id::LatencyTrackingInfoPercentiles);
        String::from_utf8_lossy(&text)
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    }

    /// The password of the default user, if there is one.
    pub fn requirepass(&self) -> Option<Arc<[u8]>> {
        let password = self.text(Id::Requirepass);
        (!password.is_empty()).then_some(password)
    }

    /// The addresses to listen on. A `-` in front says that the server may start without this
    /// one; `*` and `::*` stand for all of IPv4 and of IPv6. Empty: no TCP socket is wanted.
    pub fn bind(&self) -> Vec<String> {
        let text = self.text(Id::Bind);
        let text = String::from_utf8_lossy(&text);
        text.split(' ')
            .filter(|address| !address.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The directory to work in, if one was given: relative names of files begin there.
    pub fn dir(&self) -> Option<PathBuf> {
        self.path(Id::Dir)
    }

    /// Where to make a Unix socket, if at all.
    pub fn unixsocket(&self) -> Option<PathBuf> {
        self.path(Id::Unixsocket)
    }

    /// Where to write the log; `None`: to standard output.
    pub fn logfile(&self) -> Option<PathBuf> {
        self.path(Id::Logfile)
    }

    /// Where to write the process id, if at all. A server in the background always writes it.
    pub fn pidfile(&self) -> Option<PathBuf> {
        let default = self
            .daemonize()
            .then(|| PathBuf::from("/var/run/redis.pid"));
        self.path(Id::Pidfile).or(default)
    }

    /// Where Redis would keep its users, if that is set.
    pub fn aclfile(&self) -> Option<PathBuf> {
        self.path(Id::Aclfile)
    }

    /// The configuration file that was read, as an absolute path.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}
