"""A pen that draws outlined figures, given in unit coordinates (y points down), into a square of a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]
Paint = Colour | None  # None: the colour of the pen

INK: Colour = (38, 34, 44)
WHITE: Colour = (252, 252, 252)
CREAM: Colour = (250, 244, 224)
PINK: Colour = (240, 150, 165)
STEEL: Colour = (176, 180, 190)
TYRE: Colour = (62, 62, 70)
WOOD: Colour = (150, 105, 65)
STEPS = (0.25, 0.5, 0.75, 1.0)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """A colour with a `share`, 0 to 1, of another colour in it."""
    red, green, blue = (round(a + share * (b - a)) for a, b in zip(one, other, strict=True))
    return red, green, blue


@lru_cache(maxsize=512)
def smooth(points: tuple[Point, ...], closed: bool) -> tuple[Point, ...]:
    """A Catmull-Rom curve through the points, four pieces between any two of them."""
    ring = (points[-1], *points, *points[:2]) if closed else (points[0], *points, points[-1])
    curve = [] if closed else [points[0]]
    for a, b, c, d in zip(ring, ring[1:], ring[2:], ring[3:], strict=False):
        curve += [(blend(a[0], b[0], c[0], d[0], t), blend(a[1], b[1], c[1], d[1], t)) for t in STEPS]
    return tuple(curve)


def blend(a: float, b: float, c: float, d: float, t: float) -> float:
    """The cubic between b and c whose slopes there are those of a-c and b-d."""
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


@dataclass(frozen=True)
class Pen:
    """A pen whose figures are filled with `colour` by default. `flip` mirrors figures left to right."""

    canvas: ImageDraw.ImageDraw
    x: float
    y: float
    side: float
    stroke: int = 2  # pixels of the canvas
    colour: Colour = WHITE
    shade: Colour = WHITE
    flip: bool = False
    state: str = ""

    def at(self, points: Sequence[Point]) -> list[Point]:
        """Points of the unit square as pixels of the canvas."""
        x, y, side = (self.x + self.side, self.y, -self.side) if self.flip else (self.x, self.y, self.side)
        return [(x + side * u, y + self.side * v) for u, v in points]

    def frame(self, x: float, y: float, rx: float, ry: float) -> list[Point]:
        """The corners, upper left and lower right, of the box around a centre."""
        ((x, y),) = self.at([(x, y)])
        rx, ry = rx * self.side, ry * self.side
        return [(x - rx, y - ry), (x + rx, y + ry)]

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Paint = None, line: bool = True) -> None:
        """An ellipse around (x, y) with half axes rx and ry."""
        outline = INK if line else None
        self.canvas.ellipse(self.frame(x, y, rx, ry), fill or self.colour, outline, self.stroke if line else 0)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Paint = None, line: bool = True) -> None:
        """A rectangle from the upper left (x0, y0) to the lower right (x1, y1)."""
        corners = self.frame((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)
        self.canvas.rectangle(corners, fill or self.colour, INK if line else None, self.stroke if line else 0)

    def shape(self, *points: Point, fill: Paint = None, line: bool = True) -> None:
        """A polygon."""
        corners = self.at(points)
        self.canvas.polygon(corners, fill or self.colour)
        if line:
            self.canvas.line([*corners, corners[0]], INK, self.stroke)

    def blob(self, *points: Point, fill: Paint = None, line: bool = True) -> None:
        """A round closed figure through the points."""
        self.shape(*smooth(points, True), fill=fill, line=line)

    def line(self, *points: Point, fill: Colour = INK, width: float = 0.0) -> None:
        """`width` in units of the square, and never thinner than an outline."""
        self.canvas.line(self.at(points), fill, max(self.stroke, round(width * self.side)))

    def curve(self, *points: Point, fill: Colour = INK, width: float = 0.0) -> None:
        """An open curve through the points. `width` as in `line`."""
        self.line(*smooth(points, False), fill=fill, width=width)

    def tube(self, *points: Point, width: float, fill: Paint = None) -> None:
        """A thick curve with an outline and round ends."""
        path, inner = self.at(smooth(points, False)), max(1.0, width * self.side)
        for wide, colour in ((inner + 2 * self.stroke, INK), (inner, fill or self.colour)):
            self.canvas.line(path, colour, round(wide))
            for x, y in (path[0], path[-1], *path[1:-1:2]):
                self.canvas.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), colour)

    def eye(self, x: float, y: float, r: float = 0.05) -> None:
        """An eye: open, or closed for a sleeper."""
        if self.state == "sleeping":
            self.oval(x, y, r, r, fill=self.shade, line=False)
            self.curve((x - 1.3 * r, y), (x, y + 0.8 * r), (x + 1.3 * r, y), width=0.03)
        else:
            self.oval(x, y, r, r, fill=WHITE)
            self.oval(x + 0.3 * r, y, 0.55 * r, 0.55 * r, fill=INK, line=False)

    @property
    def glass(self) -> Colour:
        """The colour of windows: lit for a thing that glows."""
        return (255, 236, 90) if self.state == "glowing" else (188, 222, 240)
