"""BLEU, ROUGE-L and CIDEr-D of real captions, each caption's against pycocoevalcap's to 1e-9, tokenizer included."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable

import pytest
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from captioner.data.adapters.flickr8k import flickr8k
from metric.evaluation import evaluate
from metric.example import Example
from tests.places import FLICKR8K

ROOT = FLICKR8K


@pytest.mark.parametrize("count", [300, pytest.param(0, marks=pytest.mark.slow)])
@pytest.mark.skipif(not ROOT.exists() or not shutil.which("java"), reason="needs ../shared/flickr8k and Java")
def test_scores_equal_pycocoevalcap_on_human_captions(count, stanford):
    examples = flickr8k("test", str(ROOT), count)
    examples = [Example(each.id, each.image, each.references[1:]) for each in examples]
    examples.append(Example("odd", examples[0].image, ('2 1/2 dogs, "left"', "a walk/don't walk sign :)")))
    captions = {each.id: other.references[0] for each, other in zip(examples, [*examples[1::2], *examples[::2]])}
    captions |= {"odd": "1 1/2 dogs don't walk", examples[0].id: ""}
    ours = evaluate(captions, examples, ["classic"])
    theirs = pycocoevalcap(captions, examples, stanford)
    assert theirs.keys() == ours.per_caption.keys()
    for name, (corpus, each) in theirs.items():
        assert ours.corpus[name] == pytest.approx(corpus, abs=1e-9, rel=0), name
        assert list(ours.per_caption[name].values()) == pytest.approx(list(each), abs=1e-9, rel=0), name


def pycocoevalcap(captions: dict[str, str], examples: list[Example], stanford: Callable) -> dict:
    """Score -> of the corpus and of each caption, by the Java tokenizer and pycocoevalcap's own classes."""
    names = [each.id for each in examples]
    guesses = dict(zip(names, cut(stanford, [[captions[name]] for name in names])))
    truths = dict(zip(names, cut(stanford, [list(each.references) for each in examples])))
    with contextlib.redirect_stdout(io.StringIO()):
        corpus, each = Bleu(4).compute_score(truths, guesses)
    found = {f"bleu_{n + 1}": (corpus[n], each[n]) for n in range(4)}
    return found | {
        name: scorer.compute_score(truths, guesses) for name, scorer in (("rouge_l", Rouge()), ("cider", Cider()))
    }


def cut(stanford: Callable, texts: list[list[str]]) -> list[list[str]]:
    """As strings of tokens."""
    tokens = iter(stanford([text for each in texts for text in each]))
    return [[" ".join(next(tokens)) for _ in each] for each in texts]
