"""Caption a split of the run's data set with a trained run, and score the captions.

A model of transformers (hf:ORG/NAME, hf:FOLDER) or a file of captions is scored too, on --data and into --out.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from captioner.flags import add_decoding, add_device, add_strict, decoding_of, no_place, positive

if TYPE_CHECKING:
    from captioner.runs.folder import RunFolder

HELP = "captions and scores of a split, by a run"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="+",
        type=Path,
        metavar="RUN",
        help="run folders that `captioner train` wrote; or one model of transformers, hf:ORG/NAME or hf:FOLDER, or one "
        "file of captions, with --data and --out",
    )
    parser.add_argument("--split", default="test", help="split of the data set (test)")
    add_others(parser.add_argument_group("a model of transformers, or a file of captions"))
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
    parser.set_defaults(makes_folder=True)
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


def add_others(group: Any) -> None:
    """Adds the flags of captions that no run made."""
    group.add_argument("--data", default="", help="data set, as name:option=value,... or a path")
    group.add_argument("--out", type=Path, help="folder for the captions and scores, which `captioner compare` takes")
    group.add_argument("--prompt", default="", metavar="TEXT", help="text that the model continues, or its question")
    group.add_argument("--clip", default="", help="CLIP of CLIP-S (scenes-clip for scenes, else none)")
    group.add_argument("--checker", default="", help="grammar checker: languagetool, harper, none or auto (auto)")


def run(args: argparse.Namespace) -> None:
    if any(is_of_others(str(name)) for name in args.runs):
        return run_others(args)
    for name in ("data", "out", "prompt", "clip", "checker"):
        if getattr(args, name):
            refuse_neither(str(args.runs[0]))
            raise ValueError(f"--{name} is for hf:ORG/NAME or a file of captions, and a run has its own; leave it out")
    run_runs(args)


def is_of_others(name: str) -> bool:
    """Whether a name is that of a model of transformers or of a file."""
    return name.startswith("hf:") or Path(name).is_file()


def refuse_neither(name: str) -> None:
    """Raises ValueError for a name of nothing, and for the folder of a model of transformers without hf:."""
    from captioner.sources.hub_files import refuse_unprefixed

    refuse_unprefixed(name)
    if not Path(name).exists():
        raise ValueError(f"there is no file or folder {name}; give a file of captions, hf:ORG/NAME or hf:FOLDER")


def run_others(args: argparse.Namespace) -> None:
    from captioner.api import evaluate_others
    from metric.runtime.console import ended
    from metric.spec import split_specs

    if len(args.runs) > 1 or args.checkpoint != "last":
        raise ValueError(f"{args.runs[0]} is evaluated alone, without --checkpoint; type one model or file a command")
    for name in ("data", "out"):
        if not getattr(args, name):
            raise ValueError(f"{args.runs[0]} needs --{name}; type --data scenes or a path, and --out DIR")
    evaluate_others(
        str(args.runs[0]),
        args.data,
        args.out,
        args.split,
        split_specs(args.scores),
        prompt=args.prompt,
        clip=args.clip,
        decoding=decoding_of(args),
        best_of=args.best_of,
        rewards=args.reward,
        name=args.name,
        checker=args.checker or "auto",
        device=args.device,
    )
    ended(
        f"split {args.split} captioned and scored",
        str(args.out),
        ["captioner", "compare", "RUN", evaluation_of(args), "--out", "comparison"],
    )


def evaluation_of(args: argparse.Namespace) -> RunFolder:
    """The evaluation of captions that no run made, as `captioner compare` takes it: OUT, or OUT@NAME."""
    from captioner.config_checks import decode_with
    from captioner.scoring.evaluate_others import Others
    from captioner.sources.hub_files import decode_of
    from metric.image_to_text.folder import PREFIX, model_folder

    name = str(args.runs[0])
    own = decode_of(model_folder(name)) if name.startswith(PREFIX) else None
    decode = decode_with(own, decoding_of(args)) if own else None
    chosen = args.best_of, tuple(args.reward)
    return Others(name, {}, args.data, "", own, decode, *chosen, evaluation=args.name).folder(args.out)


def run_runs(args: argparse.Namespace) -> None:
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
