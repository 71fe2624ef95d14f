"""What a metric makes of negatives of validation captions: the guard against the blind shortcut, and what it misses.

Rule-made negatives can be told by their words alone (SugarCrepe, arXiv 2306.14610). A false claim is well made when a
scorer that is shown another picture does no better than chance on it. A kind of negative that a trained metric still
prefers to captions is one that a captioner under pressure will find.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from torch import Tensor

from metric.clip.embedder import Embedder
from metric.example import Example
from metric.negatives.drawing import Kind, draw, kinds_of
from metric.negatives.pool import Caption
from metric.similarity import PREFIX

MOST = 200  # validation pictures whose captions are spoiled by every kind
NAMED = 5  # kinds that the line of the worst names

RIGHT, OTHER = "claims_right", "claims_other"  # names of the figures: with the right picture, with another one


def guard(embedder: Embedder, examples: Sequence[Example]) -> dict[str, float]:
    """Share of captions that score higher than a false claim made of them: with their picture, and with the next one.

    A tie counts half. No figures when fewer than two captions have a false claim.
    """
    captions = [Caption(example.references[0], example.references) for example in examples]
    made = draw(captions, kinds_of("content"), 1, random.Random(0))
    rows = [row for row, claims in enumerate(made) if claims]
    if len(rows) < 2:
        return {}
    image = embedder.images([examples[row].image for row in rows])
    caption = embedder.texts([PREFIX + captions[row].text for row in rows])
    claim = embedder.texts([PREFIX + made[row][0][1] for row in rows])
    right, other = wins(image, caption, claim), wins(image.roll(1, 0), caption, claim)
    return {RIGHT: right, OTHER: other, "claims": float(len(rows))}


def wins(image: Tensor, caption: Tensor, claim: Tensor) -> float:
    """Share of rows in which the caption is nearer to the picture than the claim is. `n d`, `n d`, `n d`."""
    margin = (image * (caption - claim)).sum(-1)
    return ((margin > 0).float() + (margin == 0).float() / 2).mean().item()


def told(figures: dict[str, float]) -> str:
    """The figures in a line."""
    if not figures:
        return "guard: no false claim could be made of the validation captions"
    return (
        f"guard: of {figures['claims']:.0f} false claims about validation pictures, {figures[RIGHT]:.0%} score below "
        f"their caption with the right picture, {figures[OTHER]:.0%} with another picture (chance 50%)"
    )


def preferred(embedder: Embedder, examples: Sequence[Example], kinds: Mapping[str, Kind]) -> dict[str, float]:
    """Share of negatives of each kind that score higher than their caption, with its picture, the largest first.

    A tie counts half. The captions are those of the first 200 pictures. A kind that applies to none of them is left
    out.
    """
    examples = examples[:MOST]
    captions = [Caption(example.references[0], example.references) for example in examples]
    image = embedder.images([example.image for example in examples])
    caption = embedder.texts([PREFIX + one.text for one in captions])
    found = {}
    for name, kind in kinds.items():
        made = draw(captions, {name: kind}, 1, random.Random(name))
        rows = [row for row, drawn in enumerate(made) if drawn]
        if rows:
            negative = embedder.texts([PREFIX + made[row][0][1] for row in rows])
            found[name] = 1 - wins(image[rows], caption[rows], negative)
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def told_preferred(found: Mapping[str, float]) -> str:
    """The kinds that are preferred most often, in a line."""
    if not found:
        return "negatives: none could be made of the validation captions"
    worst = ", ".join(f"{name} {share:.0%}" for name, share in [*found.items()][:NAMED])
    return (
        f"negatives that score above their caption, of {len(found)} kinds the worst: {worst} (chance 50%); "
        f"{next(iter(found))}=8 in --negative-kinds draws a kind more often"
    )
