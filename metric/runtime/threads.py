"""How the threads of a process wait for one another. No module of PyTorch is imported here.

GNU OpenMP, which PyTorch uses on Linux, lets a thread spin for about 10 ms before the thread sleeps. Beside a busy
program the spinning threads take the time of the thread that they wait for. A short spin bridges the gaps inside a
step, and leaves the core to the others soon. OpenMP reads its variables once, when PyTorch is loaded.
`experiments.benchmarks.threads` measures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

SPINS = "1000"  # turns before a thread sleeps, tens of microseconds; OpenMP's own number is 300,000
WAITING = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")  # a user who set one of them has chosen
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def spin_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Sets how long threads spin, unless the user has. It works when it is called before PyTorch is imported."""
    if not any(name in environment for name in WAITING):
        environment["GOMP_SPINCOUNT"] = SPINS


def refuse_no_threads(environment: Mapping[str, str] = os.environ) -> None:
    """ValueError for a number of threads below 1. OpenMP takes one number, or several with commas."""
    for name in COUNTS:
        value = environment.get(name, "1")
        if not all(part.strip().isdecimal() and int(part) for part in value.split(",")):
            raise ValueError(f"{name} is a number of threads from 1, got {value!r}; type {name}=1, or unset {name}")


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def waiting(environment: Mapping[str, str] = os.environ) -> str:
    """The variables that say how threads wait, such as `GOMP_SPINCOUNT=1000`."""
    return " ".join(f"{name}={environment[name]}" for name in WAITING if name in environment)


def load() -> float:
    """The mean number of programs that ran or waited for a core in the last minute."""
    return os.getloadavg()[0]
