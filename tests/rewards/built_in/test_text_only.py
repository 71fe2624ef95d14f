"""Rewards that need no network: n-grams against pycocoevalcap, the others against counts by hand."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge

from metric.example import Cut, Example
from metric.scores import grammar
from rewards import Context, build, parse

REFERENCES = ("a red cat on the beach", "a small cat lies on the sand", "one cat")
EXAMPLE = Example("cat", Path("cat.jpg"), REFERENCES)


def score(spec: str, *captions: str) -> list[float]:
    return build([parse(spec)], Context())([EXAMPLE], [list(captions)])[0][0].tolist()


def theirs(scorer, caption: str) -> list:
    """What pycocoevalcap gives one caption when the end of the sentence is a word."""
    with redirect_stdout(io.StringIO()):
        return scorer.compute_score({0: [f"{text} <eos>" for text in REFERENCES]}, {0: [f"{caption} <eos>"]})[1]


words = st.lists(st.sampled_from("a red small cat on the beach sand".split()), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(words)
def test_bleu4_and_rouge_are_those_of_pycocoevalcap_with_an_end(tokens):
    caption = " ".join(tokens)
    assert score("BLEU-4", caption) == pytest.approx(theirs(Bleu(4), caption)[3], abs=1e-6)
    assert score("ROUGE-L", caption) == pytest.approx(theirs(Rouge(), caption), abs=1e-6)


@pytest.mark.parametrize("name", ["bleu4", "rouge_l"])
def test_a_caption_without_its_end_gains_less(name):
    whole, cut, stranger = score(name, REFERENCES[0], Cut(REFERENCES[0]), "two dogs")
    assert 1 == pytest.approx(whole) and whole > cut > stranger >= 0


def test_repetition_is_what_was_said_before():
    # bigrams of "a dog a dog a dog": a-dog x 3, dog-a x 2, so 3 of 5 are repeated
    assert score("repetition:n=2", "a dog a dog a dog", "a dog runs", "") == [-3, 0, 0]
    assert score("repetition:n=2,rate=true", "a dog a dog a dog", "a dog runs") == pytest.approx([-0.6, 0])
    assert score("repetition", "a b c d a b c d", "a dog a dog") == [-1, 0]  # the default is 4


def test_bad_endings_are_minus_one():
    assert score("bad_endings", "a cat on a", "a cat on a.", Cut("a man with"), "a cat", "") == [-1, -1, -1, 0, 0]


def test_length_is_minus_the_words_outside():
    captions = ["", "one two", "one two three .", "one two three four five"]
    assert score("length:least=2,most=3", *captions) == [-2, 0, 0, -2]
    assert score("length:least=3,most=3", *captions) == [-3, -1, 0, -2]


@pytest.mark.parametrize(
    "spec, complaint",
    [("repetition:n=0", "1 or more, got 0"), ("length:least=9,most=3", "least=9 and most=3")],
)
def test_options_that_make_no_sense_are_refused(spec, complaint):
    with pytest.raises(ValueError, match=complaint):
        build([parse(spec)], Context())


def test_harper_says_what_is_grammatical_and_says_its_name(capsys):
    pytest.importorskip("harper")
    assert score("grammar:checker=harper", "a man rides a bike", "a man in in the park", "") == [1, 0, 0]
    assert "harper-py" in capsys.readouterr().out
    assert "harper-py" in build([parse("grammar:checker=harper")], Context()).signatures["grammar"]


def test_without_languagetool_nothing_stands_in(monkeypatch, tmp_path):
    grammar.checker_of.cache_clear()  # of one that an earlier test started
    monkeypatch.setenv("LTP_PATH", str(tmp_path))
    with pytest.raises(ValueError, match="languagetool cannot run"):
        build([parse("grammar")], Context())


def test_rewards_of_text_are_exact_floats():
    total, _ = build([parse("length"), parse("bad_endings")], Context())([EXAMPLE], [["a", "a cat"]])
    assert total.dtype == torch.float32 and total.tolist() == [[-8, -6]]
