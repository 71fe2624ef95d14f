"""A frame of `captioner watch`: a state as text for a terminal, and frames one after another until the run ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from captioner.watching.braille import drawn
from captioner.watching.state import Curve, State, state_of

WIDTH, HEIGHT = 36, 4  # of a curve, in characters: two stand side by side in 80 columns
ALARMS = 5  # lines of the reward watch that are shown, the latest


def frame(state: State) -> RenderableType:
    """Title, place, the latest alarms, the latest captions, the curves. A low terminal cuts the last curves off."""
    parts: list[RenderableType] = [Text(state.title, style="bold"), Text(state.place)]
    parts += [Text(line, style="yellow") for line in state.alarms[-ALARMS:]]
    if state.captions:
        table = Table("picture", f"caption at {state.captioned_at}", box=None, padding=(0, 3, 0, 0))
        for name, caption in state.captions.items():
            table.add_row(Text(name), Text(caption))
        parts += [Text(), table]
    curves = Columns([plot(title, curve) for title, curve in state.curves.items()], padding=(0, 3))
    return Group(*parts, Text(), curves) if state.curves else Group(*parts)


def plot(title: str, curve: Curve) -> Text:
    """A curve between its title with the last value and its range."""
    values = [value for _, value in curve]
    head, ends = f"{title}  {values[-1]:.4g}", f"from {min(values):.4g} to {max(values):.4g}"
    return Text("\n".join([head[:WIDTH].ljust(WIDTH), *drawn(curve, WIDTH, HEIGHT), ends]))


def show(path: Path, once: bool, every: float, wait: Callable[[float], None] = time.sleep) -> State:
    """Prints a frame, and on a terminal new ones until the run is finished or Ctrl-C is typed. -> the last state.

    A pipe gets one frame. Raises ValueError for a folder that is no run.
    """
    console = Console(highlight=False)
    state = state_of(path)
    if once or state.finished or not sys.stdout.isatty():
        console.print(frame(state))
        return state
    with Live(frame(state), console=console, auto_refresh=False, screen=True) as live:
        try:
            while not state.finished:
                wait(every)
                state = state_of(path)
                live.update(frame(state), refresh=True)
        except KeyboardInterrupt:
            pass  # the way out
    console.print(frame(state))
    return state
