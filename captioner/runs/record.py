"""The content of config.json: the settings of a run, and the origin of its numbers."""

from __future__ import annotations

from typing import Any

from captioner.config import Run, as_json
from captioner.model.encoder_decoder import Captioner
from captioner.runs.signature import signature
from metric.storage.provenance import origin
from metric.storage.tensors import fingerprint
from rewards.mix import Mix


def describe(run: Run, reward: Mix | None) -> dict[str, Any]:
    """The settings, fingerprints of what the settings name, the signature, and commit, versions and hardware."""
    settings = as_json(run)
    config = {
        **settings,
        "stage": "reward" if run.rewards else "xe",
        "objective": {"name": "scst", **settings["rl"]} if run.rewards else {"name": "xe", **settings["xe"]},
        "reward_signatures": list(reward.signatures.values()) if reward else [],
        "init_fingerprint": fingerprint_of(run.init) if run.init else "",
        **origin(),
    }
    return {**config, "signature": signature(config)}


def fingerprint_of(model: str) -> str:
    """The fingerprint of the captioner that a run starts from."""
    captioner = Captioner.from_pretrained(model)
    return fingerprint(captioner.config.content, captioner.state_dict())
