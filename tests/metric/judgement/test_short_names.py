"""Names of columns stay apart, and say no more than what tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.judgement.short_names import short_names

VALUES = st.sampled_from(["", "runs/a", "runs/b", "other/a", "0.5", "a,b", "/", "runs/a/"])
SPECS = st.builds(
    lambda head, checkpoint, w: (
        head
        + ":" * bool(checkpoint or w)
        + ",".join(f'{option}="{value}"' for option, value in (("checkpoint", checkpoint), ("w", w)) if value)
    ),
    st.sampled_from(["pac_spp", "clip_s", "reward:pacspp"]),
    VALUES,
    VALUES,
)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["cider", "pac_spp"], ["cider", "pac_spp"]),
        (["m:c=runs/hard,scale=0.4", "m:c=runs/hard,scale=0.6"], ["m:scale=0.4", "m:scale=0.6"]),
        (["m:c=/x/a-0/clip", "m:c=/x/a-1/clip"], ["m:c=a-0/clip", "m:c=a-1/clip"]),
        (["m", "m:w=2", "m:w=3"], ["m", "m:w=2", "m:w=3"]),
        (["m:c=runs/a,w=2", "n:c=runs/a,w=2"], ["m:c=a,w=2", "n:c=a,w=2"]),
        (["m:c=runs/a", "reward:m:c=runs/a"], ["m:c=a", "reward:m:c=a"]),
    ],
)
def test_a_short_name_has_the_options_that_differ(names, short):
    assert short_names(names) == dict(zip(names, short))


@given(st.lists(SPECS, unique=True, min_size=1, max_size=6))
def test_short_names_stay_apart(names):
    short = short_names(names)
    assert list(short) == names and len(set(short.values())) == len(names)
    assert all(len(text) <= len(name) + 2 for name, text in short.items())
