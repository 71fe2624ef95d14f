"""Against Stanford's tokenizer where Java and the captions are, and its ways by hand."""

from __future__ import annotations

import json
import random
import shutil
from zipfile import ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metric.language import by_character
from metric.programs.java_program import packaged
from metric.scores.ptb_rules import step
from metric.scores.ptb_tokenizer import PUNCTUATIONS, by_rules, tokenize, words
from tests.places import FLICKR8K

FLICKR = FLICKR8K / "Flickr8k.token.txt"
needs_java = pytest.mark.skipif(not shutil.which("java"), reason="needs Java")
needs_flickr = pytest.mark.skipif(not FLICKR.exists(), reason="needs ../shared/flickr8k")


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("A man's dog isn't running.", "a man 's dog is n't running"),
        ('He said: "stop", and left...', "he said stop and left"),
        ("the dogs' ball -- it's red", "the dogs ball it 's red"),
        ("they cannot, I'm gonna", "they can not i 'm gon na"),
        ("a t-shirt, black/white", "a t-shirt black/white"),
        ("Mr. Smith (left) at St. James, 10:30 p.m.", "mr. smith -lrb- left -rrb- at st. james 10:30 p.m."),
        ("1,000 cats & 10%", "1,000 cats & 10 %"),
        ("what!? wow!!", "what !? wow !!"),
        ("  ", ""),
        ("no. 5, no. dog", "no. 5 no dog"),  # an abbreviation only before a number
        ('"ca. 5x "no. dog', "ca. 5x no dog"),  # also behind a quotation mark
        ("I. The dog", "i the dog"),  # a slip of the typist, not an initial
        ("Dunkin' Donuts 'n' 'til o'clock", "dunkin' donuts 'n' 'til o'clock"),
        ("see www.foo.com/a_b, me@foo.org #tag @name", "see www.foo.com/a_b me@foo.org #tag @name"),
        ("AT&T at&amp;t &lt;b&gt;", "at&t at & t < b >"),
        ("£5 or US$20, 5¢", "# 5 or us$ 20 5 cents"),
        ("“hi” ½ cup…", "hi 1/2 cup"),
        ("a cat 🐈 👍🏽 ☺", "a cat ☺"),  # 16-bit characters only
        (":) :-D [a] {b}", ":-rrb- :-d -lsb- a -rsb- -lcb- b -rcb-"),
        ("café हिन्दी 日本語", "café हिन्दी 日本語"),
        ("Isparta'sı, dağ'ı", "isparta 's ı dağ ı"),  # ı is no i in ranges such as a-z
        ("gİmme lİ'l 'tıs Mİss. X", "gi̇m me li̇'l 't ıs mi̇ss. x"),  # and is one in words of the rules, as İ is
        ("soft\u00adhyphen T.V.on a\nb", "softhyphen t.v.on a b"),
    ],
)
def test_splits_as_the_treebank_does(caption, expected):
    assert " ".join(tokenize(caption)) == expected


def test_a_number_with_a_fraction_is_one_token_and_two_words():
    assert tokenize("2 1/2 dogs") == ("2\u00a01/2", "dogs")
    assert words("2 1/2 dogs") == ("2", "1/2", "dogs")


@given(st.text(st.sampled_from("abnotsIT '\".,-;:!?&1/\n")))
def test_what_is_remembered_of_plain_words_is_what_the_rules_say(caption):
    assert tokenize(caption) == tuple(by_rules(caption.replace("\n", " ") + "\n"))


@settings(max_examples=30)
@given(st.text())
def test_takes_any_text(caption):
    assert all(tokenize(caption))


@needs_java
@needs_flickr
def test_equals_stanford_on_human_captions(stanford):
    captions = flickr()[::20]
    assert [pair for pair in zip(map(tokenize, captions), stanford(captions)) if pair[0] != pair[1]] == []


@needs_java
def test_equals_stanford_on_coco_captions_that_are_not_plain_and_with_odd_signs_thrown_in(stanford):
    captions = [caption for caption in coco()[::101] if not caption.rstrip(". \n").replace(" ", "").isalpha()]
    rng = random.Random(0)
    signs = "'\"`.,-_/()[]{}<>&;:!?#@$%*+=~^|\\ 0123456789abcdnstAEIKSTZé½£€…“”‘’–—"
    captions += [thrown_into(caption[:60].replace("\n", " "), signs, rng) for caption in captions]
    assert [pair for pair in zip(map(tokenize, captions), stanford(captions)) if pair[0] != pair[1]] == []


def thrown_into(caption: str, signs: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(caption) + 1)
        caption = caption[:at] + "".join(rng.choices(signs, k=rng.randint(0, 2))) + caption[at + rng.randint(0, 2) :]
    return caption


ODD = (
    "Isparta'sı İstanbul ırmak sı dağ'ı no. a dog's \u212a \u017ftop don't I'm ı'm canın't ca. Mr. st. İ. 5 1/2 👍 "
    "ı. 🐈 no gİmme lem gonna e.g. p.m. ( ) \" ' ` ... - & é 日本 İ'll i'ı 'tıs ş etc. lİ'l http://ı.com a@ı.com "
    "#ı @ı 'ı 'sı 's x"
).split()


@pytest.mark.slow
@needs_java
def test_equals_stanford_on_20000_odd_strings_with_letters_of_turkish(stanford):
    rng = random.Random(1)
    words = ([rng.choice(ODD) + rng.choice((" ", " ", "")) for _ in range(rng.randint(1, 7))] for _ in range(20_000))
    captions = [by_character("".join(row)) for row in words]
    assert [pair for pair in zip(captions, map(tokenize, captions), stanford(captions)) if pair[1] != pair[2]] == []


@pytest.mark.slow
@needs_java
@needs_flickr
def test_equals_stanford_on_all_captions_of_flickr8k_and_coco(stanford):
    """In one file, as pycocoevalcap calls it, the lexer looks across the line's end: 17 of 657,227 captions end in
    "letter K." or the like and are cut otherwise because the next begins with "A" or "The"."""
    captions = flickr() + coco()
    theirs = stanford(captions, apart=False)
    differing = [number for number, caption in enumerate(captions) if tokenize(caption) != theirs[number]]
    assert len(captions) == 40_460 + 616_767
    assert [n for n in differing if followed_by(captions[n], captions[n + 1]) != theirs[n]] == []
    alone = [captions[n] for n in differing]
    assert list(map(tokenize, alone)) == stanford(alone)


def followed_by(caption: str, following: str) -> tuple[str, ...]:
    """The tokens of a caption in a file."""
    text, at, tokens = f"{caption}\n{following}", 0, []
    while at < len(caption):
        token, at = step(text, at)
        tokens += [token] if token and token not in PUNCTUATIONS else []
    return tuple(tokens)


def flickr() -> list[str]:
    return [line.split("\t")[1] for line in FLICKR.read_text("utf-8").split("\n") if line]


def coco() -> list[str]:
    with ZipFile(packaged("spice/spice-1.0.jar")) as jar:
        files = [jar.read(f"coco/annotations/captions_{split}2014.json") for split in ("train", "val")]
    return [annotation["caption"] for file in files for annotation in json.loads(file)["annotations"]]
