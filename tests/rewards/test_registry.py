import subprocess
import sys

import pytest
import torch

from rewards import Context, build, listing, parse, register
from rewards.registry import BUILT_IN, find


@pytest.fixture
def wordiness():
    """A reward `wordiness` with an option of each type."""

    @register("wordiness")
    def wordiness(context, least: int = 0, slope: float = 1.0, unit: str = "words", signed: bool = False):
        """Words above `least`."""
        sign = -slope if signed else slope
        return lambda examples, captions: torch.tensor(
            [[sign * (len(text.split()) - least) for text in texts] for texts in captions]
        )

    return wordiness


def message(spec):
    with pytest.raises(ValueError) as caught:
        build([parse(spec)], Context())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_importing_the_registry_imports_no_torch():
    code = "import rewards, rewards.spec, sys; assert not {'torch', 'numpy', 'PIL'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_options_arrive_in_their_types(wordiness):
    mix = build([parse("wordiness:least=1,slope=0.5,signed=yes")], Context())
    total, _ = mix([None], [["a dog runs"]])
    assert total.tolist() == [[-1.0]]  # -0.5 x (3 - 1)


@pytest.mark.parametrize("spelt", ["rouge-l", "ROUGE_L", "RougeL", "rouge_l"])
def test_case_and_dashes_of_a_name_do_not_matter(spelt):
    assert find(spelt).name == "rouge_l"


def test_misspelt_name_gets_a_suggestion_and_the_list():
    said = message("pacsp")
    assert "did you mean pacspp?" in said and all(name in said for name in BUILT_IN)


def test_unknown_option_gets_a_suggestion_and_the_list(wordiness):
    said = message("wordiness:lest=2")
    assert "did you mean least?" in said and "least, slope, unit, signed, weight" in said


@pytest.mark.parametrize("option", ["least=2.5", "slope=steep", "signed=perhaps"])
def test_value_of_a_wrong_type_is_refused(wordiness, option):
    name, value = option.split("=")
    said = message(f"wordiness:{option}")
    assert f"{name} must be" in said and repr(value) in said


def test_a_name_is_registered_once(wordiness):
    with pytest.raises(ValueError, match="wordiness .* already registered"):

        @register("Wordiness")
        def other(context): ...


def test_a_built_in_name_is_taken_before_it_is_imported(registry):
    registry.pop("pacspp", None)
    with pytest.raises(ValueError, match="already registered by rewards.built_in.clip_rewards"):

        @register("PAC-S++")
        def other(context): ...


def test_the_same_factory_may_be_registered_again(wordiness):
    register("wordiness")(wordiness)
    assert find("wordiness").factory is wordiness


def test_an_option_without_a_known_type_or_a_default_is_refused():
    with pytest.raises(ValueError, match="have a default"):

        @register("one")
        def one(context, words: int): ...

    with pytest.raises(ValueError, match="annotated int, float, str, bool"):

        @register("two")
        def two(context, words: list = ()): ...

    with pytest.raises(ValueError, match="weight"):

        @register("three")
        def three(context, weight: float = 1.0): ...


def test_an_unknown_need_is_refused():
    with pytest.raises(ValueError, match="needs 'audio'"):

        @register("loud", needs=("audio",))
        def loud(context): ...


def test_a_class_is_a_factory():
    @register("constant")
    class Constant:
        """The same for all."""

        def __init__(self, context: Context, value: float = 1.0) -> None:
            self.value = value

        def __call__(self, examples, captions):
            return torch.full((len(captions), len(captions[0])), self.value)

    total, _ = build([parse("constant:value=3")], Context())([None], [["a", "b"]])
    assert total.tolist() == [[3.0, 3.0]]


def test_listing_has_options_needs_and_a_summary(wordiness):
    rows = {row.name: row for row in listing()}
    assert set(BUILT_IN) <= set(rows)
    assert [str(option) for option in rows["wordiness"].options][:2] == ["least: int = 0", "slope: float = 1.0"]
    assert rows["wordiness"].summary == "Words above `least`."
    assert rows["cider"].needs == ("references",)
    assert [str(option) for option in rows["pacspp"].options] == [
        "checkpoint: str = ''",
        "w: float = 2.0",
        "scale: float = 1.0",
        "precision: str = 'fp32'",
        "long: str = ''",
    ]
    assert rows["rouge_l"].needs == ("references",) and rows["pacspp"].needs == ("images", "weights")
    assert all(row.summary.endswith(".") or ":" in row.summary for row in rows.values())


def test_a_reward_that_is_given_twice_is_advised_with_its_own_options_and_weights():
    typed = ["repetition:n=3,weight=0.5", "repetition", "repetition:n=3"]
    with pytest.raises(ValueError, match="type --reward repetition:n=3,weight=1.5 once"):
        build([parse(text) for text in typed], Context())
