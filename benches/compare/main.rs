//! Side by side: this server and the Redis-compatible servers on the PATH, under the same load in the same run.
//! benches/README.md says what is measured and how to read it.

#[cfg(target_os = "linux")]
mod context;
#[cfg(target_os = "linux")]
mod fanout;
#[cfg(target_os = "linux")]
mod fill;
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
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod template;
#[cfg(target_os = "linux")]
mod throughput;
#[cfg(target_os = "linux")]
mod workload;

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
fn run() -> support::Result<bool> {
    use clap::Parser;

    let mut context = context::Context::new(options::Options::parse())?;
    support::machine::print(&context.targets, context.options.markdown);
    let throughput = context.options.wants_throughput() && !context.workloads().is_empty();
    let memory = context.options.wants_memory() && !memory::things(&context)?.is_empty();
    let fanout = context.options.wants_fanout();
    if !(throughput || memory || fanout || context.options.wants_latency()) {
        return Err("nothing is left to measure".into());
    }
    if throughput {
        for threads in context.options.threads().to_vec() {
            throughput::run(&mut context, threads)?;
        }
    }
    if memory {
        memory::run(&mut context)?;
    }
    if fanout {
        fanout::run(&mut context)?;
    }
    if context.options.wants_latency() {
        latency::run(&mut context)?;
    }
    Ok(context.report_failures())
}
