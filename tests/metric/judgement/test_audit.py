from __future__ import annotations

import csv
import io
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from metric.example import Example
from metric.judgement.audit import as_csv, as_markdown, audit, hold_out, row, wilson
from metric.judgement.corruptions import CORRUPTIONS
from metric.scenes.language import references
from metric.scenes.world import sample

EXAMPLES = [Example(str(n), sample("val", n), references(sample("val", n))) for n in range(30)]


def length(examples, captions):
    return {"length": [len(caption.split()) for caption in captions], "constant": [0.0] * len(captions)}


def test_metric_that_counts_words_is_fooled_by_what_adds_words_alone():
    found = audit(EXAMPLES, [length])
    assert found.metrics == ["length", "constant"] and found.corruptions == list(CORRUPTIONS)
    for longer in ("repeated word", "repeated phrase", "broken ending", "hallucination", "padding"):
        assert found.row(longer, "length").higher == 1.0
    assert found.row("no function words", "length").higher == 0.0
    assert found.row("shuffled order", "length").tied == 1.0
    assert all(found.row(name, "constant").tied == 1.0 for name in CORRUPTIONS)
    assert math.isnan(found.row("padding", "constant").margin_sd)


def test_captions_to_which_a_corruption_does_not_apply_are_counted():
    found = audit(EXAMPLES, [length])
    for each in found.rows:
        assert each.count + each.not_applicable == len(EXAMPLES)
    assert found.row("swapped attribute", "length").not_applicable > 0


def test_share_and_margin_are_of_applicable_pairs():
    before, after = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0, 99.0])
    got = row("c", "m", before, after, np.array([True, True, True, False]))
    assert (got.count, got.not_applicable) == (3, 1)
    assert got.higher == got.tied == pytest.approx(1 / 3)
    assert got.margin == 0.0


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (3, 10), (250, 500), (10, 10)])
def test_interval_is_wilsons(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits / n, n) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_caption_is_held_out_of_its_references():
    example, caption = hold_out(EXAMPLES[0], 0)
    assert caption in EXAMPLES[0].references and caption not in example.references
    assert len(example.references) == len(EXAMPLES[0].references) - 1
    with pytest.raises(ValueError, match="no reference"):
        hold_out(Example("bare", sample("val", 0)), 0)


def test_tables_say_the_same():
    found = audit(EXAMPLES, [length])
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert len(rows) == 2 * len(CORRUPTIONS)
    padding = next(each for each in rows if (each["corruption"], each["metric"]) == ("padding", "length"))
    assert float(padding["higher"]) == 1.0
    assert "| padding | 30 | 100.0 [88.6, 100.0]" in as_markdown(found)
