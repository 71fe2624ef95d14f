"""Train a captioner: cross-entropy, then the reward stage if --reward is given."""

from __future__ import annotations

import argparse
import runpy
import sys
import traceback
from pathlib import Path

from captioner.config import Run, dotted, override
from captioner.config_checks import CHOICES, check
from captioner.flags import add_flags, add_strict, add_track, given, in_out, tracked
from captioner.presets import PRESETS, RECIPES, refuse_contradiction, settings_of

HELP = "training of a captioner: cross-entropy, then a reward"
GROUPS = {
    "data": ("data", "clip", "features"),
    "model": ("init", "model"),
    "cross-entropy": ("xe",),
    "reward stage": ("rewards", "rl", "watch"),
    "decoding": ("decode",),
}


def add(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s --out RUN [FILE.py] [--preset NAME] [--reward SPEC] [--FLAG VALUE ...]"
    parser.add_argument(
        "experiment", nargs="?", help="Python file that defines `run = Run(...)`; flags win over the file"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder of the run, which the other commands read")
    parser.add_argument(
        "--preset",
        action="append",
        choices=[*PRESETS, *RECIPES],
        help="named settings: a size (paper, small) or a published recipe of the reward stage; both may be given, and "
        "flags win over both",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continuation of the run in --out, with the settings of its beginning"
    )
    add_track(parser)
    parser.add_argument("--plan", action="store_true", help="memory, disk and steps of the run, which is not begun")
    add_strict(parser, in_out)
    add_flags(parser, Run(), GROUPS, CHOICES, others="running")


def run(args: argparse.Namespace) -> None:
    from captioner.runs.folder import RunFolder
    from captioner.runs.reached import reached
    from captioner.runs.stages import steps_before
    from captioner.training.loop import resume, train
    from metric.runtime.console import ended
    from metric.runtime.processes import joined
    from metric.runtime.trackers import tracking

    with joined():
        if args.plan:
            return planned(args)
        if args.resume and (given(args, Run()) or args.preset or args.experiment):
            raise ValueError(
                "--resume takes the settings from config.json in --out, got others; type only --out RUN --resume"
            )
        run = RunFolder(args.out).run if args.resume else check(asked_for(args))
        with tracking(tracked(args), args.out, dotted(run), steps_before(run)):
            if args.resume:
                resume(args.out)
            else:
                train(run, args.out)
        ended(reached(RunFolder(args.out)), args.out, ["captioner", "evaluate", args.out])


def planned(args: argparse.Namespace) -> None:
    """Prints the plan of a run that is not begun."""
    from captioner.training.plan import plan
    from metric.runtime.console import say

    if args.resume:
        raise ValueError("--plan is for a run that is not begun, got --resume; leave one of them out")
    for line in plan(check(asked_for(args)), args.out):
        say(line)


def asked_for(args: argparse.Namespace) -> Run:
    """The run of the flags. Flags win over presets or an experiment file, and these win over the defaults."""
    base = from_file(args.experiment) if args.experiment else override(Run(), settings_of(args.preset or ()))
    if args.preset and args.experiment:
        raise ValueError("--preset and an experiment file are two starting points; give one of them")
    typed = given(args, Run())
    run = override(base, typed)
    for name in set(args.preset or ()) & RECIPES.keys():
        if not run.rewards:
            raise ValueError(f"--preset {name} is a recipe for the reward stage, got no --reward; type --reward SPEC")
        refuse_contradiction(name, typed)
    return run


def from_file(path: str) -> Run:
    """The `run` of an experiment file, which may import modules of its folder.

    Raises ValueError for a missing file, for a file that fails, and for a file without a Run.
    """
    if not Path(path).is_file():
        raise ValueError(f"there is no experiment file {path}; type the path of a Python file, or leave it out")
    sys.path.append(str(Path(path).resolve().parent))
    try:
        defined = runpy.run_path(path).get("run")
    except Exception as error:
        at = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
        place = f"{path}, line {at[-1]}" if at else path
        raise ValueError(f"{place}: {type(error).__name__}: {error}; mend the file") from error
    if not isinstance(defined, Run):
        raise ValueError(f"{path} defines no `run = Run(...)`; add the line, with `from captioner import Run`")
    return defined
