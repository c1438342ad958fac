//! The bookkeeping: what must be true of the items and the coins after any number of sales.

/// Where an item was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Inventory(u64),
    /// On the market, offered by this player.
    Market(u64),
}

/// Compares what is found on a server with what was there at the beginning. Items have the numbers from 0 on.
pub struct Ledger {
    places: Vec<Option<Place>>,
    /// Coins that all players had together.
    coins: i64,
    found: i64,
    wrong: Vec<String>,
}

impl Ledger {
    pub fn new(items: u64, coins: i64) -> Self {
        Self {
            places: vec![None; items as usize],
            coins,
            found: 0,
            wrong: Vec::new(),
        }
    }

    /// Notes that `item` was found in `place`.
    pub fn item(&mut self, item: u64, place: Place) {
        match self.places.get_mut(item as usize) {
            None => self.wrong.push(format!("item {item} is new, in {place:?}")),
            Some(Some(first)) => {
                let text = format!("item {item} is in {first:?} and in {place:?}");
                self.wrong.push(text);
            }
            Some(seen) => *seen = Some(place),
        }
    }

    /// Notes that `player` has `coins`.
    pub fn funds(&mut self, player: u64, coins: i64) {
        self.found += coins;
        if coins < 0 {
            self.wrong
                .push(format!("player {player} has {coins} coins"));
        }
    }

    /// An error that names what is wrong, the first few of each kind; to be called once everything is noted.
    pub fn verdict(mut self) -> Result<(), String> {
        if self.found != self.coins {
            let (found, coins) = (self.found, self.coins);
            self.wrong
                .push(format!("there are {found} coins, not {coins}"));
        }
        let lost = self.places.iter().enumerate();
        let lost = lost.filter(|(_, place)| place.is_none());
        self.wrong
            .extend(lost.map(|(item, _)| format!("item {item} is nowhere")));
        if self.wrong.is_empty() {
            return Ok(());
        }
        let count = self.wrong.len();
        self.wrong.truncate(10);
        Err(format!("{count} fault(s): {}", self.wrong.join("; ")))
    }
}
