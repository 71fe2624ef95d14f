"""Document frequencies of files: what is left out changes no score, and they are counted once."""

from __future__ import annotations

import json

import pytest

from metric.scores import document_frequency
from metric.scores.cider import Cider
from metric.scores.document_frequency import counted, load, of_coco, of_file, save
from metric.storage import atomic_files

CORPUS = [("A dog runs.", "a dog and a cat"), ("a dog sleeps",), ("two cats sleep", "a cat"), ("1 1/2 dogs sleep",)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "captioner" / "cider"


@pytest.mark.parametrize("eos", [False, True])
def test_leaving_out_what_one_image_has_changes_no_score(eos, tmp_path):
    save(counted(CORPUS), tmp_path / "df.txt.gz")
    df = load(tmp_path / "df.txt.gz")
    captions = ["a dog sleeps", "unseen words", "", "1 1/2 cats"]
    full, kept = Cider(CORPUS, eos), Cider(df, eos)
    assert len(df.counts) < len(Cider(CORPUS, eos=True).df.counts)
    assert kept.scores(captions, CORPUS) == pytest.approx(full.scores(captions, CORPUS), abs=1e-12)


def test_a_file_is_counted_once_and_again_when_it_changes(tmp_path, cache, monkeypatch):
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"1": ["a dog", "a dog runs"], "2": ["a dog"]}))
    first = of_file(path)
    assert first.documents == 2 and first.counts["a dog"] == 2 and "runs" not in first.counts
    with monkeypatch.context() as patched:
        patched.setattr(document_frequency, "counted", None)  # would fail
        assert of_file(path) == first
    path.write_text(json.dumps({"annotations": [{"image_id": 1, "caption": "a cat"}]}))
    assert of_file(path).documents == 1
    assert len(list(cache.iterdir())) == 2


def test_coco_is_what_pycocoevalcap_holds(monkeypatch, cache):
    monkeypatch.setattr(document_frequency, "coco_captions", lambda: CORPUS)
    assert of_coco().documents == 4
    assert [file.name for file in cache.iterdir()] == [f"coco2014-v{document_frequency.FORMAT}.txt.gz"]


def test_an_interrupted_save_leaves_nothing(cache, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic_files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        document_frequency.cached("name", lambda: CORPUS)
    assert list(cache.iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="missing.json: No such file"):
        of_file(tmp_path / "missing.json")


@pytest.mark.slow
def test_all_captions_of_coco_are_there():
    captions = document_frequency.coco_captions()
    assert len(captions) == 123_287 and sum(map(len, captions)) == 616_767
