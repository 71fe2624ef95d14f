"""The cost of a step: parameters, FLOPs, and memory that waits for the backward pass. No weights are needed.

A reward step is counted in three parts. The first is a forward pass over the candidates, to find them. A cache does the
same products, one token after another. The second is a forward and backward pass, to learn. The third is the text tower
of each CLIP that scores the candidates. Pictures are embedded once a run, in the pass that computes the features.
A real step does less: padding, and the common beginnings of candidates (metric/runtime/prefixes.py), are counted in
full. On a GPU the clock shows more than the products, since each token waits for the token before.
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
from experiments.paper_scale.outline import captioner_outline, feature_shape, outline
from metric.training.config import MetricConfig
from metric.training.lora import add_adapter
from metric.training.losses import info_nce


@dataclass(frozen=True)
class Cost:
    """FLOPs, parameters and bytes of activations of a piece of work."""

    flops: float
    parameters: int = 0
    """parameters in memory"""
    trained: int = 0
    """parameters that learn"""
    kept: int = 0
    """bytes of activations for the backward pass, in fp32"""

    @property
    def memory(self) -> int:
        """Bytes of the weights, of gradient and AdamW moments of the learning weights, and of the activations."""
        return 4 * self.parameters + 12 * self.trained + self.kept

    def __add__(self, other: Cost) -> Cost:
        """The cost of one work after the other, with the models of both in memory."""
        parameters, trained = self.parameters + other.parameters, self.trained + other.trained
        return Cost(self.flops + other.flops, parameters, trained, max(self.kept, other.kept))


@dataclass(frozen=True)
class Step:
    """A piece of work with models, on any device."""

    models: Sequence[nn.Module]
    work: Callable[[], Tensor]

    def __call__(self) -> None:
        """Does the work, with a backward pass if a parameter learns."""
        result = self.work()
        if result.requires_grad:
            result.sum().backward()

    def cost(self) -> Cost:
        """Counts FLOPs, parameters and kept activations while the work is done."""
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
    """The forward pass of the image tower over n pictures."""
    model = outline(clip, device)
    return Step([model.model.visual], lambda: grid_features(model, model.pixels(n)))


def teacher_forced(clip: str, sizes: Model, t: int, n: int, k: int = 1, device: str = "meta") -> Step:
    """The forward and backward pass of a captioner over k captions of t tokens for each of n pictures."""
    model, (p, f) = captioner_outline(clip, sizes, t, device), feature_shape(clip)
    seen = torch.zeros(n, p, f, device=device)
    tokens = torch.zeros(n, k, t, dtype=torch.long, device=device)
    return Step([model], lambda: F.cross_entropy(model(seen, tokens).flatten(0, -2), tokens.flatten()))


def agreeing(config: MetricConfig, n: int, device: str = "meta") -> Step:
    """The forward and backward pass of a CLIP with LoRA over n pairs, each with a made picture and a made caption."""
    model = outline(config.clip, device)
    learning = add_adapter(model, config)

    def loss() -> Tensor:
        image, text = model.encode_image(model.pixels(n)), model.encode_text([""] * n)
        made_image, made_text = model.encode_image(model.pixels(n)), model.encode_text([""] * n)
        pairs = (image, text), (made_image, text), (image, made_text)
        return torch.stack([info_nce(*pair, learning.logit_scale) for pair in pairs])

    return Step([learning], loss)


def learning_to_look(config: MetricConfig, n: int) -> Step:
    """The forward and backward pass of the image tower with LoRA over n pictures."""
    model = outline(config.clip)
    return Step([add_adapter(model, config)], lambda: model.encode_image(model.pixels(n)))


@lru_cache
def features(clip: str, n: int = 64) -> Cost:
    """The cost of the features of one picture. The memory is the memory of n pictures at a time."""
    batch = looking(clip, n).cost()
    return replace(batch, flops=batch.flops / n)


@lru_cache
def teaching(clip: str, sizes: Model, t: int, n: int, k: int = 1) -> Cost:
    """The cost of `teacher_forced`."""
    return teacher_forced(clip, sizes, t, n, k).cost()


@lru_cache
def reading(clip: str, n: int) -> Cost:
    """The cost of the text tower over n texts, each as long as the context."""
    model = outline(clip)
    return Step([model.model], lambda: model.encode_text([""] * n)).cost()


def xe(run: Run) -> Cost:
    """The cost of a cross-entropy step."""
    return teaching(run.clip, run.model, run.decode.max_length, run.xe.batch_size, run.xe.references)


def decoding(run: Run, n: int, k: int) -> Cost:
    """The cost of decoding k captions of n pictures: a third of teacher forcing with its backward pass."""
    return Cost(teaching(run.clip, run.model, run.decode.max_length, n, k).flops / 3)


def reward(run: Run, clips: Sequence[str]) -> Cost:
    """The cost of a step of the reward stage, whose captions the `clips` score."""
    b, k = run.rl.batch_size, run.rl.samples
    learned = teaching(run.clip, run.model, run.decode.max_length, b, k)
    return sum((reading(clip, b * k) for clip in clips), learned + decoding(run, b, k))


@lru_cache
def contrastive(config: MetricConfig) -> Cost:
    """The cost of a step of `metric train`. With --chunk, activations are computed twice and kept for one part."""
    if not config.chunk:
        return agreeing(config, config.batch_size).cost()
    part, image = agreeing(config, config.chunk).cost(), learning_to_look(config, config.chunk).cost()
    return replace(part, kept=image.kept, flops=part.flops * config.batch_size / config.chunk * 4 / 3)
