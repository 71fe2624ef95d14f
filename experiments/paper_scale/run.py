"""Recipes at the scale of the papers: the needs, the cost and the commands of each recipe.

Command: `.venv/bin/python -m experiments.paper_scale.run` lists the recipes. `... NAME --root DIR --dry-run` reads the
configuration and the data, checks paths, counts parameters and FLOPs and prints the plan. Without `--dry-run` the
commands run one after another. A second call continues an interrupted one. `--measure` times a step of each kind on
one core of this machine (a minute), and with `--device cuda` on its GPU.
Cost: GPU days. No recipe was run at this size by us: GPU hours are estimates, and the plan names their source.
Expect: each recipe names its paper and the published figure to compare.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from captioner.cli import main as run_command
from experiments.paper_scale import RECIPES
from experiments.paper_scale.plan import as_text, plan


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=RECIPES, metavar="NAME", help="recipe: " + ", ".join(RECIPES))
    parser.add_argument("--root", type=Path, default=Path("data"), help="folder of the data sets (data)")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument("--dry-run", action="store_true", help="only the plan; exit code 1 if a file is missing")
    parser.add_argument("--tflops", type=float, default=20, help="assumed speed of your GPU in TFLOP/s (20)")
    parser.add_argument(
        "--seconds",
        nargs="*",
        type=measured,
        default=[],
        metavar="KIND=S",
        help="your seconds of a step: xe, reward, contrastive",
    )
    parser.add_argument("--measure", action="store_true", help="timing of a step of each kind on this machine")
    parser.add_argument("--device", default="cpu", help="device of --measure: cpu, one core of it, or cuda (cpu)")
    args = parser.parse_args(argv)
    if args.measure:
        from experiments.paper_scale.measure import measure

        measure(args.device)
    elif not args.name:
        print("\n".join(f"{name:20} {recipe.title}" for name, recipe in RECIPES.items()))
    else:
        made = plan(args.name, args.root, args.out)
        print(as_text(made, args.tflops, dict(args.seconds)))
        if made.faults or args.dry_run:
            return bool(made.faults)
        for words, _ in made.works:
            if code := run_command(resumed(words)):
                return code
    return 0


def measured(text: str) -> tuple[str, float]:
    """`xe=0.5` -> `("xe", 0.5)`."""
    kind, _, seconds = text.partition("=")
    return kind, float(seconds)


def resumed(words: list[str]) -> list[str]:
    """The words of a command that continues a begun training. The training of a metric needs its settings again."""
    out = Path(words[words.index("--out") + 1]) if "--out" in words else Path()
    if not (out / "config.json").exists():
        return words
    return ["train", "--out", str(out), "--resume"] if words[0] == "train" else [*words, "--resume"]


if __name__ == "__main__":
    sys.exit(main())
