//! An in-game market under contention, on this server and on a real redis-server, in one run. benches/README.md says how
//! it is played and how to read the figures.

#[cfg(target_os = "linux")]
mod game;
#[cfg(target_os = "linux")]
mod ids;
#[cfg(target_os = "linux")]
mod ledger;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod picture;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod traders;

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this comparison needs Linux: CPU affinity and /proc");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    // `cargo test --all-targets` starts benchmarks without `--bench`, and wants to know only that they build.
    if std::env::args().len() == 1 {
        eprintln!("run by: cargo bench --bench marketplace -- --help");
        return ExitCode::SUCCESS;
    }
    match report::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}
