"""The parts of the demo: commands that exist, in an order that can be run, and what is printed at the end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from captioner.comparison.table import Comparison, Row
from captioner.runs.outcome import Outcome
from experiments import commands, demo, demo_tables
from tests.test_docs import complaint


@pytest.mark.parametrize("size", [demo.SHORT, demo.FULL])
def test_every_part_is_a_command_that_is_accepted(tmp_path, monkeypatch, size):
    typed: list[list[str]] = []
    for module in (commands, demo):
        monkeypatch.setattr(module, "run_captioner", lambda *words: typed.append([str(word) for word in words]))
    parts = demo.parts(tmp_path, size)  # after the patch, since the part of the comparison holds the function
    for part in parts:
        part.work()
    assert len(typed) == len(parts) == 3 + 4 + 5 + 1
    assert [complaint(["captioner", *words]) for words in typed] == [""] * len(typed)


def test_every_part_waits_for_parts_that_can_be_done():
    done: set[str] = set()
    waiting = demo.parts(Path("out"), demo.SHORT)
    while waiting:
        ready = [part for part in waiting if done.issuperset(part.after)]
        assert ready, f"{[part.name for part in waiting]} wait for each other"
        done |= {part.name for part in ready}
        waiting = [part for part in waiting if part not in ready]


def test_the_last_three_captions_of_each_run_stand_side_by_side():
    captions = {f"test-{number}": f"caption {number}" for number in range(5)}
    outcome = Outcome(Path("run"), {"rewards": [], "seed": 0}, [], {"cider": 1.0}, 5, {}, {}, captions)
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(demo_tables.caption_table([outcome], ["XE"]))
    console.print(demo_tables.score_table(Comparison("test", (Row("xe", (outcome,)),)), ["XE"]))
    text = console.export_text()
    assert all(f"caption {number}" in text for number in (2, 3, 4)) and "caption 1" not in text
    assert text.splitlines()[-1].split() == ["CIDEr", "1"]
