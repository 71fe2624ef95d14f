"""The checkers on captions whose grammar is plain to see, and what happens when an engine is not there or dies."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

from metric.programs import server
from metric.scores import grammar
from metric.scores.grammar import Checker, available_checker, checker, checker_of, grammar_checker, languagetool
from metric.scores.grammar.languagetool import check_together
from tests.full_disk import files_of_at_most
from tests.places import SHARED

RIGHT = ["a man rides a red bike", "two dogs run on the grass .", "kids play near the water", ""]


@pytest.fixture(autouse=True)
def fresh_engines():
    checker_of.cache_clear()


@pytest.fixture
def reference(monkeypatch) -> Checker:
    """LanguageTool without a memory; one server for all tests."""
    if (SHARED / "languagetool").exists():
        monkeypatch.setenv("LTP_PATH", str(SHARED / "languagetool"))
    if reason := languagetool.absent():
        pytest.skip(reason)
    one_server().verdicts.clear()
    return one_server()


@lru_cache
def one_server() -> Checker:
    return languagetool.start()


@pytest.fixture
def java(monkeypatch, tmp_path) -> Callable[[str], Path]:
    """A maker of a `java` on the PATH that is a shell script, beside an empty LanguageTool."""
    pytest.importorskip("language_tool_python")

    def make(script: str) -> Path:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\n{script}\n")
        java.chmod(java.stat().st_mode | stat.S_IEXEC)
        (tmp_path / "LanguageTool-6.8").mkdir()
        (tmp_path / "LanguageTool-6.8" / "languagetool-server.jar").touch()
        monkeypatch.setenv("PATH", str(java.parent), prepend=":")
        monkeypatch.setenv("LTP_PATH", str(tmp_path))
        return tmp_path

    return make


def test_languagetool_counts_grammar_only(reference):
    wrong = ["a dogs is running", "a man in in the park", "a orange house", "the dog are running"]
    tolerated = ["i see a frisbee", "at christmas in paris .", "a dog , a cat", "grafitti on a wal"]
    assert reference.incorrect([*RIGHT, *wrong, *tolerated]) == [False] * 4 + [True] * 4 + [False] * 4
    assert "LanguageTool 6" in reference.name and "off: casing" in reference.name


def test_captions_checked_together_are_judged_as_alone(reference, photograph_captions):
    some = [
        *photograph_captions[:20],
        "a dogs is running",
        "an 🐶 🐱 emoji",
        "a man man walks",
        "x" * 50,
        '"a dog',
        "(a",
    ]
    together = reference.check(some)
    assert together == [reference.check([caption])[0] for caption in some]
    assert any(together) and not all(together)


@pytest.mark.slow
def test_thousand_captions_checked_together_are_judged_as_alone(reference, photograph_captions):
    some = list(dict.fromkeys(photograph_captions))[:1000]
    assert reference.incorrect(some) == [reference.check([caption])[0] for caption in some]


@pytest.fixture
def photograph_captions() -> list[str]:
    """Human captions as a captioner would say them."""
    tokens = SHARED / "flickr8k" / "Flickr8k.token.txt"
    if not tokens.exists():
        pytest.skip(f"{tokens} is not here")
    lines = tokens.read_text(encoding="utf-8").splitlines()[::8]
    return [line.partition("\t")[2].lower().rstrip(" .") for line in lines]


def test_matches_are_found_again_behind_characters_of_four_bytes(reference):
    assert reference.check(["🐶🐶🐶🐶🐶🐶🐶🐶 a dog", "a dog runs", "a dogs is running", "a dog sits"]) == [
        False,
        False,
        True,
        False,
    ]


def test_captions_in_other_scripts_and_without_end_are_judged(reference):
    long = "a man and " * 5000 + "a dogs is running"
    assert reference.incorrect(["两只狗在草地上奔跑", "собака бежит", "\x00\u2028 ", long])[3] is False
    assert reference.incorrect([long, "a dogs is running"])[1]


RIGHT_MISSPELT_WRONG_WRONG = {
    "de-DE": [
        "ein Hund rennt über die Wiese",
        "ein Hund mit einem Frisbie",
        "der Hund rennt über das Wiese",
        "die Hund",
    ],
    "es": [
        "un perro corre por la hierba",
        "un perro con un frisbi",
        "una perro corre",
        "los perros corre por la hierba",
    ],
}


@pytest.mark.parametrize("language", RIGHT_MISSPELT_WRONG_WRONG)
def test_languagetool_checks_the_language_that_is_asked_for_without_its_spelling(language, reference):
    """The articles or the verbs of the last two are wrong."""
    try:
        checker = grammar_checker("languagetool", language=language)
    except ValueError as reason:
        pytest.skip(str(reason))
    assert checker.incorrect(RIGHT_MISSPELT_WRONG_WRONG[language]) == [False, False, True, True]
    assert f" for {language} (" in checker.name


@pytest.mark.parametrize("language", ["xx", "de-XX", "auto", "C", "english", "🐶"])
def test_a_language_that_is_not_installed_is_refused_with_those_that_are(language, reference):
    """LanguageTool's own client would take `auto` by a guess and `C` as English."""
    with pytest.raises(ValueError, match=f"know the language {language}; it knows .*en-GB, .*en-US.*LTP_PATH") as said:
        grammar_checker("languagetool", language=language)
    assert "\n" not in str(said.value) and str(SHARED if SHARED.exists() else "") in str(said.value)


PROTOCOL = """
exec {python} - "$@" <<'END'
import http.server, json, os, pathlib, sys, urllib.parse
CODES = [dict(name="German", code="de", longCode=code) for code in ("de", "de-DE")]
SAID = dict(message="", replacements=[], context=dict(text="", offset=0, length=1), sentence="", length=1)
KIND = dict(issueType="", category=dict(id="GRAMMAR"))
WRONG = dict(Frisbie="GERMAN_SPELLER_RULE", das="DE_AGREEMENT", MORFOLOGIK="MORFOLOGIK_RULE_FR", teh="HUNSPELL_RULE")
class Answers(http.server.BaseHTTPRequestHandler):
    def answer(self, found):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(found).encode())
    def do_GET(self):  # language_tool_python 3.2 asks so for a check
        path, _, query = self.path.partition("?")
        if path == "/v2/check":
            return self.check(query)
        self.answer(CODES if path == "/v2/languages" else "OK")
    def do_POST(self):
        self.check(self.rfile.read(int(self.headers["Content-Length"])).decode())
    def check(self, query):
        asked = dict(urllib.parse.parse_qsl(query))
        assert asked["language"] == "de-DE" and "CASING" in asked["disabledCategories"], asked
        if "frisbie" in asked["text"] and pathlib.Path(os.environ["LTP_PATH"], "broken").exists():
            return self.send_error(500)
        matches = [
            dict(SAID, offset=asked["text"].index(word), rule=dict(KIND, id=rule))
            for word, rule in WRONG.items() if word in asked["text"]
        ]
        self.answer(dict(matches=matches))
http.server.HTTPServer(("localhost", int(sys.argv[-1])), Answers).serve_forever()
END
"""


@pytest.mark.parametrize("typed", ["de-DE", "de_de"])
def test_faults_of_another_language_count_and_its_spelling_does_not(java, typed):
    """A server of LanguageTool's protocol that knows German alone and finds four faults, one of them of grammar."""
    java(PROTOCOL.format(python=sys.executable))
    german = grammar_checker("languagetool", language=typed)
    captions = ["ein Frisbie", "das Wiese", "ein Hund", "MORFOLOGIK", "teh"]
    assert german.incorrect(captions) == [False, True, False, False, False]
    assert german.name.startswith("LanguageTool 6.8 for de-DE (")
    with pytest.raises(ValueError, match="does not know the language fr; it knows de, de-DE; type one of them"):
        grammar_checker("languagetool", language="fr")


def test_a_language_whose_data_are_missing_is_refused_before_the_work(java):
    folder = java(PROTOCOL.format(python=sys.executable))
    (folder / "broken").touch()
    with pytest.raises(ValueError, match="names the language de-DE and cannot check it; set LTP_PATH to .* whole"):
        grammar_checker("languagetool", language="de-DE")


def test_harper_stands_in_for_a_languagetool_without_english(java):
    pytest.importorskip("harper")
    java(PROTOCOL.format(python=sys.executable))
    checker, note = available_checker()
    assert checker.name.startswith("harper") and "does not know the language en-US; it knows de, de-DE" in note


def test_harper_knows_english_alone():
    pytest.importorskip("harper")
    with pytest.raises(ValueError, match="harper knows English alone, got language=de-DE; type checker=languagetool"):
        grammar_checker("harper", language="de-DE")


def test_harper_counts_grammar_only():
    pytest.importorskip("harper")
    checker = grammar_checker("harper")
    assert checker.incorrect([*RIGHT, "a orange house", "a man in in the park"]) == [False] * 4 + [True] * 2
    assert checker.incorrect(["两只狗在草地上奔跑", "a man " * 2000]) == [False, False]
    assert "harper-py" in checker.name and "off: casing" in checker.name


class Fake:
    """Says that captions with "bad" in them are bad, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    def __call__(self, captions: list[str]) -> list[bool]:
        self.seen.append(captions)
        return ["bad" in caption for caption in captions]


def test_each_caption_is_checked_once():
    fake = Fake()
    checker = Checker("fake", ["A"], fake)
    assert checker.incorrect(["bad", "good", "bad", ""]) == [True, False, True, False]
    assert checker.incorrect(["good", " bad\n"]) == [False, True]
    assert fake.seen == [["bad", "good"]]


def test_captions_are_checked_in_batches(monkeypatch):
    monkeypatch.setattr(checker, "TOGETHER", 8)
    fake = Fake()
    assert Checker("fake", [], fake).incorrect(["bad", "good", "long and bad", "b"]) == [True, False, True, False]
    assert fake.seen == [["bad", "good"], ["long and bad"], ["b"]]


def test_verdicts_outlive_the_process_but_not_the_rules(monkeypatch, tmp_path):
    asked: list[Fake] = []

    def start(version: str, rules: list[str]) -> Checker:
        asked.append(Fake())
        return Checker(f"fake {version}", rules, asked[-1])

    def run(version: str, rules: list[str], captions: list[str]) -> tuple[list[bool], list[list[str]]]:
        monkeypatch.setitem(grammar.ENGINES, "harper", (lambda: "", lambda language: start(version, rules)))
        checker_of.cache_clear()
        return grammar_checker("harper", str(tmp_path / "cache")).incorrect(captions), asked[-1].seen

    assert run("1", ["A"], ["bad", "it's"]) == ([True, False], [["bad", "it's"]])
    assert run("1", ["A"], ["bad", "it's", "new"]) == ([True, False, False], [["new"]])
    assert run("1", ["A", "B"], ["bad"]) == ([True], [["bad"]])
    assert run("2", ["A"], ["bad"]) == ([True], [["bad"]])
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_cache_that_cannot_be_used_is_told_before_the_work(monkeypatch, tmp_path):
    monkeypatch.setitem(grammar.ENGINES, "harper", fake_engine("harper"))
    cache = tmp_path / "cache"
    grammar_checker("harper", str(cache))
    (file,) = cache.iterdir()
    file.write_bytes(b"no data base, but long enough to be taken for one" * 40)
    checker_of.cache_clear()
    with pytest.raises(
        ValueError, match="sqlite cannot keep verdicts of grammar: file is not a database; give another"
    ):
        grammar_checker("harper", str(cache))


def test_a_cache_that_is_a_file_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(grammar.ENGINES, "harper", fake_engine("harper"))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot keep verdicts of grammar: .*File exists.*; give another cache="):
        grammar_checker("harper", str(tmp_path / "file"))


def test_a_cache_that_is_full_ends_no_work(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(grammar.ENGINES, "harper", fake_engine("harper"))
    checker = grammar_checker("harper", str(tmp_path))
    with files_of_at_most(100):
        assert checker.incorrect(["bad"]) == [True] and checker.incorrect(["good", "bad"]) == [False, True]
    assert capsys.readouterr().err.count("verdicts of grammar are kept there no longer") == 1


def test_a_match_belongs_to_the_caption_it_starts_in():
    def offsets(text):
        return [i for i, letter in enumerate(text) if letter == "x"]

    assert check_together(["xa", "bc", "x", "d", "ex"], offsets) == [True, False, True, False, True]


def test_a_java_that_dies_is_reported_in_its_own_words(java):
    java("echo 'Error: could not reserve enough space' >&2\nexit 1")
    began = time.monotonic()
    with pytest.raises(ValueError, match="did not start; Java said: Error: could not reserve enough space"):
        grammar_checker("languagetool")
    assert time.monotonic() - began < 10  # a limit that users were promised, not a speed


def test_a_java_that_never_answers_is_given_up_and_stopped(java, monkeypatch):
    folder = java('echo "$$" > "$LTP_PATH/pid"\nexec sleep 600')
    monkeypatch.setattr(server, "START_LIMIT", 1.0)
    with pytest.raises(ValueError, match="did not start within 1 s; Java said: nothing"):
        grammar_checker("languagetool")
    assert gone(int((folder / "pid").read_text()))


SERVER = """
exec {python} - "$@" <<'END'
import http.server, os, pathlib, sys
server = http.server.HTTPServer(("localhost", int(sys.argv[-1])), http.server.SimpleHTTPRequestHandler)
http.server.SimpleHTTPRequestHandler.do_GET = lambda self: (self.send_response(200), self.end_headers())
pathlib.Path(os.environ["LTP_PATH"], "pid").write_text(str(os.getpid()))
server.serve_forever()
END
"""
ENDINGS = {"exit": "", "crash": "1 / 0", "interrupt": "time.sleep(600)", "kill": "time.sleep(600)"}


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_java_outlives_its_checker(ending, java):
    folder = java(SERVER.format(python=sys.executable))
    program = f"""
        import os, pathlib, signal, time
        from metric.scores.grammar.languagetool import folder, start_server
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        start_server(folder())
        pathlib.Path(os.environ["LTP_PATH"], "ready").touch()
        {ENDINGS[ending]}
    """
    holder = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stderr=subprocess.DEVNULL)
    wait_until(lambda: (folder / "ready").exists() or holder.poll() is not None)
    if ending in ("interrupt", "kill"):
        holder.send_signal({"interrupt": signal.SIGINT, "kill": signal.SIGKILL}[ending])
    holder.wait(20)
    assert gone(int((folder / "pid").read_text()))


def gone(pid: int) -> bool:
    """Whether the process ends within seconds."""

    def ended() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")  # dead, though nobody has asked how yet
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"

    return wait_until(ended)


def wait_until(true: Callable[[], bool]) -> bool:
    for _ in range(200):
        if true():
            return True
        time.sleep(0.05)
    return False


def test_what_is_missing_is_said_for_both(monkeypatch, tmp_path):
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    monkeypatch.setattr(grammar.languagetool.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(grammar.harper, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="languagetool cannot run: no LanguageTool.*LTP_PATH.*harper .*not installed"):
        available_checker()
    with pytest.raises(ValueError, match="languagetool cannot run: no LanguageTool"):
        grammar_checker("languagetool")


def test_harper_stands_in_where_java_is_missing_and_says_so(monkeypatch):
    pytest.importorskip("harper")
    monkeypatch.setattr(grammar.languagetool.shutil, "which", lambda name: None)
    checker, note = available_checker()
    assert checker.name.startswith("harper-py") and "stands in" in note and "java is not on the PATH" in note


def fake_engine(name: str) -> tuple[Callable[[], str], Callable[[str], Checker]]:
    return lambda: "", lambda language: Checker(name, [], Fake())


def test_better_checker_is_taken_where_both_are(monkeypatch):
    for engine in grammar.ENGINES:
        monkeypatch.setitem(grammar.ENGINES, engine, fake_engine(engine))
    checker, note = available_checker()
    assert checker.name.startswith("languagetool") and not note


def test_misspelt_engine_is_suggested():
    with pytest.raises(ValueError, match="did you mean languagetool"):
        grammar_checker("langagetool")


def test_newest_copy_is_taken(monkeypatch, tmp_path):
    for name in ("LanguageTool-6.8", "LanguageTool-6.10", "LanguageTool-5.9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "languagetool-server.jar").touch()
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    assert languagetool.folder() == tmp_path / "LanguageTool-6.10"
