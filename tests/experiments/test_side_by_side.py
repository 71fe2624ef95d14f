"""Parts of an experiment run side by side, in the order that they need, and leave logs."""

from __future__ import annotations

import io
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from experiments.side_by_side import Named, Part, run_parts


def test_a_part_begins_after_the_parts_that_it_needs(tmp_path):
    folder, inner = tmp_path / "a", tmp_path / "a" / "b"
    parts = [Part("inner", partial(inner.mkdir), ("outer",)), Part("outer", partial(folder.mkdir))]
    run_parts(parts, tmp_path / "logs")
    assert inner.is_dir()


def test_what_a_part_prints_is_in_its_log(tmp_path):
    run_parts([Part("one: two", partial(print, "a table"))], tmp_path / "logs")
    assert (tmp_path / "logs" / "one-two.log").read_text() == "a table\n"


def test_a_failed_part_ends_the_experiment_and_nothing_more_begins(tmp_path):
    parts = [Part("bad", partial(sys.exit, 3)), Part("next", partial(Path.mkdir, tmp_path / "made"), ("bad",))]
    with pytest.raises(SystemExit) as ended:
        run_parts(parts, tmp_path / "logs")
    assert ended.value.code == 3 and not (tmp_path / "made").exists()


def test_a_part_that_fails_stops_the_parts_beside_it(tmp_path):
    parts = [Part("long", partial(time.sleep, 60)), Part("bad", partial(sys.exit, 3))]
    began = time.monotonic()
    with pytest.raises(SystemExit):
        run_parts(parts, tmp_path / "logs", cores=2)
    assert time.monotonic() - began < 30


def test_lines_have_the_name_of_their_part_and_hints_are_in_the_log_alone():
    log, terminal = io.StringIO(), io.StringIO()
    stream = Named("xe  ", log, terminal)
    stream.write("captioner: step 1\ncaptioner: next, type: x\nhalf a")
    stream.write(" line\n")
    assert terminal.getvalue() == "xe  step 1\nxe  half a line\n"
    assert log.getvalue() == "captioner: step 1\ncaptioner: next, type: x\nhalf a line\n"
