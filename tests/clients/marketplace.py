"""An in-game market: listers put items up for sale and buyers buy them, all at the same time.

Users are hashes with a name and funds, inventories are sets, and the market is one sorted set of
`<item>.<seller>` by price. A lister watches the inventory, a buyer the market and its own hash;
both start again on WatchError, and UNWATCH when what they want no longer makes sense. Afterwards
every item must be in exactly one place, and all coins must be there.

With --reference PORT the same is played on a second server, and the table has both.
"""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import redis
from program import arguments, check, check_equal, connect

PLAYERS = range(20)
START_FUNDS = 1000
HIGHEST_PRICE = 100
MARKET = "market:"
SETTINGS = [(1, 1), (5, 1), (5, 5)]
HEADING = [
    "listers:buyers", "server", "listed", "bought", "called off",
    "retries / purchase", "mean wait ms", "p99 wait ms",
]  # fmt: skip


def user(player):
    return f"users:{player}"


def inventory(player):
    return f"inventory:{player}"


def more(parser):
    parser.add_argument("--listers", type=int, help="instead of the settings 1:1, 5:1 and 5:5")
    parser.add_argument("--buyers", type=int, help="instead of the settings 1:1, 5:1 and 5:5")
    parser.add_argument("--seconds", type=float, default=2, help="per setting and server")
    parser.add_argument("--reference", type=int, metavar="PORT", help="a second server")


class Trader:
    """One client on a thread of its own, that acts for any player until the time is over."""

    def __init__(self, client, seed, end):
        self.client = client
        self.chance = random.Random(seed)
        self.end = end
        self.count = Counter()
        self.waits = []

    def run(self, turn):
        while not self.is_over():
            turn(self)
        return self

    def is_over(self):
        return time.monotonic() >= self.end

    def list_item(self):
        """Puts a random item of a random player on the market."""
        seller = self.chance.choice(PLAYERS)
        item = self.client.srandmember(inventory(seller))
        if item is None:
            return
        member, price = f"{item}.{seller}", self.chance.randint(1, HIGHEST_PRICE)
        with self.client.pipeline() as pipe:
            while not self.is_over():
                try:
                    pipe.watch(inventory(seller))
                    if not pipe.sismember(inventory(seller), item):
                        pipe.unwatch()
                        self.count["gone"] += 1
                        return
                    pipe.multi()
                    pipe.zadd(MARKET, {member: price})
                    pipe.srem(inventory(seller), item)
                    check_equal(f"listing {member}", pipe.execute(), [1, 1])
                    self.count["listed"] += 1
                    return
                except redis.WatchError:
                    self.count["lister retries"] += 1

    def buy_item(self):
        """Has a random player buy an offer that it has seen on the market."""
        buyer = self.chance.choice(PLAYERS)
        rank = self.chance.randrange(max(1, self.client.zcard(MARKET)))
        seen = self.client.zrange(MARKET, rank, rank, withscores=True)
        if not seen:
            return
        member, price = seen[0]
        item, seller = member.rsplit(".", 1)
        if int(seller) == buyer:
            return
        start = time.monotonic()
        with self.client.pipeline() as pipe:
            while not self.is_over():
                try:
                    pipe.watch(MARKET, user(buyer))
                    asked = pipe.zscore(MARKET, member)
                    funds = int(pipe.hget(user(buyer), "funds"))
                    if asked != price or price > funds:
                        pipe.unwatch()
                        self.count["called off"] += 1
                        return
                    pipe.multi()
                    pipe.hincrby(user(seller), "funds", int(price))
                    pipe.hincrby(user(buyer), "funds", -int(price))
                    pipe.sadd(inventory(buyer), item)
                    pipe.zrem(MARKET, member)
                    _, *rest = pipe.execute()
                    check_equal(f"buying {member}", rest, [funds - int(price), 1, 1])
                    self.count["bought"] += 1
                    self.waits.append(time.monotonic() - start)
                    return
                except redis.WatchError:
                    self.count["retries"] += 1


def begin(client, items):
    """Makes the players, and gives each an equal share of the items."""
    client.delete(MARKET, *map(user, PLAYERS), *map(inventory, PLAYERS))
    with client.pipeline(transaction=False) as pipe:
        for player in PLAYERS:
            fields = {"name": f"player {player}", "funds": START_FUNDS}
            pipe.hset(user(player), mapping=fields)
            share = items[player :: len(PLAYERS)]
            for start in range(0, len(share), 500):
                pipe.sadd(inventory(player), *share[start : start + 500])
        pipe.execute()


def check_all(client, items, offers):
    """No item and no coin is lost or made, and the market has as many offers as it must."""
    coins = 0
    places = Counter()
    for player in PLAYERS:
        name, funds = client.hmget(user(player), "name", "funds")
        check_equal(f"the name of player {player}", name, f"player {player}")
        check(f"player {player} has {funds} coins", int(funds) >= 0)
        coins += int(funds)
        places.update(client.smembers(inventory(player)))
    market = client.zrange(MARKET, 0, -1, withscores=True)
    check_equal("the number of offers", (len(market), client.zcard(MARKET)), (offers, offers))
    for member, price in market:
        check(f"the price {price} of {member}", 1 <= price <= HIGHEST_PRICE)
        places[member.rsplit(".", 1)[0]] += 1
    check_equal("the sum of all funds", coins, START_FUNDS * len(PLAYERS))
    check_equal("items in two places", [item for item in places if places[item] > 1], [])
    check_equal("items that are lost", sorted(set(items) - set(places))[:10], [])
    check_equal("items that are new", sorted(set(places) - set(items))[:10], [])


def play(client, listers, buyers, seconds):
    """Plays one game and checks it. Returns the cells of the table."""
    items = [f"item{number}" for number in range(5_000 + int(5_000 * seconds))]
    begin(client, items)
    end = time.monotonic() + seconds
    turns = [Trader.list_item] * listers + [Trader.buy_item] * buyers
    with ThreadPoolExecutor(len(turns)) as pool:
        traders = list(
            pool.map(lambda seed: Trader(client, seed, end).run(turns[seed]), range(len(turns)))
        )
    count = sum((trader.count for trader in traders), Counter())
    check_all(client, items, count["listed"] - count["bought"])
    check("something is listed", count["listed"] > 0)
    waits = sorted(wait * 1000 for trader in traders for wait in trader.waits)
    cells = [str(count[what]) for what in ("listed", "bought", "called off")]
    if not waits:
        return cells + ["-", "-", "-"]
    figures = count["retries"] / len(waits), sum(waits) / len(waits), waits[len(waits) * 99 // 100]
    return cells + [f"{figures[0]:.2f}", f"{figures[1]:.3f}", f"{figures[2]:.3f}"]


def print_table(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:2], widths)]
        right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:])]
        print("  ".join(left + right))


args = arguments(more)
servers = {"this": connect(args)}
if args.reference is not None:
    servers["reference"] = connect(args, port=args.reference)
settings = SETTINGS
if args.listers is not None or args.buyers is not None:
    settings = [(args.listers or 1, args.buyers or 1)]

rows = [HEADING]
for listers, buyers in settings:
    for name, client in servers.items():
        cells = play(client, listers, buyers, args.seconds)
        rows.append([f"{listers}:{buyers}", name, *cells])
print_table(rows)
print("no item and no coin lost or made")
