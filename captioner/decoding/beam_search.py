"""Beam search: finds likely captions by keeping the best few at every step.

Axes: b pictures, m beams of each, k beams kept, t tokens, d model features, v vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.decoding.ending import all_ended
from captioner.decoding.guidance import Decoder
from captioner.decoding.large_vocabulary import parts, top
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
        m, v = logits.shape[1:]
        length = length + ~done
        scale = length**length_penalty
        pieces = zip(
            *(continuations(k, pad, no_repeat_ngram, *part) for part in parts(logits, total, scale, done, tokens))
        )
        rank, best = map(torch.cat, pieces)  # b k
        parent, token = best // v, best % v
        total = rank * scale.gather(1, parent)
        tokens = torch.cat([tokens[pictures, parent], token[..., None]], dim=-1)
        length, done = length.gather(1, parent), done.gather(1, parent) | (token == eos)
        if all_ended(done, number):
            break
        cache = cache.select((pictures * m + parent).flatten())
    return tokens, total


def continuations(
    k: int, pad: int, no_repeat_ngram: int, logits: Tensor, total: Tensor, scale: Tensor, done: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns the best k of the m·v captions that are one token longer.

    Logits `b m v` and tokens so far `b m t` -> ranks `b k`, and numbers `b k` of the captions: beam·v + token.
    A finished beam can only be continued by padding, which costs nothing.
    """
    gain = forbid_repeats(logits.log_softmax(-1, dtype=torch.float32), tokens, no_repeat_ngram)
    gain[done] = -torch.inf
    gain[..., pad].masked_fill_(done, 0.0)
    rank = ((total[..., None] + gain) / scale[..., None]).flatten(1)
    return top(rank, min(k, rank.shape[1]))
