"""Log-probabilities of given captions under a captioner, token by token.

Axes: b pictures, k captions of each, t tokens, n distinct prefixes of the captions, p patches, f CLIP features,
v vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.model.encoder_decoder import Captioner
from metric.runtime.prefixes import Prefixes


def true_tokens(tokens: Tensor, eos: int) -> Tensor:
    """Marks the tokens of a caption: those after BOS, up to and including the first EOS. `... t` -> bool `... t-1`."""
    end = (tokens[..., 1:] == eos).long()
    return end.cumsum(dim=-1) - end == 0


def sequence_log_probabilities(captioner: Captioner, features: Tensor, tokens: Tensor) -> Tensor:
    """Returns the log-probability, in nats, of each token after BOS. Tokens behind EOS have 0.

    Features `b p f` and tokens `b ... t` -> `b ... t-1`, with a gradient.
    """
    real = true_tokens(tokens, captioner.vocabulary.eos)
    log_p, number = prefix_log_probabilities(captioner, features, tokens, real)
    return scatter(log_p[number, tokens[..., 1:][real]], real)


def token_divergence(
    captioner: Captioner, reference: Captioner, features: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns `sequence_log_probabilities`, and the divergence KL(captioner || reference) at each token, in nats.

    Features `b p f` and tokens `b ... t` -> `b ... t-1`, twice. Tokens behind EOS have 0. The divergence is exact: a
    sum over the whole vocabulary. The reference gets no gradient.
    """
    real = true_tokens(tokens, captioner.vocabulary.eos)
    log_p, number = prefix_log_probabilities(captioner, features, tokens, real)
    with torch.no_grad():
        log_q, _ = prefix_log_probabilities(reference, features, tokens, real)
    divergence = (log_p.exp() * (log_p - log_q)).sum(1)
    return scatter(log_p[number, tokens[..., 1:][real]], real), scatter(divergence[number], real)


def prefix_log_probabilities(
    captioner: Captioner, features: Tensor, tokens: Tensor, real: Tensor
) -> tuple[Tensor, Tensor]:
    """Computes the distribution of the next token after each distinct prefix, in one teacher-forced pass.

    Returns log-probabilities `n v`, and for each token where `real` is true the number of the prefix before the token.
    """
    read = tokens[..., :-1].reshape(len(tokens), -1, tokens.shape[-1] - 1)
    prefixes = Prefixes.of(read, real.reshape(read.shape))
    logits = captioner.logits(captioner.states(features, prefixes)).float()
    return logits.log_softmax(dim=-1), prefixes.number.reshape(real.shape)[real]


def scatter(values: Tensor, where: Tensor) -> Tensor:
    """A tensor of the shape of `where` that has the `n` values where `where` is true, and 0 elsewhere."""
    return torch.zeros(where.shape, device=values.device).masked_scatter(where, values)
