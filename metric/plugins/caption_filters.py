"""A filter of data-juicer that keeps captions by any score. The path of this file goes into `custom_operator_paths`.

process:
  - caption_score_filter: {score: 'pac_spp:checkpoint=runs/metric', min_score: 0.7, max_score: null}
  - caption_score_filter: {score: rep_4, min_score: null, max_score: 0}
  - caption_score_filter: {score: 'incorrect:checker=harper', min_score: null, max_score: 0}

data-juicer hands a value that is absent on from the filter of the same name before, so both limits are written.
"""

from __future__ import annotations

import re
from typing import Any

from data_juicer.ops.base_op import OPERATORS, Filter
from data_juicer.utils.constant import Fields

from metric.plugins.scored import scored
from metric.scores.catalogue import SCORES, request

NAME = "caption_score_filter"
MARKS = re.compile(r"<__dj__\w+>|<\|__dj__eoc\|>")  # data-juicer's marks of pictures and of ends in a text


@OPERATORS.register_module(NAME)
class CaptionScoreFilter(Filter):
    """Keeps samples whose caption has a score from `min_score` to `max_score`.

    `score` is one score of `captioner score` with its options, such as `pac_spp:checkpoint=DIR`, `rep_4`, `length` or
    `incorrect:checker=harper`. The caption is the text without data-juicer's marks. A score that looks at the picture
    needs one picture a sample. The stats have the score under its spec.
    """

    _batched_op = True

    def __init__(
        self,
        score: str = "rep_4",
        min_score: float | None = None,
        max_score: float | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        names = request([score]).names
        if len(names) != 1 or "references" in SCORES[names[0]].needs:
            raise ValueError(f"score is one score without references, such as rep_4 or clip_s, got {score!r}")
        if min_score is None and max_score is None:
            raise ValueError(f"{NAME} keeps every sample without a limit; give min_score or max_score")
        if min_score is not None and max_score is not None and min_score > max_score:
            raise ValueError(
                f"{NAME}: min_score {min_score:g} is above max_score {max_score:g}; data-juicer takes a limit that is "
                "absent from the filter before: write both, null for none"
            )
        self.score, self.measured = score, names[0]
        self.min_score, self.max_score = min_score, max_score

    def compute_stats_batched(self, samples: Any, rank: int | None = None, context: bool = False) -> Any:
        """The samples with the score of each in its stats. `rank` is the number of a GPU."""
        rows = [row for row, stats in enumerate(samples[Fields.stats]) if self.score not in stats]
        if rows:
            captions = [MARKS.sub(" ", samples[self.text_key][row]).strip() for row in rows]
            device = "cpu" if rank is None else f"cuda:{rank}"
            found = scored(captions, self.score, self.pictures(samples, rows), None, device).per_caption[self.measured]
            for row, value in zip(rows, found.values()):
                samples[Fields.stats][row][self.score] = value
        return samples

    def pictures(self, samples: Any, rows: list[int]) -> list[Any] | None:
        """The picture of each row, None for a score of texts. Raises ValueError for a row with another number."""
        if SCORES[self.measured].family != "clip":
            return None
        column = self.image_bytes_key if self.image_bytes_key in samples else self.image_key
        lists = [samples[column][row] or [] for row in rows]
        if wrong := [len(pictures) for pictures in lists if len(pictures) != 1]:
            raise ValueError(f"{self.score} needs one picture a sample, got a sample with {wrong[0]}")
        return [pictures[0] for pictures in lists]

    def process_single(self, sample: Any) -> bool:
        return self.get_keep_boolean(sample[Fields.stats][self.score], self.min_score, self.max_score)
