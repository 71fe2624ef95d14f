from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from metric.judgement import check
from metric.judgement.benchmark import Choice, Choices, Rated, of_ratings
from metric.judgement.benchmarks import BENCHMARKS, PROTOCOLS
from metric.judgement.check import AGREES, DIFFERS, OTHER, lines, missing
from metric.judgement.published import PUBLISHED, written
from metric.scores.catalogue import SCORES
from metric.video import Video

OPENAI = {"clip_s": "w 2.5, CLIP ViT-B-32-quickgelu:openai (0123)"}


def benchmark(name: str, count: int = 3, image: object = Path("x.jpg")):
    rated = of_ratings(name, "", [Rated(str(n), image, ("a",), "a", n) for n in range(count)])
    return replace(rated, version=PROTOCOLS.get(name, ("",))[0])


@pytest.fixture
def expert(monkeypatch):
    """Three data points that pass for all of Flickr8k-Expert."""
    monkeypatch.setitem(check.POINTS, ("flickr8k-expert", ""), 3)
    return benchmark("flickr8k-expert")


def of(found, metric: str, result: str):
    return next(line for line in found if (line.metric, line.result) == (metric, result))


def test_a_figure_agrees_up_to_half_of_its_last_published_digit(expert):
    found = list(lines(expert, {"cider": {"tau_b": 0.436024, "tau_c": 0.438916}}, {}))
    assert [of(found, "cider", result).verdict for result in ("tau_b", "tau_c")] == [AGREES, DIFFERS]
    assert of(found, "cider", "tau_b").tolerance == 5e-6
    assert of(found, "bleu_1", "tau_b").why == "not computed; type --metrics bleu_1"


def test_a_learned_metric_is_compared_only_with_the_weights_that_were_published(expert):
    ours = {"clip_s": {"tau_b": 0.513, "tau_c": 0.52}, "ref_clip_s": {"tau_b": 0.526, "tau_c": float("nan")}}
    found = list(lines(expert, ours, OPENAI))
    assert of(found, "clip_s", "tau_b").verdict == AGREES and of(found, "clip_s", "tau_c").verdict == DIFFERS
    assert of(found, "ref_clip_s", "tau_b").verdict == AGREES
    assert of(found, "ref_clip_s", "tau_c").why == "ours is undefined"
    for fact in ("w 2.5, CLIP scenes-clip (0123)", "w 2.5, CLIP ViT-B-32-quickgelu:openai2", ""):
        line = of(lines(expert, ours, {"clip_s": fact}), "clip_s", "tau_b")
        assert (line.verdict, line.why) == (OTHER, "of CLIP ViT-B-32-quickgelu:openai, this has other weights")


def test_a_spec_with_options_is_compared_under_its_name(expert):
    key = "clip_s:clip=ViT-B-32-quickgelu:openai"
    assert of(lines(expert, {key: {"tau_b": 0.511}}, {key: OPENAI["clip_s"]}), key, "tau_b").verdict == AGREES


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (lambda b: benchmark("flickr8k-expert", 4), "of 3 data points, this has 4"),
        (lambda b: b.with_references(2), "of --references 0, this is 2"),
        (lambda b: b.noting("picture is not there", ["x"]), "of all pictures, 1 are left out here"),
    ],
)
def test_other_data_or_another_protocol_cannot_be_compared(expert, changed, why):
    assert of(lines(changed(expert), {"cider": {"tau_b": 0.43602}}, {}), "cider", "tau_b").why == why


def test_references_do_not_matter_for_a_score_without_any(expert):
    assert (
        of(lines(expert.with_references(1), {"clip_s": {"tau_b": 0.511}}, OPENAI), "clip_s", "tau_b").verdict == AGREES
    )


def test_versions_are_told_apart():
    ratings = replace(benchmark("composite"), version="ratings")
    assert of(lines(ratings, {"cider": {"tau_c": 0.377}}, {}), "cider", "tau_c").why == (
        "of --protocol 12k and polos, this is ratings"
    )
    spica = replace(benchmark("nebula"), version="spica")
    assert of(lines(spica, {"cider": {"tau_c": 0.4881}}, {}), "cider", "tau_c").verdict == AGREES
    own = of(lines(benchmark("nebula"), {"cider": {"tau_c": 0.4807}}, {}), "cider", "tau_c")
    assert own.why == "of --protocol spica, this is own"


def test_foil_has_figures_of_one_and_of_four_references_and_counts_ties_half():
    foil = replace(benchmark("foil"), verdict=Choices((Choice((0,), (1,)),), ties="half"))
    one = {
        line.why or line.verdict: line.published
        for line in lines(foil.with_references(1), {"cider": {"accuracy": 0.825}}, {})
        if line.metric == "cider"
    }
    assert one == {AGREES: 0.825, "of --references 0 or 4, this is 1": 0.906}
    strict = of(lines(foil.with_ties("error"), {"cider": {"accuracy": 0.906}}, {}), "cider", "accuracy")
    assert strict.verdict == OTHER
    assert "of --ties half or lot, this is error" in {
        line.why for line in lines(foil.with_ties("error"), {"cider": {"accuracy": 0.9}}, {})
    }


def test_pascal_has_a_tolerance_for_what_is_drawn_by_lot(monkeypatch):
    monkeypatch.setitem(check.POINTS, ("pascal-50s", ""), 1)
    pascal = replace(benchmark("pascal-50s"), verdict=Choices((Choice((0,), (1,)),), ties="lot"))
    found = list(lines(pascal, {"cider": {"accuracy": 0.798, "hc": 0.654}, "length": {"accuracy": 0.543}}, {}))
    assert of(found, "cider", "accuracy").verdict == AGREES and of(found, "cider", "hc").verdict == AGREES
    assert of(found, "length", "accuracy").tolerance == 0.012


def test_videos_need_the_full_score_and_the_frequencies_of_words():
    film = replace(
        benchmark("activitynet-foil", image=Video(Path("v"))), verdict=Choices((Choice((0,), (1,)),)), corpus=("a",)
    )
    fact = "EMScore, full, all frames, no prefix, no w, CLIP ViT-B-32-quickgelu:openai"
    ours = {"clip_s": {"accuracy": 0.895}}
    assert of(lines(film, ours, {"clip_s": fact}), "clip_s", "accuracy").verdict == AGREES
    coarse = of(lines(film, ours, {"clip_s": fact.replace("full", "coarse")}), "clip_s", "accuracy")
    assert coarse.why == "of the full EMScore"
    bare = of(lines(replace(film, corpus=()), ours, {"clip_s": fact}), "clip_s", "accuracy")
    assert bare.why == "of words weighed by their frequency in training, that file is not there"


def test_missing_files_are_the_reason_for_every_figure():
    found = list(missing("polaris", "no polaris_test.csv"))
    assert {line.verdict for line in found} == {OTHER} and {line.why for line in found} == {"no polaris_test.csv"}
    assert len(found) == 9


def test_every_published_row_names_a_benchmark_a_score_and_versions_that_exist():
    for row in PUBLISHED:
        assert row.benchmark in BENCHMARKS and row.metric in SCORES and row.figures.keys() == row.units.keys()
        assert set(row.versions) <= set(PROTOCOLS.get(row.benchmark, ()))
    assert len({(row.benchmark, row.metric, row.versions, row.references) for row in PUBLISHED}) == len(PUBLISHED)


def test_digits_are_those_that_were_written():
    assert written(("tau_b", "tau_c"), "8.710 12") == (
        {"tau_b": 0.0871, "tau_c": 0.12},
        {"tau_b": 5e-6, "tau_c": 0.005},
    )
