"""What evaluate() computes, skips and refuses, with a made-up CLIP."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import normalize

from metric.clip.load import ASSETS
from metric.clip.model import WEIGHTS
from metric.evaluation import evaluate
from metric.example import Example
from metric.scenes import language
from metric.scenes.world import sample
from metric.scores import clip_families, grammar
from metric.scores.catalogue import SCORES, canonical, expand_names
from metric.scores.result import Scores
from metric.spec import split_specs

PHOTOS = [
    Example("1.jpg", Path("1.jpg"), ("a red dog runs on the grass", "a dog runs")),
    Example("2.jpg", Path("2.jpg"), ("a cat sits on a chair",)),
    Example("3.jpg", Path("3.jpg"), ("two men in a park", "men in the park", "a park")),
]
CAPTIONS = {"1.jpg": "a red dog runs", "2.jpg": "a cat sits on a", "3.jpg": "a park a park"}


class Letters:
    """An Embedder that knows texts by their letters, and each picture as its first reference."""

    clip = SimpleNamespace(name="letters", fingerprint="abc", negatives=None, origin="")
    cut: dict[str, None] = {}
    precision = "fp32"

    def texts(self, texts):
        return normalize(torch.tensor([[float(text.count(c)) for c in "abcdefghijk"] for text in texts]), dim=1)

    def images(self, images):
        first = {example.image: example.references[0] for example in PHOTOS}
        return self.texts([first[image] for image in images])


def test_text_and_classic_need_no_model():
    scores = evaluate(CAPTIONS, PHOTOS, ["classic", "rep_1", "length", "vocabulary", "bad_endings"])
    assert scores.count == 3 and not scores.skipped
    assert scores.corpus["length"] == pytest.approx((4 + 5 + 4) / 3)
    assert scores.corpus["rep_1"] == 1  # nothing, "a", "a park"
    assert scores.corpus["vocabulary"] == 8  # a red dog runs cat sits on park
    assert scores.corpus["bad_endings"] == pytest.approx(100 / 3)
    assert scores.per_caption["cider"]["1.jpg"] > scores.per_caption["cider"]["3.jpg"]
    assert "vocabulary" not in scores.per_caption
    assert "3 images" in scores.facts["cider"]


def test_corpus_is_the_mean_of_the_captions_except_for_bleu():
    scores = evaluate(CAPTIONS, PHOTOS, ["all"], Letters(), Letters(), checker="harper")
    assert {"vocabulary", "unique", "distinct_1", "distinct_2"} == scores.corpus.keys() - scores.per_caption.keys()
    for name, numbers in scores.per_caption.items():
        if not name.startswith("bleu"):
            assert scores.corpus[name] == pytest.approx(sum(numbers.values()) / 3), name


def test_clip_scores_by_hand():
    scores = evaluate(CAPTIONS, PHOTOS, ["clip"], Letters(), Letters())
    embed, words = Letters(), "A photo depicts a red dog runs"
    cosine = float(embed.images([Path("1.jpg")])[0] @ embed.texts([words])[0])
    assert scores.per_caption["clip_s"]["1.jpg"] == pytest.approx(2.5 * cosine)
    assert scores.per_caption["pac_spp"]["1.jpg"] == pytest.approx(2.0 * cosine)
    references = embed.texts(["A photo depicts " + text for text in PHOTOS[0].references])
    best = float((references @ embed.texts([words])[0]).max())
    harmonic = 2 / (1 / (2.5 * cosine) + 1 / best)
    assert scores.per_caption["ref_clip_s"]["1.jpg"] == pytest.approx(harmonic)
    assert "letters" in scores.facts["clip_s"] and "w 2.0" in scores.facts["pac_spp"]


def test_what_cannot_be_computed_says_why():
    bare = [Example(example.id, example.image) for example in PHOTOS]
    scores = evaluate(CAPTIONS, bare, ["cider", "clip", "scene_truth", "length"], clip=Letters2())
    assert scores.corpus.keys() == {"clip_s", "length"}
    assert "3 of 3" in scores.skipped["cider"] and "references" in scores.skipped["ref_clip_s"]
    assert "pac_spp:checkpoint=DIR" in scores.skipped["pac_spp"] and "scenes" in scores.skipped["scene_truth"]


class Letters2(Letters):
    """All pictures alike."""

    def images(self, images):
        return self.texts(["a photo"] * len(images))


@pytest.fixture
def no_checker(monkeypatch):
    for engine in grammar.ENGINES:
        monkeypatch.setitem(grammar.ENGINES, engine, (lambda: "it is not installed", None))
    grammar.checker_of.cache_clear()


def test_no_grammar_checker_is_a_skip_for_auto_and_an_error_by_name(no_checker):
    assert "not installed" in evaluate(CAPTIONS, PHOTOS, ["incorrect"]).skipped["incorrect"]
    assert "was asked for" in evaluate(CAPTIONS, PHOTOS, ["incorrect:checker=none"]).skipped["incorrect"]
    for asked in ({"checker": "harper"}, {"names": ["text:checker=harper"]}):
        with pytest.raises(ValueError, match="harper cannot run"):
            evaluate(CAPTIONS, PHOTOS, **({"names": ["incorrect"]} | asked))


def test_options_say_what_computes_a_score(monkeypatch):
    monkeypatch.setattr(clip_families, "embedder_of", lambda name, *_, **__: {"DIR": Letters()}[name])
    cosine = evaluate(CAPTIONS, PHOTOS, ["clip_s"], clip=Letters()).corpus["clip_s"] / 2.5
    scores = evaluate(CAPTIONS, PHOTOS, ["clip:clip=DIR", "pac_spp:checkpoint=DIR,w=2.5", "PAC-S:checkpoint=DIR"])
    assert scores.skipped.keys() == {"pac_spp_hard", "ref_pac_spp_hard"}  # the one that has no CLIP
    assert scores.corpus["pac_s"] == pytest.approx(2 * cosine)
    assert scores.corpus["clip_s"] == scores.corpus["pac_spp"] == pytest.approx(2.5 * cosine)
    assert scores.corpus["ref_clip_s"] == scores.corpus["ref_pac_spp"] > scores.corpus["ref_pac_s"]
    assert "w 2.5" in scores.facts["pac_spp"] and "w 2.0" in scores.facts["pac_s"]


@pytest.mark.parametrize(
    "spec, words",
    [
        ("pac_spp:chekpoint=DIR", "option of pac_spp is called 'chekpoint'; did you mean checkpoint"),
        ("cider:checkpoint=DIR", "cider takes no options"),
        ("all:checkpoint=DIR", "type pac_spp:checkpoint=... or pac_spp_hard:checkpoint=... or pac_s:checkpoint=..."),
        ("pac_spp:w=two", "pac_spp:w must be a number above 0, got 'two'"),
        ("pac_spp:w=nan", "number above 0"),
        ("incorrect:checker=harpr", "did you mean harper"),
        ("pac_spp:checkpoint", "option=value"),
    ],
)
def test_options_that_cannot_be_are_refused(spec, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        evaluate(CAPTIONS, PHOTOS, [spec], pac=Letters())


def test_two_values_of_one_option_are_refused():
    with pytest.raises(ValueError, match="checkpoint is A already"):
        evaluate(CAPTIONS, PHOTOS, ["pac_spp:checkpoint=A", "ref_pac_spp:checkpoint=B"])


def test_specs_are_told_apart_by_commas_and_options_kept_together():
    typed = "cider, clip_s:clip=ViT-B-32:openai,pac_spp:checkpoint=a/b,w=2.5,length"
    assert split_specs(typed) == ["cider", "clip_s:clip=ViT-B-32:openai", "pac_spp:checkpoint=a/b,w=2.5", "length"]
    assert split_specs("") == []


def test_scenes_know_the_truth():
    scenes = [Example(str(i), sample("test", i), language.references(sample("test", i))) for i in range(4)]
    true = evaluate({e.id: e.references[0] for e in scenes}, scenes, ["scene"])
    assert true.corpus["scene_truth"] == 100 and true.corpus["scene_grammatical"] == 100
    swapped = evaluate({e.id: scenes[i - 1].references[0] for i, e in enumerate(scenes)}, scenes, ["scene"])
    assert swapped.corpus["scene_truth"] < 60
    assert evaluate({e.id: "blue blue floor" for e in scenes}, scenes, ["scene"]).corpus["scene_grammatical"] == 0


def test_captions_of_unknown_images_are_an_error():
    with pytest.raises(ValueError, match="1 of 4 captions.*'9.jpg'.*'1.jpg'"):
        evaluate(CAPTIONS | {"9.jpg": "a dog"}, PHOTOS, ["length"])
    with pytest.raises(ValueError, match="got 0 captions and 3 examples, expected 1 or more"):
        evaluate({}, PHOTOS, ["length"])


def test_images_without_caption_are_told_of():
    scores = evaluate({"1.jpg": "a dog"}, PHOTOS, ["length"])
    assert scores.count == 1 and "2 of 3" in scores.facts["uncaptioned"]


def test_names_are_forgiving():
    assert {canonical(name) for name in ("PAC-S++", "pacspp", "pac_spp", "PACSPP")} == {"pac_spp"}
    assert canonical("bleu4") == "bleu_4" and canonical("RefCLIP-S") == "ref_clip_s"
    assert all(canonical(score.printed.removesuffix("%")) == name for name, score in SCORES.items())
    assert expand_names(["CIDEr", "bleu-1", "cider"]) == ["bleu_1", "cider"]
    assert expand_names(["all"]) == list(SCORES)


def test_unknown_names_are_suggested():
    with pytest.raises(ValueError, match="'cidre'; did you mean cider"):
        evaluate(CAPTIONS, PHOTOS, ["cidre"])


def test_files_hold_what_was_computed(tmp_path):
    scores = evaluate(CAPTIONS, PHOTOS, ["bleu_4", "length", "clip_s"])
    scores.save(tmp_path / "new" / "scores-test.json")
    saved = json.loads((tmp_path / "new" / "scores-test.json").read_text())
    assert saved["count"] == 3 and saved["corpus"] == scores.corpus and "clip_s" in saved["skipped"]
    scores.save_per_caption(tmp_path / "each.csv")
    with open(tmp_path / "each.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "bleu_4", "length"]
    assert [row["id"] for row in rows] == list(CAPTIONS) and float(rows[1]["length"]) == 5
    assert {path.name for path in tmp_path.iterdir()} == {"new", "each.csv"}  # no temporary file stays


def test_no_scores_make_a_table_of_no_rows(tmp_path):
    Scores({}, {}, {}, 0).save_per_caption(tmp_path / "each.csv")
    assert (tmp_path / "each.csv").read_text().split() == ["id"]


def hard_letters(negatives: int | None) -> Letters:
    embedder = Letters()
    embedder.clip = SimpleNamespace(name="letters", fingerprint="abc", negatives=negatives, origin="")
    return embedder


@pytest.mark.parametrize(("negatives", "named"), [(None, "pac_spp"), (0, "pac_spp"), (3, "pac_spp_hard")])
def test_a_given_clip_has_the_name_of_its_training(negatives, named):
    """Both names may be asked for: the other one is skipped with the reason."""
    both = ("pac_spp", "pac_spp_hard")
    scores = evaluate(CAPTIONS, PHOTOS, both, pac=hard_letters(negatives))
    (other,) = set(both) - {named}
    assert set(scores.corpus) == {named} and f"type {named}, not {other}" in scores.skipped[other]


def test_a_typed_checkpoint_under_the_wrong_name_is_refused(monkeypatch):
    monkeypatch.setattr(clip_families, "embedder_of", lambda *_: hard_letters(3))
    assert set(evaluate(CAPTIONS, PHOTOS, ["pac_spp_hard:checkpoint=DIR,scale=0.5"]).corpus) == {"pac_spp_hard"}
    with pytest.raises(ValueError, match="type pac_spp_hard, not pac_spp"):
        evaluate(CAPTIONS, PHOTOS, ["pac_spp:checkpoint=DIR"])
    with pytest.raises(ValueError, match="pac_spp_hard:scale is a number from 0 to 1, got '2'"):
        evaluate(CAPTIONS, PHOTOS, ["pac_spp_hard:checkpoint=DIR,scale=2"])
    with pytest.raises(ValueError, match="goes with a checkpoint"):
        evaluate(CAPTIONS, PHOTOS, ["pac_spp_hard:scale=0.5"], pac=hard_letters(3))


def test_a_precision_is_named_in_the_facts_and_only_a_typed_one_replaces_that_of_the_given_clip():
    made = []

    class Precise(Letters):
        def __init__(self, clip=None, precision="bf16"):
            self.precision = precision
            made.append(precision)

    facts = evaluate(CAPTIONS, PHOTOS, ["clip_s"], clip=Precise()).facts
    assert facts["clip_s"].endswith("CLIP letters (abc), bf16") and made == ["bf16"]
    facts = evaluate(CAPTIONS, PHOTOS, ["clip_s:precision=fp16"], clip=Precise()).facts
    assert facts["clip_s"].endswith(", fp16") and made == ["bf16", "bf16", "fp16"]
    facts = evaluate(CAPTIONS, PHOTOS, ["pac_spp"], pac=Precise(), precision="fp32").facts
    assert facts["pac_spp"].endswith(", fp32")


def test_a_metric_that_was_trained_anew_into_its_folder_is_loaded_again(tmp_path):
    folder = tmp_path / "metric"
    shutil.copytree(ASSETS / "scenes-clip", folder)
    first = clip_families.embedder_of(str(folder), "cpu")
    assert clip_families.embedder_of(str(folder), "cpu") is first
    file = folder / WEIGHTS
    weights = load_file(file)
    save_file({**weights, "logit_scale": weights["logit_scale"] + 1}, file)
    again = clip_families.embedder_of(str(folder), "cpu")
    assert again is not first and again.clip.fingerprint != first.clip.fingerprint
