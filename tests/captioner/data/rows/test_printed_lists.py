"""Lists in the cells of tables, as pandas, numpy and JSON print them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captioner.data.columns import texts

CAPTIONS = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), min_size=1, max_size=4)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("['a dog', \"it's a dog\"]", ("a dog", "it's a dog")),
        ("['a dog' 'a brown dog'\n 'dogs']", ("a dog", "a brown dog", "dogs")),  # numpy writes no commas
        ("array(['a dog', 'dogs'], dtype=object)", ("a dog", "dogs")),
        ("('a dog', 'dogs')", ("a dog", "dogs")),
        ("[None, 'a dog']", ("", "a dog")),
        ("[]", ()),
        ("[a list of nothing", ("[a list of nothing",)),
        ("('a dog') runs", ("('a dog') runs",)),
        ("a dog, ['x']", ("a dog, ['x']",)),
        ("[1]", ("[1]",)),
    ],
)
def test_a_printed_list_is_its_captions_and_other_text_is_a_caption(text, expected):
    assert texts(text, "here") == expected


@pytest.mark.parametrize("text", ["['a dog' ... 'dogs']", "['a dog', 'cut", "['it's', 'dogs']", "['a', 7]"])
def test_a_list_that_is_not_whole_is_refused_with_its_place(text):
    with pytest.raises(ValueError, match="table.csv: row 2: the list of captions is not whole"):
        texts(text, "table.csv: row 2")


@settings(max_examples=60)
@given(CAPTIONS)
def test_lists_of_any_text_come_back_from_every_printer(captions):
    expected = tuple(captions)
    assert texts(repr(captions), "here") == texts(json.dumps(captions), "here") == expected
    if all(captions):
        with np.printoptions(threshold=10**6, linewidth=10**6):
            assert texts(str(np.array(captions, dtype=object)), "here") == expected


def test_null_is_a_blank_caption_and_a_number_is_refused():
    assert texts(["a dog", None, {"raw": "dogs"}, {"caption": "a cat"}, float("nan")], "here") == (
        *("a dog", "", "dogs", "a cat"),
        "",
    )
    for value in 7, [["a dog"]], {"said": "a dog"}:
        with pytest.raises(ValueError, match="here: expected a caption or a list of captions"):
            texts(value, "here")
