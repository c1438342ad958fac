"""A set of user ids: clients register ids that must be free, and no id is given to two of them.

A client reads the whole set under WATCH, chooses an id that is not in it, and adds it inside MULTI.
If another client was quicker, EXEC gives nothing (WatchError), and it looks again.
"""

import random
from concurrent.futures import ThreadPoolExecutor

import redis
from program import arguments, check, check_equal, connect

USER_IDS = "user-ids"
CLIENTS = 5
EACH = 40
# Few enough that a client without WATCH would often choose an id that another has just taken.
IDS = range(CLIENTS * EACH * 2)


def register(client, chance):
    """Registers one id; returns it, and how often another client was quicker."""
    retries = 0
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch(USER_IDS)
                taken = pipe.smembers(USER_IDS)
                new = chance.choice([number for number in IDS if str(number) not in taken])
                pipe.multi()
                pipe.sadd(USER_IDS, new)
                check_equal(f"the members that SADD of {new} adds", pipe.execute(), [1])
                return new, retries
            except redis.WatchError:
                retries += 1


def work(client, seed):
    chance = random.Random(seed)
    return [register(client, chance) for _ in range(EACH)]


client = connect(arguments())
client.delete(USER_IDS)
with ThreadPoolExecutor(CLIENTS) as pool:
    results = list(pool.map(work, [client] * CLIENTS, range(CLIENTS)))

registered = [new for result in results for new, _ in result]
retries = sum(lost for result in results for _, lost in result)
check_equal("the registrations", len(registered), CLIENTS * EACH)
check("no id is registered twice", len(set(registered)) == len(registered))
check_equal("the size of the set", client.scard(USER_IDS), CLIENTS * EACH)
check_equal("the set", client.smembers(USER_IDS), {str(number) for number in registered})
print(f"{CLIENTS} clients registered {len(registered)} ids, with {retries} retries")
