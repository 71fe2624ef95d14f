"""The plan of captioning counts pictures, measures a block and writes nothing."""

from __future__ import annotations

import re
import shutil
import tarfile

import pytest
from PIL import Image

from captioner.cli import main
from captioner.decoding.fixed_shapes import FixedShapes
from metric.storage import disk


@pytest.fixture
def typed(model, tmp_path) -> list[str]:
    flags = "--images scenes:count=9 --split train --batch-size 4 --checker none"
    return ["caption", "--model", str(model), *flags.split(), "--out", str(tmp_path / "out" / "captions.jsonl")]


def test_plan_says_time_memory_and_disk_and_begins_nothing(typed, tmp_path, capsys):
    assert main([*typed, "--plan"]) == 0
    said = capsys.readouterr()
    assert "9 pictures to caption, 0 are captioned" in said.out
    assert re.search(r"time: about .* for 9 pictures, [\d.e+]+ a second as the first 4 took", said.out)
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
    said = capsys.readouterr().out
    assert "0 pictures to caption, 9 are captioned" in said and "time:" not in said


def test_captions_of_others_that_skip_done_keeps_are_counted(typed, tmp_path, capsys):
    out = tmp_path / "out" / "captions.jsonl"
    assert main(typed) == 0
    out.write_text("".join(out.read_text(encoding="utf-8").splitlines(keepends=True)[:3]), encoding="utf-8")
    shutil.rmtree(f"{out}.work")
    capsys.readouterr()
    assert main([*typed, "--plan", "--skip-done"]) == 0
    assert "9 pictures to caption, 3 are captioned" in capsys.readouterr().out  # blocks of 4 are captioned as a whole
    assert not (tmp_path / "out" / "captions.jsonl.work").exists()


def test_a_share_has_a_plan_of_its_own(typed, capsys):
    assert main([*typed, "--plan", "--shard", "1/2"]) == 0
    assert "5 pictures to caption in share 1-of-2, 0 are captioned" in capsys.readouterr().out


@pytest.mark.parametrize("skip", [[], ["--skip-done"]])
def test_other_settings_than_those_of_the_begun_work_are_refused_as_without_plan(typed, refused, skip):
    assert main(typed) == 0
    if skip:
        assert main([*typed, "--plan", "--beams", "3", *skip]) == 0
    else:
        assert re.search(r"was begun with candidates \d, now 3", refused(*typed, "--plan", "--beams", "3"))


def test_captions_without_room_are_refused(typed, refused, monkeypatch):
    monkeypatch.setattr(disk, "free_disk", lambda out: 10)
    assert "disk, and 0.0 MB are free" in refused(*typed, "--plan")


@pytest.mark.parametrize("flag", ["--plan", "--compile"])
def test_flags_of_captions_to_make_are_refused_beside_merge(typed, refused, flag):
    assert f"{flag} is for captions that are still to make" in refused(*typed, flag, "--merge")


def test_plan_of_workers_is_refused(typed, refused):
    assert "--plan measures one process, got --engine ray" in refused(*typed, "--plan", "--engine", "ray")


def test_an_input_that_can_be_read_once_is_not_counted(typed, tmp_path, capsys):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for number in range(6):
            Image.new("RGB", (48, 48), (40 * number, 0, 0)).save(tmp_path / f"{number}.png")
            tar.add(tmp_path / f"{number}.png", f"{number}.png")
    typed[typed.index("--images") + 1] = f"pipe:cat {tmp_path / 'a.tar'}"
    assert main([*typed, "--plan"]) == 0
    assert "pictures that cannot be counted beforehand" in capsys.readouterr().out


def test_whole_batches_alone_are_compiled(typed, monkeypatch):
    """A batch of another size would wait for the compiler again, and in another process it might not."""
    sizes = []

    class Noted(FixedShapes):
        def start(self, memory):
            sizes.append(len(memory))
            return super().start(memory)

    monkeypatch.setattr("captioner.sources.own.FixedShapes", lambda *asked, compile: Noted(*asked))
    assert main([*typed, "--compile"]) == 0
    assert sizes == [4, 4]


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
