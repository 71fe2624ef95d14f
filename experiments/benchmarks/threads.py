"""What waiting threads cost: training steps with several OpenMP policies, on a quiet machine and beside a busy program.

Command: `.venv/bin/python -m experiments.benchmarks.threads --markdown experiments/results/bench-threads.md`. More
flags: `--rounds N`, `--policies NAME ...`, `--count N`.
Cost: two to five minutes of two cores. Nothing else may run beside it.
Each policy is a process of its own, for OpenMP reads its variables once. A round is one step of each stage on the
quiet machine, then one step of each stage beside one program that keeps a core busy. Figures are medians over rounds,
in seconds by the clock. `ours` is what the commands set.
Expect: on a quiet machine a short spin costs little. Beside a busy program it saves most of what spinning loses.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from metric.runtime.threads import COUNTS, SPINS, WAITING, cores, load

POLICIES: dict[str, dict[str, str]] = {
    "OpenMP's default": {},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "GOMP_SPINCOUNT=0": {"GOMP_SPINCOUNT": "0"},
    f"GOMP_SPINCOUNT={SPINS} (ours)": {"GOMP_SPINCOUNT": SPINS},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "OMP_NUM_THREADS=1": {"OMP_NUM_THREADS": "1"},
}
STAGES = {"xe": "cross-entropy", "reward": "reward stage", "contrastive": "metric training"}
Steps = dict[str, dict[str, list[float]]]  # stage -> {"quiet": s, "busy": s}, seconds of each round


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32, help="pictures of a step")
    parser.add_argument("--policies", nargs="+", default=list(POLICIES), choices=list(POLICIES), metavar="NAME")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--steps-only", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.steps_only:
        print(json.dumps(steps(args.rounds, args.batch)))
        return
    before = load()
    text = table({name: apart(name, args) for name in args.policies}, args, before)
    print(text)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")


def apart(policy: str, args: argparse.Namespace) -> Steps:
    """The steps of a process with the policy."""
    clean = {name: value for name, value in os.environ.items() if name not in (*WAITING, *COUNTS)}
    command = [sys.executable, "-m", "experiments.benchmarks.threads", "--steps-only"]
    command += ["--rounds", str(args.rounds), "--batch", str(args.batch)]
    ran = subprocess.run(command, env=clean | POLICIES[policy], stdout=subprocess.PIPE, text=True, check=True)
    measured = json.loads(ran.stdout.splitlines()[-1])
    print(policy, measured, file=sys.stderr, flush=True)
    return measured


def steps(rounds: int, batch: int) -> Steps:
    """Stage -> the seconds of its steps, quiet and busy, after a step that warms up."""
    from experiments.benchmarks.training_steps import Case, captioner_steps, contrastive_steps, new_session

    given = argparse.Namespace(size="small", clip="scenes-clip", device="cpu", batch=batch)
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(given, Path(folder))
        calls = {stage: captioner_steps(session, Case(stage, "", {})) for stage in ("xe", "reward")}
        calls["contrastive"] = contrastive_steps(batch, session.device, "fp32", 0, False)
        seconds: Steps = {stage: {"quiet": [], "busy": []} for stage in STAGES}
        for number in range(rounds + 1):
            for state, programs in (("quiet", 0), ("busy", 1)):
                with busy(programs):
                    for stage, call in calls.items():
                        began = time.perf_counter()
                        call(number)
                        seconds[stage][state].append(time.perf_counter() - began)
    return {stage: {state: values[1:] for state, values in both.items()} for stage, both in seconds.items()}


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """Keeps as many cores busy as there are `programs`."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for program in started:
            program.kill()
            program.wait()


def table(measured: dict[str, Steps], args: argparse.Namespace, before: float) -> str:
    """The medians in Markdown, a row for each policy and two columns for each stage."""
    from metric.storage.provenance import commit, hardware

    heads = [f"{title}, {state}" for title in STAGES.values() for state in ("quiet", "busy")]
    lines = [
        "# What waiting threads cost",
        "",
        f"`python -m experiments.benchmarks.threads --rounds {args.rounds} --batch {args.batch}`, commit {commit()}, "
        f"{hardware()}, {cores()} cores, load average before {before:.1f}. Seconds of a step by the clock, medians "
        f"over {args.rounds} rounds. Busy: beside one program that keeps a core busy.",
        "",
        f"| policy | {' | '.join(heads)} |",
        f"|:--|{'--:|' * len(heads)}",
    ]
    return "\n".join([*lines, *(row(name, stages) for name, stages in measured.items())]) + "\n"


def row(name: str, stages: Steps) -> str:
    cells: Sequence[str] = [f"{median(stages[stage][state]):.2f}" for stage in STAGES for state in ("quiet", "busy")]
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
