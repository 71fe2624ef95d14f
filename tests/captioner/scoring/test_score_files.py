from __future__ import annotations

import csv
import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from captioner.cli import main
from captioner.scoring.score_files import ScoreJob
from captioner.scoring.score_files import score as score_files
from metric.example import Example
from metric.scores.catalogue import expand_names
from metric.scores.grammar import checker_of
from metric.scores.meteor import meteor_absent

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
        flags = [*refer, "--scores", "classic,length", "--out", str(files / "out.json")]
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
    kit = [{"id": name, "prediction": text, "image": name} for name, text in CAPTIONS.items()]
    write_lines(files / "capevalkit.jsonl", kit)
    (files / "windows.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(results).encode())
    write_lines(files / "lines.txt", results)
    ours = score()
    assert ours["count"] == 3 and set(ours["corpus"]) == {*expand_names(["classic"]), "length"}
    for name in "dict.json", "coco.json", "windows.json", "lines.txt", "capevalkit.jsonl":
        assert score(name)["corpus"] == ours["corpus"], name


def test_numbers_are_what_they_should_be(score):
    corpus = score()["corpus"]
    assert corpus["length"] == pytest.approx((6 + 3 + 6) / 3)
    # words 1: all of a's and b's, and of c's "a a a dog in the" a, dog, in and the: 13 of 15; too long for a penalty
    assert corpus["bleu_1"] == pytest.approx(13 / 15)


def test_one_caption_alone_is_one_in_each_format(files, score):
    write_lines(files / "one.jsonl", [{"id": "b.jpg", "caption": "a blue car"}])
    (files / "one.json").write_text('{"b.jpg": "a blue car"}')
    lines, whole = score("one.jsonl", "--partial"), score("one.json", "--partial")
    assert lines["count"] == whole["count"] == 1 and lines["corpus"] == whole["corpus"]


def test_numbers_serve_as_ids(files, score):
    (files / "coco.json").write_text(json.dumps([{"image_id": 7, "id": 1, "caption": "a cat"}]))
    (files / "numbered.json").write_text('{"7": ["a cat"]}')
    assert score("coco.json", references="numbered.json")["corpus"]["bleu_1"] == pytest.approx(1)


@pytest.fixture
def every_format(files) -> dict[str, Path]:
    """The same references in each format that they come in."""
    rows = [{"image_id": name, "id": 1, "caption": text} for name, texts in REFERENCES.items() for text in texts]
    images = [
        {"filename": name, "split": "test", "sentences": [{"raw": text, "tokens": []} for text in texts]}
        for name, texts in REFERENCES.items()
    ]
    other = {"filename": "z.jpg", "split": "train", "sentences": [{"raw": "a boat"}]}
    contents = {
        "annotations.json": json.dumps({"images": [], "annotations": rows}),
        "karpathy.json": json.dumps({"dataset": "coco", "images": [*images, other]}),
        "tokens.txt": "".join(f"{n}#{i}\t{text}\n" for n, texts in REFERENCES.items() for i, text in enumerate(texts)),
        "capevalkit.jsonl": "\n".join(json.dumps({"id": n, "references": texts}) for n, texts in REFERENCES.items()),
        "ours.jsonl": "\n".join(json.dumps({"image": n, "references": texts}) for n, texts in REFERENCES.items()),
    }
    for name, content in contents.items():
        (files / name).write_text(content)
    return {name: files / name for name in contents}


def test_references_are_read_alike_from_every_format(every_format, score):
    ours = score()
    for name in every_format:
        assert score(references=name)["corpus"] == ours["corpus"], name


def test_numbers_of_coco_lead_to_references_and_pictures(files, score, tiny_clip):
    """Results by number, references by number, pictures by file name."""
    numbered = dict(zip(REFERENCES, (7, 8, 9)))
    rows = [{"image_id": numbered[name], "caption": text} for name, texts in REFERENCES.items() for text in texts]
    listed = [{"id": number, "file_name": name} for name, number in numbered.items()]
    (files / "coco.json").write_text(json.dumps({"images": listed, "annotations": rows}))
    images = [
        {"filename": name, "cocoid": numbered[name], "split": "test", "sentences": [{"raw": text} for text in texts]}
        for name, texts in REFERENCES.items()
    ]
    (files / "karpathy.json").write_text(json.dumps({"images": images}))
    results = [{"image_id": numbered[name], "caption": text} for name, text in CAPTIONS.items()]
    (files / "results.json").write_text(json.dumps(results))
    more = ["--scores", f"cider,clip_s:clip={tiny_clip}", "--images", files / "pictures"]
    by_file = score("captions.jsonl", *more)["corpus"]
    for references in "coco.json", "karpathy.json":
        assert score("results.json", *more, references=references)["corpus"] == by_file


def test_ids_need_no_ending(files, score, tiny_clip):
    bare = {name.removesuffix(".jpg"): text for name, text in CAPTIONS.items()}
    (files / "bare.json").write_text(json.dumps(bare))
    (files / "bare-references.json").write_text(json.dumps({name[:1]: texts for name, texts in REFERENCES.items()}))
    more = ["--scores", f"classic,clip:clip={tiny_clip}", "--images", files / "pictures"]
    whole = score("captions.jsonl", *more)
    assert {"clip_s", "ref_clip_s"} <= whole["corpus"].keys() and "pac_spp" in whole["skipped"]
    for references in "references.json", "bare-references.json":
        assert score("bare.json", *more, references=references)["corpus"] == whole["corpus"]
        assert score("captions.jsonl", *more, references=references)["corpus"] == whole["corpus"]


def test_tuned_metric_scores_beside_the_clip(files, score, tiny_clip):
    found = score("captions.jsonl", "--scores", f"PAC-S++:checkpoint={tiny_clip}", "--images", files / "pictures")
    assert list(found["corpus"]) == ["pac_spp"] and tiny_clip in found["facts"]["pac_spp"]


def test_each_caption_has_its_line_in_the_csv(files, score):
    score("captions.jsonl", "--scores", "classic,text:checker=harper", "--per-caption", files / "deep" / "each.csv")
    rows = list(csv.DictReader((files / "deep" / "each.csv").read_text().splitlines()))
    assert [row["id"] for row in rows] == list(CAPTIONS)
    columns = {"id", *expand_names(["classic", "text"])} - {"vocabulary", "unique", "distinct_1", "distinct_2"}
    assert set(rows[0]) == columns
    assert [float(row["bad_endings"]) for row in rows] == [0, 0, 100]


@pytest.mark.parametrize("family", ["classic", "text"])
def test_families_are_asked_for_by_name(score, family):
    found = score("captions.jsonl", "--scores", family + (":checker=harper" if family == "text" else ""))
    assert set(found["corpus"]) == set(expand_names([family])) and not found["skipped"]


def test_without_references_the_text_is_scored_and_the_rest_explained(score, capsys):
    found = score("captions.jsonl", "--scores", "all:checker=harper", references="")
    assert set(found["corpus"]) == set(expand_names(["text"]))
    assert "no references" in found["skipped"]["cider"] and "CLIP" in found["skipped"]["clip_s"]
    said = capsys.readouterr().out
    assert said.count("3 of 3 captioned images have no references") == 1 and "skipped bleu_1, bleu_2" in said


def test_data_set_serves_as_references(files, capsys):
    write_lines(files / "scenes.jsonl", [{"id": f"test-{i:06d}", "caption": "a red ball"} for i in range(4)])
    flags = ["--references", "scenes", "--scores", "classic,scene", "--partial", "--out", str(files / "out.json")]
    assert main(["score", "--captions", str(files / "scenes.jsonl"), *flags]) == 0
    found = json.loads((files / "out.json").read_text())
    assert found["count"] == 4 and set(found["corpus"]) == set(expand_names(["classic", "scene"]))


def test_reasons_are_printed_with_their_brackets(capsys):
    from captioner.scoring.terminal_tables import show
    from metric.evaluation import evaluate

    scores = evaluate({"a": "a cat"}, [Example("a", Path())], ["length"])
    scores.skipped["incorrect"] = "pip install 'captioner[harper]'"
    show({"runs/[bold]": scores})
    said = capsys.readouterr().out
    assert "captioner[harper]" in said and "runs/[bold]" in said


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "has no captions"),
        ("{}", "has no captions"),
        ("[]", "has no captions"),
        ("hello", ":1 is not JSON"),
        ('{"id": "a.jpg", "caption": "x"}\n{"id": "b.jpg", "capt', ":2 is not JSON"),
        ('{"id": "a.jpg"}\n{"id": "b.jpg"}', "image_id"),
        ('["a cat"]', "image_id"),
        ("7", "image_id"),
        ('{"a.jpg": ["a cat", "a dog"]}', "1 of 1 ids ('a.jpg') have several captions"),
        ('{"a.jpg": NaN}', "has no captions"),
        ('[{"image_id": true, "caption": "x"}]', "has the id true"),
        ('[{"image_id": 1.5, "caption": "x"}]', "has the id 1.5, expected text or a whole number"),
        ('{"a.jpg": "a cat", "a.jpg": "a dog"}', "the key 'a.jpg' stands twice in"),
        ('{"a": "a cat", "a.jpg": "a dog", "b.jpg": "x", "c.jpg": "x"}', "'a' and 'a.jpg' are one picture"),
        ("[" * 100000, "nested too deeply"),
        ('[{"caption": "a cat"}]', "image_id"),
        (
            '{"id": "a.jpg", "caption": "x"}\n{"id": "a.jpg", "caption": "y"}',
            "1 of 1 ids ('a.jpg') have several captions",
        ),
        ('{"a.jpg": "a cat", "z.jpg": "a dog"}', "1 of 2 ids ('z.jpg') have no references in"),
        ('{"a.jpg": "a cat"}', "no captions for 2 of 3 ids ('b.jpg', 'c.jpg') of the references; type --partial"),
    ],
)
def test_captions_that_cannot_be_read_are_refused(files, refused, content, words):
    (files / "wrong.json").write_text(content)
    assert words in refused("wrong.json")


def test_captions_of_bytes_or_of_nothing_are_refused(files, refused):
    (files / "picture.json").write_bytes(b"\xff\xd8\xff")
    assert "not UTF-8 text" in refused("picture.json")
    assert "nowhere.json" in refused("nowhere.json")


@pytest.mark.parametrize(
    "content, words",
    [
        ("{", "not JSON"),
        ('{"a.jpg": ["x"]}', "2 of 3 ids ('b.jpg', 'c.jpg') have no references in"),
        ('{"q": ["x"], "r": ["x"]}', "3 of 3 ids ('a.jpg', 'b.jpg', 'c.jpg') have no references in"),
        ('[{"image_id": 1, "caption": "x"}]', "no references in"),
        ('{"a.jpg": [], "b.jpg": ["x"], "c.jpg": ["x"]}', "1 of 3 ids ('a.jpg') have no references"),
        ('{"images": [{"filename": "a.jpg", "split": "val", "sentences": [{"raw": "x"}]}]}', "--split with one of val"),
        ('{"images": [{"filename": "a.jpg", "split": "test"}]}', "sentences with raw"),
        ('{"a.jpg": 7, "b.jpg": ["x"], "c.jpg": ["x"]}', "list of captions"),
        ('{"annotations": [{"caption": "x"}]}', "image_id"),
        ('{"annotations": 3}', "list of captions"),
    ],
)
def test_references_that_cannot_be_read_are_refused(files, refused, content, words):
    (files / "wrong.json").write_text(content)
    assert words in refused("captions.jsonl", "wrong.json")


def test_references_of_nothing_are_refused(refused):
    assert "nowhere.json does not exist" in refused("captions.jsonl", "nowhere.json")


def test_missing_or_broken_picture_is_refused(files, refused, tiny_clip):
    more = ["--scores", f"clip_s:clip={tiny_clip}"]
    assert "--images DIR" in refused("captions.jsonl", "references.json", *more)
    assert "nowhere" in refused("captions.jsonl", "references.json", "--images", files / "nowhere")
    (files / "pictures" / "b.jpg").write_text("no picture")
    assert "b.jpg" in refused("captions.jsonl", "references.json", "--images", files / "pictures", *more)
    (files / "pictures" / "b.jpg").unlink()
    assert "no picture of 1 of 3 ids ('b.jpg')" in refused(
        "captions.jsonl", "references.json", "--images", files / "pictures", *more
    )


def test_scores_of_which_none_can_be_computed_are_refused_with_the_reason(files, refused):
    assert "no score can be computed; clip_s: " in refused("captions.jsonl", "references.json", "--scores", "clip_s")


def test_references_file_that_is_empty_is_refused(files, refused):
    (files / "empty.json").write_text("")
    assert "references" in refused("captions.jsonl", "empty.json")
    (files / "empty.json").write_text("[]")
    assert "references" in refused("captions.jsonl", "empty.json")


def test_misspelt_score_is_told_before_anything_is_read(refused):
    assert "did you mean cider" in refused("nowhere", "nowhere", "--scores", "cidre,length")


def test_partial_scores_what_has_both_and_says_how_much(files, score, capsys):
    (files / "some.json").write_text(json.dumps({"a.jpg": "a red ball", "z.jpg": "a boat"}))
    found = score("some.json", "--partial")
    assert found["count"] == 1 and found["corpus"]["length"] == 3
    assert found["facts"]["partial"] == "not scored (--partial): 1 of 2 captions of some.json, 2 of 3 known pictures"
    (files / "pictures" / "b.jpg").unlink()
    assert score("captions.jsonl", "--images", files / "pictures", "--partial")["count"] == 2


def test_captions_without_a_word_in_any_script_or_without_end_are_scored(files, score):
    strange = {"a.jpg": "", "b.jpg": "两只狗 бегут 🐶", "c.jpg": "a dog in the snow " * 3000}
    (files / "strange.json").write_text(json.dumps(strange))
    found = score("strange.json", "--scores", "classic,text:checker=harper", "--per-caption", files / "each.csv")
    assert "1 of 3 captions are empty" in found["facts"]["empty"]
    assert all(abs(value) < float("inf") for value in found["corpus"].values())
    rows = {row["id"]: row for row in csv.DictReader((files / "each.csv").read_text().splitlines())}
    assert float(rows["a.jpg"]["length"]) == 0 == float(rows["a.jpg"]["cider"])
    assert float(rows["c.jpg"]["length"]) == 15000


def test_intervals_hold_the_score_and_can_be_left_out(score):
    found = score("captions.jsonl", "--scores", "classic,length,vocabulary")
    assert set(found["intervals"]) == set(found["corpus"]) - {"vocabulary"}
    for name, (low, high) in found["intervals"].items():
        assert low <= found["corpus"][name] <= high, name
    again = score("captions.jsonl", "--scores", "classic,length,vocabulary")
    assert again == found
    assert "intervals" not in score("captions.jsonl", "--bootstrap", 0)


def test_files_are_compared_in_pairs(files, score, capsys):
    """Second minus first, on the same resamples; the ids may be written otherwise."""
    better = {name.removesuffix(".jpg"): texts[0] for name, texts in REFERENCES.items()}
    (files / "better.json").write_text(json.dumps(better))
    (files / "third.json").write_text(json.dumps(CAPTIONS))
    names = ["captions.jsonl", "better.json", "third.json"]
    more = ["--captions", *(files / name for name in names), "--per-caption", files / "each.csv"]
    found = score("captions.jsonl", *more)
    assert list(found["captions"]) == names
    first, second, _ = found["captions"].values()
    pairs = {(each["first"], each["second"]): each["scores"] for each in found["differences"]}
    assert list(pairs) == [
        ("captions.jsonl", "better.json"),
        ("captions.jsonl", "third.json"),
        ("better.json", "third.json"),
    ]
    cider = pairs["captions.jsonl", "better.json"]["cider"]
    assert cider["difference"] == pytest.approx(second["corpus"]["cider"] - first["corpus"]["cider"])
    assert cider["low"] <= cider["difference"] <= cider["high"] and 0 < cider["p"] <= 1
    assert pairs["captions.jsonl", "third.json"]["cider"] == {"difference": 0, "low": 0, "high": 0, "p": 1}
    rows = list(csv.DictReader((files / "each.csv").read_text().splitlines()))
    assert [(row["id"], row["captions"]) for row in rows[:4]] == [
        ("a.jpg", "captions.jsonl"),
        ("b.jpg", "captions.jsonl"),
        ("c.jpg", "captions.jsonl"),
        ("a.jpg", "better.json"),
    ]
    assert "better.json minus captions.jsonl" in capsys.readouterr().out


def test_files_with_other_ids_are_not_compared(files, refused, score):
    (files / "fewer.json").write_text(json.dumps({"a.jpg": "a ball"}))
    both = ["--captions", files / "captions.jsonl", files / "fewer.json"]
    assert "fewer.json has no captions for 2 of 3 ids" in refused("captions.jsonl", "references.json", *both)
    twice = [*both[:2], files / "captions.jsonl"]
    assert "a file twice" in refused("captions.jsonl", "references.json", *twice)
    assert score("captions.jsonl", *both, "--partial")["captions"]["captions.jsonl"]["count"] == 1


def test_without_java_everything_else_is_scored_and_one_line_says_what_is_not(score, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    checker_of.cache_clear()
    monkeypatch.setattr("metric.scores.external_families.meteor_absent", meteor_absent)
    found = score("captions.jsonl", "--scores", "classic,text,java")
    checker_of.cache_clear()
    assert {"cider", "rouge_l", "bleu_4", "rep_4", "incorrect"} <= found["corpus"].keys()
    assert "harper" in found["facts"]["incorrect"] and "java is not on the PATH" in found["facts"]["incorrect"]
    assert found["skipped"].keys() == {"meteor", "spice"}
    assert all("java is not on the PATH" in reason for reason in found["skipped"].values())
    assert capsys.readouterr().out.count("skipped meteor, spice: java is not on the PATH") == 1


def test_scores_of_words_import_no_torch(files):
    flags = f"--captions {files}/captions.jsonl --references {files}/references.json --scores classic,rep_4,length"
    program = f"""
        import sys
        from captioner.cli import main
        assert main(["score", *{flags.split()!r}]) == 0
        assert not {{"torch", "open_clip", "language_tool_python"}} & sys.modules.keys()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, stdout=subprocess.DEVNULL)


def test_python_gets_the_scores_that_the_command_writes(files, score):
    job = ScoreJob([files / "captions.jsonl"], str(files / "references.json"), scores="classic,length")
    assert score_files(job)["captions.jsonl"].corpus == score()["corpus"]


@pytest.mark.parametrize(
    ("flag", "place", "said"),
    [
        ("--out", "captions.jsonl", "is what --captions names too, and would be lost; give another --out"),
        ("--per-caption", "references.json", "is what --references names too, and would be lost"),
        ("--per-caption", "out.json", "is what --out names too, and would be lost; give another --per-caption"),
        ("--per-caption", "pictures", "is a folder, expected a file; type --per-caption"),
    ],
)
def test_scores_never_overwrite_what_is_read_or_written_beside(files, capsys, flag, place, said):
    before = (files / "captions.jsonl").read_text()
    words = ["--captions", files / "captions.jsonl", "--references", files / "references.json", "--scores", "length"]
    flags = ["--out", files / "out.json", flag, files / place]
    assert main(["score", *map(str, [*words, *flags])]) == 2
    assert said in capsys.readouterr().err
    assert (files / "captions.jsonl").read_text() == before and not (files / "out.json").exists()


def test_a_prediction_beside_the_true_caption_is_what_is_scored(files, score):
    header, rows = "image,caption,prediction\n", [f"{name},{REFERENCES[name][0]},zzz" for name in CAPTIONS]
    (files / "both.csv").write_text(header + "\n".join(rows))
    assert score("both.csv")["corpus"]["cider"] == 0
