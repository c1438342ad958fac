//! The run: every setting on every server, in turns, and the tables of what came of it.

use std::path::Path;

use clap::Parser;
use hdrhistogram::Histogram;

use crate::options::{Options, Setting};
use crate::picture::{self, Group};
use crate::support::cores::Cores;
use crate::support::directory::Directory;
use crate::support::progress::Progress;
use crate::support::server::{OURS, Server, Target, find_program};
use crate::support::table::{Table, figure, grouped, ratio};
use crate::support::{Result, machine};
use crate::{game, ids, traders};

struct Run {
    options: Options,
    targets: Vec<Target>,
    cores: Cores,
    directory: Directory,
    progress: Progress,
}

/// Plays, checks, prints and draws. A check that fails is an error.
pub fn run() -> Result<()> {
    let options = Options::parse();
    options.check()?;
    let mut run = Run {
        targets: targets(options.redis.as_deref())?,
        cores: Cores::of(options.threads()),
        directory: Directory::new()?,
        progress: Progress::new(),
        options,
    };
    machine::print(&run.targets, run.options.markdown);
    let settings = run.options.settings();
    let rounds = run.options.rounds() as usize;
    run.progress
        .expect((settings.len() + 1) * rounds * run.targets.len());
    let mut games = Vec::new();
    for &setting in &settings {
        games.push((setting, run.play(setting)?));
    }
    let ids = run.fill_ids()?;
    run.progress.end();
    run.print_games(&games);
    run.print_ids(&ids);
    println!("\nchecked after every game: no item and no coin lost or made, no id twice");
    if let Some(path) = run.options.picture() {
        run.draw(&path, &games)?;
    }
    Ok(())
}

/// This server, and a real one if there is one. One that was asked for must be there.
fn targets(redis: Option<&Path>) -> Result<Vec<Target>> {
    const NAME: &str = "redis-server";
    let mut targets = vec![Target::ours()?];
    match redis.map(Path::to_owned).or_else(|| find_program(NAME)) {
        Some(path) => targets.push(Target::other(NAME, &path)?),
        None => eprintln!("there is no {NAME} on the PATH: only this server is measured"),
    }
    Ok(targets)
}

impl Run {
    /// Each round has fresh processes, and another server goes first.
    fn round(
        &mut self,
        what: &str,
        round: usize,
        mut step: impl FnMut(&Self, usize, &Server) -> Result<()>,
    ) -> Result<()> {
        let count = self.targets.len();
        for index in (0..count).map(|step| (step + round) % count) {
            let name = &self.targets[index].name;
            self.progress
                .step(&format!("{what} on {name}, round {}", round + 1));
            let target = &self.targets[index];
            let threads = self.options.threads();
            let server = target.start(threads, &self.cores.server, self.directory.path())?;
            step(self, index, &server)
                .map_err(|error| format!("{what} on {}: {error}", target.name))?;
        }
        Ok(())
    }

    fn play(&mut self, setting: Setting) -> Result<Vec<traders::Tally>> {
        let mut sums: Vec<_> = self.targets.iter().map(|_| traders::Tally::new()).collect();
        for round in 0..self.options.rounds() as usize {
            self.round(&setting.to_string(), round, |run, index, server| {
                let items = run.options.items(setting);
                let seconds = run.options.seconds();
                game::begin(server, items)?;
                let seed = 1_000 * round as u64;
                let tally = traders::play(server, setting, seconds, &run.cores.load, seed)?;
                game::check(server, items, tally.listed - tally.bought)?;
                sums[index].add(&tally)
            })?;
        }
        Ok(sums)
    }

    fn fill_ids(&mut self) -> Result<Vec<ids::Tally>> {
        let mut sums: Vec<_> = self.targets.iter().map(|_| ids::Tally::new()).collect();
        for round in 0..self.options.rounds() as usize {
            self.round("user-ids", round, |run, index, server| {
                let seed = 1_000 * round as u64;
                sums[index].add(&ids::fill(
                    server,
                    run.options.ids(),
                    &run.cores.load,
                    seed,
                )?)
            })?;
        }
        Ok(sums)
    }

    fn print_games(&self, games: &[(Setting, Vec<traders::Tally>)]) {
        let mut heading = [
            "listers:buyers",
            "server",
            "listed",
            "bought",
            "called off",
            "retries / purchase",
            "mean wait ms",
            "p99 wait ms",
        ]
        .map(String::from)
        .to_vec();
        heading.extend(self.ratio_heading());
        let mut table = Table::new(2, heading);
        for (setting, tallies) in games {
            let means: Vec<_> = tallies.iter().map(|tally| mean(&tally.wait)).collect();
            for (index, (target, tally)) in self.targets.iter().zip(tallies).enumerate() {
                let mut row = vec![
                    setting.to_string(),
                    target.name.clone(),
                    grouped(tally.listed as f64),
                    grouped(tally.bought as f64),
                    grouped(tally.called_off as f64),
                    figure(per(tally.retries, tally.bought), 2),
                ];
                row.extend(self.waits(&tally.wait, &means, index));
                table.push(row);
            }
        }
        let (rounds, seconds) = (self.options.rounds(), self.options.seconds());
        let place = self.cores.text(self.options.threads());
        let title = format!(
            "Marketplace: sums of {rounds} round(s) of {seconds} s, {} thread(s) of ours, {place}",
            self.options.threads()
        );
        table.print(&title, self.options.markdown);
        for (setting, tallies) in games {
            for (target, tally) in self.targets.iter().zip(tallies) {
                if tally.empty > 0 {
                    let (name, empty) = (&target.name, tally.empty);
                    eprintln!(
                        "{setting} on {name}: {empty} times a lister found nothing to list; see --items"
                    );
                }
            }
        }
    }

    fn print_ids(&self, tallies: &[ids::Tally]) {
        let mut heading = [
            "clients",
            "server",
            "registered",
            "retries / id",
            "mean wait ms",
            "p99 wait ms",
        ]
        .map(String::from)
        .to_vec();
        heading.extend(self.ratio_heading());
        let mut table = Table::new(2, heading);
        let means: Vec<_> = tallies.iter().map(|tally| mean(&tally.wait)).collect();
        for (index, (target, tally)) in self.targets.iter().zip(tallies).enumerate() {
            let registered = tally.registered.len() as u64;
            let mut row = vec![
                ids::CLIENTS.to_string(),
                target.name.clone(),
                grouped(registered as f64),
                figure(per(tally.retries, registered), 2),
            ];
            row.extend(self.waits(&tally.wait, &means, index));
            table.push(row);
        }
        table.print(
            "User ids: SMEMBERS, then SADD inside MULTI",
            self.options.markdown,
        );
    }

    fn ratio_heading(&self) -> impl Iterator<Item = String> {
        let bases = self.targets.iter().filter(|target| target.is_base());
        bases.map(|base| format!("mean / {}", base.name))
    }

    /// The cells for `wait`, which is of server `index`; `means` are those of all servers.
    fn waits(&self, wait: &Histogram<u64>, means: &[Option<f64>], index: usize) -> Vec<String> {
        let mut cells = vec![figure(means[index], 3), figure(p99(wait), 3)];
        for (target, &base) in self.targets.iter().zip(means) {
            if target.is_base() {
                cells.push(ratio(means[index], base));
            }
        }
        cells
    }

    fn draw(&self, path: &Path, games: &[(Setting, Vec<traders::Tally>)]) -> Result<()> {
        let names: Vec<String> = self.targets.iter().map(label).collect();
        let groups = |figure: fn(&traders::Tally) -> Option<f64>| -> Vec<Group> {
            games
                .iter()
                .map(|(setting, tallies)| Group {
                    name: setting.to_string(),
                    values: tallies.iter().map(figure).collect(),
                })
                .collect()
        };
        let panels = [
            (
                "mean wait per purchase, ms",
                groups(|tally| mean(&tally.wait)),
            ),
            (
                "p99 wait per purchase, ms",
                groups(|tally| p99(&tally.wait)),
            ),
            (
                "retries per purchase",
                groups(|tally| per(tally.retries, tally.bought)),
            ),
        ];
        picture::draw(path, &names, &panels)?;
        eprintln!("drawn: {}", path.display());
        Ok(())
    }
}

/// What the picture calls a server: its name and release.
fn label(target: &Target) -> String {
    let release = |key: &str| {
        let mut words = target.version.split_whitespace();
        words
            .find_map(|word| word.strip_prefix(key))
            .map(str::to_owned)
    };
    match target.name == OURS {
        true => format!("Redouble {}", release("redouble=").as_deref().unwrap_or("")),
        false => format!("{} {}", target.name, release("v=").as_deref().unwrap_or("")),
    }
    .trim_end()
    .to_owned()
}

/// Milliseconds.
fn mean(wait: &Histogram<u64>) -> Option<f64> {
    (!wait.is_empty()).then(|| wait.mean() / 1e6)
}

/// Milliseconds.
fn p99(wait: &Histogram<u64>) -> Option<f64> {
    (!wait.is_empty()).then(|| wait.value_at_quantile(0.99) as f64 / 1e6)
}

fn per(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}
