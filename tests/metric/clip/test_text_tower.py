"""The text tower over distinct beginnings is the text tower, and does its work once for all that begin alike."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from open_clip import get_model_config
from open_clip.model import CLIP
from torch import Tensor

from metric.clip.load import load_clip
from metric.clip.merged_lora import open_attention
from metric.clip.model import Clip
from metric.clip.text_tower import GROUP, by_rows, encode_shared, features, shares

WORDS = ["a", "red", "ball", "on", "the", "beach"]


@pytest.fixture(scope="module")
def clip() -> Clip:
    return load_clip("scenes-clip")


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), min_size=1, max_size=2 * GROUP + 1))
def test_texts_are_embedded_as_one_by_one(clip: Clip, texts: list[str]) -> None:
    tokens = clip.tokenizer(["A photo depicts " + text for text in texts])
    found = encode_shared(clip, tokens, rows=8)
    torch.testing.assert_close(found, clip.encode_tokens(tokens), atol=1e-5, rtol=0)


def test_openais_tower_is_computed_as_open_clip_does() -> None:
    """Of the class and the configuration of ViT-B-32, with fewer and narrower layers; also without a projection."""
    config = get_model_config("ViT-B-32-quickgelu")
    config["text_cfg"] |= {"width": 32, "heads": 4, "layers": 3}
    config["vision_cfg"] |= {"width": 32, "layers": 1, "head_width": 8}
    torch.manual_seed(0)
    model = CLIP(**config).eval().requires_grad_(False)
    tokens = torch.zeros(20, 77, dtype=torch.long)
    tokens[:, :9] = torch.randint(1, 40_000, (20, 9))
    tokens[:, :6], tokens[:5, 8], tokens[5:, 9] = tokens[0, :6], 49407, 49407
    assert shares(model)
    torch.testing.assert_close(
        features(model, tokens, 16, torch.device("cpu")), model.encode_text(tokens), atol=1e-5, rtol=1e-4
    )
    model.text_projection = None
    torch.testing.assert_close(
        features(model, tokens, 16, torch.device("cpu")), model.encode_text(tokens), atol=1e-5, rtol=1e-4
    )


def test_a_beginning_is_computed_once(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    block = clip.model.transformer.resblocks[0]
    monkeypatch.setattr(block.mlp, "forward", lambda x, mlp=block.mlp.forward: read.append(len(x)) or mlp(x))
    tokens = clip.tokenizer(["a red ball on the beach", "a red ball on the sand", "a red ball"] * 4)
    length = int(tokens.argmax(-1).max()) + 1
    encode_shared(clip, tokens[:, :length], rows=1)
    distinct = {tuple(row[: end + 1]) for row in tokens.tolist() for end in range(row.index(max(row)) + 1)}
    assert sum(read) == len(distinct) < tokens.shape[0] * length / 8


def test_towers_that_are_built_otherwise_do_not_share(any_clip: Clip, tiny_clip: Clip) -> None:
    assert shares(tiny_clip.model)
    open_attention(tiny_clip.model)
    assert not shares(tiny_clip.model)
    assert shares(any_clip.model) == isinstance(any_clip.model, CLIP)


@given(st.integers(1, 20), st.integers(1, 7))
def test_functions_of_rows_see_always_as_many(n: int, rows: int) -> None:
    seen: list[int] = []

    def add(one: Tensor, other: Tensor) -> Tensor:
        seen.append(len(one))
        return one + other

    one, other = torch.randn(n, 3), torch.randn(n, 3)
    assert torch.equal(by_rows(add, rows, one, other), one + other)
    assert set(seen) == {rows} and len(seen) == -(-n // rows)
