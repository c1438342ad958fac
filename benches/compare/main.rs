//! Side by side: this server and the Redis-compatible servers on the PATH, under the same load in the same run.
//! benches/README.md says what is measured and how to read it.

#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod context;
#[cfg(target_os = "linux")]
mod latency;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod paced;
#[cfg(target_os = "linux")]
mod scan;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod throughput;
#[cfg(target_os = "linux")]
mod workload;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this comparison needs Linux: epoll, CPU affinity and /proc");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    // `cargo test --all-targets` starts benchmarks without `--bench`, and wants to know only that they build.
    if std::env::args().len() == 1 {
        eprintln!("run by: cargo bench --bench compare -- --help");
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

/// True if every measurement succeeded.
#[cfg(target_os = "linux")]
fn run() -> Result<bool> {
    use clap::Parser;

    let mut context = context::Context::new(options::Options::parse())?;
    print_machine(&context);
    if context.options.wants_throughput() {
        for threads in context.options.threads().to_vec() {
            throughput::run(&mut context, threads)?;
        }
    }
    if context.options.wants_memory() {
        memory::run(&mut context)?;
    }
    if context.options.wants_latency() {
        latency::run(&mut context)?;
    }
    Ok(context.report_failures())
}

/// What a reader needs to judge the figures: the processor, the kernel, and each server's version.
#[cfg(target_os = "linux")]
fn print_machine(context: &context::Context) {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |text| {
        text.trim_start_matches([' ', '\t', ':'])
    });
    let bullet = if context.options.markdown { "- " } else { "" };
    println!(
        "{bullet}{model}, {} cores allowed",
        sys::allowed_cores().len()
    );
    println!(
        "{bullet}Linux {}",
        read("/proc/sys/kernel/osrelease").trim()
    );
    let load = read("/proc/loadavg");
    let load = load.split_whitespace().next().unwrap_or("unknown");
    println!("{bullet}load average before: {load}");
    for target in &context.targets {
        println!("{bullet}{}: {}", target.name, target.version);
    }
}
