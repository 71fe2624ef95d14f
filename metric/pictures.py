"""Pictures and captions as other libraries hand them over -> paths, Pictures and examples.

Known are paths, the bytes of a file, pictures of PIL, tensors of torch, and records {bytes, path} of `datasets`.

Axes: n captions, c h w channels, height and width of a tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from PIL import Image

from metric.example import Example, Picture, refuse_one_text
from metric.images import InMemory, upright

KNOWN = "a path, the bytes of a file, a PIL picture, or a tensor c h w with uint8 values or values from 0 to 1"


@dataclass(frozen=True)
class Decoded:
    """A picture in RGB whose key is a digest of its size and pixels: equal pictures of two objects are one picture."""

    key: str
    image: Image.Image = field(repr=False, compare=False)

    @classmethod
    def of(cls, image: Image.Image) -> Decoded:
        rgb = upright(image)
        return cls(sha256(f"{rgb.size}".encode() + rgb.tobytes()).hexdigest(), rgb)

    def draw(self) -> Image.Image:
        return self.image

    def __str__(self) -> str:
        return f"picture {self.key[:12]}"


def picture_of(value: object) -> Path | Picture:
    """The picture of `value`. Raises ValueError for what is no picture."""
    if isinstance(value, (Path, Picture)):
        return value
    if isinstance(value, str):
        return Path(value)
    if isinstance(value, bytes):
        return InMemory("a picture in memory", value)
    if isinstance(value, Mapping) and (value.get("bytes") or value.get("path")):
        return picture_of(value.get("bytes") or value["path"])
    if isinstance(value, Image.Image):
        return Decoded.of(value)
    return Decoded.of(drawn(value))


def drawn(tensor: Any) -> Image.Image:
    """The picture of a tensor `c h w` with 1 or 3 channels. Raises ValueError for anything else."""
    from torch import Tensor, uint8  # takes seconds, and files need no torch

    if not isinstance(tensor, Tensor):
        raise ValueError(f"a picture is {KNOWN}, got {type(tensor).__name__}")
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3):
        raise ValueError(f"a picture is {KNOWN}, got a tensor of {' x '.join(map(str, tensor.shape))}")
    if tensor.dtype != uint8:
        low, high = (float(end) for end in tensor.aminmax())
        if not (tensor.is_floating_point() and 0 <= low and high <= 1):
            raise ValueError(
                f"a picture is {KNOWN}, got {str(tensor.dtype).removeprefix('torch.')} values from {low:.3g} to "
                f"{high:.3g}; give the picture before it was normalised"
            )
        tensor = (tensor * 255).round().to(uint8)
    return Image.fromarray(tensor.expand(3, -1, -1).permute(1, 2, 0).contiguous().cpu().numpy())


def as_examples(captions: Iterable[str], images: Any = None, references: Any = None) -> tuple[list[str], list[Example]]:
    """n captions and their examples, without what is None. Raises ValueError for parts of another length or kind."""
    refuse_one_text("captions", captions)
    refuse_one_text("paths of pictures", images)
    refuse_one_text("lists of references", references)
    texts = list(captions)
    pictures = [Path()] * len(texts) if images is None else [picture_of(image) for image in images]
    known = [()] * len(texts) if references is None else list(references)
    for what, found in (("pictures", pictures), ("lists of references", known)):
        if len(found) != len(texts):
            raise ValueError(f"got {len(texts)} captions and {len(found)} {what}; give one for each caption")
    if wrong := [of for of in known if isinstance(of, str) or (references is not None and not of)]:
        raise ValueError(f"references are a list of one or more texts for each caption, got {wrong[0]!r}")
    return texts, [Example(str(n), image, tuple(of)) for n, (image, of) in enumerate(zip(pictures, known))]
