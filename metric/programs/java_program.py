"""Java programs that score captions. They stop with this process, and every wait for an answer has a limit."""

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

START_LIMIT = 180.0  # seconds until the first answer; a busy machine reads the tables of METEOR for 40 seconds
ANSWER_LIMIT = 60.0  # seconds between two answers


def java_absent(who: str) -> str:
    """The reason why Java cannot run the program `who`, "" when it can."""
    return "" if shutil.which("java") else f"java is not on the PATH; {who} needs Java 8 or newer"


def packaged(path: str) -> Path:
    """A file inside the installed pycocoevalcap."""
    spec = find_spec("pycocoevalcap")
    assert spec and spec.submodule_search_locations, "pycocoevalcap is a requirement"
    return Path(spec.submodule_search_locations[0], path)


class JavaProgram:
    """A program that answers each line of input with lines of output."""

    def __init__(self, name: str, arguments: Sequence[str]):
        self.name = name
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115  # open until the program stops
        self.process = subprocess.Popen(
            ["java", "-Dfile.encoding=UTF-8", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C reaches this process only
        )
        self.answers: Queue[str] = Queue()
        self.limit = START_LIMIT
        self.reader = Thread(target=self.read, daemon=True)
        self.reader.start()
        atexit.register(self.stop)

    def read(self) -> None:
        """Collect answers, and an empty one at the end of the output. Runs in a thread."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put("")

    def say(self, line: str) -> None:
        """Write a line of input. ValueError when the program has stopped."""
        assert self.process.stdin
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self.stopped() from None

    def answer(self) -> str:
        """The next line of output. ValueError when the program has stopped or gives no line in time."""
        try:
            line = self.answers.get(timeout=self.limit)
        except Empty:
            raise ValueError(f"{self.name} has not answered for {self.limit:.0f} seconds") from None
        if not line:
            raise self.stopped()
        self.limit = ANSWER_LIMIT
        return line.strip()

    def stopped(self) -> ValueError:
        return ValueError(f"{self.name} stopped; Java said: {last_words(self.errors)}")

    @contextmanager
    def or_stop(self) -> Iterator[None]:
        """Stop the program when the block ends by an error or Ctrl-C, because answers to old input would be left."""
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
        """End the program. A second call does nothing."""
        atexit.unregister(self.stop)
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for stream in (self.process.stdout, self.errors):
            assert stream
            stream.close()
        assert self.process.stdin
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # some input was not flushed yet
            pass


def last_words(output: IO[bytes]) -> str:
    """The end of the output of a program, at most 1000 characters in one line."""
    output.seek(0)
    lines = output.read().decode(errors="replace").split("\n")
    return " | ".join(line.strip() for line in lines if line.strip())[-1000:] or "nothing"
