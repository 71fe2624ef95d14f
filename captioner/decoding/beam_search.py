"""Beam search: finds likely captions by keeping the best few at every step.

Axes: b pictures, m beams of each, k beams kept, t tokens, d model features, v vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.decoding.ending import all_ended
from captioner.decoding.guidance import Decoder
from captioner.decoding.large_vocabulary import joined, parts, top
from captioner.decoding.repeats import forbid_repeats


def beam_search(
    decoder: Decoder, memory: Tensor, k: int, max_length: int, length_penalty: float = 0.0, no_repeat_ngram: int = 0
) -> tuple[Tensor, Tensor]:
    """Returns the k best captions of each picture, best first.

    Memory `b p d` -> tokens `b k t`, which begin with BOS, and summed log-probabilities `b k` in nats.

    A finished caption stays in the beam and competes with unfinished captions. The rank of a caption is its
    log-probability / length ** length_penalty (arXiv 1609.08144 without its constant). The length counts EOS.
    No caption has an n-gram of `no_repeat_ngram` tokens twice; 0 allows repeats. Log-probabilities stay the model's.
    """
    eos, pad = decoder.vocabulary.eos, decoder.vocabulary.pad
    b, device = len(memory), memory.device
    tokens = torch.full((b, 1, 1), decoder.vocabulary.bos, device=device)
    total, length = torch.zeros(b, 1, device=device), torch.zeros(b, 1, device=device)
    done = torch.zeros(b, 1, dtype=torch.bool, device=device)
    pictures = torch.arange(b, device=device)[:, None]
    cache = decoder.start(memory)
    for number in range(max_length):
        logits, cache = decoder.step(tokens[..., -1], cache)
        m = logits.shape[1]
        length = length + ~done
        scale = length**length_penalty
        gain, ids = joined(likely_tokens(k, no_repeat_ngram, *part) for part in parts(logits, tokens))
        rank, best = worth(total, gain, scale, done).flatten(1).topk(min(k, m * gain.shape[-1]))  # b k
        parent, token = best // gain.shape[-1], ids.flatten(1).gather(1, best)
        token = token.masked_fill(done.gather(1, parent), pad)
        total = rank * scale.gather(1, parent)
        tokens = torch.cat([tokens[pictures, parent], token[..., None]], dim=-1)
        length, done = length.gather(1, parent), done.gather(1, parent) | (token == eos)
        if all_ended(done, number):
            break
        cache = cache.select((pictures * m + parent).flatten())
    return tokens, total


def likely_tokens(k: int, no_repeat_ngram: int, logits: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The likeliest k next tokens of each beam: their log-probabilities and ids, likeliest first.

    Logits `b m v` and tokens so far `b m t` -> `b m k`, twice. No other token can be in the best k of a picture.
    """
    gain = forbid_repeats(logits.log_softmax(-1, dtype=torch.float32), tokens, no_repeat_ngram)
    return top(gain, min(k, gain.shape[-1]))


def worth(total: Tensor, gain: Tensor, scale: Tensor, done: Tensor) -> Tensor:
    """The ranks of beams that are one token longer. `b m`, `b m k`, `b m` and `b m` -> `b m k`.

    A finished beam is continued in one way, by padding, which costs nothing.
    """
    alone = torch.arange(gain.shape[-1], device=gain.device) > 0
    gain = gain.masked_fill(done[..., None], 0.0).masked_fill(done[..., None] & alone, -torch.inf)
    return (total[..., None] + gain) / scale[..., None]
