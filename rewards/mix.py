"""Mix: several rewards as one weighted sum. The value of each reward is reported too.

Axes: b images, k captions of each image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from metric.example import Example, is_there, refuse_one_text
from metric.scenes.world import Scene
from rewards.spec import RewardSpec

Reward = Callable[[Sequence[Example], Sequence[Sequence[str]]], Tensor]


@runtime_checkable
class Signed(Protocol):
    """A reward with a signature: a line in the records of a run, which names the variant of the reward."""

    @property
    def signature(self) -> str: ...


@runtime_checkable
class Remembering(Protocol):
    """A reward with a cache. Several processes exchange their caches at the same moments."""

    def exchange(self) -> None: ...


def per_caption(value: Callable[[Example, str], float]) -> Reward:
    """The reward whose value of a caption is `value(example, caption)`."""

    def reward(examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        rows = [[value(example, text) for text in texts] for example, texts in zip(examples, captions)]
        return torch.tensor(rows, dtype=torch.float32)

    return reward


@dataclass(frozen=True)
class Term:
    """One reward of a mix. `key` is its name in the logs, and `signature` names the variant of the reward."""

    key: str
    spec: RewardSpec
    needs: tuple[str, ...]
    reward: Reward
    signature: str


class RewardFailed(ValueError):
    """A reward raised an error, or returned values that cannot be used. Nothing is wrong with the captioner."""


class Mix:
    """The weighted sum of rewards, as a function of b examples and b lists of k captions.

    The sum is neither normalised nor clipped.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = tuple(terms)

    def __call__(
        self, examples: Sequence[Example], captions: Sequence[Sequence[str]]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum `b k`, and key -> unweighted values `b k` of each term. All are float32 on the CPU.

        Raises RewardFailed for a term that raises an error, or returns values that `verify` refuses, and ValueError for
        a text in the place of a picture's captions.
        """
        for texts in captions:
            refuse_one_text("captions of a picture", texts)
        parts = {}
        for term in self.terms:
            values = called(term, examples, captions)
            verify(term.key, values, examples, captions)
            parts[term.key] = values.detach().cpu()
        weighted = [term.spec.weight * parts[term.key] for term in self.terms]
        return torch.stack(weighted).sum(0), parts

    def exchange(self) -> None:
        """Shares the cached values of each process with all processes."""
        for term in self.terms:
            if isinstance(term.reward, Remembering):
                term.reward.exchange()

    @property
    def weights(self) -> dict[str, float]:
        """Key -> weight of each term."""
        return {term.key: term.spec.weight for term in self.terms}

    @property
    def needs(self) -> tuple[str, ...]:
        """The needs of all terms (`rewards.registry.NEEDS`), without repetition."""
        return tuple(dict.fromkeys(need for term in self.terms for need in term.needs))

    @property
    def signatures(self) -> dict[str, str]:
        """Key -> signature of each term, for the records of a run."""
        return {term.key: term.signature for term in self.terms}

    def check(self, examples: Sequence[Example]) -> None:
        """Raises ValueError for an example that does not meet a need of a term."""
        for term in self.terms:
            check_needs(term.key, term.needs, examples)


def called(term: Term, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
    """The values of one term. Raises RewardFailed with the error of the reward in one line."""
    try:
        return term.reward(examples, captions)
    except Exception as error:  # a reward of another package may raise anything
        known = isinstance(error, (ValueError, OSError))
        said = str(error) if known else f"{type(error).__name__}: {error}".rstrip(": ")
        raise RewardFailed(f"reward {term.key} failed: {' '.join(said.split())}") from error


def verify(key: str, values: Tensor, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> None:
    """Raises RewardFailed for values of a wrong shape or type, and for numbers that are not finite.

    Training with such values would give odd captions and no error.
    """
    expected = (len(examples), len(captions[0]))
    if not isinstance(values, Tensor):
        raise RewardFailed(f"reward {key} must return a tensor of shape {expected}, got a {type(values).__name__}")
    if tuple(values.shape) != expected or values.dtype != torch.float32:
        raise RewardFailed(
            f"reward {key} must return a float32 tensor of shape (images, captions) = {expected}, "
            f"got {values.dtype} of shape {tuple(values.shape)}"
        )
    if not values.isfinite().all():
        i, j = (~values.isfinite()).nonzero()[0].tolist()
        raise RewardFailed(
            f"reward {key} must be finite, got {values[i, j].item()} for the caption {captions[i][j]!r} "
            f"of {examples[i].id}"
        )


def check_needs(key: str, needs: Sequence[str], examples: Sequence[Example]) -> None:
    """Raises ValueError for an example that does not meet a need of a reward."""
    for need, has, remedy in (
        (
            "references",
            has_references,
            "give a data set with captions, or a reward without this need, such as clips",
        ),
        ("images", is_there, "bring back the pictures, of which only the features exist, or give another reward"),
        ("scenes", is_scene, "give --data scenes, or another reward"),
    ):
        missing = [example for example in examples if not has(example)] if need in needs else []
        if missing:
            raise ValueError(
                f"reward {key} needs {need}, and {len(missing)} of {len(examples)} examples have none, "
                f"first {missing[0].id}: {remedy}"
            )


def has_references(example: Example) -> bool:
    return bool(example.references)


def is_scene(example: Example) -> bool:
    return isinstance(example.image, Scene)
