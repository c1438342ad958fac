"""The tasks of celery_program.py, and the application that its workers are started with."""

import os
import time

from celery import Celery

BROKER, RESULTS = os.environ["CELERY_BROKER"], os.environ["CELERY_RESULTS"]

app = Celery("tasks", broker=BROKER, backend=RESULTS)
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": float(os.environ.get("VISIBILITY_TIMEOUT", 3600)),
        "ack_emulation": "NO_ACKNOWLEDGEMENTS" not in os.environ,
    },
    result_expires=500,
    result_extended=True,
    task_track_started=True,
    worker_hijack_root_logger=False,
)


@app.task
def add(*numbers):
    return sum(numbers)


@app.task
def total(numbers):
    return sum(numbers)


@app.task
def fail(text):
    raise ValueError(text)


@app.task(bind=True, max_retries=3)
def try_again(self, needed):
    if self.request.retries < needed:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task(bind=True, max_retries=1)
def never_well(self):
    raise self.retry(countdown=0, exc=KeyError("gone"))


@app.task
def now():
    return time.time()


@app.task
def be_busy():
    time.sleep(300)


@app.task
def note_error(request, error, traceback):
    """What is called when a task failed; told by an error that a check waits for."""
    app.backend.client.set(f"failed-{request.id}", repr(error))


@app.task(acks_late=True, reject_on_worker_lost=True)
def twice(key):
    """Its first worker is lost in the middle; runs to the end in the next."""
    if app.backend.client.incr(key) == 1:
        os.kill(os.getpid(), 9)
    return "done"
