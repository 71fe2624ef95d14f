from pathlib import Path

import pytest
import torch

from metric.example import Example
from metric.scenes.world import sample
from rewards import Context, build, parse, register

BARE = Example("bare", Path(__file__))
EXAMPLES = [Example("one", Path(__file__), ("a dog",)), Example("two", sample("train", 0), ("a cat",))]
CAPTIONS = [["a", "a b", "a b c"], ["", "a a a a", "b"]]


@pytest.fixture(autouse=True)
def counting():
    """The rewards `words` and `letters`, and one that breaks whatever it is told to."""

    @register("words")
    def words(context, of: str = ""):
        return lambda examples, captions: torch.tensor(
            [[float(len([w for w in text.split() if of in w])) for text in texts] for texts in captions]
        )

    @register("letters", needs=("images",))
    def letters(context):
        return lambda examples, captions: torch.tensor([[float(len(text)) for text in row] for row in captions])

    @register("broken", needs=("references",))
    def broken(context, how: str = "nan"):
        good = torch.zeros(2, 3)
        return lambda examples, captions: {
            "nan": good + torch.tensor([0.0, torch.nan, 0.0]),
            "flat": good.flatten(),
            "double": good.double(),
            "list": good.tolist(),
        }[how]


def mix(*specs):
    return build([parse(spec) for spec in specs], Context())


def test_total_is_the_weighted_sum_of_raw_parts():
    total, parts = mix("words:weight=2", "letters:weight=-0.5")(EXAMPLES, CAPTIONS)
    assert parts["words"].tolist() == [[1, 2, 3], [0, 4, 1]]
    assert parts["letters"].tolist() == [[1, 3, 5], [0, 7, 1]]
    assert total.tolist() == [[1.5, 2.5, 3.5], [0, 4.5, 1.5]]  # 2 words - letters / 2


def test_a_term_of_weight_zero_is_only_reported():
    total, parts = mix("words", "letters:weight=0")(EXAMPLES, CAPTIONS)
    assert torch.equal(total, parts["words"]) and "letters" in parts


def test_two_terms_of_one_name_keep_apart():
    reward = mix("words:of=a", "words:of=b,weight=3", "letters")
    total, parts = reward(EXAMPLES, CAPTIONS)
    assert list(parts) == ["words", "words#2", "letters"]
    assert parts["words#2"].tolist() == [[0, 1, 1], [0, 0, 1]]
    assert reward.weights == {"words": 1.0, "words#2": 3.0, "letters": 1.0}


def test_needs_are_those_of_all_terms():
    assert mix("words").needs == ()
    assert mix("words", "letters", "broken").needs == ("images", "references")


def test_signatures_name_every_option_unless_the_reward_has_its_own():
    assert mix("words:of=a,weight=2", "words").signatures == {"words": "words[of=a]", "words#2": "words[of=]"}


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(ValueError, match=r"all rewards are zero \(words:weight=0.0, letters:weight=-0.0\)"):
        mix("words:weight=0", "letters:weight=-0")


def test_examples_are_checked_before_anything_is_scored():
    reward = mix("broken")
    reward.check(EXAMPLES)
    with pytest.raises(ValueError, match="broken needs references, and 1 of 3 examples have none, first bare"):
        reward.check([*EXAMPLES, BARE])


def test_training_examples_are_checked_before_a_reward_is_loaded():
    with pytest.raises(ValueError, match="cider needs references"):
        build([parse("cider")], Context([BARE]))
    with pytest.raises(ValueError, match="truth needs scenes, and 1 of 2 .* --data scenes"):
        build([parse("truth")], Context(EXAMPLES))


def test_no_reward_at_all_is_refused():
    with pytest.raises(ValueError, match="for example --reward"):
        build([], Context())


@pytest.mark.parametrize(
    "how, complaint",
    [
        ("nan", "broken must be finite, got nan for the caption 'a b' of one"),
        ("flat", r"shape \(images, captions\) = \(2, 3\), got torch.float32 of shape \(6,\)"),
        ("double", "must return a float32 tensor .* got torch.float64"),
        ("list", r"must return a tensor of shape \(2, 3\), got a list"),
    ],
)
def test_a_reward_that_breaks_its_contract_is_named(how, complaint):
    with pytest.raises(ValueError, match=complaint):
        mix(f"broken:how={how}")(EXAMPLES, CAPTIONS)


def test_rewards_that_look_at_pictures_say_when_only_features_are_left(tmp_path) -> None:
    gone = Example("gone", tmp_path / "gone.jpg", ("a dog",))
    mix("words").check([gone])
    with pytest.raises(ValueError, match="reward letters needs images, and 1 of 3 examples have none, first gone"):
        mix("letters").check([*EXAMPLES, gone])
