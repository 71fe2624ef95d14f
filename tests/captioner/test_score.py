from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from metric.example import Example
from metric.names import expand_names

CAPTIONS = {"a.jpg": "a red ball on the beach", "b.jpg": "a blue car", "c.jpg": "a a a dog in the"}
REFERENCES = {
    "a.jpg": ["a red ball on the beach", "a ball lies in the sand"],
    "b.jpg": ["a blue car drives", "the car is blue"],
    "c.jpg": ["a dog in the snow", "one dog"],
}


@pytest.fixture
def files(tmp_path) -> Path:
    """captions.jsonl, references.json and pictures/."""
    write_lines(tmp_path / "captions.jsonl", [{"id": name, "caption": text} for name, text in CAPTIONS.items()])
    (tmp_path / "references.json").write_text(json.dumps(REFERENCES))
    (tmp_path / "pictures").mkdir()
    for number, name in enumerate(REFERENCES):
        Image.effect_noise((20, 20), 30 + 60 * number).save(tmp_path / "pictures" / name)
    return tmp_path


@pytest.fixture
def score(files) -> Callable[..., dict]:
    """Scores a file of captions; what is written to --out."""

    def score(captions: str = "captions.jsonl", *more: object, references: str = "references.json") -> dict:
        refer = ["--references", str(files / references)] if references else []
        flags = [*refer, "--scores", "classic,length", "--checker", "harper", "--out", str(files / "out.json")]
        assert main(["score", "--captions", str(files / captions), *flags, *map(str, more)]) == 0
        return json.loads((files / "out.json").read_text())

    return score


@pytest.fixture
def refused(files, capfd) -> Callable[..., str]:
    def refused(captions: str = "captions.jsonl", references: str = "references.json", *more: object) -> str:
        flags = ["--captions", str(files / captions), "--references", str(files / references), "--scores", "all"]
        assert main(["score", *flags, *map(str, more), "--out", str(files / "out.json")]) == 2
        said = capfd.readouterr().err
        assert said.count("\n") == 1 and said.startswith("captioner: "), said
        assert not (files / "out.json").exists()
        return said

    return refused


def write_lines(path: Path, rows: list) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_captions_are_read_alike_from_every_format(files, score):
    (files / "dict.json").write_text(json.dumps(CAPTIONS, indent=1))
    results = [{"image_id": name, "caption": text} for name, text in CAPTIONS.items()]
    (files / "coco.json").write_text(json.dumps(results))
    (files / "windows.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(results).encode())
    write_lines(files / "lines.txt", results)
    ours = score()
    assert ours["count"] == 3 and set(ours["corpus"]) == {*expand_names(["classic"]), "length"}
    for name in "dict.json", "coco.json", "windows.json", "lines.txt":
        assert score(name)["corpus"] == ours["corpus"], name


def test_numbers_are_what_they_should_be(score):
    corpus = score()["corpus"]
    assert corpus["length"] == pytest.approx((6 + 3 + 6) / 3)
    # words 1: all of a's and b's, and of c's "a a a dog in the" a, dog, in and the: 13 of 15; too long for a penalty
    assert corpus["bleu_1"] == pytest.approx(13 / 15)


def test_one_caption_alone_is_one_in_each_format(files, score):
    write_lines(files / "one.jsonl", [{"id": "b.jpg", "caption": "a blue car"}])
    (files / "one.json").write_text('{"b.jpg": "a blue car"}')
    assert score("one.jsonl")["count"] == score("one.json")["count"] == 1
    assert score("one.jsonl")["corpus"] == score("one.json")["corpus"]


def test_numbers_serve_as_ids(files, score):
    (files / "coco.json").write_text(json.dumps([{"image_id": 7, "id": 1, "caption": "a cat"}]))
    (files / "numbered.json").write_text('{"7": ["a cat"]}')
    assert score("coco.json", references="numbered.json")["corpus"]["bleu_1"] == pytest.approx(1)


def test_references_come_from_coco_annotations_too(files, score):
    rows = [{"image_id": name, "id": 1, "caption": text} for name, texts in REFERENCES.items() for text in texts]
    (files / "annotations.json").write_text(json.dumps({"images": [], "annotations": rows}))
    assert score(references="annotations.json")["corpus"] == score()["corpus"]


def test_ids_need_no_ending(files, score, tiny_clip):
    bare = {name.removesuffix(".jpg"): text for name, text in CAPTIONS.items()}
    (files / "bare.json").write_text(json.dumps(bare))
    (files / "bare-references.json").write_text(json.dumps({name[:1]: texts for name, texts in REFERENCES.items()}))
    more = ["--clip", tiny_clip, "--scores", "classic,clip", "--images", files / "pictures"]
    whole = score("captions.jsonl", *more)
    assert {"clip_s", "ref_clip_s"} <= whole["corpus"].keys() and "pac_spp" in whole["skipped"]
    for references in "references.json", "bare-references.json":
        assert score("bare.json", *more, references=references)["corpus"] == whole["corpus"]
        assert score("captions.jsonl", *more, references=references)["corpus"] == whole["corpus"]


def test_tuned_metric_scores_beside_the_clip(files, score, tiny_clip):
    found = score("captions.jsonl", "--pac", tiny_clip, "--scores", "PAC-S++", "--images", files / "pictures")
    assert list(found["corpus"]) == ["pac_spp"] and tiny_clip in found["facts"]["pac_spp"]


def test_each_caption_has_its_line_in_the_csv(files, score):
    score("captions.jsonl", "--scores", "classic,text", "--per-caption", files / "deep" / "each.csv")
    rows = list(csv.DictReader((files / "deep" / "each.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == list(CAPTIONS)
    columns = {"id", *expand_names(["classic", "text"])} - {"vocabulary"}
    assert set(rows[0]) == columns
    assert [float(row["bad_endings"]) for row in rows] == [0, 0, 100]


@pytest.mark.parametrize("family", ["classic", "text"])
def test_families_are_asked_for_by_name(score, family):
    found = score("captions.jsonl", "--scores", family)
    assert set(found["corpus"]) == set(expand_names([family])) and not found["skipped"]


def test_without_references_the_text_is_scored_and_the_rest_explained(score, capsys):
    found = score("captions.jsonl", "--scores", "all", references="")
    assert set(found["corpus"]) == set(expand_names(["text"]))
    assert "no references" in found["skipped"]["cider"] and "CLIP" in found["skipped"]["clip_s"]
    assert "skipped cider: 3 of 3" in capsys.readouterr().out


def test_data_set_serves_as_references(files, capsys):
    write_lines(files / "scenes.jsonl", [{"id": f"test-{i:06d}", "caption": "a red ball"} for i in range(4)])
    flags = ["--references", "scenes", "--scores", "classic,scene", "--out", str(files / "out.json")]
    assert main(["score", "--captions", str(files / "scenes.jsonl"), *flags]) == 0
    found = json.loads((files / "out.json").read_text())
    assert found["count"] == 4 and set(found["corpus"]) == set(expand_names(["classic", "scene"]))


def test_reasons_are_printed_with_their_brackets(capsys):
    from captioner.evaluate import show
    from metric.evaluate import evaluate

    scores = evaluate({"a": "a cat"}, [Example("a", Path())], ["length"])
    scores.skipped["incorrect"] = "pip install 'captioner[harper]'"
    show({"runs/[bold]": scores})
    said = capsys.readouterr().out
    assert "captioner[harper]" in said and "runs/[bold]" in said


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "holds no captions"),
        ("{}", "holds no captions"),
        ("[]", "holds no captions"),
        ("hello", ":1 is not JSON"),
        ('{"id": "a.jpg", "caption": "x"}\n{"id": "b.jpg", "capt', ":2 is not JSON"),
        ('{"id": "a.jpg"}\n{"id": "b.jpg"}', "image_id"),
        ('["a cat"]', "image_id"),
        ("7", "image_id"),
        ('{"a.jpg": ["a cat"]}', "expected text"),
        ('[{"caption": "a cat"}]', "image_id"),
        ('{"id": "a.jpg", "caption": "x"}\n{"id": "a.jpg", "caption": "y"}', "one caption"),
        ('{"a.jpg": "a cat", "z.jpg": "a dog"}', "1 of the 2 ids in --captions, the first 'z.jpg'"),
    ],
)
def test_captions_that_cannot_be_read_are_refused(files, refused, content, words):
    (files / "wrong.json").write_text(content)
    assert words in refused("wrong.json")


def test_captions_of_bytes_or_of_nothing_are_refused(files, refused):
    (files / "picture.json").write_bytes(b"\xff\xd8\xff")
    assert "no UTF-8 text" in refused("picture.json")
    assert "nowhere.json" in refused("nowhere.json")


@pytest.mark.parametrize(
    "content, words",
    [
        ("{", "not JSON"),
        ("[]", "expected {id: [caption, ...]}"),
        ('{"a.jpg": ["x"]}', "2 of the 3 ids in --captions, the first 'b.jpg'"),
        ('{"a.jpg": 7, "b.jpg": ["x"], "c.jpg": ["x"]}', "list of captions"),
        ('{"annotations": [{"caption": "x"}]}', "image_id"),
        ('{"annotations": 3}', "list of captions"),
    ],
)
def test_references_that_cannot_be_read_are_refused(files, refused, content, words):
    (files / "wrong.json").write_text(content)
    assert words in refused("captions.jsonl", "wrong.json")


def test_references_of_nothing_are_refused(refused):
    assert "neither a file nor a data set" in refused("captions.jsonl", "nowhere.json")


def test_missing_or_broken_picture_is_refused(files, refused, tiny_clip):
    more = ["--clip", tiny_clip]
    assert "--images DIR" in refused("captions.jsonl", "references.json", *more)
    assert "nowhere" in refused("captions.jsonl", "references.json", "--images", files / "nowhere")
    (files / "pictures" / "b.jpg").write_text("no picture")
    assert "b.jpg" in refused("captions.jsonl", "references.json", "--images", files / "pictures", *more)
    (files / "pictures" / "b.jpg").unlink()
    assert "first 'b.jpg'" in refused("captions.jsonl", "references.json", "--images", files / "pictures", *more)


def test_misspelt_score_is_told_before_anything_is_read(refused):
    assert "did you mean cider" in refused("nowhere", "nowhere", "--scores", "cidre,length")
