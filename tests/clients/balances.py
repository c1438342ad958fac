"""Balances of several users: threads transfer money, and nobody may go below zero.

A transfer reads the sender's balance under WATCH. If it is too low, the transfer is called off
with UNWATCH. Money is neither made nor lost, whatever the threads do at the same time.
"""

import random
from concurrent.futures import ThreadPoolExecutor

import redis
from program import arguments, check, check_equal, connect

USERS = ["alice", "bob", "carol", "dave", "eve"]
START = 100
THREADS = 6
TRANSFERS = 100


def balance(user):
    return f"balance:{user}"


def transfer(client, sender, receiver, amount):
    """Moves an amount; returns False, and changes nothing, if the sender has too little."""
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch(balance(sender), balance(receiver))
                if int(pipe.get(balance(sender))) < amount:
                    pipe.unwatch()
                    return False
                pipe.multi()
                pipe.decrby(balance(sender), amount)
                pipe.incrby(balance(receiver), amount)
                pipe.execute()
                return True
            except redis.WatchError:
                continue


def work(client, seed):
    chance = random.Random(seed)
    done = 0
    for _ in range(TRANSFERS):
        sender, receiver = chance.sample(USERS, 2)
        done += transfer(client, sender, receiver, chance.randint(1, 150))
        # One MGET shows all balances at one moment.
        now = [int(text) for text in client.mget([balance(user) for user in USERS])]
        check_equal(f"the total of {now}", sum(now), START * len(USERS))
        check(f"no balance is below zero in {now}", min(now) >= 0)
    return done


client = connect(arguments())
client.mset({balance(user): START for user in USERS})

check_equal("a transfer of 30", transfer(client, "alice", "bob", 30), True)
check_equal("a transfer of 1000", transfer(client, "alice", "bob", 1000), False)
check_equal("alice's balance", client.get(balance("alice")), "70")
check_equal("bob's balance", client.get(balance("bob")), "130")

with ThreadPoolExecutor(THREADS) as pool:
    done = sum(pool.map(work, [client] * THREADS, range(THREADS)))

final = {user: int(client.get(balance(user))) for user in USERS}
check_equal("the total", sum(final.values()), START * len(USERS))
check("some transfers are done and some refused", 0 < done < THREADS * TRANSFERS)
print(f"{done} transfers done, {THREADS * TRANSFERS - done} refused, total {sum(final.values())}: {final}")
