from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from captioner.captioning.journal import Row, Work, line
from captioner.cli import main


def captioned(out: Path) -> dict[str, str]:
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row["caption"] for row in rows}


def caption(model: Path, images: Path | str, out: Path, *more: str) -> int:
    where = ["--model", str(model), "--images", str(images), "--out", str(out), "--checker", "none"]
    return main(["caption", *where, *more])


def test_every_picture_of_the_folder_has_its_caption(model, pictures, tmp_path, capsys):
    assert caption(model, pictures, tmp_path / "deep" / "out.jsonl") == 0
    found = captioned(tmp_path / "deep" / "out.jsonl")
    assert set(found) == {path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png")}
    assert len(set(found.values())) > 3  # else the tests of resuming show nothing
    assert "9 captions" in capsys.readouterr().out


@pytest.mark.parametrize("cut", [1, 7, 60, 400])
def test_journal_cut_by_a_kill_is_completed_to_the_unbroken_output(model, pictures, tmp_path, cut):
    caption(model, pictures, tmp_path / "whole.jsonl", "--batch-size", "2")
    caption(model, pictures, tmp_path / "broken.jsonl", "--batch-size", "2")
    broken = tmp_path / "broken.jsonl.work" / "1-of-1.jsonl"
    broken.write_bytes(broken.read_bytes()[:-cut])
    assert caption(model, pictures, tmp_path / "broken.jsonl", "--batch-size", "2") == 0
    assert (tmp_path / "broken.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_second_call_writes_nothing_new(model, pictures, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    caption(model, pictures, out)
    before = out.read_bytes()
    assert caption(model, pictures, out) == 0
    assert out.read_bytes() == before
    assert "0 captions, 9 from earlier calls" in capsys.readouterr().out


def test_new_picture_is_added_and_the_others_stay(model, pictures, tmp_path):
    out = tmp_path / "out.jsonl"
    caption(model, pictures, out)
    before = captioned(out)
    Image.new("RGB", (9, 9), "pink").save(pictures / "a new one.png")
    caption(model, pictures, out)
    after = captioned(out)
    assert after.pop("a new one.png") and after == before


@pytest.mark.parametrize(
    "content", [b"precious", b'{"a.png": "a cat"}', b'{"id": "a"}\n{"x": 1}\n', b"\xff\xfe\n", b"[]"]
)
def test_file_of_something_else_is_left_as_it_is(model, pictures, tmp_path, capsys, content):
    out = tmp_path / "notes.jsonl"
    out.write_bytes(content)
    assert caption(model, pictures, out) == 2
    assert out.read_bytes() == content
    assert "give another --out" in capsys.readouterr().err


def test_odd_but_whole_pictures_are_captioned(model, tmp_path, capsys):
    folder = tmp_path / "odd"
    folder.mkdir()
    Image.new("RGBA", (20, 20), (255, 0, 0, 90)).save(folder / "alpha.png")
    Image.new("LA", (20, 20), (9, 90)).save(folder / "grey-alpha.png")
    Image.new("RGB", (20, 20), "green").quantize(4).save(folder / "palette.png", transparency=bytes([0, 128]))
    Image.new("RGB", (20, 20), "green").save(folder / "palette.gif")
    Image.new("CMYK", (20, 20), (0, 200, 200, 0)).save(folder / "cmyk.jpg")
    Image.new("I;16", (20, 20), 40000).save(folder / "deep.png")
    Image.new("1", (20, 20), 1).save(folder / "bits.tif")
    Image.new("RGB", (1, 300), "blue").save(folder / "narrow.webp")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.new("RGB", (30, 20), "red").save(folder / "TURNED.JPG", exif=exif)
    out = tmp_path / "out.jsonl"
    assert caption(model, folder, out) == 0
    assert len(captioned(out)) == 9 and "0 pictures left out" in capsys.readouterr().out


def test_broken_pictures_are_counted_named_and_passed_over(model, pictures, tmp_path, capsys, caplog):
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 80).save(whole, "JPEG")
    (pictures / "cut.jpg").write_bytes(whole.getvalue()[:-3000])
    (pictures / "text.jpg").write_text("no picture")
    (pictures / "empty.png").touch()
    (pictures / "folder.jpg").mkdir()
    out, listed = tmp_path / "out.jsonl", tmp_path / "out.jsonl.left-out.jsonl"
    for batch_size in "1", "64":
        assert caption(model, pictures, out, "--batch-size", batch_size) == 0
        assert set(captioned(out)) == {path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png")} - {
            "empty.png"
        }
        rows = [json.loads(line) for line in listed.read_text().splitlines()]
        named = {kind: sorted(row["id"] for row in rows if row["kind"] == kind) for kind in ("picture", "file")}
        assert named == {"picture": ["cut.jpg", "empty.png", "text.jpg"], "file": ["folder.jpg"]}
        said = capsys.readouterr()
        assert "3 pictures left out, 1 file left out" in said.out and "cut.jpg" in caplog.text
        assert all(line.startswith("captioner: ") for line in said.err.splitlines())


def test_list_of_skipped_pictures_goes_when_none_is_skipped_any_more(model, pictures, tmp_path):
    (pictures / "empty.png").touch()
    out = tmp_path / "out.jsonl"
    caption(model, pictures, out)
    Image.new("RGB", (9, 9)).save(pictures / "empty.png")
    caption(model, pictures, out)
    silent = [name for name, text in captioned(out).items() if not text]  # the untrained captioner says nothing of one
    named = [json.loads(line) for line in (tmp_path / "out.jsonl.left-out.jsonl").read_text().splitlines()]
    assert "empty.png" in captioned(out) and [row["id"] for row in named] == silent


def test_data_set_and_its_file_are_captioned_too(model, pictures, tmp_path):
    (tmp_path / "data.jsonl").write_text('{"image": "red.png", "id": "7"}\n{"image": "blue.png", "split": "val"}\n')
    for images in tmp_path / "data.jsonl", f"jsonl:file={tmp_path / 'data.jsonl'},images={pictures}":
        if images == tmp_path / "data.jsonl":
            (tmp_path / "red.png").write_bytes((pictures / "more" / "red.png").read_bytes())
        else:
            (pictures / "red.png").write_bytes((pictures / "more" / "red.png").read_bytes())
        out = tmp_path / f"{len(str(images))}.jsonl"
        assert caption(model, images, out) == 0 and list(captioned(out)) == ["7"]


def test_folder_name_may_hold_what_a_spec_is_made_of(model, pictures, tmp_path):
    odd = pictures.rename(tmp_path / "a,b=c:d")
    assert caption(model, odd, tmp_path / "out.jsonl") == 0


def test_beams_and_length_are_the_models_unless_typed(model, pictures, tmp_path, capsys):
    caption(model, pictures, tmp_path / "short.jsonl", "--max-length", "2", "--beams", "1")
    assert max(len(text.split()) for text in captioned(tmp_path / "short.jsonl").values()) <= 2
    assert caption(model, pictures, tmp_path / "long.jsonl", "--max-length", "7") == 2
    assert "--max-length must be at most 6" in capsys.readouterr().err


def test_length_penalty_and_repeats_are_typed_and_kept_apart_on_resume(model, pictures, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    words = ["--length-penalty", "2", "--no-repeat-ngram", "1"]
    assert caption(model, pictures, out, *words) == 0
    assert all(len(set(text.split())) == len(text.split()) for text in captioned(out).values())
    assert caption(model, pictures, out) == 2
    assert "length_penalty 2.0, now None" in capsys.readouterr().err
    assert caption(model, pictures, tmp_path / "plain.jsonl") == 0
    settings = json.loads((tmp_path / "plain.jsonl.work" / "settings.json").read_text())
    assert not {"length_penalty", "no_repeat_ngram"} & settings.keys()  # as in work folders of before


def test_a_length_penalty_without_beams_is_refused(model, pictures, tmp_path, capsys):
    assert caption(model, pictures, tmp_path / "out.jsonl", "--method", "sample", "--length-penalty", "1") == 2
    assert "--method sample ranks no beams by their length, got --length-penalty 1" in capsys.readouterr().err


def test_run_is_captioned_as_evaluate_does_it(tiny_flags, pictures, tmp_path):
    rows = [{"image": str(path), "references": ["a thing"]} for path in sorted(pictures.rglob("*.png"))]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data, run = f"jsonl:file={tmp_path / 'data.jsonl'}", str(tmp_path / "run")
    assert main(["train", *tiny_flags, "--data", data, "--xe.steps", "2", "--out", run]) == 0
    assert main(["evaluate", run, "--scores", "length"]) == 0
    assert caption(Path(run), data, tmp_path / "out.jsonl") == 0
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "run" / "captions-test.jsonl").read_bytes()


def test_moved_clip_is_found_where_it_is_now(model, pictures, tmp_path, tiny_clip, capsys):
    config = json.loads((model / "config.json").read_text())
    lost = tmp_path / "captioner"
    lost.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (lost / name).write_bytes((model / name).read_bytes())
    (lost / "config.json").write_text(json.dumps(config | {"clip": "gone/clip"}))
    assert caption(lost, pictures, tmp_path / "out.jsonl") == 2
    assert "gone/clip" in capsys.readouterr().err and not (tmp_path / "out.jsonl").exists()
    assert caption(lost, pictures, tmp_path / "out.jsonl", "--clip", tiny_clip) == 0


def test_replaced_picture_is_captioned_anew_and_a_copy_of_it_is_not(model, pictures, tmp_path, capsys):
    """A file with another time and equal bytes, as a copy has it, is the same picture."""
    out = tmp_path / "out.jsonl"
    caption(model, pictures, out)
    before = captioned(out)
    names = [name for name in sorted(before) if name.count("/") == 1]
    other, copy = next((a, b) for a in names for b in names if before[a] != before[b])
    content = (pictures / copy).read_bytes()
    (pictures / copy).unlink()
    (pictures / copy).write_bytes(content)
    (pictures / other).write_bytes(content)
    capsys.readouterr()
    assert caption(model, pictures, out) == 0
    said = capsys.readouterr()
    assert captioned(out) == before | {other: before[copy]}
    assert f"1 picture (the first {other}) changed since an earlier call; captioned anew" in said.err
    assert "1 captions, 8 from earlier calls" in said.out
    assert caption(model, pictures, out) == 0 and "changed" not in capsys.readouterr().err


def test_picture_replaced_by_a_broken_file_loses_its_caption_and_is_named(model, pictures, tmp_path, caplog):
    out = tmp_path / "out.jsonl"
    caption(model, pictures, out)
    gone = sorted(captioned(out))[0]
    (pictures / gone).write_bytes(b"no picture")
    for _ in range(2):
        caplog.clear()
        assert caption(model, pictures, out) == 0
        assert gone not in captioned(out) and gone in caplog.text


def test_captions_stand_in_the_order_of_the_input_whenever_they_were_made(model, pictures, tmp_path, capsys):
    """A picture that is gone keeps its caption, at the end, and is named."""
    out = tmp_path / "out.jsonl"
    caption(model, pictures, out)
    gone = sorted(captioned(out))[0]
    (pictures / gone).unlink()
    Image.new("RGB", (9, 9), "pink").save(pictures / "0.png")
    capsys.readouterr()
    caption(model, pictures, out)
    there = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    assert list(captioned(out)) == [*there, gone] and there[0] == "0.png"
    said = f"{pictures} has no longer the pictures of 1 caption (the first {gone}), kept at the end"
    assert said in capsys.readouterr().err


def test_the_last_row_of_a_picture_counts_in_whichever_journal_it_is(tmp_path):
    """Shares change when pictures are added, so a journal with an old row of a picture can be the youngest file."""
    work = Work(tmp_path / "out.jsonl")
    work.folder.mkdir()
    for number, (name, rows) in enumerate(
        {
            "2-of-2": [Row("a", captions=["new"], anew=True, made=20), Row("b", captions=["b"], made=10)],
            "1-of-2": [Row("a", captions=["old"], made=10), Row("b", skipped="broken", anew=True, made=30)],
        }.items()
    ):
        file = work.folder / f"{name}.jsonl"
        file.write_text("".join(map(line, rows)))
        os.utime(file, ns=(number, number))
    found = work.rows()
    assert [(row.id, row.captions) for row in found] == [("a", ["new"])] and found.skipped == {"b": "broken"}
