"""How likely given captions are under a captioner: their log-probabilities, token by token.

Axes: b pictures, k captions of each, t tokens, n distinct prefixes of them, p patches, f CLIP features, v vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.model.encoder_decoder import Captioner
from metric.runtime.prefixes import Prefixes


def true_tokens(tokens: Tensor, eos: int) -> Tensor:
    """`... t` -> bool `... t-1`: which tokens after BOS were said, up to and including the first EOS."""
    end = (tokens[..., 1:] == eos).long()
    return end.cumsum(dim=-1) - end == 0


def sequence_log_probabilities(captioner: Captioner, features: Tensor, tokens: Tensor) -> Tensor:
    """Of each token after BOS, `b p f` and `b ... t` -> `b ... t-1`; 0 behind EOS. Has a gradient."""
    said = true_tokens(tokens, captioner.vocabulary.eos)
    log_p, number = prefix_log_probabilities(captioner, features, tokens, said)
    return put(log_p[number, tokens[..., 1:][said]], said)


def token_divergence(
    captioner: Captioner, reference: Captioner, features: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """`b p f` and `b ... t` -> those log-probabilities, and KL(captioner || reference) of the choice of each token.

    Exact, over the whole vocabulary, in nats; `b ... t-1` both, 0 behind EOS. The reference gets no gradient.
    """
    said = true_tokens(tokens, captioner.vocabulary.eos)
    log_p, number = prefix_log_probabilities(captioner, features, tokens, said)
    with torch.no_grad():
        log_q, _ = prefix_log_probabilities(reference, features, tokens, said)
    divergence = (log_p.exp() * (log_p - log_q)).sum(1)
    return put(log_p[number, tokens[..., 1:][said]], said), put(divergence[number], said)


def prefix_log_probabilities(
    captioner: Captioner, features: Tensor, tokens: Tensor, said: Tensor
) -> tuple[Tensor, Tensor]:
    """Log-probabilities `n v` after each distinct prefix, in one teacher-forced pass, and, of each token that is said,
    the number of the prefix before it."""
    read = tokens[..., :-1].reshape(len(tokens), -1, tokens.shape[-1] - 1)
    prefixes = Prefixes.of(read, said.reshape(read.shape))
    logits = captioner.logits(captioner.states(features, prefixes)).float()
    return logits.log_softmax(dim=-1), prefixes.number.reshape(said.shape)[said]


def put(values: Tensor, said: Tensor) -> Tensor:
    """`n` values to where `said` is true; 0 elsewhere."""
    return torch.zeros(said.shape, device=values.device).masked_scatter(said, values)
