"""Makes a repository of the hub from a run, and uploads it.

The folder has the model, tokenizer, CLIP, settings, scores and a model card.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
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
from captioner.runs.folder import RunFolder
from captioner.runs.reached import tell_unfinished
from metric.clip.load import ADAPTER, CONFIG, load_clip, save_clip
from metric.clip.tuning import of_negatives
from metric.storage import hub, run_files
from metric.storage.atomic_files import replaced, write, write_json

CARD = "README.md"
OPEN = "apache-2.0"  # licence of models that were trained on drawn scenes alone


@dataclass(frozen=True)
class Publication:
    """What `captioner push` publishes. Raises ValueError unless `repo` is OWNER/NAME."""

    run: Path
    repo: str
    licence: str = ""
    against: Sequence[Path] = ()
    """runs whose scores the card shows beside those of `run`"""
    split: str = "test"

    def __post_init__(self) -> None:
        if not hub.is_id(self.repo):
            raise ValueError(f"a repository is called OWNER/NAME, got {self.repo!r}")


def bundle(what: Publication, out: Path) -> None:
    """Writes the folder that `push` uploads. An error leaves no folder.

    Raises ValueError when `what.run` is neither a captioner nor a metric, or when `out` exists.
    """
    make = bundle_captioner if is_captioner(what.run) else bundle_metric if is_metric(what.run) else None
    if make is None:
        raise ValueError(
            f"{what.run} is nothing to push: give what `captioner train`, `captioner metric train` or "
            "`captioner metric import` wrote"
        )
    if out.exists():
        raise ValueError(f"{out} exists; give another folder, or delete it")
    with replaced(out) as folder:
        make(what, folder)


def is_captioner(run: Path) -> bool:
    """Whether the folder holds a captioner, or a run of `captioner train`."""
    path = Path(pretrained.model_folder(str(run))) / pretrained.CONFIG
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("model_type") == "captioner"


def is_metric(run: Path) -> bool:
    """Whether the folder holds a CLIP, or a run of `captioner metric train`."""
    return any((run / place / name).is_file() for place in (".", "clip", "adapter") for name in (CONFIG, ADAPTER))


def bundle_captioner(what: Publication, folder: Path) -> None:
    """Writes a captioner and its card. A CLIP that is a local folder is copied into clip/, where the model finds it."""
    source = Path(pretrained.model_folder(str(what.run)))
    tell_unfinished(str(what.run))
    captioner = Captioner.from_pretrained(source)
    clip = load_clip(captioner.config.clip)
    captioner.config.refuse_other_clip(clip)
    if Path(captioner.config.clip).is_dir():
        save_clip(clip, folder / pretrained.CLIP)
        captioner.config = replace(captioner.config, clip=what.repo)
    captioner.save_pretrained(folder)
    config = renamed(recorded(source / pretrained.RUN))
    if not config:
        raise ValueError(f"{source} has no {pretrained.RUN}, which the card needs; give a run of `captioner train`")
    shutil.copyfile(source / pretrained.RUN, folder / pretrained.RUN)
    for scores in RunFolder(what.run).score_files():
        shutil.copyfile(scores, folder / scores.name)
    scored = what.against or RunFolder(what.run).scores_file(what.split).is_file()
    others = [run for run in what.against if run.resolve() != what.run.resolve()]
    comparison = compare([what.run, *others], what.split) if scored else None
    shown = config | {"clip": captioner.config.clip}
    parameters = sum(parameter.numel() for parameter in captioner.parameters())
    card = captioner_card(what.repo, what.run, shown, parameters, comparison, licence_of(what, config["data"]))
    write(folder / CARD, card)


def bundle_metric(what: Publication, folder: Path) -> None:
    """Writes a metric and its card. The adapter is merged into the CLIP, so that open_clip alone can load the CLIP."""
    clip = load_clip(str(what.run))
    save_clip(clip, folder)
    names = {"settings": run_files.CONFIG, "provenance": run_files.PROVENANCE, "report": run_files.REPORT}
    records = {name: recorded(what.run / file) for name, file in names.items()}
    if kept := of_negatives(records["settings"]):
        write_json(folder / run_files.CONFIG, kept)
    licence = licence_of(what, records["provenance"].get("data", ""))
    write(folder / CARD, metric_card(what.repo, clip, records, licence))


def recorded(path: Path) -> dict[str, Any]:
    """The content of a JSON file, or an empty dict without the file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def licence_of(what: Publication, data: str) -> str:
    """The licence that was typed, or Apache-2.0 for drawn scenes. Raises ValueError for other data without one."""
    if what.licence or data.partition(":")[0] == "scenes":
        return what.licence or OPEN
    raise ValueError(
        f"{what.run} was trained on {data or 'data without a name'}, whose licence is not recorded: type "
        "--license ID, such as apache-2.0, cc-by-nc-4.0 or other"
    )


def push(folder: Path, repo: str, private: bool) -> str:
    """Uploads a folder, and creates the repository if necessary. Returns its address. Raises ValueError."""
    api = HfApi()
    try:
        address = api.create_repo(repo, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo, folder_path=folder, commit_message="captioner push")
    except (HTTPError, LocalTokenNotFoundError, OSError) as error:
        raise ValueError(f"{repo} cannot be pushed ({hub.reason(error)}): {what_to_type(repo, error)}") from error
    return str(address)


def what_to_type(repo: str, error: Exception) -> str:
    """The end of the message of a failed upload."""
    if isinstance(error, (HfHubHTTPError, LocalTokenNotFoundError)):  # the hub answered, or there is no token
        return "type `hf auth login` with a token that may write to it"
    return f"--to FOLDER writes the files here, and `hf upload {repo} FOLDER` uploads them later"
