"""Run a command until it ends or standard input does, which is when its holder is gone.

    python watch.py COMMAND ...

A script of its own: a killed process cannot clean up, but the system closes its end of the pipe.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end() -> None:
        os.read(0, 1)  # nothing is ever written: returns at the end of the input
        process.kill()

    threading.Thread(target=end, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]) & 0xFF)  # the thread still reads
