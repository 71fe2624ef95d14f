"""Peak memory of each command: measured at the demo's size, computed at the paper's.

Command: `.venv/bin/python -m experiments.benchmarks.memory --markdown experiments/results/bench-memory.md`, with
`--out DIR` for what the commands write.
Cost: about four minutes of one core.
Each command is a process of its own, with the pictures, the models and the batches of the demo and a few steps: a peak
does not grow with the steps. The figure is the process's largest resident size, as the system counts it. The paper's
is computed without weights: the weights, their gradients and moments, and the activations of a step at captions of
full length, in fp32. The program itself, about half a gigabyte, comes on top there.
Expect: every command of the demo stays below 2 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from metric.runtime.threads import cores

FEW = "4"  # steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/memory"), help="new folder for what the commands write")
    parser.add_argument("--pictures", type=int, default=8000, help="pictures of training, those of the demo")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    args = parser.parse_args()
    if args.out.exists():
        parser.error(f"{args.out} is there already; type another --out")
    rows = [(name, peak(words)) for name, words in commands(args.out, args.pictures)]
    text = table(rows, args)
    print(text)
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")


def commands(out: Path, pictures: int) -> Iterator[tuple[str, list[str]]]:
    """Name -> words of each command, in the order in which one needs the other."""
    metric, xe, reward, features = (str(out / name) for name in ("metric", "xe", "pacspp", "features"))
    sized = ["--preset", "small", "--data", f"scenes:count={pictures}", "--checker", "none"]
    shared = [*sized, "--features", features, "--pac", metric]
    captions, data = f"{xe}/captions-test.jsonl", "scenes:count=1000"
    yield "metric train", ["metric", "train", "--steps", FEW, "--data", f"scenes:count={pictures}", "--out", metric]
    yield "train --plan", ["train", *sized, "--xe.steps", FEW, "--out", xe, "--plan"]
    yield "train, cross-entropy", ["train", *shared, "--xe.steps", FEW, "--out", xe]
    for name, spec in (("cider", "cider"), ("clips", "clips"), ("pacspp", f"pacspp:checkpoint={metric}")):
        flags = ["--init", xe, "--reward", spec, "--rl.steps", FEW, "--out", str(out / name)]
        yield f"train --reward {name}", ["train", *shared, *flags]
    yield "evaluate, two runs", ["evaluate", xe, reward, "--scores", "classic,text,clip,scene"]
    yield "compare", ["compare", xe, reward, "--out", str(out / "comparison")]
    yield "score", ["score", "--captions", captions, "--references", data, "--split", "test"]
    yield "features", ["features", data, "--split", "test", "--out", str(out / "kept")]
    yield (
        "caption",
        ["caption", "--model", xe, "--images", data, "--split", "test", "--out", str(out / "captions.jsonl")],
    )


def peak(words: list[str]) -> int:
    """The largest resident size of a command, in bytes. An exit code other than 0 ends the measurement."""
    with subprocess.Popen([sys.executable, "-m", "captioner", *words], stdout=subprocess.DEVNULL) as program:
        _, status, used = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        sys.exit(program.returncode)
    return 1024 * used.ru_maxrss


def papers() -> Iterator[tuple[str, int]]:
    """Name -> computed bytes of the work at the paper's size, with ViT-L/14."""
    from captioner.config import Run
    from experiments.paper_scale import cost
    from metric.training.config import MetricConfig

    clip = "ViT-L-14-quickgelu:openai"
    run = Run(clip=clip)
    yield "features, 64 pictures at a time", cost.features(clip).memory
    yield "train, cross-entropy", cost.xe(run).memory
    yield "train --reward clips", cost.reward(run, [clip]).memory
    yield "metric train, ViT-B/32", cost.contrastive(MetricConfig(clip="ViT-B-32-quickgelu:openai")).memory


def table(rows: list[tuple[str, int]], args: argparse.Namespace) -> str:
    """Both tables in Markdown."""
    from metric.storage.provenance import commit, hardware

    lines = [
        "# Peak memory",
        "",
        f"`python -m experiments.benchmarks.memory --pictures {args.pictures}`, commit {commit()}, {hardware()}, "
        f"{cores()} cores.",
        "",
        "| command at the demo's size | GB, measured |",
        "|:--|--:|",
        *(f"| {name} | {size / 1e9:.2f} |" for name, size in rows),
        "",
        "| work at the paper's size | GB, computed |",
        "|:--|--:|",
        *(f"| {name} | {size / 1e9:.1f} |" for name, size in papers()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
