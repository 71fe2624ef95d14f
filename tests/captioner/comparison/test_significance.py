"""Tests between rows: over seeds against scipy's formula by hand, over pictures against their differences."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from statistics import fmean, variance

import pytest
from scipy.stats import t

from captioner.comparison.report import as_json, html, markdown
from captioner.comparison.significance import HEADINGS, pairs, text, welch
from captioner.comparison.table import compare
from tests.captioner.comparison.test_table import write_run

IDS = [str(number) for number in range(40)]


def scored(folder: Path, values: list[float], rewards: list[str], seed: int, **more) -> Path:
    """A run whose captions have these values of CIDEr, and twice their share in percent as a score of the set."""
    corpus = {"cider": fmean(values), "bad_endings": 100 * fmean(values), "bleu_4": 0.3 + seed / 100}
    run = write_run(folder, rewards, seed, corpus, captions=dict.fromkeys(IDS, "a cat"), **more)
    rows = [f"{name},{value},{value},0.5" for name, value in zip(IDS, values)]
    (run / "scores-test.csv").write_text("\r\n".join(["id,cider,bad_endings,bleu_4", *rows]) + "\r\n")
    return run


@pytest.fixture
def comparison(tmp_path):
    base = [0.1 * (number % 7) for number in range(40)]
    better = [value + 0.05 + 0.02 * (number % 3) for number, value in enumerate(base)]
    runs = [scored(tmp_path / f"xe{seed}", [v + seed / 50 for v in base], [], seed) for seed in range(3)]
    runs += [scored(tmp_path / f"c{seed}", [v + seed / 90 for v in better], ["cider"], seed) for seed in range(3)]
    return compare([*runs, scored(tmp_path / "one", base, ["clips"], 0)])


def test_over_seeds_it_is_the_test_of_welch():
    one, two = [1.0, 1.2, 1.7], [1.9, 2.0, 2.4, 2.2]
    a, b = variance(one) / 3, variance(two) / 4
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 3)  # Welch and Satterthwaite
    assert welch(one, two) == pytest.approx(2 * t.sf(abs(fmean(two) - fmean(one)) / sqrt(a + b), freedom))
    assert welch([1.0], two) is None and welch([1.0, 1.0], [2.0, 2.0]) is None


def test_over_pictures_a_pair_is_compared_picture_by_picture(comparison):
    first = pairs(comparison)[0]
    assert (first.first, first.second) == ("XE", "+CIDEr")
    cider = next(tested for tested in first.scores if tested.score == "cider")
    assert cider.pictures.difference == pytest.approx(cider.difference)
    assert 0 < cider.pictures.low < cider.difference < cider.pictures.high and cider.pictures.p < 0.01
    assert cider.pictures.high - cider.pictures.low < 0.02  # the spread of pictures, .2, is the same in both rows


def test_a_score_in_percent_is_tested_and_a_score_that_is_no_mean_is_not(comparison):
    tested = {one.score: one for one in pairs(comparison)[0].scores}
    assert tested["bad_endings"].pictures.low == pytest.approx(100 * tested["cider"].pictures.low)
    assert tested["bleu_4"].pictures is None and tested["bleu_4"].seeds == pytest.approx(1.0)


def test_one_seed_has_no_test_over_seeds(comparison):
    last = pairs(comparison)[1]
    assert last.second == "+CLIP-S" and all(tested.seeds is None for tested in last.scores)


def test_metrics_of_one_folder_name_are_two_rows_that_are_tested_against_each_other(tmp_path):
    low, high = [0.1 * (number % 7) for number in range(40)], [0.3 + 0.1 * (number % 5) for number in range(40)]
    one = scored(tmp_path / "one", low, ["pacspp:checkpoint=a/metric"], 0)
    two = scored(tmp_path / "two", high, ["pacspp:checkpoint=b/metric"], 0)
    compared = compare([one, two])
    [pair] = pairs(compared)
    assert (pair.first, pair.second) == tuple(row.label for row in compared.rows)
    assert "checkpoint a/metric" in pair.first and "checkpoint b/metric" in pair.second
    cider = next(tested for tested in pair.scores if tested.score == "cider")
    assert cider.pictures.difference == pytest.approx(fmean(high) - fmean(low)) and cider.pictures.p < 0.01


def test_tests_are_in_text_page_markdown_and_json(comparison):
    said = text(comparison, pairs(comparison))
    assert "+CIDEr minus XE" in said and "+CLIP-S minus XE" in said and "+CLIP-S minus +CIDEr" not in said
    for page in (said, markdown(comparison), html(comparison, [])):
        assert all(heading in page for heading in HEADINGS) and "Welch" in page
    told = as_json(comparison)["tests"]
    assert [(pair["first"], pair["second"]) for pair in told][2] == ("+CIDEr", "+CLIP-S")
    assert json.dumps(told) and told[0]["scores"]["cider"]["over_pictures"]["p"] < 0.01


def test_a_file_of_other_captions_or_none_leaves_pictures_untested(tmp_path):
    values = [0.5] * 40
    runs = [scored(tmp_path / "a", values, [], 0), scored(tmp_path / "b", values, ["cider"], 0)]
    (runs[0] / "scores-test.csv").write_text("id,cider\r\n1,0.5\r\n")
    (runs[1] / "scores-test.csv").unlink()
    assert all(tested.pictures is None for tested in pairs(compare(runs))[0].scores)
    assert text(compare(runs[:1]), pairs(compare(runs[:1]))) == ""
