"""Decoding with transformers' `generate`: its arguments, our draws, the ends of captions and their log-probabilities.

Axes: b pictures, k candidates of each, r rows (b k), t new tokens, v vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from captioner.decoding.generate import sampler, uniform_of
from captioner.sources.settings import CandidateSettings
from metric.image_to_text.model import Beginning

NEUTRAL = {"temperature": 1.0, "top_p": 1.0, "top_k": 0}  # the draw is ours, see Steps


class Steps(Beginning):
    """A logits processor that notes where the caption begins, and draws the tokens of the method sample.

    A draw of `generate` would depend on the pictures beside. Here `lots`, random numbers `b k t` of each picture's own,
    decide: all other tokens get a probability of 0.
    """

    def __init__(self, settings: CandidateSettings, lots: Tensor | None, device: torch.device) -> None:
        super().__init__()
        self.k = settings.candidates
        self.choose = None if lots is None else sampler(settings.temperature, settings.top_p, uniform_of(lots, device))

    def __call__(self, tokens: Tensor, logits: Tensor) -> Tensor:
        """Tokens so far `r t` and logits `r v` -> logits `r v`."""
        super().__call__(tokens, logits)
        if self.choose is None:
            return logits
        going = torch.zeros(len(logits) // self.k, self.k, dtype=torch.bool, device=logits.device)
        token = self.choose(rearrange(logits.float(), "(b k) v -> b k v", k=self.k), going)
        drawn = torch.full_like(logits, -torch.inf)
        return drawn.scatter(1, rearrange(token, "b k -> (b k) 1"), 0.0)


def arguments(settings: CandidateSettings) -> dict[str, Any]:
    """The arguments of `generate` for settings of ours. All others are those of the model."""
    k = settings.candidates
    draws = settings.method == "sample"
    return {
        "max_new_tokens": settings.max_length,
        "num_beams": k if settings.method == "beam" else 1,
        "num_return_sequences": k,
        "do_sample": draws,
        "no_repeat_ngram_size": settings.no_repeat_ngram,
        "return_dict_in_generate": True,
        "output_logits": settings.scores,
        **({"length_penalty": settings.length_penalty} if settings.method == "beam" else {}),
        **(NEUTRAL if draws else {}),
    }


def ends_of(model: Any, tokenizer: Any) -> Tensor:
    """The tokens that end a caption of the model."""
    told = model.generation_config.eos_token_id
    ids = {*(told if isinstance(told, list) else [told]), tokenizer.eos_token_id, tokenizer.sep_token_id}
    return torch.tensor(sorted(ids - {None}), device=model.device)


def cut_at_ends(tokens: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """Whether a caption has an end `r`, and its length with the end `r`, of tokens `r t`."""
    is_end = torch.isin(tokens, ends)
    ended = is_end.any(1)
    return ended, torch.where(ended, is_end.int().argmax(1) + 1, tokens.shape[1])


def log_probabilities(written: Any, tokens: Tensor, lengths: Tensor) -> Tensor:
    """The log-probability of each caption in nats, `r`, by the logits of all steps, at temperature 1.

    `lengths` of the tokens count. Beams move between rows: beam_indices `r t` has the row of each token.
    """
    total = torch.zeros(len(tokens), device=tokens.device)
    rows = torch.arange(len(tokens), device=tokens.device)
    moved = getattr(written, "beam_indices", None)
    for step, logits in zip(range(tokens.shape[1]), written.logits):
        row = rows if moved is None else moved[:, step].clamp(min=0)
        gained = logits.float().log_softmax(-1)[row, tokens[:, step]]
        total += gained.masked_fill(step >= lengths, 0.0)
    return total
