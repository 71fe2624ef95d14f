"""The memory of this process and of the machine, in bytes. Where Linux's /proc is missing, 0 and None are returned."""

from __future__ import annotations

import re
from pathlib import Path

STATUS, MEMINFO = Path("/proc/self/status"), Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")  # of a container, with its own limit


def resident() -> int:
    """The memory that this process holds now."""
    return line_of(STATUS, "VmRSS") or 0


def peak() -> int:
    """The most memory that this process has held."""
    return line_of(STATUS, "VmHWM") or 0


def free() -> int | None:
    """The memory that new data may take: what the machine has left, or the container if that is less."""
    return min(filter(None, (line_of(MEMINFO, "MemAvailable"), left_to_the_group())), default=None)


def left_to_the_group() -> int | None:
    """What the limit of the container leaves; None without a limit."""
    try:
        most, used = ((GROUP / f"memory.{name}").read_text("ascii").strip() for name in ("max", "current"))
    except OSError:
        return None
    return max(1, int(most) - int(used)) if most.isdecimal() else None


def line_of(path: Path, name: str) -> int | None:
    """The bytes of a line such as `VmRSS:  1234 kB`."""
    found = (
        re.search(rf"^{name}:\s+(\d+) kB", path.read_text("ascii", "replace"), re.MULTILINE) if path.exists() else None
    )
    return 1024 * int(found[1]) if found else None
