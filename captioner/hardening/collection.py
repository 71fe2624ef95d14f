"""The negatives of a round: captions of training pictures that hold a phrase which no reference has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from captioner.data import load
from captioner.decoding.generate import captions_of
from captioner.features.store import featured, known_ids
from captioner.hardening.phrases import Phrase, foreign_phrases, told, with_phrases
from captioner.model.encoder_decoder import Captioner
from captioner.model.pretrained import model_folder
from captioner.runs.folder import RunFolder
from metric.clip.load import load_clip
from metric.runtime.device import device_of
from metric.storage.atomic_files import write, write_json
from metric.storage.text_lines import text_lines

FOUND, SUMMARY = "found.jsonl", "found.json"
SHOWN = 5  # phrases in a line


@dataclass(frozen=True)
class Collected:
    """What a round found."""

    captions: int
    """captions that were read"""
    foreign: int
    """captions with a phrase that no reference has"""
    phrases: list[str]
    """these phrases, the most frequent first"""
    new: list[str]
    """those that no caption of an earlier round had"""

    @property
    def share(self) -> float:
        return self.foreign / self.captions

    def __str__(self) -> str:
        shown = ", ".join(repr(phrase) for phrase in self.new[:SHOWN]) + ", ..." * (len(self.new) > SHOWN)
        said = f"{self.foreign:,} of {self.captions:,} captions say what no reference says"
        return f"{said}; {len(self.new)} phrases are new: {shown}" if self.new else f"{said}; no phrase is new"


def collect(runs: Sequence[Path], count: int, earlier: Path, folder: Path, device: str) -> Collected:
    """Writes found.jsonl, which holds the captions of the file `earlier` too, and found.json. A second call reads them.

    `count` training pictures are captioned by each run. Raises ValueError for a run that has no captioner.
    """
    if (folder / SUMMARY).is_file():
        return Collected(**json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
    before = text_lines(earlier.read_text(encoding="utf-8")) if earlier.is_file() else []
    rows, read, foreign = [*before], 0, dict[Phrase, int]()
    for run in runs:
        captions, references = captions_of_run(run, count, device)
        here = foreign_phrases(captions.values(), references)
        rows += [json.dumps({"id": id, "caption": text}) for id, text in with_phrases(captions, here).items()]
        foreign, read = foreign | here, read + len(captions)
    known = [json.loads(row)["caption"] for row in before]
    found = Collected(read, len(rows) - len(before), list(map(told, foreign)), unknown(foreign, known))
    write(folder / FOUND, "".join(row + "\n" for row in rows))
    write_json(folder / SUMMARY, asdict(found))
    return found


def unknown(foreign: Iterable[Phrase], captions: Sequence[str]) -> list[str]:
    """The phrases that none of the captions has, as text."""
    texts = {text: text for text in captions}
    return [told(phrase) for phrase in foreign if not with_phrases(texts, [phrase])]


def captions_of_run(folder: Path, count: int, device: str) -> tuple[dict[str, str], list[str]]:
    """Captions of the first `count` training pictures by a run, and all references of its training pictures."""
    run, on = RunFolder(folder).run, device_of(device)
    clip = load_clip(run.clip, on)
    captioner = Captioner.from_pretrained(model_folder(str(folder))).to(on)
    captioner.config.refuse_other_clip(clip)
    training = load(run.data, "train", known_ids(run.features))
    references = [text for example in training for text in example.references]
    features, there = featured(training[:count], clip, run.features, run.data)
    return captions_of(captioner, there, features, run.decode), references
