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

from metric.runtime.console import first_line, tell
from metric.runtime.processes import rank

PROJECT = "captioner"
NAMED = {"wandb": "name", "mlflow": "run_name", "swanlab": "experiment_name"}  # tracker -> its word for the run's name

AFRESH = {  # tracker -> what to type where it cannot begin
    "wandb": "; WANDB_MODE=offline before the command needs no account",
    "mlflow": "; MLFLOW_TRACKING_URI=sqlite:///mlflow.db before the command needs no server",
}


@dataclass(frozen=True)
class Trackers:
    """The open trackers of a run. A tracker that fails is told and left out, since a run may have lasted days."""

    opened: list[Any] = field(default_factory=list)
    starts: Mapping[str, int] = field(default_factory=dict)
    """stage -> steps before it: trackers count the steps of all stages together"""

    def log(self, numbers: Mapping[str, float], step: int, stage: str) -> None:
        for tracker in [*self.opened]:
            try:
                tracker.log(dict(numbers), step=step + self.starts.get(stage, 0))
            except Exception as error:  # each tracker has errors of its own, as of a server that is gone
                self.opened.remove(tracker)
                why = first_line(error).rstrip(".")
                tell([f"--track {tracker.name} has failed ({why}), and gets no more numbers; metrics.jsonl does"])


OPEN: ContextVar[Trackers] = ContextVar("OPEN", default=Trackers())  # noqa: B039


def trackers() -> Trackers:
    """Those of the `tracking` that is open."""
    return OPEN.get()


@contextmanager
def tracking(
    names: Sequence[str], out: Path, settings: Mapping[str, Any], starts: Mapping[str, int] | None = None
) -> Iterator[None]:
    """Opens the trackers `names` in the first process, each as a run called like the folder `out`, with its settings.

    Raises ValueError for an unknown tracker, for one whose package is not installed, and for one that cannot begin.
    """
    if not names or rank():
        yield
        return
    opened = [started(name, out) for name in dict.fromkeys(names)]
    told = {key: value if isinstance(value, (bool, int, float, str)) else str(value) for key, value in settings.items()}
    open_ones = Trackers(opened, starts or {})
    before = OPEN.set(open_ones)
    try:
        for tracker in opened:
            tracker.store_init_configuration(told)
        yield
    finally:
        OPEN.reset(before)
        for tracker in open_ones.opened:
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
    try:
        tracker = made(PROJECT, *place, **named)
        tracker.start()
    except Exception as error:  # each tracker has errors of its own, as of a login or a server
        why = first_line(error).rstrip(".")
        raise ValueError(f"--track {name} cannot begin: {why}{AFRESH.get(name, '')}") from error
    return tracker
