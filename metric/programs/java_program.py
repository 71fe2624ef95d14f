"""Java programs that score captions: checked before they are started, stopped with us, never waited for without end."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO

START_LIMIT = 180.0  # seconds until the first answer: a busy machine takes 40 to read METEOR's tables
ANSWER_LIMIT = 60.0  # seconds between two answers


def java_absent(who: str) -> str:
    """Why Java cannot run `who`; "" when it can."""
    return "" if shutil.which("java") else f"java is not on the PATH; {who} needs Java 8 or newer"


def packaged(path: str) -> Path:
    """A file inside the installed pycocoevalcap."""
    spec = find_spec("pycocoevalcap")
    assert spec and spec.submodule_search_locations, "pycocoevalcap is a requirement"
    return Path(spec.submodule_search_locations[0], path)


class JavaProgram:
    """A program that answers a line of input with lines of output."""

    def __init__(self, name: str, arguments: Sequence[str]):
        self.name = name
        self.said = tempfile.TemporaryFile()  # noqa: SIM115  # the program's as long as it lives
        self.process = subprocess.Popen(
            ["java", "-Dfile.encoding=UTF-8", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is ours to act on
        )
        self.answers: Queue[str] = Queue()
        self.limit = START_LIMIT
        self.reader = Thread(target=self.read, daemon=True)
        self.reader.start()
        atexit.register(self.stop)

    def read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put("")

    def say(self, line: str) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.stopped() from None

    def answer(self) -> str:
        """The next line. Raises ValueError when none comes."""
        try:
            line = self.answers.get(timeout=self.limit)
        except Empty:
            raise ValueError(f"{self.name} has not answered for {self.limit:.0f} seconds") from None
        if not line:
            raise self.stopped()
        self.limit = ANSWER_LIMIT
        return line.strip()

    def stopped(self) -> ValueError:
        return ValueError(f"{self.name} stopped; Java said: {last_words(self.said)}")

    @contextmanager
    def or_stop(self) -> Iterator[None]:
        """An exchange that is broken off, by an error or by Ctrl-C, leaves answers behind: the program is stopped."""
        done = False
        try:
            yield
            done = True
        finally:
            if not done:
                self.stop()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def stop(self) -> None:
        """As often as you like."""
        atexit.unregister(self.stop)
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdout, self.said):
            assert stream
            stream.close()
        assert self.process.stdin
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # what was not flushed yet
            pass


def last_words(said: IO[bytes]) -> str:
    """The last lines of what Java wrote."""
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    return " | ".join(line.strip() for line in lines if line.strip())[-1000:] or "nothing"
