"""What uses captioners and metrics on an accelerator: positives, rounds, files for others, page and server."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from captioner.cli import main
from captioner.publishing import browser_page
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.export.to_onnx import EXPORTER
from metric.positives.config import GenerationConfig
from metric.positives.pipelines import PipelinePictures
from metric.positives.shards import read, shards_in
from metric.runtime.installed import older
from rewards.bridges.client import ask, item
from rewards.bridges.judge import Judge
from tests.captioner.hardening.test_rounds import pressed, words
from tests.captioner.serving.test_server import running
from tests.metric.clip.test_pacs_import import saved, state_dict
from tests.metric.positives.conftest import clip_tokenizer
from tests.metric.positives.test_models import UNITS, stable_diffusion
from tests.pretend.measured import COLOURS
from tests.pretend.plugin import HERE
from tests.rewards.conftest import gpt2

__all__ = ["clip_tokenizer", "gpt2", "pressed", "stable_diffusion"]  # fixtures

DEVICES = ("auto", "cpu")


@pytest.fixture
def coloured(squares_data) -> list[Path]:
    """The files of squares."""
    folder = Path(squares_data.partition("file=")[2]).parent
    return [folder / f"{colour}.png" for colour in COLOURS]


@pytest.mark.filterwarnings("ignore:Glyph")  # a run that has learned nothing says what no font has
@pytest.mark.parametrize("maker", ["run", "blip"])
def test_positives_are_said_as_on_the_cpu(maker, pressed, hub_models, squares_data, tiny_clip, tmp_path):
    text = str(pressed / "run") if maker == "run" else hub_models("blip").removeprefix("hf:")
    said = []
    for device in DEVICES:
        out = tmp_path / device
        given = ["--text", text, "--image", "none", "--per-picture", "1", "--clip", tiny_clip, "--max-length", "6"]
        assert main(["metric", "positives", "--data", squares_data, *given, "--device", device, "--out", str(out)]) == 0
        said.append([sample.text for sample in read(shards_in(out))])
    assert said[0] == said[1] and len(said[0]) == len(COLOURS) and any(said[0])


def test_positives_are_painted_as_on_the_cpu(stable_diffusion):
    config = GenerationConfig(image=stable_diffusion, steps=2, guidance=3.0)
    here, there = (PipelinePictures(config, torch.device(kind))(UNITS[:2]) for kind in (HERE, "cpu"))
    for ours, theirs in zip(here, there):
        assert max(abs(a - b) for a, b in zip(ours.tobytes(), theirs.tobytes())) <= 2  # of 255


def test_a_round_of_hardening(pressed, tmp_path):
    assert main(words(pressed, tmp_path / "rounds", "--rounds", "1")) == 0
    rows = json.loads((tmp_path / "rounds" / "rounds.json").read_text())
    assert [row["round"] for row in rows] == [0, 1] and 0 <= rows[1]["audit_mean"] <= rows[1]["audit_worst"] <= 1


def test_an_imported_file_scores_as_on_the_cpu(coloured, tmp_path):
    file = saved(state_dict(True), tmp_path / "PAC++.pth")
    assert main(["metric", "import", str(file), "--out", str(tmp_path / "out")]) == 0
    alike(str(tmp_path / "out"), coloured)


@pytest.mark.parametrize("form", ["open_clip", "transformers"] + ([] if older("torch", EXPORTER) else ["onnx"]))
def test_an_exported_metric_is_read_here(form, pressed, coloured, tmp_path):
    assert (
        main(["metric", "export", "--metric", str(pressed / "metric"), "--format", form, "--out", f"{tmp_path}/x"]) == 0
    )
    if form == "open_clip":
        alike(f"{tmp_path}/x", coloured)


def alike(clip: str, pictures: list[Path]) -> None:
    """Embeddings here are those of the CPU."""
    here, there = (Embedder(load_clip(clip, kind)) for kind in (HERE, "cpu"))
    assert here.clip.device.type == HERE
    for ours, theirs in ((here.images(pictures), there.images(pictures)), (here.texts(COLOURS), there.texts(COLOURS))):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=1e-3, atol=1e-4)


def test_a_page_says_and_scores_as_on_the_cpu(model, tiny_clip, coloured, monkeypatch):
    """`captioner app`, but for the browser."""
    shown = []
    monkeypatch.setattr(browser_page, "library", lambda: None)
    monkeypatch.setattr(browser_page, "page", lambda trial, scenes: shown.append(trial))
    monkeypatch.setattr(browser_page, "serve", lambda *given: None)
    for device in DEVICES:
        given = ["--model", str(model), "--pac", tiny_clip, "--checker", "none", "--device", device]
        assert main(["app", *given]) == 0
    (here,), (there,) = (trial(coloured[0])[0] for trial in shown)
    assert shown[0].clip.clip.device.type == HERE and here.words == there.words and here.scores == there.scores


def test_a_server_has_the_rewards_of_the_cpu(tiny_clip, gpt2, coloured):
    specs = (f"clips:clip={tiny_clip}", f"pacspp:checkpoint={tiny_clip}", f"lm:model={gpt2}", "rouge_l")
    items = [item(f"a {path.stem} square", str(path), ["a red square", "one thing"]) for path in coloured]
    with ExitStack() as open_servers:
        urls = [open_servers.enter_context(running(Judge(specs, device=device)))[0] for device in DEVICES]
        here, there = ([score["total"] for score in ask(url, {"items": items})["scores"]] for url in urls)
    assert here == pytest.approx(there, abs=1e-4) and len(here) == len(COLOURS)


@pytest.mark.parametrize("name", ["blip", "git", "vit_gpt2", "qwen"])
def test_a_captioner_of_transformers_says_what_it_says_on_the_cpu(name, hub_models, pictures, tmp_path):
    said = []
    for device in DEVICES:
        out = tmp_path / f"{device}.jsonl"
        given = ["--model", hub_models(name), "--images", str(pictures), "--device", device, "--out", str(out)]
        assert main(["caption", *given, "--checker", "none", "--max-length", "6", "--beams", "2", "--scores"]) == 0
        said.append([json.loads(line)["caption"] for line in out.read_text().splitlines()])
    assert said[0] == said[1] and len(said[0]) == 9
