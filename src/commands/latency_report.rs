//! The texts of LATENCY DOCTOR and LATENCY GRAPH, for people.

use std::fmt::Write;

use crate::clock::Micros;
use crate::config::Config;
use crate::latency::events::{Sample, Series, event};

/// Columns of a drawing: more samples go on below.
const COLUMNS: usize = 80;

/// Lines of its bars.
const ROWS: u64 = 4;

/// Heights of a bar within one line: half of it, and all.
const STEPS: u64 = 2;

/// Draws a kind of event: a bar for each sample, the oldest first, and under it how long ago it was.
pub fn graph(name: &str, series: &Series, now: Micros) -> String {
    let millis = || series.samples.iter().map(|sample| sample.millis);
    let (high, low) = (millis().max().unwrap_or(0), millis().min().unwrap_or(0));
    let mut out = format!(
        "{name} - high {high} ms, low {low} ms (all time high {} ms)\n",
        series.longest
    );
    let _ = writeln!(out, "{}", "-".repeat(COLUMNS));
    let samples = Vec::from_iter(series.samples.iter().copied());
    for part in samples.chunks(COLUMNS) {
        let heights: Vec<u64> = part
            .iter()
            .map(|sample| height(sample.millis, low, high))
            .collect();
        for row in (0..ROWS).rev() {
            line(&mut out, heights.iter().map(|height| mark(*height, row)));
        }
        out.push('\n');
        let ages: Vec<String> = part.iter().map(|sample| age(sample, now)).collect();
        let longest = ages.iter().map(String::len).max().unwrap_or(0);
        for row in 0..longest {
            let letter = |age: &String| age.as_bytes().get(row).map_or(' ', |&byte| byte.into());
            line(&mut out, ages.iter().map(letter));
        }
        out.push('\n');
    }
    out
}

fn line(out: &mut String, marks: impl Iterator<Item = char>) {
    let text: String = marks.collect();
    out.push_str(text.trim_end());
    out.push('\n');
}

/// How many steps high a bar is: one for the lowest sample.
fn height(millis: u64, low: u64, high: u64) -> u64 {
    let most = ROWS * STEPS - 1;
    1 + ((millis - low) * most).checked_div(high - low).unwrap_or(0)
}

/// What a line, counted from the ground, shows of a bar.
fn mark(height: u64, row: u64) -> char {
    match height.saturating_sub(row * STEPS) {
        0 => ' ',
        1 => '.',
        _ => '|',
    }
}

/// How long ago a sample was.
fn age(sample: &Sample, now: Micros) -> String {
    let seconds = (now.seconds() - sample.seconds).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Says what was observed, and what may help.
pub fn report(events: &[(&'static str, Series)], config: &Config, now: Micros) -> String {
    let threshold = config.latency_monitor_threshold();
    if events.is_empty() {
        return if threshold == 0 {
            "The latency monitor is off, and has seen nothing so far. CONFIG SET latency-monitor-threshold \
             <milliseconds> switches it on.\n"
                .to_owned()
        } else {
            format!("Nothing has taken {threshold} ms or more since the last reset.\n")
        };
    }
    let mut out = "What took long:\n\n".to_owned();
    for (number, (name, series)) in events.iter().enumerate() {
        let _ = writeln!(out, "{}. {name}: {}", number + 1, summary(series, now));
    }
    out.push_str("\nWhat may help:\n\n");
    let mut given: Vec<String> = Vec::new();
    for advice in events.iter().flat_map(|(name, _)| advice(name, config)) {
        if !given.contains(&advice) {
            let _ = writeln!(out, "- {advice}");
            given.push(advice);
        }
    }
    out
}

fn summary(series: &Series, now: Micros) -> String {
    let samples = &series.samples;
    let count = samples.len().max(1) as u64;
    let mean = samples.iter().map(|sample| sample.millis).sum::<u64>() / count;
    let deviation = samples
        .iter()
        .map(|sample| sample.millis.abs_diff(mean))
        .sum::<u64>()
        / count;
    let first = samples.front().map_or(0, |sample| sample.seconds);
    format!(
        "{count} in the last {} s, {mean} ms on average, {deviation} ms from that on average; the longest ever took \
         {} ms.",
        (now.seconds() - first).max(1),
        series.longest
    )
}

fn advice(name: &str, config: &Config) -> Vec<String> {
    let threshold = config.latency_monitor_threshold();
    let fixed = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    match name {
        event::COMMAND => {
            let (slow, most) = (config.slowlog_log_slower_than(), config.slowlog_max_len());
            let mut given = Vec::new();
            if slow < 0 || most == 0 {
                given.push(
                    "The slow log is off. CONFIG SET slowlog-log-slower-than and slowlog-max-len switch it on; \
                     it then names the commands."
                        .to_owned(),
                );
            } else if slow as u64 / 1_000 > threshold {
                given.push(format!(
                    "The slow log notes only what takes {slow} us or more, so that it misses some of these commands: \
                     CONFIG SET slowlog-log-slower-than {}.",
                    threshold.saturating_mul(1_000)
                ));
            }
            given.push(
                "SLOWLOG GET names the commands. Ask for less at once: SCAN and its kin instead of KEYS, ranges \
                 instead of whole collections."
                    .to_owned(),
            );
            given
        }
        event::FAST_COMMAND => fixed(&[
            "Commands that do little took long: the machine has too little time for the server. See what else \
             runs on it; `redis-cli --intrinsic-latency 100` shows how long it lets a process wait.",
        ]),
        event::EXPIRE_CYCLE => fixed(&[
            "Many keys or fields expire at the same time: spread their expiries out, or let the search run more \
             often, and so do less at once, with a higher hz.",
        ]),
        event::EVICTION_CYCLE => fixed(&[
            "Memory has passed maxmemory by much at once: lower maxmemory in small steps, and store large values \
             in parts.",
        ]),
        event::EVICTION_DEL => {
            fixed(&["Values of very many elements were evicted: keep them in parts."])
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_000_000 * 1_000_000);

    fn series(samples: &[(i64, u64)]) -> Series {
        Series {
            samples: samples
                .iter()
                .map(|&(ago, millis)| Sample {
                    seconds: NOW.seconds() - ago,
                    millis,
                })
                .collect(),
            longest: 900,
        }
    }

    #[test]
    fn a_drawing_has_a_bar_and_an_age_for_each_sample() {
        let samples = series(&[(200_000, 100), (7_300, 800), (75, 300), (12, 450)]);
        let text = graph("command", &samples, NOW);
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("command - high 800 ms, low 100 ms (all time high 900 ms)")
        );
        assert_eq!(lines.next(), Some("-".repeat(80).as_str()));
        let rest: Vec<&str> = lines.collect();
        assert_eq!(
            rest,
            [" |", " |", " |.|", ".|||", "", "2211", "dhm2", "   s", ""]
        );
    }

    #[test]
    fn one_sample_has_the_lowest_bar_and_81_need_two_parts() {
        let one = graph("command", &series(&[(0, 5)]), NOW);
        assert!(one.ends_with("\n.\n\n0\ns\n\n"), "{one}");
        let many: Vec<(i64, u64)> = (0..81).map(|ago| (81 - ago, 7)).collect();
        let text = graph("command", &series(&many), NOW);
        let bars = text.lines().filter(|line| line.starts_with('.'));
        assert_eq!(bars.map(str::len).collect::<Vec<_>>(), [80, 1]);
    }

    #[test]
    fn a_report_sums_up_and_gives_advice_once() {
        let config = Config::new();
        assert!(report(&[], &config, NOW).contains("is off"));
        config.set(&[("latency-monitor-threshold", "5")]).unwrap();
        assert!(report(&[], &config, NOW).contains("5 ms or more"));
        let events = [
            (event::COMMAND, series(&[(10, 100), (5, 300)])),
            (event::EXPIRE_CYCLE, series(&[(5, 7)])),
        ];
        let text = report(&events, &config, NOW);
        assert!(
            text.contains(
                "1. command: 2 in the last 10 s, 200 ms on average, 100 ms from that on average; "
            ),
            "{text}"
        );
        assert!(text.contains("slowlog-log-slower-than 5000."), "{text}");
        assert!(text.contains("higher hz"), "{text}");
        config.set(&[("slowlog-max-len", "0")]).unwrap();
        assert!(report(&events, &config, NOW).contains("slow log is off"));
    }
}
