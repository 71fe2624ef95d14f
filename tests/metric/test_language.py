"""Captions that are not English are told where a tool is made for English, and English ones never are."""

from __future__ import annotations

import pytest

from metric.language import foreign, language_fact

ENGLISH = ["a dog runs on the grass", "two boats near a pier", "red ball", "people walking down a street"]


@pytest.mark.parametrize(
    "caption",
    [
        "一只狗在草地上跑",
        "ein Hund rennt über die Wiese",
        "un chien court dans l'herbe verte",
        "собака бежит по траве",
        "كلب يجري على العشب",
    ],
)
def test_other_languages_are_found(caption):
    assert foreign(caption)


def test_english_is_not_taken_for_another_language():
    assert not any(map(foreign, ENGLISH))
    assert language_fact(ENGLISH, ["spice"]) == ""


def test_fact_counts_and_names_the_scores_and_is_silent_for_scores_of_any_language():
    german = ["ein Hund rennt über die Wiese", "zwei Boote liegen am Ufer"]
    assert language_fact(german, ["spice", "length"]).startswith(
        "2 of 2 captions seem not to be English, for which spice"
    )
    assert language_fact(german, ["length", "clip_s"]) == ""
