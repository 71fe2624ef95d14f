"""All scores of captions as a metric of Hugging Face evaluate: `evaluate.load("metric/plugins/caption_scores")`.

evaluate copies this file, so it imports no neighbour. The name of the configuration says what a caption comes with:
`references` (default), `images`, `images_references`, or `text` for captions alone.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate

from metric.plugins.scored import scored

DESCRIPTION = "Scores of image captions, classic and learned, by the code of `captioner score`."
INPUTS = """
predictions: a caption for each picture
references: a list of one or more captions of people for each picture
images: a picture, as a path, as PIL picture or as a record {bytes, path}
scores: specs with commas between them, such as `cider,pac_spp:checkpoint=DIR` ("cider")
device: device of the models ("cpu")
"""
CITATION = "arXiv 2410.07336 (PAC-S++), 2104.08718 (CLIP-S), 1411.5726 (CIDEr)"
COLUMNS = {
    "predictions": datasets.Value("string"),
    "references": datasets.Sequence(datasets.Value("string")),
    "images": datasets.Image(),
}
CONFIGURATIONS = {
    "default": ("predictions", "references"),
    "references": ("predictions", "references"),
    "images": ("predictions", "images"),
    "images_references": ("predictions", "images", "references"),
    "text": ("predictions",),
}


class CaptionScores(evaluate.Metric):
    """The result has a number for each score, and `facts` with what computed it."""

    def _info(self) -> Any:
        if self.config_name not in CONFIGURATIONS:
            raise ValueError(f"a configuration is {', '.join(CONFIGURATIONS)}, got {self.config_name!r}")
        features = datasets.Features({name: COLUMNS[name] for name in CONFIGURATIONS[self.config_name]})
        return evaluate.MetricInfo(
            description=DESCRIPTION, citation=CITATION, inputs_description=INPUTS, features=features
        )

    def _compute(
        self, predictions: Any, references: Any = None, images: Any = None, scores: str = "cider", device: str = "cpu"
    ) -> dict[str, Any]:
        found = scored(predictions, scores, images, references, device)
        return {**found.corpus, "facts": found.facts}
