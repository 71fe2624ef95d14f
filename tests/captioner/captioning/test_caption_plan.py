"""The plan of captioning counts pictures, measures a block and writes nothing."""

from __future__ import annotations

import re
import shutil
import tarfile

import pytest
from PIL import Image

from captioner.captioning import plan as planning
from captioner.cli import main


@pytest.fixture
def typed(model, tmp_path) -> list[str]:
    flags = "--images scenes:count=9 --split train --batch-size 4 --checker none"
    return ["caption", "--model", str(model), *flags.split(), "--out", str(tmp_path / "out" / "captions.jsonl")]


def test_plan_says_time_memory_and_disk_and_begins_nothing(typed, tmp_path, capsys):
    assert main([*typed, "--plan"]) == 0
    said = capsys.readouterr()
    assert "9 pictures to caption, 0 are captioned" in said.out
    assert re.search(r"time: about .* for 9 pictures at \d+ pictures a second, as the first 4 took", said.out)
    assert "memory: " in said.out and "disk: " in said.out
    assert "next, type: captioner caption" in said.err and "--plan" not in said.err
    assert not (tmp_path / "out").exists()


def test_plan_of_a_begun_work_counts_the_rest(typed, tmp_path, capsys):
    assert main(typed) == 0
    journal = tmp_path / "out" / "captions.jsonl.work" / "1-of-1.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:4]), encoding="utf-8")
    capsys.readouterr()
    assert main([*typed, "--plan"]) == 0
    assert "5 pictures to caption, 4 are captioned" in capsys.readouterr().out
    assert journal.read_text(encoding="utf-8") == "".join(lines[:4])
    assert main(typed) == 0
    capsys.readouterr()
    assert main([*typed, "--plan"]) == 0
    assert "all 9 pictures are captioned" in capsys.readouterr().out


def test_captions_without_room_are_refused(typed, refused, monkeypatch):
    monkeypatch.setattr(planning, "free_disk", lambda out: 10)
    assert "disk, and 0.0 MB are free" in refused(*typed, "--plan")


def test_plan_beside_merge_is_refused(typed, refused):
    assert "--plan is for captions that are still to make" in refused(*typed, "--plan", "--merge")


def test_an_input_that_can_be_read_once_is_not_counted(typed, tmp_path, capsys):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number in range(6):
            Image.new("RGB", (48, 48), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
            tar.add(tmp_path / f"{number}.png", f"{number}.png")
    typed[typed.index("--images") + 1] = f"pipe:cat {tmp_path / 'a.tar'}"
    assert main([*typed, "--plan"]) == 0
    assert "pictures that cannot be counted beforehand" in capsys.readouterr().out


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@pytest.mark.slow
def test_compiled_captions_are_those_without(typed, tmp_path):
    assert main(typed) == 0
    other = str(tmp_path / "compiled.jsonl")
    assert main([*typed[:-1], other, "--compile"]) == 0
    assert (tmp_path / "compiled.jsonl").read_text() == (tmp_path / "out" / "captions.jsonl").read_text()


def test_only_own_captioners_are_compiled(refused, tmp_path):
    said = refused("caption", "--model", "hf:a/b", "--images", "scenes", "--out", tmp_path / "c.jsonl", "--compile")
    assert "--compile is for captioners of this package, got hf:a/b" in said
