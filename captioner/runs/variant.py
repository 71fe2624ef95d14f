"""What sets an evaluation apart from the plain one of its run: other decoding, or the best of several captions.

A variant has a name, which its files carry: `scores-test@guidance-2.json`. In a table it is a row of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from captioner.config import Decode, flag, from_dict
from captioner.runs.labels import brief, mixed
from rewards.spec import RewardSpec, keyed, parse

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Variant:
    """Settings of an evaluation. Raises ValueError for settings that contradict each other or are out of range."""

    decode: Mapping[str, Any] = field(default_factory=dict)
    """settings of `Decode` by name that are not those of the run"""
    best_of: int = 0
    """captions that are drawn of a picture, the best of which by `rewards` is scored; 0 for a beam search"""
    rewards: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    """signatures of the rewards, once they are built"""

    def __post_init__(self) -> None:
        if bool(self.best_of) != bool(self.rewards):
            given, lacking = ("--best-of", "--reward SPEC") if self.best_of else ("--reward", "--best-of N")
            raise ValueError(f"{given} needs {lacking}; `captioner rewards` lists rewards")
        for name in {"beams", "length_penalty"} & self.decode.keys() if self.best_of else ():
            raise ValueError(
                f"--best-of {self.best_of} draws captions without beams, got {flag(name)} {brief(self.decode[name])}; "
                "leave one of them out"
            )

    @property
    def specs(self) -> list[RewardSpec]:
        """The rewards as data."""
        return [parse(text) for text in self.rewards]

    @property
    def name(self) -> str:
        """`guidance-2`, `best-of-8-clips`, or "" of the plain evaluation."""
        words = [f"{name.replace('_', '-')}-{brief(value)}" for name, value in self.decode.items()]
        words += [f"best-of-{self.best_of}", *(spec.name for spec in self.specs)] if self.best_of else []
        return "-".join(words)

    @property
    def label(self) -> str:
        """`guidance 2, best of 8 by CLIP-S`, or "" of the plain evaluation."""
        return self.told(brief, mixed(self.specs))

    @property
    def typed(self) -> str:
        """The label with the rewards as they were typed: `best of 8 by clips:window=cut`, or ""."""
        return self.told(str, " and ".join(self.rewards))

    def told(self, written: Callable[[Any], str], by: str) -> str:
        """Each setting of the decoding with its value, then the choice `by` rewards."""
        words = [f"{name.replace('_', ' ')} {written(value)}" for name, value in self.decode.items()]
        return ", ".join(words + ([f"best of {self.best_of} by {by}"] if self.best_of else []))

    def same(self, other: Variant) -> bool:
        """Whether both have the same settings. Signatures do not count: they are known once a reward is built."""
        return (self.decode, self.best_of, self.specs) == (other.decode, other.best_of, other.specs)

    @property
    def signature(self) -> str:
        """What the signature of the run lacks: `+evaluate[guidance=2.0]`, or "" of the plain evaluation."""
        values = [f"{name}={value}" for name, value in self.decode.items()]
        by = "+".join(f"{spec.weight:g}*{term}" for spec, term in zip(self.specs, self.signatures))
        values += [f"best_of={self.best_of}", f"by={by}"] if self.best_of else []
        return f"+evaluate[{','.join(values)}]" if values else ""

    def settings(self, left_out: Sequence[str]) -> dict[str, Any]:
        """The choice among captions by dotted name, which tells experiments apart. Options `left_out` do not count."""
        if not self.best_of:
            return {}
        options = [(f"best_of.{key}", name, value) for key, spec in keyed(self.specs) for name, value in spec.options]
        told = {f"{key}.{name}": value for key, name, value in options if name not in left_out}
        return {"best_of": f"{self.best_of} {mixed(self.specs)}", **told}

    def record(self) -> dict[str, Any]:
        """The entry `best_of` of a file of scores, which names the decoding besides."""
        content = {"count": self.best_of, "rewards": list(self.rewards), "signatures": list(self.signatures)}
        return {"best_of": content} if self.best_of else {}


def recorded(scores: Mapping[str, Any], config: Mapping[str, Any]) -> Variant:
    """The variant of the content of a file of scores, beside that of the run's config.json."""
    own = config.get("decode", {})
    best = {"count": 0, "rewards": (), "signatures": (), **scores.get("best_of", {})}
    changed = changes(from_dict(Decode, own), from_dict(Decode, scores.get("decode", own)))
    return Variant(changed, best["count"], tuple(best["rewards"]), tuple(best["signatures"]))


def changes(own: Decode, used: Decode) -> dict[str, Any]:
    """The settings of `used` that are not those of `own`, by name."""
    return {name: value for name, value in asdict(used).items() if value != getattr(own, name)}


def check_name(name: str) -> None:
    """Raises ValueError for a name of an evaluation that files cannot carry."""
    if name and not NAME.fullmatch(name):
        raise ValueError(f"--as is a name of letters, digits, points and hyphens, got {name!r}; type --as guided")
