"""One stage of a run: its settings, its optimizer, its batches, and the learning rate of each step."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.optim import AdamW

from captioner.config import Rl, Xe
from captioner.model.encoder_decoder import Captioner
from captioner.runs.stages import settings_of
from captioner.training.session import Session
from captioner.training.step_batches import Ahead, Read, Reader
from metric.runtime.device import has_fused_adam
from metric.runtime.precision import skipped
from metric.runtime.schedule import learning_rate as one_cycle

ADAM_BETAS = (0.9, 0.98)  # as "Attention is all you need" (arXiv 1706.03762)


@dataclass(frozen=True)
class Stage:
    """What one stage of a session works with."""

    name: str
    "xe or reward"
    settings: Xe | Rl
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    "scales the loss, which fp16 alone needs"
    read: Read
    reference: Captioner | None = None
    "the model that the reward stage began with, where a setting asks for it"

    @property
    def updates(self) -> int:
        """Updates of the weights in one step."""
        return self.settings.updates if isinstance(self.settings, Rl) else 1

    def skipped(self, done: int) -> dict[str, float]:
        """In fp16, the updates among `done` steps that were left out, since their gradient overflowed."""
        return skipped(self.scaler, self.optimizer, done * self.updates)

    @property
    def rate(self) -> float:
        """The learning rate of the step in progress."""
        return self.optimizer.param_groups[0]["lr"]

    def set_rate(self, step: int) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, step)

    @property
    def rate_flag(self) -> str:
        return f"--{'xe' if self.name == 'xe' else 'rl'}.lr, which is {self.settings.lr:g},"


def open_stage(session: Session, name: str, reference: Captioner | None = None) -> Stage:
    """The stage before its first step, with a fresh optimizer."""
    settings, device = settings_of(session.run, name), session.device
    reader = Reader(
        session.run, name, session.examples, session.features, session.captioner.vocabulary, device, reference
    )
    return Stage(
        name,
        settings,
        AdamW(
            session.captioner.parameters(),
            lr=settings.lr,
            betas=ADAM_BETAS,
            weight_decay=0.0,
            fused=has_fused_adam(device),
        ),
        torch.amp.GradScaler(device.type, enabled=session.run.precision == "fp16"),
        Ahead(reader, settings.steps),
        reference,
    )


def learning_rate(settings: Xe | Rl, step: int) -> float:
    """A straight rise over the warm-up, then half a cosine down to 0. Steps count from 0.

    The reward stage stays at the highest rate unless `decay` is set.
    """
    stays = isinstance(settings, Rl) and not settings.decay
    return settings.lr if stays and step >= settings.warmup * settings.steps else one_cycle(step, settings)
