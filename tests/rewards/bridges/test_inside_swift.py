"""ms-swift's own code calls the bridge: its loader of plug-in files, and the function that scores its samples."""

from __future__ import annotations

import pytest
import torch

from metric.example import Cut, Example
from metric.scenes.language import references
from metric.scenes.world import sample
from rewards import Context, build, parse

pytest.importorskip("swift.rl_core", reason="no ms-swift 4")
pytestmark = pytest.mark.filterwarnings("ignore")  # ms-swift's own, and those of its packages

PLUGIN = """
from swift.rewards import orms

from rewards.bridges import orm

orms["quality"] = orm("refclips", "rouge_l:weight=0.5", clip="scenes-clip", name="quality")
orms["form"] = orm("repetition:n=1", name="form")
"""
TEXTS = ("a dog", "a dog with a", "a red boat")


def test_samples_of_swift_have_the_values_of_the_rewards(tmp_path):
    from swift.rewards import orms
    from swift.rl_core.data import GRPOSample
    from swift.rl_core.grpo_algorithm import score_completions
    from swift.utils import import_external_file

    (tmp_path / "rewards_plugin.py").write_text(PLUGIN)
    import_external_file(str(tmp_path / "rewards_plugin.py"))
    functions = [orms[name](args=None) for name in ("quality", "form")]
    assert [type(function).__name__ for function in functions] == ["quality", "form"]  # the names in swift's log
    scene, texts = sample("train", 0), references(sample("train", 0))
    scene.draw().save(tmp_path / "scene.png")
    pictures = [[{"bytes": None, "path": str(tmp_path / "scene.png")}], [scene.draw()], []]
    samples = [
        GRPOSample(
            messages=[{"role": "user", "content": "<image>"}, {"role": "assistant", "content": text}],
            images=images,
            extra={"references": list(texts)},
            finish_reason=reason,
        )
        for text, images, reason in zip(TEXTS, pictures, ("stop", "length", "stop"))
    ]
    values = score_completions(samples, functions, [None, None], False, torch.device("cpu"))
    mix = build([parse("refclips"), parse("rouge_l:weight=0.5")], Context())
    expected = mix([Example("x", scene, texts)], [[TEXTS[0], Cut(TEXTS[1])]])[0][0]
    assert values[:2, 0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert values[2, 0].isnan()  # no picture
    assert values[:, 1].tolist() == pytest.approx([0.0, -1.0, 0.0], abs=1e-6)  # "a" stands twice
