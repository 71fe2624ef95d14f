from __future__ import annotations

import logging
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image

from metric.clip.load import load_clip, new_clip, quiet, save_clip
from metric.clip.model import Clip, needed_positions

TEXTS = [
    "a red ball on the beach",
    "two small cats in a room",
    "A photo depicts a blue house in the snow",
] * 5


@pytest.fixture
def clip() -> Clip:
    torch.manual_seed(0)
    return new_clip("scenes-clip", TEXTS)


def test_saved_folder_is_the_same_clip_to_us_and_to_open_clip(clip: Clip, tmp_path: Path) -> None:
    save_clip(clip, tmp_path)
    again = load_clip(str(tmp_path))
    assert again.fingerprint == clip.fingerprint
    with quiet():
        model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path}")
        tokenizer = open_clip.get_tokenizer(f"local-dir:{tmp_path}")
    picture = Image.new("RGB", (60, 50), "red")
    assert torch.equal(preprocess(picture), again.preprocess(picture))
    pixels = preprocess(picture)[None]
    theirs = model.eval().encode_image(pixels, normalize=True)
    torch.testing.assert_close(theirs, again.encode_image(pixels))
    theirs = model.encode_text(tokenizer(TEXTS), normalize=True)
    torch.testing.assert_close(theirs, again.encode_text(TEXTS))


def test_run_folder_stands_for_the_clip_it_made(clip: Clip, tmp_path: Path) -> None:
    save_clip(clip, tmp_path / "clip")
    assert load_clip(str(tmp_path)).fingerprint == clip.fingerprint


def test_embeddings_are_unit_length(clip: Clip) -> None:
    images = clip.encode_image(torch.randn(3, 3, 48, 48))
    assert images.shape == (3, clip.dim)
    for embedded in images, clip.encode_text(TEXTS[:3]):
        torch.testing.assert_close(embedded.norm(dim=-1), torch.ones(3))


def test_text_without_the_idle_padding_is_embedded_alike(clip: Clip) -> None:
    tokens = clip.tokenizer(["a cat", "two small cats in a room"])
    assert tokens.shape == (2, clip.model.context_length)
    whole = torch.nn.functional.normalize(clip.model.encode_text(tokens), dim=-1)
    lengths = needed_positions(clip.model, tokens)
    assert lengths.tolist() == (tokens != 0).sum(1).tolist()
    torch.testing.assert_close(clip.encode_tokens(tokens[:, : int(lengths.max())]), whole)


def test_long_text_keeps_its_end(clip: Clip) -> None:
    (short,), (long,) = clip.tokenizer(["a cat"]), clip.tokenizer(["a red ball " * 50])
    end = int(short.max())
    assert end == clip.config["model_cfg"]["text_cfg"]["vocab_size"] - 1
    assert long[-1] == end and (long == end).sum() == 1


def test_no_text_is_unknown(clip: Clip) -> None:
    tokenizer = clip.tokenizer.tokenizer
    ids = tokenizer("Zebra é 猫 🙂")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True).strip() == "zebra é 猫 🙂"


def test_fingerprint_tells_weights_apart(clip: Clip) -> None:
    changed = Clip(clip.name, clip.model, clip.preprocess, clip.tokenizer, clip.config)
    before = clip.fingerprint
    with torch.no_grad():
        clip.model.logit_scale += 1
    assert changed.fingerprint != before


@pytest.mark.parametrize(
    "name, said",
    [
        ("scene-clip", "did you mean scenes-clip"),
        ("ViT-B-23:openai", "did you mean ViT-B-32"),
        ("ViT-B-32-quickgelu:opnai", "openai"),
        ("ViT-B-32:openai", "give ViT-B-32-quickgelu:openai"),
        ("RN50:openai", "give RN50-quickgelu:openai"),
        ("no/such/folder", "ARCH:TAG"),
    ],
)
def test_unknown_name_is_told_in_one_line(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        load_clip(name)
    assert "\n" not in str(error.value)


def test_unknown_configuration_names_the_known() -> None:
    with pytest.raises(ValueError, match="photo-clip-small, photo-clip, scenes-clip"):
        new_clip("nothing.json", TEXTS)


def test_loading_leaves_the_root_logger_alone(tmp_path: Path) -> None:
    before, disabled = list(logging.getLogger().handlers), logging.getLogger().manager.disable
    new_clip("scenes-clip", TEXTS)
    assert logging.getLogger().handlers == before and logging.getLogger().manager.disable == disabled
