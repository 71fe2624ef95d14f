"""Values of steps that other processes make while this one works on the step before.

Between two steps of a GPU its host draws, reads and tokenises. On one thread that can take ten times as long as the
step. The processes are forks of this one, so nothing is sent to them. What makes a step may use no GPU, and may depend
on nothing but the number of the step.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import torch

from metric.runtime.console import tell
from metric.runtime.threads import cores

Value = TypeVar("Value")
FED = ("cuda", "xpu")  # kinds of devices that wait for a host of Linux
MOST = 8  # processes beside one that trains
WAITING = 2 * 1024**3  # bytes of values that wait
NAME = "TOKENIZERS_PARALLELISM"
WATCHED = 2.0  # seconds until a process notices that its parent has been killed
Make = Callable[[int], Value]


def helpers(device: torch.device) -> int:
    """The number of processes that prepare steps for a device: none for a CPU, whose cores are at work already."""
    if device.type not in FED or "fork" not in multiprocessing.get_all_start_methods():
        return 0
    return max(0, min(MOST, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", 1)) - 1))


@contextmanager
def made_ahead(make: Make[Value], end: int, count: int) -> Iterator[Make[Value]]:
    """`make` for the steps below `end`, of which `count` processes make the next ones; `make` itself for 0.

    The values are those of `make`, so a run does not depend on `count`. An error of `make` is raised as it is. When a
    process was killed, this one makes the other steps itself, and says so once.
    """
    if not count:
        yield make
        return
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("fork"), begin, (make, os.getpid()))
    try:
        with quiet_forks():
            pool.submit(int)  # all processes are forked for the first task, before other threads begin
        yield Ahead(make, pool, end, 2 * count)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def quiet_forks() -> Iterator[None]:
    """Forks without the warnings of Python, of its other threads, and of Hugging Face's tokenizers, of theirs.

    The forks are made before the first step, and use nothing of other threads. In a fork the tokenizers get one thread,
    unless the user has chosen.
    """
    chosen = NAME in os.environ
    os.environ.setdefault(NAME, "false")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
            yield
    finally:
        if not chosen:
            del os.environ[NAME]


class Ahead:
    """The values of steps, in their order. At most `many` of them wait, and at most WAITING bytes."""

    def __init__(self, make: Callable[[int], Any], pool: ProcessPoolExecutor, end: int, many: int) -> None:
        self.make, self.pool, self.end, self.many = make, pool, end, many
        self.coming: dict[int, Future[bytes]] = {}
        self.alone = False

    def ask(self, step: int) -> None:
        for later in range(step, min(step + self.many, self.end)):
            if later not in self.coming:
                self.coming[later] = self.pool.submit(made, later)

    def __call__(self, step: int) -> Any:
        """The value of a step. A cluster's SIGTERM ends the helping processes too, and this one still has to save."""
        if self.alone:
            return self.make(step)
        try:
            self.ask(step)
            value = self.coming.pop(step).result()
        except BrokenProcessPool:
            self.alone = True
            tell([f"a process that prepares steps has ended; this one prepares step {step + 1} and those behind it"])
            return self.make(step)
        self.many = max(1, min(self.many, WAITING // len(value)))
        return pickle.loads(value)


MADE: list[Callable[[int], Any]] = []
"The maker of a helping process."


def begin(make: Callable[[int], Any], parent: int) -> None:
    """Begin a helping process: it computes with one thread, leaves Ctrl-C to its parent, and ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch.set_num_threads(1)  # OpenMP's other threads did not come along
    MADE[:] = [make]
    threading.Thread(target=watch, args=(parent,), daemon=True).start()


def watch(parent: int) -> None:
    """End this process soon after its parent."""
    while os.getppid() == parent:
        time.sleep(WATCHED)
    os._exit(1)


def made(step: int) -> bytes:
    """The value of a step as bytes. Tensors go by pipe: the shared memory of a container is often small."""
    return pickle.dumps(MADE[0](step), protocol=pickle.HIGHEST_PROTOCOL)
