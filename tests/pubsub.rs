//! Publish and subscribe with many clients at once on two threads: order, and who must not be hurt.
//!
//! Each test prints its seed; `REDOUBLE_SEED` replays the clients' choices (not the threads' timing).

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::client::{Client, encode, patience};
use support::random::Random;
use support::resp::Value;
use support::server::Server;

/// The texts of a message's parts.
fn parts(message: &Value) -> Vec<String> {
    let text =
        |part: &Value| String::from_utf8_lossy(&part.text().unwrap_or_default()).into_owned();
    message.elements().iter().map(text).collect()
}

/// Whether a value is a message and no reply; in RESP2 both are arrays.
fn is_message(value: &Value) -> bool {
    matches!(value, Value::Push(_) | Value::Array(_))
        && parts(value)
            .first()
            .is_some_and(|kind| kind.ends_with("message"))
}

/// Sends a command and returns its reply and the messages that came before it.
fn call_among_messages(client: &mut Client, args: &[&str]) -> (Value, Vec<Value>) {
    client.send(args).expect("the request is sent");
    let mut messages = Vec::new();
    loop {
        let value = client.read();
        if !is_message(&value) {
            return (value, messages);
        }
        messages.push(value);
    }
}

#[test]
fn all_subscribers_see_the_messages_of_a_channel_in_one_order() {
    const PUBLISHERS: usize = 4;
    const MESSAGES: usize = 2_000;
    let server = Server::start(&[]);
    let subscribers: Vec<Client> = (0..9)
        .map(|number| {
            let mut client = server.connect_as(2 + number % 2);
            match number % 3 {
                0 => client.call(&["PSUBSCRIBE", "chan*"]),
                _ => client.call(&["SUBSCRIBE", "channel"]),
            };
            client
        })
        .collect();
    let seen: Vec<Vec<String>> = thread::scope(|scope| {
        let readers: Vec<_> = subscribers
            .into_iter()
            .map(|mut client| {
                scope.spawn(move || {
                    (0..PUBLISHERS * MESSAGES)
                        .map(|_| parts(&client.read()).pop().unwrap_or_default())
                        .collect()
                })
            })
            .collect();
        for publisher in 0..PUBLISHERS {
            let mut client = server.connect_as(2 + (publisher % 2) as u8);
            scope.spawn(move || {
                // Some alone, some many in one write.
                let mut sent = 0;
                while sent < MESSAGES {
                    let many = (1 + sent % 40).min(MESSAGES - sent);
                    let requests = (sent..sent + many).flat_map(|number| {
                        encode(&["PUBLISH", "channel", &format!("{publisher}:{number}")])
                    });
                    let bytes: Vec<u8> = requests.collect();
                    client.send_raw(&bytes).expect("sent");
                    for _ in 0..many {
                        assert_eq!(client.read(), Value::Int(9));
                    }
                    sent += many;
                }
            });
        }
        readers
            .into_iter()
            .map(|reader| reader.join().expect("a reader"))
            .collect()
    });
    for other in &seen[1..] {
        assert!(*other == seen[0], "two subscribers saw different orders");
    }
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}:");
        let numbers = seen[0].iter().filter_map(|text| text.strip_prefix(&prefix));
        let expected: Vec<String> = (0..MESSAGES).map(|number| number.to_string()).collect();
        assert!(
            numbers.eq(expected.iter()),
            "a publisher's own order was lost"
        );
    }
}

#[test]
fn a_message_comes_after_the_change_that_it_announces() {
    let server = Server::start(&[]);
    let mut subscriber = server.connect_as(3);
    subscriber.call(&["SUBSCRIBE", "changes"]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut writer = server.connect();
        let done = &done;
        scope.spawn(move || {
            for number in 0..3_000 {
                let number = number.to_string();
                let mut bytes = encode(&["SET", "key", &number]);
                bytes.extend(encode(&["PUBLISH", "changes", &number]));
                writer.send_raw(&bytes).expect("sent");
                writer.read();
                writer.read();
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut reader = server.connect();
        for number in 0..3_000_i64 {
            let announced = parts(&subscriber.read()).pop().unwrap_or_default();
            assert_eq!(announced, number.to_string());
            let found = reader.call(&["GET", "key"]).number();
            assert!(
                found >= Some(number),
                "{found:?} after {number} was announced"
            );
        }
    });
    assert!(done.into_inner());
}

#[test]
fn after_unsubscribe_is_confirmed_no_message_comes() {
    const CHANNELS: u64 = 6;
    let mut random = Random::for_test("after_unsubscribe_is_confirmed_no_message_comes");
    let server = Server::start(&[]);
    let end = Instant::now() + Duration::from_secs(2);
    let received = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut client = server.connect();
            let mut random = random.fork();
            scope.spawn(move || {
                while Instant::now() < end {
                    let bytes: Vec<u8> = (0..1 + random.below(30))
                        .flat_map(|_| {
                            let channel = format!("c{}", random.below(CHANNELS));
                            encode(&["PUBLISH", &channel, "x"])
                        })
                        .collect();
                    client.send_raw(&bytes).expect("sent");
                    let count = bytes.windows(7).filter(|w| w == b"PUBLISH").count();
                    (0..count).for_each(|_| drop(client.read()));
                }
            });
        }
        for number in 0..8 {
            let mut client = server.connect_as(2 + number % 2);
            let mut random = random.fork();
            let received = &received;
            scope.spawn(move || {
                let mut subscribed = std::collections::BTreeSet::new();
                while Instant::now() < end {
                    let channel = format!("c{}", random.below(CHANNELS));
                    let subscribe = !subscribed.contains(&channel);
                    let word = if subscribe {
                        "SUBSCRIBE"
                    } else {
                        "UNSUBSCRIBE"
                    };
                    let (reply, messages) = call_among_messages(&mut client, &[word, &channel]);
                    for message in &messages {
                        let parts = parts(message);
                        assert!(
                            subscribed.contains(&parts[1]),
                            "{parts:?} in {subscribed:?}"
                        );
                    }
                    received.fetch_add(messages.len(), Ordering::Relaxed);
                    assert_eq!(parts(&reply)[1], channel);
                    match subscribe {
                        true => subscribed.insert(channel),
                        false => subscribed.remove(&channel),
                    };
                }
            });
        }
    });
    assert!(
        received.into_inner() > 0,
        "messages must have been in the way"
    );
}

#[test]
fn a_killed_subscriber_is_not_counted_any_more() {
    let server = Server::start(&[]);
    let mut killer = server.connect();
    for round in 0..300 {
        let mut subscriber = server.connect_as(3);
        let id = subscriber.call(&["CLIENT", "ID"]).number().expect("an id");
        subscriber.call(&["SUBSCRIBE", "channel"]);
        subscriber.call(&["PSUBSCRIBE", "chan*"]);
        subscriber.call(&["SSUBSCRIBE", "shard"]);
        assert_eq!(killer.call(&["PUBLISH", "channel", "x"]).number(), Some(2));
        let killed = killer.call(&["CLIENT", "KILL", "ID", &id.to_string()]);
        assert_eq!(killed.number(), Some(1));
        // One question for each kill: the next one would come too late to see a remainder.
        let question: &[&str] = match round % 6 {
            0 => &["PUBLISH", "channel", "x"],
            1 => &["SPUBLISH", "shard", "x"],
            2 => &["PUBSUB", "NUMPAT"],
            3 => &["PUBSUB", "CHANNELS"],
            4 => &["PUBSUB", "SHARDCHANNELS"],
            _ => &["PUBSUB", "NUMSUB", "channel"],
        };
        let reply = killer.call(question);
        let count = match round % 6 {
            0..=2 => reply.number(),
            3 | 4 => Some(reply.elements().len() as i64),
            _ => reply.elements()[1].number(),
        };
        assert_eq!(count, Some(0), "{question:?} in round {round}");
    }
}

/// Whether a message is inside a reply.
fn holds_push(value: &Value) -> bool {
    let inner: Vec<&Value> = match value {
        Value::Array(items) | Value::Push(items) => items.iter().collect(),
        Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        _ => return false,
    };
    inner
        .into_iter()
        .any(|inner| matches!(inner, Value::Push(_)) || holds_push(inner))
}

#[test]
fn a_message_is_never_inside_a_reply() {
    let server = Server::start(&[]);
    let end = Instant::now() + Duration::from_secs(2);
    let mut client = server.connect_as(3);
    for field in 0..300 {
        client.ok(&format!("HSET hash field{field} value"));
    }
    client.call(&["SUBSCRIBE", "channel"]);
    let (mut messages, mut replies) = (0, 0);
    thread::scope(|scope| {
        for _ in 0..3 {
            let mut publisher = server.connect();
            scope.spawn(move || {
                while Instant::now() < end {
                    publisher.call(&["PUBLISH", "channel", "message"]);
                }
            });
        }
        let requests: [&[&str]; 5] = [
            &["HGETALL", "hash"],
            &["MULTI"],
            &["HKEYS", "hash"],
            &["PUBLISH", "channel", "own"],
            &["EXEC"],
        ];
        let bytes: Vec<u8> = requests
            .iter()
            .flat_map(|request| encode(request))
            .collect();
        while Instant::now() < end {
            client.send_raw(&bytes).expect("sent");
            let mut missing = requests.len();
            while missing > 0 {
                let value = client.read();
                assert!(!holds_push(&value), "{value:?}");
                match value {
                    Value::Push(_) => messages += 1,
                    _ => {
                        missing -= 1;
                        replies += 1;
                    }
                }
            }
        }
    });
    assert!(
        messages > replies / 5,
        "others' messages must have come too"
    );
}

/// Publishes large messages until the stuck subscriber is gone; returns how many.
fn publish_until_cut(publisher: &mut Client, control: &mut Client) -> usize {
    let message = "x".repeat(20_000);
    let deadline = Instant::now() + patience();
    for count in 1.. {
        publisher.call(&["PUBLISH", "channel", &format!("{count}:{message}")]);
        let list = control.ok("CLIENT LIST").text().unwrap_or_default();
        if !String::from_utf8_lossy(&list).contains("name=stuck") {
            return count;
        }
        assert!(
            Instant::now() < deadline,
            "it is never cut: {count} messages"
        );
    }
    unreachable!("the loop has no other end")
}

/// A subscriber that reads nothing is closed by `limit`, and another loses no message.
fn stuck_subscriber_is_cut(limit: &str) {
    let server = Server::start(&[]);
    let mut control = server.connect();
    control.call(&["CONFIG", "SET", "client-output-buffer-limit", limit]);
    let stuck: Vec<Client> = [2, 3]
        .map(|protocol| {
            let mut client = server.connect_as(protocol);
            client.call(&["CLIENT", "SETNAME", "stuck"]);
            client.call(&["SUBSCRIBE", "channel"]);
            client
        })
        .into();
    let mut well = server.connect_as(3);
    well.call(&["SUBSCRIBE", "channel"]);
    let seen = Mutex::new(Vec::new());
    let count = thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                let text = parts(&well.read()).pop().unwrap_or_default();
                if text == "end" {
                    return;
                }
                let number = text.split(':').next().map(str::to_owned);
                seen.lock().expect("not poisoned").extend(number);
            }
        });
        let mut publisher = server.connect();
        let count = publish_until_cut(&mut publisher, &mut control);
        publisher.call(&["PUBLISH", "channel", "end"]);
        count
    });
    let expected: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    assert_eq!(seen.into_inner().expect("not poisoned"), expected);
    let info = control.ok("INFO stats").text().unwrap_or_default();
    let info = String::from_utf8_lossy(&info).into_owned();
    assert!(
        info.contains("client_output_buffer_limit_disconnections:2\r\n"),
        "{info}"
    );
    assert_eq!(
        control.call(&["PUBSUB", "NUMSUB", "channel"]).elements()[1],
        Value::Int(1)
    );
    drop(stuck);
}

#[test]
fn a_subscriber_that_never_reads_is_cut_by_the_hard_limit() {
    stuck_subscriber_is_cut("pubsub 1mb 0 0");
}

#[test]
fn a_subscriber_that_never_reads_is_cut_by_the_soft_limit() {
    stuck_subscriber_is_cut("pubsub 0 100kb 1");
}

#[test]
fn a_subscriber_without_a_limit_gets_everything_in_the_end() {
    let server = Server::start(&["--client-output-buffer-limit", "pubsub 0 0 0"]);
    let mut slow = server.connect_as(3);
    slow.call(&["SUBSCRIBE", "channel"]);
    let mut publisher = server.connect();
    let message = "x".repeat(100_000);
    for _ in 0..200 {
        assert_eq!(
            publisher.call(&["PUBLISH", "channel", &message]),
            Value::Int(1)
        );
    }
    for _ in 0..200 {
        assert_eq!(parts(&slow.read())[2].len(), message.len());
    }
    assert_eq!(slow.call(&["PING"]), Value::Simple(b"PONG".to_vec()));
}
