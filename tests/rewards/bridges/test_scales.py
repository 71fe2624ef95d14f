"""Scales of a total: ranges by hand, and against values that rewards really have."""

from __future__ import annotations

import pytest

from rewards.bridges.scales import RANGES, SIMILARITIES, range_of, range_of_mix, read_scale
from rewards.registry import MODULES
from rewards.spec import parse

WITHOUT_RANGE = {"repetition", "length", "lm", "retrieval"}  # two counts, two logarithms


def test_every_built_in_reward_has_a_range_or_none_by_its_nature():
    with_references = {f"ref{name}" for name in SIMILARITIES}
    assert RANGES.keys() | SIMILARITIES.keys() | with_references | WITHOUT_RANGE == MODULES.keys()


@pytest.mark.parametrize(
    ("spec", "ends"),
    [
        ("clips", (0, 2.5)),
        ("refclips", (0, 5 / 3.5)),  # 2 w / (w + 1)
        ("pacspp:w=3", (0, 3)),
        ("refpacspp_hard:checkpoint=x", (0, 4 / 3)),
        ("cider", (0, 10)),
        ("bad_endings", (-1, 0)),
        ("repetition:rate=true", (-1, 0)),
    ],
)
def test_range_of_a_reward(spec, ends):
    assert range_of(parse(spec)) == pytest.approx(ends)


def test_range_of_a_mix_is_that_of_the_weighted_sum():
    specs = [parse("clips:weight=2"), parse("bad_endings:weight=0.5"), parse("rouge_l:weight=-1")]
    assert range_of_mix(specs) == pytest.approx((0 - 0.5 - 1, 5 + 0 + 0))


def test_scales_are_linear_maps():
    specs = [parse("clips")]
    raw, unit, mine, standard = (
        read_scale(text, specs) for text in ("raw", "unit", "unit:least=-4,most=0", "standard:mean=1,spread=0.5")
    )
    assert [raw(0.7), unit(1.25), unit(2.5), standard(2.0), standard(0.0)] == [0.7, 0.5, 1.0, 2.0, -2.0]
    assert [mine(-5.0), mine(-1.0), mine(1.0)] == [0.0, 0.75, 1.0]


@pytest.mark.parametrize(
    "text",
    ["z", "raw:mean=1", "unit:least=1", "unit:least=1,most=1", "standard", "standard:mean=1,spread=0", "unit:least=a"],
)
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(ValueError, match="scale"):
        read_scale(text, [parse("clips")])


@pytest.mark.parametrize("spec", [*sorted(WITHOUT_RANGE), "repetition:rate=no", "mine"])
def test_a_reward_without_a_range_has_no_unit_scale(spec):
    with pytest.raises(ValueError, match="unit:least=A,most=B"):
        read_scale("unit", [parse(spec)])
