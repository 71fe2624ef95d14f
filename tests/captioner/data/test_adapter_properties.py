"""Whatever the names, texts, ids and order: what goes into a folder, archive, shard or table comes out or is named."""

from __future__ import annotations

import json
import os
import random
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.data import without_blanks
from captioner.data.adapters.folders import folder
from captioner.data.adapters.hf_rows import Names
from captioner.data.adapters.shard_samples import examples, grouped, neighbours
from captioner.data.adapters.webdataset import webdataset
from captioner.data.folder_tree import tree
from captioner.data.left_out import LeftOut
from captioner.data.picture_files import is_left_alone, is_picture
from captioner.data.picture_lookup import Pictures
from metric.example import Example
from metric.images import InMemory
from metric.storage.text_lines import text_lines
from tests.odd_files import tar_of, zip_of

JPEG = b"\xff\xd8\xff\xe0"
few = settings(max_examples=25, deadline=None, derandomize=True)
stems = st.sampled_from(["a", "B", "1", "1.2", "a.1", "_", "é 犬", "İ", ".1", "a.", "._a", "a b.jpg"])
endings = st.sampled_from([".jpg", ".PNG", ".txt", ".TXT", ".caption", ".json", "", ".mp4", ".jpg.txt", ".cls", ".zip"])
folders = st.sampled_from(["", "", "x/", "10_dog/", "x.y/"])
names = st.builds(lambda *parts: "".join(parts), folders, stems, endings)
captions = st.one_of(
    st.text("ab \n\r\u2028\x85\ufeff犬", max_size=6).map(str.encode),
    st.binary(max_size=6),
    st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)).map(
        lambda value: json.dumps({"caption": value}).encode()
    ),
)
archives = st.dictionaries(names, captions, min_size=1, max_size=8).map(
    lambda files: {name: JPEG if is_picture(name) else content for name, content in files.items()}
)


def accounted(files: dict[str, bytes], items: list[Example | LeftOut]) -> None:
    """Every picture is an example or named; every text is a caption or named; nothing else appears."""
    shown = [item.id for item in items if isinstance(item, Example)]
    told = Counter(item.id for item in items if isinstance(item, LeftOut))
    assert len(shown) == len(set(shown))
    assert {name for name in files if is_picture(name)} <= {*shown, *told}
    assert {*shown} <= {*files}
    said = {
        line for item in items if isinstance(item, Example) for text in item.references for line in text_lines(text)
    }
    for name, content in files.items():
        if name.lower().endswith((".txt", ".caption")) and not is_left_alone(name):
            stem = name.rpartition(".")[0]
            key = name[: name.find(".", name.rfind("/") + 2)]
            lines = {line for line in text_lines(content.decode("utf-8-sig", "replace")) if line.strip()}
            named = any(id.startswith((stem, key)) or stem.startswith(id) for id in told)
            assert lines <= said or named


def read_or_nothing(read) -> list[Example | LeftOut]:
    """What an adapter gives; nothing for data without a picture, which it refuses in a line."""
    try:
        return [item for items in read for item in without_blanks(items)]
    except ValueError as error:
        assert "no picture" in str(error) and "\n" not in str(error)
        return []


@few
@given(archives)
def test_a_zip_gives_or_names_all_its_files(files):
    with tempfile.TemporaryDirectory() as root:
        zip_of(Path(root) / "a.zip", files.items())
        if any(map(is_picture, files)):
            accounted(files, read_or_nothing(folder("train", f"{root}/a.zip")))


@few
@given(archives, st.randoms(use_true_random=False))
def test_a_shard_gives_or_names_all_its_files_in_any_order(files, rng: random.Random):
    with tempfile.TemporaryDirectory() as root:
        order = list(files.items())
        rng.shuffle(order)
        one = list(webdataset("train", tar_of(Path(root) / "1.tar", order)))
        accounted(files, [item for found in one for item in without_blanks(found)])
        two = list(webdataset("train", tar_of(Path(root) / "2.tar", sorted(order))))
    pictures = [name.rpartition(".")[0] for name in files if is_picture(name)]
    single = len(set(pictures)) == len(pictures) and len({name.lower() for name in files}) == len(files)
    if single and all(Path(name).name.count(".") == 1 for name in files):
        assert captions_of(one) == captions_of(two)


def captions_of(items: list[Example | LeftOut]) -> dict[str, tuple[str, ...]]:
    return {item.id: item.references for item in items if isinstance(item, Example)}


@few
@given(archives)
def test_a_stream_gives_what_a_sorted_shard_gives(files):
    members = [InMemory(name, files[name]) for name in sorted(files)]
    streamed = list(neighbours(members, "pipe:x"))
    lost = [item for item in streamed if isinstance(item, LeftOut)]
    samples = [item for item in streamed if isinstance(item, tuple)]
    if not any("not sorted" in item.reason for item in lost):
        assert samples == [item for item in grouped((one.name, one) for one in members) if isinstance(item, tuple)]
    found = [*lost, *(item for sample in samples for item in examples(*sample, "train", "", "pipe:x", ""))]
    assert {name for name in files if is_picture(name)} <= {item.id for item in found}


@few
@given(st.lists(st.tuples(names, st.binary(max_size=3)), max_size=8))
def test_members_that_come_twice_are_one_or_named(members):
    with tempfile.TemporaryDirectory() as root:
        items = list(webdataset("train", tar_of(Path(root) / "1.tar", members)))
    contents: dict[str, set[bytes]] = {}
    for name, content in members:
        contents.setdefault(name, set()).add(content)
    told = {item.id for item in items if isinstance(item, LeftOut)}
    assert {name for name, different in contents.items() if len(different) > 1} <= told


@few
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.none())))
def test_any_id_of_a_record_is_text_or_named(id):
    files = {
        "jpg": InMemory("1.jpg", JPEG),
        "json": InMemory("1.json", json.dumps({"id": id, "caption": "x"}).encode()),
    }
    (item,) = [each for found in examples("1", files, "train", "", "x.tar", "") for each in without_blanks(found)]
    assert isinstance(item, Example) == (not isinstance(id, (bool, list))) and item.id
    item.id.encode()


@few
@given(st.lists(st.tuples(st.sampled_from("ab"), st.binary(max_size=1), st.booleans()), max_size=12))
def test_rows_have_one_id_where_name_and_bytes_are_one(rows):
    known = Names()
    ids: dict[tuple[str, bytes], set[str]] = {}
    for number, (name, content, _) in enumerate(rows):
        ids.setdefault((name, content), set()).add(known.id(name, InMemory(name, content), f"train-{number}"))
    assert all(len(one) == 1 for one in ids.values()) and len(set().union(*ids.values())) == len(ids)


@few
@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "a", "b", "c"]), max_size=4),
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd.")), max_size=4),
)
def test_any_links_between_folders_end_and_show_each_file_once(parents, links):
    with tempfile.TemporaryDirectory() as text:
        root = Path(text)
        made = {name: root / (parents[name] if parents[name] != name else "") / name for name in sorted(parents)}
        for path in made.values():
            path.mkdir(parents=True, exist_ok=True)
            (path / "1.jpg").touch()
        for number, (source, target) in enumerate(links):
            if source in made and target in {*made, "."}:
                (made[source] / f"link{number}").symlink_to(made.get(target, root))
        files, lost = tree(root)
        real = [os.path.realpath(path) for path in files.values()]
        assert not lost and len(real) == len(set(real)) == len(list(root.rglob("1.jpg")))


@few
@given(st.sets(names, min_size=1, max_size=6))
def test_a_file_is_found_by_its_own_name(names):
    with tempfile.TemporaryDirectory() as root:
        with zipfile.ZipFile(Path(root) / "a.zip", "w") as archive:
            for name in names:
                archive.writestr(name, name)
        pictures = Pictures(Path(root) / "a.zip")
        assert [pictures.find(name).data.decode() for name in sorted(names)] == sorted(names)  # type: ignore[union-attr]
