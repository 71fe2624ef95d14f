"""Rewards for TRL: functions for `reward_funcs` of GRPOTrainer and RLOOTrainer.

    from rewards.bridges import trl_reward

    GRPOTrainer(reward_funcs=[trl_reward("pacspp:checkpoint=DIR"), trl_reward("repetition", weight=0.5)], ...)

The command line of TRL takes dotted paths. What follows `rewards.bridges.trl.` is the text of a reward without a dot:

    trl grpo --reward_funcs rewards.bridges.trl.clips rewards.bridges.trl.pacspp:checkpoint=runs/metric ...

Any text, several rewards too, stands in the environment variable CAPTIONER_REWARD, read by `rewards.bridges.trl.mix`.

Axes: n completions.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Sequence
from typing import Any

from metric.runtime.console import tell
from rewards.bridges.columns import Columns, captions_of
from rewards.bridges.judge import Judge, Verdict
from rewards.bridges.scales import RAW

VARIABLE = "CAPTIONER_REWARD"
COUNTS_ENDS = {"cider", "bleu4", "rougel", "lm"}  # rewards in which the end of the sentence is a word
Log = Callable[[str, float], None]


class TrlReward:
    """A reward function of TRL. `__name__` is its key in the log. The terms of a mix are logged below that key.

    A value is `weight` times the total on its scale. A row that cannot be judged has None. Picklable.
    """

    def __init__(self, judge: Judge, name: str, weight: float, columns: Columns, eos: Collection[int]) -> None:
        self.judge, self.weight, self.columns, self.eos = judge, weight, columns, frozenset(eos)
        self.__name__ = name or judge.name
        self.ends_told = False

    def __call__(
        self,
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        log_metric: Log | None = None,
        **batch: Any,
    ) -> list[float | None]:
        """n completions, texts or chat messages, with the columns of the batch -> n values.

        Raises ValueError for a missing column and for a column of another length than n.
        """
        captions = captions_of(completions, self.cut(len(completions), completion_ids, log_metric))
        verdicts = self.judge(self.columns.rows(captions, batch, self.judge.mix.needs, self.__name__))
        self.judge.caution(verdicts)
        if log_metric:
            log_terms(log_metric, self.__name__, verdicts)
        return [None if verdict.total is None else self.weight * verdict.total for verdict in verdicts]

    def cut(self, n: int, ids: Sequence[Sequence[int]] | None, log_metric: Log | None) -> list[bool]:
        """Whether the length limit ended each of n texts: its last id is no end of sentence."""
        ends = self.eos or ends_of(log_metric)
        if ids is None or not ends:
            self.caution_ends()
            return [False] * n
        return [bool(row) and row[-1] not in ends for row in ids]

    def caution_ends(self) -> None:
        """Tells once that captions which the length limit cut count as ended."""
        if not self.ends_told and COUNTS_ENDS & {spec.name for spec in self.judge.specs}:
            self.ends_told = True
            tell(
                [
                    f"reward {self.__name__}: the end of sentence is not known, so that cut captions count as ended; "
                    "type trl_reward(..., eos=[tokenizer.eos_token_id])"
                ]
            )


def ends_of(log_metric: Log | None) -> Collection[int]:
    """The ids that end a text. `log_metric` is a method of the trainer, and the trainer knows them."""
    return frozenset(getattr(getattr(log_metric, "__self__", None), "eos_token_ids", ()))


def log_terms(log: Log, name: str, verdicts: Sequence[Verdict]) -> None:
    """The mean of each term of a mix over the rows that were judged, unweighted, as `name/term`."""
    judged = [verdict.terms for verdict in verdicts if verdict.terms]
    keys = list(judged[0]) if judged else []
    for key in keys if len(keys) > 1 else []:
        log(f"{name}/{key}", sum(terms[key] for terms in judged) / len(judged))


def trl_reward(
    *specs: str,
    weight: float = 1.0,
    scale: str = RAW,
    name: str = "",
    images: str = "",
    references: str = "references",
    clip: str = "",
    device: str = "auto",
    eos: Collection[int] = (),
) -> TrlReward:
    """One reward, or the weighted sum of several, as a reward function of TRL.

    `specs` are texts as --reward takes them: `trl_reward("clips", "repetition:weight=0.5")`. `scale` is raw, unit
    (0 to 1) or standard:mean=M,spread=S. `weight` is a factor after the scale. `name` is the key in the log, by
    default the texts. `images` and `references` name columns of the data set: pictures as PIL, paths, bytes or
    datasets.Image, by default in `image` or `images`. `clip` is the CLIP of clips and refclips. `eos` are the ids that
    end a text, by default those of the trainer; a completion that ends otherwise is a caption that was cut.

    Raises ValueError for a reward that does not exist or cannot be loaded.
    """
    judge = Judge(specs, clip, device, scale)
    return TrlReward(judge, name, weight, Columns(images, references), eos)


def __getattr__(text: str) -> TrlReward:
    """The reward that a text names, for the dotted paths of TRL's command line."""
    if text.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {text!r}")
    if text != "mix":
        return trl_reward(text)
    specs = shlex.split(os.environ.get(VARIABLE, ""))
    if not specs:
        raise ValueError(f"rewards.bridges.trl.mix reads {VARIABLE}, which is not set; type {VARIABLE}='clips cider'")
    return trl_reward(*specs, name="mix")
