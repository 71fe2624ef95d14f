from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from webdataset.tariterators import group_by_keys, tar_file_expander

from captioner.data import load, parts, read, split_names, stream
from captioner.data.adapters.webdataset import samples, webdataset
from captioner.data.left_out import LeftOut
from metric.example import Example, open_image
from metric.images import InMemory, InTar
from metric.positives import shards
from tests.odd_files import picture


def shard(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture
def jpeg(photographs) -> bytes:
    return (photographs / "b.jpg").read_bytes()


@pytest.fixture
def odd(tmp_path, jpeg) -> Path:
    """What webdataset's own rules decide: dots, folders, capitals, files without a picture, names of its own."""
    members = {
        "__index__": b"x",
        "a/1.jpg": jpeg,
        "a/1.txt": b"one",
        "a/1.cls": b"3",
        "a/2.x.json": b"{}",
        "a/2.JPG": jpeg,
        "a/2.json": json.dumps({"caption": "two", "url": "http://x"}).encode(),
        "b.c/1.jpeg": jpeg,
        "b.c/1.txt": b"three\nfour\n",
        "README": b"no ending",
        "5.txt": b"no picture",
    }
    return shard(tmp_path / "odd-0.tar", members)


def test_samples_are_those_of_webdataset(odd):
    with odd.open("rb") as file:
        theirs = list(group_by_keys(tar_file_expander([{"url": "", "stream": file}])))
    ours = [
        {"__key__": key, **{ending: member.data for ending, member in sample.items()}}
        for key, sample in samples(str(odd))
    ]
    assert ours == [{name: value for name, value in sample.items() if name != "__url__"} for sample in theirs]


@pytest.mark.parametrize("url", ["{path}", "pipe:cat {path}", "pipe:gzip -c {path}", "file:{path}"])
def test_shards_on_the_disk_and_through_a_pipe_are_alike(odd, url):
    found = list(read(url.format(path=odd) if ":" in url else f"webdataset:shards={odd}", "train"))
    examples = [each for each in found if isinstance(each, Example)]
    assert [(example.id, example.references) for example in examples] == [
        ("a/1.jpg", ("one",)),
        ("a/2.JPG", ("two",)),
        ("b.c/1.jpeg", ("three", "four")),
    ]
    assert [each.id for each in found if isinstance(each, LeftOut)] == ["5"]
    assert all(isinstance(each.image, InMemory if url.startswith("pipe") else InTar) for each in examples)
    assert {open_image(example.image).size for example in examples} == {(24, 16)}


def test_a_separator_of_unicode_is_a_part_of_its_caption(tmp_path, jpeg):
    path = shard(tmp_path / "x-0.tar", {"1.jpg": jpeg, "1.txt": "a dog\u2028on the beach\r\na cat".encode()})
    assert load(str(path), "train")[0].references == ("a dog\u2028on the beach", "a cat")


def test_text_with_a_byte_order_mark_is_read_and_other_text_is_named(tmp_path, jpeg):
    members = {"1.jpg": jpeg, "1.txt": "\ufeffa dog".encode(), "2.jpg": jpeg, "2.txt": "un caf\xe9".encode("latin-1")}
    first, second, lost = read(str(shard(tmp_path / "x-0.tar", members)), "train")
    assert (first.references, second.references) == (("a dog",), ())
    assert lost == LeftOut("2.jpg", "its .txt is no UTF-8 text", "caption")


def test_braces_are_many_shards_in_order(tmp_path, jpeg):
    for number in range(12):
        shard(tmp_path / f"x-{number:02d}.tar", {f"{number}.jpg": jpeg, f"{number}.txt": b"x"})
    for pattern in f"{tmp_path}/x-{{00..11}}.tar", f"pipe:cat {tmp_path}/x-{{00..11}}.tar", str(tmp_path):
        assert [example.id for example in load(pattern, "train")] == [f"{number}.jpg" for number in range(12)]


def test_stream_opens_a_shard_when_it_comes_to_it(tmp_path, jpeg):
    shard(tmp_path / "x-0.tar", {"0.jpg": jpeg, "0.txt": b"x"})
    examples = stream(f"pipe:cat {tmp_path}/x-{{0..1}}.tar", "train")
    assert next(examples).id == "0.jpg"
    shard(tmp_path / "x-1.tar", {"1.jpg": jpeg, "1.txt": b"x"})  # not there before
    assert [example.id for example in examples] == ["1.jpg"]


def test_split_is_in_the_name_of_a_shard_or_in_its_json(tmp_path, jpeg):
    shard(tmp_path / "train-0.tar", {"0.jpg": jpeg, "0.txt": b"x"})
    shard(tmp_path / "val-0.tar", {"1.jpg": jpeg, "1.txt": b"x"})
    for spec in str(tmp_path), f"webdataset:shards={tmp_path}/{{split}}-{{0..0}}.tar":
        assert split_names(spec) == ["train", "val"]
        assert [example.id for example in load(spec, "val")] == ["1.jpg"]
    rows = [json.dumps({"captions": ["x"], "split": split, "id": split}).encode() for split in ("train", "val")]
    one = shard(tmp_path / "one.tar", {"0.jpg": jpeg, "0.json": rows[0], "1.jpg": jpeg, "1.json": rows[1]})
    assert [example.id for example in read(f"webdataset:shards={one}", "val")] == ["val"]


def test_a_folder_has_every_shard_that_may_be_typed_and_names_the_others(tmp_path, jpeg):
    (tmp_path / "sub").mkdir()
    for name in ("a.tar", "b.tar.gz", "c.tgz", "D.TAR", "sub/e.tar", "f.tar.bz2", "._a.tar", "val.tar", "sub/val.tar"):
        path = shard(tmp_path / name, {f"{name[:1]}.jpg": jpeg, f"{name[:1]}.txt": b"x"})
        if name.endswith("gz"):
            path.write_bytes(gzip.compress(path.read_bytes()))
    items = [*read(f"webdataset:shards={tmp_path}", "train")]
    assert sorted(item.id for item in items if isinstance(item, Example)) == ["D.jpg", "a.jpg", "b.jpg", "c.jpg"]
    lost = [item for item in items if isinstance(item, LeftOut)]
    assert lost == [
        LeftOut("f.tar.bz2", "shards that end in .bz2 are not read; pack it as .tar or .tar.gz", "shard"),
        LeftOut("sub/e.tar", "a shard in a subfolder is not read; give its own path", "shard"),
    ]
    assert [item for part in parts(str(tmp_path), "train") for item in part()] == items
    ids = [item.id for item in read(f"webdataset:shards={tmp_path},ids=shards", "train") if isinstance(item, Example)]
    assert sorted(ids) == ["D/D.jpg", "a/a.jpg", "b/b.jpg", "c/c.jpg"]


def test_a_record_of_another_split_than_its_shard_is_left_out_and_told(tmp_path, jpeg):
    record = json.dumps({"captions": ["x"], "split": "test"}).encode()
    shard(tmp_path / "val-0.tar", {"0.jpg": jpeg, "0.txt": b"x", "1.jpg": jpeg, "1.json": record})
    first, second = read(str(tmp_path), "val")
    assert first.id == "0.jpg"
    assert isinstance(second, LeftOut) and "has the split 'test'" in second.reason and "'val'" in second.reason


@pytest.mark.parametrize("url", ["{path}", "pipe:cat {path}"])
def test_shard_that_breaks_off_gives_what_came_before(tmp_path, jpeg, url):
    members = {f"{n}.{ending}": jpeg if ending == "jpg" else b"x" for n in range(9) for ending in ("jpg", "txt")}
    path = shard(tmp_path / "x.tar", members)
    path.write_bytes(path.read_bytes()[:5000])
    *before, last = read(f"webdataset:shards={url.format(path=path)}", "train")
    assert before and all(isinstance(each, Example) for each in before)
    assert isinstance(last, LeftOut) and last.kind == "shard" and "x.tar" in last.id


def test_pipe_that_fails_is_a_shard_left_out(tmp_path, jpeg):
    shard(tmp_path / "x-0.tar", {"0.jpg": jpeg, "0.txt": b"x"})
    first, second = read(f"pipe:cat {tmp_path}/x-{{0..1}}.tar", "train")
    assert isinstance(first, Example) and isinstance(second, LeftOut) and second.kind == "shard"
    with pytest.raises(ValueError, match="no picture of the split"):
        load(f"pipe:false {tmp_path}/x.tar", "train")


def test_a_shard_of_positives_shows_pictures_as_the_data_do(tmp_path):
    """Turned as EXIF says, and with white paper where they are transparent."""
    turned, clear = Image.new("RGB", (30, 20), "red"), Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    turned.paste("blue", (0, 0, 10, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees clockwise
    turned.save(tmp_path / "0.jpg", exif=exif)
    clear.save(tmp_path / "1.png")
    for number in "01":
        (tmp_path / f"{number}.json").write_text(json.dumps({"id": number}))
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards" / "0.tar", "w") as tar:
        for path in sorted(tmp_path.glob("[01].*")):
            tar.add(path, path.name)
    positives = [sample.image for sample in shards.read(shards.shards_in(tmp_path / "shards"))]
    data = [example.image for example in webdataset("train", str(tmp_path / "shards"))]
    assert [open_image(one).tobytes() for one in positives] == [open_image(one).tobytes() for one in data]
    upright, paper = map(open_image, positives)
    assert upright.size == (20, 30) and upright.getpixel((10, 2))[2] > 200 and paper.getpixel((0, 0)) == (255,) * 3


def test_links_in_a_tar_are_names_of_their_files_and_those_that_lead_nowhere_are_named(tmp_path):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as tar:
        for name, target in (("0.jpg", "./9.jpg"), ("1.jpg", "gone.jpg"), ("x/2.jpg", "../9.jpg")):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
        entry = tarfile.TarInfo("3.jpg")
        entry.type = tarfile.FIFOTYPE
        tar.addfile(entry)
        for name, content in (("9.jpg", picture(9)), ("9.txt", b"a dog"), ("0.txt", b"a cat")):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    for spec in (f"webdataset:shards={path}", f"folder:root={path}"):
        items = [*read(spec, "train")]
        lost = {item.id: item.reason for item in items if isinstance(item, LeftOut)}
        assert lost == {"1.jpg": f"it is a link to gone.jpg, which {path} does not hold", "3.jpg": "it is no file"}
        shown = {item.id: item.references for item in items if isinstance(item, Example)}
        assert shown == {"0.jpg": ("a cat",), "9.jpg": ("a dog",), "x/2.jpg": ()}


@pytest.mark.parametrize("url", ["{path}", "pipe:cat {path}"])
def test_names_in_a_shard_are_without_the_folder_that_was_packed(tmp_path, jpeg, url):
    path = shard(tmp_path / "x.tar", {"./a/1.jpg": jpeg, "./a/1.txt": b"one"})
    assert [example.id for example in load(f"webdataset:shards={url.format(path=path)}", "train")] == ["a/1.jpg"]
