"""Run a command until the command ends or standard input is closed.

    python end_with_parent.py COMMAND ...

The parent holds the other end of standard input. A killed parent cannot clean up, but the system closes its end of the
pipe. So this script runs as a process between the parent and the command.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading


def main(command: list[str]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end() -> None:
        os.read(0, 1)  # returns when the parent is gone, because the parent never writes
        process.kill()

    threading.Thread(target=end, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    os._exit(main(sys.argv[1:]) & 0xFF)  # exits although the thread still reads
