//! Throughput, CPU per request and latency of every workload, at full load.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::fill;
use crate::load::{self, Load};
use crate::options::LoadKind;
use crate::support::cores::Cores;
use crate::support::server::{Server, Target, find_program};
use crate::support::table::{NONE, Table, figure, grouped, median, ratio};
use crate::support::{Result, sys};
use crate::workload::{KEY_SPACE, Workload};

/// One round of one workload on one server.
#[derive(Clone, Copy)]
struct Sample {
    /// Requests per second.
    rate: f64,
    /// CPU microseconds of the server per request, which is also CPU seconds per million.
    server_cpu: f64,
    /// The same of the load.
    load_cpu: Option<f64>,
    /// Microseconds at 50, 99 and 99.9 percent.
    latency: Option<[f64; 3]>,
    /// Share of the time that the server could run but had no core; 0 if unknown.
    waited: f64,
}

/// Measures with `threads` threads of ours, and prints the table.
pub fn run(context: &mut Context, threads: usize) -> Result<()> {
    let workloads = context.workloads();
    let asked = context.options.pipeline.clone();
    let rounds = context.options.rounds(5) as usize;
    let rows: usize = workloads
        .iter()
        .map(|workload| workload.pipelines(&asked).len())
        .sum();
    context
        .progress
        .expect(rows * rounds * context.targets.len());

    let mut table = Table::new(1, heading(&context.targets));
    let mut most_waited: f64 = 0.0;
    for workload in &workloads {
        let pipelines = workload.pipelines(&asked);
        let mut samples = vec![vec![Vec::new(); context.targets.len()]; pipelines.len()];
        for round in 0..rounds {
            run_round(context, threads, workload, &pipelines, round, &mut samples)?;
        }
        for (&pipeline, samples) in pipelines.iter().zip(&samples) {
            let medians: Vec<Option<Sample>> = samples.iter().map(|s| middle(s)).collect();
            push_rows(&mut table, workload, pipeline, &context.targets, &medians);
            let waited = medians.iter().flatten().map(|sample| sample.waited);
            most_waited = waited.fold(most_waited, f64::max);
        }
    }
    context.progress.end();
    let title = title(context, threads, &Cores::of(threads));
    table.print(&title, context.options.markdown);
    // With two threads the load shares the cores, and some waiting is part of the measurement.
    if threads == 1 && most_waited > 0.03 {
        eprintln!(
            "\nnot a quiet machine: a server waited for its core {:.0}% of the time in the worst row",
            most_waited * 100.0
        );
    }
    Ok(())
}

/// Measures one workload once on every server, and adds to `samples`, which are by pipeline and then by server.
///
/// Each round has fresh processes, because where a process's memory happens to lie makes it some percent faster or
/// slower for its whole life. Another server goes first each time, for the same reason.
fn run_round(
    context: &mut Context,
    threads: usize,
    workload: &Workload,
    pipelines: &[usize],
    round: usize,
    samples: &mut [Vec<Vec<Sample>>],
) -> Result<()> {
    let cores = Cores::of(threads);
    let servers = context.start_all(threads)?;
    let count = servers.len();
    let order: Vec<usize> = (0..count).map(|step| (step + round) % count).collect();
    for (place, (&pipeline, samples)) in pipelines.iter().zip(samples).enumerate() {
        if place == 0 || workload.grows() {
            for &index in &order {
                let name = format!("{} on {}", workload.name, servers[index].name);
                let result = fill::prepare(&servers[index], workload);
                context.note_failure(&name, result);
            }
        }
        for &index in &order {
            let server = &servers[index];
            let name = format!("{} x{pipeline} on {}", workload.name, server.name);
            context
                .progress
                .step(&format!("{name}, round {}", round + 1));
            let known = samples[index].last().map(|sample| sample.rate);
            let result = measure(context, server, &cores, workload, pipeline, known);
            samples[index].extend(context.note_failure(&name, result));
        }
    }
    Ok(())
}

fn title(context: &Context, threads: usize, cores: &Cores) -> String {
    let place = cores.text(threads);
    let load = match context.options.load {
        LoadKind::Own => "",
        LoadKind::RedisBenchmark => ", load by redis-benchmark",
    };
    let connections = context.options.connections;
    format!("Throughput: {threads} thread(s) of ours, {connections} connections, {place}{load}")
}

fn measure(
    context: &Context,
    server: &Server,
    cores: &Cores,
    workload: &Workload,
    pipeline: usize,
    known_rate: Option<f64>,
) -> Result<Sample> {
    let seconds = context.options.seconds(1.0, 0.03) * workload.time;
    if context.options.load == LoadKind::RedisBenchmark {
        let connections = context.options.connections;
        let run = |requests| {
            run_redis_benchmark(server, cores, workload, pipeline, connections, requests)
        };
        // The first run only tells how many requests fill the time.
        let rate = match known_rate {
            Some(rate) => rate,
            None => run(2_000 * pipeline as u64 + 8_000)?.rate,
        };
        return run((rate * seconds) as u64 + 1_000);
    }
    let load = Load {
        address: server.address,
        connections: context.options.connections.min(workload.connections),
        threads: cores.load.len().max(1),
        cores: &cores.load,
        workload,
        pipeline,
        warm: Duration::from_secs_f64((seconds / 5.0).min(0.3)),
        measure: Duration::from_secs_f64(seconds),
    };
    // A kernel without these statistics is no reason to stop.
    let waited = || server.waited().unwrap_or(0.0);
    let (start, before) = (Instant::now(), waited());
    let measured = load::run(&load, || server.cpu())?;
    let waited = (waited() - before) / start.elapsed().as_secs_f64();
    let requests = measured.requests as f64;
    let at = |quantile| measured.latency.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Sample {
        rate: requests / measured.seconds,
        server_cpu: measured.server_cpu / requests * 1e6,
        load_cpu: Some(measured.load_cpu / requests * 1e6),
        latency: Some([at(0.5), at(0.99), at(0.999)]),
        waited,
    })
}

/// Takes from redis-benchmark nothing but the fact that it is done.
fn run_redis_benchmark(
    server: &Server,
    cores: &Cores,
    workload: &Workload,
    pipeline: usize,
    connections: usize,
    requests: u64,
) -> Result<Sample> {
    let program = find_program("redis-benchmark").ok_or("redis-benchmark is not on the PATH")?;
    let test = workload
        .redis_benchmark_test()
        .ok_or("redis-benchmark has no test for this")?;
    let mut command = Command::new(program);
    command
        .args(["-h", "127.0.0.1", "-p", &server.address.port().to_string()])
        .args(["-c", &connections.to_string(), "-P", &pipeline.to_string()])
        .args(["-n", &requests.to_string(), "-r", &KEY_SPACE.to_string()])
        .args(["-t", test, "-d", &workload.value_size.to_string(), "--csv"]);
    sys::pin_command(&mut command, &cores.load);
    let cpu = server.cpu()?;
    let start = Instant::now();
    let output = command.output()?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = server.cpu()? - cpu;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || text.to_lowercase().contains("error") {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("redis-benchmark failed: {text}{errors}").into());
    }
    Ok(Sample {
        rate: requests as f64 / seconds,
        server_cpu: cpu / requests as f64 * 1e6,
        load_cpu: None,
        latency: None,
        waited: 0.0,
    })
}

fn middle(samples: &[Sample]) -> Option<Sample> {
    let of = |field: fn(&Sample) -> Option<f64>| median(samples.iter().filter_map(field));
    let latency = [
        of(|sample| sample.latency.map(|latency| latency[0])),
        of(|sample| sample.latency.map(|latency| latency[1])),
        of(|sample| sample.latency.map(|latency| latency[2])),
    ];
    Some(Sample {
        rate: of(|sample| Some(sample.rate))?,
        server_cpu: of(|sample| Some(sample.server_cpu))?,
        load_cpu: of(|sample| sample.load_cpu),
        latency: match latency {
            [Some(half), Some(most), Some(nearly_all)] => Some([half, most, nearly_all]),
            _ => None,
        },
        waited: of(|sample| Some(sample.waited))?,
    })
}

fn heading(targets: &[Target]) -> Vec<String> {
    let mut heading: Vec<String> = [
        "workload",
        "per write",
        "server",
        "requests/s",
        "CPU s/M",
        "load CPU s/M",
        "p50 us",
        "p99 us",
        "p99.9 us",
    ]
    .map(String::from)
    .to_vec();
    for base in targets.iter().filter(|target| target.is_base()) {
        heading.push(format!("less CPU than {}", base.name));
        heading.push(format!("throughput of {}", base.name));
    }
    heading.push("goal, less CPU".to_owned());
    heading
}

fn push_rows(
    table: &mut Table,
    workload: &Workload,
    pipeline: usize,
    targets: &[Target],
    medians: &[Option<Sample>],
) {
    for (target, sample) in targets.iter().zip(medians) {
        let rate = sample.map(|sample| sample.rate);
        let cpu = sample.map(|sample| sample.server_cpu);
        let latency = sample.and_then(|sample| sample.latency);
        let mut row = vec![
            workload.name.to_owned(),
            pipeline.to_string(),
            target.name.clone(),
            rate.map_or_else(|| NONE.to_owned(), grouped),
            figure(cpu, 3),
            figure(sample.and_then(|sample| sample.load_cpu), 3),
        ];
        row.extend((0..3).map(|index| figure(latency.map(|latency| latency[index]), 0)));
        for (base, sample) in targets.iter().zip(medians) {
            if base.is_base() {
                row.push(ratio(sample.map(|sample| sample.server_cpu), cpu));
                row.push(ratio(rate, sample.map(|sample| sample.rate)));
            }
        }
        let goal = workload.goal(pipeline).filter(|_| !target.is_base());
        row.push(goal.map_or_else(|| NONE.to_owned(), |goal| format!("{goal:.2}x")));
        table.push(row);
    }
}
