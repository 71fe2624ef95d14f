"""Beam search: the captions a captioner thinks likeliest, found by keeping the best few at every step.

Axes: b pictures, m beams of each, c continuations of a beam, k beams kept, t tokens, d model features.
"""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from captioner.models.captioner import Captioner
from captioner.wide import best


def beam_search(
    captioner: Captioner, memory: Tensor, k: int, max_length: int, length_penalty: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Memory `b p d` -> tokens `b k t` with BOS, best first, and their summed log-probabilities `b k`.

    A finished caption stays in the beam and competes with the unfinished; captions are ranked by
    log-probability / length ** length_penalty (arXiv 1609.08144 with its constant left out), EOS counted.
    """
    eos, pad = captioner.vocabulary.eos, captioner.vocabulary.pad
    b, device = len(memory), memory.device
    tokens = torch.full((b, 1, 1), captioner.vocabulary.bos, device=device)
    total, length = torch.zeros(b, 1, device=device), torch.zeros(b, 1, device=device)
    done = torch.zeros(b, 1, dtype=torch.bool, device=device)
    pictures = torch.arange(b, device=device)[:, None]
    cache = captioner.start(memory)
    for _ in range(max_length):
        logits, cache = captioner.step(tokens[..., -1], cache)
        gain, following = continuations(logits, k, done, pad)  # b m c
        m, c = gain.shape[1:]
        length = length + ~done
        totals = rearrange(total[..., None] + gain, "b m c -> b (m c)")
        rank = totals / length.repeat_interleave(c, dim=1) ** length_penalty if length_penalty else totals
        kept = rank.topk(min(k, m * c)).indices  # b k
        parent, total = kept // c, totals.gather(1, kept)
        token = following.flatten(1).gather(1, kept)
        tokens = torch.cat([tokens[pictures, parent], token[..., None]], dim=-1)
        length, done = length.gather(1, parent), done.gather(1, parent) | (token == eos)
        if done.all():
            break
        cache = cache.select((pictures * m + parent).flatten())
    return tokens, total


def continuations(logits: Tensor, k: int, done: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """Log-probabilities and ids, `b m c` twice, of each beam's best k tokens: no other can be among the best.

    A finished beam goes on with padding, at no cost, and with nothing else.
    """
    gain, ids = best(logits, min(k, logits.shape[-1]))
    free = torch.full_like(gain[0, 0], -torch.inf)
    free[0] = 0.0
    return torch.where(done[..., None], free, gain), ids.masked_fill(done[..., None], pad)
