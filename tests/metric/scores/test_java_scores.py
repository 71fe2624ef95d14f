"""Programs in Java that die, hang or are interrupted, played by a script in its place; METEOR and SPICE themselves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

import pytest
from scipy.stats import kendalltau

from metric.evaluation import evaluate
from metric.example import Example
from metric.programs import java_program
from metric.programs.java_program import JavaProgram
from metric.programs.watched_run import run_watched
from metric.scores import spice
from metric.scores.meteor import meteor, program
from metric.scores.ptb_tokenizer import tokenize
from tests.metric.scores.test_grammar import gone, wait_until
from tests.places import SHARED

needs_java = pytest.mark.skipif(not shutil.which("java"), reason="needs Java")
needs_flickr = pytest.mark.skipif(not (SHARED / "flickr8k").exists(), reason="needs ../shared/flickr8k")
needs_corenlp = pytest.mark.skipif(not (SHARED / "corenlp").exists(), reason="needs ../shared/corenlp")
PAIRS = [tokenize("a dog runs"), tokenize("")], [[tokenize("the dog is running")], [tokenize("a cat")]]


@pytest.fixture
def played(tmp_path, monkeypatch):
    """Puts a shell script where Java is looked for."""
    program.cache_clear()

    def play(script: str) -> None:
        path = tmp_path / "java"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    yield play
    program.cache_clear()


ANSWERS = "while read -r line; do case $line in SCORE*) echo 1.0 2.0;; EVAL*) echo .5; echo .25; echo .3;; esac; done"


def test_meteor_is_one_program_for_all_calls(played):
    played(ANSWERS)
    assert meteor(*PAIRS) == (0.3, [0.5, 0.25])
    first = program()
    assert meteor(*PAIRS) == (0.3, [0.5, 0.25]) and program() is first
    first.stop()
    assert meteor(*PAIRS) == (0.3, [0.5, 0.25]) and program() is not first
    program().stop()


def test_a_program_that_dies_is_told_in_its_own_words(played):
    played("echo Could not reserve enough space >&2; exit 1")
    with pytest.raises(ValueError, match="METEOR stopped; Java said: Could not reserve enough space"):
        meteor(*PAIRS)


def test_a_program_that_hangs_is_not_waited_for_and_not_left_behind(played, monkeypatch):
    monkeypatch.setattr(java_program, "START_LIMIT", 0.2)
    played("exec sleep 60")
    with pytest.raises(ValueError, match="METEOR has not answered for"):
        meteor(*PAIRS)
    assert not program().alive


def test_ctrl_c_stops_it_and_the_next_call_starts_anew(played, monkeypatch):
    played(ANSWERS)
    with monkeypatch.context() as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.setattr(JavaProgram, "answer", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        meteor(*PAIRS)
    assert not program().alive
    assert meteor(*PAIRS) == (0.3, [0.5, 0.25])
    program().stop()


def test_spice_reads_what_its_program_writes_and_keeps_its_cache_outside_the_package(played, tmp_path):
    results = [{"image_id": number, "scores": {"All": {"f": f}}} for number, f in ((1, 0.5), (0, 0))]
    (tmp_path / "results").write_text(json.dumps(results))
    played(f'while [ "$1" != -out ]; do shift; done; /bin/cp {tmp_path}/results "$2"')
    assert spice.spice(*PAIRS, str(jars(tmp_path)), tmp_path / "cache") == [0.0, 0.5]
    assert (tmp_path / "cache").is_dir()


def test_spice_names_long_captions_gives_them_time_and_gives_signs_of_life(played, tmp_path, monkeypatch, capsys):
    """The parser needs minutes for a caption of 240 words, and the program says nothing before its end."""
    (tmp_path / "results").write_text('[{"image_id": 0, "scores": {"All": {"f": 0.5}}}]')
    played(f'/bin/sleep 0.3; while [ "$1" != -out ]; do shift; done; /bin/cp {tmp_path}/results "$2"')
    monkeypatch.setattr(spice, "START_LIMIT", 0.1)
    monkeypatch.setattr(spice, "SENTENCE_LIMIT", 0.01)
    monkeypatch.setattr(spice, "run_watched", partial(run_watched, every=0.1))
    assert spice.spice([["dog"] * 240], [[["cat"]]], str(jars(tmp_path)), tmp_path) == [0.5]
    said = capsys.readouterr().err
    assert "SPICE takes up to minutes for a text of over 60 words; 1 have more, up to 240" in said
    assert "SPICE has worked for 0." in said


def test_spice_that_fails_or_hangs_says_so(played, tmp_path, monkeypatch):
    played("echo Exception in thread main; exit 1")
    with pytest.raises(ValueError, match="SPICE stopped; Java said: Exception in thread main"):
        spice.spice(*PAIRS, str(jars(tmp_path)), tmp_path)
    played("exec sleep 60")
    monkeypatch.setattr(spice, "START_LIMIT", 0.1)
    monkeypatch.setattr(spice, "SENTENCE_LIMIT", 0.01)
    with pytest.raises(ValueError, match="SPICE has not ended in"):
        spice.spice(*PAIRS, str(jars(tmp_path)), tmp_path)


def test_spice_ends_with_the_process_that_is_killed(tmp_path):
    """A killed command cannot stop its Java itself."""
    program = (
        "import sys, tempfile; from metric.programs.watched_run import run_watched; "
        f"run_watched(['sh', '-c', 'echo $$ > {tmp_path}/pid; exec sleep 60'], tempfile.TemporaryFile(), 60, print)"
    )
    holder = subprocess.Popen([sys.executable, "-c", program])
    assert wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
    holder.kill()
    holder.wait(20)
    assert gone(int((tmp_path / "pid").read_text()))


def jars(folder: Path) -> Path:
    """What looks like CoreNLP."""
    for name in ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar"):
        (folder / name).touch()
    return folder


EXAMPLES = [Example("1", Path("1"), ("a dog",))]


@needs_java
def test_a_folder_without_corenlp_is_known_before_and_told(tmp_path, monkeypatch):
    monkeypatch.delenv("CORENLP_HOME", raising=False)
    assert "CORENLP_HOME" in evaluate({"1": "a dog"}, EXAMPLES, ["spice"]).skipped["spice"]
    with pytest.raises(ValueError, match="no stanford-corenlp-3"):
        evaluate({"1": "a dog"}, EXAMPLES, [f"spice:corenlp={tmp_path}"])


def test_without_java_its_scores_are_skipped_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.undo()  # tests have no METEOR
    monkeypatch.setenv("CORENLP_HOME", str(jars(tmp_path)))
    monkeypatch.setenv("PATH", "")
    skipped = evaluate({"1": "a dog"}, EXAMPLES, ["java"]).skipped
    assert "java is not on the PATH" in skipped["meteor"] and "java is not on the PATH" in skipped["spice"]


@pytest.mark.slow
@needs_java
@needs_flickr
def test_meteor_equals_pycocoevalcap():
    from pycocoevalcap.meteor.meteor import Meteor

    candidates, references, _ = expert()
    candidates, references = [*candidates[:200], ()], [*references[:200], references[0]]
    theirs = Meteor()
    guesses = {number: [" ".join(tokens)] for number, tokens in enumerate(candidates)}
    truths = {number: [" ".join(tokens) for tokens in each] for number, each in enumerate(references)}
    try:
        expected = theirs.compute_score(truths, guesses)
    finally:
        theirs.meteor_p.terminate()
        theirs.meteor_p.communicate()  # closes its pipes, which pycocoevalcap never does
    assert meteor(candidates, references) == expected


@pytest.mark.slow
@needs_java
@needs_flickr
def test_meteor_of_flickr8k_expert_is_as_published():
    candidates, references, ratings = expert()
    assert taus(meteor(candidates, references)[1], ratings) == (41.538, 41.822)


@pytest.mark.slow
@needs_java
@needs_flickr
@needs_corenlp
def test_spice_of_flickr8k_expert_is_as_published():
    candidates, references, ratings = expert()
    assert taus(spice.spice(candidates, references, str(SHARED / "corenlp")), ratings) == (51.658, 44.888)


def taus(scores: list[float], ratings: list[tuple[int, ...]]) -> tuple[float, ...]:
    """Kendall's tau b and c x100; each expert's rating is one data point."""
    each = [(score, rating) for score, of_three in zip(scores, ratings) for rating in of_three]
    return tuple(round(100 * kendalltau(*zip(*each), variant=variant).statistic, 3) for variant in "bc")


@cache
def expert() -> tuple[list, list, list[tuple[int, ...]]]:
    """Candidates, references and the three ratings of Flickr8k-Expert, without captions of the image itself."""
    captions = dict(
        line.split("\t") for line in (SHARED / "flickr8k" / "Flickr8k.token.txt").read_text("utf-8").split("\n") if line
    )
    rows = [
        line.split("\t") for line in (SHARED / "flickr8k" / "ExpertAnnotations.txt").read_text().split("\n") if line
    ]
    rows = [row for row in rows if not row[1].startswith(row[0])]
    references = [[tokenize(captions[f"{row[0]}#{k}"]) for k in range(5)] for row in rows]
    return [tokenize(captions[row[1]]) for row in rows], references, [tuple(map(int, row[2:])) for row in rows]
