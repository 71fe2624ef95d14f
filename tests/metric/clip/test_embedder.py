from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from PIL import Image

from metric.clip.embedder import Embedder
from metric.clip.load import new_clip
from metric.clip.pixels import Pixels


@dataclass
class Patch:
    colour: str
    drawn: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        return self.colour

    def draw(self) -> Image.Image:
        self.drawn.append(self.colour)
        return Image.new("RGB", (50, 60), self.colour)


@pytest.fixture
def embedder() -> Embedder:
    torch.manual_seed(0)
    return Embedder(new_clip("scenes-clip", ["a red ball", "a blue cat on the beach"]), batch_size=2)


def test_each_picture_is_drawn_once(embedder: Embedder) -> None:
    red, blue, again = Patch("red"), Patch("blue"), Patch("red")
    first = embedder.images([red, blue, again])
    second = embedder.images([blue, red])
    assert red.drawn + again.drawn == ["red"] and blue.drawn == ["blue"]
    assert torch.equal(first[[1, 0]], second) and torch.equal(first[0], first[2])


def test_embeddings_are_the_clips_own(embedder: Embedder) -> None:
    texts = ["a blue cat on the beach", "a ball", "a red ball", "a ball"]
    torch.testing.assert_close(embedder.texts(texts), embedder.clip.encode_text(texts))
    pixels = embedder.clip.preprocess(Patch("green").draw())[None]
    torch.testing.assert_close(embedder.images([Patch("green")]), embedder.clip.encode_image(pixels))


def test_memory_of_texts_is_bounded(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metric.clip.embedder.TEXTS", 3)
    expected = embedder.clip.encode_text(["a", "b", "c", "d", "e"])
    torch.testing.assert_close(embedder.texts(["a", "b", "c", "d", "e"]), expected)
    assert len(embedder.known_texts) == 3


def test_memory_of_pictures_is_bounded_and_what_was_exchanged_is_not_told_again(
    embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metric.clip.embedder.IMAGES", 3)
    patches = [Patch(colour) for colour in ("red", "blue", "green", "black", "white")]
    embedder.images(patches[:3])
    embedder.exchange_images()
    kept = embedder.images(patches)
    assert list(embedder.known_images) == ["green", "black", "white"] and embedder.exchanged == 1
    assert torch.equal(embedder.images(patches), kept)


def test_nothing_gives_no_rows(embedder: Embedder) -> None:
    assert embedder.images([]).shape == embedder.texts([]).shape == (0, 128)


@pytest.mark.parametrize("memory", [0, 1_000_000])
def test_kept_pixels_are_what_preprocess_makes(embedder: Embedder, memory: int) -> None:
    patches = [Patch("orange"), Patch("#123456"), Patch("white")]
    pixels = Pixels(patches, embedder.clip.preprocess, memory)
    expected = torch.stack([embedder.clip.preprocess(patch.draw()) for patch in patches])
    assert torch.equal(pixels[[2, 0]], expected[[2, 0]]) and torch.equal(pixels[[0, 1, 2]], expected)


def test_texts_longer_than_the_context_are_counted_once(embedder: Embedder) -> None:
    long = "a red ball " * 40
    embedder.texts(["a ball", long, long])
    embedder.texts([long])
    assert len(embedder.cut) == 1


def test_half_precision_is_near_and_comes_back_as_fp32(embedder: Embedder) -> None:
    half = Embedder(embedder.clip, precision="bf16")
    texts, pictures = ["a red ball", "a blue cat on the beach"], [Patch("red"), Patch("blue")]
    for ours, exact in ((half.texts(texts), embedder.texts(texts)), (half.images(pictures), embedder.images(pictures))):
        assert ours.dtype == torch.float32 and not torch.equal(ours, exact)
        torch.testing.assert_close(ours, exact, atol=0.02, rtol=0)
    assert embedder.precision == "fp32"
    with pytest.raises(ValueError, match="precision must be one of fp32, bf16, fp16, got 'fp8'"):
        Embedder(embedder.clip, precision="fp8")


def test_fp32_is_fp32_inside_a_training_in_another_precision(embedder: Embedder) -> None:
    expected = Embedder(embedder.clip).texts(["a red ball"])
    torch.set_float32_matmul_precision("high")  # TF32, as --precision tf32 sets it
    try:
        with torch.autocast("cpu", torch.bfloat16):
            seen = []
            embedder.clip.model.ln_final.register_forward_hook(
                lambda *_: seen.append((torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32))
            )
            assert torch.equal(Embedder(embedder.clip).texts(["a red ball"]), expected)
        assert seen == [("highest", False)] and torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
