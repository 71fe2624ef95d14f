"""A written CLIP is loaded by the program that it was written for, and embeds as before."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import open_clip
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from captioner.cli import main
from captioner.scoring.metric_scorers import kinds_behind
from metric.clip.load import load_clip, new_clip, save_clip
from metric.clip.model import Clip
from metric.export.formats import equal, export
from metric.export.to_onnx import EXPORTER
from metric.negatives.drawing import kinds_of
from metric.runtime.installed import older
from metric.scenes.world import sample
from metric.storage import hub
from metric.training.config import MetricConfig
from metric.training.lora import add_adapter, save_adapter
from tests.metric.conftest import PIXELS, VISION, tiny

WORDS = ["A photo depicts a dog, and a man's hat.", "two red cars"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> Path:
    """scenes-clip with a LoRA whose matrices do something, as `metric train` leaves it."""
    run = tmp_path_factory.mktemp("tuned")
    clip = load_clip("scenes-clip")
    fingerprint = clip.fingerprint
    model = add_adapter(clip, MetricConfig())
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1)
    save_adapter(model, fingerprint, run / "adapter")
    return run


def texts_of(clip: Clip) -> torch.Tensor:
    return clip.encode_text(WORDS)


def test_a_merged_lora_is_a_folder_of_open_clip(tuned, tmp_path, capsys):
    assert main(f"metric export --metric {tuned} --format open_clip --out {tmp_path}/out".split()) == 0
    said = capsys.readouterr().out
    assert "text tower: embeddings differ by at most" in said
    assert f"load it: open_clip.create_model_from_pretrained('local-dir:{tmp_path}/out')" in said
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{tmp_path}/out")
    tokens = open_clip.get_tokenizer(f"local-dir:{tmp_path}/out")(WORDS)
    found = F.normalize(model.eval().encode_text(tokens), dim=-1).detach()
    torch.testing.assert_close(found, texts_of(load_clip(str(tuned))), atol=1e-5, rtol=0)
    assert float((found - texts_of(load_clip("scenes-clip"))).abs().max()) > 1e-3  # the LoRA is in
    assert load_clip(f"{tmp_path}/out").fingerprint == load_clip(str(tuned)).fingerprint


def test_a_hard_metric_stays_a_hard_metric(tuned, tmp_path):
    shutil.copytree(tuned, tmp_path / "run")
    settings = {"negatives": 3, "negative_kinds": "form", "rank": 4}
    (tmp_path / "run" / "config.json").write_text(json.dumps(settings))
    export(str(tmp_path / "run"), "open_clip", tmp_path / "out")
    assert load_clip(str(tmp_path / "out")).negatives == 3
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == {"negatives": 3, "negative_kinds": "form"}


def test_a_hard_metric_of_the_home_or_of_the_hub_stays_one(tuned, tmp_path, monkeypatch):
    settings = {"negatives": 3, "negative_kinds": "form"}
    run = tmp_path / "run"
    shutil.copytree(tuned, run)
    (run / "config.json").write_text(json.dumps(settings))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(hub, "snapshot", lambda name, files: run)
    for name in ("~/run", "someone/hard"):
        out = tmp_path / f"out-{name.replace('/', '-')}"
        export(name, "open_clip", out)
        assert json.loads((out / "config.json").read_text()) == settings
        assert kinds_behind(f"pac_spp_hard:checkpoint={name}") == list(kinds_of("form"))


def test_a_merged_lora_is_a_clip_model_of_transformers(tuned, tmp_path):
    from transformers import AutoProcessor, CLIPModel

    export(str(tuned), "transformers", tmp_path / "out")
    model, processor = CLIPModel.from_pretrained(tmp_path / "out"), AutoProcessor.from_pretrained(tmp_path / "out")
    clip, picture = load_clip(str(tuned)), sample("test", 0).draw()
    inputs = processor(text=WORDS, images=[picture], return_tensors="pt", padding=True, truncation=True)
    with torch.no_grad():
        output = model(**{name: inputs[name] for name in ("input_ids", "attention_mask", "pixel_values")})
    torch.testing.assert_close(output.text_embeds, texts_of(clip), atol=1e-5, rtol=0)
    image = clip.encode_image(clip.preprocess(picture)[None])
    assert float((output.image_embeds * image).sum()) > 0.999  # transformers rounds pixels in another way
    torch.testing.assert_close(model.logit_scale.detach(), clip.model.logit_scale.detach())


def byte_pairs(folder: Path, quick: bool) -> Path:
    """A CLIP with the architecture and the tokenizer of OpenAI's, with a few weights."""
    text = {"context_length": 16, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 2}
    model = {"embed_dim": 8, "vision_cfg": VISION | {"layers": 2}, "text_cfg": text} | (
        {"quick_gelu": True} if quick else {}
    )
    (folder / "model.json").write_text(json.dumps({"model_cfg": model, "preprocess_cfg": PIXELS}))
    torch.manual_seed(0)
    save_clip(new_clip(folder / "model.json", []), folder / "clip")
    return folder / "clip"


@pytest.mark.parametrize("quick", [False, True])
def test_the_byte_pairs_of_clip_give_the_same_tokens_in_transformers(tmp_path, quick):
    from transformers import AutoProcessor

    name = byte_pairs(tmp_path, quick)
    export(str(name), "transformers", tmp_path / "out")
    tokenizer, ours = AutoProcessor.from_pretrained(tmp_path / "out").tokenizer, load_clip(str(name)).tokenizer
    texts = [*WORDS, "It's 10:30, isn't it?", "naïve café — ünïcode", "word " * 40]
    for theirs, row in zip(tokenizer(texts, truncation=True)["input_ids"], ours(texts).tolist()):
        assert theirs == [token for token in row if token]
    kept = json.loads((tmp_path / "out" / "config.json").read_text())["text_config"]["hidden_act"]
    assert kept == ("quick_gelu" if quick else "gelu")


def test_an_old_exporter_is_refused_with_the_one_to_install(tmp_path, tiny_clip, monkeypatch):
    monkeypatch.setattr("metric.runtime.installed.version", lambda package: "2.8.1+cpu")
    save_clip(tiny_clip, tmp_path / "clip")
    with pytest.raises(ValueError, match="writes no ONNX file for batches of any size; pip install 'torch>=2.9'"):
        export(str(tmp_path / "clip"), "onnx", tmp_path / "out")


@pytest.mark.skipif(older("torch", EXPORTER), reason="this torch writes no ONNX file for batches of any size")
def test_onnx_files_take_batches_of_any_size(tmp_path, tiny_clip):
    import onnx
    import onnxruntime

    save_clip(tiny_clip, tmp_path / "clip")
    lines = export(str(tmp_path / "clip"), "onnx", tmp_path / "out")
    assert "image.onnx: pixels n x 3 x 16 x 16 float32 -> features n x 16, opset 18" in lines
    assert [entry.version for entry in onnx.load(tmp_path / "out" / "text.onnx").opset_import if not entry.domain] == [
        18
    ]
    clip = load_clip(str(tmp_path / "clip"))
    for n in (1, 5):
        pixels = torch.randn(n, 3, 16, 16)
        session = onnxruntime.InferenceSession(str(tmp_path / "out" / "image.onnx"))
        (found,) = session.run(["features"], {"pixels": pixels.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), clip.encode_image(pixels), atol=1e-4, rtol=0)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"image.onnx", "text.onnx", "open_clip_config.json", "tokenizer.json"} <= names


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"custom_text": True}, "its text tower is a TextTransformer"),
        (
            {"vision_cfg": {"timm_model_name": "test_vit", "timm_pool": "", "timm_proj": ""}},
            "its image tower is a TimmModel",
        ),
        ({"text_cfg": {"proj_bias": True}}, "text_projection.weight has no counterpart"),
        ({"vision_cfg": {"pool_type": "avg"}}, "embeds unlike .*, by .*type --format open_clip"),
        ({"vision_cfg": {"ls_init_value": 0.1}}, "ls_1.gamma has no counterpart"),
    ],
)
def test_towers_that_clip_model_does_not_have_are_refused_by_name(tmp_path, settings, said):
    save_clip(tiny(tmp_path, **settings), tmp_path / "clip")
    with pytest.raises(ValueError, match=said) as error:
        export(str(tmp_path / "clip"), "transformers", tmp_path / "out")
    assert "\n" not in str(error.value) and not (tmp_path / "out").exists()


def test_an_unequal_embedding_is_refused_and_equal_ones_are_told():
    one = F.normalize(torch.ones(2, 4), dim=-1)
    assert equal("x", (one, one + 5e-5), (one, one))[1].startswith("text tower: embeddings differ by at most 5")
    with pytest.raises(ValueError, match="the image tower that was written embeds unlike x, by 2.0e-04"):
        equal("x", (one + 2e-4, one), (one, one))
    with pytest.raises(ValueError, match="by nan"):
        equal("x", (one * float("nan"), one), (one, one))


def test_a_folder_that_exists_is_kept(tmp_path, capsys):
    assert main(f"metric export --metric scenes-clip --format open_clip --out {tmp_path}".split()) == 2
    assert "exists; give another --out, or delete it" in capsys.readouterr().err
