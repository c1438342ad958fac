//! What a command is: one declaration from which dispatch, arity, key extraction, `COMMAND`,
//! `COMMAND DOCS`, command statistics and the generated tests all derive.
//!
//! A declaration is a `const` built by chained calls, next to the function that runs it.

use crate::commands::context::{Context, Flow};
use crate::error::Error;
use crate::keyspace::blocked::AttemptFn;
use crate::keyspace::{Db, View};
use crate::resp::{Args, Reply};

/// What a data command's function returns: `Ok` after it wrote its one reply.
///
/// On `Err` the runner cuts the reply back to where the command began and writes the error.
pub type CommandResult = Result<(), Error>;

/// The function that runs a command. Its type says what the command may touch.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Reads keys. Runs under shared locks, so it may run twice: it must have no effect.
    Read(fn(&View<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult),
    /// Changes keys. Runs under exclusive locks.
    Write(fn(&mut Db<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult),
    /// Changes keys, or lets the client wait until there is something. Runs under exclusive locks, at first
    /// and again for a client that is served.
    Blocking(AttemptFn),
    /// Needs the session or the server: connection, configuration and introspection commands.
    Session(fn(&mut Context<'_, '_>, Args<'_>, &mut Reply<'_>) -> Result<Flow, Error>),
    /// One of the five transaction commands, QUIT or RESET: they run at once, even inside MULTI.
    Control(Control),
    /// A container such as `CLIENT`, which only its subcommands give a meaning.
    Container,
}

/// The commands that are never queued (`transactions.md` 1.3), besides errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// MULTI
    Multi,
    /// EXEC
    Exec,
    /// DISCARD
    Discard,
    /// WATCH
    Watch,
    /// QUIT
    Quit,
    /// RESET
    Reset,
}

/// Finds keys: calls the function with the number and the flags of each argument that is one.
pub type FindFn = fn(Args<'_>, &mut dyn FnMut(usize, KeyFlags));

/// Which shards a command locks.
#[derive(Clone, Copy, Debug)]
pub enum Footprint {
    /// Those of the keys that the key specifications find; none if there are no keys.
    Keys,
    /// The same, or every shard if the function finds that the arguments ask for keys that none of them
    /// names.
    KeysOrAll(fn(Args<'_>) -> bool),
    /// Every shard, shared.
    AllShared,
    /// Every shard, exclusively.
    AllExclusive,
}

/// How many arguments a command takes, its own name included: positive is exact, negative a minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity(pub i16);

impl Arity {
    /// Exactly `n` arguments, the name included.
    pub const fn exactly(n: i16) -> Self {
        Arity(n)
    }

    /// `n` arguments or more, the name included.
    pub const fn at_least(n: i16) -> Self {
        Arity(-n)
    }

    /// Whether `count` arguments (the name included) are acceptable.
    pub const fn accepts(self, count: usize) -> bool {
        if self.0 >= 0 {
            count == self.0 as usize
        } else {
            count >= -(self.0 as isize) as usize
        }
    }
}

macro_rules! bit_set {
    ($(#[$meta:meta])* $name:ident: $repr:ty { $($(#[$fmeta:meta])* $flag:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name($repr);

        impl $name {
            /// The empty set.
            pub const NONE: $name = $name(0);
            bit_set!(@consts $name, $repr, 0, $($(#[$fmeta])* $flag,)*);

            /// Whether every member of `other` is in the set.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// Whether the two sets have a member in common.
            pub const fn intersects(self, other: $name) -> bool {
                self.0 & other.0 != 0
            }

            /// The members of both sets.
            pub const fn union(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }

            /// The members' names, as Redis prints them, in the order of declaration.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$(($name::$flag, $text)),*]
                    .into_iter()
                    .filter(move |(flag, _)| self.contains(*flag))
                    .map(|(_, text)| text)
            }

            /// The member of this name, whatever its case.
            pub fn named(name: &[u8]) -> Option<$name> {
                let same = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
                $name::ALL.iter().find(|(_, known)| same(known)).map(|(flag, _)| *flag)
            }

            /// Every member with its name.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$flag, $text)),*];
        }
    };
    (@consts $name:ident, $repr:ty, $n:expr, $(#[$fmeta:meta])* $flag:ident, $($rest:tt)*) => {
        $(#[$fmeta])*
        pub const $flag: $name = $name(1 << ($n));
        bit_set!(@consts $name, $repr, $n + 1, $($rest)*);
    };
    (@consts $name:ident, $repr:ty, $n:expr,) => {};
}

/// Several members of a set: `members!(Flags: WRITE | FAST)`.
macro_rules! members {
    ($set:ident: $($member:ident)|+) => {
        $set::NONE$(.union($set::$member))+
    };
}
pub(crate) use members;

bit_set! {
    /// Command flags, in the order in which Redis prints them.
    Flags: u32 {
        /// May change the keyspace.
        WRITE = "write",
        /// Never changes the keyspace.
        READONLY = "readonly",
        /// Refused when used memory is over `maxmemory` and nothing can be evicted.
        DENY_OOM = "denyoom",
        /// For administrators.
        ADMIN = "admin",
        /// Concerns publish and subscribe.
        PUBSUB = "pubsub",
        /// Not allowed in scripts.
        NOSCRIPT = "noscript",
        /// May block the client.
        BLOCKING = "blocking",
        /// Allowed while the data set is loading.
        LOADING = "loading",
        /// Allowed on a stale replica.
        STALE = "stale",
        /// Not shown to MONITOR.
        SKIP_MONITOR = "skip_monitor",
        /// Not logged by SLOWLOG.
        SKIP_SLOWLOG = "skip_slowlog",
        /// Allowed after a cluster's ASK redirect.
        ASKING = "asking",
        /// Takes constant or logarithmic time.
        FAST = "fast",
        /// Allowed before authentication.
        NO_AUTH = "no_auth",
        /// Has key specifications that may find no key.
        NO_MANDATORY_KEYS = "no_mandatory_keys",
        /// Not allowed while loading asynchronously.
        NO_ASYNC_LOADING = "no_async_loading",
        /// Not allowed inside MULTI.
        NO_MULTI = "no_multi",
        /// Key positions cannot be found from the key specifications alone.
        MOVABLE_KEYS = "movablekeys",
        /// Allowed while a script keeps the server busy.
        ALLOW_BUSY = "allow_busy",
        /// May be replicated although it is not a write. Hidden, as all below.
        MAY_REPLICATE = "may_replicate",
        /// Also served by a Sentinel.
        SENTINEL = "sentinel",
        /// Served only by a Sentinel.
        ONLY_SENTINEL = "only_sentinel",
        /// Disabled unless configured (DEBUG, MODULE).
        PROTECTED = "protected",
        /// May touch keys that no key specification names.
        TOUCHES_ARBITRARY_KEYS = "touches_arbitrary_keys",
    }
}

bit_set! {
    /// ACL categories, in the order in which Redis prints them.
    Categories: u32 {
        /// Generic commands on keys.
        KEYSPACE = "keyspace",
        /// Reads.
        READ = "read",
        /// Writes.
        WRITE = "write",
        /// Sets.
        SET = "set",
        /// Sorted sets.
        SORTEDSET = "sortedset",
        /// Lists.
        LIST = "list",
        /// Hashes.
        HASH = "hash",
        /// Strings.
        STRING = "string",
        /// Bitmaps.
        BITMAP = "bitmap",
        /// HyperLogLogs.
        HYPERLOGLOG = "hyperloglog",
        /// Geospatial indexes.
        GEO = "geo",
        /// Streams.
        STREAM = "stream",
        /// Publish and subscribe.
        PUBSUB = "pubsub",
        /// Administration.
        ADMIN = "admin",
        /// Fast commands.
        FAST = "fast",
        /// Slow commands: all that are not fast.
        SLOW = "slow",
        /// Blocking commands.
        BLOCKING = "blocking",
        /// Dangerous commands.
        DANGEROUS = "dangerous",
        /// Connection commands.
        CONNECTION = "connection",
        /// Transaction commands.
        TRANSACTION = "transaction",
        /// Scripting commands.
        SCRIPTING = "scripting",
    }
}

bit_set! {
    /// What a command does with the keys that a key specification finds, in Redis's order.
    KeyFlags: u16 {
        /// Read-only.
        RO = "RO",
        /// Read and written.
        RW = "RW",
        /// Overwritten.
        OW = "OW",
        /// Removed.
        RM = "RM",
        /// Returns or copies the value.
        ACCESS = "access",
        /// Changes the value.
        UPDATE = "update",
        /// Adds to the value.
        INSERT = "insert",
        /// Removes from the value.
        DELETE = "delete",
        /// Not really a key.
        NOT_KEY = "not_key",
        /// The specification may miss keys.
        INCOMPLETE = "incomplete",
        /// The flags depend on the arguments.
        VARIABLE_FLAGS = "variable_flags",
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// At this argument.
    Index(usize),
    /// After this keyword, looked for from an argument on (backwards from the end if negative).
    Keyword(&'static str, isize),
    /// Cannot be said.
    Unknown,
}

/// How keys follow once the search has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// Up to `last` (relative to the beginning; negative: from the end), every `step`th argument;
    /// with `last` -1 and a `limit` above 1, only that fraction of the remaining arguments.
    Range {
        /// Last key, relative to where the search began, or from the end if negative.
        last: isize,
        /// Distance between keys.
        step: usize,
        /// 0 and 1: no limit.
        limit: usize,
    },
    /// An argument holds the number of keys. Positions are relative to where the search began.
    KeyNum {
        /// The argument that holds the number.
        index: usize,
        /// The first key.
        first: usize,
        /// Distance between keys.
        step: usize,
    },
    /// Cannot be said.
    Unknown,
}

/// One rule that finds keys among a command's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: BeginSearch,
    /// How keys follow.
    pub find: FindKeys,
    /// What is done with them.
    pub flags: KeyFlags,
    /// Why the flags are as they are, where `COMMAND INFO` says so.
    pub notes: Option<&'static str>,
}

impl KeySpec {
    /// With this explanation.
    pub const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = Some(notes);
        self
    }

    /// One key, at argument `index`.
    pub const fn at(index: usize, flags: KeyFlags) -> Self {
        Self::range(index, 0, 1, flags)
    }

    /// Keys of which no specification can say where they are.
    pub const fn unknown(flags: KeyFlags) -> Self {
        KeySpec {
            begin: BeginSearch::Unknown,
            find: FindKeys::Unknown,
            flags,
            notes: None,
        }
    }

    /// Keys from argument `index` up to `last`, every `step`th.
    pub const fn range(index: usize, last: isize, step: usize, flags: KeyFlags) -> Self {
        KeySpec {
            begin: BeginSearch::Index(index),
            find: FindKeys::Range {
                last,
                step,
                limit: 0,
            },
            flags,
            notes: None,
        }
    }
}

/// Command groups, as in Redis's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Bitmaps.
    Bitmap,
    /// Clusters.
    Cluster,
    /// Connection management.
    Connection,
    /// Generic commands on keys.
    Generic,
    /// Geospatial indexes.
    Geo,
    /// Hashes.
    Hash,
    /// HyperLogLogs.
    HyperLogLog,
    /// Lists.
    List,
    /// Publish and subscribe.
    PubSub,
    /// Functions and scripts.
    Scripting,
    /// Server management.
    Server,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Strings.
    String,
    /// Transactions.
    Transactions,
}

impl Group {
    /// The group's name as `COMMAND DOCS` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Bitmap => "bitmap",
            Group::Cluster => "cluster",
            Group::Connection => "connection",
            Group::Generic => "generic",
            Group::Geo => "geo",
            Group::Hash => "hash",
            Group::HyperLogLog => "hyperloglog",
            Group::List => "list",
            Group::PubSub => "pubsub",
            Group::Scripting => "scripting",
            Group::Server => "server",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Stream => "stream",
            Group::String => "string",
            Group::Transactions => "transactions",
        }
    }
}

/// The kind of an argument in a command's grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Any string.
    String,
    /// A 64-bit integer.
    Integer,
    /// A floating point number.
    Double,
    /// A key, found by the key specification of this number.
    Key(usize),
    /// A glob-style pattern.
    Pattern,
    /// A pattern for keys, of the key specification of this number.
    KeyPattern(usize),
    /// A time as Unix seconds or milliseconds.
    UnixTime,
    /// A literal word.
    PureToken,
    /// One of the inner arguments.
    OneOf(&'static [Arg]),
    /// All of the inner arguments, in order.
    Block(&'static [Arg]),
}

impl ArgKind {
    /// The kind's name as `COMMAND DOCS` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key(_) => "key",
            ArgKind::Pattern | ArgKind::KeyPattern(_) => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf(_) => "oneof",
            ArgKind::Block(_) => "block",
        }
    }
}

/// One argument of a command's grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What to show for it, if not its name.
    pub display: Option<&'static str>,
    /// Its kind.
    pub kind: ArgKind,
    /// The literal word before it, or which it is.
    pub token: Option<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether it may be repeated.
    pub multiple: bool,
    /// Whether each repetition repeats the token.
    pub multiple_token: bool,
    /// The version that introduced it, if later than the command.
    pub since: Option<&'static str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'static str>,
}

impl Arg {
    /// A mandatory argument.
    pub const fn new(name: &'static str, kind: ArgKind) -> Self {
        Arg {
            name,
            display: None,
            kind,
            token: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            since: None,
            deprecated_since: None,
        }
    }

    /// A literal word.
    pub const fn word(name: &'static str, token: &'static str) -> Self {
        Arg::new(name, ArgKind::PureToken).token(token)
    }

    /// Shown as this text instead of its name.
    pub const fn display(mut self, text: &'static str) -> Self {
        self.display = Some(text);
        self
    }

    /// With this literal word before it.
    pub const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// May be left out.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// May be repeated.
    pub const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    /// May be repeated, each time with its token.
    pub const fn multiple_token(mut self) -> Self {
        self.multiple = true;
        self.multiple_token = true;
        self
    }

    /// Introduced by this version.
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// Deprecated by this version.
    pub const fn deprecated(mut self, version: &'static str) -> Self {
        self.deprecated_since = Some(version);
        self
    }
}

/// One command or subcommand.
#[derive(Clone, Copy)]
pub struct CommandSpec {
    /// The name in upper case; a subcommand's own name without its container.
    pub name: &'static str,
    /// Number of arguments.
    pub arity: Arity,
    /// What runs it.
    pub handler: Handler,
    /// Flags.
    pub flags: Flags,
    /// ACL categories that the flags do not imply; see [`CommandSpec::all_categories`].
    pub categories: Categories,
    /// Key specifications.
    pub keys: &'static [KeySpec],
    /// What finds the keys where the specifications cannot.
    pub find_keys: Option<FindFn>,
    /// Shards that it locks.
    pub footprint: Footprint,
    /// Documentation group.
    pub group: Group,
    /// One line on what it does.
    pub summary: &'static str,
    /// The Redis version that introduced it.
    pub since: &'static str,
    /// Its time complexity.
    pub complexity: &'static str,
    /// The Redis version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// What replaces it, if deprecated.
    pub replaced_by: Option<&'static str>,
    /// Whether it is for debugging and not for applications (`syscmd` in `COMMAND DOCS`).
    pub syscmd: bool,
    /// Command tips, in lower case as `COMMAND` prints them.
    pub tips: &'static [&'static str],
    /// Argument grammar.
    pub args: &'static [Arg],
    /// Subcommands of a container, in alphabetical order.
    pub subcommands: &'static [CommandSpec],
}

impl CommandSpec {
    const fn new(name: &'static str, arity: Arity, group: Group, handler: Handler) -> Self {
        CommandSpec {
            name,
            arity,
            handler,
            flags: Flags::NONE,
            categories: Categories::NONE,
            keys: &[],
            find_keys: None,
            footprint: Footprint::Keys,
            group,
            summary: "",
            since: "",
            complexity: "",
            deprecated_since: None,
            replaced_by: None,
            syscmd: false,
            tips: &[],
            args: &[],
            subcommands: &[],
        }
    }

    /// A command that reads keys; flagged READONLY.
    pub const fn read(
        name: &'static str,
        arity: Arity,
        group: Group,
        run: fn(&View<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult,
    ) -> Self {
        Self::new(name, arity, group, Handler::Read(run)).flags(Flags::READONLY)
    }

    /// A command that changes keys; flagged WRITE.
    pub const fn write(
        name: &'static str,
        arity: Arity,
        group: Group,
        run: fn(&mut Db<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult,
    ) -> Self {
        Self::new(name, arity, group, Handler::Write(run)).flags(Flags::WRITE)
    }

    /// A command that changes keys, or lets the client wait; flagged WRITE and BLOCKING.
    pub const fn blocking(
        name: &'static str,
        arity: Arity,
        group: Group,
        attempt: AttemptFn,
    ) -> Self {
        Self::new(name, arity, group, Handler::Blocking(attempt))
            .flags(members!(Flags: WRITE | BLOCKING))
    }

    /// A command that reads keys, or lets the client wait; flagged READONLY and BLOCKING.
    pub const fn blocking_read(
        name: &'static str,
        arity: Arity,
        group: Group,
        attempt: AttemptFn,
    ) -> Self {
        Self::new(name, arity, group, Handler::Blocking(attempt))
            .flags(members!(Flags: READONLY | BLOCKING))
    }

    /// A command that removes stale keys it meets, or notes what it has worked out, but is a read by its flags
    /// (SCAN, RANDOMKEY, PFCOUNT).
    pub const fn read_exclusive(
        name: &'static str,
        arity: Arity,
        group: Group,
        run: fn(&mut Db<'_>, Args<'_>, &mut Reply<'_>) -> CommandResult,
    ) -> Self {
        Self::new(name, arity, group, Handler::Write(run)).flags(Flags::READONLY)
    }

    /// A command on the session or the server.
    pub const fn session(
        name: &'static str,
        arity: Arity,
        group: Group,
        run: fn(&mut Context<'_, '_>, Args<'_>, &mut Reply<'_>) -> Result<Flow, Error>,
    ) -> Self {
        Self::new(name, arity, group, Handler::Session(run))
    }

    /// A command that runs at once even inside MULTI.
    pub const fn control(name: &'static str, arity: Arity, group: Group, control: Control) -> Self {
        Self::new(name, arity, group, Handler::Control(control))
    }

    /// A container of subcommands.
    pub const fn container(
        name: &'static str,
        group: Group,
        subcommands: &'static [CommandSpec],
    ) -> Self {
        let mut spec = Self::new(name, Arity::at_least(2), group, Handler::Container);
        spec.subcommands = subcommands;
        spec
    }

    /// Adds flags.
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.flags = self.flags.union(flags);
        self
    }

    /// Adds ACL categories to those that the flags imply.
    pub const fn categories(mut self, categories: Categories) -> Self {
        self.categories = self.categories.union(categories);
        self
    }

    /// Sets the key specifications.
    pub const fn keys(mut self, keys: &'static [KeySpec]) -> Self {
        self.keys = keys;
        self
    }

    /// Sets what finds the keys, which the specifications leave unknown.
    pub const fn find_keys(mut self, find: FindFn) -> Self {
        self.find_keys = Some(find);
        self
    }

    /// Locks more than the keys' shards.
    pub const fn footprint(mut self, footprint: Footprint) -> Self {
        self.footprint = footprint;
        self
    }

    /// Sets summary, version and complexity.
    pub const fn doc(
        mut self,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Self {
        self.since = since;
        self.complexity = complexity;
        self.summary = summary;
        self
    }

    /// Marks it as deprecated.
    pub const fn deprecated(mut self, since: &'static str, replaced_by: &'static str) -> Self {
        self.deprecated_since = Some(since);
        self.replaced_by = Some(replaced_by);
        self
    }

    /// Marks it as a command for debugging, not for applications.
    pub const fn syscmd(mut self) -> Self {
        self.syscmd = true;
        self
    }

    /// Adds subcommands, in alphabetical order, to a command that also runs alone (`COMMAND`).
    pub const fn subcommands(mut self, subcommands: &'static [CommandSpec]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Sets the command tips.
    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    /// Sets the argument grammar.
    pub const fn args(mut self, args: &'static [Arg]) -> Self {
        self.args = args;
        self
    }

    /// The declared categories and those that the flags imply, by Redis's rule
    /// (`setImplicitACLCategories`).
    pub const fn all_categories(&self) -> Categories {
        let mut all = self.categories;
        if self.flags.contains(Flags::WRITE) {
            all = all.union(Categories::WRITE);
        }
        // Scripts may write, so Redis does not count a read-only scripting command as a read.
        if self.flags.contains(Flags::READONLY) && !all.contains(Categories::SCRIPTING) {
            all = all.union(Categories::READ);
        }
        if self.flags.contains(Flags::ADMIN) {
            all = all.union(Categories::ADMIN).union(Categories::DANGEROUS);
        }
        if self.flags.contains(Flags::PUBSUB) {
            all = all.union(Categories::PUBSUB);
        }
        if self.flags.contains(Flags::FAST) {
            all = all.union(Categories::FAST);
        }
        if self.flags.contains(Flags::BLOCKING) {
            all = all.union(Categories::BLOCKING);
        }
        if !all.contains(Categories::FAST) {
            all = all.union(Categories::SLOW);
        }
        all
    }
}
