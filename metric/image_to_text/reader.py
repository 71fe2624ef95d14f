"""How a transformers model reads pictures and a prompt, and how its tokens become captions.

A model has a processor, which joins an image processor and a tokenizer, or these two apart, as ViT-GPT2 has them.

Axes: b pictures, t tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from metric.image_to_text.folder import CONFIG, read
from metric.runtime.console import first_line

ASKED = "Describe the picture in one short sentence."  # the prompt of a chat model without a typed one


class Reader:
    """The processor of the model in a folder. Raises ValueError when a part of it is missing."""

    def __init__(self, name: str, folder: Path, prompt: str) -> None:
        from transformers import AutoImageProcessor, AutoProcessor, AutoTokenizer, ProcessorMixin

        loaded = part(name, folder, "processor", AutoProcessor)
        self.processor = loaded if isinstance(loaded, ProcessorMixin) else None
        self.images = None if self.processor else part(name, folder, "image processor", AutoImageProcessor)
        self.tokenizer = self.processor.tokenizer if self.processor else part(name, folder, "tokenizer", AutoTokenizer)
        self.tokenizer.padding_side = "left"  # prompts of unequal length end together, where the caption begins
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.chats = bool(getattr(self.processor, "chat_template", None))
        self.prompt = prompt or (ASKED if self.chats else "")
        # the processor of GIT ends a prompt as it ends a caption, and nothing follows an ended caption
        self.ends_prompts = read(folder / CONFIG)["model_type"] == "git"

    @property
    def place(self) -> str:
        """What stands for the picture in a prompt, where no chat template writes it, as `<image>`; "" for none."""
        return "" if self.chats else getattr(self.processor, "image_token", "")

    @property
    def begun(self) -> int:
        """The number of tokens before a caption: one that begins it, and the prompt, without those of a picture."""
        return 1 + len(self.tokenizer(self.prompt, add_special_tokens=False)["input_ids"])

    def __call__(self, pictures: Sequence[Image.Image]) -> Any:
        """The inputs of `generate` for b pictures, on the CPU, as a BatchFeature of transformers."""
        if self.chats:
            return self.chatted(pictures)
        if self.processor is None:
            return self.apart(pictures)
        texts = {"text": [self.prompt] * len(pictures), "padding": True} if self.prompt else {}
        inputs = self.processor(images=list(pictures), return_tensors="pt", **texts)
        if self.prompt and self.ends_prompts:
            inputs.pop("token_type_ids", None)
            inputs.update({name: inputs[name][:, :-1] for name in ("input_ids", "attention_mask")})
        return inputs

    def chatted(self, pictures: Sequence[Image.Image]) -> Any:
        """A talk for each picture: the user shows the picture and asks, and the model is to answer."""
        asked = {"type": "text", "text": self.prompt}
        talks = [[{"role": "user", "content": [{"type": "image", "image": picture}, asked]}] for picture in pictures]
        assert self.processor is not None
        return self.processor.apply_chat_template(
            talks, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt", padding=True
        )

    def apart(self, pictures: Sequence[Image.Image]) -> Any:
        """Pixels, and the prompt as the first tokens of the decoder."""
        assert self.images is not None
        inputs = self.images(list(pictures), return_tensors="pt")
        if self.prompt:
            ids = self.tokenizer(self.prompt, add_special_tokens=False)["input_ids"]
            inputs["decoder_input_ids"] = torch.tensor([ids] * len(pictures))
        return inputs

    def text(self, tokens: Sequence[int]) -> str:
        """The caption of the tokens that a model wrote, in one line, without the prompt that some models repeat."""
        return without_prompt(" ".join(self.tokenizer.decode(tokens, skip_special_tokens=True).split()), self.prompt)


def without_prompt(text: str, prompt: str) -> str:
    """A caption without one prompt at its beginning, in any case. A prompt ends where a word ends: not `a` of `an`."""
    said = r"\s+".join(map(re.escape, prompt.split()))
    return re.sub(rf"\A\s*{said}(?!\w)\s*", "", text, count=1, flags=re.IGNORECASE) if said else text


def part(name: str, folder: Path, what: str, kind: Any) -> Any:
    """A part of the processor. Raises ValueError of one line when the folder does not have it."""
    try:
        return kind.from_pretrained(folder)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{name} has no {what} that can be loaded ({first_line(error)}); save it there with "
            f"AutoProcessor.from_pretrained(ORIGINAL).save_pretrained({str(folder)!r})"
        ) from error
