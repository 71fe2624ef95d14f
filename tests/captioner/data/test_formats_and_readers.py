"""What `captioner caption` writes in any format, every reader of captions reads, whatever the ids and the words."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.captioning.formats import FORMATS
from captioner.captioning.journal import Row, Work, line
from captioner.data import DATA, Every, read, wordless
from captioner.data.caption_files import read_captions, write_lines
from captioner.data.columns import EMPTY
from captioner.data.detect import recognise
from captioner.data.reference_files import read_references
from captioner.runs.folder import RunFolder
from captioner.sources.candidate_file import read_candidates
from metric.example import Example
from metric.images import InMemory
from metric.runtime.work_share import WHOLE
from tests.odd_files import picture

PICTURE = picture(1)
FILES = {"jsonl": "o.jsonl", "coco": "o.json", "capevalkit": "k.jsonl", "csv": "o.csv", "parquet": "o.parquet"}
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters='/\\<>:"|?*')
ENDED = st.sampled_from([".jpg", ".PNG", ""])
ids = st.one_of(
    st.integers(0, 99).map(str),
    st.integers(0, 99).map("{:04d}".format),
    st.builds(lambda stem, end: stem + end, st.text(LETTERS, min_size=1, max_size=8), ENDED),
    st.sampled_from(
        ["e\u0301.jpg", "a b.jpg", "-x.jpg", "a,b.jpg", "50%#1.jpg", "'q'.jpg", "x" * 200, "id", "caption"]
    ),
)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)
SEPARATED = "a dog\u2028on the\x85grass\x0btoday\x1c."  # what str.splitlines() cuts, and no reader may
captions = st.one_of(
    st.just(SEPARATED),
    words.map(lambda text: " ".join(text.split())).filter(lambda text: not wordless(text) and text not in EMPTY),
)
sets = st.dictionaries(ids.filter(lambda id: id.strip() == id and id not in EMPTY), captions, min_size=1, max_size=4)


def written(root: Path, form: str, said: dict[str, str]) -> Path:
    out = root / FILES.get(form, "out")
    work = Work(out)
    with work.locked(), work.journal(WHOLE) as file:
        file.writelines(map(line, [Row(id, order, [text]) for order, (id, text) in enumerate(said.items())]))
    FORMATS[form].write(out, work.rows(), lambda: [Example(id, InMemory(id, PICTURE)) for id in said])
    return out


@settings(max_examples=60, deadline=None)
@given(sets, st.sampled_from([form for form in FORMATS if form not in ("txt", "webdataset")]))
def test_a_file_of_captions_is_read_as_captions_references_candidates_and_data(said, form):
    with tempfile.TemporaryDirectory() as root:
        out = written(Path(root), form, said)
        assert read_captions(out) == said
        assert {item.names[0]: item.references for item in read_references(out, "test")} == bare(said)
        index, lost = read_candidates(out)
        assert not lost and {item.names[0]: item.references for item in index.pictures} == bare(said)
        source = recognise(str(out), DATA)
        found = [*read(str(source), "test", Every())]
        assert {item.id: item.references for item in found if isinstance(item, Example)} == bare(said), found


def bare(said: dict[str, str]) -> dict[str, tuple[str, ...]]:
    return {id: (text,) for id, text in said.items()}


def test_captions_of_a_run_are_not_cut_at_separators(tmp_path):
    said = {"1.jpg": SEPARATED, "2.jpg": "a cat"}
    write_lines(RunFolder(tmp_path).captions_file("test"), said)
    assert RunFolder(tmp_path).captions("test") == said


def test_text_files_keep_separators_when_they_are_kept(tmp_path):
    out = written(tmp_path, "txt", {"1.jpg": SEPARATED})
    assert [(row.id, row.captions) for row in FORMATS["txt"].read(out)] == [("1", [SEPARATED])]
