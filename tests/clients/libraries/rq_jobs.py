"""The jobs of rq_program.py."""

import os
import time
from urllib.parse import urlsplit

import redis
from rq import get_current_job

STORE = os.environ["RQ_STORE"]


def store():
    assert urlsplit(STORE).hostname == "127.0.0.1"
    return redis.Redis.from_url(STORE)


def add(*numbers):
    return sum(numbers)


def fail(text):
    raise ValueError(text)


def fail_at_first(times):
    """Fails so often, and then returns how often it ran."""
    runs = store().incr(f"runs-{get_current_job().id}")
    if runs <= times:
        raise ValueError(f"run {runs}")
    return runs


def note(key, text):
    """Notes in a list that it ran."""
    store().rpush(key, text)


def wait_for(key):
    """Waits until somebody lets it go on."""
    store().blpop(key, 20)


def be_busy():
    time.sleep(300)


def on_success(job, connection, result):
    connection.rpush("told", f"{job.id} succeeded: {result}")


def on_failure(job, connection, kind, value, traceback):
    connection.rpush("told", f"{job.id} failed: {kind.__name__}: {value}")


def on_stopped(job, connection):
    connection.rpush("told", f"{job.id} was stopped")
