"""What the Python programs of this directory share: waiting for what another process brings about,
workers in processes of their own, and whether the server can run scripts.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import redis
from report import GUARDED_PORT, HOST, PASSWORD, PORT, NotPossible, Wrong, at_the_end, same

HERE = Path(__file__).parent
PATIENCE = 15  # seconds for one thing that must come about
GUARDED = f"redis://:{quote(PASSWORD)}@{HOST}:{GUARDED_PORT}"
PLAIN = f"redis://{HOST}:{PORT}"


def server(url):
    return redis.Redis.from_url(url)


def has_scripts():
    try:
        server(PLAIN).script_exists("0" * 40)
    except redis.ResponseError:
        return False
    return True


HAS_SCRIPTS = has_scripts()


def needs_scripts(why):
    """Ends a check that needs scripting, if the server has none."""
    if not HAS_SCRIPTS:
        raise NotPossible(f"the server has no scripts yet: {why}")


def eventually(what, action, expected):
    """Repeats an action until it returns the expected value; for what another process brings about."""
    end = time.monotonic() + PATIENCE
    while not same(found := action(), expected):
        if time.monotonic() > end:
            raise Wrong(f"{what}: still {found!r} instead of {expected!r}")
        time.sleep(0.01)


class Worker:
    """A process that works beside the program, and is ended with it at the latest. What it says goes to a
    file of the directory in the environment's LOGS."""

    def __init__(self, name, *arguments, **environment):
        self.name = name
        command = [sys.executable, *map(str, arguments)]
        environment = {**os.environ, **environment}
        with open(Path(os.environ["LOGS"]) / f"{name}.worker", "w") as log:
            self.process = subprocess.Popen(
                command, cwd=HERE, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        at_the_end(self.kill)

    def alive(self):
        return self.process.poll() is None

    def end(self, with_signal=signal.SIGTERM):
        """Asks it to end, waits until it has, and returns its status."""
        self.process.send_signal(with_signal)
        return self.wait()

    def wait(self):
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{self.name} does not end") from None

    def kill(self):
        """Ends it at once, with all that it started."""
        if self.alive():
            processes = [self.process.pid]
            for process in processes:
                processes.extend(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
            for process in processes:
                os.kill(process, signal.SIGKILL)
            self.process.wait()
