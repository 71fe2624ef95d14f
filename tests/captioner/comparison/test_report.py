"""The report: one page that needs nothing else, and numbers that other programs read."""

import csv
import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captioner.comparison.exhibits import repeated_words
from captioner.comparison.plots import at_gain, over_gain
from captioner.comparison.report import write
from captioner.comparison.table import compare

CAPTIONS = {"p<1>": 'a "cat" & <b>dog</b> dog', "p2": "a red red flag"}


def write_run(folder: Path, rewards: list[str], seed: int, curve: list[tuple[int, float, float]]) -> Path:
    """A run whose validation CLIP-S and Rep-4 at each step are `curve`."""
    stage = "reward" if rewards else "xe"
    metrics = [{"stage": stage, "step": s, "val/clip_s": c, "val/rep_4": r} for s, c, r in curve]
    metrics += [{"stage": stage, "step": s + 1, "loss": 1.0, "reward": c} for s, c, _ in curve]
    config = {
        "seed": seed,
        "data": "scenes",
        "rewards": rewards,
        "objective": {"lr": 1e-4},
        "commit": "abc1234",
    }
    scores = {
        "corpus": {"clip_s": curve[-1][1], "rep_4": curve[-1][2]},
        "count": 2,
        "skipped": {"cider": "no <table>"},
    }
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in metrics))
    (folder / "scores-test.json").write_text(json.dumps(scores))
    said = [json.dumps({"id": name, "caption": caption}) + "\n" for name, caption in CAPTIONS.items()]
    (folder / "captions-test.jsonl").write_text("".join(said))
    return folder


@pytest.fixture
def runs(tmp_path):
    rising = [(0, 0.5, 0.0), (10, 0.6, 1.0), (20, 0.7, 3.0)]
    steeper = [(0, 0.5, 0.0), (10, 0.75, 2.0), (20, 0.7, 6.0)]
    return [
        write_run(tmp_path / "xe", [], 0, [(5, 0.5, 0.0)]),
        write_run(tmp_path / "a", ["clips"], 0, rising),
        write_run(tmp_path / "b", ["clips"], 1, steeper),
    ]


@pytest.fixture
def out(runs, tmp_path):
    pictures = [(name, Image.new("RGB", (400, 200), "red"), ("a <i>reference",)) for name in CAPTIONS]
    write(compare(runs), pictures, tmp_path / "out")
    return tmp_path / "out"


def test_the_page_needs_nothing_else(out):
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "http:" not in page and "https:" not in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources and all(source.startswith(("data:image/jpeg;base64,", "#")) for source in sources)
    assert not re.search(r"<script[^>]* src|<link|@import|url\((?!#)|fetch\(|XMLHttp", page)


def test_the_page_shows_every_caption_escaped(out):
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<b>dog" not in page and "<i>reference" not in page and "<table>:" not in page
    said = [unescape(re.sub("</?mark>|<i .*?</i>", "", text)) for text in re.findall("<dd[^>]*>(.*?)</dd>", page)]
    for caption in CAPTIONS.values():
        assert said.count(caption) == 2  # one for each row
    assert "a red <mark>red</mark> flag" in page


def test_the_page_draws_rewards_steps_and_equal_gain(out):
    page = (out / "index.html").read_text(encoding="utf-8")
    for figure in (
        "What was trained: Reward CLIP-S",
        "Along the reward stage: Rep-4",
        "At equal gain: Rep-4",
    ):
        assert f'aria-label="{figure}"' in page
    assert page.count("<svg") == page.count("</svg>")


def test_markdown_marks_the_trained_score_and_the_best(out):
    text = (out / "comparison.md").read_text(encoding="utf-8")
    assert "| XE | 1 | 0.500 | **0.000** |" in text
    assert "| +CLIP-S | 2 | **0.700** ± 0.000 ◆ | 4.500 ± 2.121 |" in text  # sqrt(2 * 1.5 ** 2)
    assert "Not shown: CIDEr: no <table>" in text


def test_csv_and_json_hold_the_same_numbers(out):
    with (out / "comparison.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    rows = json.loads((out / "comparison.json").read_text(encoding="utf-8"))["rows"]
    assert [line["label"] for line in table] == [row["label"] for row in rows] == ["XE", "+CLIP-S"]
    assert float(table[1]["rep_4_std"]) == rows[1]["scores"]["rep_4"]["std"] == pytest.approx(1.5 * 2**0.5)
    assert table[0]["rep_4_std"] == "" and rows[0]["scores"]["rep_4"]["std"] is None
    assert rows[1]["scores"]["rep_4"]["values"] == [3.0, 6.0]
    assert rows[1]["trained_on"] == ["clip_s"]


def test_a_picture_without_a_caption_is_refused(runs, tmp_path):
    with pytest.raises(ValueError, match="no caption of picture p9"):
        write(compare(runs), [("p9", Image.new("RGB", (8, 8)), ())], tmp_path / "out")


def walk(gains, values, wanted, parts=100_000):
    """Brute force: go along the curve in small steps until the gain is there."""
    for i in range(len(gains) - 1):
        for part in range(parts + 1):
            share = part / parts
            if gains[i] + share * (gains[i + 1] - gains[i]) >= wanted:
                return values[i] + share * (values[i + 1] - values[i])
    return float("nan")


@pytest.mark.parametrize("wanted", [0.0, 1.0, 2.0, 3.5, 6.0, 7.0])
def test_equal_gain_is_read_where_the_gain_was_first_reached(wanted):
    gains, values = np.array([0.0, 2.0, -1.0, 1.0, 5.0, 6.0]), np.array([3.0, 4.0, 9.0, 1.0, 2.0, 8.0])
    found = at_gain(gains, values, np.array([wanted]))[0]
    assert found == pytest.approx(walk(gains, values, wanted), abs=1e-3, nan_ok=True)


def test_equal_gain_ends_where_the_first_seed_stops(runs):
    (_, row) = compare(runs).rows
    curve = over_gain(row, "rep_4")
    assert curve.x[0] == 0 and curve.x[-1] == pytest.approx(40)  # seed 0: .7 / .5; seed 1 once had .75 / .5
    assert curve.y[0, -1] == pytest.approx(3.0)
    assert curve.y[1, -1] == pytest.approx(2.0 * 40 / 50)


def test_repeated_words_spare_function_words():
    assert [word for word, again in repeated_words("a cat on a mat with a Cat. the the") if again] == [
        "Cat.",
        "the",
    ]
