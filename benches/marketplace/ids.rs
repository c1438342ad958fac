//! The user-id set: clients register ids, each of which is free when it is chosen and must be free when it is added.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::thread;
use std::time::Instant;

use hdrhistogram::Histogram;

use crate::link::{Link, Reply};
use crate::support::histogram::new_histogram;
use crate::support::request::Random;
use crate::support::server::Server;
use crate::support::{Result, sys};

/// The set of all ids.
const USER_IDS: &str = "user-ids";

/// Clients that register at the same time.
pub const CLIENTS: u64 = 5;

/// What the clients did.
pub struct Tally {
    pub registered: Vec<u64>,
    pub retries: u64,
    /// Nanoseconds from the first WATCH to the registration, retries included.
    pub wait: Histogram<u64>,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            registered: Vec::new(),
            retries: 0,
            wait: new_histogram(),
        }
    }

    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.registered.extend(&other.registered);
        self.retries += other.retries;
        Ok(self.wait.add(&other.wait)?)
    }
}

/// Has the clients register `count` ids in all, on `cores`, and checks that the set has exactly those, and none twice.
pub fn fill(server: &Server, count: u64, cores: &[usize], seed: u64) -> Result<Tally> {
    let results: Vec<Result<Tally>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    sys::pin_thread(cores)?;
                    let share = count / CLIENTS + u64::from(client < count % CLIENTS);
                    register(server.address, share, 2 * count, Random::new(seed + client))
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client panicked"))
            .collect()
    });
    let mut sum = Tally::new();
    for result in results {
        sum.add(&result?)?;
    }
    check(server, count, &sum.registered)?;
    Ok(sum)
}

/// Registers `share` ids below `limit`, one after the other.
fn register(address: SocketAddr, share: u64, limit: u64, mut random: Random) -> Result<Tally> {
    let mut link = Link::open(address)?;
    let mut tally = Tally::new();
    for _ in 0..share {
        let start = Instant::now();
        let id = loop {
            let [members] = link.watch(&[USER_IDS], [&["SMEMBERS", USER_IDS]])?;
            let taken: HashSet<String> = members.texts()?.into_iter().collect();
            let id = loop {
                let id = random.below(limit);
                if !taken.contains(&id.to_string()) {
                    break id;
                }
            };
            match link.transaction(&[&["SADD", USER_IDS, &id.to_string()]])? {
                Some(replies) if replies == [Reply::Integer(1)] => break id,
                Some(replies) => return Err(format!("SADD of {id} answered {replies:?}").into()),
                None => tally.retries += 1,
            }
        };
        tally
            .wait
            .saturating_record(start.elapsed().as_nanos() as u64);
        tally.registered.push(id);
    }
    Ok(tally)
}

fn check(server: &Server, count: u64, registered: &[u64]) -> Result<()> {
    let mut link = Link::open(server.address)?;
    let members = link.ask(&["SMEMBERS", USER_IDS])?.texts()?;
    let mut found: Vec<u64> = members
        .iter()
        .map(|id| id.parse())
        .collect::<std::result::Result<_, _>>()?;
    let mut expected = registered.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    if found != expected {
        return Err(format!(
            "{} ids are in the set, {} were registered",
            found.len(),
            expected.len()
        )
        .into());
    }
    expected.dedup();
    let size = link.ask(&["SCARD", USER_IDS])?.integer()?;
    if (expected.len() as u64, size) != (count, count as i64) {
        return Err(format!(
            "{} different ids and a SCARD of {size}, not {count}",
            expected.len()
        )
        .into());
    }
    Ok(())
}
