"""The checkers on captions whose grammar is plain to see, and what happens when an engine is not there."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest

from metric import grammar
from metric.grammar import Checker, available_checker, check_together, checker_of, grammar_checker

LANGUAGETOOL = Path(__file__).parents[3] / "shared" / "languagetool"

RIGHT = ["a man rides a red bike", "two dogs run on the grass .", "kids play near the water", ""]


@pytest.fixture(autouse=True)
def fresh_engines():
    checker_of.cache_clear()


@pytest.fixture
def languagetool(monkeypatch):
    if LANGUAGETOOL.exists():
        monkeypatch.setenv("LTP_PATH", str(LANGUAGETOOL))
    if reason := grammar.languagetool_absent():
        pytest.skip(reason)


def test_languagetool_counts_grammar_only(languagetool):
    checker = grammar_checker("languagetool")
    wrong = ["a dogs is running", "a man in in the park", "a orange house", "the dog are running"]
    tolerated = ["i see a frisbee", "at christmas in paris .", "a dog , a cat", "grafitti on a wal"]
    assert checker.incorrect([*RIGHT, *wrong, *tolerated]) == [False] * 4 + [True] * 4 + [False] * 4
    assert "LanguageTool 6" in checker.name and "off: casing" in checker.name
    together = checker.incorrect([*wrong, *RIGHT])
    checker.known.clear()
    assert [checker.incorrect([caption])[0] for caption in [*wrong, *RIGHT]] == together
    assert available_checker() is checker


def test_harper_counts_grammar_only():
    pytest.importorskip("harper")
    checker = grammar_checker("harper")
    assert checker.incorrect([*RIGHT, "a orange house", "a man in in the park"]) == [False] * 4 + [True] * 2
    assert "harper-py" in checker.name and "off: casing" in checker.name


def test_each_caption_is_checked_once():
    seen: list[str] = []

    def check(captions):
        seen.extend(captions)
        return ["bad" in caption for caption in captions]

    checker = Checker("fake", check)
    assert checker.incorrect(["bad", "good", "bad", ""]) == [True, False, True, False]
    assert checker.incorrect(["good", " bad\n"]) == [False, True]
    assert seen == ["bad", "good"]


def test_a_match_belongs_to_the_caption_it_starts_in(monkeypatch):
    monkeypatch.setattr(grammar, "TOGETHER", 3)
    captions = ["xa", "bc", "x", "d", "ex"]

    def offsets(text):
        return [i for i, letter in enumerate(text) if letter == "x"]

    assert check_together(captions, offsets) == [True, False, True, False, True]


def test_a_java_that_dies_is_reported_in_its_own_words(monkeypatch, tmp_path):
    pytest.importorskip("language_tool_python")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'Error: could not reserve enough space' >&2\nexit 1\n")
    java.chmod(java.stat().st_mode | stat.S_IEXEC)
    (tmp_path / "LanguageTool-6.8").mkdir()
    (tmp_path / "LanguageTool-6.8" / "languagetool-server.jar").touch()
    monkeypatch.setenv("PATH", str(java.parent), prepend=":")
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    began = time.monotonic()
    with pytest.raises(ValueError, match="could not reserve enough space"):
        grammar_checker("languagetool")
    assert time.monotonic() - began < 10


def test_what_is_missing_is_said_for_both(monkeypatch, tmp_path):
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    monkeypatch.setattr(grammar, "find_spec", lambda name: name != "harper")
    monkeypatch.setattr(grammar.shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(ValueError, match="languagetool: no LanguageTool.*LTP_PATH.*harper: .*not installed"):
        available_checker()
    with pytest.raises(ValueError, match="languagetool cannot run: no LanguageTool"):
        grammar_checker("languagetool")


def test_harper_stands_in_where_java_is_missing(monkeypatch):
    pytest.importorskip("harper")
    monkeypatch.setattr(grammar.shutil, "which", lambda name: None)
    assert grammar_checker("auto").name.startswith("harper-py")


def test_misspelt_engine_is_suggested():
    with pytest.raises(ValueError, match="did you mean languagetool"):
        grammar_checker("langagetool")


def test_newest_copy_is_taken(monkeypatch, tmp_path):
    for name in ("LanguageTool-6.8", "LanguageTool-6.10", "LanguageTool-5.9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "languagetool-server.jar").touch()
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    assert grammar.languagetool_folder() == tmp_path / "LanguageTool-6.10"
