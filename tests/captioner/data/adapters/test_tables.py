from __future__ import annotations

import csv
import gzip
import json
import zlib
from unicodedata import normalize

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from captioner.data import also, load, read, split_names, stream, wordless
from captioner.data.left_out import LeftOut
from metric.example import Example


def test_rows_of_one_picture_are_one_example(tmp_path, photographs):
    text = 'image,caption\nb.jpg,"A dog, and a cat ."\na.jpg,A car .\nb.jpg,Two animals .\n'
    (photographs / "captions.txt").write_text(text)
    first, second = load(f"csv:file={photographs / 'captions.txt'}", "train")
    assert (first.id, first.references) == ("b.jpg", ("A dog, and a cat .", "Two animals ."))
    assert (second.id, second.image) == ("a.jpg", photographs / "a.jpg")


SPELT = {"b.jpg": "one", "b.JPG": "two", "x/b.jpg": "three", "b": "four", "a.jpg": "five"}


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet", "tokens", "tsv"])
def test_rows_that_spell_one_picture_differently_are_one_example(photographs, form):
    rows = pandas.DataFrame(SPELT.items(), columns=["image", "caption"])
    path = photographs / f"c.{form}"
    if form in ("csv", "parquet"):
        (rows.to_csv if form == "csv" else rows.to_parquet)(path, index=False)
    elif form in ("tokens", "tsv"):
        path.write_text("".join(f"{name}{'#0' * (form == 'tokens')}\t{text}\n" for name, text in SPELT.items()))
    else:
        rows.to_json(path, orient="records", lines=form == "jsonl")
    assert [(item.id, item.references) for item in read(f"{form}:file={path}", "train")] == [
        ("b.jpg", ("one", "two", "three", "four")),
        ("a.jpg", ("five",)),
    ]


def test_ids_of_a_picture_that_is_spelt_differently_are_merged_or_named(photographs):
    path = photographs / "c.csv"
    path.write_text("image,id,caption\nb.jpg,1,one\nB.jpg,1,two\n")
    for spec in f"csv:file={path}", f"csv:file={path},id=id":
        assert [(item.id, item.references) for item in read(spec, "train")] == [("1", ("one", "two"))]
    path.write_text("image,id,caption\nb.jpg,1,one\nB.jpg,2,two\n")
    first, example, second = read(f"csv:file={path}", "train")
    assert (first.id, first.kind, second.id, second.kind) == ("1", "id", "2", "id")
    assert (example.id, example.references) == ("b.jpg", ("one", "two"))


def test_pictures_whose_names_differ_in_their_folder_alone_stay_several(photographs):
    (photographs / "x").mkdir()
    (photographs / "a.jpg").rename(photographs / "x" / "b.jpg")
    (photographs / "c.csv").write_text("image,caption\nb.jpg,one\nx/b.jpg,two\ngone/c.jpg,three\nc.jpg,four\n")
    items = [*read(f"csv:file={photographs / 'c.csv'}", "train")]
    assert [item.id for item in items] == ["b.jpg", "x/b.jpg", "gone/c.jpg", "c.jpg"]


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
    assert split_names(f"csv:file={photographs / 'data.csv'}") == ["train", "val"]


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


def test_a_fault_in_any_line_is_told_before_the_first_picture(photographs):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg", "text": "one"}\n{"image": "a.jpg"}\nnot JSON\n')
    with pytest.raises(ValueError, match="data.jsonl:3 is not JSON"):
        next(stream(f"jsonl:file={photographs / 'data.jsonl'}", "train"))


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


def test_captions_without_a_word_are_left_out_and_counted(photographs, caplog):
    (photographs / "data.jsonl").write_text(
        '{"image": "b.jpg", "captions": ["one", ".", "...", "7", "\\ud83d\\udc08"]}\n'
    )
    (example,) = load(str(photographs / "data.jsonl"), "train")
    assert example.references == ("one", "7") and "3 captions left out: it has no word" in caplog.text


def test_pictures_without_captions_point_to_the_table_beside_them(photographs):
    assert also(str(photographs)) == ""
    (photographs / "ok.csv").write_text("image,caption\nb.jpg,one\n")
    assert also(str(photographs)) == f"; there is also csv:file={photographs / 'ok.csv'}"


def test_absent_picture_of_a_line_is_left_out(photographs, caplog):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg"}\n{"image": "none.jpg"}\n')
    assert [example.id for example in load(str(photographs / "data.jsonl"), "train")] == ["b.jpg"]
    assert "1 picture left out" in caplog.text and "none.jpg" in caplog.text


@pytest.mark.parametrize(
    "rows, words",
    [
        ('b.jpg,"a dog runs\na.jpg,a car\nv.jpg,a cat\n', "data.csv:2: .* swallows 2 lines"),
        ('b.jpg,one\na.jpg,"a car', "data.csv:3: .* swallows 0 lines"),
        ('b.jpg,"a dog\na.jpg,"a car"\n', "data.csv:2: .* swallows 1 lines"),
        ('b.jpg,"a dog\na.jpg,a car"\nv.jpg,a cat\n', "data.csv:2: .* swallows 1 lines"),
        ('b.jpg,"a dog\r\na.jpg,a car\r\n', "data.csv:2: .* swallows 1 lines"),
    ],
)
def test_a_quotation_mark_that_is_not_closed_is_refused_with_its_row(photographs, rows, words):
    (photographs / "data.csv").write_text("image,caption\n" + rows, newline="")
    with pytest.raises(ValueError, match=words):
        load(f"csv:file={photographs / 'data.csv'}", "train")


def test_a_cell_of_several_lines_and_marks_within_a_cell_are_read(photographs):
    text = 'image,caption\nb.jpg,"a ""dog"",\nin the sun"\na.jpg,a 5" screen\n'
    (photographs / "data.csv").write_text(text)
    found = load(f"csv:file={photographs / 'data.csv'}", "train")
    assert [example.references for example in found] == [('a "dog",\nin the sun',), ('a 5" screen',)]


@pytest.mark.parametrize("cell", ["['one', 'two']", "['one' 'two']", '["one", "two"]', "('one', 'two')"])
def test_lists_that_pandas_and_numpy_print_are_captions(photographs, cell):
    with (photographs / "data.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["image", "captions"], ["b.jpg", cell]])
    (example,) = load(f"csv:file={photographs / 'data.csv'}", "train")
    assert example.references == ("one", "two")


def test_a_list_that_is_cut_short_is_refused_with_its_row(photographs):
    (photographs / "data.csv").write_text("image,captions\nb.jpg,['one' ... 'nine']\n")
    with pytest.raises(ValueError, match="data.csv: row 2: the list of captions is not whole"):
        load(f"csv:file={photographs / 'data.csv'}", "train")


def test_rows_of_one_picture_are_one_example_in_every_format(photographs):
    rows = [("b.jpg", "one"), ("a.jpg", "two"), ("b.jpg", "three")]
    records = [{"image": name, "caption": text, "id": None} for name, text in rows]
    files = {
        "data.csv": "image,caption\n" + "".join(f"{name},{text}\n" for name, text in rows),
        "data.tsv": "".join(f"{text}\t{name}\n" for name, text in rows),
        "data.jsonl": "".join(json.dumps(record) + "\n" for record in records),
        "data.json": json.dumps(records),
    }
    for name, content in files.items():
        (photographs / name).write_text(content)
        packed = photographs / f"{name}.gz"
        packed.write_bytes(gzip.compress(content.encode()))
        for path in photographs / name, packed:
            found = [(example.id, example.references) for example in load(str(path), "train")]
            assert found == [("b.jpg", ("one", "three")), ("a.jpg", ("two",))], path


def test_captions_under_an_unknown_name_are_asked_for(photographs):
    (photographs / "data.csv").write_text("image,said,width\nb.jpg,a dog runs,7\n")
    (photographs / "data.jsonl").write_text('{"image": "b.jpg", "said": ["a dog runs"], "width": 7}\n')
    for name in "data.csv", "data.jsonl":
        spec = f"{name.partition('.')[2]}:file={photographs / name}"
        with pytest.raises(ValueError, match="no usual column for references.*references=said, or references=none"):
            load(spec, "train")
        assert [e.references for e in load(f"{spec},references=said", "train")] == [("a dog runs",)]
        assert [e.references for e in load(f"{spec},references=none", "train")] == [()]
    (photographs / "alone.csv").write_text("image,width,label\nb.jpg,7,golden retriever\n")
    assert [e.references for e in load(f"csv:file={photographs / 'alone.csv'}", "train")] == [()]


def test_numbered_columns_hold_the_captions_and_a_column_twice_is_refused(photographs):
    (photographs / "data.csv").write_text("image,caption_1,caption_2\nb.jpg,one,two\n")
    assert [e.references for e in load(f"csv:file={photographs / 'data.csv'}", "train")] == [("one", "two")]
    (photographs / "data.csv").write_text("image,caption,caption\nb.jpg,one,two\n")
    with pytest.raises(ValueError, match="the column 'caption' twice; name the columns caption_1, caption_2"):
        load(f"csv:file={photographs / 'data.csv'}", "train")


def test_rows_that_name_no_picture_and_cells_that_are_empty_are_counted(photographs):
    (photographs / "data.csv").write_text("image,caption\n,lost\nb.jpg,nan\nb.jpg,one\na.jpg,\nonly one cell\n")
    items = list(read(f"csv:file={photographs / 'data.csv'}", "train"))
    assert [item for item in items if isinstance(item, Example)] == [
        Example("b.jpg", photographs / "b.jpg", ("one",)),
        Example("a.jpg", photographs / "a.jpg"),
    ]
    assert [(item.kind, item.reason) for item in items if isinstance(item, LeftOut)] == [
        ("picture", "it names no picture"),
        ("caption", "it is blank"),
        ("caption", "it is blank"),
        ("caption", "it has 1 cells, the header 2"),
    ]


def test_half_an_emoji_in_a_line_is_replaced(photographs):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg", "caption": "a dog \\ud83d runs"}\n')
    (example,) = load(str(photographs / "data.jsonl"), "train")
    assert example.references == ("a dog \ufffd runs",)


def test_files_of_old_macs_are_read(photographs):
    (photographs / "data.jsonl").write_text('{"image": "b.jpg", "text": "one"}\r{"image": "a.jpg"}\r', newline="")
    (photographs / "data.csv").write_text("\ufeffimage,caption\rb.jpg,one\ra.jpg,\r", newline="")
    for name in "data.jsonl", "data.csv":
        found = load(f"{name.partition('.')[2]}:file={photographs / name}", "train")
        assert [(example.id, example.references) for example in found] == [("b.jpg", ("one",)), ("a.jpg", ())]


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
IDS = st.one_of(st.none(), st.integers(), st.text(st.characters(codec="utf-8"), min_size=1, max_size=5))
ROWS = st.lists(st.tuples(st.sampled_from(["b.jpg", "a.jpg", "v.jpg"]), IDS, st.one_of(st.none(), TEXT)), min_size=1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.sampled_from(["jsonl", "json", "csv"]))
def test_every_caption_that_goes_in_comes_out_or_is_named(photographs, rows, form):
    path = photographs / f"any.{form}"
    write(path, form, [{"image": name, "id": own, "caption": text} for name, own, text in rows])
    try:
        items = list(read(f"{form}:file={path}", "train"))
    except ValueError as error:
        assert "is the id of two pictures" in str(error) or "list of captions is not whole" in str(error)
        return
    examples = [item for item in items if isinstance(item, Example)]
    assert len({example.id for example in examples}) == len(examples) == len({name for name, _, _ in rows})
    said = [text for example in examples for text in example.references]
    lost = sum(isinstance(item, LeftOut) and item.kind == "caption" for item in items)
    plain = [text for _, _, text in rows if not (text or "").strip().startswith(("[", "(", "{", "array"))]
    if len(plain) == len(rows):
        assert len(said) + lost == len(rows)
        if form != "csv":  # a cell has no spaces at its ends
            assert sorted(said) == sorted(text for text in plain if text and not wordless(text))


def write(path, form, rows):
    if form == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ["image", "id", "caption"])
            table.writeheader()
            table.writerows(rows)
    else:
        lines = [json.dumps(row) for row in rows]
        path.write_text("\n".join(lines) if form == "jsonl" else f"[{','.join(lines)}]")


def test_index_that_pandas_writes_is_no_split_and_no_id(photographs, tmp_path):
    """`to_csv` of pandas begins with a column without a name."""
    path = tmp_path / "t.csv"
    path.write_text(",image,caption\n0,a.jpg,a dog\n1,b.jpg,a cat\n")
    spec = f"csv:file={path},images={photographs}"
    assert split_names(spec) == []
    assert [(item.id, item.references) for item in load(spec, "train")] == [
        ("a.jpg", ("a dog",)),
        ("b.jpg", ("a cat",)),
    ]


@pytest.mark.parametrize(("file", "table"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_pictures_whose_names_have_accents_are_found_however_the_accent_is_written(tmp_path, file, table):
    Image.new("RGB", (9, 9)).save(tmp_path / normalize(file, "café.jpg"))
    (tmp_path / "t.jsonl").write_text(json.dumps({"image": normalize(table, "café.jpg"), "caption": "a dog"}) + "\n")
    (item,) = load(str(tmp_path / "t.jsonl"), "train")
    assert item.image == tmp_path / normalize(file, "café.jpg") and item.references == ("a dog",)


def test_a_further_column_of_captions_is_named_once_and_one_with_the_same_texts_is_not(photographs, tmp_path, capsys):
    path = tmp_path / "t.csv"
    path.write_text("image,caption,text,title\na.jpg,a dog,a brown dog,Dog\nb.jpg,a cat,a black cat,Cat\n")
    spec = f"csv:file={path},images={photographs}"
    assert [item.references for item in load(spec, "train")] == [("a dog",), ("a cat",)]
    line = f"{path}: the captions are those of 'caption'; 'text' is not read; type references=caption+text for all"
    assert capsys.readouterr().err.count(line) == 1
    assert load(f"{spec},references=caption+text", "train")[0].references == ("a dog", "a brown dog")
    path.write_text('image,captions,caption\na.jpg,"[""a dog"", ""a cat""]",a dog\n')
    load(spec, "train")
    assert "not read" not in capsys.readouterr().err


@pytest.mark.parametrize("split", [["train"], {"name": "train"}])
def test_a_split_that_is_no_text_is_refused(photographs, tmp_path, split):
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"image": "a.jpg", "caption": "a dog", "split": split}))
    with pytest.raises(ValueError, match="a split must be text, got"):
        load(f"jsonl:file={path},images={photographs}", "train")
