//! Compares the keyspace events that two servers publish.

use crate::support::client::Client;
use crate::support::notation;
use crate::support::resp::Value;
use crate::support::server::Server;
use std::collections::BTreeSet;

/// How alike the events must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Exactly {
    /// The same in the same order; but keys that expire or are missing one after another, which a SCAN or a SORT
    /// meets in the order of its tables.
    InOrder,
    /// DIFFERENCE: all fields of a hash that are due expire at once, here, and the hash is then missing. What
    /// expires must be the same, however often, and whatever is missing.
    FieldsExpire,
}

/// A connection to each of the two servers that hears all events.
pub struct Listeners {
    ours: Client,
    theirs: Client,
}

impl Listeners {
    /// Begins to listen.
    pub fn new(ours: &Server, theirs: &Server) -> Listeners {
        let [ours, theirs] = [ours, theirs].map(|server| {
            let mut client = server.connect_as(2);
            client.ok("PSUBSCRIBE __key*@*__:*");
            client
        });
        Listeners { ours, theirs }
    }

    /// Compares what was published since the last call, by requests that were answered.
    pub fn compare(&mut self, how: Exactly) -> Result<(), (String, String)> {
        let [ours, theirs] = [&mut self.ours, &mut self.theirs].map(heard);
        let agree = match how {
            Exactly::InOrder => in_order(&ours) == in_order(&theirs),
            Exactly::FieldsExpire => expired(&ours) == expired(&theirs),
        };
        if agree {
            return Ok(());
        }
        let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
        let shown = |events: &[String]| {
            let from = same.saturating_sub(6);
            events[from..events.len().min(same + 6)].join("\n        ")
        };
        Err((shown(&ours), shown(&theirs)))
    }
}

/// The events that have come, a line each: the channel and the message.
fn heard(client: &mut Client) -> Vec<String> {
    client.send(&["PING"]).expect("the server reads");
    let mut events = Vec::new();
    loop {
        let Value::Array(parts) = client.read() else {
            panic!("neither a message nor an answer to PING");
        };
        if parts[0] == Value::Bulk(b"pong".to_vec()) {
            return events;
        }
        events.push(format!(
            "{} {}",
            notation::write(&parts[2]),
            notation::write(&parts[3])
        ));
    }
}

fn in_order(events: &[String]) -> Vec<String> {
    let mut events = events.to_vec();
    let absent = |event: &String| is(event, "expired") || is(event, "keymiss");
    for run in events.chunk_by_mut(|a, b| absent(a) && absent(b)) {
        run.sort();
    }
    events
}

/// Whether the line is this event, in either of its channels.
fn is(event: &str, name: &str) -> bool {
    event.contains(&format!("__:{name}\" ")) || event.ends_with(&format!(" \"{name}\""))
}

fn expired(events: &[String]) -> BTreeSet<&String> {
    let missed = |event: &str| is(event, "keymiss");
    events.iter().filter(|event| !missed(event)).collect()
}
