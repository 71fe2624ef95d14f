"""The columns of the page: captioners of ours, models of transformers, and files that have the captions already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

from captioner.config import Run
from captioner.data.caption_files import read_captions
from captioner.data.name_index import NamedPicture, NameIndex
from captioner.decoding.describer import Describer, run_of
from captioner.model import pretrained
from captioner.runs.labels import label
from captioner.runs.reached import tell_unfinished, unfinished_run
from captioner.sources.hub_model import HubDescriber
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.image_to_text.folder import PREFIX
from metric.storage.paths import expanded


class Written:
    """The captions of a file, found by any spelling of a picture's name. Raises ValueError for another kind of file."""

    def __init__(self, file: Path) -> None:
        self.file, self.captions = file, read_captions(file)
        self.index = NameIndex(NamedPicture((name,)) for name in self.captions)

    def find(self, name: str) -> str | None:
        """The caption of the picture with the name, or None where the file has none."""
        found = self.index.find(name)
        return None if found is None else self.captions[found.names[0]]


Voice: TypeAlias = Describer | HubDescriber | Written


def voice_of(name: str, clip: str, device: str, prompt: str) -> Voice:
    """A captioner of ours, a model of transformers, or the captions of a file."""
    if name.startswith(PREFIX):
        return HubDescriber(name, prompt, device)
    if is_file(name):
        return Written(Path(expanded(name)))
    tell_unfinished(name)
    return Describer.from_pretrained(name, clip, device)


def is_file(name: str) -> bool:
    return Path(expanded(name)).is_file()


def clip_of(voices: Iterable[Voice], clip: str, device: str) -> Clip:
    """The CLIP of CLIP-S: that of the first captioner of ours, else the typed one. Raises ValueError without any."""
    own = next((voice.clip for voice in voices if isinstance(voice, Describer)), None)
    if own is None and not clip:
        raise ValueError(
            "models of transformers and files have no CLIP for CLIP-S; type --clip ARCH:TAG or scenes-clip"
        )
    return own or load_clip(clip, device)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Name -> `pacspp · +PAC-S++`: its last part, its reward, and its place if its run is not finished.

    Whole names are used when two have the same last part.
    """
    if len(set(names)) < len(names):
        raise ValueError(f"a model is given twice: --model {' --model '.join(names)}")
    short = {name: name.rstrip("/").rpartition("/")[2] for name in names}
    distinct = len(set(short.values())) == len(names)
    shown = {name: f"{short[name] if distinct else name}{rewarded(name)}" for name in names}
    places = {name: unfinished_run(name) for name in names}
    return {name: f"{title} · {places[name]}" if places[name] else title for name, title in shown.items()}


def rewarded(name: str) -> str:
    """` · +PAC-S++`, the reward of the run that made the model, or nothing without run.json."""
    run = run_behind(name)
    return f" · {label(run.reward_specs)}" if run else ""


def tuned_clip(name: str) -> tuple[str, float] | None:
    """The folder of the tuned CLIP that the run used, and its scale; None when the folder no longer exists."""
    run = run_behind(name)
    if run is None or not run.pac_checkpoint or not Path(run.pac_checkpoint).is_dir():
        return None
    return run.pac_checkpoint, run.pac_scale


def run_behind(name: str) -> Run | None:
    """The settings of the run that made a captioner of ours; None without run.json, and for what others made."""
    return None if name.startswith(PREFIX) or is_file(name) else run_of(pretrained.fetch(name))
