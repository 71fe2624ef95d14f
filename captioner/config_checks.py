"""What the settings of a run may be: choices, ranges, and settings that contradict each other.

`check` is called before any work, for settings from flags, experiment files and `captioner.train` alike. A message
names the flag, what came and what to type. This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from captioner.config import Decode, Rl, Run, dotted, flag
from metric.runtime.schedule import refuse_warmup
from metric.scores.catalogue import direction
from metric.settings import ABOVE_0, DROPOUT, NUCLEUS, SEED, SHARE, Range, refuse_outside

CHOICES = {
    "precision": ("fp32", "tf32", "bf16", "fp16"),
    "checker": ("auto", "languagetool", "harper", "none"),
    "watch": ("off", "warn", "stop"),
    "rl.objective": ("scst", "grpo", "dico"),
    "rl.candidates": ("beam", "diverse_beam", "sample"),
    "rl.baseline": ("mean", "greedy", "leave_one_out"),
    "rl.normalise": ("sum", "length", "max_length", "token"),
    "rl.mix": ("raw", "picture", "batch"),
}

SIZES = tuple(f"model.{name}" for name in ("d", "heads", "encoder_layers", "decoder_layers", "feedforward"))
# numeric settings -> their ranges, without those that `check` looks at one by one
RANGES = {
    "seed": SEED,
    **dict.fromkeys(("val_every", "val_count", "save_every", "log_every", "keep", "accumulate"), Range(1)),
    **dict.fromkeys(SIZES, Range(1)),
    "model.dropout": DROPOUT,
    **dict.fromkeys(("model.vocabulary", "xe.steps", "xe.patience", "xe.lr"), Range(0)),
    **dict.fromkeys(("xe.batch_size", "xe.references"), Range(1)),
    "xe.label_smoothing": SHARE,
    **dict.fromkeys(("rl.steps", "rl.batch_size", "rl.samples", "rl.updates"), Range(1)),
    **dict.fromkeys(("rl.lr", "rl.kl", "rl.tau", "rl.xe_weight"), Range(0)),
    "rl.temperature": ABOVE_0,
    "rl.top_p": NUCLEUS,
}
DECODE = {"beams": Range(1), "max_length": Range(2), "no_repeat_ngram": Range(0)}


def check(run: Run) -> Run:
    """Returns the run. Raises ValueError for a setting that is out of range or contradicts another one."""
    values = dotted(run)
    for name, choices in CHOICES.items():
        if values[name] not in choices:
            raise ValueError(f"{flag(name)} is one of {', '.join(choices)}, got {values[name]!r}")
    refuse_outside(values, RANGES)
    for stage in ("xe", "rl"):
        refuse_warmup(f"{stage}.warmup", values[f"{stage}.warmup"], values[f"{stage}.steps"])
    if run.model.d % run.model.heads:
        raise ValueError(f"--model.d {run.model.d} cannot be split over --model.heads {run.model.heads}")
    check_best(run)
    check_decode(run.decode)
    check_hidden(run)
    if run.rewards:
        check_objective(run.rl)
    if not run.rewards and not run.xe.steps:
        raise ValueError("nothing to train, got --xe.steps 0 and no --reward; type --reward SPEC or more --xe.steps")
    return run


def check_hidden(run: Run) -> None:
    """Raises ValueError for a share of hidden pictures out of range, and for guidance that training would not allow."""
    if not 0 <= run.xe.drop_features < 1:
        raise ValueError(f"--xe.drop-features is a share of 0 or more and below 1, got {run.xe.drop_features:g}")
    if run.decode.guidance == 1:
        return
    if run.rewards:
        raise ValueError(
            f"--decode.guidance {run.decode.guidance:g} is for captions after training, and --reward learns from "
            "captions without it; leave it out, and type --guidance to `captioner evaluate`"
        )
    if not run.xe.drop_features:
        raise ValueError(
            f"--decode.guidance {run.decode.guidance:g} needs a captioner that knows captions without a picture; "
            "type --xe.drop-features 0.1, or leave it out"
        )


def check_guidance(name: str, guidance: float) -> None:
    """Raises ValueError unless `guidance`, the value of the flag `name`, is a number from 0."""
    if not 0 <= guidance < float("inf"):
        raise ValueError(f"{name} is 0 or more, where 1 decodes without guidance, got {guidance:g}")


def check_decode(decode: Decode, prefix: str = "--decode.") -> Decode:
    """Returns the settings. Raises ValueError for a number out of range. `prefix` begins the flags in the message."""
    section = prefix.removeprefix("--")
    refuse_outside(dotted(decode, section), {section + name: within for name, within in DECODE.items()})
    if not isfinite(decode.length_penalty):
        raise ValueError(f"{prefix}length-penalty is a number such as 1, got {decode.length_penalty}")
    check_guidance(f"{prefix}guidance", decode.guidance)
    return decode


def decode_with(decode: Decode, changes: Mapping[str, Any]) -> Decode:
    """The settings with `changes` by name. Raises ValueError for a number out of range."""
    return check_decode(replace(decode, **changes), "--")


def check_best(run: Run) -> None:
    """Raises ValueError for a choice of checkpoints by no score, or by a score that has no better direction."""
    if run.keep_best and not direction(run.best_score):
        raise ValueError(
            f"--keep-best takes a score that is better when it is higher or lower, got {run.keep_best}; "
            "type --keep-best cider"
        )
    if run.xe.patience and not run.keep_best:
        raise ValueError(
            f"--xe.patience {run.xe.patience} waits for a better score, got no --keep-best; type --keep-best cider"
        )


def check_objective(rl: Rl) -> None:
    """Raises ValueError for settings of the reward stage that contradict each other."""
    asked = f"--rl.objective {rl.objective}"
    if rl.objective != "scst" and rl.baseline != "mean":
        raise ValueError(
            f"{asked} compares the candidates with each other and takes no baseline, "
            f"got --rl.baseline {rl.baseline}; leave --rl.baseline out or type --rl.objective scst"
        )
    if rl.samples < 2 and rl.baseline != "greedy":
        raise ValueError(
            f"{asked} with --rl.baseline {rl.baseline} compares 2 candidates a picture or more, "
            f"got --rl.samples {rl.samples}; type --rl.samples 2 or --rl.baseline greedy"
        )
    if rl.mix != "raw" and (rl.samples < 2 or (rl.mix, rl.baseline) == ("picture", "greedy")):
        raise ValueError(
            f"--rl.mix {rl.mix} divides by the spread of a picture's candidates, got --rl.samples {rl.samples} and "
            f"--rl.baseline {rl.baseline}, which the spread does not hold; type --rl.samples 5 and "
            "--rl.baseline mean, or --rl.mix raw"
        )
    if rl.updates > 1 and rl.objective != "grpo":
        raise ValueError(f"{asked} makes one update a step, got --rl.updates {rl.updates}; type --rl.objective grpo")
    if rl.objective == "dico" and not rl.kl:
        raise ValueError(f"{asked} learns nothing with --rl.kl 0, the beta of DiCO; type --rl.kl 0.2 as in the paper")
    if rl.candidates != "sample" and (rl.temperature, rl.top_p) != (1, 1):
        raise ValueError(
            f"--rl.candidates {rl.candidates} draws nothing, got --rl.temperature {rl.temperature:g} and "
            f"--rl.top-p {rl.top_p:g}; leave out both or type --rl.candidates sample"
        )
