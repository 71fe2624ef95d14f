"""Scores of captions that no run of ours made, in a folder that `captioner compare` takes as one more row.

config.json             the data, what made the captions, and a signature
captions-<split>.jsonl  scores-<split>.json  scores-<split>.csv     as in the folder of a run
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from captioner.config import Decode, Run, as_json, flag
from captioner.data import load
from captioner.data.caption_files import read_captions, share_of_ids
from captioner.data.name_index import named
from captioner.data.reference_files import by_name
from captioner.runs.folder import RunFolder
from captioner.runs.places import data_place
from captioner.runs.signature import PACKAGE
from captioner.runs.variant import Variant, changes, check_name
from captioner.scoring.match_ids import by_picture
from captioner.scoring.terminal_tables import show
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.evaluation import evaluate, refuse_nothing
from metric.example import Example
from metric.runtime.device import device_of
from metric.runtime.installed import version_of
from metric.scores.family import Defaults
from metric.scores.result import Scores
from metric.storage.atomic_files import write_json
from metric.storage.provenance import origin


@dataclass(frozen=True)
class Others:
    """What made captions of a data set: a model of transformers, or a file whose maker is not known."""

    name: str
    """`hf:ORG/NAME`, or the file"""
    facts: Mapping[str, Any]
    """what tells it from others of its name, such as a fingerprint of the weights"""
    data: str
    clip: str = ""
    """the CLIP of CLIP-S; "" for none, so that CLIP-S is left out unless it names one"""
    own: Decode | None = None
    """decoding settings of the model's own files; None of a file"""
    decode: Decode | None = None
    """decoding settings of the captions"""
    best_of: int = 0
    rewards: Sequence[str] = ()
    evaluation: str = ""
    """name of the evaluation; "" for a name that is made of the settings"""

    @property
    def variant(self) -> Variant:
        """What sets the evaluation apart from the plain one of the model."""
        changed = changes(self.own, self.decode) if self.own and self.decode else {}
        return Variant(changed, self.best_of, tuple(self.rewards))

    @property
    def config(self) -> dict[str, Any]:
        """The content of config.json. Settings of training are there, since tables ask for them, and say nothing."""
        told = ",".join(f"{name}={value}" for name, value in self.facts.items())
        settings = as_json(Run(data=data_place(self.data), clip=self.clip)) | {
            "decode": asdict(self.own) if self.own else {}
        }
        signature = f"captions of {self.name}[{told}]+{version_of(PACKAGE)}"
        return settings | {"captions_of": self.name, "signature": signature, **origin()}

    def folder(self, out: Path) -> RunFolder:
        """The evaluation in the folder `out`."""
        return RunFolder(out, self.evaluation or self.variant.name)


def of_file(path: Path, data: str, clip: str, name: str = "") -> Others:
    """The captions of a file. Raises ValueError for a file that is not there."""
    if not path.is_file():
        raise ValueError(f"{path} is not a file; expected a file of captions, a run folder, or hf:ORG/NAME")
    content = sha256(path.read_bytes()).hexdigest()[:12]
    return Others(str(path), {"content": content}, data, clip, evaluation=name)


def refuse_generation(prompt: str, decoding: Mapping[str, Any], best_of: int, rewards: Sequence[str]) -> None:
    """Raises ValueError for settings of generation beside a file of captions."""
    typed = {"prompt": prompt, **decoding, "best_of": best_of, "reward": " ".join(rewards)}
    for name, value in typed.items():
        if value:
            raise ValueError(f"a file has the captions already, got {flag(name)} {value}; leave {flag(name)} out")


def opened(out: Path, others: Others) -> RunFolder:
    """The folder of an evaluation. Its config.json is written when there are captions to score.

    Raises ValueError for a folder of a run, of other captions or of other data, and for a name that files cannot carry.
    """
    check_name(others.evaluation)
    folder = others.folder(out)
    if folder.config_file.is_file():
        before, config = folder.config, others.config
        if "captions_of" not in before:
            raise ValueError(f"{out} is the folder of a run; give another --out for the captions of {others.name}")
        for key in ("signature", "data"):
            if before[key] != config[key]:
                raise ValueError(f"{out} has the {key} {before[key]}, now {config[key]}; give another --out")
    return folder


def captions_of_file(path: Path, data: str, split: str) -> dict[str, str]:
    """The captions of a file by the ids of a data set, whose pictures all have one. Raises ValueError otherwise."""
    examples = load(data, split)
    index = by_name(map(named, examples))
    captions = read_captions(path, index)
    names = by_picture(str(path), captions, index, f"no picture in the split {split!r} of {data}", False)
    without = [example.id for example in examples if example.id not in names]
    if without:
        raise ValueError(
            f"{path} has no captions for {share_of_ids(without, len(examples))} of the split {split!r} of {data}; "
            "one table has the same pictures in each row"
        )
    return {example.id: captions[names[example.id]] for example in examples}


def score_others(files: RunFolder, others: Others, split: str, scores: Sequence[str], **tools: str) -> Scores:
    """Scores the captions in the folder, writes both files and prints the corpus scores.

    `tools` are the grammar checker and the device.
    """
    if not files.config_file.is_file():
        write_json(files.config_file, others.config)
    captions = files.captions(split)
    examples = [example for example in load(others.data, split) if example.id in captions]
    defaults = defaults_of(others, scores, examples, **tools)
    found = evaluate(captions, examples, scores, defaults.clip, None, defaults.checker, defaults.device)
    decode = {"decode": asdict(others.decode)} if others.decode else {}
    write_json(files.scores_file(split), found.record() | decode | others.variant.record())
    found.save_per_caption(files.caption_scores_file(split))
    show({str(files): found})
    return found


def defaults_of(
    others: Others, scores: Sequence[str], examples: Sequence[Example], checker: str = "auto", device: str = "auto"
) -> Defaults:
    """The tools that the scores leave open.

    Raises ValueError for a wrong option of a score, and where no score can be computed.
    """
    clip = Embedder(load_clip(others.clip, str(device_of(device)))) if others.clip else None
    defaults = Defaults(clip, None, checker, str(device_of(device)))
    refuse_nothing(scores, examples, defaults)
    return defaults
