"""Rewards for EasyR1: the batch function that `worker.reward.reward_function` names.

    worker.reward.reward_function=PATH/rewards/bridges/easyr1.py:compute_score
    worker.reward.reward_function_kwargs={"reward": "pacspp:checkpoint=DIR repetition:weight=0.2"}

EasyR1 hands no pictures over. A row's `ground_truth` says what it is judged by: `{"image": PATH, "references": [...]}`,
the same as JSON, or references alone.

Axes: n responses.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from metric.example import Cut
from rewards.bridges.client import URL, ask, item
from rewards.bridges.columns import Row, texts_of
from rewards.bridges.judge import Judge
from rewards.bridges.pictures import picture_of
from rewards.bridges.scales import RAW

REWARD_NAME = "captioner"
REWARD_TYPE = "batch"


def compute_score(
    reward_inputs: Sequence[Mapping[str, Any]],
    reward: str = "",
    url: str = URL,
    scale: str = RAW,
    clip: str = "",
    device: str = "cpu",
    limit: int = 0,
    pictures: str = "path",
) -> list[dict[str, float]]:
    """n inputs of EasyR1 -> n dictionaries: the total as `overall`, and the raw value of each reward.

    `reward` is one text as --reward takes it, or several with spaces between them, computed in this process. Without
    it the server at `url` computes, by the rewards of `captioner serve`. `limit` is the response length of the run:
    a response of that length was cut. `pictures` is path, or bytes for a server on another machine.

    Raises ValueError for a row that cannot be judged, since EasyR1 takes numbers only.
    """
    facts = [judged_by(given["ground_truth"]) for given in reward_inputs]
    captions = [caption_of(given, limit) for given in reward_inputs]
    if not reward:
        items = [item(text, fact.get("image"), fact["references"], pictures) for text, fact in zip(captions, facts)]
        scores = ask(url, {"items": items})["scores"]
        return [{"overall": score["total"], **score["terms"]} for score in scores]
    rows = [
        Row(text, picture_of(fact.get("image"), f"reward_inputs[{n}]"), fact["references"])
        for n, (text, fact) in enumerate(zip(captions, facts))
    ]
    found = []
    for n, verdict in enumerate(judge_of(reward, scale, clip, device)(rows)):
        if verdict.total is None:
            raise ValueError(
                f"reward {reward} cannot judge reward_inputs[{n}]: {verdict.why}; give ground_truth as "
                '{"image": PATH, "references": [...]}'
            )
        found.append({"overall": verdict.total, **verdict.terms})
    return found


@lru_cache(maxsize=4)
def judge_of(reward: str, scale: str, clip: str, device: str) -> Judge:
    return Judge(shlex.split(reward), clip, device, scale)


def caption_of(given: Mapping[str, Any], limit: int) -> str:
    """The response of an input. A response of `limit` tokens is a `Cut`."""
    return Cut(given["response"]) if limit and given["response_length"] >= limit else given["response"]


def judged_by(truth: Any) -> dict[str, Any]:
    """`image` and `references` of a ground truth: a mapping, its JSON, or references alone."""
    if isinstance(truth, str) and truth.lstrip().startswith("{"):
        truth = json.loads(truth)
    if not isinstance(truth, Mapping):
        return {"references": texts_of(truth)}
    return {"image": truth.get("image"), "references": texts_of(truth.get("references"))}
