"""What tests of metrics share: Stanford's tokenizer, which ours is held against, and text towers of every kind that
open_clip has, with a few thousand weights."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pycocoevalcap.tokenizer import ptbtokenizer

from metric.clip import Clip, new_clip
from metric.java import packaged
from metric.tokenize import PUNCTUATIONS

VISION = {"image_size": 16, "patch_size": 8, "width": 16, "layers": 1, "head_width": 8}
TEXT = {"context_length": 12, "vocab_size": 300, "hf_tokenizer_name": "local", "width": 16, "heads": 2, "layers": 2}
PIXELS = {"mean": [0.5] * 3, "std": [0.25] * 3, "interpolation": "bicubic", "resize_mode": "shortest"}
TOWERS = {
    "clip": {},
    "custom": {"custom_text": True},
    # as SigLIP has it: every word sees every other, the last place speaks for the text
    "last": {"custom_text": True, "text_cfg": {"no_causal_mask": True, "pool_type": "last", "proj_bias": True}},
}


@pytest.fixture(params=TOWERS)
def any_clip(request, tmp_path: Path) -> Clip:
    return tiny(tmp_path, **TOWERS[request.param])


def tiny(folder: Path, custom_text: bool = False, text_cfg: dict | None = None) -> Clip:
    """An untrained CLIP that looks at 16 x 16 pixels and reads twelve tokens."""
    model = {"embed_dim": 16, "vision_cfg": VISION, "text_cfg": TEXT | (text_cfg or {})}
    whole = {"model_cfg": model | ({"custom_text": True} if custom_text else {}), "preprocess_cfg": PIXELS}
    (folder / "model.json").write_text(json.dumps(whole))
    torch.manual_seed(0)
    return new_clip(folder / "model.json", ["a red ball on the beach", "two dogs run in the snow"])


@pytest.fixture
def tiny_clip(tmp_path: Path) -> Clip:
    return tiny(tmp_path)


@pytest.fixture
def stanford() -> Callable[..., list[tuple[str, ...]]]:
    """`stanford(captions)` -> tokens."""
    return by_java


def by_java(captions: list[str], apart: bool = True) -> list[tuple[str, ...]]:
    """As pycocoevalcap calls it, but without its temporary file inside the installed package; `apart` keeps each
    caption from looking at the next by a line between them."""
    assert set(ptbtokenizer.PUNCTUATIONS) == PUNCTUATIONS
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", packaged("tokenizer/stanford-corenlp-3.4.1.jar")]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    text = ("\n;\n" if apart else "\n").join(caption.replace("\n", " ") for caption in captions)
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    lines = ran.stdout.split("\n")[: 2 * len(captions) : 2] if apart else ran.stdout.split("\n")[: len(captions)]
    return [tuple(word for word in line.rstrip().split(" ") if word and word not in PUNCTUATIONS) for line in lines]
