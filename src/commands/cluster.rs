//! CLUSTER and its kin, as a server that is no part of a cluster answers them.

use crate::commands::context::{Context, Flow};
use crate::commands::spec::{Arg, ArgKind, Arity, Categories, CommandSpec, Flags, Group, members};
use crate::error::Error;
use crate::resp::{Args, Reply};

/// What every command on a cluster answers, CLUSTER HELP and CLUSTER KEYSLOT too.
fn disabled(
    _context: &mut Context<'_, '_>,
    _args: Args<'_>,
    _reply: &mut Reply<'_>,
) -> Result<Flow, Error> {
    Err(Error::Static(
        "ERR This instance has cluster support disabled",
    ))
}

/// A command on a cluster.
const fn refused(name: &'static str, arity: Arity) -> CommandSpec {
    CommandSpec::session(name, arity, Group::Cluster, disabled)
}

/// The flags of subcommands that change the cluster.
const CHANGES: Flags = members!(Flags: ADMIN | NO_ASYNC_LOADING | STALE);

const ASKING: CommandSpec = refused("ASKING", Arity::exactly(1))
    .flags(Flags::FAST)
    .categories(Categories::CONNECTION)
    .doc(
        "3.0.0",
        "O(1)",
        "Lets the next command use a hash slot that is being imported.",
    );

const ADDSLOTS: CommandSpec = refused("ADDSLOTS", Arity::at_least(3))
    .flags(CHANGES)
    .doc(
        "3.0.0",
        "O(N) where N is the number of slots.",
        "Takes hash slots over.",
    )
    .args(&[Arg::new("slot", ArgKind::Integer).multiple()]);

const ADDSLOTSRANGE: CommandSpec = refused("ADDSLOTSRANGE", Arity::at_least(4))
    .flags(CHANGES)
    .doc(
        "7.0.0",
        "O(N) where N is the number of slots.",
        "Takes ranges of hash slots over.",
    )
    .args(&[Arg::new(
        "range",
        ArgKind::Block(&[
            Arg::new("start-slot", ArgKind::Integer),
            Arg::new("end-slot", ArgKind::Integer),
        ]),
    )
    .multiple()]);

const BUMPEPOCH: CommandSpec = refused("BUMPEPOCH", Arity::exactly(2))
    .flags(CHANGES)
    .doc("3.0.0", "O(1)", "Advances the configuration epoch.")
    .tips(&["nondeterministic_output"]);

const COUNT_FAILURE_REPORTS: CommandSpec = refused("COUNT-FAILURE-REPORTS", Arity::exactly(3))
    .flags(members!(Flags: ADMIN | STALE))
    .doc(
        "3.0.0",
        "O(N) where N is the number of reports.",
        "Counts the reports that a node has failed.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("node-id", ArgKind::String)]);

const COUNTKEYSINSLOT: CommandSpec = refused("COUNTKEYSINSLOT", Arity::exactly(3))
    .flags(Flags::STALE)
    .doc("3.0.0", "O(1)", "Counts the keys in a hash slot.")
    .args(&[Arg::new("slot", ArgKind::Integer)]);

const DELSLOTS: CommandSpec = refused("DELSLOTS", Arity::at_least(3))
    .flags(CHANGES)
    .doc(
        "3.0.0",
        "O(N) where N is the number of slots.",
        "Gives hash slots up.",
    )
    .args(&[Arg::new("slot", ArgKind::Integer).multiple()]);

const DELSLOTSRANGE: CommandSpec = refused("DELSLOTSRANGE", Arity::at_least(4))
    .flags(CHANGES)
    .doc(
        "7.0.0",
        "O(N) where N is the number of slots.",
        "Gives ranges of hash slots up.",
    )
    .args(&[Arg::new(
        "range",
        ArgKind::Block(&[
            Arg::new("start-slot", ArgKind::Integer),
            Arg::new("end-slot", ArgKind::Integer),
        ]),
    )
    .multiple()]);

const FAILOVER: CommandSpec = refused("FAILOVER", Arity::at_least(2))
    .flags(CHANGES)
    .doc("3.0.0", "O(1)", "Makes a replica take its master's place.")
    .args(&[Arg::new(
        "options",
        ArgKind::OneOf(&[
            Arg::word("force", "FORCE"),
            Arg::word("takeover", "TAKEOVER"),
        ]),
    )
    .optional()]);

const FLUSHSLOTS: CommandSpec = refused("FLUSHSLOTS", Arity::exactly(2)).flags(CHANGES).doc(
    "3.0.0",
    "O(1)",
    "Gives all hash slots up.",
);

const FORGET: CommandSpec = refused("FORGET", Arity::exactly(3))
    .flags(CHANGES)
    .doc("3.0.0", "O(1)", "Removes a node from the table of nodes.")
    .args(&[Arg::new("node-id", ArgKind::String)]);

const GETKEYSINSLOT: CommandSpec = refused("GETKEYSINSLOT", Arity::exactly(4))
    .flags(Flags::STALE)
    .doc(
        "3.0.0",
        "O(N) where N is the number of keys asked for.",
        "Returns keys in a hash slot.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[
        Arg::new("slot", ArgKind::Integer),
        Arg::new("count", ArgKind::Integer),
    ]);

const HELP: CommandSpec = refused("HELP", Arity::exactly(2))
    .flags(members!(Flags: LOADING | STALE))
    .doc("5.0.0", "O(1)", "Explains the subcommands.");

const INFO: CommandSpec = refused("INFO", Arity::exactly(2))
    .flags(Flags::STALE)
    .doc("3.0.0", "O(1)", "Describes the state of the cluster.")
    .tips(&["nondeterministic_output"]);

const KEYSLOT: CommandSpec = refused("KEYSLOT", Arity::exactly(3))
    .flags(Flags::STALE)
    .doc(
        "3.0.0",
        "O(N) where N is the length of the key.",
        "Returns the hash slot of a key.",
    )
    .args(&[Arg::new("key", ArgKind::String)]);

const LINKS: CommandSpec = refused("LINKS", Arity::exactly(2))
    .flags(Flags::STALE)
    .doc(
        "7.0.0",
        "O(N) where N is the number of nodes.",
        "Describes the links to other nodes.",
    )
    .tips(&["nondeterministic_output"]);

const MEET: CommandSpec = refused("MEET", Arity::at_least(4))
    .flags(CHANGES)
    .doc("3.0.0", "O(1)", "Introduces another node.")
    .args(&[
        Arg::new("ip", ArgKind::String),
        Arg::new("port", ArgKind::Integer),
        Arg::new("cluster-bus-port", ArgKind::Integer)
            .optional()
            .since("4.0.0"),
    ]);

const MYID: CommandSpec = refused("MYID", Arity::exactly(2)).flags(Flags::STALE).doc(
    "3.0.0",
    "O(1)",
    "Returns the node's id.",
);

const MYSHARDID: CommandSpec = refused("MYSHARDID", Arity::exactly(2))
    .flags(Flags::STALE)
    .doc("7.2.0", "O(1)", "Returns the id of the node's shard.")
    .tips(&["nondeterministic_output"]);

const NODES: CommandSpec = refused("NODES", Arity::exactly(2))
    .flags(Flags::STALE)
    .doc(
        "3.0.0",
        "O(N) where N is the number of nodes.",
        "Describes the nodes.",
    )
    .tips(&["nondeterministic_output"]);

const REPLICAS: CommandSpec = refused("REPLICAS", Arity::exactly(3))
    .flags(members!(Flags: ADMIN | STALE))
    .doc(
        "5.0.0",
        "O(N) where N is the number of replicas.",
        "Describes the replicas of a node.",
    )
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("node-id", ArgKind::String)]);

const REPLICATE: CommandSpec = refused("REPLICATE", Arity::exactly(3))
    .flags(CHANGES)
    .doc("3.0.0", "O(1)", "Makes the node a replica of another.")
    .args(&[Arg::new("node-id", ArgKind::String)]);

const RESET: CommandSpec = refused("RESET", Arity::at_least(2))
    .flags(members!(Flags: ADMIN | NOSCRIPT | STALE))
    .doc(
        "3.0.0",
        "O(N) where N is the number of nodes.",
        "Makes the node forget the cluster.",
    )
    .args(&[Arg::new(
        "reset-type",
        ArgKind::OneOf(&[Arg::word("hard", "HARD"), Arg::word("soft", "SOFT")]),
    )
    .optional()]);

const SAVECONFIG: CommandSpec = refused("SAVECONFIG", Arity::exactly(2)).flags(CHANGES).doc(
    "3.0.0",
    "O(1)",
    "Writes the cluster's configuration to disk.",
);

const SET_CONFIG_EPOCH: CommandSpec = refused("SET-CONFIG-EPOCH", Arity::exactly(3))
    .flags(CHANGES)
    .doc(
        "3.0.0",
        "O(1)",
        "Sets the configuration epoch of a new node.",
    )
    .args(&[Arg::new("config-epoch", ArgKind::Integer)]);

const SETSLOT: CommandSpec = refused("SETSLOT", Arity::at_least(4))
    .flags(CHANGES)
    .doc("3.0.0", "O(1)", "Says which node a hash slot belongs to.")
    .args(&[
        Arg::new("slot", ArgKind::Integer),
        Arg::new(
            "subcommand",
            ArgKind::OneOf(&[
                Arg::new("importing", ArgKind::String)
                    .display("node-id")
                    .token("IMPORTING"),
                Arg::new("migrating", ArgKind::String)
                    .display("node-id")
                    .token("MIGRATING"),
                Arg::new("node", ArgKind::String)
                    .display("node-id")
                    .token("NODE"),
                Arg::word("stable", "STABLE"),
            ]),
        ),
    ]);

const SHARDS: CommandSpec = refused("SHARDS", Arity::exactly(2))
    .flags(members!(Flags: LOADING | STALE))
    .doc(
        "7.0.0",
        "O(N) where N is the number of nodes.",
        "Maps hash slots to shards.",
    )
    .tips(&["nondeterministic_output"]);

const SLAVES: CommandSpec = refused("SLAVES", Arity::exactly(3))
    .flags(members!(Flags: ADMIN | STALE))
    .doc(
        "3.0.0",
        "O(N) where N is the number of replicas.",
        "Describes the replicas of a node.",
    )
    .deprecated("5.0.0", "`CLUSTER REPLICAS`")
    .tips(&["nondeterministic_output"])
    .args(&[Arg::new("node-id", ArgKind::String)]);

const SLOTS: CommandSpec = refused("SLOTS", Arity::exactly(2))
    .flags(members!(Flags: LOADING | STALE))
    .doc(
        "3.0.0",
        "O(N) where N is the number of nodes.",
        "Maps hash slots to nodes.",
    )
    .deprecated("7.0.0", "`CLUSTER SHARDS`")
    .tips(&["nondeterministic_output"]);

const CLUSTER: CommandSpec = CommandSpec::container(
    "CLUSTER",
    Group::Cluster,
    &[
        ADDSLOTS,
        ADDSLOTSRANGE,
        BUMPEPOCH,
        COUNT_FAILURE_REPORTS,
        COUNTKEYSINSLOT,
        DELSLOTS,
        DELSLOTSRANGE,
        FAILOVER,
        FLUSHSLOTS,
        FORGET,
        GETKEYSINSLOT,
        HELP,
        INFO,
        KEYSLOT,
        LINKS,
        MEET,
        MYID,
        MYSHARDID,
        NODES,
        REPLICAS,
        REPLICATE,
        RESET,
        SAVECONFIG,
        SET_CONFIG_EPOCH,
        SETSLOT,
        SHARDS,
        SLAVES,
        SLOTS,
    ],
)
.doc(
    "3.0.0",
    "Depends on the subcommand.",
    "A container of commands on the cluster.",
);

const READONLY: CommandSpec = refused("READONLY", Arity::exactly(1))
    .flags(members!(Flags: FAST | LOADING | STALE))
    .categories(Categories::CONNECTION)
    .doc(
        "3.0.0",
        "O(1)",
        "Lets the connection read from a replica of a cluster.",
    );

const READWRITE: CommandSpec = refused("READWRITE", Arity::exactly(1))
    .flags(members!(Flags: FAST | LOADING | STALE))
    .categories(Categories::CONNECTION)
    .doc("3.0.0", "O(1)", "Ends READONLY.");

/// All of them, in alphabetical order.
pub const COMMANDS: &[CommandSpec] = &[ASKING, CLUSTER, READONLY, READWRITE];
