"""The reward `retrieval`, against probabilities by hand."""

from __future__ import annotations

import math

import pytest
import torch

from metric.clip.load import load_clip
from metric.example import Example, open_image
from metric.scenes.language import references
from metric.scenes.world import sample
from metric.similarity import PREFIX
from rewards import Context, build, parse

EXAMPLES = [Example(f"scene{n}", sample("train", n), ("a caption",)) for n in range(6)]
CAPTIONS = [["a red cat", "two dogs in the snow"], ["a boat", "a blue kite on a beach"]]


def values(spec: str, shown=EXAMPLES[:2], captions=CAPTIONS, training=EXAMPLES):
    return build([parse(spec)], Context(training))(shown, captions)[0]


def by_hand(shown, captions, rivals):
    """The probability of the picture itself, one caption at a time."""
    clip = load_clip("scenes-clip")
    scale = float(clip.model.logit_scale.exp())

    def embedded(example):
        return clip.encode_image(clip.preprocess(open_image(example.image))[None])[0]

    def value(example, caption):
        text = clip.encode_text([PREFIX + caption])[0]
        others = [other for other in rivals if other.image != example.image]
        weights = [math.exp(scale * float(embedded(each) @ text)) for each in (example, *others)]
        return math.log(weights[0] / sum(weights))

    with torch.no_grad():
        return torch.tensor([[value(each, text) for text in texts] for each, texts in zip(shown, captions)])


def test_it_is_the_log_probability_of_the_picture_among_its_rivals():
    torch.testing.assert_close(values("retrieval"), by_hand(EXAMPLES[:2], CAPTIONS, EXAMPLES), rtol=0, atol=1e-4)


def test_rivals_are_spread_over_the_training_set():
    expected = by_hand(EXAMPLES[:2], CAPTIONS, [EXAMPLES[0], EXAMPLES[2], EXAMPLES[4]])
    torch.testing.assert_close(values("retrieval:rivals=3"), expected, rtol=0, atol=1e-4)
    assert torch.equal(values("retrieval:rivals=6"), values("retrieval:rivals=1000"))


def test_a_picture_is_no_rival_of_itself_under_another_id():
    again = [Example("again", EXAMPLES[0].image), *EXAMPLES[1:]]
    assert torch.equal(values("retrieval", training=again), values("retrieval"))


def test_one_caption_shares_a_probability_of_one_among_the_pictures():
    said = values("retrieval", EXAMPLES, [["a photo"]] * 6)
    assert float(said.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_a_caption_of_the_picture_tells_more_than_one_of_any():
    (said,) = values("retrieval", EXAMPLES[1:2], [["a photo", references(EXAMPLES[1].image)[0]]])
    assert said[0] < said[1] <= 0


def test_a_damaged_picture_gives_its_place_to_the_next(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken = Example("broken", tmp_path / "broken.png", ("a caption",))
    assert torch.equal(
        values("retrieval:rivals=3", training=[broken, *EXAMPLES[1:]]),
        values("retrieval:rivals=3", training=EXAMPLES[1:2] + EXAMPLES[1:]),
    )
    with pytest.raises(ValueError, match="no picture of the data set can be read"):
        build([parse("retrieval")], Context([broken, broken]))


def test_other_rivals_have_another_signature():
    def signature(training):
        return build([parse("retrieval:rivals=2")], Context(training)).signatures["retrieval"]

    assert signature(EXAMPLES) == signature(EXAMPLES) != signature(EXAMPLES[:4])


@pytest.mark.parametrize(
    ("spec", "training", "message"),
    [
        ("retrieval:rivals=0", EXAMPLES, "rivals is 1 or more pictures, got 0"),
        ("retrieval", EXAMPLES[:1], "got 1; it is for commands that read a data set of two"),
        ("retrieval", [], "got 0; it is for commands"),
        ("retrieval:window=3-9", EXAMPLES, "leave window out"),
    ],
)
def test_what_cannot_be_is_one_line(spec, training, message):
    with pytest.raises(ValueError, match=message):
        build([parse(spec)], Context(training))
