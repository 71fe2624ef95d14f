from __future__ import annotations

import json
import random
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageColor

from metric.example import Example
from metric.positives.config import FilterConfig, GenerationConfig, check
from metric.positives.filter import read_about, select
from metric.positives.generate import generate
from metric.positives.shards import Sample, join, pack, part_path, read, shards_in
from metric.positives.sources import RecordedPositives, positives_for
from metric.positives.units import units_of
from metric.runtime.work_share import WHOLE, Share
from metric.storage.atomic_files import write_bytes

COLOURS = ("red", "green", "blue", "white", "black", "orange", "purple")
CONFIG = GenerationConfig(text="echo", image="paint", per_picture=2, batch_size=2, shard_size=5, seed=3)
FAITHFUL = FilterConfig()


class Stop(Exception):
    pass


class Echo:
    """Says the colour it sees, and stops where a kill is wanted."""

    facts = {"model": "echo"}

    def __init__(self, after: int = 1000) -> None:
        self.left, self.batches = after, 0

    def __call__(self, units, pictures) -> list[str]:
        if self.batches == self.left:
            raise Stop
        self.batches += 1
        return ["" if unit.example.id == "black.png" else f"#{pictures[0].size}" for unit in units]


class Paint:
    """Noise by the unit's seed; withholds what is purple."""

    suffix, facts = "png", {"model": "paint"}

    def __call__(self, units) -> list[Image.Image | None]:
        noise = [Image.frombytes("RGB", (8, 8), random.Random(unit.seed).randbytes(192)) for unit in units]
        return [None if "purple" in unit.caption else picture for unit, picture in zip(units, noise)]


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    """Seven pictures with two captions each, but the orange one has none and the white one cannot be read."""
    (tmp_path / "data").mkdir()
    for colour in COLOURS:
        Image.new("RGB", (4, 4), ImageColor.getrgb(colour)).save(tmp_path / "data" / f"{colour}.png")
    (tmp_path / "data" / "white.png").write_bytes(b"nothing")
    captions = {c: () if c == "orange" else (f"a {c} wall", f"some {c} paint") for c in COLOURS}
    return [Example(f"{c}.png", tmp_path / "data" / f"{c}.png", captions[c]) for c in COLOURS]


Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_sheet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all the rest."""
    if "sheet" not in request.node.name:
        monkeypatch.setattr("metric.positives.generate.contact_sheet", lambda out, examples: None)


@pytest.fixture
def make(examples: list[Example], tmp_path: Path) -> Make:
    def run(name: str, config=CONFIG, filtering=FAITHFUL, share=WHOLE, text=None) -> Path:
        out = tmp_path / name
        makers = lambda: (text or Echo(), Paint())  # noqa: E731
        generate(config, filtering, examples, "walls (train)", out, makers, torch.device("cpu"), share)
        return out

    return run


def contents(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in shards_in(out)}


def test_any_number_of_processes_gives_the_same_files(make: Make, capsys: pytest.CaptureFixture) -> None:
    whole = make("whole")
    for index in (3, 1, 2):
        shared = make("shared", share=Share(index, 3))
        waiting = "are still made by other processes" in capsys.readouterr().out
        assert waiting == (index != 2)
    assert len(contents(whole)) == 3  # 14 units, five a shard
    assert contents(shared) == contents(whole) and read_about(shared) == read_about(whole)


@pytest.mark.parametrize("after", range(6))  # of eight batches, two have nothing to caption
def test_whatever_batch_a_kill_meets_nothing_is_lost_or_doubled(make: Make, after: int) -> None:
    whole = make("whole")
    with pytest.raises(Stop):
        make("broken", text=Echo(after))
    rest = Echo()
    assert contents(make("broken", text=rest)) == contents(whole)
    assert rest.batches == 6 - after  # what was made is not made again
    keys = [sample.key for sample in read(shards_in(whole))]
    assert keys == [f"{number:09d}" for number in range(14)]
    assert {path.name for path in whole.iterdir()} == {*contents(whole), "positives.json"}


def test_half_written_files_of_a_killed_process_count_for_nothing(make: Make, tmp_path: Path) -> None:
    whole, out = make("whole"), tmp_path / "broken"
    with pytest.raises(Stop):
        make("broken", text=Echo(1))
    part = part_path(out, 0, 1)
    halves = [part.with_name(f".new-{part.name}.99"), out / ".new-shard-000000.tar.99"]
    for half in halves:
        half.write_bytes(b"half")
    assert contents(make("broken")) == contents(whole) and not part.parent.exists() and not halves[1].exists()


def test_webdataset_reads_the_shards(make: Make) -> None:
    theirs = pytest.importorskip("webdataset.tariterators")
    for shard in shards_in(make("out")):
        with shard.open("rb") as file:
            samples = list(theirs.group_by_keys(theirs.tar_file_expander([{"url": str(shard), "stream": file}])))
        for sample, ours in zip(samples, read([shard]), strict=True):
            assert sample["__key__"] == ours.key and json.loads(sample["json"]) == ours.record
            assert sample.get("txt", b"").decode() == (ours.text or "") and ("png" in sample) == (
                ours.image is not None
            )


def test_a_sample_says_where_it_is_from(make: Make) -> None:
    red, again, *_ = read(shards_in(make("out", replace(CONFIG, image_prompt="a photo of {caption}"))))
    seeds = [unit.seed for unit in units_of([Example("red.png", Path("x"), ("t",))], 2, 3)]
    assert red.record == {
        **{"id": "red.png", "n": 0, "caption": "a red wall", "seed": seeds[0], "data": "walls (train)"},
        "text": {"model": "echo", "similarity": None},
        "image": {"model": "paint", "prompt": "a photo of a red wall", "similarity": None},
    }
    assert again.record["caption"] == "some red paint" and again.record["seed"] == seeds[1] != seeds[0]
    assert again.text is None and red.image and again.image
    assert red.image.draw().tobytes() != again.image.draw().tobytes()


def test_what_could_not_be_made_is_counted_by_its_reason(make: Make, capsys: pytest.CaptureFixture) -> None:
    found = read_about(make("out"))["filter"]
    assert found["text"]["made"] == 5 and found["image"]["made"] == 10
    assert found["text"]["skipped"] == {"unreadable picture": 1, "empty caption": 1}
    assert found["image"]["skipped"] == {"no caption": 2, "withheld by the safety checker": 2}
    said = capsys.readouterr().out
    assert "captions t': 5 made, 0 dropped (0.0 %; no filter), 1 not made: unreadable picture" in said


def measured(values: list[float]) -> list[Sample]:
    return [Sample(str(n), {"id": str(n), "text": {"similarity": value}}) for n, value in enumerate(values)]


def test_the_filter_drops_a_share_or_what_is_below_a_threshold() -> None:
    samples = measured([0.3, 0.1, 0.2, 0.5, 0.4])
    by_share = select(samples, FilterConfig(drop=0.5))["text"]  # two of five
    assert (by_share["threshold"], by_share["dropped"], by_share["share"]) == (0.3, 2, 0.4)
    by_threshold = select(samples, FilterConfig(min_similarity=0.2))["text"]
    assert (by_threshold["threshold"], by_threshold["dropped"], by_threshold["share"]) == (0.2, 1, 0.2)
    assert select(samples, FAITHFUL)["text"]["dropped"] == 0


def recorded(folder: Path, rows: list[tuple[dict, bool]], about: dict | None = None) -> Path:
    """A shard of the rows, with a picture of the row's number where it says so."""
    files = []
    for number, (record, picture) in enumerate(rows):
        if picture:
            Image.new("RGB", (2, 2), (number, 0, 0)).save(folder / "x.png")
            files.append((f"{number}.png", (folder / "x.png").read_bytes()))
        files += [(f"{number}.txt", record["said"].encode())] if "said" in record else []
        files.append((f"{number}.json", json.dumps(record).encode()))
    write_bytes(part_path(folder, 0, 0), pack(files))
    join(folder, 0, 1)
    if about:
        (folder / "positives.json").write_text(json.dumps(about))
    return folder


A, B, C = (Example(name, Path(name), ("one", "two")) for name in "abc")


def test_the_picture_made_from_the_drawn_caption_comes_first(tmp_path: Path) -> None:
    rows = [
        ({"id": "a", "caption": "one", "said": "1"}, True),
        ({"id": "a", "caption": "two"}, True),
        ({"id": "b"}, True),
    ]
    positives, rng = RecordedPositives(recorded(tmp_path, rows)), random.Random(0)
    for caption, number in ("one", 0), ("two", 1), ("one", 0):
        picture = positives.image(A, caption, rng)
        assert picture and picture.draw().getpixel((0, 0)) == (number, 0, 0)
    other = positives.image(B, "one", rng)  # made from a caption that is not known
    assert other and other.draw().getpixel((0, 0)) == (2, 0, 0)
    assert positives.text(A, "one", rng) == "1" and positives.text(B, "one", rng) is None
    assert positives.image(C, "one", rng) is None


def test_what_is_missing_or_filtered_out_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [
        ({"id": "a", "said": "1", "text": {"similarity": 0.9}, "image": {"similarity": 0.2}}, True),
        ({"id": "b", "said": "2", "text": {"similarity": 0.1}, "image": {"similarity": 0.9}}, True),
    ]
    limits = {"filter": {"text": {"threshold": 0.5}, "image": {"threshold": 0.1}}}
    positives = positives_for(recorded(tmp_path, rows, limits), [A, B, C])
    assert "of 3 pictures 1 without v' (0 filtered out) and 2 without t' (1 filtered out)" in capsys.readouterr().out
    assert positives.text(B, "one", random.Random(0)) is None and positives.text(A, "one", random.Random(0)) == "1"
    with pytest.raises(ValueError, match="no positives for any of 1 pictures"):
        positives_for(tmp_path, [C])


def test_folders_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no shards; make them with captioner metric positives"):
        RecordedPositives(tmp_path)
    recorded(tmp_path, [({"id": "a"}, True)], {"shards": 3})
    with pytest.raises(ValueError, match="has 1 of 3 shards"):
        RecordedPositives(tmp_path)
    (tmp_path / "positives.json").unlink()
    shard = shards_in(tmp_path)[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) - 1024 - 400])
    with pytest.raises(ValueError, match="damaged or no tar archive"):
        RecordedPositives(tmp_path)
    recorded(tmp_path, [({"name": "a"}, True)])
    with pytest.raises(ValueError, match="needs 000000000.json, a JSON object|needs 0.json, a JSON object"):
        RecordedPositives(tmp_path)


def test_another_run_does_not_go_on_in_the_same_folder(make: Make, examples: list[Example], tmp_path: Path) -> None:
    make("out")
    with pytest.raises(ValueError, match="was begun with seed 3; go on with the same settings or choose another"):
        make("out", replace(CONFIG, seed=4))
    with pytest.raises(ValueError, match="was begun with data's captions"):
        generate(CONFIG, FAITHFUL, examples[1:], "", tmp_path / "out", lambda: (None, None), torch.device("cpu"))
    (tmp_path / "out" / "positives.json").unlink()
    with pytest.raises(ValueError, match="shards of another command"):
        make("out")


@pytest.mark.parametrize(
    "change, filtering, said",
    [
        ({"text": "none", "image": "none"}, {}, "no positives are asked for"),
        ({"beams": 0}, {}, "--beams is 1 or more, got 0"),
        ({"image_prompt": "a photo"}, {}, "must contain"),
        ({}, {"drop": 0.1}, "give --clip"),
        ({"clip": "scenes-clip"}, {"drop": 1.0}, "--drop is 0 or more and below 1, got 1.0"),
        ({"clip": "scenes-clip"}, {"min_similarity": 5.0}, "--min-similarity is -1 or more and at most 1, got 5.0"),
        ({"steps": -5}, {}, "--steps is 0 or more, got -5"),
        ({"size": -3}, {}, "--size is 0 or more, got -3"),
        ({"precision": "nonsense"}, {}, "--precision is one of fp32, bf16, fp16, got 'nonsense'"),
        ({"clip": "scenes-clip"}, {"drop": 0.1, "min_similarity": 0.2}, "give one"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict, filtering: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(replace(CONFIG, **change), FilterConfig(**filtering))


def test_shards_are_ordinary_tar_archives(make: Make) -> None:
    with tarfile.open(shards_in(make("out"))[0]) as tar:
        assert tar.getnames()[:3] == ["000000000.txt", "000000000.png", "000000000.json"]


def test_contact_sheet_shows_what_there_is(make: Make) -> None:
    with Image.open(make("out") / "contact-sheet.png") as sheet:
        assert sheet.width > sheet.height > 500
        assert len(sheet.convert("RGB").getcolors(1 << 20) or []) > 500  # the noise of the painted pictures
