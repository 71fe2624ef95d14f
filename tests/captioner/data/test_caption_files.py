"""Captions and references in every form that captioner and other programs write."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from unicodedata import normalize

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captioner.captioning.formats import FORMATS
from captioner.captioning.journal import Row, Work, line
from captioner.data import load
from captioner.data.caption_files import read_captions
from captioner.data.columns import EMPTY
from captioner.data.name_index import NamedPicture, NameIndex
from captioner.data.reference_files import read_pictures, read_references
from captioner.sources.candidate_file import read_candidates
from metric.example import Example
from metric.runtime.work_share import WHOLE

SAID = {"b.jpg": "a dog, and a cat", "a.jpg": 'a "red" car'}


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def batch(name: str, text: str) -> dict:
    """A line of vLLM's answer to a batch, as of OpenAI."""
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
    return {"id": f"vllm-{name}", "custom_id": name, "response": {"status_code": 200, "body": body}, "error": None}


FORMS = {
    "jsonl": lines([{"id": name, "caption": text} for name, text in SAID.items()]),
    "capevalkit.jsonl": lines([{"id": name, "caption": text, "image": "x.jpg"} for name, text in SAID.items()]),
    "prediction.jsonl": lines([{"id": name, "prediction": text, "image": "x"} for name, text in SAID.items()]),
    "json": SAID,
    "lists.json": {name: [text] for name, text in SAID.items()},
    "pycocoevalcap.json": {name: [{"image_id": name, "caption": text}] for name, text in SAID.items()},
    "coco.json": [{"image_id": name, "caption": text} for name, text in SAID.items()],
    "blip.json": [{"image": name, "caption": text} for name, text in SAID.items()],
    "padded.json": [{"image_id": name, "caption": text} for name, text in [*SAID.items(), *SAID.items()]],
    "swift.jsonl": lines(
        [{"messages": [{"role": "user", "content": "?"}], "images": [n], "response": t} for n, t in SAID.items()]
    ),
    "swift4.jsonl": lines(
        [
            {
                "response": text,
                "labels": "a cat",
                "logprobs": None,
                "messages": [{"role": "user", "content": "<image>?"}],
            }
            | {"images": [{"bytes": None, "path": name}]}
            for name, text in SAID.items()
        ]
    ),
    "talk.jsonl": lines(
        [{"messages": [{"role": "assistant", "content": text}], "images": [n]} for n, text in SAID.items()]
    ),
    "vllm.jsonl": lines([batch(name, text) for name, text in SAID.items()]),
    "one.txt": lines([{"image_id": name, "caption": text} for name, text in SAID.items()]),
    "csv": 'id,caption,length\nb.jpg,"a dog, and a cat",5\na.jpg,"a ""red"" car",3\n',
    "tsv": 'file_name\tprediction\nb.jpg\ta dog, and a cat\na.jpg\ta "red" car\n',
}


@pytest.mark.parametrize("form", FORMS)
def test_captions_of_every_form_are_read_alike(tmp_path, form):
    path = written(tmp_path / f"captions.{form}", FORMS[form])
    assert read_captions(path) == SAID


TEXTS = ["a dog runs", "a cat sits"]
PRINTED = [str(TEXTS), json.dumps(TEXTS), "['a dog runs'\n 'a cat sits']"]  # by Python, JSON, numpy


@pytest.mark.parametrize("text", PRINTED)
@pytest.mark.parametrize("column", ["captions", "caption", "candidates", "response"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_cell_with_a_printed_list_has_several_captions(tmp_path, form, column, text):
    path, rows = tmp_path / f"l.{form}", pandas.DataFrame([{"image": "b.jpg", column: text}])
    rows.to_csv(path, index=False) if form == "csv" else rows.to_parquet(path)
    index, lost = read_candidates(path)
    assert [picture.references for picture in index] == [tuple(TEXTS)] and not lost
    with pytest.raises(ValueError, match="have several captions" if column != "candidates" else "expected {"):
        read_captions(path)


def test_a_list_in_a_cell_that_is_not_whole_is_refused_with_its_row(tmp_path):
    path = written(tmp_path / "l.csv", "image,captions\nb.jpg,\"['a dog', 'a c...\"\n")
    for reader in (read_captions, read_candidates):
        with pytest.raises(ValueError, match=r"l.csv: row 2: the list of captions is not whole"):
            reader(path)


@pytest.mark.parametrize("form", ["jsonl", "coco.json", "vllm.jsonl", "swift.jsonl"])
def test_one_record_alone_is_a_record(tmp_path, form):
    content = FORMS[form]
    first = content.split("\n")[0] if isinstance(content, str) else content[0]
    assert read_captions(written(tmp_path / "one.json", first)) == {"b.jpg": SAID["b.jpg"]}


@pytest.mark.parametrize("form", ["json", "jsonl"])
@pytest.mark.parametrize(
    "row", [{"id": "x"}, {"image": "x.jpg"}, {"id": 1, "file_name": "x.jpg"}, {"caption": "a dog"}]
)
def test_one_record_that_lacks_a_name_or_a_caption_is_no_caption_by_name(tmp_path, row, form):
    path = written(tmp_path / f"one.{form}", row)
    for reader in (read_captions, read_candidates, lambda path: read_references(path, "test")):
        with pytest.raises(ValueError, match="row 1|has no references"):
            reader(path)


def own_output(folder: Path, name: str, images: Path) -> Path:
    """What `captioner caption --format NAME` writes."""
    files = {"jsonl": "o.jsonl", "coco": "o.json", "capevalkit": "o.jsonl", "csv": "o.csv", "parquet": "o.parquet"}
    out = folder / files.get(name, "out")
    work = Work(out)
    with work.locked(), work.journal(WHOLE) as file:
        file.writelines(map(line, [Row(id, order, [text]) for order, (id, text) in enumerate(SAID.items())]))
    FORMATS[name].write(out, work.rows(), lambda: [Example(id, images / id) for id in SAID])
    return out


@pytest.mark.parametrize("name", FORMATS)
def test_own_outputs_are_read_as_captions_references_and_data(tmp_path, photographs, name):
    out = own_output(tmp_path, name, photographs)
    bare = {Path(id).stem: text for id, text in SAID.items()} if name == "txt" else SAID
    assert read_captions(out) == bare
    references = {picture.names[0]: picture.references for picture in read_references(str(out), "test")}
    assert references == {id: (text,) for id, text in bare.items()}
    if name == "webdataset":
        assert [example.references for example in load(str(out), "test")] == [(text,) for text in SAID.values()]
    elif name != "txt":
        form = {"coco": "json", "capevalkit": "jsonl"}.get(name, name)
        found = load(f"{form}:file={out},images={photographs}", "test")
        assert [(example.image, example.references) for example in found] == [
            (photographs / id, (text,)) for id, text in SAID.items()
        ]


def test_capevalkit_gets_predictions_and_references(tmp_path, photographs):
    work = Work(tmp_path / "o.jsonl")
    with work.locked(), work.journal(WHOLE) as file:
        file.writelines(map(line, [Row(id, order, [text]) for order, (id, text) in enumerate(SAID.items())]))
    known = [Example("b.jpg", photographs / "b.jpg", ("a dog", "dogs")), Example("a.jpg", photographs / "a.jpg")]
    FORMATS["capevalkit"].write(work.out, work.rows(), lambda: known)
    predictions = [json.loads(row) for row in work.out.read_text().splitlines()]
    assert predictions == [{"id": n, "caption": t, "image": str(photographs / n)} for n, t in SAID.items()]
    (references,) = (tmp_path / "o.references.jsonl").read_text().splitlines()
    assert json.loads(references) == {"id": "b.jpg", "references": ["a dog", "dogs"]}
    (picture,) = read_references(str(tmp_path / "o.references.jsonl"), "test")
    assert picture.names[0] == "b.jpg" and picture.references == ("a dog", "dogs")


def test_what_is_not_used_of_captions_is_reported(tmp_path, caplog):
    failed = {"custom_id": "c.jpg", "response": None, "error": {"message": "too long"}}
    path = written(tmp_path / "vllm.jsonl", lines([batch("b.jpg", "a dog"), batch("b.jpg", "a dog"), failed]))
    assert read_captions(path) == {"b.jpg": "a dog"}
    assert "its request failed" in caplog.text and "it stands twice, the first b.jpg" in caplog.text
    caplog.clear()
    several, silent = batch("b.jpg", "a dog"), batch("c.jpg", "")
    several["response"]["body"]["choices"].append({"index": 1, "message": {"role": "assistant", "content": "dogs"}})
    silent["response"]["body"]["choices"][0] |= {"message": {"content": None}, "finish_reason": "length"}
    path = written(tmp_path / "several.jsonl", lines([several, silent]))
    assert read_captions(path) == {"b.jpg": "a dog"} and "1 more of the request" in caplog.text
    assert "its answer has no text (finish_reason 'length'), the first c.jpg" in caplog.text
    caplog.clear()
    path = written(tmp_path / "own.jsonl", lines([{"id": "b.jpg", "caption": "a dog", "captions": ["a dog", "dogs"]}]))
    assert read_captions(path) == {"b.jpg": "a dog"} and "1 more of the picture" in caplog.text


@pytest.mark.parametrize(
    "content, words",
    [
        ([{"image_id": 1.5, "caption": "x"}], "row 1 has the id 1.5, expected text or a whole number"),
        ([{"image_id": 1, "caption": 2}], "row 1: the caption is 2, expected text"),
        ([{"caption": "x"}], "row 1: no id in"),
        ({"b.jpg": ["one", "two"]}, "1 of 1 ids ('b.jpg') have several captions"),
        ("id,said\nb.jpg,a dog\n", "row 2 holds"),
    ],
)
def test_captions_that_cannot_be_read_name_the_row_and_the_fault(tmp_path, content, words):
    path = written(tmp_path / ("a.csv" if isinstance(content, str) else "a.json"), content)
    with pytest.raises(ValueError, match="a.(csv|json)") as error:
        read_captions(path)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_numbers_that_pandas_writes_with_a_point_are_whole_numbers(tmp_path):
    path = written(tmp_path / "a.json", '[{"image_id": 1.0, "caption": "x"}]')
    assert read_captions(path) == {"1": "x"}


REFERENCES = {"b.jpg": ("a dog", "dogs"), "a.jpg": ("a car",)}
ROWS = [("b.jpg", "a dog"), ("a.jpg", "a car"), ("b.jpg", "dogs")]
REFERENCE_FORMS = {
    "ids.json": {name: list(texts) for name, texts in REFERENCES.items()},
    "words.json": {"b.jpg": ["a dog", "dogs"], "a.jpg": "a car"},
    "pycocoevalcap.json": {name: [{"caption": text} for text in texts] for name, texts in REFERENCES.items()},
    "coco.json": {"annotations": [{"image_id": name, "caption": text} for name, text in ROWS]},
    "karpathy.json": {
        "images": [
            {"filename": name, "split": "TEST", "sentences": [{"raw": text} for text in texts]}
            for name, texts in REFERENCES.items()
        ]
    },
    "blip.json": [{"image": f"val2014/{name}", "caption": text, "image_id": f"coco_{name}"} for name, text in ROWS],
    "jsonl": lines([{"image": name, "caption": text} for name, text in ROWS]),
    "lists.jsonl": lines([{"id": name, "references": list(texts)} for name, texts in REFERENCES.items()]),
    "csv": "image,caption\n" + "".join(f"{name},{text}\n" for name, text in ROWS),
    "token": "".join(f"{name}#{n}\t{text}\n" for n, (name, text) in enumerate(ROWS)),
}


@pytest.mark.parametrize("form", REFERENCE_FORMS)
def test_references_of_every_form_are_read_alike_and_need_no_pictures(tmp_path, form):
    path = written(tmp_path / f"references.{form}", REFERENCE_FORMS[form])
    found = NameIndex(read_references(str(path), "test"))
    assert {name: found.find(name).references for name in REFERENCES} == REFERENCES


@pytest.mark.parametrize("id", [1, 1.0, "1"])
def test_references_of_coco_have_the_file_names_of_ids_in_any_form(tmp_path, id):
    images = [{"id": id, "file_name": "0.jpg"}, {"id": 2, "file_name": 5}, {"id": 3, "file_name": None}, {"id": 4}]
    captions = [{"image_id": number, "caption": "a dog"} for number in range(1, 5)]
    path = written(tmp_path / "c.json", {"images": images, "annotations": captions})
    assert [item.names for item in read_references(path, "test")] == [("1", "0.jpg"), ("2", "5"), ("3",), ("4",)]


def test_an_id_of_coco_that_two_files_have_is_refused_in_references_too(tmp_path):
    images = [{"id": 1, "file_name": "0.jpg"}, {"id": 1, "file_name": "1.jpg"}]
    path = written(tmp_path / "c.json", {"images": images, "annotations": [{"image_id": 1, "caption": "a red"}]})
    for reader in (lambda: read_references(path, "test"), lambda: load(f"coco:file={path}", "test")):
        with pytest.raises(ValueError, match="0.jpg and 1.jpg have the id 1; give each picture its own id"):
            reader()
    path = written(path, {"images": [{"id": 1, "file_name": ["x"]}], "annotations": [{"image_id": 1, "caption": "x"}]})
    for reader in (lambda: read_references(path, "test"), lambda: load(f"coco:file={path}", "test")):
        with pytest.raises(ValueError, match=r'the image 1 has the file_name \["x"\], expected text as 1.jpg'):
            reader()


def test_blank_references_and_pictures_without_any_are_reported(tmp_path, caplog):
    content = {"b.jpg": ["a dog", " ", ""], "a.jpg": [None], "c.jpg": []}
    (picture,) = read_references(written(tmp_path / "r.json", content), "test")
    assert picture.references == ("a dog",)
    assert "3 references left out: it is blank, the first b.jpg" in caplog.text
    assert "2 pictures left out: it has no references, the first a.jpg" in caplog.text


@pytest.mark.parametrize(
    "name, other, alike",
    [
        ("1", "000000000001", True),
        ("1.0", "COCO_val2014_000000000001.jpg", True),
        ("a/b.jpg", "b.png", True),
        (r"sub\B.JPG", "sub/b.jpg", True),
        ("b", "photos/deep/b.jpg", True),
        ("x/b.jpg", "y/b.jpg", False),
        ("1", "11", False),
        ("dog 1", "1", False),
    ],
)
def test_names_that_mean_one_picture_find_it(name, other, alike):
    picture = NamedPicture((other,))
    assert NameIndex([picture]).find(name) is (picture if alike else None)
    assert NameIndex([picture, NamedPicture((f"z/{other}",))]).find(other) is picture


def test_a_name_that_two_pictures_may_have_finds_none():
    assert NameIndex([NamedPicture(("01.jpg",)), NamedPicture(("001.jpg",))]).find("1") is None
    assert NameIndex([NamedPicture(("a/b.jpg",)), NamedPicture(("c/b.jpg",))]).find("b.jpg") is None


def test_pictures_come_from_a_folder_or_from_a_table(photographs):
    (photographs / "data.csv").write_text("image,caption\nb.jpg,one\n")
    assert [p.names[0] for p in read_pictures(str(photographs), "test")] == ["a.jpg", "b.jpg", "t.jpg", "v.jpg"]
    (picture,) = read_pictures(str(photographs / "data.csv"), "test")
    assert picture.image == photographs / "b.jpg"


ANY = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
NAMES = st.one_of(st.integers(0, 99), ANY.filter(lambda text: text.strip() == text != ""))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES.map(str), ANY, min_size=1), st.sampled_from(["jsonl", "json", "coco", "csv"]))
def test_captions_of_any_text_come_back_from_every_form(tmp_path, captions, form):
    path = tmp_path / f"any.{'json' if form == 'coco' else form}"
    rows = [{"image_id": int(n) if n in map(str, range(100)) else n, "caption": c} for n, c in captions.items()]
    if form == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["image_id", "caption"], *captions.items()])
        captions = {name: "" if text.strip() in EMPTY else text.strip() for name, text in captions.items()}
    else:
        path.write_text({"jsonl": lines(rows), "json": json.dumps(captions), "coco": json.dumps(rows)}[form])
    try:
        assert read_captions(path) == captions
    except ValueError as error:  # names that stand for an empty cell
        assert form == "csv" and "no id in" in str(error)


@pytest.mark.parametrize(
    "content",
    [
        '{"a.jpg": "a dog", "b.jpg": null, "c.jpg": [NaN]}',
        '[{"id": "a.jpg", "caption": "a dog"}, {"id": "b.jpg", "caption": null}, {"id": "c.jpg", "caption": NaN}]',
        '{"a.jpg": ["a dog"], "b.jpg": [null], "c.jpg": [{"caption": null}]}',
    ],
)
def test_captions_that_are_null_are_left_out_and_named(tmp_path, caplog, content):
    path = written(tmp_path / "c.json", content)
    assert read_captions(path) == {"a.jpg": "a dog"}
    assert "2 captions left out: it is null, the first b.jpg" in caplog.text
    index, lost = read_candidates(path)
    assert [picture.references for picture in index] == [("a dog",)] and len(lost) == 2


def test_captions_of_a_damaged_packed_file_are_refused_with_its_name(tmp_path):
    path = tmp_path / "c.jsonl.gz"
    path.write_bytes(b"no gzip")
    for reader in (read_captions, lambda path: read_references(path, "test")):
        with pytest.raises(ValueError, match=r"c.jsonl.gz is a damaged .gz file"):
            reader(path)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv"])
def test_files_of_every_encoding_that_tells_itself_are_read_alike(tmp_path, form, ends, encoding):
    said = {"café.jpg": "ein großer Hund"}
    rows = [["image", "caption"], ["café.jpg", "ein großer Hund"]]
    content = {"json": json.dumps(said, ensure_ascii=False), "jsonl": json.dumps(rows_of(said)[0], ensure_ascii=False)}
    text = content.get(form) or ends.join({"csv": ";", "tsv": "\t"}[form].join(row) for row in rows)
    path = tmp_path / f"c.{form}"
    path.write_bytes((text + ends).encode(encoding))
    assert read_captions(path) == said
    assert {item.names[0]: item.references for item in read_references(path, "test")} == {
        "café.jpg": (said["café.jpg"],)
    }
    (tmp_path / "latin.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="latin.csv is not UTF-8 text: .*; save it as UTF-8, such as by iconv"):
        read_captions(tmp_path / "latin.csv")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_of_json_may_end_as_any_line_does(tmp_path, ends):
    path = tmp_path / "c.jsonl"
    path.write_bytes(ends.join(json.dumps(row) for row in rows_of(SAID)).encode())
    assert read_captions(path) == SAID
    index, lost = read_candidates(path)
    told = {name: (text,) for name, text in SAID.items()}
    for pictures in index, read_references(path, "test"):
        assert {picture.names[0]: picture.references for picture in pictures} == told
    path.write_bytes(ends.join([json.dumps(row) for row in rows_of(SAID)] + ["{"]).encode())
    with pytest.raises(ValueError, match="c.jsonl:3 is not JSON"):
        read_captions(path)


def rows_of(said: dict[str, str]) -> list[dict[str, str]]:
    return [{"image": name, "caption": text} for name, text in said.items()]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_with_accents_agree_however_the_accent_is_written(form):
    index = NameIndex([NamedPicture((normalize(form, "Ärzte/café.jpg"),), ("a dog",))])
    for other in ("NFC", "NFD"):
        assert index.find(normalize(other, "Ärzte/café.jpg")) and index.find(normalize(other, "CAFÉ"))
    assert not index.find("cafe.jpg")
    both = [NamedPicture((normalize(form, "é.jpg"),), (form,)) for form in ("NFC", "NFD")]
    assert NameIndex(both).find(normalize(form, "é.jpg")).references == (form,)


def test_references_of_a_split_that_no_record_has_are_refused_with_the_splits(tmp_path):
    rows = [{"image": "a.jpg", "caption": "a dog", "split": split} for split in ("train", "val")]
    path = written(tmp_path / "r.jsonl", lines(rows))
    with pytest.raises(ValueError, match="r.jsonl has no split 'test'; type --split with one of train, val"):
        read_references(path, "test")
    assert read_references(path, "val")[0].references == ("a dog",)
