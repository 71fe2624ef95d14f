"""What a model makes of a text does not depend, to the bit, on its company: what is remembered needs no saving."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metric.clip.embedder import Embedder
from metric.clip.model import Clip
from metric.example import open_image
from metric.runtime.fixed_batches import LENGTH_STEP, alike
from metric.scenes.language import references
from metric.scenes.world import sample

TEXTS = [text for number in range(20) for text in references(sample("train", number))]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 30), max_size=50), st.integers(1, 9))
def test_every_item_is_in_one_batch_of_full_size_and_fits_its_length(lengths: list[int], rows: int) -> None:
    found = list(alike(lengths, 30, rows))
    assert sorted(item for batch, _, _ in found for item in batch) == list(range(len(lengths)))
    for batch, filled, length in found:
        assert len(filled) == rows and filled[: len(batch)] == batch and set(filled) == set(batch)
        assert length == 30 or length % LENGTH_STEP == 0
        assert all(length - LENGTH_STEP < lengths[item] <= length for item in batch)


def in_some_order(clip: Clip, seed: int) -> dict[str, torch.Tensor]:
    """Asked for in parts, as a run or a resumed run does."""
    rng, embedder = random.Random(seed), Embedder(clip)
    texts = rng.sample(TEXTS, len(TEXTS))
    first = rng.randrange(1, len(texts))
    rows = torch.cat([embedder.texts(texts[:first]), embedder.texts(texts[first:])])
    return dict(zip(texts, rows))


def test_a_text_is_embedded_alike_in_whatever_company(any_clip: Clip) -> None:
    once, again = in_some_order(any_clip, 1), in_some_order(any_clip, 2)
    assert all(torch.equal(once[text], again[text]) for text in once)


@pytest.mark.parametrize("alone", [0, 4])
def test_a_picture_is_embedded_alike_in_whatever_company(tiny_clip: Clip, alone: int) -> None:
    scenes = [sample("train", number) for number in range(5)]
    together = Embedder(tiny_clip).images(scenes)
    assert torch.equal(Embedder(tiny_clip).images([scenes[alone]])[0], together[alone])
    pixels = tiny_clip.preprocess(open_image(scenes[alone]))[None]
    torch.testing.assert_close(tiny_clip.encode_image(pixels)[0], together[alone])
