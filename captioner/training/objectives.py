"""What is minimised in each stage: cross-entropy, then one of three ways to turn rewards into a gradient.

`scst` estimates the gradient of the expected reward without bias, up to a factor that is the same for all pictures,
with candidates drawn at temperature 1 and top_p 1, with any baseline, if log-probabilities are summed or divided by
max_length. What biases it: beams (no draws at all), another temperature or top_p (draws of another model), division by
a caption's own length or by the tokens of the batch (both depend on what was drawn), GRPO's division by the spread of
the rewards and its clipping. DiCO is no policy gradient. The tests of this module enumerate
all that.

Each is a mean over pictures, or over tokens counted in the whole batch: the mean over the equal parts of a batch, one
after the other or in several processes, is the loss of the batch.

Axes: b pictures, k candidates of each, t tokens, n tokens said, v vocabulary.
"""

from __future__ import annotations

import torch
from einops import reduce
from torch import Tensor
from torch.nn import functional as F

from captioner.config import Run
from captioner.decoding.log_probabilities import sequence_log_probabilities, token_divergence, true_tokens
from captioner.model.encoder_decoder import Captioner
from captioner.training.rollout import Batch, Facts, Rollout, baseline, references, rollout
from metric.runtime.prefixes import Prefixes
from rewards.mix import Mix

CLIP = 0.2  # how far GRPO lets a token's probability go from that it was drawn with: PPO's epsilon (arXiv 1707.06347)
LEAST_SPREAD = 1e-4  # added to the standard deviation of a picture's rewards, which may all be equal


def cross_entropy(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> tuple[Tensor, Facts]:
    """Mean negative log-probability of the reference's next token, with label smoothing."""
    tokens = references(captioner, batch, run)
    said = true_tokens(tokens, captioner.vocabulary.eos)  # not by the id of padding: in CLIP's vocabulary it is a "!"
    prefixes = Prefixes.of(tokens[:, None, :-1], said[:, None])  # one caption a picture: all that is said
    logits = captioner.logits(captioner.states(batch.features, prefixes)).float()
    targets, smoothing = tokens[:, 1:][said], run.xe.label_smoothing
    count = len(targets) if batch.mean_length is None else batch.mean_length * len(tokens)
    return F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing) / count, {}


def self_critical(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> tuple[Tensor, Facts]:
    """REINFORCE with a baseline from the model itself (arXiv 1612.00563): -advantage * log p(candidate).

    The baseline is the greedy caption's reward, the mean of the candidates' (M2, arXiv 1912.08226; for samples the
    gradient is in the mean (k - 1) / k of the true one), or the mean of the others (arXiv 2003.09971).
    There is no dropout in this stage, neither in the candidates nor in the gradient.
    """
    drawn = rollout(captioner, batch, reward, run)
    advantage = drawn.total - baseline(captioner, batch, reward, run, drawn.total)
    log_p, spoken, penalty, facts = read(captioner, batch, drawn, run)
    loss = -(advantage * pooled(log_p, spoken, batch, run)).mean()
    return loss + penalty, {**drawn.facts(), **facts}


def group_relative(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> tuple[Tensor, Facts]:
    """GRPO, without a critic (arXiv 2402.03300): the advantage is the reward, normalised over a picture's candidates.

    -min(ratio A, clip(ratio, 1 - epsilon, 1 + epsilon) A) of every token, ratio = p / p when it was drawn: at the first
    update of a step it is 1 and the gradient that of A log p; `updates` above 1 use the candidates again.
    """
    drawn = rollout(captioner, batch, reward, run)
    spread = drawn.total.std(1, keepdim=True) + LEAST_SPREAD
    advantage = ((drawn.total - drawn.total.mean(1, keepdim=True)) / spread)[..., None]  # b k 1
    log_p, spoken, penalty, facts = read(captioner, batch, drawn, run)
    if batch.drawn_with is None:
        batch.drawn_with = log_p.detach()
    ratio = (log_p - batch.drawn_with).exp()
    near = ratio.clamp(1 - CLIP, 1 + CLIP)
    loss = -pooled(torch.minimum(ratio * advantage, near * advantage), spoken, batch, run).mean()
    clipped = ((ratio != near) & spoken).sum() / spoken.sum()
    return loss + penalty, {**drawn.facts(), **facts, "clipped": float(clipped)}


def direct(captioner: Captioner, batch: Batch, reward: Mix | None, run: Run) -> tuple[Tensor, Facts]:
    """DiCO (arXiv 2408.14547): a classification of the best candidate w against the losers, inside the captioner.

    -log sigmoid(beta (r_w - sum_i gamma_i r_i)), r = log p(candidate) - log p_reference(candidate), and over the losers
    gamma = softmax_i(tau (reward_w - reward_i)): the worse a loser, the more it counts. `rl.kl` is beta: it holds the
    captioner to the reference, the model that the stage began with. tau multiplies, as in the authors' code.
    """
    assert batch.reference is not None
    drawn = rollout(captioner, batch, reward, run)
    tokens = drawn.candidates.tokens
    spoken = true_tokens(tokens, captioner.vocabulary.eos)
    with torch.no_grad():
        before = sequence_log_probabilities(batch.reference, batch.features, tokens)
    ratio = pooled(sequence_log_probabilities(captioner, batch.features, tokens) - before, spoken, batch, run)  # b k
    best, winner = drawn.total.max(1, keepdim=True)  # b 1
    distance = (best - drawn.total).scatter(1, winner, -torch.inf)
    gamma = (run.rl.tau * distance).softmax(1)
    margin = ratio.gather(1, winner).squeeze(1) - (gamma * ratio).sum(1)
    loss = -F.logsigmoid(run.rl.kl * margin).mean()
    return loss, {**drawn.facts(), "margin": float(margin.detach().mean())}


def read(captioner: Captioner, batch: Batch, drawn: Rollout, run: Run) -> tuple[Tensor, Tensor, Tensor | float, Facts]:
    """Log-probabilities `b k t` of the candidates' tokens, which of them are said, and the weighted KL penalty.

    KL(captioner || reference) is exact over the vocabulary at every token of the candidates. For samples its value is
    unbiased; its gradient leaves out that other candidates would be drawn, as is usual. Logged in nats a caption.
    """
    tokens = drawn.candidates.tokens
    spoken = true_tokens(tokens, captioner.vocabulary.eos)
    if not run.rl.kl:
        return sequence_log_probabilities(captioner, batch.features, tokens), spoken, 0.0, {}
    assert batch.reference is not None
    log_p, kl = token_divergence(captioner, batch.reference, batch.features, tokens)
    penalty = run.rl.kl * pooled(kl, spoken, batch, run).mean()
    return log_p, spoken, penalty, {"kl": float(kl.detach().sum(-1).mean())}


def pooled(values: Tensor, spoken: Tensor, batch: Batch, run: Run) -> Tensor:
    """Of each candidate, from those of its tokens, `b k t` -> `b k`; with `token` their mean is that of all tokens."""
    total = reduce(values * spoken, "b k t -> b k", "sum")
    lengths = reduce(spoken.float(), "b k t -> b k", "sum")
    divisors: dict[str, Tensor | float] = {
        "sum": 1.0,
        "length": lengths,
        "max_length": run.decode.max_length,
        "token": lengths.mean() if batch.mean_length is None else batch.mean_length,
    }
    return total / divisors[run.rl.normalise]


OBJECTIVES = {"xe": cross_entropy, "scst": self_critical, "grpo": group_relative, "dico": direct}
