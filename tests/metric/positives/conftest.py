"""What tiny text-to-image pipelines share."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def clip_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> object:
    """CLIP's kind, of letters and the ends of words, for prompts of 16 tokens; BOS is 0, EOS 1."""
    from transformers import CLIPTokenizer

    folder: Path = tmp_path_factory.mktemp("tokenizer")
    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    words = {word: number for number, word in enumerate(["<|startoftext|>", "<|endoftext|>", *letters])}
    (folder / "vocab.json").write_text(json.dumps(words))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)
