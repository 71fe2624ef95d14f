import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.spec import RewardSpec, parse

words = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
letters = st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\"'~{}=")
values = st.text(letters, max_size=20).map(str.strip)
options = st.dictionaries(words.filter(lambda word: word != "weight"), values, max_size=4)
weights = st.floats(allow_nan=False, allow_infinity=False)


@given(words, options, weights)
def test_what_is_written_is_read_back(name, options, weight):
    spec = RewardSpec(name, tuple(options.items()), weight)
    assert parse(str(spec)) == spec


def test_name_options_and_weight_are_read():
    spec = parse("pacspp:checkpoint=runs/m,weight=0.5")
    assert spec == RewardSpec("pacspp", (("checkpoint", "runs/m"),), 0.5)
    assert str(spec) == "pacspp:checkpoint=runs/m,weight=0.5"


def test_a_value_may_hold_colons_and_equal_signs():
    assert parse("clips: clip = ViT-B-32:openai").options == (("clip", "ViT-B-32:openai"),)
    assert parse("cider:df=corpus:a=b").options == (("df", "corpus:a=b"),)


@pytest.mark.parametrize("name", ["PAC-S++", "pac_spp", "pacspp", "PacSpp"])
def test_spellings_of_one_name_are_one_spec(name):
    assert parse(name) == RewardSpec("pacspp") == RewardSpec(name)
    assert str(parse(name)) == "pacspp"


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "name is missing"),
        (":w=2", "name is missing"),
        ("cider:df", "option=value was expected"),
        ("cider:=2", "option=value was expected"),
        ("cider:df=a,", "option=value was expected"),
        ("cider:df=a,df=b", "given twice"),
        ("cider:weight=much", "weight must be a number, got 'much'"),
        ("cider:weight=nan", "finite"),
        ("cider:weight=inf", "finite"),
    ],
)
def test_bad_spec_is_refused_in_one_line(text, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_a_value_that_could_not_be_read_back_is_refused():
    with pytest.raises(ValueError, match="cannot be typed on one line"):
        RewardSpec("pacspp", (("checkpoint", "a, \"b\", 'c'"),))
    spec = RewardSpec("pacspp", (("checkpoint", "a, b"),))
    assert str(spec) == 'pacspp:checkpoint="a, b"' and parse(str(spec)) == spec
    with pytest.raises(ValueError, match="finite"):
        RewardSpec("pacspp", (), math.nan)
