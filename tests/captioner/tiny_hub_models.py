"""Models of transformers with a few thousand random weights, in folders as the hub has them: BLIP, GIT, ViT-GPT2, Qwen.

Their weights are large, so that captions differ from picture to picture.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] [DEC] [ENC] a the dog cat red blue sits on floor photo of".split()
SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
PATCHES = {"image_size": 32, "patch_size": 16}
PIXELS = {"height": 32, "width": 32}
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def stirred(model: Any, factor: float = 8.0) -> Any:
    """The model with larger weights, which make captions depend on the picture."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.02 * factor)
    return model


def bert_tokenizer(folder: Path) -> Any:
    from transformers import BertTokenizer

    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return BertTokenizer(str(folder / "vocab.txt"), bos_token="[DEC]")


def blip(folder: Path) -> None:
    from transformers import BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

    tokens = {"bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0, "vocab_size": len(WORDS)}
    text = {**SIZES, **tokens, "encoder_hidden_size": 16, "projection_dim": 16, "max_position_embeddings": 32}
    vision = {**SIZES, **PATCHES, "projection_dim": 16}
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, projection_dim=16))
    stirred(model).save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size=PIXELS), bert_tokenizer(folder)).save_pretrained(folder)


def git(folder: Path) -> None:
    from transformers import CLIPImageProcessor, GitConfig, GitForCausalLM, GitProcessor

    tokens = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0, "vocab_size": len(WORDS)}
    config = GitConfig(vision_config={**SIZES, **PATCHES}, **SIZES, **tokens, max_position_embeddings=32)
    stirred(GitForCausalLM(config)).save_pretrained(folder)
    pictures = CLIPImageProcessor(size=PIXELS, crop_size=PIXELS)
    GitProcessor(pictures, bert_tokenizer(folder)).save_pretrained(folder)


def vit_gpt2(folder: Path) -> None:
    from transformers import GPT2Config, VisionEncoderDecoderModel, ViTConfig, ViTImageProcessor
    from transformers import VisionEncoderDecoderConfig as Config

    tokenizer = word_tokenizer(["<|endoftext|>"])
    decoder = GPT2Config(
        vocab_size=len(tokenizer), n_positions=32, n_embd=16, n_layer=1, n_head=2, bos_token_id=0, eos_token_id=0
    )
    model = VisionEncoderDecoderModel(Config.from_encoder_decoder_configs(ViTConfig(**SIZES, **PATCHES), decoder))
    told = {"decoder_start_token_id": 0, "pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}
    model.config.decoder_start_token_id = model.config.pad_token_id = 0
    model.generation_config.update(**told, max_length=8, num_beams=3)
    stirred(model).save_pretrained(folder)
    ViTImageProcessor(size=PIXELS).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def qwen(folder: Path) -> None:
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"]
    tokenizer = word_tokenizer([*special, "<|image_pad|>", "<|video_pad|>"])
    ids = {name.strip("<|>"): number for number, name in enumerate([*special, "<|image_pad|>", "<|video_pad|>"])}
    text = {**SIZES, "num_key_value_heads": 1, "vocab_size": len(tokenizer), "max_position_embeddings": 256}
    text |= {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0}
    text |= {"rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}}
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2, "mlp_ratio": 2, "patch_size": 4}
    config = Qwen2VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
    )
    model = Qwen2VLForConditionalGeneration(config)
    model.generation_config.update(eos_token_id=[2, 0], pad_token_id=0, bos_token_id=0, do_sample=True, top_k=1)
    stirred(model).save_pretrained(folder)
    sizes = {"size": {"shortest_edge": 16 * 16, "longest_edge": 32 * 32}, "patch_size": 4}
    pictures, videos = Qwen2VLImageProcessor(**sizes), Qwen2VLVideoProcessor(**sizes)
    Qwen2VLProcessor(pictures, tokenizer, videos, chat_template=TEMPLATE).save_pretrained(folder)


def word_tokenizer(special: list[str]) -> Any:
    """A tokenizer of a few words. The special tokens have the first ids."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*special, *WORDS[7:]]
    made = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="a"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=special[min(2, len(special) - 1)])
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    tokenizer.pad_token = special[0]
    return tokenizer


MODELS: dict[str, Callable[[Path], None]] = {"blip": blip, "git": git, "vit_gpt2": vit_gpt2, "qwen": qwen}
