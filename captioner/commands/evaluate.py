"""Caption a split of the run's data set with a trained run, and score the captions."""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.flags import add_decoding, add_strict, decoding_of, no_place

HELP = "captions and scores of a split, by a run"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders that `captioner train` wrote")
    parser.add_argument("--split", default="test", help="split of the run's data set (test)")
    parser.add_argument(
        "--checkpoint",
        default="last",
        metavar="NAME",
        help="model in the folder checkpoints of a run: last, best, or a step such as reward-000150 (last)",
    )
    parser.add_argument(
        "--scores",
        default="all",
        help="scores or families (classic, text, clip, scene, all) with commas between them; options such as "
        "those of pac_spp:checkpoint=DIR and incorrect:checker=harper come from the run if left out (all)",
    )
    add_strict(parser, no_place)  # each run has a ledger of its own
    add_decoding(parser.add_argument_group("decoding"))


def run(args: argparse.Namespace) -> None:
    from captioner.model.pretrained import checkpoint_of
    from captioner.runs.folder import RunFolder
    from captioner.scoring.evaluate_run import evaluate_run
    from metric.runtime.console import ended
    from metric.spec import split_specs
    from metric.storage.ledger import kept

    runs = [RunFolder(folder) for folder in args.runs]
    for run in runs:  # all, before work on the first begins
        run.check()
        checkpoint_of(run.path, args.checkpoint)
    for run in runs:
        with kept(run.left_out_file(args.split)):
            evaluate_run(run.path, args.split, split_specs(args.scores), args.checkpoint, decoding_of(args))
        print(f"signature: {run.signature}")
    names = " ".join(map(str, args.runs))
    ended(
        f"split {args.split} captioned and scored",
        f"captions-{args.split}.jsonl and scores-{args.split}.json in {names}",
        ["captioner", "compare", *args.runs, *([] if len(args.runs) > 1 else ["OTHER-RUN"]), "--out", "comparison"],
    )
