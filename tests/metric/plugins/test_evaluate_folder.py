"""The folder of Hugging Face evaluate, loaded by `evaluate.load` from its path, offline."""

from __future__ import annotations

import evaluate
import pytest

from metric import Example
from metric import evaluate as ours
from metric.scenes.language import references
from metric.scenes.world import sample
from tests.places import ROOT

FOLDER = str(ROOT / "metric" / "plugins" / "caption_scores")
SCENES = [sample("test", number) for number in range(3)]
REFERENCES = [list(references(scene)) for scene in SCENES]
CAPTIONS = [REFERENCES[0][1], "a a red dog a red dog", REFERENCES[2][0]]
SPECS = ["cider", "rep_2", "ref_clip_s:clip=scenes-clip", "pac_spp:checkpoint=scenes-clip"]


@pytest.fixture
def load(tmp_path, monkeypatch):
    """evaluate.load with a cache of its own. evaluate copies the script there."""
    monkeypatch.setattr("evaluate.loading.HF_MODULES_CACHE", str(tmp_path / "modules"), raising=False)
    monkeypatch.setattr("evaluate.config.HF_MODULES_CACHE", str(tmp_path / "modules"))

    def loaded(name: str) -> evaluate.EvaluationModule:
        return evaluate.load(FOLDER, name, cache_dir=str(tmp_path / "cache"), keep_in_memory=True)

    return loaded


@pytest.fixture
def expected() -> dict[str, float]:
    examples = [Example(str(n), scene, tuple(of)) for n, (scene, of) in enumerate(zip(SCENES, REFERENCES))]
    return ours(dict(zip("012", CAPTIONS)), examples, SPECS).corpus


def test_numbers_are_those_of_ours(load, expected, tmp_path):
    drawn = [scene.draw() for scene in SCENES]
    drawn[0].save(tmp_path / "a.png")
    images = [str(tmp_path / "a.png"), *drawn[1:]]
    found = load("images_references").compute(
        predictions=CAPTIONS, references=REFERENCES, images=images, scores=",".join(SPECS)
    )
    assert found.pop("facts")["pac_spp"].startswith("w 2.0")
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-6)
    assert {"cider", "rep_2", "ref_clip_s", "pac_spp"} <= found.keys()


def test_batches_are_scored_together(load, expected):
    metric = load("references")
    metric.add_batch(predictions=CAPTIONS[:1], references=REFERENCES[:1])
    metric.add_batch(predictions=CAPTIONS[1:], references=REFERENCES[1:])
    assert metric.compute()["cider"] == pytest.approx(expected["cider"], rel=1e-6)


def test_what_a_score_lacks_is_said(load):
    with pytest.raises(ValueError, match="cider cannot be computed: 3 of 3 captioned images have no references"):
        load("text").compute(predictions=CAPTIONS)
    with pytest.raises(ValueError, match="a configuration is default, references"):
        load("videos")
