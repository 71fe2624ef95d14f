"""The parts of an experiment in worker processes, so that parts that do not need each other run at the same time.

A worker process loads PyTorch once and then takes part after part. Each core of the machine gets one thread. What a
part prints goes to LOGS/NAME.log; the lines of its stderr, such as the progress, are shown with the name of the part.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import NamedTuple, TextIO

MOST_JOBS = 4  # parts that are worth running at a time
EVERY = 15.0  # seconds between two lines of progress
HINTS = ("captioner: written to", "captioner: next, type")  # of a command that is typed alone


class Part(NamedTuple):
    """Picklable work, which begins when the parts that are named in `after` are done."""

    name: str
    work: Callable[[], object]
    after: Sequence[str] = ()


def run_parts(parts: Sequence[Part], logs: Path, cores: int = 0) -> None:
    """Runs all parts. The first part that fails ends the experiment with its exit code, and Ctrl-C with 130.

    `cores`: the cores that the parts share, or 0 for all that this process may use.
    """
    logs.mkdir(parents=True, exist_ok=True)
    cores = cores or usable_cores()
    jobs = min(cores, MOST_JOBS)
    with workers(jobs, cores // jobs) as pool:
        try:
            finish(pool, jobs, list(parts), logs)
        except BaseException as error:
            stop(pool)
            if isinstance(error, KeyboardInterrupt):
                print("stopped; the same command goes on", file=sys.stderr)
                sys.exit(130)
            raise


def finish(pool: Executor, jobs: int, waiting: list[Part], logs: Path) -> None:
    """Gives the pool each part as soon as the parts before it are done and a worker is free."""
    width = max(len(part.name) for part in waiting)
    running, done = dict[Future[None], str](), set[str]()
    while waiting or running:
        ready = [part for part in waiting if done.issuperset(part.after)]
        for part in ready[: jobs - len(running)]:
            waiting.remove(part)
            running[pool.submit(work, part, logs, width)] = part.name
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            future.result()
            done.add(running.pop(future))


def stop(pool: Executor) -> None:
    """Ends the work as Ctrl-C does, also where the signal reached this process alone: trainings save first."""
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in active_children():
        if worker.pid:
            os.kill(worker.pid, signal.SIGINT)


def workers(jobs: int, threads: int) -> ProcessPoolExecutor:
    """Processes with so many threads each. Variables that the user has set hold."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    return ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=ready)


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ready() -> None:
    """A worker that waits for work leaves Ctrl-C to the parts that run."""
    from metric.runtime import progress

    progress.EVERY = EVERY
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def work(part: Part, logs: Path, width: int) -> None:
    """Runs a part in this process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with open(logs / f"{part.name.replace(': ', '-')}.log", "a", encoding="utf-8") as log:
        shown = Named(f"{part.name:{width}}  ", log, sys.stderr)
        try:
            with redirect_stdout(log), redirect_stderr(shown):  # type: ignore[type-var]
                part.work()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class Named:
    """A stream for whole lines, which go to a log and, with a name in front, to a terminal."""

    encoding = "utf-8"

    def __init__(self, name: str, log: TextIO, terminal: TextIO) -> None:
        self.name, self.log, self.terminal, self.begun = name, log, terminal, ""

    def write(self, text: str) -> int:
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            self.log.write(f"{line}\n")
            if not line.startswith(HINTS):
                self.terminal.write(f"{self.name}{line.removeprefix('captioner: ')}\n")
        return len(text)

    def flush(self) -> None:
        self.log.flush()
        self.terminal.flush()

    def isatty(self) -> bool:
        """False: two bars of progress would overwrite each other."""
        return False
