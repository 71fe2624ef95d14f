"""In every format: what cannot be used is named by each command, and the rest is captioned and scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.odd_corpus import FORMATS, good, outcome, unreadable

COUNT = 8
FILES = {"folder", "zip", "shards"}  # formats whose captions lie beside the pictures


@pytest.mark.parametrize("name", FORMATS)
def test_odd_files_are_named_by_every_command_and_all_else_is_captioned_and_scored(name, model, tiny_clip, tmp_path):
    (tmp_path / "data").mkdir()
    found = outcome(FORMATS[name](tmp_path / "data", COUNT), model, tiny_clip, tmp_path / "out")
    assert found.codes == (0, 1, 0, 0, 0)
    beside = {"blank.png", "latin.png"} if name in FILES else set()
    assert found.captioned == {*good(COUNT), *beside}
    assert found.scored == COUNT  # those that have a reference
    elsewhere = {"photo", "film"} if name in FILES else {"gone"}
    for command, named in found.named.items():
        assert {*unreadable()} <= named, command
    assert elsewhere <= {Path(name).stem for name in found.named["data"]}
