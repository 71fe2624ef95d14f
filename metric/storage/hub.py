"""Models by hub id, OWNER/NAME: what Hugging Face's cache holds of one, else what is downloaded into it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

ID = re.compile(r"[\w.-]*\w/[\w.-]+")


def is_id(name: str) -> bool:
    """Whether the hub may know it. A path of two parts looks the same: look for a folder first."""
    return bool(ID.fullmatch(name))


def snapshot(name: str, files: Sequence[str]) -> Path:
    """The folder that holds `files`, names or patterns, of a repository; ValueError says why there is none."""
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=list(files)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"{name} is neither a folder nor in the hub's cache ({constants.HF_HUB_CACHE}) "
            f"nor to be had from the hub ({reason(error)}): {what_to_type(name, error)}"
        ) from error


def reason(error: Exception) -> str:
    """In a few words; the hub's own are a page."""
    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    return str(error).strip().splitlines()[0]


def what_to_type(name: str, error: Exception) -> str:
    if isinstance(error, RepositoryNotFoundError):
        return "check the name; of a private one type `hf auth login` first"
    return f"check the name, or where there is a network type `hf download {name}` and bring the cache here"
