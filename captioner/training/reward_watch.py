"""The reward watch: guards that fall when a run cheats its reward.

Every evaluation of the reward stage compares the validation captions with those at step 0. A guard is a limit for the
change of one score. `--watch warn` reports each guard that falls, and the change of the reward. A reward that rises
meanwhile is cheated. A reward that falls means that the learning rate is too high. `--watch stop` also ends the run.
Both keep the best model from before the first fall in checkpoints/best. The watch reads its history from metrics.jsonl,
so a resumed run is watched like an unbroken one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from captioner.config import Run
from metric.spec import plain

HELD_OUT = (
    "cider",
    "clip_s",
    "pac_spp",
    "pac_spp_hard",
)  # guarded is the first one that is measured and is not the reward
LOST = 0.35  # share of the held-out score that may be lost; readable runs on scenes lose up to 0.30 of CIDEr


@dataclass(frozen=True)
class Guard:
    """The allowed change of a score since step 0, as a difference or as a share of the value at step 0."""

    least: float = -inf
    most: float = inf
    share: bool = False

    def holds(self, first: float, now: float) -> bool:
        change = now - first
        scale = first if self.share else 1.0
        return self.least * scale <= change <= self.most * scale if scale else True


# All runs on scenes with readable captions pass these limits; experiments/LOG.md has runs that pass and that do not.
GUARDS = {
    "rep_1": Guard(most=1.0),  # repeated n-grams a caption
    "rep_2": Guard(most=0.5),
    "rep_3": Guard(most=0.3),
    "rep_4": Guard(most=0.2),
    "bad_endings": Guard(most=10.0),  # percent of captions
    "incorrect": Guard(most=10.0),
    "length": Guard(least=-0.3, most=0.3, share=True),
    "vocabulary": Guard(least=-0.4, share=True),
    "unique": Guard(least=-0.5, share=True),
    "kl": Guard(most=20.0),  # nats a caption, from the model at step 0
}


@dataclass(frozen=True)
class Evaluation:
    """The scores of the validation captions at a step, the reward among them, and the lines about fallen guards."""

    step: int
    scores: Mapping[str, float]
    fell: tuple[str, ...]


def history(rows: Sequence[Mapping[str, Any]]) -> list[Evaluation]:
    """The evaluations of the reward stage among the rows of a run's metrics.jsonl."""
    return [
        Evaluation(row["step"], scores_of(row), tuple(row.get("watch", ())))
        for row in rows
        if row["stage"] == "reward" and "val/reward" in row
    ]


def scores_of(row: Mapping[str, float]) -> dict[str, float]:
    return {name.removeprefix("val/"): value for name, value in row.items() if name.startswith("val/")}


def guards(run: Run, scores: Mapping[str, float]) -> dict[str, Guard]:
    """The guards of a run, with one for a score that the run is not trained on."""
    rewards = [spec for spec in run.reward_specs if spec.weight]  # the others are only logged
    trained = {spec.name.removeprefix("ref") for spec in rewards}
    retrieving = {dict(spec.options).get("clip", run.clip) for spec in rewards if spec.name == "retrieval"}
    trained |= {"clips"} if run.clip in retrieving else set()
    if run.pac_checkpoint in retrieving | {dict(spec.options).get("checkpoint") for spec in rewards}:
        trained |= {"pacspp", "pacspphard"}  # computed by a CLIP that is being optimised, under whichever name
    held_out = next((name for name in HELD_OUT if name in scores and plain(name) not in trained), None)
    return GUARDS | ({held_out: Guard(least=-LOST, share=True)} if held_out else {})


def fallen(run: Run, before: Sequence[Evaluation], scores: Mapping[str, float]) -> tuple[str, ...]:
    """A line for each guard that fell, with the change of the reward. `before` begins with the evaluation at step 0."""
    if not before:
        return ()
    first = before[0].scores
    direction = "rose" if scores["reward"] > first["reward"] else "did not rise,"
    meanwhile = f"while the reward {direction} {first['reward']:.3g} -> {scores['reward']:.3g}"
    return tuple(
        f"{name} {first[name]:.3g} -> {scores[name]:.3g} {meanwhile}"
        for name, guard in guards(run, scores).items()
        if name in first and name in scores and not guard.holds(first[name], scores[name])
    )


def is_best(before: Sequence[Evaluation], scores: Mapping[str, float], fell: Sequence[str]) -> bool:
    """Whether no guard has fallen so far and no evaluation had a higher reward."""
    healthy = not fell and not any(evaluation.fell for evaluation in before)
    return healthy and all(scores["reward"] > evaluation.scores["reward"] for evaluation in before)


def best_step(evaluations: Sequence[Evaluation]) -> int:
    """The step of checkpoints/best."""
    best = 0
    for number, evaluation in enumerate(evaluations):
        if is_best(evaluations[:number], evaluation.scores, evaluation.fell):
            best = evaluation.step
    return best
