"""What faststream_program.py starts as workers: each takes from lists, a channel and a stream in a group."""

import os

from faststream import FastStream
from faststream.redis import ListSub, RedisBroker, StreamSub
from redis.asyncio import Redis

NAME, URL = os.environ["WORKER"], os.environ["FASTSTREAM_URL"]
broker = RedisBroker(URL, logger=None)
app = FastStream(broker, logger=None)
store = Redis.from_url(URL)


@broker.subscriber(list="numbers")
@broker.publisher(list="doubled")
async def double(number: int) -> int:
    return 2 * number


@broker.subscriber(list="doubled")
async def note(number: int) -> None:
    await store.rpush("noted", number)


@broker.subscriber(list=ListSub("letters", batch=True, max_records=100, polling_interval=0.05))
async def join(letters: list[str]) -> None:
    await store.append("text", "".join(letters))


@broker.subscriber("questions.{topic}")
async def answer(question: str) -> str:
    return f"{question}: {NAME}"


@broker.subscriber(stream=StreamSub("tasks", group="workers", consumer=NAME, last_id=">", polling_interval=100))
async def work(task: str) -> None:
    if task == f"the end of {NAME}":
        # It is neither acknowledged nor refused, and stays with this consumer.
        os._exit(1)
    await store.rpush("done", f"{task} by {NAME}")


@broker.subscriber(stream=StreamSub("tasks", group="workers", consumer="heir", min_idle_time=500, polling_interval=100))
async def inherit(task: str) -> None:
    await store.rpush("done", f"{task} inherited")
