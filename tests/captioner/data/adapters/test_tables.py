from __future__ import annotations

import zlib

import pytest

from captioner.data import load, split_names, stream


def test_rows_of_one_picture_are_one_example(tmp_path, photographs):
    text = 'image,caption\nb.jpg,"A dog, and a cat ."\na.jpg,A car .\nb.jpg,Two animals .\n'
    (photographs / "captions.txt").write_text(text)
    first, second = load(f"csv:file={photographs / 'captions.txt'}", "train")
    assert (first.id, first.references) == ("b.jpg", ("A dog, and a cat .", "Two animals ."))
    assert (second.id, second.image) == ("a.jpg", photographs / "a.jpg")


def test_table_of_flickr30k_with_its_broken_row_is_read(photographs, caplog):
    text = 'image_name| comment_number| comment\nb.jpg| 0| A "dog" .\nb.jpg| 4   A dog runs .\nb.jpg| 1| Two .\n'
    (photographs / "results.csv").write_text(text)
    (example,) = load(f"csv:file={photographs / 'results.csv'}", "train")
    assert example.references == ('A "dog" .', "Two .")
    assert "1 caption left out: it has 2 cells, the header 3, the first row 3" in caplog.text


def test_cell_may_hold_a_list_and_columns_may_be_named(photographs):
    text = 'photo;said;split\nb.jpg;"[""one"", ""two""]";train\na.jpg;[a list of nothing;dev\n'
    (photographs / "data.csv").write_text(text)
    spec = f"csv:file={photographs / 'data.csv'},image=photo,references=said"
    assert [example.references for example in load(spec, "train")] == [("one", "two")]
    assert [example.references for example in load(spec, "val")] == [("[a list of nothing",)]
    assert split_names(f"csv:file={photographs / 'data.csv'}") == ["train", "dev"]


def test_table_without_a_known_column_says_which_it_has(photographs):
    (photographs / "data.csv").write_text("photo,said\nb.jpg,one\n")
    with pytest.raises(ValueError, match="no usual column for image, got 'photo', 'said'; type image=NAME"):
        load(f"csv:file={photographs / 'data.csv'}", "train")
    with pytest.raises(ValueError, match="no column 'foto'"):
        load(f"csv:file={photographs / 'data.csv'},image=foto", "train")


@pytest.mark.parametrize("order", ["caption first", "address first"])
@pytest.mark.parametrize("name", ["{crc}", "1_{crc}", "photos.example/x/b.jpg"])
def test_conceptual_captions_are_those_that_were_downloaded(tmp_path, photographs, order, name, caplog):
    urls = ["http://photos.example/gone.jpg", "http://photos.example/x/b.jpg?w=3"]
    rows = [(f'a "photo" of {n}', url) for n, url in enumerate(urls)]
    text = "".join("\t".join(row if order == "caption first" else row[::-1]) + "\n" for row in rows)
    (tmp_path / "Train_GCC-training.tsv").write_text(text)
    local = tmp_path / "training" / name.format(crc=zlib.crc32(urls[1].encode()))
    local.parent.mkdir(parents=True)
    (photographs / "b.jpg").rename(local)
    (example,) = load(f"tsv:file={tmp_path / 'Train_GCC-training.tsv'},images={tmp_path / 'training'}", "train")
    assert (example.id, example.references, example.image) == (urls[1], ('a "photo" of 1',), local)
    assert "1 picture left out" in caplog.text and urls[0] in caplog.text


def test_tsv_of_local_files_with_or_without_a_header(photographs):
    (photographs / "bare.tsv").write_text("b.jpg\tone's \"own\nx.jpg\tnone\n")
    (photographs / "open_clip.tsv").write_text("filepath\ttitle\nb.jpg\tone's \"own\n")
    for name in "bare", "open_clip":
        (example,) = load(str(photographs / f"{name}.tsv"), "train")
        assert (example.id, example.references) == ("b.jpg", ("one's \"own",))
    (photographs / "odd.tsv").write_text("one\ttwo\n")
    with pytest.raises(ValueError, match="expected a caption and a URL or file"):
        load(str(photographs / "odd.tsv"), "train")


def test_lines_are_read_as_they_are_asked_for(photographs):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg", "text": "one"}\n{"image": "a.jpg"}\nnot JSON\n')
    lines = stream(f"jsonl:file={photographs / 'data.jsonl'}", "train")
    assert [next(lines).references, next(lines).references] == [("one",), ()]
    with pytest.raises(ValueError, match="data.jsonl:3 is not JSON"):
        next(lines)


def test_names_that_others_give_are_known(photographs):
    for number, row in enumerate(
        (
            '{"file_name": "b.jpg", "caption": "one"}',
            '{"filepath": "b.jpg", "captions": ["one"], "url": "http://x"}',
            '{"image": "b.jpg", "sentences": [{"raw": "one", "tokens": ["one"]}]}',
        )
    ):
        (photographs / f"{number}.jsonl").write_text(row)
        (example,) = load(str(photographs / f"{number}.jsonl"), "train")
        assert (example.image, example.references) == (photographs / "b.jpg", ("one",))


def test_blank_captions_are_left_out_and_counted(photographs, caplog):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg", "captions": ["one", " ", ""]}\n')
    (example,) = load(str(photographs / "data.jsonl"), "train")
    assert example.references == ("one",) and "2 captions left out: it is blank" in caplog.text


def test_absent_picture_of_a_line_is_left_out(photographs, caplog):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg"}\n{"image": "none.jpg"}\n')
    assert [example.id for example in load(str(photographs / "data.jsonl"), "train")] == ["b.jpg"]
    assert "1 picture left out" in caplog.text and "none.jpg" in caplog.text
