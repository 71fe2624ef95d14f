"""How well a caption tells its picture from others: the log-probability of the picture among training pictures.

Axes: b images, k captions of each, d features, r rivals.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import islice

import torch
from einops import einsum
from torch import Tensor

from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.example import Example, data_fingerprint, image_key
from metric.readable import FROM_FILES, fault_of
from metric.similarity import PREFIX
from rewards.built_in.clip_similarity import embedded
from rewards.context import Context
from rewards.registry import register


@register("retrieval", needs=("images", "others"))
class Retrieval:
    """Log-probability of the picture among `rivals` training pictures, given the caption, by a CLIP: at most 0.

    log softmax of the cosines with the picture and with each rival, times the scale that the CLIP has learned (arXiv
    2304.01662, whose candidates are the batch). The rivals are the same for every caption and are spread over the
    training set. A caption that fits any picture has -log(rivals + 1). `clip` is the CLIP of the run, another, or a
    tuned one. Beside a metric it asks for what tells one picture from another. It does not hear grammar.
    Cost: a forward pass of the text tower for each new caption, and of the image tower once for each image.
    """

    def __init__(self, context: Context, clip: str = "", rivals: int = 99, precision: str = "fp32") -> None:
        if rivals < 1:
            raise ValueError(f"reward retrieval: rivals is 1 or more pictures, got {rivals}")
        if len(context.examples) < 2:
            raise ValueError(
                f"reward retrieval tells a picture from others of a data set, got {len(context.examples)}; "
                "it is for commands that read a data set of two pictures or more, such as captioner train"
            )
        loaded = load_clip(clip or context.clip, context.device)
        self.embedder = Embedder(loaded, precision=precision)
        self.scale = float(loaded.model.logit_scale.detach().exp())
        self.rivals = spread(context.examples, rivals)
        if not self.rivals:
            raise ValueError("reward retrieval: no picture of the data set can be read")
        halved = "" if precision == "fp32" else f",precision={precision}"
        panel = data_fingerprint(self.rivals)
        self.signature = f"retrieval[{panel},prefix={PREFIX.strip()!r},weights={loaded.fingerprint}{halved}]"

    @cached_property
    def panel(self) -> tuple[list[str], Tensor]:
        """The keys of the rivals, and their embeddings `r d`."""
        pictures = [example.image for example in self.rivals]
        return [image_key(picture) for picture in pictures], self.embedder.images(pictures)

    def __call__(self, examples: Sequence[Example], captions: Sequence[Sequence[str]]) -> Tensor:
        """b examples, b lists of k captions -> `b k`."""
        keys, others = self.panel
        images, texts = embedded(self.embedder, examples, captions)
        own = self.scale * einsum(images, texts, "b d, b k d -> b k")
        against = self.scale * einsum(others, texts, "r d, b k d -> b k r")
        itself = torch.tensor([[image_key(example.image) == key for key in keys] for example in examples])
        against = against.masked_fill(itself[:, None], -torch.inf)
        return own - torch.cat([own[..., None], against], -1).logsumexp(-1)

    def exchange(self) -> None:
        """Share the embeddings of pictures between processes: each picture is embedded by one of them."""
        self.embedder.exchange_images()


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """At most that many examples at equal distances. One whose picture cannot be read gives its place to the next."""
    count = min(most, len(examples))
    ends = [place * len(examples) // count for place in range(count + 1)]
    stretches = (examples[start:end] for start, end in zip(ends, ends[1:]))
    return [example for stretch in stretches for example in islice(filter(can_be_read, stretch), 1)]


def can_be_read(example: Example) -> bool:
    return not isinstance(example.image, FROM_FILES) or not fault_of(example.image)
