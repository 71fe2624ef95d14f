"""BLIP and Stable Diffusion with a few thousand random weights, saved to a folder and loaded as a hub id would be."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from metric.example import Example
from metric.image_to_text.reader import without_prompt
from metric.positives.captioners import TransformersCaptions
from metric.positives.config import GenerationConfig
from metric.positives.pipelines import PipelinePictures
from metric.positives.units import Unit, units_of

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] [DEC] [ENC] a the dog cat red blue sits on floor".split()
TRANSFORMER = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
CPU = torch.device("cpu")
UNITS = units_of([Example(name, Path(name), (f"a {name} dog",)) for name in ("red", "blue", "green")], 1, seed=0)
PICTURES = [Image.new("RGB", (40, 30), unit.example.id) for unit in UNITS]


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> str:
    from transformers import BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    folder: Path = tmp_path_factory.mktemp("blip")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), bos_token="[DEC]")
    tokens = {"bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0, "vocab_size": len(WORDS)}
    text = {**TRANSFORMER, **tokens, "encoder_hidden_size": 16, "projection_dim": 16, "max_position_embeddings": 32}
    vision = {**TRANSFORMER, "projection_dim": 16, "image_size": 32, "patch_size": 16}
    torch.manual_seed(0)
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, projection_dim=16))
    model.save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory: pytest.TempPathFactory, clip_tokenizer) -> str:
    diffusers = pytest.importorskip("diffusers")
    from transformers import CLIPTextConfig, CLIPTextModel

    folder: Path = tmp_path_factory.mktemp("stable-diffusion")
    tokens = {"vocab_size": len(clip_tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    torch.manual_seed(0)
    blocks = {"block_out_channels": (4, 8), "norm_num_groups": 2}
    unet = diffusers.UNet2DConditionModel(
        **blocks,
        layers_per_block=1,
        sample_size=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=2,
    )
    vae = diffusers.AutoencoderKL(
        **blocks,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        sample_size=16,
    )
    diffusers.StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(CLIPTextConfig(**TRANSFORMER, **tokens, max_position_embeddings=16)),
        tokenizer=clip_tokenizer,
        unet=unet,
        scheduler=diffusers.DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return str(folder)


def test_blip_says_of_a_picture_what_its_own_beam_search_says(blip: str) -> None:
    from transformers import AutoProcessor, BlipForConditionalGeneration

    maker = TransformersCaptions(GenerationConfig(text=blip, beams=3, max_length=6), CPU)
    said = maker(UNITS, PICTURES)
    model, processor = BlipForConditionalGeneration.from_pretrained(blip), AutoProcessor.from_pretrained(blip)
    for picture, caption in zip(PICTURES, said):
        pixels = processor(images=picture, return_tensors="pt")
        tokens = model.generate(**pixels, num_beams=3, max_new_tokens=6)
        assert processor.decode(tokens[0], skip_special_tokens=True) == caption != ""
    assert maker.facts == {"model": blip, "prompt": "", "num_beams": 3, "max_new_tokens": 6, "do_sample": False}


def test_the_prompt_is_continued_and_not_part_of_the_caption(blip: str) -> None:
    config = GenerationConfig(text=blip, beams=1, max_length=4)
    plain = TransformersCaptions(config, CPU)(UNITS, PICTURES)
    prompted = TransformersCaptions(replace(config, text_prompt="the blue"), CPU)(UNITS, PICTURES)
    assert prompted != plain and not any(text.startswith("the blue") for text in prompted)
    assert without_prompt("a photo of a dog", "A photo of") == "a dog" and without_prompt("a dog", "") == "a dog"
    assert without_prompt("a photo of a photo of a dog", "a photo of") == "a photo of a dog"  # exactly once
    assert (
        without_prompt("an apple", "a") == "an apple" and without_prompt("what is it? a dog", "What is it?") == "a dog"
    )


def test_a_picture_depends_on_its_own_seed_and_not_on_its_batch(stable_diffusion: str) -> None:
    maker = PipelinePictures(GenerationConfig(image=stable_diffusion, steps=2, guidance=3.0), CPU)
    together, (alone,) = maker(UNITS), maker(UNITS[1:2])
    assert together[1] and alone and together[0]
    differences = [abs(a - b) for a, b in zip(together[1].tobytes(), alone.tobytes())]
    assert max(differences) <= 1  # the last bit of a product may depend on the batch
    assert together[0].tobytes() != alone.tobytes()
    (other,) = maker([replace(UNITS[1], seed=1)])
    assert other and other.tobytes() != alone.tobytes()


def test_settings_reach_the_pipeline_and_the_record(stable_diffusion: str) -> None:
    config = GenerationConfig(image=stable_diffusion, steps=1, size=32)
    maker = PipelinePictures(config, CPU)
    (picture,) = maker(UNITS[:1])
    assert picture and picture.size == (32, 32)
    settings = {"num_inference_steps": 1, "guidance_scale": 7.5, "height": 32, "width": 32}  # 7.5 is the pipeline's own
    assert maker.facts == {"model": stable_diffusion, "pipeline": "StableDiffusionPipeline", **settings}


def test_half_precision_is_that_of_the_weights(blip: str, stable_diffusion: str) -> None:
    config = GenerationConfig(text=blip, image=stable_diffusion, precision="bf16", beams=1, max_length=3, steps=1)
    captions, pictures = TransformersCaptions(config, CPU), PipelinePictures(config, CPU)
    assert captions.model.dtype == pictures.pipeline.unet.dtype == torch.bfloat16
    assert len(captions(UNITS, PICTURES)) == 3 and pictures(UNITS[:1])[0]


def test_blackened_pictures_are_withheld() -> None:
    class Output(dict):
        images = PICTURES

    maker = PipelinePictures.__new__(PipelinePictures)
    maker.prompt, maker.settings = "{caption}", {}
    maker.pipeline = lambda **_: Output(nsfw_content_detected=[False, True, False])
    assert maker(UNITS) == [PICTURES[0], None, PICTURES[2]]


def test_models_that_are_not_there_are_told(tmp_path: Path, blip: str) -> None:
    pytest.importorskip("diffusers")
    with pytest.raises(ValueError, match="is no image-to-text model that can be loaded.*blip-image-captioning-large"):
        TransformersCaptions(GenerationConfig(text=str(tmp_path)), CPU)
    with pytest.raises(ValueError, match="is no text-to-image pipeline that can be loaded.*stable-diffusion-2-1"):
        PipelinePictures(GenerationConfig(image=str(tmp_path)), CPU)


def test_without_diffusers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(ValueError, match=r"pip install 'captioner\[generators\]'"):
        PipelinePictures(GenerationConfig(image="x"), CPU)


def test_a_unit_is_known_by_its_number() -> None:
    units = units_of([Example("a", Path("a"), ("x", "y")), Example("b.c", Path("b"), ())], 3, seed=1)
    assert [(unit.key[-1], unit.n, unit.caption) for unit in units[:4]] == [
        *[("0", 0, "x"), ("1", 1, "y"), ("2", 2, "x")],
        ("3", 0, ""),
    ]
    assert len({unit.seed for unit in units}) == 6 and isinstance(units[0], Unit)
