"""One run of another program, which ends when this process ends, also when this process is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from typing import IO

from metric.programs.server import WATCH

EVERY = 60.0  # seconds between two signs of life


def run_watched(
    command: list[str], output: IO[bytes], limit: float, alive: Callable[[float], None], every: float = EVERY
) -> int:
    """Run a command through end_with_parent.py until it ends. -> its exit code.

    `output` takes what it prints. `alive` is called with the seconds so far, every `every` seconds. Raises
    TimeoutExpired after `limit` seconds. Whatever ends this function ends the command too.
    """
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(WATCH), *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches this process only, which then ends the command
    )
    assert process.stdin
    try:
        while True:
            past = time.monotonic() - began
            try:
                return process.wait(min(every, limit - past))
            except subprocess.TimeoutExpired:
                if limit - past <= every:
                    raise
            alive(time.monotonic() - began)
    finally:
        process.stdin.close()  # the signal for end_with_parent.py
        process.wait()
