//! The clients: listers put items on the market and buyers take them off, as fast as they can, each on a connection and a
//! thread of its own.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::game::{HIGHEST_PRICE, MARKET, Offer, PLAYERS, inventory, user};
use crate::link::{Link, Reply};
use crate::options::Setting;
use crate::support::histogram::new_histogram;
use crate::support::request::Random;
use crate::support::server::Server;
use crate::support::{Result, sys};

/// What the clients did.
pub struct Tally {
    pub listed: u64,
    pub bought: u64,
    /// Offers that buyers gave up: gone, another price, or too expensive.
    pub called_off: u64,
    /// Transactions of buyers that gave a null.
    pub retries: u64,
    /// The same of listers.
    pub lister_retries: u64,
    /// Times that a lister's item was gone when it looked under WATCH.
    pub gone: u64,
    /// Times that a lister found an inventory empty.
    pub empty: u64,
    /// Nanoseconds from the first WATCH for an offer to its purchase, retries included.
    pub wait: Histogram<u64>,
}

impl Tally {
    pub fn new() -> Self {
        Self {
            listed: 0,
            bought: 0,
            called_off: 0,
            retries: 0,
            lister_retries: 0,
            gone: 0,
            empty: 0,
            wait: new_histogram(),
        }
    }

    pub fn add(&mut self, other: &Self) -> Result<()> {
        self.listed += other.listed;
        self.bought += other.bought;
        self.called_off += other.called_off;
        self.retries += other.retries;
        self.lister_retries += other.lister_retries;
        self.gone += other.gone;
        self.empty += other.empty;
        Ok(self.wait.add(&other.wait)?)
    }
}

/// Plays for `seconds`, with the clients on `cores`. `seed` is the same for every server.
pub fn play(
    server: &Server,
    setting: Setting,
    seconds: f64,
    cores: &[usize],
    seed: u64,
) -> Result<Tally> {
    let stop = AtomicBool::new(false);
    let results: Vec<Result<Tally>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..setting.listers + setting.buyers)
            .map(|index| {
                let stop = &stop;
                scope.spawn(move || {
                    let result = sys::pin_thread(cores)
                        .map_err(Into::into)
                        .and_then(|()| Trader::new(server.address, index as u64 + seed, stop))
                        .and_then(|trader| trader.run(index < setting.listers));
                    if result.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    result
                })
            })
            .collect();
        thread::sleep(Duration::from_secs_f64(seconds));
        stop.store(true, Ordering::Relaxed);
        clients
            .into_iter()
            .map(|client| client.join().expect("a client panicked"))
            .collect()
    });
    let mut sum = Tally::new();
    for result in results {
        sum.add(&result?)?;
    }
    Ok(sum)
}

struct Trader<'a> {
    link: Link,
    random: Random,
    stop: &'a AtomicBool,
    tally: Tally,
}

impl<'a> Trader<'a> {
    fn new(address: SocketAddr, seed: u64, stop: &'a AtomicBool) -> Result<Self> {
        Ok(Self {
            link: Link::open(address)?,
            random: Random::new(seed),
            stop,
            tally: Tally::new(),
        })
    }

    fn run(mut self, lists: bool) -> Result<Tally> {
        while !self.is_over() {
            match lists {
                true => self.list()?,
                false => self.buy()?,
            }
        }
        Ok(self.tally)
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// One player puts one item on the market.
    fn list(&mut self) -> Result<()> {
        let seller = self.random.below(PLAYERS);
        let inventory = inventory(seller);
        let Some(item) = self.link.ask(&["SRANDMEMBER", &inventory])?.text()? else {
            self.tally.empty += 1;
            return Ok(());
        };
        let price = (1 + self.random.below(HIGHEST_PRICE)).to_string();
        let Offer { member, item, .. } = Offer::new(item, seller);
        while !self.is_over() {
            let check = ["SISMEMBER", &inventory, &item];
            let [has] = self.link.watch(&[&inventory], [&check])?;
            if has.integer()? == 0 {
                self.tally.gone += 1;
                return self.link.command(&["UNWATCH"]);
            }
            let done = self.link.transaction(&[
                &["ZADD", MARKET, &price, &member],
                &["SREM", &inventory, &item],
            ])?;
            let Some(replies) = done else {
                self.tally.lister_retries += 1;
                continue;
            };
            if replies != [Reply::Integer(1), Reply::Integer(1)] {
                return Err(format!("listing {member} answered {replies:?}").into());
            }
            self.tally.listed += 1;
            return Ok(());
        }
        Ok(())
    }

    /// One player buys one item that it has seen on the market, or gives it up.
    fn buy(&mut self) -> Result<()> {
        let buyer = self.random.below(PLAYERS);
        let seen = self.link.ask(&["ZRANDMEMBER", MARKET, "1", "WITHSCORES"])?;
        let Ok([member, price]) = <[String; 2]>::try_from(seen.texts()?) else {
            // An empty market: at the very beginning.
            thread::yield_now();
            return Ok(());
        };
        let offer = Offer::parse(member)?;
        if offer.seller == buyer {
            return Ok(());
        }
        let start = Instant::now();
        while !self.is_over() {
            match self.try_to_buy(buyer, &offer, &price)? {
                Attempt::Bought => {
                    self.tally.bought += 1;
                    let wait = start.elapsed().as_nanos() as u64;
                    self.tally.wait.saturating_record(wait);
                    return Ok(());
                }
                Attempt::CalledOff => {
                    self.tally.called_off += 1;
                    return Ok(());
                }
                Attempt::Lost => self.tally.retries += 1,
            }
        }
        Ok(())
    }

    fn try_to_buy(&mut self, buyer: u64, offer: &Offer, price: &str) -> Result<Attempt> {
        let buyer_key = user(buyer);
        let score = ["ZSCORE", MARKET, &offer.member];
        let funds = ["HGET", &buyer_key, "funds"];
        let [asked, funds] = self.link.watch(&[MARKET, &buyer_key], [&score, &funds])?;
        let funds: i64 = funds.text()?.ok_or("a player without funds")?.parse()?;
        let coins: i64 = price.parse()?;
        if asked.text()?.as_deref() != Some(price) || coins > funds {
            self.link.command(&["UNWATCH"])?;
            return Ok(Attempt::CalledOff);
        }
        let done = self.link.transaction(&[
            &["HINCRBY", &user(offer.seller), "funds", price],
            &["HINCRBY", &buyer_key, "funds", &format!("-{price}")],
            &["SADD", &inventory(buyer), &offer.item],
            &["ZREM", MARKET, &offer.member],
        ])?;
        let Some(replies) = done else {
            return Ok(Attempt::Lost);
        };
        // The buyer's hash was watched, so its funds are known to the coin.
        let left = Reply::Integer(funds - coins);
        match replies.as_slice() {
            [
                Reply::Integer(_),
                paid,
                Reply::Integer(1),
                Reply::Integer(1),
            ] if *paid == left => Ok(Attempt::Bought),
            _ => Err(format!("buying {} answered {replies:?}", offer.member).into()),
        }
    }
}

/// What became of one transaction of a buyer.
enum Attempt {
    Bought,
    CalledOff,
    Lost,
}
