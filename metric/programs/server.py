"""A server in a process of its own, which ends when this process ends, also when this process is killed."""

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
START_LIMIT = 60.0  # seconds until the first answer; a server that dies is noticed at once
STOP_LIMIT = 5.0  # seconds


class Server:
    """Runs `command` through end_with_parent.py, which stops the command when this process is gone."""

    def __init__(self, command: list[str]) -> None:
        self.output = tempfile.TemporaryFile()  # noqa: SIM115  # open until the server stops
        self.process = subprocess.Popen(
            [sys.executable, str(WATCH), *command],
            stdin=subprocess.PIPE,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process only, which then stops the server
        )
        atexit.register(self.stop)

    def wait_for(self, url: str) -> None:
        """Wait until `url` answers. ValueError with the end of the output when the server stops or takes too long."""
        deadline = time.monotonic() + START_LIMIT
        while not answers(url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                why = f"within {START_LIMIT:g} s" if self.process.poll() is None else ""
                output = self.last_words()
                self.stop()
                raise ValueError(f"{' '.join(['did not start', why]).strip()}; Java said: {output}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the server."""
        atexit.unregister(self.stop)
        assert self.process.stdin
        self.process.stdin.close()  # the signal for end_with_parent.py
        self.process.wait(STOP_LIMIT)
        self.output.close()

    def last_words(self) -> str:
        """The end of the server's output, in one line."""
        return last_words(self.output)


def free_port() -> int:
    """A TCP port that no program uses now."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    """Whether the server answers with status 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except OSError:  # the connection is refused until the server listens; URLError and time-outs are OSErrors
        return False
