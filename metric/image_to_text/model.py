"""The model of a folder, loaded without a word of transformers, and where its caption begins among its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor

from metric.image_to_text.reader import Reader
from metric.runtime.console import first_line
from metric.runtime.installed import older
from metric.runtime.progress import without_bars

GIT_MENDED = (5, 23)  # of transformers; before, GIT with a cache counts the picture's places for each word


class Beginning:
    """A logits processor that notes how many tokens `generate` has before the first one that it writes."""

    def __init__(self) -> None:
        self.first = -1

    def __call__(self, tokens: Tensor, logits: Tensor) -> Tensor:
        """Tokens so far `r t` and logits `r v` -> logits `r v`, unchanged."""
        if self.first < 0:
            self.first = tokens.shape[1]
        return logits


def load_model(name: str, folder: Path, dtype: Any = "auto") -> Any:
    """The model of a folder, for captions. `dtype` "auto" is the precision of its weights.

    Raises ValueError for weights that cannot be loaded.
    """
    from transformers import AutoModelForImageTextToText

    try:
        model = AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype).eval()
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise ValueError(
            f"{name} cannot be loaded ({first_line(error)}); fetch it again, or give another model"
        ) from error
    if model.config.model_type == "git" and older("transformers", GIT_MENDED):
        model.generation_config.use_cache = False
    return model


def refuse_blind(name: str, read: Reader, model: Any) -> None:
    """Raises ValueError for a chat model without a chat template, whose prompt has no place for the picture.

    Some processors write the place themselves, so a token of a white picture is tried.
    """
    if not read.place:
        return
    try:
        inputs = read([Image.new("RGB", (64, 64), "white")]).to(model.device, model.dtype)
        model.generate(**inputs, max_new_tokens=1, num_beams=1, do_sample=False)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{name} has no chat template, and does not take the prompt {read.prompt!r} ({first_line(error)}); save "
            f"its chat_template.jinja in the folder, or give a prompt with {read.place}, where the picture stands"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Inside the block, transformers prints errors only: neither progress bars nor hints."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        with without_bars():
            yield
    finally:
        logging.set_verbosity(before)
