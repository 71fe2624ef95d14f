"""A window of lengths outside which a reward earns nothing."""

import pytest
import torch

from captioner.runs.signature import claims
from rewards import Context, build, parse, register

CAPTIONS = [["a dog", "a dog runs.", "A dog, runs away", "a dog runs away now"], ["", "a b c", "a", "a b c d"]]


@pytest.fixture(autouse=True)
def rewards_of_the_test():
    @register("letters")
    def letters(context):
        """The number of characters."""
        return lambda examples, captions: torch.tensor([[float(len(text)) for text in row] for row in captions])

    @register("debt")
    def debt(context):
        """Minus the number of characters."""
        return lambda examples, captions: -torch.tensor([[float(len(text)) for text in row] for row in captions])


def total(*specs: str) -> list[list[float]]:
    return build([parse(spec) for spec in specs], Context())([None, None], CAPTIONS)[0].tolist()


def test_outside_the_window_nothing_is_earned_and_punctuation_is_no_word():
    assert total("letters:window=3-4") == [[0, 11, 16, 0], [0, 5, 0, 7]]
    assert total("letters:window=0-2") == [[5, 0, 0, 0], [0, 0, 1, 0]]


def test_a_window_is_that_of_its_term_alone():
    (first, _), (whole, _) = total("letters:window=3-4,weight=2", "letters"), total("letters")
    assert first == [raw + 2 * inside for raw, inside in zip(whole, [0, 11, 16, 0])]


def test_a_window_is_signed():
    plain, within, wider = (
        build([parse(spec)], Context()).signatures["letters"]
        for spec in ("letters", "letters:window=3-4", "letters:window=3-5")
    )
    assert (plain, within, wider) == ("letters", "letters[window=3-4]", "letters[window=3-5]")
    config = {"rewards": ["letters:window=3-4"], "reward_signatures": [within]}
    assert claims(config) == {"--reward letters:window=3-4 (--clip None)": within}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("letters:window=4", "window is the least and the most words of a caption, got '4'; for example window=8-16"),
        ("letters:window=", "got ''; for example"),
        ("letters:window=9-3", "got '9-3'"),
        ("letters:window=-1-3", "got '-1-3'"),
        ("letters:window=a-b", "got 'a-b'"),
        ("letters:window=3-4,weight=-1", "its weight is -1; leave window out"),
        ("repetition:window=3-4", "reward repetition: outside a window a reward is 0, which is no loss here"),
        ("bad_endings:window=3-4", "it is at most 0"),
    ],
)
def test_a_window_that_is_none_or_would_pay_is_refused(spec, said):
    with pytest.raises(ValueError) as caught:
        build([parse("letters"), parse(spec)], Context())
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_reward_below_zero_is_refused_when_it_shows():
    with pytest.raises(ValueError, match="reward debt: .* it gave -19; leave window out"):
        total("debt:window=3-4")


def test_no_reward_may_have_an_option_of_that_name():
    with pytest.raises(ValueError, match="not be called weight or window"):

        @register("framed")
        def framed(context, window: str = ""): ...
