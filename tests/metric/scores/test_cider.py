"""CIDEr-D against pycocoevalcap's, and what the end of the sentence does to it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocoevalcap.cider.cider_scorer import CiderScorer

from metric.example import Cut
from metric.scores.cider import Cider, DocumentFrequency

WORDS = "a a a the dog cat man red blue on in with runs sits ball grass".split()


def made_up(images: int, seed: int = 0) -> tuple[list[str], list[tuple[str, ...]]]:
    rng = random.Random(seed)

    def sentence() -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 14)))

    references = [tuple(sentence() for _ in range(rng.randint(1, 5))) for _ in range(images)]
    # Half of the candidates are near a reference, as captions are.
    captions = [rng.choice(of) + " " + sentence() if rng.random() < 0.5 else sentence() for of in references]
    return captions, references


def pycocoevalcap(captions: list[str], references: list[tuple[str, ...]]) -> list[float]:
    scorer = CiderScorer(n=4, sigma=6.0)
    for caption, of_image in zip(captions, references):
        scorer += (caption, list(of_image))
    return list(scorer.compute_score()[1])


def test_equals_pycocoevalcap():
    captions, references = made_up(60)
    captions[0], captions[1] = "", "zebra unseen words"
    ours = Cider(references).scores(captions, references)
    assert ours == pytest.approx(pycocoevalcap(captions, references), abs=1e-9, rel=0)


def test_what_is_computed_once_equals_what_is_kept_to_the_bit():
    captions, references = made_up(60, seed=1)
    captions[0] = ""
    cider = Cider(references)
    assert cider.scores_once(captions, references) == cider.scores(captions, references)


def test_document_frequency_counts_images_not_references():
    df = DocumentFrequency.from_references([[("a", "dog"), ("a", "dog", "a")], [("a", "cat")]])
    assert df.documents == 2
    assert df.counts["a"] == 2 and df.counts["a dog"] == 1


def test_no_caption_beats_the_only_reference_itself():
    captions, references = made_up(30)
    single = [of_image[:1] for of_image in references]
    cider = Cider(single)
    best = cider.scores([of_image[0] for of_image in single], single)
    for shift in range(1, 30):
        other = cider.scores(captions[shift:] + captions[:shift], single)
        assert all(score <= most + 1e-9 for score, most in zip(other, best))


@given(st.lists(st.sampled_from(WORDS), max_size=20).map(" ".join))
def test_is_between_0_and_10(caption):
    _, references = made_up(5)
    [score] = Cider(references).scores([caption], references[:1])
    assert 0 <= score <= 10


def test_with_eos_stopping_in_mid_sentence_costs():
    references = [("a man sits in a park with a red dog",), ("a cat on the grass",), ("the ball is red",)]
    whole, broken = "a man sits in a park with a red dog", "a man sits in a park with a"
    loss = {}
    for eos in (False, True):
        full, part = Cider(references, eos).scores([whole, broken], [references[0]] * 2)
        loss[eos] = full - part
    assert loss[True] > loss[False] > 0


def test_a_cut_caption_has_no_end_to_be_rewarded_for():
    references = [("a red dog",), ("a cat",)]
    ended, cut = Cider(references, eos=True).scores(["a red dog", Cut("a red dog")], [references[0]] * 2)
    assert cut < ended == pytest.approx(10)  # red, dog, <eos> and their n-grams up to 4 all match
    without = Cider(references)
    assert without.scores(["a red dog"], references[:1]) == without.scores([Cut("a red dog")], references[:1])


def test_eos_is_the_words_with_one_more_word():
    captions, references = made_up(20)
    ended = [caption + " END" for caption in captions]
    ended_references = [tuple(reference + " END" for reference in of) for of in references]
    ours = Cider(references, eos=True).scores(captions, references)
    assert ours == pytest.approx(pycocoevalcap(ended, ended_references), abs=1e-9)


def test_cider_without_d_equals_the_paper_formula():
    captions, references = made_up(25)
    captions[0] = "zebra unseen"

    def g(text, n):
        """tf-idf vector over the n-grams of the corpus, equation 1 without its division by the length."""
        said = text.split()
        of = [" ".join(said[i : i + n]) for i in range(len(said) - n + 1)]
        return np.array([of.count(gram) * idf[gram] for gram in idf if gram.count(" ") == n - 1])

    def runs(text):
        said = text.split()
        return {" ".join(said[i : i + n]) for n in range(1, 5) for i in range(len(said) - n + 1)}

    everything = set().union(*map(runs, [*captions, *(text for of in references for text in of)]))
    holding = {gram: sum(any(gram in runs(text) for text in of) for of in references) for gram in everything}
    idf = {gram: np.log(len(references) / max(1, count)) for gram, count in holding.items()}

    def cosine(one, other):
        lengths = np.linalg.norm(one) * np.linalg.norm(other)
        return one @ other / lengths if lengths else 0.0

    expected = [
        10 * np.mean([[cosine(g(caption, n), g(text, n)) for text in of] for n in range(1, 5)])
        for caption, of in zip(captions, references)
    ]
    assert Cider(references).plain(captions, references) == pytest.approx(expected, abs=1e-9)
