"""What all tests share: no Java unasked, and Stanford's tokenizer to be held against."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from pycocoevalcap.tokenizer import ptbtokenizer

from metric.programs.java_program import packaged
from metric.scores.ptb_tokenizer import PUNCTUATIONS


@pytest.fixture(autouse=True)
def meteor_is_not_asked_for(monkeypatch):
    """METEOR's Java program takes many seconds to start: the tests of METEOR itself do so, not every `all`."""
    monkeypatch.setattr("metric.scores.external_families.meteor_absent", lambda: "no METEOR in this test")


@pytest.fixture
def stanford() -> Callable[..., list[tuple[str, ...]]]:
    """`stanford(captions)` -> tokens."""
    return by_java


def by_java(captions: list[str], apart: bool = True) -> list[tuple[str, ...]]:
    """As pycocoevalcap calls it, but without its temporary file inside the installed package; `apart` keeps each
    caption from looking at the next by a line between them."""
    assert set(ptbtokenizer.PUNCTUATIONS) == PUNCTUATIONS
    command = ["java", "-Dfile.encoding=UTF-8", "-cp", packaged("tokenizer/stanford-corenlp-3.4.1.jar")]
    command += ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    text = ("\n;\n" if apart else "\n").join(caption.replace("\n", " ") for caption in captions)
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    lines = ran.stdout.split("\n")[: 2 * len(captions) : 2] if apart else ran.stdout.split("\n")[: len(captions)]
    return [tuple(word for word in line.rstrip().split(" ") if word and word not in PUNCTUATIONS) for line in lines]
