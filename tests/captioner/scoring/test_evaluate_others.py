"""Captions that no run of ours made, scored into a folder that stands beside runs in `captioner compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from captioner import compare
from captioner.cli import main
from captioner.data import load
from captioner.publishing.side_by_side import trial
from captioner.sources.hub_model import HubDescriber
from tests.captioner.conftest import FEW

pytestmark = pytest.mark.usefixtures("few_scenes")

DATA = "scenes:count=40"


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_flags) -> Path:
    """A run of two steps with its scores."""
    out = tmp_path_factory.mktemp("runs") / "xe"
    assert main(["train", *tiny_flags, "--xe.steps", "2", "--out", str(out)]) == 0
    assert main(["evaluate", str(out), "--scores", "length,cider"]) == 0
    return out


def evaluated(name: object, out: Path, *more: str) -> int:
    where = ["--data", DATA, "--out", str(out), "--scores", "length,cider", "--checker", "none"]
    return main(["evaluate", str(name), *where, *more])


def test_a_model_of_transformers_is_a_row_beside_a_run(run, hub_models, tmp_path):
    out, other = tmp_path / "blip", tmp_path / "caption.jsonl"
    assert evaluated(hub_models("blip"), out) == 0
    assert evaluated(hub_models("blip"), out, "--max-length", "6", "--beams", "2") == 0
    found = compare([run, out, Path(f"{out}@beams-2-max-length-6")], tmp_path / "comparison")
    assert [row.label for row in found.rows] == ["XE", "blip0", "blip0, beams 2, max length 6"]
    assert all(row.scores.keys() == {"length", "cider"} for row in found.rows)
    assert "blip0" in (tmp_path / "comparison" / "index.html").read_text()
    assert main(["caption", "--model", hub_models("blip"), "--images", DATA, "--out", str(other)]) == 0
    assert (out / "captions-test.jsonl").read_bytes() == other.read_bytes()


def test_captions_of_a_model_that_say_nothing_are_named_and_scored(hub_models, tmp_path, monkeypatch, capfd):
    texts = iter([*["a dog"] * 39, "", *["a cat"] * 961])
    monkeypatch.setattr("transformers.BertTokenizer.decode", lambda self, tokens, **_: next(texts))
    assert evaluated(hub_models("blip"), tmp_path / "blip") == 0
    place = tmp_path / "blip" / "test.left-out.jsonl"
    assert [json.loads(line)["id"] for line in place.read_text().splitlines()] == ["test-000039"]
    assert "1 caption says nothing, the first of test-000039" in capfd.readouterr().err
    assert json.loads((tmp_path / "blip" / "scores-test.json").read_text())["count"] == FEW


def test_a_file_of_captions_has_the_scores_of_captioner_score(tmp_path):
    examples = load(DATA, "test")
    rows = [{"image_id": example.id, "caption": example.references[0]} for example in reversed(examples)]
    (tmp_path / "made.json").write_text(json.dumps(rows))
    assert evaluated(tmp_path / "made.json", tmp_path / "out") == 0
    scores = json.loads((tmp_path / "out" / "scores-test.json").read_text())
    where = ["--references", DATA, "--scores", "length,cider", "--out", str(tmp_path / "scores.json")]
    assert main(["score", "--captions", str(tmp_path / "made.json"), *where]) == 0
    expected = json.loads((tmp_path / "scores.json").read_text())["corpus"]
    assert scores["corpus"] == pytest.approx(expected) and scores["count"] == len(examples)


def test_wrong_input_is_told_in_one_line(run, tmp_path, hub_models, refused):
    (tmp_path / "few.json").write_text(json.dumps({"test-000000": "a cat"}))
    where = ["--data", DATA, "--out", tmp_path / "out", "--scores", "length"]
    assert "has no captions for" in refused("evaluate", tmp_path / "few.json", *where)
    assert "needs --data" in refused("evaluate", tmp_path / "few.json", "--out", tmp_path / "out")
    assert "has the captions already, got --beams 3" in refused(
        "evaluate", tmp_path / "few.json", *where, "--beams", "3"
    )
    assert "there is no folder" in refused("evaluate", "hf:/gone", *where)
    assert "is the folder of a run" in refused("evaluate", hub_models("blip"), "--data", DATA, "--out", run)
    assert "--prompt is for hf:ORG/NAME" in refused("evaluate", run, "--prompt", "a")
    assert evaluated(hub_models("blip"), tmp_path / "blip") == 0
    assert "and no run" in refused("train", "--out", tmp_path / "blip", "--resume")
    assert "and no run" in refused("evaluate", tmp_path / "blip")
    assert "give another --out" in refused("evaluate", hub_models("git"), "--data", DATA, "--out", tmp_path / "blip")


def test_the_command_that_is_named_compares_the_evaluation(hub_models, tmp_path, capfd, refused):
    out = tmp_path / "blip"
    assert evaluated(hub_models("blip"), out, "--max-length", "6") == 0
    assert f"captioner compare RUN {out}@max-length-6 --out" in capfd.readouterr().err
    lacking = refused("compare", out, "--out", tmp_path / "table")
    assert "its other evaluations are max-length-6" in lacking
    assert f"type `captioner evaluate {hub_models('blip')} --data {DATA} --out {out} --split test`" in lacking


def test_a_file_that_is_refused_leaves_no_folder_behind(tmp_path, refused):
    file, out = tmp_path / "made.json", tmp_path / "out"
    examples = load(DATA, "test")
    file.write_text(json.dumps({examples[0].id: "a cat"}))
    assert "has no captions for" in refused("evaluate", file, "--data", DATA, "--out", out, "--scores", "length")
    assert not out.exists()
    file.write_text(json.dumps({example.id: "a cat" for example in examples}))
    assert evaluated(file, out) == 0


def test_names_of_nothing_and_of_other_kinds_are_told_with_the_right_name(tmp_path, hub_models, refused):
    where = ["--data", DATA, "--out", tmp_path / "out"]
    bare = hub_models("blip").removeprefix("hf:")
    assert "there is no file or folder gone.jsonl" in refused("evaluate", "gone.jsonl", *where)
    assert f"type hf:{bare}" in refused("evaluate", bare, *where)
    (tmp_path / "made.json").write_text("{}")
    said = refused("compare", tmp_path / "made.json", "--out", tmp_path / "table")
    assert f"`captioner evaluate {tmp_path / 'made.json'} --data" in said


def test_a_model_of_transformers_is_a_column_of_the_page(hub_models, model, tiny_clip, tmp_path):
    pictures = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    pictures[0].save(tmp_path / "red.png")
    shown = trial([str(model), hub_models("blip")], checker="none", clip=tiny_clip)
    captions, _ = shown(tmp_path / "red.png")
    assert [caption.who for caption in captions] == ["captioner", "blip0"]
    own = HubDescriber(hub_models("blip"), device="cpu")(pictures)
    assert " ".join(word for word, _ in captions[1].words) == own[0]
    with pytest.raises(ValueError, match="type --clip"):
        trial([hub_models("blip")], checker="none")
