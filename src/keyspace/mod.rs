//! The keys: shards under locks, each with its databases and its watch table.
//!
//! A key's hash alone chooses its shard, and all numbered databases live inside the shard, so that
//! SELECT, MOVE and SWAPDB never change which locks a transaction needs. Handlers reach keys through
//! [`View`] and [`Db`] only, and every change is signalled in [`db`].

pub mod access;
pub mod blocked;
pub mod db;
pub mod entry;
pub mod heap_string;
pub mod locks;
pub mod marks;
pub mod object;
pub mod shard;
#[cfg(test)]
mod tests;
pub mod view;
pub mod watch;

pub use access::Access;
pub use db::{Db, Lookup, Missing, SetExpiry};
pub use entry::{Entry, StringRef, Value};
pub use locks::{Keyspace, Locked, Mode, ShardSet};
pub use object::{Object, ValueRef};
pub use view::View;
