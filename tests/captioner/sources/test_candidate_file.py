"""Captions that others made: chosen, shortened and counted by `captioner caption --from`."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from captioner.captioning.phrases import phrases_of, without_head
from captioner.cli import main
from metric.clip.load import ASSETS
from metric.clip.model import WEIGHTS
from metric.example import Cut

CANDIDATES = [
    {"id": "black.png", "captions": ["red red red", "a red dog", "a photo of a cat"]},
    {"id": "blue.png", "caption": "blue blue"},
    {"id": "blue.png", "caption": "a blue cat"},  # another row of the picture
    {"id": "gone.png", "captions": ["a bird"]},
]


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "candidates.jsonl").write_text("".join(json.dumps(row) + "\n" for row in CANDIDATES))
    return tmp_path / "candidates.jsonl"


def chosen(file: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    """The rows that the command writes."""
    assert main(["caption", "--from", str(file), "--out", str(out), "--checker", "none", *more]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def left_out(out: Path) -> set[tuple[str, str, str]]:
    rows = [json.loads(line) for line in out.with_name(f"{out.name}.left-out.jsonl").read_text().splitlines()]
    return {(row["id"], row["kind"], row["reason"]) for row in rows}


def test_the_caption_with_the_highest_reward_is_written(file, pictures, tmp_path):
    by = ["--images", str(pictures), "--reward", "repetition:n=1", "--scores", "--batch-size", "2"]
    rows = chosen(file, tmp_path / "out.jsonl", *by)
    # repetition is minus the number of repeated words: "a photo of a cat" repeats one, "red red red" two
    assert rows == [{"id": "black.png", "caption": "a red dog", "repetition": 0.0}] + [
        {"id": "blue.png", "caption": "a blue cat", "repetition": 0.0}
    ]


def test_pictures_and_candidates_without_the_other_are_named(file, pictures, tmp_path):
    out = tmp_path / "out.jsonl"
    chosen(file, out, "--images", str(pictures))
    told = left_out(out)
    assert ("gone.png", "picture", f"{pictures} has no such picture") in told
    assert ("green.png", "picture", "there are no captions of it") in told and len(told) == 8


def test_pictures_are_those_that_the_file_names_unless_others_are_typed(pictures, tmp_path):
    rows = [{"image": f"pictures/{name}.png", "captions": ["a a", f"a {name} dog"]} for name in ("blue", "green")]
    (tmp_path / "made.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = chosen(tmp_path / "made.jsonl", tmp_path / "out.jsonl", "--reward", "repetition:n=1")
    assert [row["caption"] for row in found] == ["a blue dog", "a green dog"]


def test_the_first_candidates_count_and_several_are_kept(file, pictures, tmp_path):
    by = ["--images", str(pictures), "--reward", "repetition:n=1"]
    two = chosen(file, tmp_path / "two.jsonl", *by, "--best-of", "2", "--n", "3")
    assert two[0]["captions"] == ["a red dog", "red red red"]  # the third of the file does not count
    assert chosen(file, tmp_path / "plain.jsonl", "--images", str(pictures))[0]["caption"] == "red red red"


def test_captions_under_the_least_score_are_left_out_and_counted(file, pictures, tmp_path):
    out = tmp_path / "out.jsonl"
    by = ["--images", str(pictures), "--reward", "length:least=5,most=5", "--best-of", "3", "--n", "3", "--scores"]
    every = chosen(file, tmp_path / "every.jsonl", *by)
    least = sorted(score for row in every for score in row["length"])[2]
    kept = chosen(file, out, *by, "--least-score", str(least))
    captions = {text for row in kept for text in row.get("captions", [row["caption"]])}
    expected = {text for row in every for text, score in zip(row["captions"], row["length"]) if score >= least}
    assert captions == expected and 0 < len(captions) < 5
    assert any(kind == "caption" and reason.endswith(f"under {least:g}") for _, kind, reason in left_out(out))


def test_a_picture_without_a_caption_left_is_done_and_not_written(file, pictures, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    by = ["--images", str(pictures), "--reward", "repetition:n=1", "--least-score", "1"]
    assert chosen(file, out, *by) == chosen(file, out, *by) == []
    assert [row for row in left_out(out) if row[1] == "caption"]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_shares_write_the_bytes_of_one_call_in_other_formats(file, pictures, tmp_path, ending):
    where = ["--from", str(file), "--images", str(pictures), "--checker", "none", "--reward", "repetition:n=1"]
    where += ["--batch-size", "2", "--scores", "--n", "2"]
    assert main(["caption", *where, "--out", str(tmp_path / f"whole.{ending}")]) == 0
    for share in "2/2", "1/2":
        assert main(["caption", *where, "--out", str(tmp_path / f"parts.{ending}"), "--shard", share]) == 0
    assert (tmp_path / f"parts.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


def test_parquet_has_the_columns_of_jsonl(file, pictures, tmp_path):
    from pyarrow.parquet import read_table

    by = ["--images", str(pictures), "--reward", "repetition:n=1", "--scores", "--n", "2"]
    rows = chosen(file, tmp_path / "out.jsonl", *by)
    main(["caption", "--from", str(file), *by, "--out", str(tmp_path / "out.parquet"), "--checker", "none"])
    assert read_table(tmp_path / "out.parquet").to_pylist() == rows


def test_phrases_at_the_head_are_removed_and_others_stay():
    phrases = ("a photo of", "there is", "The image shows")
    assert without_head("A photo of a dog", phrases) == "A dog"
    assert without_head("there is a  photo of: a dog", phrases) == "a dog"
    assert without_head("a dog on a photo of a cat", phrases) == "a dog on a photo of a cat"
    assert without_head("a photo off the wall", phrases) == "a photo off the wall"
    assert without_head("a photo of", phrases) == "a photo of"  # nothing would be left
    cut = without_head(Cut("a photo of a dog"), phrases)
    assert cut == "a dog" and isinstance(cut, Cut)


def test_phrases_are_removed_before_the_reward_scores(file, pictures, tmp_path):
    (tmp_path / "phrases.txt").write_text("a photo of\n\nan image of\n")
    by = ["--images", str(pictures), "--reward", "repetition:n=1", "--scores", "--n", "3"]
    rows = chosen(file, tmp_path / "out.jsonl", *by, "--drop-phrases", str(tmp_path / "phrases.txt"))
    assert rows[0]["captions"][:2] == ["a red dog", "a cat"] and rows[0]["repetition"][:2] == [0.0, 0.0]
    assert phrases_of([str(tmp_path / "phrases.txt"), "a picture of"]) == ("a photo of", "an image of", "a picture of")


def test_captions_that_lost_a_phrase_are_counted_also_by_a_later_call_and_a_merge(file, pictures, tmp_path, capsys):
    by = ["--images", str(pictures), "--n", "3", "--drop-phrases", "a photo of", "--drop-phrases", "a blue"]
    counted = ", 2 captions shortened by --drop-phrases\n"  # "a photo of a cat" and "a blue cat"
    for _ in range(2):  # the second call finds the settings of the first
        chosen(file, tmp_path / "out.jsonl", *by)
        assert counted in capsys.readouterr().out
    for share in "2/2", "1/2":
        chosen_parts = ["caption", "--from", str(file), "--out", str(tmp_path / "parts.jsonl"), "--checker", "none"]
        assert main([*chosen_parts, *by, "--batch-size", "2", "--shard", share]) == 0
    assert counted in capsys.readouterr().out
    assert main(["caption", "--merge", "--out", str(tmp_path / "parts.jsonl"), "--checker", "none"]) == 0
    assert counted in capsys.readouterr().out
    chosen(file, tmp_path / "one.jsonl", "--images", str(pictures), *by[4:6])  # the first of each: none is shortened
    assert ", 0 captions shortened by --drop-phrases\n" in capsys.readouterr().out
    chosen(file, tmp_path / "plain.jsonl", "--images", str(pictures))
    assert "shortened" not in capsys.readouterr().out


def test_candidates_in_parquet_are_those_of_jsonl(file, pictures, tmp_path):
    rows = chosen(file, tmp_path / "out.jsonl", "--images", str(pictures), "--n", "3")
    for name in "several.parquet", "one.parquet":
        more = ["--n", "3"] if name == "several.parquet" else []
        by = ["--out", str(tmp_path / name), "--checker", "none", *more]
        assert main(["caption", "--from", str(file), "--images", str(pictures), *by]) == 0
    again = chosen(tmp_path / "several.parquet", tmp_path / "again.jsonl", "--images", str(pictures), "--n", "3")
    first = chosen(tmp_path / "one.parquet", tmp_path / "first.jsonl", "--images", str(pictures))
    assert again == rows and [row["caption"] for row in first] == [row["caption"] for row in rows]


def test_wrong_input_is_told_in_one_line(file, pictures, tmp_path, refused, model):
    def asked(*more: object) -> str:
        return refused("caption", "--out", tmp_path / "out.jsonl", *more)

    (tmp_path / "bare.jsonl").write_text('{"id": "blue.png"}\n{"id": "red.png"}\n')
    (tmp_path / "empty.jsonl").write_text('{"id": "blue.png", "captions": []}\n')
    (tmp_path / "strange.jsonl").write_text('{"id": "x.png", "caption": "a cat"}\n')
    where = ["--images", pictures]
    assert "bare.jsonl: row 1 holds" in asked("--from", tmp_path / "bare.jsonl", *where)
    assert "the caption is [], expected text" in asked("--from", tmp_path / "empty.jsonl", *where)
    assert "captions of none of the pictures" in asked("--from", tmp_path / "strange.jsonl", *where)
    assert "is not a file" in asked("--from", tmp_path / "gone.jsonl", *where)
    assert "leave one of them out" in asked("--from", file, *where, "--model", model)
    assert "got --beams 3; leave one of them out" in asked("--from", file, *where, "--beams", "3")
    assert "--least-score 0.5 needs --reward SPEC" in asked("--from", file, *where, "--least-score", "0.5")
    assert "phrases.txt is no file" in asked("--from", file, *where, "--drop-phrases", "phrases.txt")


def test_choices_of_two_rewards_are_not_mixed_in_one_output(file, pictures, tmp_path, capsys):
    metric = tmp_path / "metric"
    copytree(ASSETS / "scenes-clip", metric)
    by = ["--images", str(pictures), "--reward", f"clips:clip={metric}", "--batch-size", "2"]
    chosen(file, tmp_path / "out.jsonl", *by)
    before = (tmp_path / "out.jsonl").read_bytes()
    weights = load_file(metric / WEIGHTS)
    save_file({**weights, "text_projection": weights["text_projection"] * 2 + 1}, metric / WEIGHTS)  # trained anew
    typed = ["caption", "--from", str(file), "--out", str(tmp_path / "out.jsonl"), "--checker", "none", *by]
    assert main(typed) == 2
    assert "was begun with reward_signatures [" in capsys.readouterr().err
    assert (tmp_path / "out.jsonl").read_bytes() == before
    assert main([*typed, "--plan"]) == 0  # builds no reward
