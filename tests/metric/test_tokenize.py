"""Against Stanford's tokenizer where Java and the Flickr8k captions are, and a few of its ways by hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from metric.tokenize import PUNCTUATIONS, tokenize

FLICKR = Path(__file__).parents[3] / "shared" / "flickr8k" / "Flickr8k.token.txt"


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A man's dog isn't running.", "a man 's dog is n't running"),
        ('He said: "stop", and left...', "he said stop and left"),
        ("the dogs' ball -- it's red", "the dogs ball it 's red"),
        ("they cannot, I'm gonna", "they can not i 'm gon na"),
        ("a t-shirt, black/white", "a t-shirt black/white"),
        ("Mr. Smith (left) at St. James, 10:30 p.m.", "mr. smith -lrb- left -rrb- at st. james 10:30 p.m."),
        ("2 1/2 dogs, 1,000 cats & 10%", "2 1/2 dogs 1,000 cats & 10 %"),
        ("what!? wow!!", "what !? wow !!"),
        ("  ", ""),
    ],
)
def test_splits_as_the_treebank_does(caption, words):
    assert " ".join(tokenize(caption)) == words


@pytest.mark.skipif(not FLICKR.exists() or not shutil.which("java"), reason="needs Java and Flickr8k")
def test_equals_stanford_on_human_captions():
    captions = [line.split("\t")[1] for line in FLICKR.read_text("utf-8").splitlines()[::20]][:2000]
    differing = [(ours, theirs) for ours, theirs in zip(map(tokenize, captions), stanford(captions)) if ours != theirs]
    assert differing == []


def stanford(captions: list[str]) -> list[tuple[str, ...]]:
    """As pycocoevalcap calls it, but without its temporary file inside the installed package."""
    from pycocoevalcap.tokenizer import ptbtokenizer

    assert {mark for mark in ptbtokenizer.PUNCTUATIONS if mark == mark.lower()} == PUNCTUATIONS
    jar = Path(ptbtokenizer.__file__).with_name(ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR)
    command = ["java", "-cp", jar, "edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase"]
    ran = subprocess.run(command, input="\n".join(captions), capture_output=True, text=True, check=True)
    lines = ran.stdout.split("\n")
    return [tuple(word for word in line.split() if word not in PUNCTUATIONS) for line in lines[: len(captions)]]
