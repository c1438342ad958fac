"""What every program here shares: the command line, a connection, and a check that speaks up."""

import argparse
import sys

import redis


def arguments(more=None):
    """Reads HOST, PORT and --protocol from the command line, and what `more` adds to the parser."""
    parser = argparse.ArgumentParser()
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("port", nargs="?", type=int, default=6379)
    parser.add_argument(
        "--protocol", type=int, choices=[2, 3], help="default: what redis-py chooses"
    )
    if more is not None:
        more(parser)
    return parser.parse_args()


def connect(args, **options):
    """A client of the server; replies are str unless decode_responses=False says otherwise."""
    options.setdefault("decode_responses", True)
    options.setdefault("socket_timeout", 60)
    options.setdefault("port", args.port)
    if args.protocol is not None:
        options["protocol"] = args.protocol
    return redis.Redis(host=args.host, **options)


def check_equal(what, found, expected):
    """Ends the program with a clear text when a value is not the expected one."""
    if found != expected:
        sys.exit(f"WRONG: {what} is {found!r}, expected {expected!r}")


def check(what, holds):
    """Ends the program with a clear text when something does not hold."""
    if not holds:
        sys.exit(f"WRONG: {what}")


def check_raises(what, expected, action):
    """Runs an action that must raise the expected error, and returns that error."""
    try:
        result = action()
    except expected as error:
        return error
    except redis.RedisError as error:
        sys.exit(f"WRONG: {what} raises {error!r}, expected {expected.__name__}")
    sys.exit(f"WRONG: {what} returns {result!r}, expected {expected.__name__}")
