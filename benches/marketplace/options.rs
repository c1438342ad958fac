//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;

use crate::support::Result;

/// Plays an in-game market on this server and on a real redis-server, and checks that no item and no coin is lost.
#[derive(Parser)]
#[command(name = "cargo bench --bench marketplace --")]
pub struct Options {
    /// Clients that put items on the market, instead of the three settings
    #[arg(long, value_name = "N", requires = "buyers")]
    listers: Option<usize>,

    /// Clients that buy, instead of the three settings
    #[arg(long, value_name = "N", requires = "listers")]
    buyers: Option<usize>,

    /// Listers and buyers of each setting
    #[arg(long, value_delimiter = ',', value_name = "L:B", default_values_t = [
        Setting { listers: 1, buyers: 1 },
        Setting { listers: 5, buyers: 1 },
        Setting { listers: 5, buyers: 5 },
    ])]
    settings: Vec<Setting>,

    /// Seconds of play in each setting, round and server [default: 3, with --quick 0.2]
    #[arg(long)]
    seconds: Option<f64>,

    /// Rounds; the tables show their sums [default: 3, with --quick 1]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,

    /// Items in the game [default: more than the listers can put on the market]
    #[arg(long, value_name = "N")]
    items: Option<u64>,

    /// Threads of our server. 1: the server on one core, the clients on another. 2: all share two cores
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=2))]
    threads: u8,

    /// A real redis-server; the one on the PATH is used if there is one
    #[arg(long, value_name = "PATH")]
    pub redis: Option<PathBuf>,

    /// Where the picture goes [default: benches/marketplace.svg; with --quick or settings of your own, nowhere]
    #[arg(long, value_name = "PATH")]
    picture: Option<PathBuf>,

    /// A check that everything works, in a few seconds. Its figures mean little
    #[arg(long)]
    quick: bool,

    /// Prints Markdown
    #[arg(long)]
    pub markdown: bool,

    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// How many clients list, and how many buy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub listers: usize,
    pub buyers: usize,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.listers, self.buyers)
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let count = |text: &str| {
            text.parse()
                .ok()
                .filter(|count| (1..=1_000).contains(count))
        };
        text.split_once(':')
            .and_then(|(listers, buyers)| {
                Some(Self {
                    listers: count(listers)?,
                    buyers: count(buyers)?,
                })
            })
            .ok_or_else(|| "two numbers from 1 to 1000 were expected, such as 5:1".to_owned())
    }
}

impl Options {
    pub fn settings(&self) -> Vec<Setting> {
        match (self.listers, self.buyers) {
            (Some(listers), Some(buyers)) => vec![Setting { listers, buyers }],
            _ => self.settings.clone(),
        }
    }

    pub fn seconds(&self) -> f64 {
        self.seconds.unwrap_or(if self.quick { 0.2 } else { 3.0 })
    }

    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    pub fn threads(&self) -> usize {
        usize::from(self.threads)
    }

    /// Items for a game of `setting`: a lister on a socket makes less than 15,000 listings per second.
    pub fn items(&self, setting: Setting) -> u64 {
        let enough = 15_000.0 * self.seconds() * setting.listers as f64;
        self.items.unwrap_or(enough as u64 + 20_000)
    }

    /// Ids that the clients of the user-id set make in all.
    pub fn ids(&self) -> u64 {
        if self.quick { 100 } else { 1_000 }
    }

    /// Where the picture goes, if anywhere: a quick run or other settings must not replace the one that is kept.
    pub fn picture(&self) -> Option<PathBuf> {
        let own_settings = self.listers.is_some() || {
            let usual = ["1:1", "5:1", "5:5"];
            let given: Vec<String> = self.settings.iter().map(Setting::to_string).collect();
            given != usual
        };
        let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/marketplace.svg");
        let usual = (!self.quick && !own_settings).then(|| PathBuf::from(kept));
        self.picture.clone().or(usual)
    }

    pub fn check(&self) -> Result<()> {
        if !(0.01..=3600.0).contains(&self.seconds()) {
            return Err("--seconds must be between 0.01 and 3600".into());
        }
        let clients = [self.listers, self.buyers];
        if clients
            .into_iter()
            .flatten()
            .any(|n| !(1..=1_000).contains(&n))
        {
            return Err("--listers and --buyers must be between 1 and 1000".into());
        }
        if self
            .items
            .is_some_and(|items| !(1..=100_000_000).contains(&items))
        {
            return Err("--items must be between 1 and 100000000".into());
        }
        Ok(())
    }
}
