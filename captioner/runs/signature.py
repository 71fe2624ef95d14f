"""Signature: what a run raised and how, in one line after SacreEOS (arXiv 2305.12254), and what it vouches for.

    1*PAC-S++[w2,prefix='A photo depicts',weights=0f3a...]+scst[candidates=sample,samples=5,...]+max_length=20+0.1.0

A function of config.json alone: the rewards with weights and fingerprints, every setting of the objective but its
schedule, what went before, the longest caption, our version; neither seed nor folder. Settings that are added to the
objective are in it by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from captioner.runs.folder import RunFolder
from rewards.spec import parse

Config = Mapping[str, Any]  # the content of a config.json
SCHEDULE = ("steps", "batch_size", "lr", "warmup", "decay")  # how long and how fast: what is raised stays the same
PACKAGE = "captioner"


def signature(config: Config) -> str:
    """Two runs that have the same one, and the same schedule and model, are one experiment."""
    weights = [parse(spec).weight for spec in config["rewards"]]
    terms = [f"{weight:g}*{term}" for weight, term in zip(weights, config["reward_signatures"])]
    objective = [settings(config["rl"], "scst")] if config["rewards"] else []
    before = "init" if config["init"] else settings(config["xe"], "xe")
    longest = f"max_length={config['decode']['max_length']}"
    return "+".join([*terms, *objective, before, longest, config["versions"][PACKAGE]])


def refuse_other(folder: Path, rewards: Sequence[str], given: Mapping[str, str]) -> None:
    """ValueError when a run that is resumed would not find what it began with: its rewards, and what else was `given`.

    A run of an earlier version has not recorded all of it, and is taken at its word.
    """
    before = RunFolder(folder).config
    pairs = [("reward", old, new) for old, new in zip(before["reward_signatures"], rewards)]
    pairs += [(name.removesuffix("_fingerprint"), before.get(name, new), new) for name, new in given.items()]
    for what, old, new in pairs:
        if old != new:
            raise ValueError(
                f"{folder} began with the {what} {old}, and would go on with {new}: what it reads was changed since; "
                "bring that back, or begin anew with another --out"
            )


def settings(section: Config, label: str) -> str:
    """`xe[label_smoothing=0.1]`: the settings of one section of config.json, without its schedule."""
    values = (f"{name}={value}" for name, value in section.items() if name not in SCHEDULE)
    return f"{label}[{','.join(values)}]"


def refuse_false(folder: Path, config: Config) -> None:
    """ValueError when a run's signature is not that of its own settings; of another version nothing can be said."""
    if config.get("versions", {}).get(PACKAGE) != version(PACKAGE) or "reward_signatures" not in config:
        return
    found = signature(config)
    if config["signature"] != found:
        raise ValueError(
            f"{folder} is signed {config['signature']}, but the settings in its config.json make {found}: they were "
            "changed after the run began; restore config.json or leave the run out"
        )


def refuse_unlike(runs: Mapping[Path, Config]) -> None:
    """ValueError when two runs wrote the same thing and did not get the same thing, which would pass unseen."""
    known: dict[str, tuple[str, Path]] = {}
    for folder, config in runs.items():
        for claim, truth in claims(config).items():
            before, where = known.setdefault(claim, (truth, folder))
            if before != truth:
                raise ValueError(
                    f"{claim} is not the same in {where} and {folder}: there {before}, here {truth}; what it reads was "
                    "changed between the runs: train one of them again, or leave it out"
                )


def claims(config: Config) -> dict[str, str]:
    """What the run says it was given, as it was typed -> what that was."""
    rewards = [
        f"--reward {replace(parse(spec), weight=1.0)} (--clip {config.get('clip')})" for spec in config["rewards"]
    ]
    found = dict(zip(rewards, config.get("reward_signatures", ())))
    if config.get("init_fingerprint"):
        found[f"--init {config['init']}"] = f"weights={config['init_fingerprint']}"
    return found
