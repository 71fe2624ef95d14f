"""A model by hub id: the hub is asked once whether it can be reached, and what it does not know is refused."""

from __future__ import annotations

from unittest.mock import Mock

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import HTTPError, RepositoryNotFoundError

from metric.storage.hub import from_cache_alone


def test_hub_that_cannot_be_reached_is_asked_once_and_a_folder_never(monkeypatch, tmp_path):
    asked: list[str] = []

    def unreachable(self, name: str) -> None:
        asked.append(name)
        raise HTTPError("Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unreachable)
    assert from_cache_alone("owner/name") and asked == ["owner/name"]
    assert from_cache_alone(str(tmp_path)) and asked == ["owner/name"]
    with pytest.raises(ValueError, match="there is no folder nowhere; give a folder, or a hub id such as OWNER/NAME"):
        from_cache_alone("nowhere")
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda self, name: name)
    assert not from_cache_alone("owner/name")


def test_name_that_the_hub_does_not_know_is_refused(monkeypatch):
    def unknown(self, name: str) -> None:
        response = Mock(status_code=404, headers={})
        raise RepositoryNotFoundError("Repository Not Found", response=response)

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", unknown)
    with pytest.raises(ValueError, match="the hub has no model owner/name .*check the name"):
        from_cache_alone("owner/name")
