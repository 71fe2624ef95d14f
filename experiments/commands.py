"""Commands of `captioner` one after another, for experiments that go on where they stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from captioner.cli import main

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}


def run_captioner(*words: object) -> None:
    """Run one command in this process. Another exit code than 0 ends the experiment with that code."""
    code = main([str(word) for word in words])
    if code:
        sys.exit(code)


def run_apart(*words: object) -> None:
    """Run one command in a process of its own, on one thread, so that several can run beside each other."""
    command = [sys.executable, "-m", "captioner", *map(str, words)]
    code = subprocess.run(command, env={**os.environ, **ONE_THREAD}).returncode
    if code:
        sys.exit(code)


def train(out: Path, *flags: object) -> None:
    """`captioner train --out OUT` with `flags`. A run that was begun goes on with the settings that it began with."""
    run_captioner("train", "--out", out, *(resume_flag(out) or flags))


def resume_flag(out: Path) -> list[str]:
    """`--resume` for a run that was begun, else nothing."""
    return ["--resume"] if (out / "config.json").exists() else []


def say(line: str) -> None:
    """Print a heading at once, also into a file."""
    print(f"\n== {line}", flush=True)
