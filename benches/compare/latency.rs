//! The tail of GET's latency, in quiet and while the server has other work to do.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::context::Context;
use crate::paced::{self, Paced, Side};
use crate::support::Result;
use crate::support::cores::Cores;
use crate::support::request::push_command;
use crate::support::server::{Server, Target};
use crate::support::table::{Table, figure, median, ratio};
use crate::workload::{KEY_SPACE, WORKLOADS, key_name};

/// Keys that share one expiry second, and keys that FLUSHALL ASYNC removes.
const MANY_KEYS: u64 = 1_000_000;

/// Keys in the end, when the keyspace grows from nothing.
const GROWN_KEYS: u64 = 5_000_000;

/// Keys added per second meanwhile: what a server can take beside the GETs, with time to spare.
const GROWTH_RATE: f64 = 250_000.0;

/// SETs per write meanwhile.
const GROWTH_PIPELINE: u64 = 16;

/// Seconds from now to the shared expiry second; the keys must be in by then.
const EXPIRY_LEAD: u64 = 10;

/// What UNLINK removes: a few huge values in one command, later many large ones in one command.
const HUGE: (u64, usize) = (8, 64 << 20);
const LARGE: (u64, usize) = (10_000, 10 << 10);

#[derive(Clone, Copy)]
enum Scenario {
    Quiet,
    Expiry,
    FlushAll,
    Unlink,
    Growth,
}

const SCENARIOS: [(Scenario, &str); 5] = [
    (Scenario::Quiet, "quiet"),
    (Scenario::Expiry, "1,000,000 keys expire in one second"),
    (Scenario::FlushAll, "FLUSHALL ASYNC of 1,100,000 keys"),
    (
        Scenario::Unlink,
        "UNLINK of 8 x 64 MiB, then of 10,000 x 10 KiB",
    ),
    (Scenario::Growth, "growth from 0 to 5,000,000 keys"),
];

/// Microseconds at 50, 99 and 99.9 percent, and the longest.
type Sample = [f64; 4];

/// Measures every scenario, each time in a fresh process, and prints the table.
pub fn run(context: &mut Context) -> Result<()> {
    let rounds = context.options.rounds(3);
    let mut heading = [
        "while",
        "server",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "longest us",
    ]
    .map(String::from)
    .to_vec();
    for base in context.targets.iter().filter(|target| target.is_base()) {
        heading.push(format!("p99.9 / {}", base.name));
    }
    let mut table = Table::new(2, heading);
    context
        .progress
        .expect(SCENARIOS.len() * rounds as usize * context.targets.len());
    for (scenario, name) in SCENARIOS {
        let mut samples = vec![Vec::new(); context.targets.len()];
        for round in 1..=rounds {
            for (index, samples) in samples.iter_mut().enumerate() {
                let step = format!("{name}, {}", context.targets[index].name);
                context
                    .progress
                    .step(&format!("{step}, round {round} of {rounds}"));
                let result = measure(context, &context.targets[index], scenario);
                samples.extend(context.note_failure(&step, result));
            }
        }
        push_rows(&mut table, name, &context.targets, &samples);
    }
    context.progress.end();
    let rate = context.options.rate;
    let scale = if context.options.quick {
        "; sizes are a tenth of what is said"
    } else {
        ""
    };
    let title = format!("Latency of GET at {rate} per second, one per write{scale}");
    table.print(&title, context.options.markdown);
    Ok(())
}

fn push_rows(table: &mut Table, name: &str, targets: &[Target], samples: &[Vec<Sample>]) {
    let middle =
        |samples: &[Sample], index: usize| median(samples.iter().map(|sample| sample[index]));
    for (target, own) in targets.iter().zip(samples) {
        let mut row = vec![name.to_owned(), target.name.clone()];
        row.extend((0..4).map(|index| figure(middle(own, index), 0)));
        for (base, others) in targets.iter().zip(samples) {
            if base.is_base() {
                row.push(ratio(middle(own, 2), middle(others, 2)));
            }
        }
        table.push(row);
    }
}

fn measure(context: &Context, target: &Target, scenario: Scenario) -> Result<Sample> {
    let cores = Cores::of(1);
    let server = target.start(1, &cores.server, context.directory())?;
    let scale = if context.options.quick { 10 } else { 1 };
    let seconds = Duration::from_secs_f64(context.options.seconds(5.0, 1.0));
    let event = seconds / 5;
    if !matches!(scenario, Scenario::Growth) {
        set_keys(&server, 0..KEY_SPACE, None)?;
    }
    let extra = KEY_SPACE..KEY_SPACE + MANY_KEYS / scale;
    let mut side: Box<dyn Side + Send> = match scenario {
        Scenario::Quiet => Box::new(Steps(Vec::new())),
        Scenario::Expiry => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let second = now.as_secs()
                + if context.options.quick {
                    3
                } else {
                    EXPIRY_LEAD
                };
            set_keys(&server, extra, Some(second))?;
            let begin = Duration::from_secs(second).saturating_sub(event);
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let wait = begin.checked_sub(now);
            thread::sleep(wait.ok_or("the keys were not set before they had to expire")?);
            Box::new(Steps(Vec::new()))
        }
        Scenario::FlushAll => {
            set_keys(&server, extra, None)?;
            Box::new(Steps(vec![(event, command(&["FLUSHALL", "ASYNC"]))]))
        }
        Scenario::Unlink => {
            set_values(&server, "huge", HUGE.0, HUGE.1 / scale as usize)?;
            set_values(&server, "large", LARGE.0 / scale, LARGE.1)?;
            // The last step comes first.
            Box::new(Steps(vec![
                (event * 3, unlink("large", LARGE.0 / scale)),
                (event, unlink("huge", HUGE.0)),
            ]))
        }
        Scenario::Growth => Box::new(Growth {
            sent: 0,
            total: GROWN_KEYS / scale,
        }),
    };
    let get = &WORKLOADS[0];
    let latency = paced::run(
        Paced {
            address: server.address,
            connections: context.options.connections,
            cores: &cores.load,
            template: get.template(1),
            rate: context.options.rate,
            at_least: seconds,
        },
        side.as_mut(),
    )?;
    check(&server, scenario, scale)?;
    let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
    Ok([at(0.5), at(0.99), at(0.999), latency.max() as f64 / 1e3])
}

/// What was to happen beside the GETs must have happened.
fn check(server: &Server, scenario: Scenario, scale: u64) -> Result<()> {
    let expected = match scenario {
        Scenario::Quiet | Scenario::Expiry | Scenario::Unlink => KEY_SPACE,
        Scenario::FlushAll => 0,
        Scenario::Growth => GROWN_KEYS / scale,
    };
    let mut client = server.client()?;
    let mut size = 0;
    // Expiry may take its time; that it ends is what counts here.
    for _ in 0..300 {
        size = client.integer(&[b"DBSIZE"])?;
        if size == expected {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err(format!("{size} keys in the end, not {expected}").into())
}

fn set_keys(server: &Server, keys: std::ops::Range<u64>, expire_at: Option<u64>) -> Result<()> {
    let first = keys.start;
    let second = expire_at.map(|second| second.to_string());
    server.client()?.fill(keys.end - first, |n, out| {
        let key = key_name(first + n);
        match &second {
            Some(second) => push_command(
                out,
                &[b"SET", key.as_bytes(), b"xxx", b"EXAT", second.as_bytes()],
            ),
            None => push_command(out, &[b"SET", key.as_bytes(), b"xxx"]),
        };
    })
}

fn set_values(server: &Server, prefix: &str, count: u64, size: usize) -> Result<()> {
    let value = vec![b'x'; size];
    server.client()?.fill(count, |n, out| {
        push_command(out, &[b"SET", format!("{prefix}:{n}").as_bytes(), &value]);
    })
}

fn unlink(prefix: &str, count: u64) -> Vec<u8> {
    let keys: Vec<String> = (0..count).map(|n| format!("{prefix}:{n}")).collect();
    let mut words = vec!["UNLINK"];
    words.extend(keys.iter().map(String::as_str));
    command(&words)
}

fn command(words: &[&str]) -> Vec<u8> {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    let mut bytes = Vec::new();
    push_command(&mut bytes, &words);
    bytes
}

/// Commands at their times, the first one last.
struct Steps(Vec<(Duration, Vec<u8>)>);

impl Side for Steps {
    fn next(&mut self, elapsed: Duration, out: &mut Vec<u8>) -> u64 {
        match self.0.pop_if(|(at, _)| *at <= elapsed) {
            Some((_, bytes)) => {
                out.extend_from_slice(&bytes);
                1
            }
            None => 0,
        }
    }

    fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}

/// New keys at a steady rate.
struct Growth {
    sent: u64,
    total: u64,
}

impl Side for Growth {
    fn next(&mut self, elapsed: Duration, out: &mut Vec<u8>) -> u64 {
        let due = (elapsed.as_secs_f64() * GROWTH_RATE) as u64;
        if self.is_done() || due < self.sent + GROWTH_PIPELINE {
            return 0;
        }
        let count = GROWTH_PIPELINE.min(self.total - self.sent);
        for n in self.sent..self.sent + count {
            push_command(out, &[b"SET", key_name(n).as_bytes(), b"xxx"]);
        }
        self.sent += count;
        count
    }

    fn is_done(&self) -> bool {
        self.sent == self.total
    }
}
