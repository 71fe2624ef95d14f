"""A curve as lines of braille. A character holds 2 x 4 dots.

Axes: p points, w characters of a line, h lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # bit of a dot, row by column
BLANK = 0x2800

Points = Sequence[tuple[float, float]]


def drawn(points: Points, w: int, h: int) -> list[str]:
    """The curve through p points (x, y) with rising x, as h lines of w characters.

    It fills the height from its least to its greatest y. A flat curve lies in the middle. Neighbouring dots are joined.

    >>> drawn([(0, 0.0), (1, 1.0)], w=2, h=1)
    ['⡠⠊']
    """
    rows = heights(points, 2 * w, 4 * h)
    grid = np.zeros((4 * h, 2 * w), dtype=bool)
    for column, row in enumerate(rows):
        before = rows[column - 1] if column else row
        grid[min(row, before + 1) : max(row, before - 1) + 1, column] = True
    cells = grid.reshape(h, 4, w, 2)
    codes = BLANK + np.einsum("hrwc,rc->hw", cells, DOTS)
    return ["".join(map(chr, line)) for line in codes]


def heights(points: Points, columns: int, rows: int) -> np.ndarray:
    """The row of the curve in each column of dots, counted from the top."""
    x, y = np.array(points, dtype=float).T
    at = np.interp(np.linspace(x[0], x[-1], columns), x, y)
    low, high = y.min(), y.max()
    share = (at - low) / (high - low) if high > low else np.full(columns, 0.5)
    return np.rint((1 - share) * (rows - 1)).astype(int)
