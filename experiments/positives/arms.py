"""The arms of the experiment: how positives are made, which are used, and the flags of the training."""

from __future__ import annotations

from typing import NamedTuple


class Recipe(NamedTuple):
    """How positives are made, and the share of them that the filter drops."""

    text: str = "renderer"
    """maker of captions t': renderer, template, or captioner"""
    image: str = "renderer"
    """maker of pictures v': renderer or painted"""
    mistaken: float = 0.0
    """share of positives that belong to another picture"""
    drop: float = 0.0
    """share of positives that the filter drops, those first that CLIP finds the least similar"""

    @property
    def folder(self) -> str:
        """The name of the folder of the positives, before the filter."""
        return f"{self.text}-{self.image}-{round(100 * self.mistaken)}"


class Arm(NamedTuple):
    """Positives, and flags of `captioner metric train`."""

    recipe: Recipe
    flags: tuple[object, ...] = ()


def weights(pictures: float, captions: float) -> tuple[object, ...]:
    return ("--lambda-v", pictures, "--lambda-t", captions)


CLEAN, PAPER, HEAVY = Recipe(), weights(0.05, 0.1), weights(1, 1)
SHARES = (0.1, 0.25, 0.5)
# title of a group -> arms. The paper's weights are so small that faults of positives show with heavy ones alone.
GROUPS: dict[str, dict[str, Arm]] = {
    "kind": {
        "neither": Arm(CLEAN, weights(0, 0)),
        "v' alone": Arm(CLEAN, weights(0.05, 0)),
        "t' alone": Arm(CLEAN, weights(0, 0.1)),
        "both, the paper's weights": Arm(CLEAN, PAPER),
    },
    "weight": {
        "v' .25, t' .5": Arm(CLEAN, weights(0.25, 0.5)),
        "v' 1, t' 1": Arm(CLEAN, HEAVY),
    },
    "mistaken": {f"{share:.0%} of another picture": Arm(Recipe(mistaken=share), HEAVY) for share in SHARES},
    "drop": {f"25% of another, {drop:.0%} dropped": Arm(Recipe(mistaken=0.25, drop=drop), HEAVY) for drop in SHARES},
    "maker": {
        "t' a template": Arm(Recipe(text="template"), HEAVY),
        "t' by our captioner": Arm(Recipe(text="captioner"), HEAVY),
        "v' painted": Arm(Recipe(image="painted"), HEAVY),
    },
    "rank": {f"rank {rank}": Arm(CLEAN, (*PAPER, "--rank", rank, "--alpha", rank / 4)) for rank in (2, 8, 16)},
    "authors": {
        f"authors' LoRA, rank {rank}": Arm(
            CLEAN, (*PAPER, "--preset", "pacspp_authors", "--rank", rank, "--alpha", rank / 4)
        )
        for rank in (2, 4, 8, 16)
    },
}
ARMS = {name: arm for group in GROUPS.values() for name, arm in group.items()}
