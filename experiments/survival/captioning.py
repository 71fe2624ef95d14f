"""Captions photographs in an unbroken run and in a run that is killed (-9) at random moments, and compares the bytes.

Command: `.venv/bin/python -m experiments.survival.captioning --model RUN --images DIR --count 2000 --out runs/kill`
Cost: about three times the cost of captioning the photographs once.
Log-probabilities are written too. In another batch a caption may stay the same by luck. Its log-probability changes.
Expect: equal files after sorting the lines.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess as Process
from pathlib import Path

import captioner.captioning.job  # imported here, so that each fork has it
import captioner.cli
from captioner.captioning.journal import whole_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    pictures = chosen(args.images, args.count, args.out / "pictures")
    unbroken, broken = args.out / "whole.jsonl", args.out / "broken.jsonl"
    start(args.model, pictures, unbroken).join()
    rng = random.Random(args.seed)
    moments = sorted(rng.sample(range(1, args.count), args.kills))
    for moment in moments:
        print(f"killed with {killed_at(moment, start(args.model, pictures, broken), broken)} rows in the journal")
    start(args.model, pictures, broken).join()
    one, other = (sorted(path.read_bytes().splitlines()) for path in (unbroken, broken))
    print(f"{len(one)} and {len(other)} lines, {'equal' if one == other else 'NOT EQUAL'} after sorting")
    sys.exit(one != other)


def chosen(images: Path, count: int, folder: Path) -> Path:
    """A folder of links to the first `count` pictures."""
    folder.mkdir(parents=True)
    for path in sorted(images.glob("*.jpg"))[:count]:
        (folder / path.name).symlink_to(path.resolve())
    return folder


def start(model: str, pictures: Path, out: Path) -> Process:
    """Starts captioning in a forked process, which need not import Python and torch again."""
    flags = [
        "--model",
        model,
        "--images",
        str(pictures),
        "--out",
        str(out),
        "--checker",
        "none",
        "--batch-size",
        "32",
        "--scores",
    ]
    process = get_context("fork").Process(target=captioner.cli.main, args=(["caption", *flags],))
    process.start()
    return process


def killed_at(rows: int, process: Process, out: Path) -> int:
    """Kills the process within a second after its journal has `rows` rows. Returns the rows of the journal."""
    journal = out.with_name(out.name + ".work") / "1-of-1.jsonl"
    while process.is_alive() and lines(journal) < rows:
        time.sleep(0.02)
    time.sleep(random.Random(rows).random())
    process.kill()
    process.join()
    return lines(journal)


def lines(journal: Path) -> int:
    """The number of finished rows of a journal."""
    return sum(1 for _ in whole_lines(journal)) if journal.exists() else 0


if __name__ == "__main__":
    main()
