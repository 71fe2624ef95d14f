"""One run of another program, which ends when this process ends, also when this process is killed."""

from __future__ import annotations

import subprocess
import sys
from typing import IO

from metric.programs.server import WATCH


def run_watched(command: list[str], output: IO[bytes], limit: float) -> int:
    """Run a command through end_with_parent.py until it ends. -> its exit code.

    `output` takes what it prints. Raises TimeoutExpired after `limit` seconds. Whatever ends this function ends the
    command too.
    """
    process = subprocess.Popen(
        [sys.executable, str(WATCH), *command],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches this process only, which then ends the command
    )
    assert process.stdin
    try:
        return process.wait(limit)
    finally:
        process.stdin.close()  # the signal for end_with_parent.py
        process.wait()
