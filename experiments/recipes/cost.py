"""What a step costs: parameters, FLOPs, and the memory that waits for the backward pass, all counted without weights.

A reward step is counted as one forward pass over its candidates to find them (a cache does the same products, one token
after another), one forward and backward pass to learn, and the text tower of each CLIP that scores them; the pictures
are embedded once in a run, which the features' pass stands for. Nothing is taken off for padding and for what
candidates begin with alike (metric/runtime/prefixes.py): a real step does less. Tokens wait for one another: on a GPU
the clock says more than the products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from captioner.config import Model, Run
from captioner.features.store import grid_features
from metric.training.config import MetricConfig
from metric.training.lora import add_adapter
from metric.training.losses import info_nce
from recipes.outline import captioner, feature_shape, outline


@dataclass(frozen=True)
class Cost:
    flops: float
    parameters: int = 0
    """that are held"""
    trained: int = 0
    kept: int = 0
    """bytes of activations, in fp32"""

    @property
    def memory(self) -> int:
        """Bytes: weights; gradient and AdamW's two moments of what learns; activations."""
        return 4 * self.parameters + 12 * self.trained + self.kept

    def __add__(self, other: Cost) -> Cost:
        """One after the other, both held."""
        parameters, trained = self.parameters + other.parameters, self.trained + other.trained
        return Cost(self.flops + other.flops, parameters, trained, max(self.kept, other.kept))


@dataclass(frozen=True)
class Step:
    """Work with models, on whatever device they are."""

    models: Sequence[nn.Module]
    work: Callable[[], Tensor]

    def __call__(self) -> None:
        """With its backward pass where something learns."""
        result = self.work()
        if result.requires_grad:
            result.sum().backward()

    def cost(self) -> Cost:
        parameters = [parameter for model in self.models for parameter in model.parameters()]
        weights = {parameter.untyped_storage()._cdata for parameter in parameters}
        kept: dict[int, int] = {}

        def note(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in weights:
                kept[storage._cdata] = storage.nbytes()
            return tensor

        with FlopCounterMode(display=False) as counter, saved_tensors_hooks(note, lambda tensor: tensor):
            self()
        learned = sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
        return Cost(counter.get_total_flops(), sum(map(torch.numel, parameters)), learned, sum(kept.values()))


def looking(clip: str, n: int, device: str = "meta") -> Step:
    """The image tower over n pictures."""
    model = outline(clip, device)
    return Step([model.model.visual], lambda: grid_features(model, model.pixels(n)))


def teacher_forced(clip: str, sizes: Model, t: int, n: int, k: int = 1, device: str = "meta") -> Step:
    """k captions of n pictures, of t tokens, forward and backward."""
    model, (p, f) = captioner(clip, sizes, t, device), feature_shape(clip)
    seen = torch.zeros(n, p, f, device=device)
    tokens = torch.zeros(n, k, t, dtype=torch.long, device=device)
    return Step([model], lambda: F.cross_entropy(model(seen, tokens).flatten(0, -2), tokens.flatten()))


def agreeing(config: MetricConfig, n: int, device: str = "meta") -> Step:
    """n pairs with both positives of each, through a CLIP with LoRA."""
    model = outline(config.clip, device)
    learning = add_adapter(model, config)

    def loss() -> Tensor:
        image, text = model.encode_image(model.pixels(n)), model.encode_text([""] * n)
        made_image, made_text = model.encode_image(model.pixels(n)), model.encode_text([""] * n)
        pairs = (image, text), (made_image, text), (image, made_text)
        return torch.stack([info_nce(*pair, learning.logit_scale) for pair in pairs])

    return Step([learning], loss)


def learning_to_look(config: MetricConfig, n: int) -> Step:
    """The image tower with LoRA over n pictures."""
    model = outline(config.clip)
    return Step([add_adapter(model, config)], lambda: model.encode_image(model.pixels(n)))


@lru_cache
def features(clip: str, n: int = 64) -> Cost:
    """Of one picture; memory is that of n."""
    whole = looking(clip, n).cost()
    return replace(whole, flops=whole.flops / n)


@lru_cache
def teaching(clip: str, sizes: Model, t: int, n: int, k: int = 1) -> Cost:
    return teacher_forced(clip, sizes, t, n, k).cost()


@lru_cache
def reading(clip: str, n: int) -> Cost:
    """The text tower over n texts, over the whole of its context."""
    model = outline(clip)
    return Step([model.model], lambda: model.encode_text([""] * n)).cost()


def xe(run: Run) -> Cost:
    return teaching(run.clip, run.model, run.decode.max_length, run.xe.batch_size)


def said(run: Run, n: int, k: int) -> Cost:
    """k captions of n pictures found: a third of what teacher forcing costs with its backward pass."""
    return Cost(teaching(run.clip, run.model, run.decode.max_length, n, k).flops / 3)


def reward(run: Run, clips: Sequence[str]) -> Cost:
    """A step of the reward stage whose captions are scored by those CLIPs."""
    b, k = run.rl.batch_size, run.rl.samples
    learned = teaching(run.clip, run.model, run.decode.max_length, b, k)
    return sum((reading(clip, b * k) for clip in clips), learned + said(run, b, k))


@lru_cache
def contrastive(config: MetricConfig) -> Cost:
    """A step of `metric train`; with --chunk one part's activations wait at a time, and all are computed twice."""
    if not config.chunk:
        return agreeing(config, config.batch_size).cost()
    part, image = agreeing(config, config.chunk).cost(), learning_to_look(config, config.chunk).cost()
    return replace(part, kept=image.kept, flops=part.flops * config.batch_size / config.chunk * 4 / 3)
