"""The source that a name stands for: a file of candidates, `hf:...` of transformers, or a captioner of ours."""

from __future__ import annotations

from pathlib import Path

from captioner.sources.candidate_file import CandidateSource
from captioner.sources.hub_files import refuse_unprefixed
from captioner.sources.hub_model import HubSource
from captioner.sources.own import OwnSource
from captioner.sources.protocol import CaptionSource
from metric.image_to_text.folder import PREFIX


def source_of(
    name: str,
    clip: str,
    device: str,
    features: str = "",
    prompt: str = "",
    file: Path | None = None,
    compiled: int = 0,
) -> CaptionSource:
    """The source of captions of a name, or of a file of candidates. `compiled` is that of OwnSource.

    Raises ValueError for a setting that the source does not have.
    """
    if compiled and (file or name.startswith(PREFIX)):
        raise ValueError(f"--compile is for captioners of this package, got {file or name}; leave --compile out")
    if file:
        for flag, value in (("--model", name), ("--prompt", prompt), ("--features", features)):
            if value:
                raise ValueError(f"--from {file} has the captions already, got {flag} {value}; leave one of them out")
        return CandidateSource(file, clip, device)
    if name.startswith(PREFIX):
        return HubSource(name, prompt, clip, device, features)
    refuse_unprefixed(name)
    if prompt:
        raise ValueError(f"--prompt is for models of transformers, and {name} is none; type --model {PREFIX}ORG/NAME")
    return OwnSource(name, clip, device, features, compiled)
