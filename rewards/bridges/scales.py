"""The scale of a total that another trainer reads: raw, 0 to 1, or standardised by numbers that do not change.

Every scale is one linear map, so the order of captions and the mix of rewards stay as they are. Nothing is measured
on a batch: processes hold different batches.

    raw                           the total as it is
    unit                          (total - least) / (most - least), 0 to 1, by the range of the rewards
    unit:least=-4,most=0          the same by a range of yours; values outside are 0 or 1
    standard:mean=1.6,spread=0.1  (total - mean) / spread
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite

from metric.similarity import CLIP_W, PAC_W
from metric.spec import split_spec
from rewards.options import BOOLEANS
from rewards.spec import RewardSpec

Range = tuple[float, float]
RANGES: dict[str, Range] = {
    "cider": (0, 10),
    **dict.fromkeys(("bleu4", "rougel", "grammar", "truth"), (0, 1)),
    "badendings": (-1, 0),
}
SIMILARITIES = {"clips": CLIP_W, "pacs": PAC_W, "pacspp": PAC_W, "pacspphard": PAC_W}  # plain name -> usual w
RAW = "raw"


@dataclass(frozen=True)
class Scale:
    """The map (total - shift) / spread, kept between `least` and `most`."""

    shift: float = 0.0
    spread: float = 1.0
    least: float = -inf
    most: float = inf

    def __call__(self, total: float) -> float:
        return min(max((total - self.shift) / self.spread, self.least), self.most)


def read_scale(text: str, specs: Sequence[RewardSpec]) -> Scale:
    """The scale that a text names, for the mix of `specs`. Raises ValueError for other text, and without a range."""
    name, typed = split_spec(text)
    numbers = {option: number(text, value) for option, value in typed.items()}
    if name == "raw" and not numbers:
        return Scale()
    if name == "unit" and numbers.keys() <= {"least", "most"} and len(numbers) != 1:
        least, most = (numbers["least"], numbers["most"]) if numbers else range_of_mix(specs)
        if least < most:
            return Scale(least, most - least, 0.0, 1.0)
    if name == "standard" and numbers.keys() == {"mean", "spread"} and numbers["spread"] > 0:
        return Scale(numbers["mean"], numbers["spread"])
    raise ValueError(
        f"scale is raw, unit, unit:least=A,most=B or standard:mean=M,spread=S with S above 0, got {text!r}; the log "
        "of a raw run has the mean and the spread of the reward"
    )


def number(text: str, value: str) -> float:
    """A finite number in the scale `text`. Raises ValueError."""
    try:
        if isfinite(float(value)):
            return float(value)
    except ValueError:
        pass
    raise ValueError(f"scale {text}: a finite number is expected, got {value!r}")


def range_of_mix(specs: Sequence[RewardSpec]) -> Range:
    """The least and the most that the weighted sum can be. Raises ValueError for a reward without a range."""
    ends = [sorted(spec.weight * end for end in range_of(spec)) for spec in specs]
    return sum(least for least, _ in ends), sum(most for _, most in ends)


def range_of(spec: RewardSpec) -> Range:
    """The range of one reward. Raises ValueError for a reward without bounds, and for a reward of another package."""
    options = dict(spec.options)
    similarity = spec.name.removeprefix("ref")
    if spec.name in RANGES:
        return RANGES[spec.name]
    if similarity in SIMILARITIES:
        w = float(options.get("w", SIMILARITIES[similarity]))
        return 0.0, w if spec.name == similarity else 2 * w / (w + 1)  # the harmonic mean of w and 1
    if spec.name == "repetition" and BOOLEANS.get(options.get("rate", "").lower(), False):
        return -1.0, 0.0
    raise ValueError(f"reward {spec} has no range that is known; type scale unit:least=A,most=B, or raw")
