//! What the figures were measured on.

use super::server::Target;
use super::sys;

/// What a reader needs to judge the figures: the processor, the kernel, and each server's version.
pub fn print(targets: &[Target], markdown: bool) {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |text| {
        text.trim_start_matches([' ', '\t', ':'])
    });
    let bullet = if markdown { "- " } else { "" };
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
    for target in targets {
        println!("{bullet}{}: {}", target.name, target.version);
    }
}
