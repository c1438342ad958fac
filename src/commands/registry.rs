//! The list of all commands, and how a command and its keys are found.
//!
//! Every command and subcommand is a [`Command`]: its declaration and what is derived from it
//! once, so that dispatch, statistics and key extraction cost little per request.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use crate::commands::keys::{KeyPlan, LegacyRange};
use crate::commands::spec::{CommandSpec, Flags};
use crate::commands::{
    acl, admin, bitmap, client, cluster, command, config, connection, debug, dump, expire, generic,
    geo, hash, hash_expire, hyperloglog, info, latency, list, memory, migrate, module, monitor,
    object, persistence, pubsub, replication, set, shutdown, slowlog, sort, sorted_set, stream,
    string, transactions,
};
use crate::latency::timer;
use crate::resp::Args;

/// The families. Adding a file of commands means adding its list here.
const FAMILIES: &[&[CommandSpec]] = &[
    acl::COMMANDS,
    admin::COMMANDS,
    bitmap::COMMANDS,
    client::COMMANDS,
    cluster::COMMANDS,
    command::COMMANDS,
    config::COMMANDS,
    connection::COMMANDS,
    debug::COMMANDS,
    dump::COMMANDS,
    expire::COMMANDS,
    generic::COMMANDS,
    geo::COMMANDS,
    hash::COMMANDS,
    hash_expire::COMMANDS,
    hyperloglog::COMMANDS,
    info::COMMANDS,
    latency::COMMANDS,
    list::COMMANDS,
    memory::COMMANDS,
    migrate::COMMANDS,
    module::COMMANDS,
    monitor::COMMANDS,
    object::COMMANDS,
    persistence::COMMANDS,
    pubsub::COMMANDS,
    replication::COMMANDS,
    set::COMMANDS,
    shutdown::COMMANDS,
    slowlog::COMMANDS,
    sort::COMMANDS,
    sorted_set::COMMANDS,
    sorted_set::algebra::COMMANDS,
    stream::COMMANDS,
    string::COMMANDS,
    transactions::COMMANDS,
];

/// A command or subcommand: its declaration, and what derives from it.
pub struct Command {
    /// The declaration.
    pub spec: &'static CommandSpec,
    /// Its place in [`all`]: dense from 0 to [`count`] - 1, for statistics.
    pub id: usize,
    /// The name in lower case, a subcommand's with its container's: `client|kill`.
    pub full_name: &'static str,
    /// The declared flags and those that derive from the key specifications.
    pub flags: Flags,
    /// How its keys are found.
    pub keys: KeyPlan,
    /// First key, last key and step, for clients that know no key specifications.
    pub legacy: LegacyRange,
    /// With how many arguments it is measured by itself; see [`timer`].
    pub measured_from: usize,
    parent: Option<usize>,
    children: Range<usize>,
}

impl Command {
    /// The container of a subcommand.
    pub fn parent(&self) -> Option<&'static Command> {
        self.parent.map(|id| &all()[id])
    }

    /// The subcommands, in alphabetical order.
    pub fn subcommands(&self) -> &'static [Command] {
        &all()[self.children.clone()]
    }

    /// Whether its first argument names a subcommand.
    pub fn has_subcommands(&self) -> bool {
        !self.children.is_empty()
    }

    /// The subcommand of this name, whatever its case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands()
            .iter()
            .find(|sub| sub.spec.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Command").field(&self.full_name).finish()
    }
}

/// The command of this name (not a subcommand), whatever its case. Takes a few nanoseconds.
#[inline]
pub fn lookup(name: &[u8]) -> Option<&'static Command> {
    REGISTRY.table.get(name)
}

/// The command or subcommand of this full name, whatever its case: `get`, `client|kill`.
pub fn lookup_full(name: &[u8]) -> Option<&'static Command> {
    match memchr::memchr(b'|', name) {
        None => lookup(name),
        Some(bar) => lookup(&name[..bar])?.subcommand(&name[bar + 1..]),
    }
}

/// The command that these arguments call: a container's subcommand, if there is an argument to name it.
pub fn resolve(args: Args<'_>) -> Option<&'static Command> {
    let command = lookup(args.try_get(0)?)?;
    match args.try_get(1) {
        Some(name) if command.has_subcommands() => command.subcommand(name),
        _ => Some(command),
    }
}

/// All commands: first those that are no subcommands, in alphabetical order ([`top_level`]), then the
/// subcommands, those of one container together.
pub fn all() -> &'static [Command] {
    REGISTRY.commands
}

/// The commands that are no subcommands, in alphabetical order.
pub fn top_level() -> &'static [Command] {
    &REGISTRY.commands[..REGISTRY.top_level]
}

/// Number of commands and subcommands; every [`Command::id`] is below it.
pub fn count() -> usize {
    REGISTRY.commands.len()
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::build);

struct Registry {
    commands: &'static [Command],
    top_level: usize,
    table: NameTable,
}

impl Registry {
    fn build() -> Registry {
        let mut specs: Vec<&'static CommandSpec> = FAMILIES.iter().copied().flatten().collect();
        specs.sort_by_key(|spec| spec.name);
        let top_level = specs.len();
        let mut commands: Vec<Command> = Vec::new();
        let mut next_child = top_level;
        for (id, spec) in specs.iter().enumerate() {
            let children = next_child..next_child + spec.subcommands.len();
            next_child = children.end;
            commands.push(Command::new(
                spec,
                id,
                None,
                spec.name.to_ascii_lowercase(),
                children,
            ));
        }
        for (parent, container) in specs.iter().enumerate() {
            for spec in container.subcommands {
                let name = format!("{}|{}", container.name, spec.name).to_ascii_lowercase();
                commands.push(Command::new(spec, commands.len(), Some(parent), name, 0..0));
            }
        }
        let commands: &'static [Command] = Vec::leak(commands);
        Registry {
            commands,
            top_level,
            table: NameTable::new(&commands[..top_level]),
        }
    }
}

impl Command {
    fn new(
        spec: &'static CommandSpec,
        id: usize,
        parent: Option<usize>,
        full_name: String,
        children: Range<usize>,
    ) -> Self {
        let legacy = LegacyRange::of(spec.keys);
        let derived = if legacy.movable {
            Flags::MOVABLE_KEYS
        } else {
            Flags::NONE
        };
        Command {
            spec,
            id,
            full_name: String::leak(full_name),
            flags: spec.flags.union(derived),
            keys: KeyPlan::of(spec.keys),
            legacy,
            measured_from: timer::measured_from(spec),
            parent,
            children,
        }
    }
}

/// Finds a command by its name. Open addressing with linear probing, at most an eighth full, so that a
/// probe seldom meets another name.
struct NameTable {
    slots: Box<[Option<Entry>]>,
    /// The hash's top bits are the slot: `64 - log2(slots.len())`.
    shift: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    packed: u64,
    name: &'static [u8],
    /// Whether length and packed bytes can only be this name's: up to 8 letters, because a byte that
    /// is a letter once bit 5 is set was that letter before, in upper or lower case.
    exact: bool,
    command: &'static Command,
}

impl NameTable {
    fn new(commands: &'static [Command]) -> NameTable {
        let size = (commands.len() * 8).next_power_of_two();
        let shift = 64 - size.trailing_zeros();
        let mut table = NameTable {
            slots: vec![None; size].into(),
            shift,
        };
        for command in commands {
            let name = command.spec.name.as_bytes();
            let packed = pack(name);
            let mut slot = table.slot(packed);
            while table.slots[slot].is_some() {
                slot = (slot + 1) % size;
            }
            let exact = name.len() <= 8 && name.iter().all(u8::is_ascii_alphabetic);
            table.slots[slot] = Some(Entry {
                packed,
                name,
                exact,
                command,
            });
        }
        table
    }

    #[inline]
    fn slot(&self, packed: u64) -> usize {
        (packed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    #[inline]
    fn get(&self, name: &[u8]) -> Option<&'static Command> {
        if name.is_empty() {
            return None;
        }
        let packed = pack(name);
        let mut slot = self.slot(packed);
        // Ends because most slots are empty.
        while let Some(entry) = &self.slots[slot] {
            if entry.packed == packed
                && entry.name.len() == name.len()
                && (entry.exact || entry.name.eq_ignore_ascii_case(name))
            {
                return Some(entry.command);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        None
    }
}

/// All bytes of a name of up to 8, or the first 8 of a longer one, with bit 5 set in each, which makes upper
/// and lower case equal. The name is not empty.
#[inline]
fn pack(name: &[u8]) -> u64 {
    let len = name.len();
    let packed = if let Some(first) = name.first_chunk::<8>() {
        u64::from_le_bytes(*first)
    } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
    } else {
        u64::from(name[0]) | u64::from(name[len / 2]) << 8 | u64::from(name[len - 1]) << 16
    };
    packed | 0x2020_2020_2020_2020
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::spec::Handler;

    /// The families and the lists of subcommands.
    fn lists() -> impl Iterator<Item = &'static [CommandSpec]> {
        let families = FAMILIES.iter().copied();
        let containers = FAMILIES
            .iter()
            .copied()
            .flatten()
            .map(|spec| spec.subcommands);
        families.chain(containers)
    }

    #[test]
    fn lists_are_sorted_and_without_duplicates() {
        for list in lists() {
            for pair in list.windows(2) {
                assert!(
                    pair[0].name < pair[1].name,
                    "{} before {}",
                    pair[0].name,
                    pair[1].name
                );
            }
        }
        for pair in top_level().windows(2) {
            assert!(
                pair[0].spec.name < pair[1].spec.name,
                "{} twice",
                pair[0].spec.name
            );
        }
    }

    #[test]
    fn names_are_upper_case_and_documented() {
        for command in all() {
            let spec = command.spec;
            assert_eq!(spec.name, spec.name.to_ascii_uppercase());
            assert!(
                !spec.summary.is_empty(),
                "{} has no summary",
                command.full_name
            );
            assert!(
                !spec.since.is_empty(),
                "{} has no version",
                command.full_name
            );
        }
    }

    /// The runner notes the keys of reads for clients that track. It does so where handlers of two kinds run; a
    /// read may be a write by its handler, as PFCOUNT is, which keeps what it has counted.
    #[test]
    fn what_is_flagged_as_a_read_of_keys_runs_where_its_keys_are_noted() {
        for command in all() {
            let reads = command.flags.contains(Flags::READONLY);
            let has_keys = !matches!(command.keys, KeyPlan::None);
            let name = command.full_name;
            match command.spec.handler {
                Handler::Read(_) => assert!(reads, "{name}"),
                Handler::Write(_) | Handler::Blocking(_) => {}
                _ => assert!(!(reads && has_keys), "{name}"),
            }
        }
    }

    #[test]
    fn every_command_is_found_by_name_in_any_case() {
        for command in top_level() {
            let upper = command.spec.name.as_bytes();
            let lower = command.full_name.as_bytes();
            let mixed: Vec<u8> = upper
                .iter()
                .enumerate()
                .map(|(n, byte)| {
                    if n % 2 == 0 {
                        byte.to_ascii_lowercase()
                    } else {
                        *byte
                    }
                })
                .collect();
            for name in [upper, lower, &mixed] {
                assert!(std::ptr::eq(lookup(name).unwrap(), command));
                assert!(std::ptr::eq(lookup_full(name).unwrap(), command));
            }
        }
        for command in all() {
            assert!(std::ptr::eq(
                lookup_full(command.full_name.as_bytes()).unwrap(),
                command
            ));
        }
    }

    #[test]
    fn other_names_are_not_found() {
        let long = [b'x'; 1000];
        let others: &[&[u8]] = &[
            b"",
            b"\0",
            b"g",
            b"gets",
            b"ge",
            b"g\0t",
            b"client|kill",
            b"GE\x74\0",
            &long,
        ];
        for name in others {
            assert!(lookup(name).is_none(), "{name:?}");
        }
        for name in [
            "client|",
            "|",
            "|kill",
            "client|kill|x",
            "get|x",
            "client|nosuch",
        ] {
            assert!(lookup_full(name.as_bytes()).is_none(), "{name}");
        }
        // Bytes that only look like the name's once bit 5 is set, as long as and longer than 8 bytes.
        for command in top_level() {
            for index in 0..command.full_name.len() {
                let mut name = command.full_name.as_bytes().to_vec();
                let right = name[index];
                for byte in (0..=u8::MAX).filter(|byte| !byte.eq_ignore_ascii_case(&right)) {
                    name[index] = byte;
                    let found = lookup(&name);
                    assert!(
                        !found.is_some_and(|found| std::ptr::eq(found, command)),
                        "{name:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn ids_parents_and_children_agree() {
        assert_eq!(count(), all().len());
        for (id, command) in all().iter().enumerate() {
            assert_eq!(command.id, id);
            for sub in command.subcommands() {
                assert!(std::ptr::eq(sub.parent().unwrap(), command));
                let name = format!(
                    "{}|{}",
                    command.full_name,
                    sub.spec.name.to_ascii_lowercase()
                );
                assert_eq!(sub.full_name, name);
                assert!(std::ptr::eq(
                    command
                        .subcommand(name.rsplit('|').next().unwrap().as_bytes())
                        .unwrap(),
                    sub
                ));
            }
        }
        assert!(lookup(b"client").unwrap().subcommand(b"KiLl").is_some());
        assert!(lookup(b"client").unwrap().subcommand(b"").is_none());
        assert!(lookup(b"get").unwrap().subcommand(b"kill").is_none());
    }
}
