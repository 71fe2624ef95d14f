from __future__ import annotations

import torch

from metric.clip.embedder import Embedder
from metric.clip.load import new_clip
from metric.example import Example
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.training.clip_quality import appraise, table

SCENES = [sample("val", index) for index in range(12)]
EXAMPLES = [Example(str(index), scene, references(scene, 2)) for index, scene in enumerate(SCENES)]


def test_scenes_are_appraised_in_every_way() -> None:
    torch.manual_seed(0)
    figures = appraise(Embedder(new_clip("scenes-clip", [text for e in EXAMPLES for text in e.references])), EXAMPLES)
    assert set(figures) >= {"i2t_r1", "t2i_r10", "tau_b", "human_captions", "keyword_lists", "object_recall"}
    assert all(-1 <= figure <= 2 for figure in figures.values())


def test_table_has_a_row_a_figure_and_a_column_a_clip() -> None:
    lines = table({"before": {"tau_b": 0.25}, "after": {"tau_b": 0.5}}).splitlines()
    assert lines[0].split() == ["before", "after"] and lines[1].split() == ["tau_b", "0.250", "0.500"]
