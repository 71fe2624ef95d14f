"""Weights & Biases, MLflow and other trackers beside the log, by the trackers of accelerate. None is used by default.

`with tracking(["wandb"], out, settings):` opens them, and every log inside gives them its numbers. Captions and
pictures stay in metrics.jsonl and TensorBoard. The environment variables of a tracker, such as WANDB_MODE, hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metric.runtime.processes import rank

PROJECT = "captioner"
NAMED = {"wandb": "name", "mlflow": "run_name", "swanlab": "experiment_name"}  # tracker -> its word for the run's name


@dataclass(frozen=True)
class Trackers:
    """The open trackers of a run."""

    opened: Sequence[Any] = ()
    starts: Mapping[str, int] = field(default_factory=dict)
    """stage -> steps before it: trackers count the steps of all stages together"""

    def log(self, numbers: Mapping[str, float], step: int, stage: str) -> None:
        for tracker in self.opened:
            tracker.log(dict(numbers), step=step + self.starts.get(stage, 0))


OPEN: ContextVar[Trackers] = ContextVar("OPEN", default=Trackers())  # noqa: B039


def trackers() -> Trackers:
    """Those of the `tracking` that is open."""
    return OPEN.get()


@contextmanager
def tracking(
    names: Sequence[str], out: Path, settings: Mapping[str, Any], starts: Mapping[str, int] | None = None
) -> Iterator[None]:
    """Opens the trackers `names` in the first process, each as a run called like the folder `out`, with its settings.

    Raises ValueError for an unknown tracker, and for one whose package is not installed.
    """
    if not names or rank():
        yield
        return
    opened = [started(name, out) for name in dict.fromkeys(names)]
    told = {key: value if isinstance(value, (bool, int, float, str)) else str(value) for key, value in settings.items()}
    before = OPEN.set(Trackers(opened, starts or {}))
    try:
        for tracker in opened:
            tracker.store_init_configuration(told)
        yield
    finally:
        OPEN.reset(before)
        for tracker in opened:
            tracker.finish()


def started(name: str, out: Path) -> Any:
    """A tracker of accelerate, open."""
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, filter_trackers

    if name not in LOGGER_TYPE_TO_CLASS:
        raise ValueError(f"--track takes {', '.join(LOGGER_TYPE_TO_CLASS)}, got {name!r}")
    PartialState()  # accelerate's logger, which its trackers write to, asks for it
    if not filter_trackers([name], str(out)):
        raise ValueError(f"--track {name}: its package is not installed; pip install {name.replace('_', '-')}")
    made = LOGGER_TYPE_TO_CLASS[name]
    place = [str(out)] if made.requires_logging_directory else []
    named = {NAMED[name]: out.name} if name in NAMED else {}
    tracker = made(PROJECT, *place, **named)
    tracker.start()
    return tracker
