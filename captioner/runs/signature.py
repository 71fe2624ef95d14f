"""The signature of a run: rewards and objective in one line, after SacreEOS (arXiv 2305.12254).

    1*PAC-S++[w2,prefix='A photo depicts',weights=0f3a...]+scst[candidates=sample,samples=5,...]+max_length=20+0.1.0

The signature is a function of config.json alone. It holds the rewards with weights and fingerprints, every setting of
the objective but its schedule, the stage before, the settings of decoding but the beams, and the version of this
package. It holds neither seed nor folder. A new setting of the objective is part of the signature, unless LATER says
that its value changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from captioner.runs.folder import RunFolder
from metric.runtime.installed import version_of
from metric.scores.catalogue import canonical
from rewards.spec import parse

Config = Mapping[str, Any]  # the content of a config.json
SCHEDULE = (
    "steps",
    "batch_size",
    "lr",
    "warmup",
    "decay",
)  # how long and how fast a run learns, not what
PACKAGE = "captioner"
# settings that came later, each with the value that stands for what was done before
LATER = {
    "mix": "raw",
    "xe_weight": 0.0,
    "patience": 0,
    "drop_features": 0.0,
    "references": 1,
    "length_penalty": 0.0,
    "no_repeat_ngram": 0,
    "guidance": 1.0,
    "drop_phrases": (),
    "least_score": None,
}


def signature(config: Config) -> str:
    """The signature. Two runs with one signature, one schedule and one model are one experiment."""
    weights = [parse(spec).weight for spec in config["rewards"]]
    terms = [f"{weight:g}*{term}" for weight, term in zip(weights, config["reward_signatures"])]
    objective = [settings(config["rl"], "scst")] if config["rewards"] else []
    before = "init" if config["init"] else settings(config["xe"], "xe")
    if config["init"] and config["rl"].get("xe_weight"):
        before += f"+{settings(config['xe'], 'xe')}"  # whose label smoothing holds in the reward stage too
    best = [f"keep_best={canonical(config['keep_best'])}"] if config.get("keep_best") else []
    search = [f"{name}={value}" for name, value in said(config["decode"]).items() if name != "beams"]
    return "+".join([*terms, *objective, before, *best, *search, config["versions"][PACKAGE]])


def refuse_other(folder: Path, rewards: Sequence[str], given: Mapping[str, str]) -> None:
    """ValueError when a resumed run would find other rewards than it began with, or other fingerprints in `given`.

    `given` is, for example, `{"data_fingerprint": ...}`. A run of an earlier version lacks some fingerprints. These are
    not compared.
    """
    before = RunFolder(folder).config
    pairs = [("reward", old, new) for old, new in zip(before["reward_signatures"], rewards)]
    pairs += [(name.removesuffix("_fingerprint"), before.get(name, new), new) for name, new in given.items()]
    for what, old, new in pairs:
        if old != new:
            raise ValueError(
                f"{folder} began with the {what} {old}, and would go on with {new}, because a file has changed since; "
                "restore the file, or begin anew with another --out"
            )


def settings(section: Config, label: str) -> str:
    """`xe[label_smoothing=0.1]`: the settings of one section of config.json, without its schedule."""
    values = (f"{name}={value}" for name, value in said(section).items() if name not in SCHEDULE)
    return f"{label}[{','.join(values)}]"


def said(section: Config) -> dict[str, Any]:
    """The settings of a section, without those of LATER that say nothing. So runs of before and of now are alike."""
    return {name: value for name, value in section.items() if name not in LATER or LATER[name] != value}


def refuse_false(folder: Path, config: Config) -> None:
    """ValueError when the signature of a run differs from its own settings. Runs of another version are not checked."""
    if config.get("versions", {}).get(PACKAGE) != version_of(PACKAGE) or "reward_signatures" not in config:
        return
    expected = signature(config)
    if config["signature"] != expected:
        raise ValueError(
            f"{folder} is signed {config['signature']}, but the settings in its config.json make {expected}: "
            "they were changed after the run began; restore config.json or leave the run out"
        )


def refuse_unlike(runs: Mapping[Path, Config]) -> None:
    """ValueError when two runs name the same reward or model but read different weights."""
    seen: dict[str, tuple[str, Path]] = {}
    for folder, config in runs.items():
        for claim, truth in claims(config).items():
            before, where = seen.setdefault(claim, (truth, folder))
            if before != truth:
                raise ValueError(
                    f"{claim} is not the same in {where} and {folder}: there {before}, here {truth}; its files were "
                    "changed between the runs; train one of them again, or leave it out"
                )


def claims(config: Config) -> dict[str, str]:
    """Each flag of a run that names weights, as it was typed, with the fingerprint of the weights."""
    rewards = [
        f"--reward {replace(parse(spec), weight=1.0)} (--clip {config.get('clip')})" for spec in config["rewards"]
    ]
    weights = dict(zip(rewards, config.get("reward_signatures", ())))
    if config.get("init_fingerprint"):
        weights[f"--init {config['init']}"] = f"weights={config['init_fingerprint']}"
    return weights
