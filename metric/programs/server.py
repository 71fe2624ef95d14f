"""A server in a process of its own that ends with this one, however this one ends."""

from __future__ import annotations

import atexit
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from metric.programs.java_program import last_words

WATCH = Path(__file__).with_name("end_with_parent.py")
START_LIMIT = 60.0  # seconds in which it must answer; one that dies is noticed at once
STOP_LIMIT = 5.0


class Server:
    """`command` runs until this process exits, crashes or is killed: watch.py stands between, on a pipe from here."""

    def __init__(self, command: list[str]) -> None:
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  # what it writes, as long as it lives
        self.process = subprocess.Popen(
            [sys.executable, str(WATCH), *command],
            stdin=subprocess.PIPE,
            stdout=self.said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is this process's, which then stops the server
        )
        atexit.register(self.stop)

    def wait_for(self, url: str) -> None:
        """Until it answers; ValueError with its own last words when it ends or takes too long."""
        deadline = time.monotonic() + START_LIMIT
        while not answers(url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                why = f"within {START_LIMIT:g} s" if self.process.poll() is None else ""
                said = self.last_words()
                self.stop()
                raise ValueError(f"{' '.join(['did not start', why]).strip()}; Java said: {said}")
            time.sleep(0.1)

    def stop(self) -> None:
        atexit.unregister(self.stop)
        assert self.process.stdin
        self.process.stdin.close()  # which watch.py waits for
        self.process.wait(STOP_LIMIT)
        self.said.close()

    def last_words(self) -> str:
        """The end of what it wrote, in a line."""
        return last_words(self.said)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:  # refused until it listens; URLError and time-outs are OSErrors
        return False
