"""Stable Diffusion 3.5 and FLUX with a few thousand random weights: other parts, the same call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from metric.example import Example
from metric.positives.config import GenerationConfig
from metric.positives.pipelines import PipelinePictures
from metric.positives.units import units_of

diffusers = pytest.importorskip("diffusers")
UNITS = units_of([Example(name, Path(name), (f"a {name} dog",)) for name in ("red", "blue")], 1, seed=0)
SIZE = 32  # of every text tower
TOWER = {"hidden_size": SIZE, "intermediate_size": SIZE, "num_hidden_layers": 1, "num_attention_heads": 2}
LENGTH = 16  # tokens of a prompt, as the tokenizer has it


def t5(size: int) -> tuple[T5EncoderModel, T5Tokenizer]:
    words = ["<pad>", "</s>", "<unk>", "▁a", "▁red", "▁blue", "▁dog"]
    config = T5Config(vocab_size=len(words), d_model=size, d_kv=8, d_ff=SIZE, num_layers=1, num_heads=2)
    tokenizer = T5Tokenizer(vocab=[(word, -1.0) for word in words], extra_ids=0, model_max_length=LENGTH)
    return T5EncoderModel(config), tokenizer


def vae() -> Any:
    return diffusers.AutoencoderKL(
        block_out_channels=(4, 8),
        norm_num_groups=2,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=4,
        sample_size=16,
        shift_factor=0.06,
        scaling_factor=1.5,
    )


def text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    tokens = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    return CLIPTextConfig(**TOWER, **tokens, max_position_embeddings=LENGTH, projection_dim=SIZE)


def stable_diffusion_3(tokenizer: CLIPTokenizer) -> Any:
    encoder, words = t5(2 * SIZE)
    towers = [CLIPTextModelWithProjection(text_config(tokenizer)) for _ in range(2)]
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=16,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=2 * SIZE,
        pooled_projection_dim=2 * SIZE,
        pos_embed_max_size=16,
    )
    return diffusers.StableDiffusion3Pipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae(),
        text_encoder=towers[0],
        tokenizer=tokenizer,
        text_encoder_2=towers[1],
        tokenizer_2=tokenizer,
        text_encoder_3=encoder,
        tokenizer_3=words,
    )


def flux(tokenizer: CLIPTokenizer) -> Any:
    encoder, words = t5(SIZE)
    transformer = diffusers.FluxTransformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=SIZE,
        pooled_projection_dim=SIZE,
        axes_dims_rope=[4, 4, 8],
    )
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        text_encoder_2=encoder,
        tokenizer_2=words,
        transformer=transformer,
    )


@pytest.fixture(scope="module", params=[stable_diffusion_3, flux])
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clip_tokenizer) -> str:
    folder: Path = tmp_path_factory.mktemp(request.param.__name__)
    torch.manual_seed(0)
    request.param(clip_tokenizer).save_pretrained(folder / "pipeline")
    return str(folder / "pipeline")


def test_a_picture_follows_its_caption_and_its_own_seed(pipeline: str) -> None:
    maker = PipelinePictures(GenerationConfig(image=pipeline, steps=2, size=32), torch.device("cpu"))
    together, (alone,) = maker(UNITS), maker(UNITS[1:])
    assert together[0] and together[1] and alone and alone.size == (32, 32)
    assert max(abs(a - b) for a, b in zip(together[1].tobytes(), alone.tobytes())) <= 1
    (other_seed,) = maker([replace(UNITS[1], seed=1)])
    (other_caption,) = maker([replace(UNITS[1], caption="a red dog")])
    for other in (other_seed, other_caption):
        assert other and other.tobytes() != alone.tobytes()


def test_the_record_names_pipeline_steps_and_guidance(pipeline: str) -> None:
    facts = PipelinePictures(GenerationConfig(image=pipeline, steps=1), torch.device("cpu")).facts
    assert facts["model"] == pipeline and facts["pipeline"] in ("StableDiffusion3Pipeline", "FluxPipeline")
    assert facts["num_inference_steps"] == 1 and facts["guidance_scale"] > 0
