"""The losses: cross-entropy, and three ways to turn rewards into a gradient.

`scst` estimates the gradient of the expected reward without bias, up to one factor for all pictures, under two
conditions. Candidates are drawn at temperature 1 and top_p 1, with any baseline. Log-probabilities are summed or
divided by max_length. Bias comes from:

- beams, which are no draws
- another temperature or top_p, which draws from another model
- division by a caption's own length or by the tokens of the batch, which depend on the draw
- the division of GRPO by the spread of the rewards, and its clipping

DiCO is no policy gradient. The tests of this module enumerate all captions to check each of these statements.

Each loss is a mean over pictures, or over tokens counted in the whole batch. So the mean over equal parts of a batch,
one after the other or in several processes, is the loss of the batch.

Axes: b pictures, k candidates or r references of each, t tokens, n tokens up to EOS, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from einops import reduce
from torch import Tensor
from torch.nn import functional as F

from captioner.config import Run
from captioner.decoding.log_probabilities import sequence_log_probabilities, token_divergence, true_tokens
from captioner.model.encoder_decoder import Captioner
from captioner.training.rollout import Batch, Drawn, Facts
from captioner.training.term_scales import LEAST_SPREAD, all_equal, mean
from metric.runtime.device import sent
from metric.runtime.prefixes import Prefixes

EPSILON = 0.2  # GRPO: the probability ratio of a token counts up to 1 ± EPSILON, as in PPO (arXiv 1707.06347)


class Loss(NamedTuple):
    """The value to minimise, numbers for the log, and log-probabilities for later updates of the step.

    `log_p`, `b k t`, is without a gradient, and None of an objective that makes one update a step.
    """

    value: Tensor
    facts: Facts
    log_p: Tensor | None = None


def cross_entropy(captioner: Captioner, batch: Batch, mean_length: float, run: Run) -> Loss:
    """Mean negative log-probability of the next token of the references, with label smoothing.

    `mean_length` is the number of tokens of a reference in the whole batch. The encoder reads a picture once for all
    its references, and the decoder a beginning that they share.
    """
    tokens = batch.references  # b r t
    spoken = true_tokens(tokens, captioner.vocabulary.eos)  # not by the id of padding: in CLIP's vocabulary it is a "!"
    prefixes, device, smoothing = Prefixes.of(tokens[..., :-1], spoken), batch.features.device, run.xe.label_smoothing
    logits = captioner.logits(captioner.states(batch.features, prefixes.to(device))).float()  # n v
    if tokens.shape[1] > 1:  # else the prefixes are the places with a token, in their order
        logits = logits[sent(prefixes.number[spoken], device)]
    targets = sent(tokens[..., 1:][spoken], device)
    loss = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
    return Loss(loss / (mean_length * tokens.shape[0] * tokens.shape[1]), {})


def self_critical(captioner: Captioner, batch: Batch, drawn: Drawn, run: Run) -> Loss:
    """REINFORCE with a baseline from the model itself (arXiv 1612.00563): -advantage * log p(candidate).

    There is no dropout in this stage, neither in the candidates nor in the gradient.
    """
    advantage = sent(drawn.worth - baseline(drawn, run), batch.features.device)
    log_p, spoken, penalty, facts = read(captioner, batch, drawn, run)
    loss = -(advantage * pooled(log_p, spoken, drawn, run)).mean()
    return Loss(loss + penalty, {**drawn.facts(), **facts})


def baseline(drawn: Drawn, run: Run) -> Tensor:
    """The reward that each candidate is compared with, `b k` or `b 1`.

    One of: the greedy caption's reward. The mean of the candidates' (M2, arXiv 1912.08226), which for samples scales
    the gradient by (k - 1) / k. The mean of the other candidates' (arXiv 2003.09971).
    """
    if run.rl.baseline == "mean":
        return mean(drawn.worth)
    if run.rl.baseline == "leave_one_out":
        others = (drawn.worth.sum(1, keepdim=True) - drawn.worth) / (drawn.worth.shape[1] - 1)
        return torch.where(all_equal(drawn.worth), drawn.worth, others)
    assert drawn.greedy is not None
    return drawn.greedy


def group_relative(captioner: Captioner, batch: Batch, drawn: Drawn, run: Run) -> Loss:
    """GRPO, without a critic (arXiv 2402.03300): the advantage is the reward, normalised over a picture's candidates.

    The loss is -min(ratio A, clip(ratio, 1 - epsilon, 1 + epsilon) A) of every token. The ratio is the probability
    now over the probability when the token was drawn. At the first update of a step the ratio is 1 and the gradient is
    that of A log p. `updates` above 1 use the candidates again.
    """
    spread = drawn.worth.std(1, keepdim=True) + LEAST_SPREAD
    advantage = (drawn.worth - mean(drawn.worth)) / spread
    advantage = sent(advantage, batch.features.device)[..., None]  # b k 1
    log_p, spoken, penalty, facts = read(captioner, batch, drawn, run)
    ratio = (log_p - (log_p.detach() if drawn.log_p_then is None else drawn.log_p_then)).exp()
    near = ratio.clamp(1 - EPSILON, 1 + EPSILON)
    loss = -pooled(torch.minimum(ratio * advantage, near * advantage), spoken, drawn, run).mean()
    clipped = ((ratio != near) & spoken).sum() / spoken.sum()
    return Loss(loss + penalty, {**drawn.facts(), **facts, "clipped": clipped}, log_p.detach())


def direct(captioner: Captioner, batch: Batch, drawn: Drawn, run: Run) -> Loss:
    """DiCO (arXiv 2408.14547): a classification of the best candidate w against the losers, inside the captioner.

    The loss is -log sigmoid(beta (r_w - sum_i gamma_i r_i)), with r = log p(candidate) - log p_reference(candidate).
    Over the losers, gamma = softmax_i(tau (reward_w - reward_i)): the worse a loser, the larger its gamma.
    `rl.kl` is beta. It holds the captioner to the reference, the model that the stage began with. tau multiplies, as
    in the authors' code.
    """
    assert batch.reference is not None
    device = batch.features.device
    spoken = sent(true_tokens(drawn.tokens, captioner.vocabulary.eos), device)
    with torch.no_grad():
        before = sequence_log_probabilities(batch.reference, batch.features, drawn.tokens)
    log_p = sequence_log_probabilities(captioner, batch.features, drawn.tokens)
    ratio = pooled(log_p - before, spoken, drawn, run)  # b k
    best, winner = drawn.worth.max(1, keepdim=True)  # b 1
    distance = run.rl.tau * (best - drawn.worth)
    gamma = distance.scatter(1, winner, -torch.inf).softmax(1)  # the winner is no loser, also where tau is 0
    gamma, winner = sent(gamma, device), sent(winner, device)
    margin = ratio.gather(1, winner).squeeze(1) - (gamma * ratio).sum(1)
    loss = -F.logsigmoid(run.rl.kl * margin).mean()
    return Loss(loss, {**drawn.facts(), "margin": margin.detach().mean()})


def rewarded(captioner: Captioner, batch: Batch, drawn: Drawn, run: Run) -> Loss:
    """The loss of the reward stage: the objective, and `rl.xe_weight` times cross-entropy with a reference.

    The weighted sum holds the captioner to the captions of people. Cross-entropy has no dropout here, and the label
    smoothing of `xe`.
    """
    loss = OBJECTIVES[run.rl.objective](captioner, batch, drawn, run)
    if not run.rl.xe_weight:
        return loss
    held = cross_entropy(captioner, batch, drawn.reference_length, run).value
    return loss._replace(
        value=loss.value + run.rl.xe_weight * held, facts={**loss.facts, "cross_entropy": held.detach()}
    )


def read(captioner: Captioner, batch: Batch, drawn: Drawn, run: Run) -> tuple[Tensor, Tensor, Tensor | float, Facts]:
    """Log-probabilities `b k t` of the candidates' tokens, a mask of the tokens up to EOS, and the KL penalty.

    KL(captioner || reference) is exact over the vocabulary at every token of the candidates. For samples its value is
    without bias. Its gradient leaves out that other candidates would be drawn, as is usual. Logged in nats a caption.
    """
    spoken = sent(true_tokens(drawn.tokens, captioner.vocabulary.eos), batch.features.device)
    if not run.rl.kl:
        return sequence_log_probabilities(captioner, batch.features, drawn.tokens), spoken, 0.0, {}
    assert batch.reference is not None
    log_p, kl = token_divergence(captioner, batch.reference, batch.features, drawn.tokens)
    penalty = run.rl.kl * pooled(kl, spoken, drawn, run).mean()
    return log_p, spoken, penalty, {"kl": kl.detach().sum(-1).mean()}


def pooled(values: Tensor, spoken: Tensor, drawn: Drawn, run: Run) -> Tensor:
    """Sum the values of a candidate's tokens and divide as `rl.normalise` says, `b k t` -> `b k`.

    With `token`, the mean over candidates is the mean over all tokens of the batch.
    """
    total = reduce(values * spoken, "b k t -> b k", "sum")
    divisors: dict[str, Tensor | float] = {
        "sum": 1.0,
        "length": reduce(spoken.float(), "b k t -> b k", "sum"),
        "max_length": run.decode.max_length,
        "token": drawn.mean_length,
    }
    return total / divisors[run.rl.normalise]


OBJECTIVES: dict[str, Callable[..., Loss]] = {
    "xe": cross_entropy,
    "scst": self_critical,
    "grpo": group_relative,
    "dico": direct,
}
