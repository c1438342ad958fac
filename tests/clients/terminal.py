"""A person at a terminal: redis-cli's prompts, answers and hints. Usage: terminal.py PORT

Needs Python alone. Prints what is wrong and ends with 1, or prints one line.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PORT = sys.argv[1]
PATIENCE = 30
# Colours, cursor movements and the like.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A program on a pseudo-terminal, and what it has printed since the last look."""

    def __init__(self, command):
        home = tempfile.mkdtemp()
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            # A caller in the background may have these ignored.
            for wanted in [signal.SIGINT, signal.SIGHUP]:
                signal.signal(wanted, signal.SIG_DFL)
            os.environ.update(TERM="xterm", HOME=home, REDISCLI_HISTFILE="/dev/null")
            os.execvp(command[0], command)
        os.rmdir(home)
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        self.printed = ""

    def type(self, text):
        os.write(self.screen, text.encode())

    def expect(self, what):
        """Waits until the text, or what a compiled pattern matches, appears; forgets all up to there."""
        pattern = re.compile(re.escape(what)) if isinstance(what, str) else what
        end = time.monotonic() + PATIENCE
        while (found := pattern.search(CONTROL.sub("", self.printed))) is None:
            ready, _, _ = select.select([self.screen], [], [], max(0, end - time.monotonic()))
            try:
                new = os.read(self.screen, 65536) if ready else b""
            except OSError:
                new = b""
            if not new:
                shown = CONTROL.sub("", self.printed)
                sys.exit(f"WRONG: the terminal shows no {pattern.pattern!r}, but {shown!r}")
            self.printed += new.decode(errors="replace")
        self.printed = found.string[found.end():]

    def expect_anywhere(self, pattern):
        """What has been printed must have a match of the pattern, and nothing is forgotten."""
        shown = CONTROL.sub("", self.printed)
        if re.search(pattern, shown) is None:
            sys.exit(f"WRONG: the terminal has not shown {pattern!r}, but {shown!r}")

    def run(self, command, *answers):
        """Types a command and expects its answers in this order."""
        self.type(command + "\r")
        self.expect("\n")
        for answer in answers:
            self.expect(answer)

    def end(self):
        """Waits for the end of the program, keeps what it prints, and returns its status."""
        end = time.monotonic() + PATIENCE
        while select.select([self.screen], [], [], max(0, end - time.monotonic()))[0]:
            try:
                new = os.read(self.screen, 65536)
            except OSError:
                break
            if not new:
                break
            self.printed += new.decode(errors="replace")
        else:
            os.kill(self.pid, signal.SIGKILL)
            sys.exit("WRONG: the program at the terminal does not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def redis_cli(*options):
    return Terminal(["redis-cli", "-h", "127.0.0.1", "-p", PORT, *options])


def elsewhere(*command):
    """Runs a command over another connection; the last word is what it must print."""
    *words, expected = command
    done = subprocess.run(["redis-cli", "-p", PORT, *words], capture_output=True, text=True, timeout=PATIENCE)
    if done.stdout != f"{expected}\n":
        sys.exit(f"WRONG: {words} elsewhere: {done.stdout!r}, {done.stderr!r}")


def hints():
    """What stands behind the cursor for what is typed; redis-cli has it from COMMAND DOCS."""
    found = [
        ("setex ", "key seconds value"),
        ("setex name ", "seconds value"),
        ("client setname ", "connection-name"),
        ("zrangestore ", "dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]"),
        ("publish ", "channel message"),
        ("subscribe ", "channel [channel ...]"),
        ("watch ", "key [key ...]"),
    ]
    known = subprocess.run(["redis-cli", "-p", PORT, "command", "docs", "hexpire"], capture_output=True, check=True)
    if known.stdout.strip():
        found.append(("hexpire ", "key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]"))
    return found


def session(options):
    prompt = f"127.0.0.1:{PORT}"
    terminal = redis_cli(*options)
    terminal.expect(f"{prompt}> ")
    terminal.run("flushall", "OK", f"{prompt}> ")
    terminal.run("set name 'two words'", "OK", f"{prompt}> ")
    terminal.run("get name", '"two words"', f"{prompt}> ")
    terminal.run("mget name missing", '1) "two words"', "2) (nil)", f"{prompt}> ")
    terminal.run("incr name", "(error) ERR value is not an integer or out of range", f"{prompt}> ")
    terminal.run("select 3", "OK", f"{prompt}[3]> ")
    terminal.run("select 99", "(error) ERR DB index is out of range", f"{prompt}[3]> ")
    terminal.run("multi", "OK", f"{prompt}[3](TX)> ")
    terminal.run("incr counter", "QUEUED", f"{prompt}[3](TX)> ")
    terminal.run("select 0", "QUEUED", "(TX)> ")
    terminal.run("discard", "OK", f"{prompt}[3]> ")
    terminal.run("multi", "OK", f"{prompt}[3](TX)> ")
    terminal.run("incr counter", "QUEUED", f"{prompt}[3](TX)> ")
    terminal.run("get counter", "QUEUED", f"{prompt}[3](TX)> ")
    terminal.run("exec", "1) (integer) 1", '2) "1"', f"{prompt}[3]> ")
    terminal.run("select 0", "OK", f"{prompt}> ")
    terminal.run("client setname person", "OK", f"{prompt}> ")
    terminal.run("client getname", '"person"', f"{prompt}> ")
    terminal.run("3 incr thrice", "(integer) 1", "(integer) 2", "(integer) 3", f"{prompt}> ")

    # ^U empties the line.
    for typed, hint in hints():
        terminal.type(typed)
        terminal.expect(hint)
        terminal.type("\x15")
    terminal.type("GETRA\t")
    terminal.expect("GETRANGE")
    terminal.run(" name 0 2", '"two"', f"{prompt}> ")
    # "help" shows the command table that redis-cli has made for this server.
    terminal.run("help getex", "GETEX key", "summary:", "since: 6.2.0", "group: string", f"{prompt}> ")
    terminal.run("help @transactions", "DISCARD", "EXEC", "MULTI", "UNWATCH", "WATCH", f"{prompt}> ")
    terminal.run("reset", "RESET", f"{prompt}> ")
    terminal.type("quit\r")
    status = terminal.end()
    if status != 0:
        sys.exit(f"WRONG: redis-cli ended with {status}")


def tables(options):
    """Replies that are more than a list, as a person sees them."""
    prompt = f"127.0.0.1:{PORT}> "
    terminal = redis_cli(*options)
    terminal.expect(prompt)
    terminal.run("hset user name Ann funds 10", "(integer) 2", prompt)
    terminal.run("sadd things sword", "(integer) 1", prompt)
    terminal.run("zadd market 1.5 bread inf crown", "(integer) 2", prompt)
    if options:
        terminal.run("hgetall user", '1# "name" => "Ann"', '2# "funds" => "10"', prompt)
        terminal.run("smembers things", '1~ "sword"', prompt)
        terminal.run("zscore market crown", "(double) inf", prompt)
        terminal.run("zrange market 0 -1 withscores", '1) 1) "bread"', "2) (double) 1.5", '2) 1) "crown"', prompt)
        terminal.run("zscore market missing", "(nil)", prompt)
        terminal.run("debug protocol true", "(true)", prompt)
        terminal.run("debug protocol verbatim", "This is a verbatim", prompt)
    else:
        terminal.run("hgetall user", '1) "name"', '2) "Ann"', '3) "funds"', '4) "10"', prompt)
        terminal.run("smembers things", '1) "sword"', prompt)
        terminal.run("zrange market 0 -1 withscores", '2) "1.5"', '3) "crown"', '4) "inf"', prompt)
    # Texts of many lines are shown as they are.
    terminal.run("info server", "# Server", "redis_version:", "tcp_port:" + PORT, prompt)
    terminal.run("client list", "id=", "cmd=client|list", prompt)
    terminal.run("del user things market", "(integer) 3", prompt)
    terminal.type("quit\r")
    terminal.end()


def subscriptions(options):
    """Subscribe mode, its messages, and the way back to the prompt."""
    prompt = f"127.0.0.1:{PORT}> "
    terminal = redis_cli(*options)
    terminal.expect(prompt)
    for command, kind, channel in [
        ("subscribe news sport", "subscribe", "news"),
        ("psubscribe n[e-f]ws", "psubscribe", "n[e-f]ws"),
        ("ssubscribe orders", "ssubscribe", "orders"),
    ]:
        terminal.run(command, "Reading messages...", f'1) "{kind}"', f'2) "{channel}"', "3) (integer) 1")
        if kind == "subscribe":
            terminal.expect('2) "sport"')
            terminal.expect("3) (integer) 2")
            elsewhere("publish", "news", "two words", "1")
            for line in ['1) "message"', '2) "news"', '3) "two words"']:
                terminal.expect(line)
        elif kind == "psubscribe":
            elsewhere("publish", "news", "for a pattern", "1")
            for line in ['1) "pmessage"', '2) "n[e-f]ws"', '3) "news"', '4) "for a pattern"']:
                terminal.expect(line)
        else:
            elsewhere("spublish", "orders", "for a shard", "1")
            for line in ['1) "smessage"', '2) "orders"', '3) "for a shard"']:
                terminal.expect(line)
        # The interrupt key leads back to the prompt, over a new connection.
        terminal.type("\x03")
        terminal.expect(prompt)
        terminal.run("get name", '"two words"', prompt)
    terminal.type("quit\r")
    terminal.end()


def monitor(options):
    """What other connections do, until the interrupt key."""
    prompt = f"127.0.0.1:{PORT}> "
    terminal = redis_cli(*options)
    terminal.expect(prompt)
    terminal.run("monitor", "OK")
    elsewhere("set", "seen", "a \"b\"\n", "OK")
    terminal.expect(re.compile(r'\d{10,}\.\d{6} \[0 127\.0\.0\.1:\d+\] "set" "seen" "a \\"b\\"\\n"\r\n'))
    elsewhere("-n", "3", "incr", "counted", "1")
    terminal.expect(re.compile(r'\[3 127\.0\.0\.1:\d+\] "incr" "counted"\r\n'))
    terminal.type("\x03")
    terminal.expect(prompt)
    terminal.run("del seen", "(integer) 1", prompt)
    terminal.type("quit\r")
    terminal.end()


def invalidations():
    """Pushes are shown with the next reply."""
    prompt = f"127.0.0.1:{PORT}> "
    terminal = redis_cli("-3", "--show-pushes", "yes")
    terminal.expect(prompt)
    terminal.run("client tracking on", "OK", prompt)
    terminal.run("get name", '"two words"', prompt)
    elsewhere("set", "name", "two words", "OK")
    terminal.run("ping", "-> invalidate: 'name'", "PONG", prompt)
    terminal.type("quit\r")
    terminal.end()


def statistics():
    """Lines of --stat under their head until the interrupt key."""
    terminal = redis_cli("--stat", "-i", "0.02")
    head = re.compile(r"-+ data -+ -+ load -+ - child -\s+keys +mem +clients +blocked +requests +connections")
    terminal.expect(head)
    # The columns: keys, memory, clients, blocked, requests (and how many more), connections.
    line = re.compile(r"(\d+) +[\d.]+[BKMG] +\d+ +\d+ +\d+ \(\+\d+\) +\d+")
    for _ in range(20):
        terminal.expect(line)
    # The head comes again every twenty lines.
    terminal.expect(head)
    terminal.expect(line)
    terminal.type("\x03")
    terminal.end()


def scans():
    """--scan and --bigkeys, as they look at a terminal."""
    elsewhere("flushall", "OK")
    elsewhere("set", "name", "two words", "OK")
    elsewhere("hset", "user", "name", "Ann", "funds", "10", "2")
    elsewhere("sadd", "things", "sword", "crown", "bread", "3")
    elsewhere("zadd", "market", "1", "bread", "1")
    terminal = redis_cli("--scan", "--pattern", "*me")
    terminal.expect('"name"\r\n')
    if terminal.end() != 0:
        sys.exit("WRONG: --scan fails")
    terminal = redis_cli("--bigkeys")
    if terminal.end() != 0:
        sys.exit("WRONG: --bigkeys fails")
    # The order of the types is open.
    for line in [
        r"Sampled 4 keys in the keyspace!",
        r"Biggest +hash found .*user.* has 2 fields",
        r"Biggest +string found .*name.* has 9 bytes",
        r"Biggest +set found .*things.* has 3 members",
        r"Biggest +zset found .*market.* has 1 members",
        r"1 hashs with 2 fields \(25\.00% of keys, avg size 2\.00\)",
        r"1 sets with 3 members \(25\.00% of keys, avg size 3\.00\)",
        r"1 zsets with 1 members \(25\.00% of keys, avg size 1\.00\)",
    ]:
        terminal.expect_anywhere(line)


def latency():
    """--latency goes on in its line, --latency-history begins a new one."""
    terminal = redis_cli("--latency")
    for samples in [1, 2, 20]:
        terminal.expect(re.compile(rf"min: \d+, max: \d+, avg: \d+\.\d\d \({samples} samples\)"))
    terminal.type("\x03")
    terminal.end()
    terminal = redis_cli("--latency-history", "-i", "0.1")
    for _ in range(2):
        terminal.expect(re.compile(r"\(\d+ samples\) -- \d+\.\d\d seconds range\r\n"))
    terminal.type("\x03")
    terminal.end()


for options in [[], ["-3"]]:
    session(options)
    tables(options)
    subscriptions(options)
    monitor(options)
invalidations()
statistics()
scans()
latency()
print(
    "redis-cli at a terminal, in RESP2 and RESP3: prompts, answers, tables, hints, help, subscribe mode, MONITOR, "
    "invalidations; --stat, --scan, --bigkeys, --latency"
)
