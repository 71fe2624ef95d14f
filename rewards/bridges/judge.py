"""Judge: rewards as a function of rows of other programs. Shared by all bridges and by the server.

Rows are grouped by picture and references, so that a picture is encoded once. A picture is known by its content.

Axes: n rows, b different pictures with references, k captions of each.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from metric.example import Example, Picture
from metric.images import UnreadableImage
from metric.runtime.console import tell
from metric.scenes.world import Scene
from metric.spec import refuse_one_spec
from rewards.bridges.columns import Row
from rewards.bridges.pictures import Damaged
from rewards.bridges.scales import RAW, read_scale
from rewards.context import Context
from rewards.mix import Mix, RewardFailed
from rewards.registry import build
from rewards.spec import RewardSpec, parse

NO_PICTURE = Damaged("no picture")  # the picture of rows for rewards that look at none
BY_THE_RUN = {"clips", "refclips"}  # rewards by the CLIP of the run, if no other is typed
OF_SCENES = "scenes-clip"


@dataclass(frozen=True)
class Verdict:
    """The total of a row on its scale, and key -> raw value of each reward. Without a total, `why` has the reason."""

    total: float | None
    terms: dict[str, float]
    why: str = ""


class Judge:
    """A mix of rewards that is called with rows. It can be pickled; the networks are then loaded again."""

    def __init__(self, specs: Sequence[str], clip: str = "", device: str = "auto", scale: str = RAW) -> None:
        """`specs` are texts as --reward takes them. `clip` is the CLIP of clips and refclips, by default scenes-clip.

        Raises ValueError for a reward that does not exist or cannot be loaded, and for a wrong scale.
        """
        refuse_one_spec("rewards", specs)
        self.specs = [parse(spec) for spec in specs]
        self.scale = read_scale(scale, self.specs)
        self.clip, self.device = clip or OF_SCENES, device
        self.told: set[str] = set()
        if not clip and (drawn := [str(spec) for spec in self.specs if of_scenes(spec)]):
            tell([f"reward {drawn[0]} is by {OF_SCENES}, made for drawn scenes; for photographs type clip=ARCH:TAG"])
        self.mix  # noqa: B018  # a reward that cannot be loaded is told now

    @cached_property
    def mix(self) -> Mix:
        """The rewards, on the GPU of this process if there is one."""
        from metric.runtime.device import device_of
        from metric.runtime.work_share import own_gpu

        device = str(device_of(own_gpu(self.device, os.environ)))
        return build(self.specs, Context(clip=self.clip, device=device))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "mix"}

    @property
    def name(self) -> str:
        """The texts of the rewards, joined by +. No slash, which groups the keys of a log."""
        return "+".join(str(spec).replace("/", ".") for spec in self.specs)

    def __call__(self, rows: Sequence[Row]) -> list[Verdict]:
        """A verdict a row. Rows that a reward cannot judge have a reason in place of a total.

        Raises RewardFailed for a reward that fails otherwise.
        """
        verdicts = [Verdict(None, {}, self.lack(row)) for row in rows]
        sound = [n for n, verdict in enumerate(verdicts) if not verdict.why]
        try:
            found = self.judged([rows[n] for n in sound])
        except RewardFailed as error:
            if not isinstance(error.__cause__, UnreadableImage):
                raise
            faults = {n: fault(rows[n].image) for n in sound}
            verdicts = [Verdict(None, {}, faults.get(n) or verdict.why) for n, verdict in enumerate(verdicts)]
            sound = [n for n in sound if not faults[n]]
            found = self.judged([rows[n] for n in sound])
        for n, verdict in zip(sound, found):
            verdicts[n] = verdict
        return verdicts

    def lack(self, row: Row) -> str:
        """What a row lacks, and the reward that needs it. "" for a row that can be judged."""
        lacks = {
            "images": "no picture" if row.image is None else "",
            "scenes": "" if isinstance(row.image, Scene) else "no drawn scene",
            "references": "" if row.references else "no references",
        }
        needed = ((lacks.get(need), term.key) for term in self.mix.terms for need in term.needs)
        return next((f"{lack}, which {key} needs" for lack, key in needed if lack), "")

    def judged(self, rows: Sequence[Row]) -> list[Verdict]:
        """Verdicts of rows that lack nothing. Groups with one number of captions go to the rewards together."""
        verdicts: dict[int, Verdict] = {}
        for groups in by_size(grouped(rows)):
            examples = [example_of(rows[group[0]]) for group in groups]
            total, parts = self.mix(examples, [[rows[n].caption for n in group] for group in groups])
            for i, group in enumerate(groups):
                for j, n in enumerate(group):  # + 0.0: no zero has a sign in logs and JSON
                    terms = {key: float(values[i, j]) + 0.0 for key, values in parts.items()}
                    verdicts[n] = Verdict(self.scale(float(total[i, j])) + 0.0, terms)
        return [verdicts[n] for n in range(len(rows))]

    def caution(self, verdicts: Sequence[Verdict]) -> None:
        """Tells the first row of each reason why a row has no total, once for this judge."""
        for row, verdict in enumerate(verdicts):
            if verdict.why and verdict.why not in self.told:
                self.told.add(verdict.why)
                tell([f"reward {self.name} cannot judge row {row}: {verdict.why}; such rows get no value"])


def of_scenes(spec: RewardSpec) -> bool:
    return spec.name in BY_THE_RUN and "clip" not in dict(spec.options)


def fault(image: Picture | None) -> str:
    """Why a picture cannot be drawn, "" if it can."""
    try:
        (image or NO_PICTURE).draw()
    except UnreadableImage as error:
        return str(error)
    return ""


def grouped(rows: Sequence[Row]) -> list[list[int]]:
    """The numbers of the rows that share picture and references, in the order of their first rows."""
    groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for n, row in enumerate(rows):
        groups.setdefault(((row.image or NO_PICTURE).key, row.references), []).append(n)
    return list(groups.values())


def by_size(groups: Sequence[list[int]]) -> list[list[list[int]]]:
    """Groups of one size together, since a reward takes k captions of every picture."""
    sizes: dict[int, list[list[int]]] = {}
    for group in groups:
        sizes.setdefault(len(group), []).append(group)
    return list(sizes.values())


def example_of(row: Row) -> Example:
    image = row.image or NO_PICTURE
    return Example(str(image), image, row.references)
