from __future__ import annotations

import os
import random
import re
import subprocess
import sys

import pytest

from metric.negatives.drawing import KINDS, draw, kinds_of
from metric.negatives.pool import Caption
from metric.negatives.words import bare, plainly, reading
from metric.scenes.language import references
from metric.scenes.world import sample
from tests.places import ROOT

CAPTIONS = [Caption(texts[0], texts) for texts in (references(sample("train", number)) for number in range(60))]


def test_negative_equals_no_reference_and_no_other_negative():
    for caption, made in zip(CAPTIONS, draw(CAPTIONS, KINDS, 4, random.Random(0)), strict=True):
        texts = [plainly(text) for _, text in made]
        assert len(texts) == len(set(texts)) == 4
        assert not {plainly(reference) for reference in caption.references} & set(texts)


def said(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation, numbers in letters."""
    return re.sub(r"[^\w\s]", " ", text.lower()).replace("2", "two").replace("1", "one").split()


ODD = (
    "A dog, a cat, and two birds on the left.",
    "2 dogs - one black, one white - run in the snow, happily!",
    "Two men, 1 boy; a dog, in a park on the right",
    'a "red" ball, an old box, on a beach, wet',
    "one man , 2 horses , in the middle .",
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_negative_has_other_words_than_its_references(kind):
    """Another comma and another spelling of a number make no negative."""
    texts = [*ODD, *(caption.text.replace(" ", ", ", 2) for caption in CAPTIONS[:25])]
    captions = [Caption(text, (text,), (text.replace(",", ""), "a dog, a dog")) for text in texts]
    drawn = [draw(captions, {kind: KINDS[kind]}, 4, random.Random(seed)) for seed in range(4)]
    made = {(caption.text, text) for each in drawn for caption, of in zip(captions, each) for _, text in of}
    assert made
    assert not [pair for pair in made if said(pair[0]) == said(pair[1])]


@pytest.mark.parametrize("kind", ["cut", "shuffle", "drop"])
def test_no_negative_has_a_comma_before_its_stop(kind):
    """A caption has none there, so the comma alone would tell a negative."""
    captions = [Caption(text) for text in (*ODD, "A dog, a cat, a ball.") if text.endswith((".", "!"))]
    drawn = [draw(captions, {kind: KINDS[kind]}, 4, random.Random(seed)) for seed in range(20)]
    texts = {text for made in drawn for of in made for _, text in of}
    assert texts and not [text for text in texts if re.search(r"[,;:]\s*[.!]+$", text)]


def test_an_article_and_one_are_no_negatives_of_each_other():
    captions = [Caption("a dog on an old box"), Caption("one day")]
    kinds = {"replace": KINDS["replace"], "short-word": KINDS["short-word"], "article": KINDS["article"]}
    drawn = [draw(captions, kinds, 6, random.Random(seed)) for seed in range(50)]
    texts = {text for made in drawn for of in made for _, text in of}
    assert not {"one dog on an old box", "a dog on one old box"} & texts
    assert {"an dog on an old box", "a dog on a old box"} & texts


def test_words_keep_the_marks_that_combine_with_their_letters():
    assert bare("बिल्ली,") == "बिल्ली" and reading("एक बिल्ली।") == ("एक", "बिल्ली")


def test_caption_of_one_word_has_none():
    assert draw([Caption("dog"), Caption(""), Caption("a dog")], KINDS, 2, random.Random(0))[:2] == [[], []]


def test_all_kinds_are_drawn_and_named():
    drawn = {name for made in draw(CAPTIONS, KINDS, 8, random.Random(0)) for name, _ in made}
    assert drawn == set(kinds_of("all"))


def test_negative_has_the_capital_and_the_stop_of_its_caption():
    (made,) = draw([Caption("A dog runs on the grass.")], kinds_of("form"), 6, random.Random(0))
    assert all(text[0].isupper() and text.endswith(".") and not text.endswith("..") for _, text in made)


def test_drawing_depends_on_the_generator_alone():
    first, again, other = (draw(CAPTIONS, KINDS, 2, random.Random(seed)) for seed in ("0/1", "0/1", "0/2"))
    assert first == again != other


def test_processes_with_other_hashes_draw_the_same():
    program = (
        "import random, tests.metric.negatives.test_drawing as t; "
        "print(t.draw(t.CAPTIONS, t.KINDS, 3, random.Random(5)))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] and len(told[0]) > 1000


def test_kinds_are_chosen_by_group_or_name():
    assert kinds_of("all", found=True) == KINDS
    assert {**kinds_of("form"), **kinds_of("content")} == kinds_of("all")
    assert kinds_of("all").keys() == KINDS.keys() - {"found"}
    assert list(kinds_of("sides, swap")) == ["swap", "sides"]
    assert kinds_of("content,cut").keys() == kinds_of("content").keys() | {"cut"}


def test_a_kind_has_a_weight_and_the_weight_0_leaves_it_out():
    chosen = kinds_of("all,repeat-word=8,insert=0, cut=0.5")
    assert chosen.keys() == kinds_of("all").keys() - {"insert"}
    assert (chosen["repeat-word"].weight, chosen["cut"].weight) == (8, 0.5)
    assert chosen["misuse"] == KINDS["misuse"]
    assert kinds_of("repeat-word=8,swap") == {"repeat-word": chosen["repeat-word"], "swap": KINDS["swap"]}


def test_a_heavier_kind_is_drawn_more_often():
    def share(names):
        made = [
            name
            for seed in range(60)
            for own in draw(CAPTIONS, kinds_of(names), 1, random.Random(seed))
            for name, _ in own
        ]
        return made.count("repeat-word") / len(made)

    assert 0.8 < share("repeat-word=9,swap") < 0.98 and 0.4 < share("repeat-word,swap") < 0.6


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("shufle", "did you mean shuffle?"),
        ("", "form, content, all"),
        ("form,xyzzy", "xyzzy"),
        ("form=2", "a weight belongs to one kind, got 'form=2' of a group; type swap=2"),
        ("cut=-1", "a weight is a number of 0 or more, got 'cut=-1'; type cut=2"),
        ("cut=nan", "a number of 0 or more"),
        ("cut=", "a number of 0 or more"),
        ("cut=0", "--negative-kinds cut=0 leaves no kind"),
    ],
)
def test_unknown_kind_is_told(names, said):
    with pytest.raises(ValueError, match=said):
        kinds_of(names)
