"""The settings, drawn pale so that things stand out. Each is a function of a pen over the picture and a generator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from metric.scenes.pen import Colour, Pen, Point


def ground(pen: Pen, sky: Colour, earth: Colour, horizon: float) -> None:
    pen.box(0, 0, 1, horizon, fill=sky, line=False)
    pen.box(0, horizon, 1, 1, fill=earth, line=False)


def hills(pen: Pen, fill: Colour, *points: Point) -> None:
    """The polygon between a curve from side to side and the lower edge."""
    pen.blob((-0.3, 1.4), (-0.2, points[0][1]), *points, (1.2, points[-1][1]), (1.3, 1.4), fill=fill, line=False)


def cloud(pen: Pen, x: float, y: float, fill: Colour) -> None:
    for dx, r in ((-0.08, 0.04), (0.0, 0.06), (0.08, 0.045)):
        pen.oval(x + dx, y, r + 0.03, r, fill=fill, line=False)


def beach(pen: Pen, rng: Random) -> None:
    ground(pen, (200, 226, 240), (238, 224, 182), 0.36)
    pen.oval(rng.uniform(0.15, 0.85), 0.14, 0.1, 0.1, fill=(252, 236, 160), line=False)
    pen.box(0, 0.36, 1, 0.56, fill=(140, 190, 214), line=False)
    for _ in range(5):
        x, y = rng.uniform(0, 0.9), rng.uniform(0.39, 0.52)
        pen.line((x, y), (x + 0.12, y), fill=(180, 214, 230), width=0.01)
    hills(pen, (232, 242, 242), (0.0, 0.56), (0.3, 0.53), (0.6, 0.57), (1.0, 0.54))
    hills(pen, (238, 224, 182), (0.0, 0.6), (0.3, 0.56), (0.6, 0.6), (1.0, 0.57))


def meadow(pen: Pen, rng: Random) -> None:
    ground(pen, (208, 230, 243), (184, 213, 150), 0.5)
    cloud(pen, rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.22), (232, 240, 246))
    hills(pen, (196, 221, 164), (0.0, 0.44), (0.3, 0.38), (0.6, 0.46), (1.0, 0.4))
    hills(pen, (180, 210, 146), (0.0, 0.6), (0.4, 0.56), (0.7, 0.62), (1.0, 0.58))
    for _ in range(12):
        x, y = rng.uniform(0, 1), rng.uniform(0.62, 0.98)
        pen.line((x - 0.02, y - 0.05), (x, y), (x, y - 0.06), (x, y), (x + 0.02, y - 0.05), fill=(150, 188, 118))


def snow(pen: Pen, rng: Random) -> None:
    ground(pen, (190, 202, 218), (236, 240, 246), 0.6)
    hills(pen, (222, 229, 238), (0.0, 0.5), (0.25, 0.56), (0.7, 0.44), (1.0, 0.5))
    hills(pen, (238, 242, 248), (0.0, 0.64), (0.4, 0.6), (0.7, 0.68), (1.0, 0.62))
    for _ in range(28):
        x, y, r = rng.uniform(0, 1), rng.uniform(0, 0.98), rng.uniform(0.008, 0.018)
        pen.oval(x, y, r, r, fill=(252, 253, 255) if y < 0.56 else (214, 222, 234), line=False)


def desert(pen: Pen, rng: Random) -> None:
    ground(pen, (246, 228, 200), (230, 198, 148), 0.5)
    hills(pen, (238, 208, 162), (0.0, 0.5), (0.3, 0.4), (0.65, 0.52), (1.0, 0.46))
    x, green = rng.choice((0.12, 0.86)), (158, 180, 134)
    pen.box(x - 0.03, 0.2, x + 0.03, 0.66, fill=green, line=False)
    pen.box(x - 0.1, 0.42, x, 0.46, fill=green, line=False)
    pen.box(x - 0.1, 0.32, x - 0.06, 0.46, fill=green, line=False)
    pen.box(x, 0.36, x + 0.1, 0.4, fill=green, line=False)
    pen.box(x + 0.06, 0.26, x + 0.1, 0.4, fill=green, line=False)
    hills(pen, (228, 194, 142), (0.0, 0.62), (0.35, 0.7), (0.7, 0.58), (1.0, 0.66))
    hills(pen, (220, 184, 132), (0.0, 0.84), (0.3, 0.78), (0.65, 0.9), (1.0, 0.8))


def city(pen: Pen, rng: Random) -> None:
    ground(pen, (214, 216, 222), (172, 172, 176), 0.72)
    for k in range(6):
        x, top = k / 6 + 0.005, rng.uniform(0.12, 0.42)
        pen.box(x, top, x + 0.155, 0.72, fill=(182, 186, 196) if k % 2 else (192, 194, 202), line=False)
        for row in range(int((0.68 - top) / 0.1)):
            for dx in (0.03, 0.095):
                y = top + 0.04 + 0.1 * row
                pen.box(x + dx, y, x + dx + 0.03, y + 0.045, fill=(224, 222, 204), line=False)
    pen.box(0, 0.72, 1, 0.76, fill=(200, 200, 202), line=False)
    for x in (0.02, 0.3, 0.58, 0.86):
        pen.box(x, 0.87, x + 0.14, 0.89, fill=(226, 224, 214), line=False)


def room(pen: Pen, rng: Random) -> None:
    ground(pen, (230, 216, 208), (206, 178, 150), 0.7)
    for k in range(8):
        pen.box(k / 8, 0, k / 8 + 0.05, 0.68, fill=(224, 208, 200), line=False)
    pen.box(0, 0.67, 1, 0.71, fill=(240, 232, 226), line=False)
    x, frame = rng.choice((0.08, 0.58)), (246, 242, 236)
    pen.box(x, 0.08, x + 0.34, 0.48, fill=frame, line=False)
    for dx in (0.03, 0.185):
        for y in (0.11, 0.295):
            pen.box(x + dx, y, x + dx + 0.125, y + 0.155, fill=(196, 220, 234), line=False)
    for k in range(7):
        pen.line((0.5 + (k - 3) * 0.17, 0.71), (0.5 + (k - 3) * 0.3, 1), fill=(188, 160, 132))


def forest(pen: Pen, rng: Random) -> None:
    ground(pen, (178, 196, 166), (160, 168, 128), 0.72)
    for k in range(6):
        x, width = k / 6 + rng.uniform(0.03, 0.12), rng.uniform(0.025, 0.045)
        foot = 0.76 + 0.06 * (k % 2)
        pen.shape(
            (x - width, 0),
            (x + width, 0),
            (x + 1.4 * width, foot),
            (x - 1.4 * width, foot),
            fill=(134, 116, 98),
            line=False,
        )
    for k in range(7):
        y, r = rng.uniform(0.0, 0.1), rng.uniform(0.11, 0.15)
        pen.oval(k / 6, y, r, r, fill=(128, 156, 116) if k % 2 else (140, 166, 126), line=False)


def mountains(pen: Pen, rng: Random) -> None:
    ground(pen, (206, 222, 240), (184, 192, 176), 0.7)
    for x, top, half, grey in ((0.5, 0.16, 0.4, 184), (0.1, 0.26, 0.36, 168), (0.88, 0.22, 0.38, 172)):
        x, top = x + rng.uniform(-0.05, 0.05), top + rng.uniform(-0.04, 0.04)
        pen.shape((x, top), (x + half, 0.74), (x - half, 0.74), fill=(grey, grey + 4, grey + 18), line=False)
        cap = [
            (x, top),
            (x + 0.3 * half, top + 0.16),
            (x + 0.1 * half, top + 0.12),
            (x - 0.06 * half, top + 0.17),
        ]
        pen.shape(*cap, (x - 0.2 * half, top + 0.11), fill=(240, 244, 250), line=False)
    hills(pen, (186, 198, 176), (0.0, 0.74), (0.3, 0.7), (0.7, 0.76), (1.0, 0.7))


BACKGROUNDS: dict[str, Callable[[Pen, Random], None]] = {
    "beach": beach,
    "meadow": meadow,
    "snow": snow,
    "desert": desert,
    "city": city,
    "room": room,
    "forest": forest,
    "mountains": mountains,
}
