"""A run folder: the one module that knows the names of the files that `train` and `evaluate` write into it.

config.json             settings, signature, commit, versions, hardware
metrics.jsonl           the training log, one JSON object a line; the same numbers in tensorboard/
checkpoints/            last, those before it, and the reward stage's reference and best
captions-<split>.jsonl  one caption of each picture of a split
scores-<split>.json     scores of the split; scores-<split>.csv has those of each caption
left-out.jsonl          what was read and not used; <split>.left-out.jsonl that of an evaluation

An evaluation by other settings has a name, and files of its own: scores-<split>@<name>.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captioner.config import Run, from_dict, renamed
from captioner.data.caption_files import read_captions
from metric.storage.ledger import LEFT_OUT
from metric.storage.run_files import CHECKPOINTS, CONFIG, LAST, METRICS, TENSORBOARD
from metric.storage.text_lines import text_lines

# models in checkpoints/, beside those that a run can be resumed from
REFERENCE, BEST, XE_BEST = "reference", "best", "xe-best"
STAGES = {"xe", "rl", "decode"}  # keys of config.json by which a run of `captioner train` is known


@dataclass(frozen=True)
class RunFolder:
    """Files of one run. A reader raises ValueError of one line when its file is missing or no JSON."""

    path: Path
    evaluation: str = ""
    """name of the evaluation whose captions and scores are meant; "" is the plain one"""

    def __str__(self) -> str:
        return f"{self.path}@{self.evaluation}" if self.evaluation else str(self.path)

    @property
    def config_file(self) -> Path:
        return self.path / CONFIG

    @property
    def metrics_file(self) -> Path:
        return self.path / METRICS

    @property
    def tensorboard(self) -> Path:
        return self.path / TENSORBOARD

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def last(self) -> Path:
        """The checkpoint where --resume goes on."""
        return self.path / LAST

    @property
    def reference(self) -> Path:
        """The model that the reward stage began with."""
        return self.checkpoints / REFERENCE

    @property
    def best(self) -> Path:
        """The best model by the score of --keep-best, or the highest reward before the watch saw a guard fall."""
        return self.checkpoints / BEST

    def best_of(self, stage: str) -> Path:
        """The best model of a stage. That of cross-entropy has another name where a reward stage begins with it."""
        return self.checkpoints / (XE_BEST if stage == "xe" and self.run.rewards else BEST)

    def captions_file(self, split: str) -> Path:
        return self.path / f"captions-{self.named(split)}.jsonl"

    def scores_file(self, split: str) -> Path:
        return self.path / f"scores-{self.named(split)}.json"

    def caption_scores_file(self, split: str) -> Path:
        return self.path / f"scores-{self.named(split)}.csv"

    def named(self, split: str) -> str:
        """The part of a file's name that tells split and evaluation."""
        return f"{split}@{self.evaluation}" if self.evaluation else split

    def left_out_file(self, split: str) -> Path:
        """The ledger of an evaluation: what it read and did not use."""
        return self.path / f"{self.named(split)}.{LEFT_OUT}"

    def score_files(self) -> list[Path]:
        """The scores of all splits that were evaluated."""
        return sorted(self.path.glob("scores-*.json"))

    @property
    def config(self) -> dict[str, Any]:
        """The content of config.json, under the names of this version."""
        content = read_json(self.trained(self.config_file))
        if not isinstance(content, dict):
            raise ValueError(self.foreign)
        return renamed(content)

    @property
    def run(self) -> Run:
        """The settings."""
        self.check()
        return from_dict(Run, self.config)

    @property
    def captions_of(self) -> str:
        """What made the captions of a folder that holds no run, `hf:ORG/NAME` or a file; "" of a run."""
        return self.config.get("captions_of", "")

    def refuse_others(self) -> None:
        """Raises ValueError for a folder of captions that no run made."""
        if self.captions_of:
            raise ValueError(f"{self.path} has scores of {self.captions_of}, and no run; give the folder of a run")

    def check(self) -> None:
        """ValueError unless config.json is that of a run of `captioner train`."""
        if not self.config.keys() >= STAGES:
            raise ValueError(self.foreign)

    @property
    def foreign(self) -> str:
        return f"{self.path} is not a run of `captioner train`: its {CONFIG} is of something else"

    @property
    def signature(self) -> str:
        return self.config["signature"]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl."""
        return list(read_rows(self.trained(self.metrics_file)))

    def captions(self, split: str) -> dict[str, str]:
        """The captions of a split, by the pictures' ids."""
        return read_captions(self.evaluated(self.captions_file(split), split))

    def scores(self, split: str) -> dict[str, Any]:
        """The content of scores-<split>.json."""
        return read_json(self.evaluated(self.scores_file(split), split))

    def trained(self, file: Path) -> Path:
        """The file, which training wrote. ValueError when there is none."""
        if self.path.is_file():
            raise ValueError(
                f"{self.path} is a file; `captioner evaluate {self.path} --data DATA --out DIR` makes a folder of its "
                "captions and scores"
            )
        if not file.is_file():
            raise ValueError(
                f"{self.path} is not a run: it has no {file.name}; `captioner train --out {self.path}` makes one"
            )
        return file

    def evaluated(self, file: Path, split: str) -> Path:
        """The file, which evaluation wrote. ValueError when there is none."""
        if not file.is_file():
            there = sorted(path.stem.partition("@")[2] for path in self.path.glob(f"scores-{split}@*.json"))
            others = f"; its other evaluations are {', '.join(there)}" if there else ""
            more = f" --as {self.evaluation}" if self.evaluation else ""
            name = self.captions_of if self.config_file.is_file() else ""
            what = f"{name} --data {self.config['data']} --out {self.path}" if name else self.path
            raise ValueError(
                f"{self.path} has no {file.name}{others}; type `captioner evaluate {what} --split {split}{more}`"
            )
        return file


def run_folder(place: Path) -> RunFolder:
    """The run of a folder, or of RUN@NAME an evaluation of the run: `runs/xe@guidance-2`."""
    run, _, evaluation = place.name.rpartition("@")
    if place.exists() or not run:
        return RunFolder(place)
    return RunFolder(place.with_name(run), evaluation)


def read_json(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} line {error.lineno} is not JSON: {error.msg}") from None


def read_rows(path: Path, whole: bool = True) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, one a line. Without `whole` a last line that has no end yet is left out."""
    text = path.read_text(encoding="utf-8")
    for number, line in enumerate(text_lines(text if whole else text[: text.rfind("\n") + 1]), 1):
        try:
            yield json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} line {number} is not JSON: {error.msg}") from None


def resuming(out: Path) -> str:
    """The command that continues a run."""
    return f"captioner train --out {out} --resume"
