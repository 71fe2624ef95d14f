"""Curves of braille, dot by dot."""

from __future__ import annotations

import pytest

from captioner.watching.braille import BLANK, drawn


def dots(lines: list[str]) -> set[tuple[int, int]]:
    """(row, column) of each dot, read off the code points by Unicode's numbering of dots 1 to 8."""
    places = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)]
    return {
        (4 * line + row, 2 * column + side)
        for line, text in enumerate(lines)
        for column, letter in enumerate(text)
        for bit, (row, side) in enumerate(places)
        if (ord(letter) - BLANK) >> bit & 1
    }


def test_a_straight_rise_is_a_diagonal_and_a_fall_its_mirror():
    assert dots(drawn([(0, 0.0), (3, 3.0)], 2, 1)) == {(3, 0), (2, 1), (1, 2), (0, 3)}
    assert dots(drawn([(0, 3.0), (3, 0.0)], 2, 1)) == {(0, 0), (1, 1), (2, 2), (3, 3)}


def test_a_jump_is_joined_without_a_gap():
    rise = dots(drawn([(0, 0.0), (1, 0.0), (2, 1.0), (3, 1.0)], 2, 2))
    assert rise == {(7, 0), (7, 1), *((row, 2) for row in range(7)), (0, 3)}
    assert dots(drawn([(0, 1.0), (1, 1.0), (2, 0.0), (3, 0.0)], 2, 2)) == {(7 - row, column) for row, column in rise}


@pytest.mark.parametrize("points", [[(5, 2.0)], [(0, 2.0), (9, 2.0)]])
def test_a_flat_curve_and_a_single_point_lie_in_the_middle(points):
    assert {row for row, _ in dots(drawn(points, 3, 1))} == {2}
    assert [len(line) for line in drawn(points, 3, 2)] == [3, 3]
