from __future__ import annotations

import io
import json
import random
import statistics
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from captioner.cli import main
from captioner.data.inspection.counts import Lot, quartiles
from metric.example import Example
from tests.odd_files import picture


def noise(ending: str, size: tuple[int, int] = (60, 40)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(file, ending)
    return file.getvalue()


def crossed(data: bytes, start: int) -> bytes:
    return data[:start] + bytes(64) + data[start + 64 :]


def bomb() -> bytes:
    return b"P6 30000 30000 255 " + bytes(100)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    return file.getvalue()


BROKEN = {
    "cut.jpg": lambda: noise("JPEG")[:-600],
    "cut.png": lambda: noise("PNG")[:-600],
    "cut.webp": lambda: noise("WEBP")[:-300],
    "damaged.png": lambda: crossed(noise("PNG"), 20),
    "empty.jpg": lambda: b"",
    "page.jpg": lambda: b"<!doctype html><title>404</title>",
    "archive.gif": zipped,
    "bomb.ppm": bomb,
    "narrow.bmp": lambda: noise("BMP", (1, 900)),
    "zeros.tiff": lambda: bytes(500),
}


@pytest.fixture
def mixed(tmp_path) -> Path:
    """Forty good pictures and two of each kind of broken ones."""
    folder = tmp_path / "mixed"
    for number in range(40):
        path = folder / str(number % 3) / f"{number}.{('jpg', 'png', 'webp', 'gif')[number % 4]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10 + number), (5 * number, 0, 0)).save(path)
    for name, content in BROKEN.items():
        for copy in "x", "y":
            (folder / f"{copy}-{name}").write_bytes(content())
    return folder


def test_broken_files_are_named_with_their_reasons(mixed, tmp_path, capsys):
    assert main(["data", str(mixed), "--all", "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr()
    found = json.loads((tmp_path / "out" / "data.json").read_text())
    (whole,) = found["splits"].values()
    assert found["source"] == f"folder:root={mixed}" and whole["pictures"] == whole["opened"] == 60
    assert set(whole["broken"]) == {f"{copy}-{name}" for copy in "xy" for name in BROKEN}
    assert all(name in reason and len(reason) > len(name) for name, reason in whole["broken"].items())
    assert "broken: " in said.out and "and 10 more are broken" in said.out
    then = f"captioner: next, type: captioner caption --model RUN --images {mixed} --out captions.jsonl"
    assert said.err.splitlines()[-1] == then
    assert main(["data", str(mixed), "--all", "--strict"]) == 1


def test_sheet_shows_pictures_with_captions_and_faults(mixed, tmp_path, capsys):
    row = {"image": "1/1.png", "captions": ["Ein <b>roter</b> Fleck", "красный"]}
    lines = [json.dumps(row), json.dumps({"image": "x-cut.jpg", "captions": ["not to be seen"]})]
    (mixed / "data.jsonl").write_text("\n".join(lines))
    spec = f"jsonl:file={mixed / 'data.jsonl'}"
    assert main(["data", spec, "--split", "train", "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "sheet.html").read_text(encoding="utf-8")
    assert "Ein &lt;b&gt;roter" in page and "красный" in page and "truncated" in page
    assert page.count("data:image/jpeg;base64,") == 1
    sheet = np.asarray(Image.open(tmp_path / "out" / "sheet-train.png"))
    assert ((sheet == (5, 0, 0)).all(-1)).sum() > 5000  # the picture, enlarged
    said = capsys.readouterr().out
    assert "wrote" in said and "x-cut.jpg" in said


def test_numbers_of_a_split_are_what_a_person_counts(photographs, capsys):
    text = 'image,split,caption\nb.jpg,train,A dog runs.\nb.jpg,train,A cat.\na.jpg,train,a DOG\nv.jpg,val,"One, two"\n'
    (photographs / "data.csv").write_text(text)
    assert main(["data", f"csv:file={photographs / 'data.csv'}", "--out", str(photographs / "out")]) == 0
    found = json.loads((photographs / "out" / "data.json").read_text())["splits"]
    train = found["train"]
    assert (train["pictures"], train["captions"], train["vocabulary"]) == (2, 3, 4)  # a dog runs cat
    assert train["captions_a_picture"] == [1, 1, 1, 2, 2] and train["words_a_caption"] == [2, 2, 2, 3, 3]
    assert train["width"] == [24, 24, 24, 25, 25] and found["val"]["captions"] == 1


def test_what_cannot_be_shown_is_refused_in_a_line(tmp_path, capsys):
    for words, said in (
        (["nowhere"], "nowhere"),
        (["scenes", "--split", "tset"], "ood"),
        (["scenes", "--open", "-1"], "-1"),
    ):
        assert main(["data", *words]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60))
def test_quartiles_are_those_of_the_sorted_list(numbers):
    ranked = sorted(numbers)
    least, _, median, _, greatest = quartiles(Counter(numbers))
    assert (least, greatest) == (ranked[0], ranked[-1])
    assert statistics.median_low(numbers) <= median <= statistics.median_high(numbers)


def test_lot_keeps_each_as_likely():
    counts: Counter[str] = Counter()
    for seed in range(400):
        lot = Lot(5)
        lot.rng = random.Random(seed)
        for number in range(20):
            lot.offer(Example(str(number), Path()))
        drawn = [int(example.id) for example in lot.drawn()]
        assert len(drawn) == 5 and drawn == sorted(set(drawn))
        counts.update(map(str, drawn))
    assert all(70 <= counts[str(number)] <= 130 for number in range(20))  # 100 expected, 8.7 the standard deviation


def test_a_data_set_called_as_the_counts_is_not_replaced_by_them(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(picture(1, "PNG"))
    content = '[{"image": "a.png", "caption": "a dog"}]'
    (tmp_path / "data.json").write_text(content)
    typed = str(tmp_path / "data.json")
    assert main(["data", typed, "--out", str(tmp_path)]) == 2
    assert (
        f"{typed} is no file of `captioner data` and would be replaced; give another --out" in capsys.readouterr().err
    )
    assert (tmp_path / "data.json").read_text() == content
    for _ in range(2):
        assert main(["data", typed, "--out", str(tmp_path / "look")]) == 0
