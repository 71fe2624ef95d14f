"""The folder of features: what it is known by, who may write it, what is left when its pictures are gone."""

from __future__ import annotations

import os
import tarfile
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from captioner.data import load
from captioner.features.shelf import DiskShelf, ids_in, opened
from captioner.features.store import FeatureStore, OnlineFeatures, fill
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.example import Example, content_key, image_key
from metric.runtime.work_share import Share


@pytest.fixture
def clip(tiny_clip) -> Clip:
    """It counts the pictures that it was shown, in `clip.preprocess.seen`."""
    loaded = load_clip(tiny_clip)

    def preprocess(picture):
        preprocess.seen += 1
        return loaded.preprocess(picture)

    preprocess.seen = 0
    return replace(loaded, preprocess=preprocess)


@pytest.fixture
def some(pictures: Path) -> list[Example]:
    return load(str(pictures), "all")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(examples: list[Example]) -> list[str]:
    return [example.id for example in examples]


def test_pictures_are_known_by_content_wherever_they_lie(clip, some, pictures, tmp_path):
    store = FeatureStore.build(some, clip, tmp_path / "f", size=4)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed, tarfile.open(tmp_path / "a.tar", "w") as tar:
        for each in some:
            packed.write(pictures / each.id, each.id)
            tar.add(pictures / each.id, each.id)
    pictures.rename(tmp_path / "moved")
    for place in ("moved", "a.zip", "a.tar"):
        again = FeatureStore.build(load(str(tmp_path / place), "all"), clip, tmp_path / "f", size=4)
        assert clip.preprocess.seen == len(some)
        assert torch.equal(again[names(some)], store[names(some)])


def test_files_are_read_once_and_not_again_while_they_stay_as_they_are(clip, some, tmp_path, monkeypatch):
    FeatureStore.build(some, clip, tmp_path / "f")
    read = []
    monkeypatch.setattr("captioner.features.shelf.content_key", lambda image: read.append(image) or content_key(image))
    FeatureStore.build(some, clip, tmp_path / "f")
    assert not read
    os.utime(some[3].image, ns=(1, 1))
    FeatureStore.build(some, clip, tmp_path / "f")
    assert read == [some[3].image] and clip.preprocess.seen == len(some)


def test_any_number_of_shares_in_any_order_leaves_the_same_folder(clip, some, tmp_path):
    blocks = [some[start : start + 2] for start in range(0, len(some), 2)]
    whole, dealt = DiskShelf(tmp_path / "whole", clip), [DiskShelf(tmp_path / "dealt", clip) for _ in range(3)]
    list(fill(blocks, clip, whole))
    for index in (2, 3, 1):
        list(fill(Share(index, 3).of(blocks), clip, dealt[index - 1]))
    assert contents(tmp_path / "whole") == contents(tmp_path / "dealt")
    assert len([*(tmp_path / "dealt").rglob("*.safetensors")]) == 5


def test_a_picture_that_comes_twice_is_the_same_work_for_any_number_of_shares(clip, some, tmp_path):
    twice = [*some[:4], *(Example(f"again {each.id}", each.image) for each in some[:4]), *some[4:]]
    blocks = [twice[start : start + 2] for start in range(0, len(twice), 2)]
    list(fill(blocks, clip, DiskShelf(tmp_path / "whole", clip)))
    shelves = [DiskShelf(tmp_path / "dealt", clip) for _ in range(2)]
    for index in (1, 2):
        list(fill(Share(index, 2).of(blocks), clip, shelves[index - 1]))
    assert contents(tmp_path / "whole") == contents(tmp_path / "dealt")


def test_shards_are_what_anyone_reads_by_safetensors(clip, some, tmp_path):
    store = FeatureStore.build(some, clip, tmp_path / "f")
    (shard,) = (tmp_path / "f" / "shards").iterdir()
    features = load_file(shard)["features"]
    assert features.dtype == "float16"
    assert torch.equal(torch.from_numpy(features).float(), store[names(some)])


def test_half_a_shard_is_named(clip, some, tmp_path):
    FeatureStore.build(some, clip, tmp_path / "f")
    (shard,) = (tmp_path / "f" / "shards").iterdir()
    shard.write_bytes(shard.read_bytes()[:-1])
    opened.cache_clear()
    with pytest.raises(ValueError, match="is damaged .* delete the file"):
        FeatureStore.build(some, clip, tmp_path / "f")


def test_features_outlive_their_pictures(clip, some, pictures, tmp_path):
    before = FeatureStore.build(some, clip, tmp_path / "f")[names(some)]
    pictures.rename(tmp_path / "elsewhere")
    after = FeatureStore.build([*some, Example("new.png", pictures / "new.png")], clip, tmp_path / "f")
    assert torch.equal(after[names(some)], before)
    assert after.skipped == {"new.png": f"{pictures / 'new.png'}: No such file or directory"}
    assert ids_in(tmp_path / "f") == set(names(some))


def test_two_pictures_of_one_id_are_told_apart_only_while_they_are_there(clip, some, tmp_path):
    one, other = Example("same", some[0].image), Example("same", some[1].image)
    for each in (one, other):
        FeatureStore.build([each], clip, tmp_path / "f")
    assert clip.preprocess.seen == 2
    assert len(FeatureStore.build([one], clip, tmp_path / "f")) == 1
    before = FeatureStore.build([one], clip, tmp_path / "f")[["same"]]
    one.image.unlink()
    store = FeatureStore.build([one], clip, tmp_path / "f")
    assert torch.equal(store[["same"]], before)  # its place tells it from the other
    moved = Example("same", tmp_path / "elsewhere" / "green.png")
    store = FeatureStore.build([moved], clip, tmp_path / "f")
    assert "has several pictures of its id" in store.skipped["same"]


def test_a_lost_picture_of_another_place_is_told(clip, some, tmp_path, capsys):
    before = FeatureStore.build(some[:2], clip, tmp_path / "f")[names(some[:2])]
    for each in some[:2]:
        each.image.unlink()
    FeatureStore.build(some[:2], clip, tmp_path / "f")
    assert "are gone" not in "".join(capsys.readouterr())
    lost = [Example(each.id, tmp_path / "other" / each.id) for each in some[:2]]
    store = FeatureStore.build(lost, clip, tmp_path / "f")
    assert torch.equal(store[names(lost)], before)
    told = f"2 pictures are gone, and were not kept from this place, such as {min(names(lost))}"
    assert told in "".join(capsys.readouterr())


def test_a_picture_that_changed_before_it_was_lost_is_skipped(clip, some, tmp_path):
    FeatureStore.build(some[:1], clip, tmp_path / "f")
    some[0].image.write_bytes(some[1].image.read_bytes())
    FeatureStore.build(some[:1], clip, tmp_path / "f")
    some[0].image.unlink()
    store = FeatureStore.build(some[:1], clip, tmp_path / "f")
    assert "has several pictures of its place" in store.skipped[some[0].id]


@pytest.mark.parametrize("remove", ["folder", "files"])
def test_data_sets_give_examples_whose_features_are_known(pictures, tmp_path, remove):
    (tmp_path / "data.csv").write_text("image,caption\ngreen.png,a green thing\nblue.png,a blue thing\n")
    spec = f"csv:file={tmp_path / 'data.csv'},images={pictures}"
    there = load(spec, "train")
    if remove == "folder":
        pictures.rename(tmp_path / "elsewhere")
        with pytest.raises(ValueError, match="neither a folder nor a"):
            load(spec, "train")
    else:
        (pictures / "green.png").unlink()
        assert names(load(spec, "train")) == ["blue.png"]
    assert load(spec, "train", {"green.png", "blue.png"}) == there
    assert names(load(spec, "train", {"green.png"}))[0] == "green.png"


def test_online_features_are_the_kept_ones(clip, some, tmp_path):
    kept = FeatureStore.build(some, clip, tmp_path / "f")
    online = OnlineFeatures(some[2:], clip, FeatureStore.build(some[:2], clip, None))
    for ids in (names(some)[4:7], names(some)[:2], names(some)[2:4]):
        torch.testing.assert_close(online[ids], kept[ids], rtol=2e-3, atol=2e-3)  # another batch rounds otherwise


def test_online_features_pass_over_what_is_gone_or_broken_and_stop_at_what_breaks_later(clip, some):
    some[3].image.unlink()
    some[4].image.write_bytes(b"no picture")
    online = OnlineFeatures(some[2:], clip, FeatureStore.build(some[:2], clip, None))
    assert online.skipped.keys() == {some[3].id, some[4].id}
    some[2].image.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="no picture of a known format; remove it from the data, or type --features"):
        online[[some[2].id]]


def test_content_is_not_the_name(some, tmp_path):
    copy = tmp_path / "copy.png"
    copy.write_bytes(some[0].image.read_bytes())
    assert content_key(copy) == content_key(some[0].image) and image_key(copy) != image_key(some[0].image)
    assert content_key(copy) == sha256(copy.read_bytes()).hexdigest()
