"""What the Python programs of the matrix share: the command line, named checks, and values that
must be equal in kind too.

A program is called with PORT GUARDED_PORT PASSWORD PROTOCOL; server.sh says what these are, and
what a program prints.
"""

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import time
import traceback

HOST = "127.0.0.1"
PORT, GUARDED_PORT = int(sys.argv[1]), int(sys.argv[2])
PASSWORD = sys.argv[3]
PROTOCOL = None if sys.argv[4] == "default" else int(sys.argv[4])
PATIENCE = 30  # seconds for one check

checks = []
closers = []


class Wrong(Exception):
    """Something is not as it must be."""


class NotPossible(Exception):
    """This client, or the server's version, does not know what is to be checked."""


def check(name):
    """Makes a function a check; it fails by any exception, or by taking too long."""

    def add(function):
        checks.append((name, function))
        return function

    return add


def at_the_end(close):
    """Has something called when the program ends, well or not; the last one first."""
    closers.append(close)


def same(found, expected):
    """Whether two values are equal and of the same types, down to the elements."""
    if type(found) is not type(expected) or found != expected:
        return False
    if isinstance(expected, (list, tuple)):
        return all(map(same, found, expected))
    if isinstance(expected, dict):
        return all(same(found[name], value) for name, value in expected.items())
    # Equal sets: bytes and str are never equal, and numbers do not stand in sets here.
    return True


def equal(what, found, expected):
    if not same(found, expected):
        raise Wrong(f"{what}: {found!r} instead of {expected!r}")


def holds(what, truth):
    if not truth:
        raise Wrong(f"not so: {what}")


def raised(what, error, kind, text):
    """Checks an error that was caught, or None: its class, no subclass of it, and a part of its text."""
    if type(error) is not kind or text not in str(error):
        raise Wrong(f"{what}: {type(error).__name__}: {error} instead of {kind.__name__} with {text!r}")


def whole(seconds):
    """100 for what is left of 100 seconds after less than ten; other numbers as they are."""
    return 100 if 90 < seconds < 100 else seconds


def version_of(info):
    return tuple(map(int, info["redis_version"].split(".")[:2]))


def restart():
    """Has the server at PORT killed and started again; it has lost all keys."""
    subprocess.run([os.environ["RESTART"]], check=True, timeout=PATIENCE)


def too_late(*_):
    raise Wrong(f"it takes more than {PATIENCE} s")


async def limited(function):
    await asyncio.wait_for(function(), PATIENCE)


def run():
    """Runs all checks in the order in which they were written, and ends the program."""
    signal.signal(signal.SIGALRM, too_late)
    failed = False
    for name, function in checks:
        began = time.monotonic()
        try:
            if inspect.iscoroutinefunction(function):
                asyncio.run(limited(function))
            else:
                signal.alarm(PATIENCE)
                function()
            print(f"ok: {name}", flush=True)
        except NotPossible as reason:
            print(f"none: {name}: {reason}", flush=True)
        except Exception as error:
            failed = True
            frames = traceback.extract_tb(error.__traceback__)
            line = next((frame.lineno for frame in frames if frame.name == function.__name__), None)
            took = time.monotonic() - began
            print(f"FAILED: {name}: {type(error).__name__}: {error} (line {line}, after {took:.1f} s)", flush=True)
        finally:
            signal.alarm(0)
    while closers:
        closers.pop()()
    # A thread that still waits for a server does not keep the program.
    os._exit(1 if failed else 0)
