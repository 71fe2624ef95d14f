"""The filter of data-juicer, called as data-juicer calls it. data-juicer pins other versions than this project's.

`Filter` and the registry below are stand-ins of a few lines, with the names, keys and rules of py-data-juicer 1.6.1.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from metric import Example
from metric import evaluate as ours
from metric.scenes.language import references
from metric.scenes.world import sample
from tests.places import ROOT

FILE = ROOT / "metric" / "plugins" / "caption_filters.py"
STATS = "__dj__stats__"
SCENES = [sample("test", number) for number in range(3)]
CAPTIONS = [references(SCENES[0])[0], "a red dog a red dog a red dog a red dog", references(SCENES[2])[0]]


class Filter:
    """data-juicer's base class: names of columns, the call on a batch, and the rule of a closed interval."""

    def __init__(self, *args, **kwargs):
        self.text_key = kwargs.get("text_key", "text")
        self.image_key = kwargs.get("image_key", "images")
        self.image_bytes_key = kwargs.get("image_bytes_key", "image_bytes")

    def get_keep_boolean(self, val, min_val=None, max_val=None):
        return (min_val is None or val >= min_val) and (max_val is None or val <= max_val)

    def process_batched(self, samples):
        return map(lambda stat: self.process_single({STATS: stat}), samples[STATS])


class Registry:
    def __init__(self):
        self.modules = {}

    def register_module(self, name):
        return lambda made: self.modules.setdefault(name, made)


@pytest.fixture
def operator(monkeypatch):
    """The class that data-juicer finds in its registry after it has loaded the file of `custom_operator_paths`."""
    registry = Registry()
    parts = {
        "data_juicer": {},
        "data_juicer.ops": {},
        "data_juicer.ops.base_op": {"OPERATORS": registry, "Filter": Filter},
        "data_juicer.utils": {},
        "data_juicer.utils.constant": {"Fields": type("Fields", (), {"stats": STATS})},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("caption_filters", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return registry.modules["caption_score_filter"]


def batch(**columns) -> dict:
    return {"text": CAPTIONS, **columns, STATS: [{} for _ in CAPTIONS]}


def test_a_learned_score_below_the_threshold_is_left_out(operator, tmp_path):
    paths = []
    for number, scene in enumerate(SCENES):
        paths.append([str(tmp_path / f"{number}.png")])
        scene.draw().save(paths[-1][0])
    spec = "pac_spp:checkpoint=scenes-clip"
    examples = [Example(str(n), scene) for n, scene in enumerate(SCENES)]
    expected = ours(dict(zip("012", CAPTIONS)), examples, [spec]).per_caption["pac_spp"]
    limit = sorted(expected.values())[1]
    made = operator(spec, min_score=limit - 1e-6)
    samples = made.compute_stats_batched(batch(images=paths), context=False)
    assert [stats[spec] for stats in samples[STATS]] == pytest.approx(list(expected.values()), rel=1e-6)
    assert list(made.process_batched(samples)) == [value >= limit for value in expected.values()]


@pytest.mark.parametrize("spec", ["rep_4", "incorrect:checker=harper"])
def test_repetition_and_grammar_need_no_picture_and_marks_are_no_words(operator, spec):
    made = operator(spec, max_score=0)
    samples = batch()
    samples["text"] = [f"<__dj__image>\n{caption} <|__dj__eoc|>" for caption in CAPTIONS]
    kept = list(made.process_batched(made.compute_stats_batched(samples)))
    plain = list(made.process_batched(made.compute_stats_batched(batch())))
    assert kept == plain and kept[0] and (spec != "rep_4" or kept == [True, False, True])


def test_a_score_that_is_there_is_not_computed_again(operator):
    samples = batch()
    samples[STATS] = [{"rep_4": 7.0}, {}, {"rep_4": 0.0}]
    found = operator("rep_4", max_score=0).compute_stats_batched(samples)[STATS]
    assert [stats["rep_4"] for stats in found] == [7.0, 6.0, 0.0]


def test_what_cannot_be_filtered_is_one_line(operator):
    with pytest.raises(ValueError, match="one score without references"):
        operator("cider", min_score=1)
    with pytest.raises(ValueError, match="min_score 0.7 is above max_score 0; .* write both, null for none"):
        operator("rep_4", min_score=0.7, max_score=0)
    with pytest.raises(ValueError, match="give min_score or max_score"):
        operator("rep_4")
    with pytest.raises(ValueError, match="needs one picture a sample, got a sample with 2"):
        pictures = [["a.png"], ["a.png", "b.png"], ["a.png"]]
        operator("clip_s:clip=scenes-clip", min_score=0).compute_stats_batched(batch(images=pictures))
