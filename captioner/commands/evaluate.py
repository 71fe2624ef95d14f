"""Caption a split of the run's data set with a trained run, and score the captions."""

from __future__ import annotations

import argparse
from pathlib import Path

from captioner.flags import add_decoding, add_device, add_strict, decoding_of, no_place, positive

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
    add_device(parser)
    add_strict(parser, no_place)  # each run has a ledger of its own
    parser.add_argument(
        "--as",
        dest="name",
        default="",
        metavar="NAME",
        help="name of the evaluation in its files and for `captioner compare RUN@NAME` (made of the flags below)",
    )
    group = parser.add_argument_group("decoding, in place of the run's")
    add_decoding(group)
    group.add_argument(
        "--best-of",
        type=positive,
        default=0,
        metavar="N",
        help="captions that are drawn of a picture, the best of which by --reward is scored",
    )
    group.add_argument(
        "--reward",
        action="append",
        default=[],
        metavar="SPEC",
        help="reward that chooses among captions, from `captioner rewards`; repeated flags make a mix",
    )


def run(args: argparse.Namespace) -> None:
    from captioner.runs.variant import recorded
    from captioner.scoring.evaluate_run import Evaluation, evaluate_run, files_of
    from metric.runtime.console import ended
    from metric.spec import split_specs
    from metric.storage.ledger import kept

    decoding, scores = decoding_of(args), split_specs(args.scores)
    how = Evaluation(args.split, scores, args.checkpoint, decoding, args.best_of, args.reward, args.name, args.device)
    runs = [files_of(folder, how) for folder in args.runs]  # all, before work on the first begins
    for run in runs:
        with kept(run.left_out_file(args.split)):
            evaluate_run(run.path, how)
        print(f"signature: {run.signature}{recorded(run.scores(args.split), run.config).signature}")
    names = dict.fromkeys(
        f"{run.captions_file(args.split).name} and {run.scores_file(args.split).name}" for run in runs
    )
    compared = [*(run.path for run in runs if run.evaluation), *runs]
    ended(
        f"split {args.split} captioned and scored",
        f"{' '.join(names)} in {' '.join(map(str, args.runs))}",
        ["captioner", "compare", *compared, *([] if len(compared) > 1 else ["OTHER-RUN"]), "--out", "comparison"],
    )
