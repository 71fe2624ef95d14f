"""Models by hub id, OWNER/NAME, from the cache of Hugging Face or downloaded into the cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

ID = re.compile(r"[\w.-]*\w/[\w.-]+")


def is_id(name: str) -> bool:
    """Whether a name has the form of a hub id. A path of two parts has that form too, so look for a folder first."""
    return bool(ID.fullmatch(name))


def snapshot(name: str, files: Sequence[str]) -> Path:
    """The folder that holds the `files` of a repository, given as names or patterns. ValueError when there is none."""
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"{name} is neither a folder nor in the hub's cache ({constants.HF_HUB_CACHE}) "
            f"and cannot be downloaded ({reason(error)}): {what_to_type(name, error)}"
        ) from error


def from_cache_alone(name: str) -> bool:
    """Whether the model `name`, a folder or a hub id, has to be read without the hub, which cannot be reached.

    One question takes the place of the attempts that loaders repeat for every file. Raises ValueError for a name that
    is neither a folder nor a hub id, and for a hub id that the hub does not know.
    """
    if Path(name).is_dir() or constants.HF_HUB_OFFLINE:
        return True
    if not is_id(name):
        raise ValueError(f"there is no folder {name}; give a folder, or a hub id such as OWNER/NAME")
    try:
        huggingface_hub.HfApi().model_info(name)
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ValueError(f"the hub has no model {name} ({reason(error)}): {what_to_type(name, error)}") from error
    except (HTTPError, OSError):
        return True
    return False


def reason(error: Exception) -> str:
    """The first line of an error of the hub, whose messages are a page long."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    return str(error).strip().splitlines()[0]


def what_to_type(name: str, error: Exception) -> str:
    """Advice for an error of the hub."""
    if isinstance(error, RepositoryNotFoundError):
        return "check the name; for a private repository type `hf auth login` first"
    return f"check the name, or type `hf download {name}` on a machine with a network and copy the cache here"
