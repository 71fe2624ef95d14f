"""How a captioner does on the validation pictures while it trains."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from captioner.config import Run
from captioner.generate import captions_of
from captioner.models.captioner import Captioner
from captioner.models.features import FeatureStore
from metric.clip import Clip, load_clip
from metric.embed import Embedder
from metric.evaluate import evaluate
from metric.example import Example, open_image
from rewards.spec import parse

SCORES = "cider clip_s pac_spp rep_4 bad_endings length vocabulary scene_truth scene_recall scene_grammatical".split()
SHOWN = 4  # pictures whose captions are logged


class Validation:
    """Captions the same pictures at every call and scores them; what cannot be scored is left out."""

    def __init__(self, run: Run, clip: Clip, examples: Sequence[Example], features: FeatureStore) -> None:
        self.run, self.examples, self.features = run, examples, features
        self.clip = Embedder(clip)
        checkpoint = metric_checkpoint(run)
        self.pac = Embedder(load_clip(checkpoint, clip.device)) if checkpoint else None

    def __call__(self, captioner: Captioner) -> tuple[dict[str, float], dict[str, tuple[Image.Image, str]]]:
        """Scores by name, and the first pictures with their captions."""
        captions = captions_of(captioner, self.examples, self.features, self.run.decode)
        scores = evaluate(captions, self.examples, SCORES, clip=self.clip, pac=self.pac).corpus
        shown = {example.id: (open_image(example.image), captions[example.id]) for example in self.examples[:SHOWN]}
        return scores, shown


def metric_checkpoint(run: Run) -> str:
    """The PAC-S++ that scores the run: --pac, or the one it is rewarded with."""
    if run.pac:
        return run.pac
    options = (dict(parse(spec).options) for spec in run.rewards)
    return next((option["checkpoint"] for option in options if "checkpoint" in option), "")
