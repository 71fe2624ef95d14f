"""The scores of a captioner on the validation pictures during training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from PIL import Image

from captioner.config import Run
from captioner.decoding.generate import BATCH, at_rest, captions_of, generate
from captioner.decoding.log_probabilities import token_divergence
from captioner.features.store import Features
from captioner.model.encoder_decoder import Captioner
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.clip.model import Clip
from metric.evaluation import evaluate, unmet_needs, why_not
from metric.example import Example, is_there, open_image
from metric.runtime.device import fetched, sent
from metric.runtime.processes import gathered, own_share, shared
from rewards.mix import Mix

SCORES = (
    "cider clip_s pac_spp pac_spp_hard rep_1 rep_2 rep_3 rep_4 bad_endings incorrect length vocabulary unique "
    "scene_truth scene_recall scene_grammatical"
).split()
PROBE = "a dog"  # a caption that shows which scores can be computed
SAMPLES = 4  # pictures whose captions are logged


class Validation:
    """Captions the same pictures at every call and scores the captions. Scores that cannot be computed are left out."""

    def __init__(
        self, run: Run, clip: Clip, examples: Sequence[Example], features: Features, reward: Mix | None = None
    ) -> None:
        """`reward` is that of a watched run. It scores the captions too."""
        self.run, self.examples, self.features, self.reward = run, examples, features, reward
        self.clip = Embedder(clip)
        checkpoint = run.pac_checkpoint
        self.pac = Embedder(load_clip(checkpoint, clip.device, run.pac_scale)) if checkpoint else None
        self.scores = [*SCORES, *({run.best_score} - {*SCORES, ""})]
        if run.best_score:
            self.refuse_unscored()

    def refuse_unscored(self) -> None:
        """Raises ValueError if the score of --keep-best cannot be computed for the validation pictures."""
        if unmet := why_not(self.run.best_score, unmet_needs(self.examples)):
            raise ValueError(f"--keep-best {self.run.keep_best} cannot be computed while training: {unmet}")
        captions = {example.id: PROBE for example in self.examples[:1]}
        scores = evaluate(captions, self.examples, [self.run.best_score], self.clip, self.pac, self.run.checker)
        if scores.skipped:
            reason = scores.skipped[self.run.best_score]
            raise ValueError(f"--keep-best {self.run.keep_best} cannot be computed while training: {reason}")

    def __call__(
        self, captioner: Captioner, reference: Captioner | None = None
    ) -> tuple[dict[str, float], dict[str, tuple[Image.Image, str]]]:
        """Scores by name, and the first pictures with their captions.

        With a `reference`, the scores hold the reward and the KL divergence for the reward watch.
        """
        plain = replace(self.run.decode, guidance=1.0)
        own = captions_of(captioner, own_share(self.examples), self.features, plain, part=True)
        captions = {name: caption for part in gathered(own) for name, caption in part.items()}
        return shared(lambda: self.scored(captioner, reference, captions))

    def scored(
        self, captioner: Captioner, reference: Captioner | None, captions: dict[str, str]
    ) -> tuple[dict[str, float], dict[str, tuple[Image.Image, str]]]:
        scores = evaluate(captions, self.examples, self.scores, clip=self.clip, pac=self.pac, checker=self.run.checker)
        pictures = filter(is_there, self.examples[:SAMPLES])
        samples = {example.id: (open_image(example.image), captions[example.id]) for example in pictures}
        extra = self.watched(captioner, reference, captions) if reference else {}
        return {**scores.corpus, **extra}, samples

    def watched(self, captioner: Captioner, reference: Captioner, captions: dict[str, str]) -> dict[str, float]:
        """The mean reward of the captions, and the KL divergence from the model at step 0."""
        assert self.reward is not None
        total, _ = self.reward(self.examples, [[captions[example.id]] for example in self.examples])
        return {"reward": float(total.mean()), "kl": self.divergence(captioner, reference)}

    def divergence(self, captioner: Captioner, reference: Captioner) -> float:
        """KL(captioner || reference) in nats a caption. It is exact at every token of one sample of each picture."""
        device = captioner.token.weight.device
        generator, sums = torch.Generator().manual_seed(self.run.seed), []
        for start in range(0, len(self.examples), BATCH):
            names = [example.id for example in self.examples[start : start + BATCH]]
            features = sent(self.features[names], device)
            drawn = generate(
                captioner,
                features,
                method="sample",
                k=1,
                max_length=self.run.decode.max_length,
                generator=generator,
            )
            with at_rest(captioner):
                sums.append(token_divergence(captioner, reference, features, drawn.tokens)[1].sum())
        return sum(fetched(sums)) / len(self.examples)
