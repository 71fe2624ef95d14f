"""The scores as metrics of torchmetrics: `from metric.torchmetrics import CLIPS, PACS, CIDErD, RepN, GrammarErrors`.

Each metric calls the family of scores that `metric.evaluate` calls, so the numbers are equal. `update` takes lists of
equal length, by name or in this order: `captions`, `images`, `references`. A MetricCollection gives each metric what it
needs. `compute` gives a number over all captions, also over those of other processes. `metric.evaluate` gives the score
of each caption.

Axes: n captions of an update.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from metric.evaluation import measure, open_sources
from metric.example import Example
from metric.pictures import as_examples
from metric.scores.catalogue import SCORES
from metric.scores.cider import Cider
from metric.scores.document_frequency import of_coco, of_file
from metric.scores.family import Defaults, Part
from metric.scores.text_families import of_one
from metric.similarity import PAC_W

try:
    from torchmetrics import Metric
    from torchmetrics.utilities import dim_zero_cat
except ImportError as error:
    raise ImportError("torchmetrics is not installed; pip install 'captioner[torchmetrics]'") from error

PRECISION = "fp32"


class CaptionMetric(Metric):
    """What the metrics share: checks of a batch, the plot, and `fact`, which belongs beside the printed number."""

    is_differentiable = False
    full_state_update = False
    plot_lower_bound = 0.0
    fact = ""
    """CLIP with its fingerprint, document frequency or grammar checker of the number; "" before the first update"""

    def plot(self, val: Any = None, ax: Any = None) -> Any:
        """Figure and axes of torchmetrics for `val`, which is one value or several. None takes that of `compute`."""
        return self._plot(val, ax)


class MeanScore(CaptionMetric):
    """The mean of one score over captions."""

    def __init__(self, score: str, options: dict[str, str], **kwargs: Any) -> None:
        """`options` are those of the score's source. `kwargs` go to torchmetrics."""
        super().__init__(**kwargs)
        self.score, self.options = score, options
        # a MetricCollection shares the states of metrics whose states have equal names and first values
        self.values = "values_" + sha256(f"{score} {sorted(options.items())}".encode()).hexdigest()[:12]
        self.add_state(self.values, [], dist_reduce_fx="cat")

    def learn(self, captions: list[str], examples: list[Example]) -> None:
        """Add the scores of n captions. Raises ValueError where the score cannot be computed, with the reason."""
        if not captions:
            return
        with torch.inference_mode(False), torch.no_grad():  # a validation loop may be in inference mode, a CLIP may not
            part = self.scored(captions, examples)
            scores = torch.tensor(part.per_caption[self.score], dtype=torch.float32, device=self.device)
        self.fact = part.facts.get(self.score.removeprefix("ref_"), "")
        getattr(self, self.values).append(scores)

    def needed(self, references: Any) -> Any:
        """The references for a score with references, None for another. Raises ValueError where they are missing."""
        if not self.score.startswith("ref_"):
            return None
        if references is None:
            raise ValueError(
                f"{self.score} compares captions with references; give update(..., references=[[...], ...])"
            )
        return references

    def scored(self, captions: list[str], examples: list[Example]) -> Part:
        """The family opens once: each CLIP and each grammar checker is kept by its name and device."""
        source = {SCORES[self.score].source: self.options}
        families, reasons = open_sources([self.score], source, Defaults(None, None, "auto", str(self.device)))
        parts, unavailable = measure(families, [self.score], captions, examples)
        for reason in (reasons | unavailable).values():
            raise ValueError(f"{self.score} cannot be computed: {reason}")
        return parts[0]

    def compute(self) -> Tensor:
        """The mean over captions, a scalar in float32. NaN before the first update."""
        values = getattr(self, self.values)
        scores = dim_zero_cat(values) if len(values) else torch.zeros(0)
        return scores.cpu().double().mean().float().to(self.device)  # MPS has no float64


class CLIPS(MeanScore):
    """CLIP-S, 2.5 max(cos, 0), or RefCLIP-S with `references=True` (arXiv 2104.08718).

    torchmetrics' own CLIPScore is another number:

    - It has no prefix. Here each text begins with "A photo depicts ".
    - Its scale is 100. Here it is 2.5.
    - It clamps the mean at 0. Here each caption is clamped.
    - It cuts the tokens of a long text with the end token, whose state is the embedding. Here the end token stays.
    - It knows no references.
    - It takes models of transformers. Here `clip` is what `metric.load_clip` takes: ARCH:TAG of open_clip, a folder or
      a hub id.
    """

    higher_is_better = True

    def __init__(
        self,
        clip: str = "ViT-B-32-quickgelu:openai",
        references: bool = False,
        precision: str = PRECISION,
        **kwargs: Any,
    ) -> None:
        super().__init__("ref_clip_s" if references else "clip_s", {"clip": clip, "precision": precision}, **kwargs)

    def update(self, captions: Sequence[str], images: Any, references: Any = None) -> None:
        """n captions, n pictures, n lists of references. A picture is what `metric.pictures.picture_of` takes."""
        self.learn(*as_examples(captions, images, self.needed(references)))


class PACS(MeanScore):
    """PAC-S or PAC-S++, w max(cos, 0) of a CLIP that was tuned to judge captions (arXiv 2303.12112, 2410.07336).

    `checkpoint` is a run of `captioner metric train`, a folder of `captioner metric import`, or a hub id. `score` is
    `pac_spp`, `pac_s` for two tuned projections, or `pac_spp_hard` for a training with hard negatives.
    `references=True` gives the version with references. `scale` draws the weights towards the CLIP before its tuning.
    """

    higher_is_better = True

    def __init__(
        self,
        checkpoint: str,
        score: str = "pac_spp",
        references: bool = False,
        w: float = PAC_W,
        scale: float = 1.0,
        precision: str = PRECISION,
        **kwargs: Any,
    ) -> None:
        if score not in ("pac_spp", "pac_s", "pac_spp_hard"):
            raise ValueError(f"score is pac_spp, pac_s or pac_spp_hard, got {score!r}")
        options = {"checkpoint": str(checkpoint), "w": str(w), "scale": str(scale), "precision": precision}
        super().__init__(f"ref_{score}" if references else score, options, **kwargs)

    def update(self, captions: Sequence[str], images: Any, references: Any = None) -> None:
        """n captions, n pictures, n lists of references. A picture is what `metric.pictures.picture_of` takes."""
        self.learn(*as_examples(captions, images, self.needed(references)))


class RepN(MeanScore):
    """Rep-n: the n-grams that a caption has said before, their number or with `rate=True` their share."""

    higher_is_better = False

    def __init__(self, n: int = 4, rate: bool = False, **kwargs: Any) -> None:
        if n not in range(1, 5):
            raise ValueError(f"n is 1 to 4, got {n}")
        super().__init__(f"rep_{n}_rate" if rate else f"rep_{n}", {}, **kwargs)

    def update(self, captions: Sequence[str]) -> None:
        """n captions."""
        self.learn(*as_examples(captions))


class GrammarErrors(MeanScore):
    """The share of captions in which a checker finds a fault, in percent. `fact` names the checker.

    `checker` is languagetool, harper, or auto for the best that runs here. `cache` is a folder that keeps verdicts.
    """

    higher_is_better = False
    plot_upper_bound = 100.0

    def __init__(self, checker: str = "auto", cache: str = "", **kwargs: Any) -> None:
        super().__init__("incorrect", {"checker": checker, "cache": cache}, **kwargs)

    def update(self, captions: Sequence[str]) -> None:
        """n captions."""
        self.learn(*as_examples(captions))


class CIDErD(CaptionMetric):
    """CIDEr-D on the scale of pycocoevalcap, 0 to 10 (arXiv 1411.5726). 1.0 here is 100 in papers.

    An n-gram weighs by the pictures whose references lack it. `df=""` counts these in all pictures of the metric, so
    that the number exists at `compute` only. `df="coco"` takes COCO's captions, and another text is a JSON file of
    captions. The state is the captions and references as the bytes of JSON lines, since states travel as tensors.
    """

    higher_is_better = True
    plot_upper_bound = 10.0
    rows: list[Tensor]

    def __init__(self, df: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.df = df
        self.add_state("rows", [], dist_reduce_fx="cat")

    def update(self, captions: Sequence[str], references: Any) -> None:
        """n captions, n lists of references."""
        texts, examples = as_examples(captions, references=references)
        if not texts:
            return
        lines = "".join(json.dumps([text, *of.references]) + "\n" for text, of in zip(texts, examples))
        self.rows.append(torch.frombuffer(bytearray(lines.encode()), dtype=torch.uint8).to(self.device))

    def _sync_dist(self, *args: Any, **kwargs: Any) -> None:
        """A process without captions has no bytes to give. torchmetrics would give a float tensor, which fits none."""
        if not len(self.rows):
            self.rows = [torch.zeros(0, dtype=torch.uint8, device=self.device)]
        super()._sync_dist(*args, **kwargs)

    def compute(self) -> Tensor:
        """The mean over captions, a scalar in float32. NaN before the first update."""
        lines = bytes(dim_zero_cat(self.rows).to(torch.uint8).cpu().tolist()) if len(self.rows) else b""
        captions, references = [], []
        for text, *of_picture in map(json.loads, lines.splitlines()):
            captions.append(text)
            references.append(tuple(of_picture))
        cider = Cider(references if not self.df else of_coco() if self.df == "coco" else of_file(Path(self.df)))
        alone = "" if self.df else of_one(captions)
        self.fact = (
            f"CIDEr-D, document frequency over {self.df or 'the references'}, {cider.df.documents} images{alone}"
        )
        return torch.tensor(cider.scores_once(captions, references), dtype=torch.float64).mean().float().to(self.device)
