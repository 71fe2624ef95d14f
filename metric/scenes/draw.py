"""A scene as a picture: things in cells that never overlap, before the background of the setting."""

from __future__ import annotations

import random
from dataclasses import replace
from math import cos, pi, sin

from PIL import Image, ImageDraw

from metric.scenes.backgrounds import BACKGROUNDS
from metric.scenes.pen import INK, WHITE, Pen, Point, mix
from metric.scenes.shapes import SHAPES
from metric.scenes.world import Scene, Thing

FINER = 2  # drawn this many times too large, then scaled down: soft edges
PAINT = {
    "red": (222, 38, 38),
    "orange": (248, 136, 18),
    "yellow": (250, 222, 40),
    "green": (40, 166, 62),
    "blue": (40, 92, 226),
    "purple": (150, 56, 190),
    "black": (52, 50, 58),
    "white": (250, 250, 250),
}
SHADE = {"yellow": (226, 170, 24), "black": (104, 102, 114), "white": (206, 210, 220)}  # others are darkened
SIDE = {"large": 0.54, "small": 0.36}  # of one object's cell; the picture is 1
CROWD = {1: 1.0, 2: 0.88, 3: 0.76}  # copies are smaller
MARGIN = 0.015

Box = tuple[float, float, float, float]  # left, upper, right, lower


def draw(scene: Scene, size: int = 96) -> Image.Image:
    """The picture of the scene, `size` pixels wide and high. Equal scenes give equal bytes."""
    rng = random.Random(scene.look)
    image = Image.new("RGB", (size * FINER, size * FINER))
    stroke = max(1, round(size * FINER / 96))
    page = Pen(ImageDraw.Draw(image), 0, 0, size * FINER, stroke)
    BACKGROUNDS[scene.setting](page, rng)
    for thing, cells in zip(scene.things, layout(scene, rng), strict=True):
        draw_thing(page, thing, cells, rng)
    return image.reduce(FINER)


def layout(scene: Scene, rng: random.Random) -> list[list[Box]]:
    """The square cells of the copies of each thing."""
    return layout_pair(scene, rng) if scene.relation else [layout_one(scene, rng)]


def layout_one(scene: Scene, rng: random.Random) -> list[Box]:
    """The places of the copies: one; two on a slant; two below and one above, on the side of the thing."""
    (thing,) = scene.things
    across = {"left": 0.0, "middle": 0.5, "right": 1.0}[scene.position]
    heap: list[Point] = [(across, 0), (0, 1), (1, 1)]
    slant: list[Point] = [(0.4 * across, 0), (0.4 - 0.4 * across, 1)]  # two in a row would fill the width
    places = {1: [(0.0, 0.0)], 2: slant, 3: heap}[thing.count]
    return cells(thing, (MARGIN, 0.12, 1 - MARGIN, 1 - MARGIN), places, (0.9 * across + 0.05, 0.75), rng)


def layout_pair(scene: Scene, rng: random.Random) -> list[list[Box]]:
    """The cells of two things that share the picture. Copies stand along the cut. A large thing has more room."""
    beside = scene.relation in ("left", "right")
    order = (0, 1) if scene.relation in ("left", "above") else (1, 0)  # from the left or from above
    first, second = (scene.things[index] for index in order)
    cut = 0.5 + 0.06 * ((first.size == "large") - (second.size == "large"))
    halves = []
    for thing, low, high in ((first, MARGIN, cut - MARGIN / 2), (second, cut + MARGIN / 2, 1 - MARGIN)):
        region = (low, MARGIN, high, 1 - MARGIN) if beside else (MARGIN, low, 1 - MARGIN, high)
        places: list[Point] = [(0, k) if beside else (k, 0) for k in range(thing.count)]
        halves.append(cells(thing, region, places, (0.5, 0.65 if beside else 0.5), rng))
    return [halves[index] for index in order]


def cells(thing: Thing, region: Box, places: list[Point], lean: Point, rng: random.Random) -> list[Box]:
    """A cell for each place (column, row) of a cluster. `lean` is the share of the free room before the cluster."""
    columns, rows = max(x for x, _ in places) + 1, max(y for _, y in places) + 1
    left, upper, right, lower = region
    side = SIDE[thing.size] * CROWD[thing.count] * rng.uniform(0.94, 1.0)
    side = min(side, (right - left) / columns, (lower - upper) / rows)
    across, down = (min(1.0, max(0.0, share + rng.uniform(-0.15, 0.15))) for share in lean)
    left += across * (right - left - columns * side)
    upper += down * (lower - upper - rows * side)
    return [(left + x * side, upper + y * side, left + (x + 1) * side, upper + (y + 1) * side) for x, y in places]


def draw_thing(page: Pen, thing: Thing, cells: list[Box], rng: random.Random) -> None:
    """Draw all copies of the thing in one tint, looking the same way."""
    tint = rng.uniform(0.0, 0.1), rng.choice((INK, WHITE))
    colour = mix(PAINT[thing.colour], tint[1], tint[0])
    shade = mix(SHADE.get(thing.colour, mix(PAINT[thing.colour], INK, 0.3)), tint[1], tint[0])
    flip = rng.random() < 0.5
    for left, upper, right, _ in cells:
        pad = 0.02 * (right - left)
        pen = replace(page, x=(left + pad) * page.side, y=(upper + pad) * page.side)
        pen = replace(pen, side=(right - left - 2 * pad) * page.side, colour=colour, shade=shade, flip=flip)
        draw_object(replace(pen, state=thing.state), thing.kind)


def draw_object(pen: Pen, kind: str) -> None:
    """Draw one object into the square of the pen, with the signs of its state."""
    state = "rising" if (kind, pen.state) == ("rocket", "moving") else pen.state
    signs, (x, y, side) = STATES[state]
    signs(pen)
    x = 1 - x - side if pen.flip else x
    SHAPES[kind](replace(pen, x=pen.x + x * pen.side, y=pen.y + y * pen.side, side=side * pen.side))


def idle(pen: Pen) -> None:
    """The sign of a state that shows nothing."""


def sleeping(pen: Pen) -> None:
    """The sign of sleep: letters Z that rise from the object, upright in both directions of the object."""
    for x, y, r in ((0.74, 0.2, 0.065), (0.9, 0.1, 0.09)):
        ((x, y),) = pen.at([(x, y)])
        upright = replace(pen, x=x, y=y, side=r * pen.side, flip=False)
        letter = (-1, -1), (1, -1), (-1, 1), (1, 1)
        upright.canvas.line(upright.at(letter), WHITE, 4 * pen.stroke)
        upright.canvas.line(upright.at(letter), (40, 50, 130), 2 * pen.stroke)


def jumping(pen: Pen) -> None:
    """The sign of a jump: a shadow on the ground and lines that lead up."""
    pen.oval(0.5, 0.95, 0.3, 0.045, fill=(92, 90, 96), line=False)
    for x in (0.3, 0.5, 0.7):
        pen.curve((x - 0.09, 0.87), (x, 0.8), (x + 0.09, 0.87), fill=INK, width=0.025)


def moving(pen: Pen) -> None:
    """The sign of running: lines behind the object."""
    for y, x in ((0.42, 0.04), (0.58, 0.0), (0.74, 0.06)):
        pen.line((x, y), (0.26, y), fill=WHITE, width=0.08)
        pen.line((x, y), (0.26, y), fill=INK, width=0.045)


def rising(pen: Pen) -> None:
    """The sign of flying: lines below the object."""
    for x, y in ((0.26, 0.94), (0.5, 0.99), (0.74, 0.94)):
        pen.line((x, y), (x, 0.72), fill=WHITE, width=0.08)
        pen.line((x, y), (x, 0.72), fill=INK, width=0.045)


def glowing(pen: Pen) -> None:
    """The sign of a light: a halo and rays."""
    for k in range(12):
        x, y = cos(k * pi / 6), sin(k * pi / 6)
        pen.line((0.5 + 0.3 * x, 0.5 + 0.3 * y), (0.5 + 0.49 * x, 0.5 + 0.49 * y), fill=(255, 206, 40), width=0.04)
    pen.oval(0.5, 0.5, 0.43, 0.43, fill=(255, 240, 150), line=False)


# The signs of a state, and the place (left, upper, side) in the unit square that they leave to the object.
STATES = {
    "": (idle, (0.0, 0.0, 1.0)),
    "sleeping": (sleeping, (0.0, 0.18, 0.82)),
    "jumping": (jumping, (0.1, 0.0, 0.78)),
    "moving": (moving, (0.22, 0.1, 0.78)),
    "rising": (rising, (0.12, 0.0, 0.76)),
    "glowing": (glowing, (0.17, 0.17, 0.66)),
}
