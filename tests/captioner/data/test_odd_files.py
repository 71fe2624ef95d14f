"""What people have is read, and what is not used is named: one test a kind of odd file."""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest

from captioner.cli import main
from captioner.data import DATA, load, read, split_names
from captioner.data.detect import recognise
from captioner.data.folder_tree import tree
from captioner.data.left_out import LeftOut
from captioner.data.picture_lookup import Pictures
from captioner.data.reference_files import read_references
from metric.example import Example, open_image
from tests import odd_files
from tests.odd_files import KOHYA, picture, row, samples, tar_of, text, zip_of

SIDECARS = {
    "1.jpg": ("a dog runs", "a brown dog"),
    "10_dog/2.png": ("a cat sits",),
    "3.jpg": ("a boat",),
    "alone.jpg": (),
}
FOUR = {"000000000": "caption 0", "000000001": "caption 1", "000000010": "caption 10", "000000011": "caption 11"}


def found(typed: str, split: str = "train") -> dict[str, tuple[str, ...]]:
    """Captions by id; every picture can be opened."""
    examples = [item for item in read(typed, split) if isinstance(item, Example)]
    assert all(open_image(example.image).size == (12, 8) for example in examples)
    assert max(Counter(example.id for example in examples).values()) == 1
    return {example.id: example.references for example in examples}


def left_out(typed: str, split: str = "train") -> dict[str, str]:
    """Reasons by id."""
    return {item.id: item.reason for item in read(typed, split) if isinstance(item, LeftOut)}


@pytest.mark.parametrize("maker", [odd_files.kohya, odd_files.kohya_zip, odd_files.kohya_tar])
def test_captions_beside_pictures_are_references(tmp_path, maker):
    typed = maker(tmp_path)
    assert found(typed) == SIDECARS and left_out(typed) == {}


def test_files_beside_pictures_that_are_none_are_named_with_what_to_do(tmp_path):
    typed = odd_files.odd_folder(tmp_path / "folder")
    assert found(typed) == SIDECARS | {"0012": (), "photo.jpg?width=200": ()}
    assert left_out(typed) == {
        "IMG.HEIC": "Pillow does not read .heic; save it as JPEG or PNG",
        "raw.CR2": ".cr2 is raw data of a camera; save it as JPEG",
        "film.mp4": ".mp4 is a video, not a picture",
        "note": "a file without an ending that does not begin as a picture",
        "lost.txt": "no picture has the name of this .txt",
    }
    zipped = zip_of(tmp_path / "zip" / "odd.zip", (KOHYA | odd_files.ODD).items())
    assert found(zipped) == found(typed) and left_out(zipped) == left_out(typed)


def test_a_folder_of_pictures_without_endings_is_read_by_their_content(tmp_path):
    assert list(found(odd_files.nameless(tmp_path))) == [f"{number:032x}" for number in range(3)]
    files = [(f"{number:032x}", picture(number)) for number in range(3)]
    assert len(found(tar_of(tmp_path / "a.tar", files))) == len(found(zip_of(tmp_path / "a.zip", files))) == 3


def test_linked_folders_are_followed_once_and_loops_end(tmp_path):
    typed = odd_files.linked(tmp_path)
    assert found(typed) == {"again/far.jpg": ("far away",), "near.jpg": ()}
    assert left_out(typed) == {"itself": "a link that leads nowhere"}


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    odd_files.kohya(tmp_path)
    scandir = os.scandir

    def refused(path):
        if Path(path).name == "10_dog":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert tree(tmp_path)[1] == [LeftOut("10_dog", "Permission denied", "folder")]
    assert set(found(str(tmp_path))) == {"1.jpg", "3.jpg", "alone.jpg"}


def test_a_named_pipe_is_not_waited_for(tmp_path):
    odd_files.kohya(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    assert left_out(str(tmp_path)) == {"pipe.jpg": "no ordinary file"}


@pytest.mark.parametrize(
    "maker, name",
    [
        (odd_files.img2dataset_tars, "{}.jpg"),
        (odd_files.img2dataset_files, "0000{1}/{0}.jpg"),
        (odd_files.img2dataset_parquet, "{}"),
    ],
)
def test_each_layout_of_img2dataset_is_read(tmp_path, maker, name):
    typed = maker(tmp_path)
    assert found(typed) == {name.format(key, int(key) // 10): (caption,) for key, caption in FOUR.items()}
    lost = {key: "the row has no picture" for key in ("000000002", "000000012")}
    assert left_out(typed) == (lost if maker is odd_files.img2dataset_parquet else {})


def test_a_local_tar_is_read_in_any_order_and_a_stream_says_what_to_do(tmp_path):
    typed = odd_files.unsorted_tar(tmp_path)
    assert found(typed) == {f"00000000{n}.jpg": (f"caption {n}",) for n in range(3)}
    assert left_out(typed) == {}
    url = f"pipe:cat {typed}"
    assert found(url) == {f"00000000{n}.jpg": () for n in range(3)}
    assert left_out(url) == {
        f"00000000{n}.{ending}": f"{url} is not sorted by name; pack it by tar --sort=name"
        for ending in ("json", "txt")
        for n in range(3)
    }


def test_a_member_twice_is_no_caption_of_another_picture(tmp_path):
    for number, maker in enumerate((odd_files.twice_tar, odd_files.twice_zip)):
        typed = maker(tmp_path / str(number))
        assert found(typed) == {"1.jpg": ("one",)}
        assert left_out(typed)["0.jpg"] == f"{typed} has several files of this name, and they differ"
    same = tar_of(tmp_path / "same.tar", [*samples(0, 1), *samples(0, 1)])
    assert found(same) == found(f"pipe:cat {same}") == {"000000000.jpg": ("caption 0",)}
    url = f"pipe:cat {odd_files.twice_tar(tmp_path / '2')}"
    assert found(url) == {"1.jpg": ("one",)} and "0.jpg" in left_out(url)


def test_shards_that_all_begin_at_zero_are_told_apart_or_refused_alike(tmp_path, capsys):
    typed = odd_files.from_zero(tmp_path)
    words = f"'0.jpg' twice, in {typed}/00000.tar and in {typed}/00001.tar; type webdataset:shards={typed},ids=shards"
    with pytest.raises(ValueError, match=words):
        load(typed, "train")
    assert main(["data", typed, "--strict"]) == 1
    out = capsys.readouterr().out
    assert f"'0.jpg' twice, in {typed}/00000.tar and in {typed}/00001.tar" in out and "ids=shards" in out
    apart = f"webdataset:shards={typed},ids=shards"
    assert found(apart) == {"00000/0.jpg": ("shard 0",), "00001/0.jpg": ("shard 1",)}
    assert main(["data", apart, "--strict"]) == 0
    with pytest.raises(ValueError, match="webdataset:ids must be one of names, shards, got 'x'"):
        load(f"webdataset:shards={typed},ids=x", "train")
    piped = f"pipe:cat {typed}/{{00000..00001}}.tar"
    with pytest.raises(ValueError, match="'0.jpg' twice, in pipe:cat .*00000.tar and in pipe:cat .*00001.tar"):
        load(piped, "train")


def test_dots_and_capitals_in_shards_keep_captions_at_their_pictures(tmp_path):
    typed = odd_files.dotted(tmp_path)
    expected = {
        "a.input.jpg": ("dots",),
        "IMG.1.jpg": ("first",),
        "IMG.2.jpg": ("second",),
        "B.JPG": ("capitals",),
        "c.jpg": ("segmented",),
    }
    for url in typed, f"pipe:cat {typed}":
        assert found(url) == expected
        assert left_out(url) == {"c.seg.png": "c.jpg is the picture of its sample"}


def test_one_text_of_several_pictures_is_named(tmp_path):
    files = {"a.left.jpg": picture(0), "a.right.jpg": picture(1), "a.txt": b"which?"}
    typed = tar_of(tmp_path / "a.tar", files.items())
    assert found(typed) == {"a.left.jpg": (), "a.right.jpg": ()} and set(left_out(typed)) == {"a.txt"}


def test_text_of_shards_is_read_as_all_text(tmp_path):
    typed = odd_files.texts_tar(tmp_path)
    assert found(typed) == {
        "0.jpg": ("a dog",),
        "1.jpg": ("a dog\u2028on grass\x85today\x0c",),
        "2.jpg": (),
        "3.jpg": ("a dog \ufffd runs",),
        "4.jpg": (),
    }
    reasons = left_out(typed)
    assert reasons["2.jpg"] == "its .txt is no UTF-8 text" and reasons["4.jpg"] == "the caption of its .json is blank"
    assert reasons["5.jpg"].startswith("its .json is not JSON")


def test_a_caption_with_a_line_break_is_one_caption(tmp_path):
    """img2dataset writes it to .txt and .json."""
    files = {"1.jpg": picture(1), "1.txt": b"a dog\non grass", "1.json": row(caption="a dog\non grass")}
    assert found(tar_of(tmp_path / "a.tar", files.items())) == {"1.jpg": ("a dog\non grass",)}
    assert found(odd_files.folder_of(tmp_path / "a", files)) == {"1.jpg": ("a dog\non grass",)}


def test_a_text_and_a_record_that_differ_are_named(tmp_path):
    files = {"1.jpg": picture(1), "1.txt": b"written later", "1.json": row(caption="downloaded")}
    shard, folder = tar_of(tmp_path / "a.tar", files.items()), odd_files.folder_of(tmp_path / "a", files)
    assert found(shard) == {"1.jpg": ("downloaded",)} and ".txt are not taken" in left_out(shard)["1.jpg"]
    assert found(folder) == {"1.jpg": ("written later",)} and ".json are not taken" in left_out(folder)["1.jpg"]


def test_a_record_with_a_key_twice_is_named(tmp_path):
    files = {
        "1.jpg": picture(1),
        "1.json": b'{"caption": "a dog", "caption": "a cat"}',
        "2.jpg": picture(2),
        "2.txt": b"two",
    }
    for typed in tar_of(tmp_path / "a.tar", files.items()), odd_files.folder_of(tmp_path / "a", files):
        assert left_out(typed)["1.jpg"].startswith("in its .json the key 'caption' stands twice in {\"caption\"")
    assert found(typed) == {"1.jpg": (), "2.jpg": ("two",)}


@pytest.mark.parametrize("maker", [odd_files.imagefolder, odd_files.imagefolder_parquet, odd_files.class_folders])
def test_folders_called_after_splits_are_splits(tmp_path, maker):
    typed = maker(tmp_path)
    first, *others = split_names(typed)
    assert first == "train" and others == (["val"] if maker is odd_files.imagefolder_parquet else ["test"])
    with pytest.raises(ValueError, match=f"has the splits train, {others[0]}, got 'ood'; type --split with one"):
        load(typed, "ood")


@pytest.mark.parametrize("packed", [tar_of, zip_of])
def test_an_archive_of_a_whole_folder_has_its_splits(tmp_path, packed):
    files = [(f"./{split}/{split}.jpg", picture(n)) for n, split in enumerate(("train", "test"))]
    archive = packed(tmp_path / f"a.{packed.__name__[:3]}", [*files, ("./test/test.txt", b"a dog")])
    typed = f"folder:root={archive}"
    assert split_names(typed) == ["train", "test"]
    assert found(typed) == {"train/train.jpg": ()} and found(typed, "test") == {"test/test.jpg": ("a dog",)}


def test_a_link_in_a_tar_of_a_whole_folder_finds_its_file(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for name, kind, target in (("./1.jpg", tarfile.SYMTYPE, "2.jpg"), ("./3.jpg", tarfile.LNKTYPE, "./2.jpg")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
        entry = tarfile.TarInfo("./2.jpg")
        entry.size = len(picture(2))
        tar.addfile(entry, BytesIO(picture(2)))
    assert set(found(str(path))) == {"1.jpg", "2.jpg", "3.jpg"} and not left_out(str(path))


def test_imagefolder_with_splits_has_its_captions(tmp_path):
    typed = odd_files.imagefolder(tmp_path)
    assert found(typed) == {f"train/{number}.jpg": (f"picture {number}",) for number in range(3)}
    assert found(typed, "test") == {"test/deep/9.jpg": ("nine",)}
    lost = {"train/gone.jpg": f"it is not in {typed}/train", "train/3.jpg": "no metadata names it"}
    assert left_out(typed) == lost
    (tmp_path / "2").mkdir()
    typed = odd_files.imagefolder_parquet(tmp_path / "2")
    assert found(typed, "validation") == found(typed, "val") == {"validation/a.jpg": ("in validation",)}


def test_metadata_above_the_folders_of_splits_is_of_each(tmp_path):
    files = {f"{split}/1.jpg": picture(number) for number, split in enumerate(("train", "test"))}
    lines = [row(file_name=name, text=f"in {name}") for name in files]
    typed = odd_files.folder_of(tmp_path, files | {"metadata.jsonl": b"\n".join(lines)})
    assert found(typed, "train") == {"train/1.jpg": ("in train/1.jpg",)} and left_out(typed, "train") == {}
    assert found(typed, "test") == {"test/1.jpg": ("in test/1.jpg",)}


@pytest.mark.parametrize("maker", [odd_files.rooms_saved, odd_files.rooms_parquet])
@pytest.mark.parametrize("streaming", ["0", "1"])
def test_pictures_of_one_file_name_stay_several(tmp_path, maker, streaming):
    typed = maker(tmp_path)
    captions = found(f"hf:path={typed},streaming={streaming}")
    assert sorted(captions.values()) == [(f"room {number}",) for number in range(4)]
    assert list(captions)[0] == "view.jpg" and list(captions)[1].endswith("-00000001")


def test_a_picture_and_a_pattern_are_data(tmp_path):
    odd_files.kohya(tmp_path)
    assert found(f"folder:root={tmp_path}/1.jpg") == {"1.jpg": SIDECARS["1.jpg"]}
    typed = f"folder:root={tmp_path}/*/*.png"
    assert found(typed) == {"10_dog/2.png": ("a cat sits",)} and left_out(typed) == {}
    with pytest.raises(ValueError, match="no file matches"):
        load(f"folder:root={tmp_path}/*.gif", "train")


def test_texts_of_another_folder_are_captions(tmp_path):
    """As `captioner caption --format txt --out DIR` writes them."""
    odd_files.folder_of(tmp_path / "photos", {"a/1.jpg": picture(1), "2.jpg": picture(2)})
    typed = odd_files.folder_of(tmp_path / "texts", {"a/1.txt": text("one"), "3.txt": text("three")})
    spec = f"folder:root={tmp_path}/photos,captions={typed}"
    assert found(spec) == {"a/1.jpg": ("one",), "2.jpg": ()} and set(left_out(spec)) == {"3.txt"}


def test_a_folder_of_texts_has_every_ending_and_link_and_names_the_rest(tmp_path):
    photos = odd_files.folder_of(
        tmp_path / "p", {f"{n}.jpg": picture(n) for n in (0, 1, 2, 3)} | {"license.jpg": picture(4)}
    )
    files = {"0.txt": "zero", "1.TXT": "one", "2.caption": "two", ".hid.txt": "hidden", "readme.txt": "about"}
    files |= {"0.caption": "zero\nnought", "license.txt": "a plate", "0.json": "{}", ".git": "", "0.jpg.txt": "also"}
    folder = Path(odd_files.folder_of(tmp_path / "t", {name: text(said) for name, said in files.items()}))
    odd_files.folder_of(tmp_path / "linked", {"3.txt": text("three")})
    (folder / "sub").symlink_to(tmp_path / "linked")
    told = {"0": ("zero", "nought", "also"), "1": ("one",), "2": ("two",), "license": ("a plate",), "sub/3": ("three",)}
    typed = f"texts:root={folder},images={photos}"
    assert found(typed) == told and set(left_out(typed)) == {"readme.txt", "0.json"}
    assert all(item.kind == "file" for item in read(typed, "train") if isinstance(item, LeftOut))
    del told["license"]  # without pictures a file of this name is about the folder
    alone = {"0": ("zero", "nought"), "0.jpg": ("also",)}
    assert {item.names[0]: item.references for item in read_references(str(folder), "train")} == told | alone


def test_an_archive_that_breaks_off_gives_what_came_before(tmp_path):
    path = Path(tar_of(tmp_path / "a.tar", [(f"{number}.jpg", picture(number)) for number in range(9)]))
    path.write_bytes(path.read_bytes()[:4000])
    assert recognise(str(path), DATA).format == "folder"
    items = list(read(str(path), "train"))
    assert [item.id for item in items if isinstance(item, LeftOut)] == [str(path)] and len(items) > 2


def test_a_table_that_cannot_be_read_does_not_stop_its_folder(tmp_path, capsys):
    typed = odd_files.kohya(tmp_path)
    (tmp_path / "list.csv").write_bytes("image,caption\n1.jpg,un caf\xe9\n".encode("latin-1"))
    (tmp_path / "list.json").write_bytes(b'{"images": [')
    assert found(typed) == SIDECARS and set(left_out(typed)) == {"list.csv", "list.json"}
    assert main(["data", typed]) == 0
    assert "list.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "1.jpg",
        "1.JPG",
        ".\\Sub\\1.jpg",
        "sub/1.jpg",
        "1",
        "SUB/1",
        "old/place/1.jpg",
        "a/sub/1.jpg",
        "down/a/sub/1.jpg",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_name_of_a_table_that_means_one_picture_finds_it(tmp_path, name, packed):
    files = {
        "down/a/sub/1.JPG": picture(1),
        "down/a/sub/2.jpg": picture(2),
        "down/1.txt": b"",
        "down/b/2.jpg": picture(3),
    }
    place = Path(zip_of(tmp_path / "a.zip", files.items()) if packed else odd_files.folder_of(tmp_path / "a", files))
    found = Pictures(place).find(name)
    assert found is not None and open_image(found).getpixel((0, 0)) == pytest.approx((37, 91, 200), abs=4)
    pictures = Pictures(place)
    assert pictures.find("3.jpg") is None and pictures.find("1.png") is None and pictures.find("2.jpg") is None
    lost = pictures.example("2", ("2.jpg",), ())
    assert isinstance(lost, LeftOut) and lost.reason == f"2 pictures in {place} may be meant"
    assert pictures.find("b/2.jpg") is not None
