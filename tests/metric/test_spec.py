from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metric.spec import quoted, split_spec, split_specs


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1).filter(lambda text: text.strip()))
def test_any_value_can_be_typed_unless_it_has_both_kinds_of_marks(value):
    if not ("'" in value and '"' in value) and not value.startswith("~"):
        assert split_spec(f"csv:file={quoted(value)},images=b") == ("csv", {"file": value, "images": "b"})


def test_commas_in_marks_and_in_braces_do_not_part_a_value():
    assert split_spec("""a:b="c, d=e",f='g,h'""") == ("a", {"b": "c, d=e", "f": "g,h"})
    assert split_spec("webdataset:shards=a-{0,1}.tar,references=b")[1] == {"shards": "a-{0,1}.tar", "references": "b"}
    assert split_specs('cider,pac_spp:checkpoint="a,b",w=2,length') == [
        "cider",
        'pac_spp:checkpoint="a,b",w=2',
        "length",
    ]
    assert split_spec("""csv:file=the dog's,images=b""")[1] == {"file": "the dog's", "images": "b"}


def test_home_folder_is_known_in_every_value(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert split_spec("csv:file=~/ok.csv,images=~")[1] == {"file": "/home/me/ok.csv", "images": "/home/me"}


def test_a_comma_without_marks_is_told_with_what_to_type():
    with pytest.raises(ValueError, match="got 'b.csv' where option=value was expected.*in quotation marks"):
        split_spec("csv:file=a,b.csv")
