"""BLEU and ROUGE-L against pycocoevalcap's."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge

from metric.scores.bleu_rouge import bleu, longest_common, ngrams, rouge_l

WORDS = "a the dog cat man red on in with runs".split()
sentences = st.lists(st.sampled_from(WORDS[:4]), max_size=7)


def corpus(images: int = 60) -> tuple[list[list[str]], list[list[list[str]]]]:
    rng = random.Random(0)

    def sentence() -> list[str]:
        return rng.choices(WORDS, k=rng.randint(1, 14))

    references = [[sentence() for _ in range(rng.randint(1, 5))] for _ in range(images)]
    return [rng.choice(of)[:9] + sentence()[:3] for of in references], references


def for_pycocoevalcap(candidates, references):
    theirs = {i: [" ".join(words) for words in of_image] for i, of_image in enumerate(references)}
    return theirs, {i: [" ".join(words)] for i, words in enumerate(candidates)}


@pytest.mark.parametrize("short", [False, True])  # short: the brevity penalty
def test_bleu_equals_pycocoevalcap(short):
    candidates, references = corpus()
    candidates = [words[:3] for words in candidates] if short else candidates
    ours, each = bleu(candidates, references)
    theirs, theirs_each = Bleu(4).compute_score(*for_pycocoevalcap(candidates, references), verbose=0)
    assert ours == pytest.approx(theirs, abs=1e-9)
    for n in range(4):
        assert [scores[n] for scores in each] == pytest.approx(theirs_each[n], abs=1e-9)


def test_bleu_of_an_empty_caption_is_0():
    _, [scores] = bleu([[]], [[["a", "dog"]]])
    assert scores == pytest.approx([0] * 4, abs=1e-9)


def test_rouge_equals_pycocoevalcap():
    candidates, references = corpus()
    candidates[0] = []
    ours = list(map(rouge_l, candidates, references))
    _, theirs = Rouge().compute_score(*for_pycocoevalcap(candidates, references))
    assert ours == pytest.approx(list(theirs), abs=1e-9)


@given(sentences, sentences)
def test_longest_common_subsequence_equals_brute_force(first, second):
    def subsequences(words):
        return {chosen for size in range(len(words) + 1) for chosen in combinations(words, size)}

    assert longest_common(first, second) == max(map(len, subsequences(first) & subsequences(second)))


def test_ngrams_are_the_runs():
    assert ngrams(["a", "b", "c"], 2) == ["a b", "b c"]
    assert ngrams(["a"], 2) == ngrams(["a"], 3) == []
