"""Benchmarks of a few rows, written in the layouts that are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def picture():
    """Writes a small picture and says where."""

    def make(path: Path, colour: str = "red") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(path)
        return path

    return make


@pytest.fixture
def dump():
    """Writes JSON and says where."""

    def make(path: Path, content: Any) -> Path:
        path.write_text(json.dumps(content))
        return path

    return make


@pytest.fixture
def flickr8k(tmp_path, picture) -> Path:
    """Two photographs, a and b, whose captions are judged on each other and on themselves."""
    for name in ("a.jpg", "b.jpg"):
        picture(tmp_path / "Images" / name)
    tokens = [f"{name}.jpg#{n}\tCaption {n}  of {name} ." for name in "ab" for n in range(5)]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(tokens) + "\n")
    expert = ["a.jpg\ta.jpg#0\t4\t4\t4", "a.jpg\tb.jpg#2\t1\t1\t2", "b.jpg\ta.jpg#1\t2\t3\t1"]
    (tmp_path / "ExpertAnnotations.txt").write_text("\n".join(expert) + "\n")
    crowd = ["a.jpg\ta.jpg#0\t1\t3\t0", "a.jpg\tb.jpg#2\t0\t0\t3", "b.jpg\ta.jpg#1\t0.333\t1\t2"]
    (tmp_path / "CrowdFlowerAnnotations.txt").write_text("\n".join(crowd) + "\n")
    return tmp_path
