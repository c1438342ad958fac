//! The world of the game: its keys, how it begins, and the check of what it has become.

use crate::ledger::{Ledger, Place};
use crate::link::{Link, Reply};
use crate::support::Result;
use crate::support::request::push_command;
use crate::support::server::Server;

/// Players. Listers and buyers are game servers that act for any of them.
pub const PLAYERS: u64 = 20;

/// Coins that each player begins with.
const START_FUNDS: i64 = 1_000;

/// Prices are from 1 to this, so that now and then an offer is too expensive.
pub const HIGHEST_PRICE: u64 = 100;

/// The sorted set of all offers, by price.
pub const MARKET: &str = "market:";

/// The key of a player's hash, which has the fields `name` and `funds`.
pub fn user(player: u64) -> String {
    format!("users:{player}")
}

/// The key of the set of a player's items.
pub fn inventory(player: u64) -> String {
    format!("inventory:{player}")
}

fn name(player: u64) -> String {
    format!("player {player}")
}

/// An item that is for sale. Its member in the market is `<item>.<seller>`.
pub struct Offer {
    pub member: String,
    pub item: String,
    pub seller: u64,
}

impl Offer {
    pub fn new(item: String, seller: u64) -> Self {
        Self {
            member: format!("{item}.{seller}"),
            item,
            seller,
        }
    }

    pub fn parse(member: String) -> Result<Self> {
        let parts = member.rsplit_once('.');
        let parts = parts.and_then(|(item, seller)| Some((item.to_owned(), seller.parse().ok()?)));
        let (item, seller) = parts.ok_or_else(|| format!("{member:?} is no offer"))?;
        Ok(Self {
            member,
            item,
            seller,
        })
    }
}

/// Makes the players, and gives each an equal share of `items` items.
pub fn begin(server: &Server, items: u64) -> Result<()> {
    let mut client = server.client()?;
    client.command(&[b"FLUSHALL"])?;
    let funds = START_FUNDS.to_string();
    client.fill(PLAYERS, |player, out| {
        let (key, name) = (user(player), name(player));
        let words = ["HSET", &key, "name", &name, "funds", &funds];
        push_command(out, &words.map(str::as_bytes));
    })?;
    client.fill(items, |item, out| {
        let (key, item) = (inventory(item % PLAYERS), format!("item{item}"));
        push_command(out, &["SADD", &key, &item].map(str::as_bytes));
    })
}

/// Reads everything and checks that no item and no coin was lost or made. `offers` is how many the market must have.
pub fn check(server: &Server, items: u64, offers: u64) -> Result<()> {
    let mut link = Link::open(server.address)?;
    let mut ledger = Ledger::new(items, PLAYERS as i64 * START_FUNDS);
    for player in 0..PLAYERS {
        let fields = link.ask(&["HMGET", &user(player), "name", "funds"])?;
        match fields.texts()?.as_slice() {
            [found, funds] if *found == name(player) => ledger.funds(player, funds.parse()?),
            fields => return Err(format!("player {player} has become {fields:?}").into()),
        }
        for item in link.ask(&["SMEMBERS", &inventory(player)])?.texts()? {
            ledger.item(number(&item)?, Place::Inventory(player));
        }
    }
    let market = link.ask(&["ZRANGE", MARKET, "0", "-1", "WITHSCORES"])?;
    let market = market.texts()?;
    for pair in market.chunks(2) {
        let offer = Offer::parse(pair[0].clone())?;
        let price: u64 = pair[1].parse()?;
        if !(1..=HIGHEST_PRICE).contains(&price) {
            return Err(format!("{} is offered at {price}", offer.member).into());
        }
        ledger.item(number(&offer.item)?, Place::Market(offer.seller));
    }
    let count = link.ask(&["ZCARD", MARKET])?;
    let found = market.len() as u64 / 2;
    if (found, count) != (offers, Reply::Integer(offers as i64)) {
        return Err(format!("{found} offers on the market, not {offers}").into());
    }
    Ok(ledger.verdict()?)
}

fn number(item: &str) -> Result<u64> {
    let digits = item.strip_prefix("item");
    let digits = digits.ok_or_else(|| format!("{item:?} is no item"))?;
    Ok(digits.parse()?)
}
