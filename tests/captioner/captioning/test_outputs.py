"""What `captioner caption` writes beyond one JSONL file: formats, shares, rewards, and what it refuses."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioning.earlier import read_csv
from captioner.captioning.formats import FORMATS
from captioner.captioning.journal import Row, Work, line
from captioner.cli import main
from captioner.data import load
from captioner.data.blocks import PART, blocks
from captioner.data.left_out import LeftOut
from captioner.sources.settings import CandidateSettings
from metric.example import Example, open_image
from metric.runtime.work_share import WHOLE, Share


@pytest.fixture
def captioned(model, pictures, tmp_path):
    """Runs the command on the nine pictures, two at a time, and gives the exit code."""

    def run(out: Path | str, *more: str) -> int:
        where = ["--model", str(model), "--images", str(pictures), "--out", str(tmp_path / out), "--batch-size", "2"]
        return main(["caption", *where, "--checker", "none", *more])

    return run


def rows(path: Path) -> list[dict]:
    return [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]


def table(path: Path) -> list[dict]:
    return [*csv.DictReader(path.read_text(encoding="utf-8").splitlines(keepends=True))]


def test_all_formats_hold_the_captions_of_jsonl(captioned, pictures, tmp_path):
    for out in ("a.jsonl", "a.json", "a.csv"):
        assert captioned(out) == 0
    captioned("texts", "--format", "txt")
    captioned("shards", "--format", "webdataset")
    expected = {row["id"]: row["caption"] for row in rows(tmp_path / "a.jsonl")}
    assert {row["image_id"]: row["caption"] for row in json.loads((tmp_path / "a.json").read_text())} == expected
    assert table(tmp_path / "a.csv") == [{"id": name, "caption": text} for name, text in expected.items()]
    for name, text in expected.items():
        assert (tmp_path / "texts" / name).with_suffix(".txt").read_text() == text + "\n"
    shards = load(str(tmp_path / "shards"), "test")
    said = {each.id: each.references for each in shards}  # nothing where the untrained captioner says nothing
    assert said == {name: (text,) if text else () for name, text in expected.items()}
    for each in shards:
        assert open_image(each.image).tobytes() == open_image(pictures / each.id).tobytes()


@pytest.mark.parametrize("name", ["jsonl", "coco", "csv", "txt"])
def test_what_a_format_wrote_it_reads(tmp_path, name):
    work = Work(tmp_path / "out")
    with work.locked(), work.journal(WHOLE) as file:
        file.writelines(map(line, [Row("b/2.jpg", 1, ['a "red", é dog']), Row("a.png", 0, ["a cat"])]))
    FORMATS[name].write(tmp_path / "out", work.rows(), list)
    found = {row.id: row.captions for row in FORMATS[name].read(tmp_path / "out")}
    done = FORMATS[name].done_as
    assert found == {done("a.png"): ["a cat"], done("b/2.jpg"): ['a "red", é dog']}


def test_ids_of_digits_are_numbers_in_coco_results(tmp_path):
    work = Work(tmp_path / "out.json")
    with work.locked(), work.journal(WHOLE) as file:
        file.writelines(map(line, [Row("42", 0, ["a"]), Row("007", 1, ["b"])]))
    FORMATS["coco"].write(work.out, work.rows(), list)
    assert json.loads(work.out.read_text()) == [{"image_id": 42, "caption": "a"}, {"image_id": "007", "caption": "b"}]


@pytest.mark.parametrize("more", [(), ("--method", "sample", "--n", "3", "--scores")])
def test_two_shares_are_the_whole_byte_for_byte(captioned, tmp_path, capsys, more):
    captioned("whole.jsonl", *more)
    assert captioned("parts.jsonl", "--shard", "2/2", *more) == 0
    assert not (tmp_path / "parts.jsonl").exists() and "still to finish: 1-of-2" in capsys.readouterr().out
    assert main(["caption", "--merge", "--out", str(tmp_path / "parts.jsonl")]) == 2
    assert "1-of-2" in capsys.readouterr().err
    captioned("parts.jsonl", "--shard", "1/2", *more)
    assert (tmp_path / "parts.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    (tmp_path / "parts.jsonl").unlink()
    assert main(["caption", "--merge", "--checker", "none", "--out", str(tmp_path / "parts.jsonl")]) == 0
    assert (tmp_path / "parts.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_samples_are_the_pictures_own_whatever_is_captioned_beside_them(captioned, pictures, tmp_path):
    def said(out: str, *more: str) -> dict[str, str]:
        captioned(out, "--method", "sample", "--n", "2", *more)
        return {row["id"]: row["captions"] for row in rows(tmp_path / out)}

    two = said("two.jsonl")
    assert said("seven.jsonl", "--batch-size", "7") == two
    assert said("seed.jsonl", "--seed", "1") != two
    (pictures / "blue.png").unlink()
    fewer = said("fewer.jsonl")
    assert fewer == {name: texts for name, texts in two.items() if name in fewer} and len(fewer) == 8


def test_launchers_of_processes_are_understood(captioned, tmp_path, monkeypatch):
    captioned("whole.jsonl")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank in "01":
        monkeypatch.setenv("RANK", rank)
        captioned("ranks.jsonl")
    assert (tmp_path / "ranks.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def some(names: str) -> list[Example | LeftOut]:
    return [Example(name, Path(name)) for name in names]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_shares_partition_the_blocks_of_one_process(count):
    parts = [lambda: some("abcde"), lambda: [LeftOut("x", "gone"), *some("fg")], lambda: some("hij")]
    whole = list(blocks(parts, 2, WHOLE, "these"))
    dealt = [block for index in range(1, count + 1) for block in blocks(parts, 2, Share(index, count), "these")]
    assert sorted(dealt, key=lambda block: block.order) == whole
    assert [place for block in whole for place in block.places().values()] == sorted(
        [0, 1, 2, 3, 4, PART, PART + 1, 2 * PART, 2 * PART + 1, 2 * PART + 2]
    )


def test_id_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="'a' twice"):
        list(blocks([lambda: some("aba")], 2, WHOLE, "scenes"))


@pytest.mark.parametrize("names", [("ab", "cb"), ("ab", "ba"), ("abc", "b")])
def test_id_that_two_shares_saw_is_named_when_they_are_merged(model, tmp_path, capsys, names):
    for number, letters in enumerate(names):
        with tarfile.open(tmp_path / f"{number}.tar", "w") as tar:
            for letter in letters:
                Image.effect_noise((20, 20), 50).save(tmp_path / f"{letter}.png")
                tar.add(tmp_path / f"{letter}.png", f"{letter}.png")
    shards, out = str(tmp_path / "{0..1}.tar"), str(tmp_path / "out.jsonl")
    where = ["caption", "--model", str(model), "--images", shards, "--out", out, "--checker", "none"]
    assert main([*where, "--shard", "1/2"]) == 0
    assert main([*where, "--shard", "2/2"]) == 2
    twice = set(names[0]) & set(names[1])
    assert f"two of its shards, {len(twice)} times, such as '{min(twice)}.png'" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()
    assert main([*where, "--shard", "2/2"]) == main(["caption", "--merge", "--out", out]) == 2


def test_texts_are_not_captioned_again(captioned, capsys):
    captioned("texts", "--format", "txt")
    assert captioned("texts", "--format", "txt") == 0
    assert "0 captions, 9 from earlier calls" in capsys.readouterr().out


def test_best_of_keeps_the_highest_rewarded_of_the_same_draws(captioned, tmp_path):
    length = ("--reward", "length:least=3,most=3", "--scores")
    captioned("all.jsonl", "--method", "sample", "--n", "6", *length)
    captioned("best.jsonl", "--best-of", "6", *length)
    for drawn, best in zip(rows(tmp_path / "all.jsonl"), rows(tmp_path / "best.jsonl")):
        top = max(drawn["length"])
        assert best == {
            "id": drawn["id"],
            "caption": drawn["captions"][drawn["length"].index(top)],
            "log_probability": drawn["log_probability"][drawn["length"].index(top)],
            "length": top,
        }
    assert len({row["caption"] for row in rows(tmp_path / "best.jsonl")}) > 3


def test_beams_come_best_first_with_their_log_probability(captioned, tmp_path):
    captioned("beams.csv", "--n", "3", "--beams", "3", "--scores")
    beams = table(tmp_path / "beams.csv")
    assert len(beams) == 27
    for first, second in zip(beams, beams[1:]):
        if first["id"] == second["id"]:
            assert float(first["log_probability"]) >= float(second["log_probability"])


def test_other_settings_are_not_mixed_into_an_output(captioned, tmp_path, capsys):
    captioned("out.jsonl")
    before = (tmp_path / "out.jsonl").read_bytes()
    assert captioned("out.jsonl", "--max-length", "2") == 2
    assert "max_length 6, now 2" in capsys.readouterr().err
    assert captioned("out.jsonl", "--max-length", "2", "--skip-done") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.json"])
def test_skip_done_keeps_foreign_captions_and_adds_the_rest(captioned, tmp_path, name):
    captioned("own.jsonl")
    own = {row["id"]: row["caption"] for row in rows(tmp_path / "own.jsonl")}
    foreign = dict(zip(own, ["by hand", "by hand too"]))
    work = Work(tmp_path / "foreign")
    with work.locked(), work.journal(WHOLE) as file:
        file.writelines(line(Row(name, captions=[text])) for name, text in foreign.items())
    kind = {"out.jsonl": "jsonl", "out.csv": "csv", "out.json": "coco"}[name]
    FORMATS[kind].write(tmp_path / name, work.rows(), list)
    assert captioned(name) == 2
    assert captioned(name, "--skip-done") == 0
    found = {row.id: row.captions for row in FORMATS[kind].read(tmp_path / name)}
    assert found == {name: [text] for name, text in (own | foreign).items()}


def test_texts_that_are_there_stay(captioned, tmp_path):
    (tmp_path / "texts" / "more").mkdir(parents=True)
    (tmp_path / "texts" / "more" / "red.txt").write_text("mine\n")
    assert captioned("texts", "--format", "txt") == 2
    assert captioned("texts", "--format", "txt", "--skip-done") == 0
    assert (tmp_path / "texts" / "more" / "red.txt").read_text() == "mine\n"
    assert len([*(tmp_path / "texts").rglob("*.txt")]) == 9


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--best-of", "3"), "--best-of needs --reward SPEC"),
        (("--reward", "length"), "--reward needs --best-of N or --scores"),
        (("--reward", "lenght", "--best-of", "3"), "did you mean length"),
        (("--shard", "3/2"), "--shard is I/N with I from 1 to N"),
        (("--shard", "0/2"), "--shard is I/N"),
        (("--format", "xml"), "--format must be one of jsonl"),
        (("--format", "txt"), "is a file, but --format txt makes a folder"),
        (("--n", "9"), "--n 9 is more than the 5 captions"),
        (("--method", "greedy", "--n", "2"), "--n 2 is more than the 1 captions"),
        (("--method", "nucleus"), "--method must be one of"),
        (("--method", "sample", "--temperature", "0"), "--temperature is above 0, got 0.0"),
        (("--method", "sample", "--top-p", "7"), "--top-p is above 0 and at most 1, got 7.0"),
        (
            ("--temperature", "3"),
            "--method beam draws nothing, got --temperature 3; leave it out or type --method sample",
        ),
        (("--method", "greedy", "--top-p", "0.5"), "--method greedy draws nothing, got --top-p 0.5"),
        (("--checker", "nonsense"), "no grammar checker is called 'nonsense'"),
        (("--model", ""), "--model is needed"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(captioned, tmp_path, capsys, more, words):
    if "txt" in more:
        (tmp_path / "out.jsonl").touch()
    assert captioned("out.jsonl", *more) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert not [*tmp_path.glob("out*.work")]


def test_unknown_ending_is_refused_with_the_formats(captioned, capsys):
    assert captioned("out.feather") == 2
    assert "--format must be one of jsonl, coco, capevalkit, csv, parquet, txt, webdataset" in capsys.readouterr().err


def test_nothing_is_merged_where_nothing_was_begun(tmp_path, capsys):
    assert main(["caption", "--merge", "--out", str(tmp_path / "out.jsonl")]) == 2
    assert "cannot be merged" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def damaged(folder: Path) -> set[str]:
    """Twenty broken files of ten kinds."""
    whole = folder / "whole.jpg"
    Image.effect_noise((64, 64), 80).save(whole)
    data = whole.read_bytes()
    kinds = {
        "cut.jpg": data[: len(data) // 2],
        "head.jpg": data[:20],
        "text.jpg": b"no picture",
        "page.png": b"<html>404</html>",
        "empty.png": b"",
        "zeros.png": bytes(500),
        "signature.png": b"\x89PNG\r\n\x1a\n",
        "half.gif": b"GIF89a\x01",
        "riff.webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
    }
    whole.unlink()
    names = set()
    for copy in "01":
        for name, content in kinds.items():
            (folder / (copy + name)).write_bytes(content)
            names.add(copy + name)
        Image.new("L", (6000, 2)).save(folder / f"{copy}narrow.png")
        names.add(f"{copy}narrow.png")
    return names


def test_broken_files_are_named_and_strict_tells_by_the_exit_code(captioned, pictures, tmp_path, capsys, caplog):
    for number in range(191):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(pictures / f"{number}.png")
    broken = damaged(pictures)
    assert captioned("out.jsonl", "--batch-size", "50") == 0
    assert len(rows(tmp_path / "out.jsonl")) == 200
    listed = [row for row in rows(tmp_path / "out.jsonl.left-out.jsonl") if row["kind"] == "picture"]
    assert {row["id"] for row in listed} == broken and all(row["reason"] for row in listed)
    assert "200 captions, 20 pictures left out" in capsys.readouterr().out
    assert "2 pictures left out: 6000 x 2 pixels, more than 500 times as long as wide, the first 0narrow" in caplog.text
    assert captioned("out.jsonl", "--batch-size", "50", "--strict") == 1


def test_killed_process_is_continued_to_the_unbroken_output(captioned, model, pictures, tmp_path):
    for number in range(60):
        Image.effect_noise((60, 60), number).save(pictures / f"{number}.png")
    captioned("whole.jsonl")
    out = tmp_path / "killed.jsonl"
    where = ["--model", str(model), "--images", str(pictures), "--out", str(out), "--batch-size", "2"]
    command = [sys.executable, "-m", "captioner", "caption", *where, "--checker", "none"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = tmp_path / "killed.jsonl.work" / "1-of-1.jsonl"
    while process.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert captioned("killed.jsonl") == 0
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_short_row_of_a_table_is_refused(tmp_path):
    (tmp_path / "kept.csv").write_text("id,caption\n1.jpg\n")
    with pytest.raises(ValueError, match="kept.csv has a row without an id or a caption"):
        read_csv(tmp_path / "kept.csv")


def test_no_caption_of_a_picture_is_no_number():
    with pytest.raises(ValueError, match="--n is the number of captions of a picture, 1 or more, got 0"):
        CandidateSettings(max_length=5, n=0)
