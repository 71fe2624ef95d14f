"""A run as a repository of the hub: model, tokenizer, CLIP, settings, scores and a card in one folder, then pushed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalTokenNotFoundError

from captioner.comparison.table import compare
from captioner.config import renamed
from captioner.model import pretrained
from captioner.model.encoder_decoder import Captioner
from captioner.publishing.model_card import captioner_card, metric_card
from metric.clip.load import ADAPTER, CONFIG, load_clip, save_clip
from metric.storage import hub

CARD = "README.md"
OPEN = "apache-2.0"  # of what is made from drawn scenes alone


@dataclass(frozen=True)
class Publication:
    """What is to be published, and what its card is to say."""

    run: Path
    repo: str
    licence: str = ""
    against: Sequence[Path] = ()
    """runs whose scores stand beside its own"""
    split: str = "test"

    def __post_init__(self) -> None:
        if not hub.is_id(self.repo):
            raise ValueError(f"a repository is called OWNER/NAME, got {self.repo!r}")


def bundle(what: Publication, out: Path) -> None:
    """The folder that is uploaded, whole or not at all."""
    write = bundle_captioner if is_captioner(what.run) else bundle_metric if is_metric(what.run) else None
    if write is None:
        raise ValueError(
            f"{what.run} is nothing to push: give what `captioner train`, `captioner metric train` or "
            "`captioner metric import` wrote"
        )
    with whole(out) as folder:
        write(what, folder)


def is_captioner(run: Path) -> bool:
    path = Path(pretrained.model_folder(str(run))) / pretrained.CONFIG
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("model_type") == "captioner"


def is_metric(run: Path) -> bool:
    return any((run / place / name).is_file() for place in (".", "clip", "adapter") for name in (CONFIG, ADAPTER))


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes it when all went well."""
    if out.exists():
        raise ValueError(f"{out} is there already; give another folder, or delete it")
    beside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        yield beside
        os.replace(beside, out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def bundle_captioner(what: Publication, folder: Path) -> None:
    """A CLIP that only this disk has goes with it, in clip/; from there it is loaded."""
    source = Path(pretrained.model_folder(str(what.run)))
    captioner = Captioner.from_pretrained(source)
    clip = load_clip(captioner.config.clip)
    captioner.config.refuse_other_clip(clip)
    if Path(captioner.config.clip).is_dir():
        save_clip(clip, folder / pretrained.CLIP)
        captioner.config = replace(captioner.config, clip=what.repo)
    captioner.save_pretrained(folder)
    config = renamed(recorded(source / pretrained.RUN))
    if not config:
        raise ValueError(
            f"{source} has no {pretrained.RUN}, from which its card is made; give a run of `captioner train`"
        )
    shutil.copyfile(source / pretrained.RUN, folder / pretrained.RUN)
    for scores in what.run.glob("scores-*.json"):
        shutil.copyfile(scores, folder / scores.name)
    scored = what.against or (what.run / f"scores-{what.split}.json").is_file()
    others = [run for run in what.against if run.resolve() != what.run.resolve()]
    comparison = compare([what.run, *others], what.split) if scored else None
    shown = config | {"clip": captioner.config.clip}
    parameters = sum(parameter.numel() for parameter in captioner.parameters())
    card = captioner_card(what.repo, what.run, shown, parameters, comparison, licence_of(what, config["data"]))
    (folder / CARD).write_text(card, encoding="utf-8")


def bundle_metric(what: Publication, folder: Path) -> None:
    """The CLIP with its adapter merged in, at the top, as open_clip itself loads it from the hub."""
    clip = load_clip(str(what.run))
    save_clip(clip, folder)
    names = {"settings": "config.json", "provenance": "provenance.json", "report": "report.json"}
    found = {name: recorded(what.run / file) for name, file in names.items()}
    licence = licence_of(what, found["provenance"].get("data", ""))
    (folder / CARD).write_text(metric_card(what.repo, clip, found, licence), encoding="utf-8")


def recorded(path: Path) -> dict[str, Any]:
    """What a JSON file of the run says; nothing where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def licence_of(what: Publication, data: str) -> str:
    """As typed; drawn scenes are ours, about the licence of other data only the user knows."""
    if what.licence or data.partition(":")[0] == "scenes":
        return what.licence or OPEN
    raise ValueError(
        f"{what.run} was trained on {data or 'data that it does not name'}, whose licence is yours to know: type "
        "--license ID, such as apache-2.0, cc-by-nc-4.0 or other"
    )


def push(folder: Path, repo: str, private: bool) -> str:
    """The address of the repository, made where there is none."""
    api = HfApi()
    try:
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message="captioner push")
    except (HTTPError, LocalTokenNotFoundError, OSError) as error:
        raise ValueError(f"{repo} cannot be pushed ({hub.reason(error)}): {what_to_type(repo, error)}") from error
    return str(address)


def what_to_type(repo: str, error: Exception) -> str:
    if isinstance(error, (HfHubHTTPError, LocalTokenNotFoundError)):  # the hub answered, or would not be asked
        return "type `hf auth login` with a token that may write there"
    return f"with --to FOLDER it is written here, and where there is a network `hf upload {repo} FOLDER` sends it"
