"""The check of pictures before long work: what cannot be read is named, in every kind of container."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metric.example import Example, UnreadableImage, open_image
from metric.images import InMemory, InTar, InZip
from metric.readable import readable, taking
from metric.scenes.world import sample
from metric.storage.ledger import kept


@pytest.fixture
def files(tmp_path) -> dict[str, Path]:
    Image.effect_noise((90, 90), 80).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-900])
    Image.new("L", (6000, 2)).save(tmp_path / "narrow.png")
    (tmp_path / "text.png").write_text("no picture")
    return {path.name: path for path in tmp_path.iterdir()} | {"gone.jpg": tmp_path / "gone.jpg"}


def test_unreadable_files_are_left_out_with_the_reason(files, caplog):
    with kept(None) as ledger:
        found = readable([Example(name, path) for name, path in files.items()], "photos")
    assert [example.id for example in found] == ["whole.jpg"]
    assert {entry.id for entry in ledger.counts} == files.keys() - {"whole.jpg"}
    assert "photos: 1 picture left out: No such file or directory, the first gone.jpg" in caplog.text
    assert str(files["cut.jpg"].parent) not in caplog.text  # the id is enough


def test_pictures_in_archives_and_in_memory_are_checked_and_scenes_are_not_drawn(files, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped, tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("whole.jpg", "cut.jpg"):
            zipped.write(files[name], name)
            tar.add(files[name], name)
    cut = files["cut.jpg"].read_bytes()
    with tarfile.open(tmp_path / "a.tar") as tar:
        members = [InTar(tmp_path / "a.tar", each.name, each.offset_data, each.size) for each in tar]
    pictures = [InZip(tmp_path / "a.zip", name) for name in ("whole.jpg", "cut.jpg")] + members
    pictures += [InMemory("cut.jpg", cut), InMemory("cut.jpg", files["whole.jpg"].read_bytes()), sample("train", 1)]
    found = readable([Example(str(number), picture) for number, picture in enumerate(pictures)], "all")
    assert [example.id for example in found] == ["0", "2", "5", "6"]


def test_truncated_and_large_pictures_are_taken_on_request_alone(files, monkeypatch):
    examples = [Example(name, path) for name, path in files.items() if name in ("cut.jpg", "text.png")]
    with taking(["truncated"]):
        assert [example.id for example in readable(examples, "photos")] == ["cut.jpg"]
        shown = np.asarray(open_image(files["cut.jpg"]), dtype=float)
    whole = np.asarray(open_image(files["whole.jpg"]), dtype=float)
    assert (shown[:40] == whole[:40]).all() and np.ptp(shown[-8:]) == 0  # the rows that the file has, and grey
    assert readable(examples, "photos") == []
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # twice as many raise an error
    with pytest.raises(UnreadableImage, match="--take large"):
        open_image(files["whole.jpg"])
    with taking(["large"]):
        assert open_image(files["whole.jpg"]).size == (90, 90)
