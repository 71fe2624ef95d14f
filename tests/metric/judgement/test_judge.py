from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from metric.evaluation import evaluate
from metric.judgement.benchmark import Benchmark, Choice, Choices, Item, Rated, of_ratings
from metric.judgement.benchmarks import load_benchmark
from metric.judgement.judge import judge
from metric.judgement.media_check import with_pictures
from metric.judgement.published import published
from metric.video import Video
from tests.places import SHARED


def rows(*scores: float) -> list[Rated]:
    return [Rated(f"{n}.jpg", Path(f"{n}.jpg"), (), "a " * n, score) for n, score in enumerate(scores, 1)]


def length(examples, captions):
    return {"length": [float(len(caption.split())) for caption in captions]}


def test_record_is_what_scripts_read():
    record = judge(of_ratings("mine", "all rows", rows(1, 2, 3, 3)), [length], 20, {"length": "words"}).record()
    assert (record["benchmark"], record["count"], record["captions"]) == ("mine", 4, 4)
    assert record["metrics"]["length"]["tau_b"] == pytest.approx(5 / 30**0.5)  # five of six pairs, one tied
    low, high = record["metrics"]["length"]["interval"]["tau_b"]
    assert -1 <= low <= high <= 1
    assert record["protocol"] == "all rows" and record["facts"] == {"length": "words"}


def test_undefined_is_null_in_the_record():
    record = judge(of_ratings("mine", "", rows(1, 1, 1)), [length], 0, {}).record()
    assert record["metrics"]["length"] == dict.fromkeys(("tau_b", "tau_c", "pearson", "spearman"))


def test_published_value_stands_beside_ours_where_the_protocol_is_the_same():
    scorer = [lambda e, c: {"ref_clip_s": [0.0, 1.0]}]
    crowd = of_ratings("flickr8k-cf", "", rows(1, 2))
    figures = {"tau_b": 0.364, "tau_c": 0.188}
    assert judge(crowd, scorer, 0, {}).record()["metrics"]["ref_clip_s"]["published"] == figures
    fewer = judge(crowd.with_references(1), scorer, 0, {}).record()
    assert "published" not in fewer["metrics"]["ref_clip_s"]
    other = judge(crowd, scorer, 0, {"clip_s": "w 2.5, CLIP scenes-clip"}).record()
    assert "published" not in other["metrics"]["ref_clip_s"]


def test_metrics_of_one_call_are_compared_in_pairs():
    def upside_down(examples, captions):
        return {"reversed": [-float(len(caption.split())) for caption in captions]}

    record = judge(of_ratings("mine", "", rows(1, 2, 3, 3)), [length, upside_down], 30, {}).record()
    difference = next(row for row in record["differences"] if row["result"] == "tau_b")
    assert (difference["first"], difference["second"]) == ("length", "reversed")
    assert difference["difference"] == pytest.approx(-2 * 5 / 30**0.5)  # tau-b of one is that of the other, negated
    assert difference["low"] <= difference["difference"] <= difference["high"] <= 0 < difference["p"] <= 1
    assert judge(of_ratings("mine", "", rows(1, 2)), [length, upside_down], 0, {}).record()["differences"] == []


def test_rounds_are_averaged():
    items = of_ratings("", "", rows(1, 2)).items
    benchmark = Benchmark("", "", (items, items[::-1]), Choices((Choice((1,), (0,)),)))
    assert judge(benchmark, [length], 0, {}).metrics["length"] == {"accuracy": 0.5, "ties": 0.0}


def test_absent_and_broken_pictures_are_counted_and_named(flickr8k):
    (flickr8k / "Images" / "a.jpg").write_bytes(b"\xff\xd8 no picture")
    got = with_pictures(load_benchmark("flickr8k-cf", flickr8k))
    assert [item.example.image.name for item in got.items] == ["b.jpg"]
    assert (len(got.verdict), got.verdict.scores) == (1, (0.333,))
    (name,) = got.left_out["picture cannot be read"]
    assert "a.jpg" in name
    (flickr8k / "Images" / "b.jpg").unlink()
    with pytest.raises(ValueError, match="no item left to judge; picture cannot be read"):
        with_pictures(load_benchmark("flickr8k-cf", flickr8k))


def test_truncated_picture_is_found(flickr8k, picture):
    whole = picture(flickr8k / "Images" / "a.jpg").read_bytes()
    (flickr8k / "Images" / "a.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    got = with_pictures(load_benchmark("flickr8k-cf", flickr8k))
    assert "a.jpg" in got.left_out["picture cannot be read"][0]


def test_pair_loses_both_captions_with_a_picture(tmp_path, picture):
    here, gone = picture(tmp_path / "1.jpg"), tmp_path / "2.jpg"
    items = tuple(
        Item(row.example, row.caption)
        for row in of_ratings("", "", [Rated("", image, (), "x", 0) for image in (here, here, gone, gone)]).items
    )
    verdict = Choices((Choice((2,), (3,)), Choice((1,), (0,))))
    got = with_pictures(Benchmark("", "", (items, items), verdict))
    assert got.verdict == Choices((Choice((1,), (0,)),)) and [len(items) for items in got.rounds] == [2, 2]
    assert got.left_out == {"picture is not there": (str(gone),)}


def test_video_without_frames_is_named(tmp_path, picture):
    picture(tmp_path / "v1" / "0.png")
    (tmp_path / "v2").mkdir()
    videos = [Video(tmp_path / name) for name in ("v1", "v2", "v3")]
    got = with_pictures(of_ratings("", "", [Rated("", video, (), "x", 0) for video in videos]))
    assert len(got.items) == 1
    assert [len(names) for names in got.left_out.values()] == [1, 1]
    assert "no frames" in got.left_out["picture cannot be read"][0]


def test_references_can_be_fewer(flickr8k):
    got = load_benchmark("flickr8k-cf", flickr8k).with_references(1)
    assert [len(item.example.references) for item in got.items] == [1, 1, 1] and "at most 1" in got.protocol


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "flickr8k").is_dir(), reason="needs ../shared/flickr8k")
def test_classic_scores_give_the_published_figures_on_flickr8k_expert():
    benchmark = load_benchmark("flickr8k-expert", SHARED / "flickr8k")
    assert (len(benchmark.verdict), [len(names) for names in benchmark.left_out.values()]) == (16992, [158])
    names = ["bleu_1", "bleu_4", "rouge_l", "cider", *(["meteor"] if shutil.which("java") else [])]

    def scorer(examples, captions):
        by_id = {example.id: caption for example, caption in zip(examples, captions)}
        scores = evaluate(by_id, examples, names)
        return {name: list(scores.per_caption[name].values()) for name in names}

    metrics = judge(benchmark, [scorer], 0, {}).metrics
    for name in names:
        (row,) = published("flickr8k-expert", name)
        assert {result: metrics[name][result] for result in row.figures} == pytest.approx(row.figures, abs=5e-6)
