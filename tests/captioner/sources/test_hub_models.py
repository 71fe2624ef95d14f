"""Models of transformers as sources of captions. The second source is the model's own `generate`, called by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from captioner.cli import main
from captioner.sources.hub_model import HubSource
from captioner.sources.settings import CandidateSettings
from metric.example import Cut, open_image
from tests.captioner.tiny_hub_models import MODELS

PROMPT = "a photo of"


@pytest.fixture(scope="session", params=MODELS)
def hub_model(request: pytest.FixtureRequest, hub_models: Callable[[str], str]) -> str:
    return hub_models(request.param)


def caption(model: str, images: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    """The rows that the command writes for the model."""
    where = ["--model", model, "--images", str(images), "--out", str(out), "--checker", "none"]
    assert main(["caption", *where, *more]) == 0
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def by_hand(name: str, folder: str, pictures: list[Image.Image], prompt: str, **settings: Any) -> list[str]:
    """The captions by transformers alone, as the model cards of the four models show it."""
    from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    begun = 0
    if name == "vit_gpt2":
        tokenizer = AutoTokenizer.from_pretrained(folder)
        inputs = dict(AutoImageProcessor.from_pretrained(folder)(pictures, return_tensors="pt"))
        if prompt:
            ids = [0, *tokenizer(prompt, add_special_tokens=False).input_ids]
            inputs["decoder_input_ids"], begun = torch.tensor([ids] * len(pictures)), len(ids)
    elif name == "qwen":
        processor = AutoProcessor.from_pretrained(folder)
        tokenizer = processor.tokenizer
        asked = (
            f"<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>{prompt}<|im_end|>\n<|im_start|>assistant\n"
        )
        inputs = processor(
            text=[asked] * len(pictures), images=pictures, padding=True, padding_side="left", return_tensors="pt"
        )
        begun = inputs["input_ids"].shape[1]
    else:
        processor = AutoProcessor.from_pretrained(folder)
        tokenizer = processor.tokenizer
        inputs = dict(processor(images=pictures, return_tensors="pt"))
        if prompt:
            ids = tokenizer(prompt).input_ids  # [CLS] prompt [SEP]
            begun = len(ids) - 1
            ids = ids if name == "blip" else ids[:-1]  # BLIP's `generate` takes the [SEP] away by itself
            inputs["input_ids"] = torch.tensor([ids] * len(pictures))
    if name == "git":
        settings["use_cache"] = False  # with it, transformers before 5.23 makes other captions
    tokens = model.generate(**inputs, max_new_tokens=6, do_sample=False, **settings)
    return [" ".join(text.split()) for text in tokenizer.batch_decode(tokens[:, begun:], skip_special_tokens=True)]


@pytest.mark.filterwarnings("ignore::UserWarning")  # transformers' own, in the calls by hand
@pytest.mark.parametrize("prompt", ["", PROMPT])
@pytest.mark.parametrize("name", MODELS)
def test_captions_are_those_of_the_models_own_generate(name, prompt, hub_models, pictures, tmp_path):
    model, asked = hub_models(name), prompt or ("What is there?" if name == "qwen" else "")
    more = ["--prompt", asked] if asked else []
    settings = ["--beams", "3", "--max-length", "6", "--no-repeat-ngram", "2", "--length-penalty", "4"]
    rows = caption(model, pictures, tmp_path / "out.jsonl", *settings, *more)
    opened = [open_image(pictures / row["id"]) for row in rows]
    settings = {"num_beams": 3, "no_repeat_ngram_size": 2, "length_penalty": 4.0}
    expected = by_hand(name, model.removeprefix("hf:"), opened, asked, **settings)
    assert [row["caption"] for row in rows] == expected
    assert len(rows) == 9 and len(set(expected)) > 1  # else pictures would make no difference


def test_shares_and_a_resumed_call_write_the_bytes_of_the_unbroken_call(hub_model, pictures, tmp_path):
    more = ["--method", "sample", "--n", "2", "--scores", "--max-length", "6", "--batch-size", "2"]
    caption(hub_model, pictures, tmp_path / "whole.jsonl", *more)
    broken = tmp_path / "broken.jsonl.work" / "1-of-1.jsonl"
    caption(hub_model, pictures, tmp_path / "broken.jsonl", *more)
    broken.write_bytes(broken.read_bytes()[:-400])
    caption(hub_model, pictures, tmp_path / "broken.jsonl", *more)
    where = ["--model", hub_model, "--images", str(pictures), "--out", str(tmp_path / "parts.jsonl"), *more]
    for share in "2/2", "1/2":
        assert main(["caption", *where, "--checker", "none", "--shard", share]) == 0
    expected = (tmp_path / "whole.jsonl").read_bytes()
    assert (tmp_path / "broken.jsonl").read_bytes() == (tmp_path / "parts.jsonl").read_bytes() == expected


def test_draws_are_the_pictures_own_whatever_is_captioned_beside_them(hub_models, pictures, tmp_path):
    model = hub_models("vit_gpt2")
    more = ["--method", "sample", "--n", "3", "--top-p", "0.9", "--max-length", "6"]
    two = caption(model, pictures, tmp_path / "two.jsonl", *more, "--batch-size", "2")
    assert caption(model, pictures, tmp_path / "nine.jsonl", *more) == two
    assert caption(model, pictures, tmp_path / "seed.jsonl", *more, "--seed", "1") != two


@pytest.mark.parametrize("method", ["beam", "greedy", "sample"])
def test_scores_are_the_log_probabilities_of_a_forward_pass(method, hub_models):
    from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

    name = hub_models("vit_gpt2")
    folder = name.removeprefix("hf:")
    pictures = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "green")]
    k = 1 if method == "greedy" else 3
    maker = HubSource(name, device="cpu").load(CandidateSettings(6, method, k, scores=True, no_repeat_ngram=2))
    made = maker.captions(pictures, ["r", "b", "g"])
    model, tokenizer = AutoModelForImageTextToText.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    pixels = AutoImageProcessor.from_pretrained(folder)(pictures, return_tensors="pt").pixel_values
    assert made.log_probabilities.shape == (3, k)
    for i, texts in enumerate(made.captions):
        for j, text in enumerate(texts):
            ids = tokenizer(text, add_special_tokens=False).input_ids + [0] * (not isinstance(text, Cut))
            seen = {"pixel_values": pixels[i, None], "decoder_input_ids": torch.tensor([[0, *ids[:-1]]])}
            logits = model(**seen).logits[0].detach().log_softmax(-1)
            expected = logits[torch.arange(len(ids)), ids].sum()
            assert made.log_probabilities[i, j] == pytest.approx(float(expected), abs=1e-4)


def test_the_best_of_several_draws_is_chosen_by_the_reward(hub_models, pictures, tmp_path):
    model, drawn = hub_models("blip"), ["--max-length", "6", "--scores"]
    every = ["--method", "sample", "--n", "4", "--reward", "repetition:n=1"]
    rows = caption(model, pictures, tmp_path / "all.jsonl", *drawn, *every)
    best = caption(model, pictures, tmp_path / "best.jsonl", *drawn, "--best-of", "4", "--reward", "repetition:n=1")
    assert [row["repetition"] for row in best] == [max(row["repetition"]) for row in rows]


def test_the_settings_of_the_models_own_files_hold_unless_others_are_typed(hub_models):
    decode = HubSource(hub_models("vit_gpt2")).decode()
    assert (decode.beams, decode.max_length) == (3, 7)  # num_beams 3; max_length 8 counts the token that begins


def test_unreadable_pictures_are_left_out_and_named(hub_models, pictures, tmp_path):
    (pictures / "text.jpg").write_text("no picture")
    rows = caption(hub_models("git"), pictures, tmp_path / "out.jsonl")
    assert len(rows) == 9
    assert json.loads((tmp_path / "out.jsonl.left-out.jsonl").read_text())["id"] == "text.jpg"


def test_work_of_another_prompt_is_not_mixed(hub_models, pictures, tmp_path, refused):
    where = ["--images", pictures, "--out", tmp_path / "out.jsonl", "--checker", "none"]
    caption(hub_models("blip"), pictures, tmp_path / "out.jsonl")
    said = refused("caption", "--model", hub_models("blip"), *where, "--prompt", "the")
    assert "was begun with prompt None, now 'the'" in said


def test_models_that_cannot_caption_are_told_in_one_line(hub_models, pictures, tmp_path, refused, model):
    def asked(name: object, *more: object) -> str:
        return refused("caption", "--model", name, "--images", pictures, "--out", tmp_path / "out.jsonl", *more)

    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    assert "model of the type bert, which captions no pictures" in asked(f"hf:{tmp_path / 'bert'}")
    assert "there is no folder" in asked(f"hf:{tmp_path / 'gone'}")
    assert f"{pictures} has no config.json" in asked(f"hf:{pictures}")
    assert "type it without hf:" in asked(f"hf:{model}")
    assert "--method beam or sample" in asked(hub_models("blip"), "--method", "diverse_beam")
    assert "leave --guidance out" in asked(hub_models("blip"), "--guidance", "2")
    assert "leave --features out" in asked(hub_models("blip"), "--features", tmp_path)
    assert "clips:clip=ARCH:TAG" in asked(hub_models("blip"), "--best-of", "2", "--reward", "clips")
    assert "--model hf:ORG/NAME" in asked(model, "--prompt", "a")


@pytest.mark.parametrize(("name", "lost"), [("blip", "processor"), ("vit_gpt2", "image processor")])
def test_a_missing_processor_is_told_with_the_way_to_save_one(name, lost, hub_models, pictures, tmp_path, refused):
    for path in Path(hub_models(name).removeprefix("hf:")).iterdir():
        if path.name in ("config.json", "model.safetensors", "generation_config.json") or (
            name == "vit_gpt2" and path.name.startswith("token")
        ):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    said = refused("caption", "--model", f"hf:{tmp_path}", "--images", pictures, "--out", tmp_path / "out.jsonl")
    assert f"has no {lost} that can be loaded" in said and "save_pretrained" in said


def test_a_model_of_transformers_without_its_prefix_is_named(hub_models, pictures, tmp_path, refused):
    bare = hub_models("blip").removeprefix("hf:")
    said = refused("caption", "--model", bare, "--images", pictures, "--out", tmp_path / "out.jsonl")
    assert f"is a model of the type blip, and no captioner of this package; type hf:{bare}" in said


@pytest.mark.parametrize("name", ["blip", "git", "vit_gpt2"])
def test_captions_longer_than_the_places_of_a_model_are_refused_and_those_that_fit_are_made(
    name, hub_models, pictures, tmp_path, refused
):
    out = tmp_path / "out.jsonl"
    asked = ["caption", "--model", hub_models(name), "--images", pictures, "--out", out, "--prompt", PROMPT]
    said = refused(*asked, "--max-length", "5000")
    most = said.split("type --max-length ")[1].split()[0]
    assert "5000" in said and not out.with_name("out.jsonl.work").exists()
    caption(hub_models(name), pictures, out, "--prompt", PROMPT, "--max-length", most, "--method", "sample", "--n", "4")


@pytest.fixture
def bare_qwen(hub_models, tmp_path) -> str:
    """The chat model without its chat template."""
    folder = shutil.copytree(hub_models("qwen").removeprefix("hf:"), tmp_path / "bare")
    (folder / "chat_template.jinja").unlink()
    return f"hf:{folder}"


@pytest.mark.parametrize("prompt", [[], ["--prompt", "Describe."]])
def test_a_chat_model_without_a_template_is_told_before_the_work(prompt, bare_qwen, pictures, tmp_path, refused):
    out = tmp_path / "out.jsonl"
    said = refused("caption", "--model", bare_qwen, "--images", pictures, "--out", out, *prompt)
    assert "has no chat template, and does not take the prompt" in said
    assert "save its chat_template.jinja in the folder, or give a prompt with <|image_pad|>" in said
    assert not out.with_name("out.jsonl.work").exists()


def test_a_chat_model_without_a_template_takes_a_prompt_that_places_the_picture(
    bare_qwen, hub_models, pictures, tmp_path
):
    asked = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>What?<|im_end|>\n<|im_start|>assistant\n"
    most = ["--max-length", "4"]
    bare = caption(bare_qwen, pictures, tmp_path / "bare.jsonl", "--prompt", asked, *most)
    assert bare == caption(hub_models("qwen"), pictures, tmp_path / "chat.jsonl", "--prompt", "What?", *most)


def spoken(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    """A model that says these texts for the nine pictures, one after the other, whatever it is asked."""
    texts = iter(said)
    monkeypatch.setattr("transformers.BertTokenizer.decode", lambda self, tokens, **_: next(texts))


def test_a_prompt_that_a_model_says_again_is_removed_exactly_once(hub_models, pictures, tmp_path, monkeypatch):
    spoken(monkeypatch, ["A photo  of a dog", "a photo of a photo of a dog", "a photo often", *["a cat"] * 6])
    more = ["--prompt", PROMPT, "--beams", "1", "--max-length", "8"]
    rows = caption(hub_models("blip"), pictures, tmp_path / "out.jsonl", *more)
    assert [row["caption"] for row in rows][:4] == ["a dog", "a photo of a dog", "a photo often", "a cat"]


def test_captions_that_say_nothing_are_told_and_named_and_kept(hub_models, pictures, tmp_path, monkeypatch, capfd):
    spoken(monkeypatch, ["a dog", "", PROMPT, ".", *["a cat"] * 5])
    out = tmp_path / "out.jsonl"
    rows = caption(hub_models("blip"), pictures, out, "--prompt", PROMPT, "--beams", "1", "--max-length", "8")
    assert [row["caption"] for row in rows][:4] == ["a dog", "", "", "."]
    silent = [row["id"] for row in rows[1:4]]
    told = f"captioner: caution: {out}: 3 captions say nothing, the first of {silent[0]}; they are kept and scored"
    assert told in capfd.readouterr().err.splitlines()
    named = [json.loads(line) for line in Path(f"{out}.left-out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in named] == silent and {row["kind"] for row in named} == {"caption"}
    assert [row["reason"] for row in named] == [
        f"it {what}, and is kept" for what in ("is blank",) * 2 + ("has no word",)
    ]


def test_captions_that_the_length_limit_cut_are_counted(hub_models, pictures, tmp_path, capfd, monkeypatch):
    caption(hub_models("git"), pictures, tmp_path / "plain.jsonl", "--max-length", "2", "--beams", "1")
    monkeypatch.setattr(
        "captioner.sources.hub_model.ends_of", lambda model, tokenizer: torch.tensor([], dtype=torch.long)
    )
    capfd.readouterr()
    caption(hub_models("git"), pictures, tmp_path / "endless.jsonl", "--max-length", "9", "--beams", "1")
    assert "9 captions cut by --max-length 9" in capfd.readouterr().out
