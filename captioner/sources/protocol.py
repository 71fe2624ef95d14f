"""What captioning asks of a source of captions. Whatever follows the protocol is captioned, scored and chosen alike.

Axes: b pictures, k candidates of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from captioner.config import Decode
from captioner.features.shelf import Entry
from captioner.sources.settings import CandidateSettings
from metric.example import Example

LACKING = "there are no captions of it"  # the fault of a picture of which a file of candidates has none


@dataclass(frozen=True)
class Seen:
    """A block of pictures that were looked at."""

    examples: Sequence[Example]
    """those that can be captioned"""
    content: Any
    """what the maker reads of them, such as features `b p f` or b pictures"""
    entries: Sequence[Entry]
    """the state and the digest of each example's picture, as it was looked at"""
    faults: dict[str, str] = field(default_factory=dict)
    """why a picture cannot be captioned, by its id"""


@dataclass(frozen=True)
class Candidates:
    """The candidates of b pictures."""

    captions: Sequence[Sequence[str]]
    """b lists of captions, at least one each. A caption that the length limit ended is a Cut."""
    log_probabilities: Tensor | None = None
    """`b k`, in nats, summed over the tokens with the end of sentence; None where they are not known"""


class CaptionMaker(Protocol):
    """A loaded source. The same block gives the same candidates, in every process and after a kill."""

    clip: str
    """the CLIP that rewards take unless they name another; "" where there is none"""

    def see(self, blocks: Iterable[Sequence[Example]]) -> Iterator[Seen]:
        """Looks at the pictures of each block. Threads read the pictures of the next block meanwhile."""

    def make(self, seen: Seen) -> Candidates:
        """The candidates of the examples of a block, of which there is at least one."""


class CaptionSource(Protocol):
    """The name of a source, and its device. It is small, so that workers in other processes can load it."""

    @property
    def device(self) -> str: ...

    @property
    def features(self) -> str:
        """Folder of stored features, which make pictures superfluous; "" where there is none."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that all captions of an output share, with fingerprints of the weights or files."""

    def decode(self) -> Decode:
        """The settings of decoding that hold unless others are typed."""

    def load(self, settings: CandidateSettings) -> CaptionMaker:
        """Loads the source. Raises ValueError for settings that it cannot follow."""
