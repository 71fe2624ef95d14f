"""Rewards for ms-swift: classes for the file of `--external_plugins`.

    from swift.rewards import orms        # before ms-swift 4: from swift.plugin import orms

    from rewards.bridges import orm

    orms["pacspp"] = orm("pacspp:checkpoint=runs/metric")

`swift rlhf --rlhf_type grpo --external_plugins FILE.py --reward_funcs pacspp` then raises the reward.

Axes: n completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rewards.bridges.columns import Columns, captions_of
from rewards.bridges.judge import Judge
from rewards.bridges.scales import RAW


class Orm:
    """What ms-swift calls: n texts with the columns of the batch -> n values, None where a row cannot be judged.

    ms-swift makes an instance with its arguments, and logs it under the name of the class.
    """

    judge: Judge
    columns: Columns

    def __init__(self, args: object = None, **more: object) -> None:
        self.args = args

    def __call__(self, completions: Sequence[Any], **batch: Any) -> list[float | None]:
        """Raises ValueError for a missing column and for a column of another length than n."""
        cut = [bool(ended) for ended in batch.get("is_truncated") or [False] * len(completions)]
        captions = captions_of(completions, cut)
        verdicts = self.judge(self.columns.rows(captions, batch, self.judge.mix.needs, self.judge.name))
        self.judge.caution(verdicts)
        return [verdict.total for verdict in verdicts]


def orm(
    *specs: str,
    scale: str = RAW,
    name: str = "",
    images: str = "",
    references: str = "references",
    clip: str = "",
    device: str = "auto",
) -> type[Orm]:
    """One reward, or the weighted sum of several, as a class of ms-swift. Arguments as for `trl_reward`.

    A text that the length limit cut is told by the column `is_truncated`, which ms-swift makes. Raises ValueError for
    a reward that does not exist or cannot be loaded.
    """
    judge = Judge(specs, clip, device, scale)
    parts = {"judge": judge, "columns": Columns(images, references), "__module__": __name__}
    return type(name or judge.name, (Orm,), parts)
