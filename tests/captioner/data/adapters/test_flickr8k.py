from __future__ import annotations

from pathlib import Path

import pytest

from captioner.data import load
from tests.places import FLICKR8K

REAL = FLICKR8K
SIZES = {"train": 6000, "val": 1000, "test": 1000}


@pytest.fixture
def root(tmp_path) -> Path:
    """Two photographs for training, one for each of the others, in the layout of the original archive."""
    (tmp_path / "Images").mkdir()
    lines = []
    for name in ("b.jpg", "a.jpg", "v.jpg", "t.jpg"):
        (tmp_path / "Images" / name).touch()
        lines += [f"{name}#{n}\tA picture {name[0]} , told {n} ." for n in range(5)]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join([*lines, ""]))
    (tmp_path / "Flickr_8k.trainImages.txt").write_text("b.jpg\na.jpg\n\n")
    (tmp_path / "Flickr_8k.devImages.txt").write_text("v.jpg\n")
    (tmp_path / "Flickr_8k.testImages.txt").write_text("t.jpg")
    return tmp_path


def test_splits_are_the_lists_in_their_order(root):
    assert [example.id for example in load(f"flickr8k:root={root}", "train")] == ["b.jpg", "a.jpg"]
    assert [example.id for example in load(f"flickr8k:root={root}", "val")] == ["v.jpg"]
    (test,) = load(f"flickr8k:root={root}", "test")
    assert test.image == root / "Images" / "t.jpg"
    assert test.references == tuple(f"A picture t , told {n} ." for n in range(5))


def test_a_separator_of_unicode_is_a_part_of_its_caption(root):
    tokens = root / "Flickr8k.token.txt"
    tokens.write_text(tokens.read_text().replace("t , told 0", "t , told\u2028\u0085\x0b0"))
    (test,) = load(f"flickr8k:root={root}", "test")
    assert test.references[0] == "A picture t , told\u2028\u0085\x0b0 ." and len(test.references) == 5


def test_count_takes_the_first(root):
    assert [example.id for example in load(f"flickr8k:root={root},count=1", "train")] == ["b.jpg"]


def test_photographs_may_be_in_the_folder_of_the_other_archive(root):
    (root / "Images").rename(root / "Flicker8k_Dataset")
    (example,) = load(f"flickr8k:root={root}", "test")
    assert example.image == root / "Flicker8k_Dataset" / "t.jpg"


def test_what_is_missing_is_named(root):
    spec = f"flickr8k:root={root}"
    with pytest.raises(ValueError, match="train, val, test"):
        load(spec, "ood")
    (root / "Flickr_8k.testImages.txt").write_text("x.jpg\n")
    with pytest.raises(ValueError, match="x.jpg, .* Flickr8k.token.txt has no caption of it"):
        load(spec, "test")
    (root / "Images" / "v.jpg").unlink()
    with pytest.raises(ValueError, match="no picture .*v.jpg"):
        load(spec, "val")
    (root / "Flickr8k.token.txt").unlink()
    with pytest.raises(ValueError, match="has a file Flickr8k.token.txt"):
        load(spec, "train")


@pytest.mark.skipif(not REAL.is_dir(), reason="Flickr8k is not beside the repository")
@pytest.mark.parametrize("split", SIZES)
def test_the_real_one_is_whole(split):
    examples = load(f"flickr8k:root={REAL}", split)
    assert len(examples) == len({example.id for example in examples}) == SIZES[split]
    assert all(len(example.references) == 5 and example.image.is_file() for example in examples)


@pytest.mark.skipif(not REAL.is_dir(), reason="Flickr8k is not beside the repository")
def test_its_splits_share_no_photograph():
    ids = [example.id for split in SIZES for example in load(f"flickr8k:root={REAL}", split)]
    assert len(set(ids)) == sum(SIZES.values())
