"""Commands of `captioner` for the experiments. A second call of an experiment continues an interrupted one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from captioner.cli import main

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}


def run_captioner(*words: object) -> None:
    """Runs one command in this process. An exit code other than 0 ends the experiment with that code."""
    code = main([str(word) for word in words])
    if code:
        sys.exit(code)


def run_apart(*words: object) -> None:
    """Runs one command in a process of its own on one thread, so that several commands can run at once."""
    command = [sys.executable, "-m", "captioner", *map(str, words)]
    code = subprocess.run(command, env={**os.environ, **ONE_THREAD}).returncode
    if code:
        sys.exit(code)


def train(out: Path, *flags: object) -> None:
    """Runs `captioner train --out OUT` with `flags`. A begun run continues with the settings of its beginning."""
    run_captioner("train", "--out", out, *(resume_flag(out) or flags))


def resume_flag(out: Path) -> list[str]:
    """The flag `--resume` for a begun run, and no flag for a new one."""
    return ["--resume"] if (out / "config.json").exists() else []


def say(line: str) -> None:
    """Prints a heading without delay, into a file too."""
    print(f"\n== {line}", flush=True)
