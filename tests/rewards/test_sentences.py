"""`long=sentences` of rewards and scores: a caption's score is the mean over its sentences."""

from __future__ import annotations

import re

import pytest
import torch

from metric import Example, evaluate
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.sentences import sentences
from rewards import Context, build, parse

SHORT = ["a red fox sits on the grass .", "the sky is blue ."]
LONG = "A red fox sits on the grass. The sky is blue! It runs"
EXAMPLES = [Example(f"test-{i}", scene, references(scene)) for i in range(2) for scene in [sample("test", i)]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LONG, ["A red fox sits on the grass.", "The sky is blue!", "It runs"]),
        ("a cat", ["a cat"]),
        ("one\n\ntwo", ["one", "two"]),
        ('He says "no." She goes.', ['He says "no.', "She goes."]),
        ("It is 3.5 m long. Yes.", ["It is 3.5 m long.", "Yes."]),
        ("一只猫。一只狗。", ["一只猫。", "一只狗。"]),
        ("a cat. .", ["a cat."]),
        ("", [""]),
    ],
)
def test_texts_are_split_at_the_ends_of_their_sentences(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize("name", ["clips", "refclips"])
def test_the_reward_of_a_long_caption_is_the_mean_of_its_sentences(name):
    def reward(spec: str, examples: list[Example], captions: list[list[str]]) -> torch.Tensor:
        return build([parse(spec)], Context(clip="scenes-clip"))(examples, captions)[0]

    captions = [[LONG, "a dog"], ["a cat on grass", "a cat. a cat."]]
    found = reward(f"{name}:long=sentences", EXAMPLES, captions)
    parts = [sentences(LONG), ["a dog"], ["a cat on grass"], ["a cat.", "a cat."]]
    owners = [EXAMPLES[0]] * 2 + [EXAMPLES[1]] * 2
    expected = [reward(name, [one], [part]).mean() for one, part in zip(owners, parts)]
    torch.testing.assert_close(found.flatten(), torch.stack(expected), atol=1e-6, rtol=0)


def test_sentences_are_signed_and_whole_captions_keep_their_signature():
    def signature(spec: str) -> str:
        (signed,) = build([parse(spec)], Context(clip="scenes-clip")).signatures.values()
        return signed

    assert signature("clips:long=sentences") == signature("clips")[:-1] + ",long=sentences]"


def test_the_score_is_the_reward_and_counts_cut_sentences():
    endless = "a " * 60
    captions = {"test-0": f"{LONG}. {endless}dog.", "test-1": "a cat. the sky is blue."}
    whole = evaluate(captions, EXAMPLES, ["clip_s:clip=scenes-clip,long=sentences", "ref_clip_s"])
    texts = [[text] for text in captions.values()]
    for score, name in (("clip_s", "clips"), ("ref_clip_s", "refclips")):
        reward = build([parse(f"{name}:long=sentences")], Context(clip="scenes-clip"))
        expected = reward(EXAMPLES, texts)[0].flatten().tolist()
        assert list(whole.per_caption[score].values()) == pytest.approx(expected, abs=1e-6)
    told = whole.facts["clip_s"]
    assert "the mean over the sentences of a caption" in told
    assert re.search(r" [1-9]\d* texts longer than its context were cut", told)  # those of other tests count too


def test_another_value_is_refused():
    with pytest.raises(ValueError, match="clips:long is sentences, or is left out for whole captions, got 'words'"):
        build([parse("clips:long=words")], Context(clip="scenes-clip"))
    with pytest.raises(ValueError, match="clip_s:long is sentences"):
        evaluate({"test-0": "a"}, EXAMPLES[:1], ["clip_s:clip=scenes-clip,long=words"])
