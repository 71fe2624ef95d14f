"""The source that a name stands for: `hf:...` is a model of transformers, any other name a captioner of ours."""

from __future__ import annotations

from captioner.sources.hub_files import PREFIX
from captioner.sources.hub_model import HubSource
from captioner.sources.own import OwnSource
from captioner.sources.protocol import CaptionSource


def source_of(name: str, clip: str, device: str, features: str = "", prompt: str = "") -> CaptionSource:
    """The source of captions of a name. Raises ValueError for a setting that the source does not have."""
    if name.startswith(PREFIX):
        return HubSource(name, prompt, clip, device, features)
    if prompt:
        raise ValueError(f"--prompt is for models of transformers, and {name} is none; type --model {PREFIX}ORG/NAME")
    return OwnSource(name, clip, device, features)
