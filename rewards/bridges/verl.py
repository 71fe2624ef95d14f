"""Rewards for verl: `compute_score` asks the server that `captioner serve` starts.

    captioner serve --reward pacspp:checkpoint=DIR

    reward.custom_reward_function.path=pkg://rewards.bridges.verl
    reward.custom_reward_function.name=compute_score
    +reward.custom_reward_function.reward_kwargs.url=http://127.0.0.1:8100

verl calls one sample at a time, in processes without a GPU, and hands no pictures over. The server scores the samples
of all processes in batches. verl gives the text alone, so a caption that was cut counts as ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewards.bridges.client import URL, ask, item
from rewards.bridges.columns import texts_of


def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    url: str = URL,
    image: str = "image",
    references: str = "references",
    pictures: str = "path",
    **more: object,
) -> dict[str, float]:
    """The total of one sample as `score`, and the raw value of each reward.

    The picture is the path in `extra_info[image]`. References are those in `extra_info[references]`, else
    `ground_truth`. `pictures` is path, or bytes for a server on another machine. Raises ValueError for a sample that
    the server refuses, and OSError without a server.
    """
    extra = extra_info or {}
    texts = texts_of(extra[references] if references in extra else ground_truth)
    try:
        answer = ask(url, item(solution_str, extra.get(image), texts, pictures))
    except ValueError as error:
        raise ValueError(
            f"{error}; the picture is the path in extra_info[{image!r}], references are in "
            f"extra_info[{references!r}] or ground_truth"
        ) from None
    return {"score": answer["total"], **answer["terms"]}
