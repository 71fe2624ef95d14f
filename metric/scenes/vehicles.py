"""How each vehicle looks: functions that draw it with a pen into the unit square, bound to the right."""

from __future__ import annotations

from math import cos, pi, sin

from metric.scenes.pen import CREAM, INK, STEEL, TYRE, WOOD, Pen


def wheel(pen: Pen, x: float, y: float, r: float) -> None:
    pen.oval(x, y, r, r, fill=TYRE)
    pen.oval(x, y, 0.5 * r, 0.5 * r, fill=STEEL)


def car(pen: Pen) -> None:
    pen.shape((0.2, 0.56), (0.32, 0.32), (0.64, 0.32), (0.8, 0.56))
    pen.shape((0.27, 0.55), (0.35, 0.38), (0.46, 0.38), (0.46, 0.55), fill=pen.glass)
    pen.shape((0.52, 0.38), (0.61, 0.38), (0.72, 0.55), (0.52, 0.55), fill=pen.glass)
    pen.blob((0.02, 0.58), (0.2, 0.54), (0.78, 0.54), (0.96, 0.6), (0.99, 0.8), (0.5, 0.83), (0.02, 0.81))
    pen.oval(0.93, 0.66, 0.045, 0.045, fill=(255, 240, 170))
    pen.line((0.49, 0.56), (0.49, 0.8))
    wheel(pen, 0.24, 0.82, 0.14)
    wheel(pen, 0.75, 0.82, 0.14)


def bus(pen: Pen) -> None:
    pen.shape((0.0, 0.22), (0.04, 0.16), (0.94, 0.16), (1.0, 0.24), (1.0, 0.84), (0.0, 0.84))
    for x in (0.05, 0.24, 0.43, 0.62):
        pen.box(x, 0.26, x + 0.16, 0.48, fill=pen.glass)
    pen.box(0.83, 0.26, 0.96, 0.82, fill=pen.glass)
    pen.box(0.0, 0.56, 0.8, 0.64, fill=pen.shade, line=False)
    wheel(pen, 0.22, 0.86, 0.12)
    wheel(pen, 0.66, 0.86, 0.12)


def boat(pen: Pen) -> None:
    pen.box(0.46, 0.02, 0.51, 0.7, fill=WOOD)
    pen.shape((0.54, 0.05), (0.54, 0.6), (0.94, 0.6))
    pen.shape((0.42, 0.14), (0.42, 0.6), (0.12, 0.6), fill=CREAM)
    pen.shape((0.02, 0.67), (0.99, 0.67), (0.84, 0.95), (0.18, 0.95))
    pen.line((0.08, 0.76), (0.94, 0.76), fill=pen.shade, width=0.05)


def plane(pen: Pen) -> None:
    pen.shape((0.48, 0.48), (0.34, 0.2), (0.44, 0.2), (0.66, 0.46), fill=pen.shade)
    pen.shape((0.02, 0.24), (0.14, 0.24), (0.28, 0.48), (0.08, 0.5))
    pen.blob(
        (0.04, 0.47),
        (0.3, 0.42),
        (0.74, 0.42),
        (0.92, 0.48),
        (0.99, 0.57),
        (0.9, 0.64),
        (0.6, 0.67),
        (0.24, 0.62),
    )
    pen.shape((0.8, 0.44), (0.9, 0.47), (0.94, 0.52), (0.81, 0.52), fill=pen.glass)
    for x in (0.36, 0.48, 0.6, 0.71):
        pen.oval(x, 0.49, 0.032, 0.035, fill=pen.glass)
    pen.shape((0.42, 0.57), (0.66, 0.57), (0.36, 0.92), (0.24, 0.92), fill=pen.shade)
    pen.shape((0.06, 0.5), (0.2, 0.5), (0.1, 0.64), (0.02, 0.64), fill=pen.shade)


def bicycle(pen: Pen) -> None:
    for x in (0.22, 0.78):
        for k in range(3):
            dx, dy = 0.2 * cos(k * pi / 3), 0.2 * sin(k * pi / 3)
            pen.line((x - dx, 0.76 - dy), (x + dx, 0.76 + dy), fill=STEEL)
        ring = [(x + 0.2 * cos(k * pi / 6), 0.76 + 0.2 * sin(k * pi / 6)) for k in range(13)]
        pen.line(*ring, fill=TYRE, width=0.05)
    for path in (((0.22, 0.76), (0.36, 0.46), (0.7, 0.44)), ((0.22, 0.76), (0.47, 0.76), (0.36, 0.46))):
        pen.tube(*(p for end in path for p in (end, end)), width=0.07)
    for start, end in (
        ((0.47, 0.76), (0.7, 0.44)),
        ((0.66, 0.28), (0.78, 0.76)),
        ((0.36, 0.46), (0.33, 0.34)),
    ):
        pen.tube(start, end, width=0.07)
    pen.blob((0.2, 0.31), (0.34, 0.28), (0.44, 0.31), (0.34, 0.37), fill=INK)
    pen.curve((0.66, 0.28), (0.74, 0.22), (0.84, 0.28), width=0.05)
    pen.oval(0.47, 0.76, 0.05, 0.05, fill=STEEL)


def rocket(pen: Pen) -> None:
    if pen.state == "moving":
        pen.blob((0.38, 0.8), (0.3, 0.9), (0.5, 1.0), (0.7, 0.9), (0.62, 0.8), fill=(255, 150, 40))
    for side in (-1, 1):
        pen.shape(
            (0.5 + side * 0.15, 0.5),
            (0.5 + side * 0.36, 0.72),
            (0.5 + side * 0.36, 0.92),
            (0.5 + side * 0.13, 0.8),
            fill=pen.shade,
        )
    pen.blob((0.5, 0.0), (0.66, 0.2), (0.7, 0.5), (0.64, 0.82), (0.36, 0.82), (0.3, 0.5), (0.34, 0.2))
    pen.blob((0.5, 0.0), (0.6, 0.12), (0.62, 0.22), (0.38, 0.22), (0.4, 0.12), fill=pen.shade)
    pen.oval(0.5, 0.4, 0.11, 0.11, fill=STEEL)
    pen.oval(0.5, 0.4, 0.075, 0.075, fill=pen.glass)
    pen.box(0.38, 0.8, 0.62, 0.87, fill=TYRE)
