"""The tasks of huey_program.py, and the queue that its consumer is started with."""

import os

from huey import RedisHuey, crontab

huey = RedisHuey("tasks", url=os.environ["HUEY_URL"], notify_result=True)


@huey.task()
def add(first, second):
    return first + second


@huey.task(retries=2)
def fail_at_first(key, times):
    runs = huey.storage.conn.incr(key)
    if runs <= times:
        raise ValueError(f"run {runs}")
    return runs


@huey.task()
def multiply(number, factor):
    return number * factor


@huey.periodic_task(crontab(minute="*"))
def every_minute():
    pass
