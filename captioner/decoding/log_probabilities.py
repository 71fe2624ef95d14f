"""Log-probabilities of given captions under a captioner, token by token.

Axes: b pictures, k captions of each, t tokens, n distinct prefixes of the captions, p patches, f CLIP features,
v vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor

from captioner.model.encoder_decoder import Captioner
from metric.runtime.device import sent
from metric.runtime.prefixes import Prefixes


def true_tokens(tokens: Tensor, eos: int) -> Tensor:
    """Marks the tokens of a caption: those after BOS, up to and including the first EOS. `... t` -> bool `... t-1`."""
    end = (tokens[..., 1:] == eos).long()
    return end.cumsum(dim=-1) - end == 0


def sequence_log_probabilities(captioner: Captioner, features: Tensor, tokens: Tensor) -> Tensor:
    """Returns the log-probability, in nats, of each token after BOS. Tokens behind EOS have 0.

    Features `b p f` and tokens `b ... t` -> `b ... t-1`, with a gradient, on the device of the features. Tokens are
    best on the CPU, where their prefixes are found without a question to the device.
    """
    real = true_tokens(tokens, captioner.vocabulary.eos)
    prefixes = prefixes_of(tokens, real).to(features.device)
    log_p = prefix_log_probabilities(captioner, features, prefixes)
    return of_tokens(log_p, tokens, real, prefixes)


def token_divergence(
    captioner: Captioner, reference: Captioner, features: Tensor, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns `sequence_log_probabilities`, and the divergence KL(captioner || reference) at each token, in nats.

    Features `b p f` and tokens `b ... t` -> `b ... t-1`, twice. Tokens behind EOS have 0. The divergence is exact: a
    sum over the whole vocabulary. The reference gets no gradient.
    """
    real = true_tokens(tokens, captioner.vocabulary.eos)
    prefixes = prefixes_of(tokens, real).to(features.device)
    log_p = prefix_log_probabilities(captioner, features, prefixes)
    with torch.no_grad():
        log_q = prefix_log_probabilities(reference, features, prefixes)
    divergence = (log_p.exp() * (log_p - log_q)).sum(1)
    at_tokens = divergence[prefixes.number].view(real.shape)
    return of_tokens(log_p, tokens, real, prefixes), at_tokens.masked_fill(~sent(real, features.device), 0.0)


def prefixes_of(tokens: Tensor, real: Tensor) -> Prefixes:
    """The distinct prefixes before the tokens `b ... t` that are `real`, `b ... t-1`."""
    read = tokens[..., :-1].reshape(len(tokens), -1, tokens.shape[-1] - 1)
    return Prefixes.of(read, real.reshape(read.shape))


def prefix_log_probabilities(captioner: Captioner, features: Tensor, prefixes: Prefixes) -> Tensor:
    """The log-probabilities of the next token after each of n prefixes, in one teacher-forced pass: `n v`."""
    return captioner.logits(captioner.states(features, prefixes)).float().log_softmax(dim=-1)


def of_tokens(log_p: Tensor, tokens: Tensor, real: Tensor, prefixes: Prefixes) -> Tensor:
    """Of log-probabilities `n v` those of the tokens `b ... t` that are `real`, and 0 elsewhere: `b ... t-1`."""
    said = sent(tokens[..., 1:].flatten(), log_p.device)
    values = log_p[prefixes.number.flatten(), said].view(real.shape)
    return values.masked_fill(~sent(real, log_p.device), 0.0)
