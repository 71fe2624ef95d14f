from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def photographs(tmp_path) -> Path:
    """A folder of four that differ: b.jpg a.jpg v.jpg t.jpg."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number, name in enumerate(("b.jpg", "a.jpg", "v.jpg", "t.jpg")):
        blocks = Image.frombytes("RGB", (3, 2), random.Random(name).randbytes(18))
        blocks.resize((24 + number, 16), Image.Resampling.NEAREST).save(folder / name)
    return folder
