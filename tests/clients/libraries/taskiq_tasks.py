"""The brokers of taskiq_program.py with their tasks; a worker is started with one of them."""

import os

from taskiq_redis import ListQueueBroker, PubSubBroker, RedisAsyncResultBackend, RedisStreamBroker

URL = os.environ["TASKIQ_URL"]


def results():
    return RedisAsyncResultBackend(URL, result_ex_time=100, keep_results=True)


by_list = ListQueueBroker(URL, queue_name="list").with_result_backend(results())
by_channel = PubSubBroker(URL, queue_name="channel").with_result_backend(results())
by_stream = RedisStreamBroker(
    URL, queue_name="stream", consumer_id="0", xread_block=200, idle_timeout=1000, unacknowledged_lock_timeout=5
).with_result_backend(results())


async def add(first, second):
    return first + second


async def fail(text):
    raise ValueError(text)


brokers = {"list": by_list, "channel": by_channel, "stream": by_stream}
for name, broker in brokers.items():
    broker.register_task(add, f"{name}:add")
    broker.register_task(fail, f"{name}:fail")
