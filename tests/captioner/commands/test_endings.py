"""The lines of a command whose output is a file: progress, then the result, its place and what to type next."""

from __future__ import annotations

import io
import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from captioner.cli import main
from captioner.publishing.voices import short_names, voice_of

pytestmark = pytest.mark.usefixtures("few_scenes")


def said(*words: object) -> list[str]:
    """The lines that a command writes on stderr."""
    lines = io.StringIO()
    with redirect_stderr(lines), redirect_stdout(io.StringIO()):
        assert main([str(word) for word in words]) == 0
    return lines.getvalue().splitlines()


@pytest.fixture(scope="module")
def trained(tiny_flags, tmp_path_factory) -> tuple[Path, list[str]]:
    """A run of a few steps, and what it said."""
    out = tmp_path_factory.mktemp("run") / "a"
    steps = "--xe.steps 3 --rl.steps 2 --reward length --val-every 2 --watch off --data scenes:count=8".split()
    return out, said("train", *tiny_flags, *steps, "--out", out)


def test_training_tells_its_steps_and_where_the_run_is(trained):
    out, lines = trained
    steps = [line for line in lines if " step " in line and "done" not in line]
    patterns = [
        r"captioner: xe step 1 of 3: loss \d\.\d{3}",
        r"captioner: xe step 3 of 3: loss \d\.\d{3}, [\d.,]+ steps a (second|minute), finished in .+",
        r"captioner: reward step 1 of 2: loss -?\d\.\d{3}, reward -?\d\.\d{3}",
        r"captioner: reward step 2 of 2: loss -?\d\.\d{3}, reward -?\d\.\d{3}, [\d.,]+ steps a .+, finished in .+",
    ]
    assert len(steps) == len(patterns), lines
    for line, pattern in zip(steps, patterns):
        assert re.fullmatch(pattern, line), line
    done, where, then = lines[-3:]
    assert re.fullmatch(r"captioner: done: reward step 2 of 2; validation: CIDEr \d\.\d{3}, CLIP-S .+", done)
    assert where == f"captioner: written to {out}"
    assert then == f"captioner: next, type: captioner evaluate {out}"


def test_evaluation_and_comparison_name_the_next_command(trained, tmp_path):
    run, _ = trained
    lines = said("evaluate", run, "--scores", "length,cider", "--split", "val")
    assert lines[-3:] == [
        "captioner: done: split val captioned and scored",
        f"captioner: written to captions-val.jsonl and scores-val.json in {run}",
        f"captioner: next, type: captioner compare {run} OTHER-RUN --out comparison",
    ]
    lines = said("compare", run, "--split", "val", "--pictures", 1, "--out", tmp_path / "table")
    assert lines[-3:] == [
        "captioner: done: runs compared: 1",
        f"captioner: written to {tmp_path / 'table' / 'index.html'}, a page to open in a browser",
        f"captioner: next, type: captioner push {run} OWNER/NAME",
    ]


def test_captions_end_with_the_command_that_scores_them(model, pictures, tmp_path):
    out = tmp_path / "captions.jsonl"
    lines = said("caption", "--model", model, "--images", pictures, "--out", out, "--checker", "none")
    assert lines[0].startswith("captioner: captions of picture 9 of 9: ")
    assert lines[-2:] == [
        f"captioner: written to {out}",
        f"captioner: next, type: captioner score --captions {out} --references FILE",
    ]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_the_command_that_is_named_scores_captions_of_other_formats(ending, model, pictures, tmp_path):
    out = tmp_path / f"captions.{ending}"
    lines = said("caption", "--model", model, "--images", pictures, "--out", out, "--checker", "none")
    assert lines[-1] == f"captioner: next, type: captioner score --captions {out} --references FILE"
    (tmp_path / "references.json").write_text(json.dumps({path.name: ["a cat"] for path in pictures.iterdir()}))
    said("score", "--captions", out, "--references", tmp_path / "references.json", "--scores", "length", "--partial")


def test_a_share_of_the_captions_says_where_they_wait(model, pictures, tmp_path):
    out = tmp_path / "captions.jsonl"
    flags = ["caption", "--model", model, "--images", pictures, "--out", out, "--checker", "none"]
    assert said(*flags, "--shard", "1/2")[-1] == f"captioner: written to {out}.work"
    assert said(*flags, "--shard", "2/2")[-2] == f"captioner: written to {out}"


def test_a_metric_ends_with_the_training_that_it_rewards(tiny_clip, tmp_path):
    out = tmp_path / "metric"
    flags = f"--data scenes:count=8 --clip {tiny_clip} --steps 2 --batch-size 4 --val-every 0".split()
    lines = said("metric", "train", *flags, "--out", out)
    assert any(line.startswith("captioner: CLIP training step 2 of 2: loss ") for line in lines)
    done, where, then = lines[-3:]
    assert re.fullmatch(r"captioner: done: 2 training steps, the last with a loss of \d\.\d{3}", done)
    assert where == f"captioner: written to {out}"
    command = f"captioner train --preset small --reward pacspp:checkpoint={out} --data scenes:count=8 --out RUN"
    assert then == f"captioner: next, type: {command}"


def test_scores_without_a_file_are_told_how_to_be_kept(tmp_path):
    (tmp_path / "a.json").write_text('{"1": "a dog"}')
    flags = ["score", "--captions", tmp_path / "a.json", "--scores", "length", "--bootstrap", 0]
    typed = " ".join(map(str, flags))
    assert said(*flags) == [f"captioner: next, type: captioner {typed} --out scores.json"]


def test_data_without_captions_is_for_captioning(pictures, tiny_clip, tmp_path):
    caption = f"captioner: next, type: captioner caption --model RUN --images {pictures} --out captions.jsonl"
    assert said("data", pictures)[-1] == caption
    features = said("features", pictures, "--clip", tiny_clip, "--out", tmp_path / "f")
    assert features[-1] == f"{caption} --features {tmp_path / 'f'}"
    assert said("data", "scenes:count=2")[-1].endswith("captioner train --data scenes:count=2 --preset small --out RUN")


def test_an_unfinished_run_says_so_wherever_its_model_is_used(trained, pictures, tmp_path, capfd):
    run = shutil.copytree(trained[0], tmp_path / "run")
    settings = json.loads((run / "config.json").read_text())
    settings["rl"]["steps"] = 9
    (run / "config.json").write_text(json.dumps(settings))
    told = (
        f"captioner: caution: {run} is not finished: reward step 2 of 9; `captioner train --out {run} --resume` goes on"
    )
    words = ["caption", "--model", run, "--images", pictures, "--checker", "none", "--out", tmp_path / "a.jsonl"]
    assert told in said(*words)
    assert told in said("push", run, "org/name", "--to", tmp_path / "pushed")
    assert "this is the model after reward step 2 of 9" in (tmp_path / "pushed" / "README.md").read_text()
    assert short_names([str(run)])[str(run)].endswith(" · reward step 2 of 9")
    capfd.readouterr()
    voice_of(str(run), "", "cpu", "")
    assert told in capfd.readouterr().err.splitlines()
    assert short_names([str(trained[0])])[str(trained[0])].endswith("+Length")
