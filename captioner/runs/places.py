"""The paths among the settings of a run, from the root: `evaluate` and `--resume` may be typed in another folder."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from captioner.config import Run
from captioner.data import DATA
from captioner.features.store import ONLINE
from metric.clip.load import EMBEDDED
from metric.storage.paths import absolute, absolute_options, expanded


def placed(run: Run) -> Run:
    """The run with absolute paths. Names of data sets and CLIPs, hub ids and addresses stay as they are."""
    features = run.features if run.features in ("", ONLINE) else os.path.abspath(expanded(run.features))
    return replace(
        run,
        data=data_place(run.data),
        clip=run.clip if run.clip in EMBEDDED else absolute(run.clip),
        rewards=tuple(map(absolute_options, run.rewards)),
        init=absolute(run.init),
        pac=absolute(run.pac),
        features=features,
    )


def data_place(data: str) -> str:
    """A data set with absolute paths. A path that exists wins over a spec, as when data are read."""
    if data in DATA:
        return data
    return absolute(data) if Path(expanded(data)).exists() or ":" not in data else absolute_options(data)
