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

    def run(self, command, *answers):
        """Types a command and expects its answers in this order."""
        self.type(command + "\r")
        self.expect("\n")
        for answer in answers:
            self.expect(answer)

    def end(self):
        """Waits for the end of the program and returns its status."""
        end = time.monotonic() + PATIENCE
        while select.select([self.screen], [], [], max(0, end - time.monotonic()))[0]:
            try:
                if not os.read(self.screen, 65536):
                    break
            except OSError:
                break
        else:
            os.kill(self.pid, signal.SIGKILL)
            sys.exit("WRONG: the program at the terminal does not end")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def session(options):
    prompt = f"127.0.0.1:{PORT}"
    terminal = Terminal(["redis-cli", "-h", "127.0.0.1", "-p", PORT, *options])
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

    # The hint stands behind the cursor while the command is typed; ^U empties the line.
    for typed, hint in [("setex ", "key seconds value"), ("client setname ", "connection-name")]:
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


def statistics():
    """Lines of --stat until the interrupt key."""
    terminal = Terminal(["redis-cli", "-h", "127.0.0.1", "-p", PORT, "--stat", "-i", "0.02"])
    terminal.expect("requests")
    # The columns: keys, memory, clients, blocked, requests (and how many more), connections.
    line = re.compile(r"\d+ +[\d.]+[BKMG] +\d+ +\d+ +\d+ \(\+\d+\) +\d+")
    for _ in range(3):
        terminal.expect(line)
    terminal.type("\x03")
    terminal.end()


session([])
session(["-3"])
statistics()
print("redis-cli at a terminal, in RESP2 and RESP3: prompts, answers, hints, help; --stat")
