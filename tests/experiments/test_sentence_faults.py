"""The kinds of fault of sentences, against the grammar of the scenes."""

from __future__ import annotations

import json
import random

import pytest

from captioner.data import load
from experiments.sentence_faults import KINDS, fault, main, shares


@pytest.mark.parametrize(
    ("caption", "kind"),
    [
        ("A red cat in a meadow.", ""),
        ("a orange cat", "article"),
        ("an red cat next to a orange dog", "article"),
        ("two red cat in a meadow", "number"),
        ("two cats is in the snow", "number"),
        ("a cat in the", "ending"),
        ("a cat in the desert of a desert of a", "ending"),
        ("a red red cat", "repetition"),
        ("a cat in the snow in the snow", "repetition"),
        ("a cat on the desert", "preposition"),
        ("a cat near the desert", "preposition"),
        ("a cat sleeping on the beach sleeping", "word too many"),
        ("a red cat a blue dog", "word missing"),
        ("there is cat on the grass", "word missing"),
        ("a cat in the snow and a dog in the snow", "sentence goes on"),
        ("cat red snow", "several"),
        ("...", "several"),
        (" ", "empty"),
    ],
)
def test_the_least_repair_names_the_fault(caption, kind):
    assert fault(caption) == kind


def test_references_have_no_fault():
    assert {fault(text) for example in load("scenes:count=50", "train") for text in example.references} == {""}


@pytest.mark.parametrize("example", load("scenes:count=8", "train"))
def test_a_fault_that_is_made_is_found(example):
    words = example.references[0].split()
    assert fault(" ".join([*words, "in", "the"])) == "ending"
    place = random.Random(example.id).randrange(len(words))
    assert fault(" ".join([*words[: place + 1], *words[place:]])) == "repetition"


def test_shares_are_percent_of_all_captions(tmp_path):
    captions = ["a cat", "a orange cat", "a orange dog", "a cat in"]
    lines = [json.dumps({"id": str(n), "caption": text}) for n, text in enumerate(captions)]
    (tmp_path / "captions-test.jsonl").write_text("\n".join(lines) + "\n")
    assert shares(tmp_path) == {"article": 50.0, "ending": 25.0}
    assert set(shares(tmp_path)) <= KINDS.keys()


def test_a_run_without_captions_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sentence_faults", str(tmp_path)])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert f"{tmp_path} has no captions-test.jsonl; type captioner evaluate {tmp_path}" in capsys.readouterr().err
