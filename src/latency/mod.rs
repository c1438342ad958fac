//! How long things take: the commands of a read ([`timer`]) with how often each took how long
//! ([`histogram`]), those that were slow ([`slow_log`]), and what else held clients up ([`events`]).
//!
//! A command's time is its own: neither the wait for a lock that others hold, nor eviction before it, nor
//! the commands of blocked clients that it served count to it; see [`clock::apart`].

pub mod events;
pub mod histogram;
pub mod slow_log;
pub mod timer;

use crate::clients::Client;
use crate::clock;
use crate::commands::registry::Command;
use crate::commands::spec::Flags;
use crate::latency::events::{Sample, event};
use crate::resp::Args;
use crate::server::Server;

/// Notes an event that took `micros`, if it took as long as the latency monitor asks for.
pub fn sample(server: &Server, event: &'static str, micros: u64) {
    let (threshold, millis) = (server.config.latency_monitor_threshold(), micros / 1_000);
    if threshold != 0 && millis >= threshold {
        let seconds = clock::now().seconds();
        server.latency_events.add(event, Sample { seconds, millis });
    }
}

/// Whether events are to be measured.
pub fn monitors(server: &Server) -> bool {
    server.config.latency_monitor_threshold() != 0
}

/// Notes a command that took `micros` until now where the settings ask for it: for the latency monitor, in
/// the slow log, or in both.
#[cold]
pub fn report(
    server: &Server,
    client: &Client,
    (command, args): (&Command, Args<'_>),
    micros: u64,
) {
    let event = match command.flags.contains(Flags::FAST) {
        true => event::FAST_COMMAND,
        false => event::COMMAND,
    };
    sample(server, event, micros);
    let (slow, most) = (
        server.config.slowlog_log_slower_than(),
        server.config.slowlog_max_len(),
    );
    let logged = u64::try_from(slow).is_ok_and(|slow| micros >= slow)
        && most > 0
        && !command.flags.contains(Flags::SKIP_SLOWLOG);
    if logged {
        let time = (clock::now(), micros);
        server.slow_log.add((command, args), client, time, most);
    }
}
