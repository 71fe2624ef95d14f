"""The outcome of a run: settings, curves, scores and captions, and labels that tell runs apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captioner.config import Run, from_dict
from captioner.runs.folder import BEST, run_folder
from captioner.runs.labels import brief, label, told_apart
from captioner.runs.reached import place, unfinished
from captioner.runs.signature import refuse_false, refuse_unlike, said
from captioner.runs.variant import Variant, recorded
from metric.spec import plain
from metric.storage.run_files import LAST
from rewards.options import BOOLEANS
from rewards.spec import RewardSpec, keyed, parse

DEPTHS = 3  # of `settings`: 0, 1 and 2
PATHS = ("checkpoint", "clip", "root", "cache")  # options of rewards that may differ from seed to seed


@dataclass(frozen=True)
class Outcome:
    """The content of one run folder, for one split."""

    folder: Path
    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    """rows of metrics.jsonl"""
    corpus: dict[str, float]
    """scores by name"""
    count: int
    skipped: dict[str, str]
    """why a score is missing, by the name of the score"""
    facts: dict[str, Any]
    """what computed the scores, such as the grammar checker and its version"""
    captions: dict[str, str]
    stage: str = ""
    """stage of the model that was scored; "" in a score file of an earlier version, which does not say it"""
    step: int = 0
    """steps of the stage that the model has had"""
    checkpoint: str = "last"
    """name of the model among the checkpoints of the run"""
    decode: dict[str, Any] = field(default_factory=dict)
    """settings of decoding, which evaluation may have replaced"""
    unfinished: str = ""
    """how far the run was then, where it had steps left"""
    variant: Variant = Variant()
    """what sets the evaluation apart from the plain one of the run"""

    @property
    def seed(self) -> int:
        return self.config["seed"]

    @property
    def signature(self) -> str:
        return self.config.get("signature", "not recorded") + self.variant.signature

    @property
    def captions_of(self) -> str:
        """What made the captions, where no run of ours did; "" of a run."""
        return self.config.get("captions_of", "")

    @property
    def trained(self) -> str:
        """What the captioner was trained on: `XE`, `+PAC-S++`. The short name of a captioner of others."""
        return brief(self.captions_of) if self.captions_of else label(self.rewards)

    @property
    def best_score(self) -> str:
        """The score of --keep-best, or ""."""
        return from_dict(Run, self.config).best_score

    @property
    def place(self) -> str:
        """The step of the model that was scored: `reward step 150 of 300`; `not recorded` by an earlier version."""
        unknown = self.captions_of or "not recorded"
        return place(from_dict(Run, self.config), self.stage, self.step) if self.stage else unknown

    @property
    def chosen(self) -> str:
        """What sets the model apart from the last one of a finished run: `best by cider`, or its place."""
        if self.checkpoint == LAST.name:
            return self.unfinished
        if self.checkpoint != BEST:
            return self.place
        by = f"best by {self.best_score or 'the watch'}"
        return f"{by}, {self.unfinished}" if self.unfinished else by

    @property
    def rewards(self) -> list[RewardSpec]:
        return [parse(text) for text in self.config["rewards"]]

    def trained_on(self, score: str) -> bool:
        """Whether a reward that the scored model was trained on, or its captions were chosen by, is this score."""
        trained = self.stage != "xe" and (self.step or not self.stage)
        rewards = [reward for reward in [*(self.rewards if trained else []), *self.variant.specs] if reward.weight]
        name = score.partition(":")[0]
        return name in {measured(reward) for reward in rewards} or plain(name) in {reward.name for reward in rewards}


def measured(reward: RewardSpec) -> str:
    """The name of the score that a reward measures, when the two names differ. Else ""."""
    options = dict(reward.options)
    rate = "_rate" if BOOLEANS.get(options.get("rate", "").lower()) else ""
    return {"grammar": "incorrect", "repetition": f"rep_{options.get('n', 4)}{rate}"}.get(reward.name, "")


def read(folder: Path, split: str) -> Outcome:
    """The outcome of a run folder, or of RUN@NAME. ValueError for no run, or without scores for the split."""
    run = run_folder(folder)
    config, scores = run.config, run.scores(split)
    metrics = [] if run.captions_of else run.metrics
    model = {"stage": "", "step": 0, "name": LAST.name, **scores.get("checkpoint", {})}
    newest = model.get("run", model)
    return Outcome(
        folder=folder,
        config=config,
        metrics=metrics,
        corpus=scores["corpus"],
        count=scores["count"],
        skipped=scores.get("skipped", {}),
        facts=scores.get("facts", {}),
        captions=run.captions(split),
        stage=model["stage"],
        step=model["step"],
        checkpoint=model["name"],
        decode=said(scores.get("decode", config.get("decode", {}))),
        unfinished=unfinished(run.run, metrics, newest["stage"], newest["step"]) if newest["stage"] else "",
        variant=recorded(scores, config),
    )


def refuse_mixture(outcomes: Sequence[Outcome]) -> None:
    """ValueError unless all runs captioned the same pictures of the same data set."""
    first = outcomes[0]
    for other in outcomes[1:]:
        for what, one, two in (
            ("data", first.config["data"], other.config["data"]),
            ("number of captions", first.count, other.count),
        ):
            if one != two:
                raise ValueError(f"one table has one {what}: {first.folder} has {one}, {other.folder} has {two}")
        if first.captions.keys() != other.captions.keys():
            raise ValueError(
                f"{first.folder} and {other.folder} captioned different pictures; evaluate both on one split"
            )


def refuse_impostors(outcomes: Sequence[Outcome]) -> None:
    """ValueError when a signature is wrong, or when two runs used different weights under one name."""
    for outcome in outcomes:
        refuse_false(outcome.folder, outcome.config)
    refuse_unlike({outcome.folder: outcome.config for outcome in outcomes})


def settings(outcome: Outcome, depth: int = 0) -> dict[str, Any]:
    """The settings that make an experiment, without the seed. Depth 1 adds folders of rewards, depth 2 all folders."""
    values: dict[str, Any] = said(outcome.config.get("objective", {}))
    values |= {f"model.{name}": value for name, value in outcome.config.get("model", {}).items()}
    values |= {f"decode.{name}": value for name, value in outcome.decode.items()}
    values |= outcome.variant.settings(() if depth else PATHS)
    if outcome.rewards and not outcome.config.get("init"):  # the stage before
        values |= {f"xe.{name}": value for name, value in said(outcome.config.get("xe", {})).items()}
    for key, reward in keyed(outcome.rewards):
        values |= {f"{key}.weight": reward.weight}
        values |= {f"{key}.{name}": value for name, value in reward.options if depth or name not in PATHS}
    values |= {name: outcome.config.get(name, "") for name in ("precision", "watch", "data_fingerprint")}
    values["reached"] = outcome.chosen
    values["keep_best"] = outcome.best_score
    if outcome.captions_of:
        values["captions_of"] = outcome.signature
    values["captioner"] = outcome.config.get("versions", {}).get("captioner", "")
    kept = ("clip", "pac", "init") if depth == 2 else ("clip",)
    return values | {name: outcome.config.get(name, "") for name in kept}


def group(outcomes: Sequence[Outcome]) -> list[tuple[str, list[Outcome]]]:
    """Labelled groups of runs that differ only in their seed. Groups without a reward come first, others as given."""
    groups = sorted(grouped(outcomes), key=lambda runs: bool(runs[0].rewards))  # stable
    return list(zip(distinct_labels(groups), (sorted(runs, key=lambda run: run.seed) for runs in groups)))


def grouped(outcomes: Sequence[Outcome], depth: int = 0) -> list[list[Outcome]]:
    """Runs by their settings. Seeds may use different folders, which count when a group has a seed twice."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        key = json.dumps([outcome.trained, settings(outcome, depth)], sort_keys=True)
        groups.setdefault(key, []).append(outcome)
    return [part for runs in groups.values() for part in ([runs] if one_run_a_seed(runs) else parted(runs, depth + 1))]


def one_run_a_seed(runs: Sequence[Outcome]) -> bool:
    return len({run.seed for run in runs}) == len(runs)


def parted(runs: Sequence[Outcome], depth: int) -> list[list[Outcome]]:
    if depth < DEPTHS:
        return grouped(runs, depth)
    first = next(run for number, run in enumerate(runs) if run.seed in {other.seed for other in runs[number + 1 :]})
    second = next(run for run in runs if run.seed == first.seed and run is not first)
    both = f"{first.folder} and {second.folder}"
    raise ValueError(f"{both} are one experiment ({first.trained}) with one seed ({first.seed}); give one of them")


def distinct_labels(groups: Sequence[Sequence[Outcome]]) -> list[str]:
    """A label for each group. Equal labels get the settings that differ, and last the folders that differ."""
    labels = [placed(runs[0]) for runs in groups]
    for depth in range(DEPTHS):
        keys = [settings(runs[0], depth) for runs in groups]
        rivals = [[other for other, same in zip(keys, labels) if same == name] for name in labels]
        labels = [" ".join([name, *unlike(own, others)]) for name, own, others in zip(labels, keys, rivals)]
    return labels


def placed(outcome: Outcome) -> str:
    """The label of a run, with the place of the model that was scored if the run is not finished."""
    name = ", ".join(filter(None, [outcome.trained, outcome.variant.label]))
    return name + (f" ({outcome.chosen})" if outcome.chosen else "")


def unlike(own: dict[str, Any], others: Sequence[dict[str, Any]]) -> list[str]:
    """`lr 4e-4`: each setting that differs from that of some other group."""
    differ = [key for key in own if any(other.get(key) != own[key] for other in others)]
    return [f"{key} {told_apart(own[key], [other.get(key, '') for other in others])}" for key in differ]
