"""How each kind looks: functions that draw it with a pen into the unit square, standing on its lower side."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from metric.scenes import animals, vehicles
from metric.scenes.pen import CREAM, PINK, STEEL, TYRE, WHITE, WOOD, Pen

LEAF = (84, 150, 74)


def lamp(pen: Pen) -> None:
    pen.box(0.46, 0.45, 0.54, 0.9, fill=STEEL)
    pen.blob((0.24, 0.97), (0.3, 0.88), (0.7, 0.88), (0.76, 0.97), (0.5, 0.99), fill=TYRE)
    pen.oval(0.5, 0.55, 0.1, 0.11, fill=(255, 244, 150) if pen.state else CREAM)
    pen.shape((0.32, 0.04), (0.68, 0.04), (0.92, 0.54), (0.08, 0.54))
    pen.line((0.3, 0.1), (0.7, 0.1), fill=pen.shade, width=0.04)
    pen.line((0.12, 0.48), (0.88, 0.48), fill=pen.shade, width=0.05)
    pen.line((0.76, 0.54), (0.76, 0.68))


def house(pen: Pen) -> None:
    pen.box(0.68, 0.06, 0.8, 0.36, fill=WOOD)
    pen.box(0.12, 0.42, 0.88, 0.98)
    pen.shape((0.01, 0.46), (0.5, 0.02), (0.99, 0.46), fill=pen.shade)
    for x in (0.2, 0.6):
        pen.box(x, 0.54, x + 0.2, 0.72, fill=pen.glass)
        pen.line((x + 0.1, 0.54), (x + 0.1, 0.72))
    pen.oval(0.5, 0.3, 0.07, 0.07, fill=pen.glass)
    pen.box(0.42, 0.7, 0.58, 0.98, fill=WOOD)


def ball(pen: Pen) -> None:
    pen.oval(0.5, 0.54, 0.44, 0.44)
    pen.blob((0.5, 0.14), (0.62, 0.34), (0.62, 0.72), (0.5, 0.94), (0.4, 0.72), (0.4, 0.34), fill=CREAM)
    pen.curve((0.5, 0.12), (0.22, 0.36), (0.18, 0.64), (0.34, 0.92))
    pen.curve((0.5, 0.12), (0.78, 0.36), (0.82, 0.64), (0.66, 0.92))
    pen.oval(0.5, 0.15, 0.07, 0.05, fill=pen.shade)


def balloon(pen: Pen) -> None:
    pen.curve((0.5, 0.64), (0.44, 0.74), (0.56, 0.86), (0.47, 1.0), width=0.025)
    pen.shape((0.5, 0.58), (0.42, 0.68), (0.58, 0.68))
    pen.blob(
        (0.5, 0.62),
        (0.28, 0.48),
        (0.2, 0.26),
        (0.3, 0.07),
        (0.5, 0.01),
        (0.7, 0.07),
        (0.8, 0.26),
        (0.72, 0.48),
    )
    pen.blob((0.3, 0.28), (0.34, 0.14), (0.44, 0.09), (0.38, 0.2), fill=WHITE, line=False)


def kite(pen: Pen) -> None:
    pen.curve((0.5, 0.68), (0.42, 0.76), (0.3, 0.74), (0.22, 0.86), (0.08, 0.9), width=0.025)
    for x, y in ((0.38, 0.75), (0.22, 0.86), (0.07, 0.92)):
        pen.shape((x - 0.07, y - 0.06), (x + 0.07, y + 0.06), (x + 0.07, y - 0.06), (x - 0.07, y + 0.06), fill=PINK)
    pen.shape((0.62, 0.0), (0.98, 0.26), (0.48, 0.72), (0.2, 0.24))
    pen.shape((0.62, 0.0), (0.98, 0.26), (0.57, 0.25), fill=pen.shade)
    pen.shape((0.2, 0.24), (0.57, 0.25), (0.48, 0.72), fill=pen.shade)


def umbrella(pen: Pen) -> None:
    pen.line((0.5, 0.0), (0.5, 0.1), width=0.04)
    pen.tube((0.5, 0.4), (0.5, 0.86), (0.56, 0.95), (0.65, 0.95), (0.69, 0.86), width=0.045, fill=WOOD)
    pen.blob(
        (0.01, 0.52),
        (0.1, 0.24),
        (0.3, 0.09),
        (0.5, 0.06),
        (0.7, 0.09),
        (0.9, 0.24),
        (0.99, 0.52),
        (0.83, 0.44),
        (0.68, 0.52),
        (0.5, 0.44),
        (0.32, 0.52),
        (0.17, 0.44),
    )
    pen.blob((0.5, 0.06), (0.64, 0.26), (0.68, 0.51), (0.5, 0.44), (0.32, 0.51), (0.36, 0.26), fill=pen.shade)


def cup(pen: Pen) -> None:
    for x in (0.3, 0.5):
        pen.curve((x, 0.24), (x - 0.06, 0.16), (x + 0.04, 0.09), (x, 0.0), fill=STEEL, width=0.04)
    pen.tube((0.7, 0.46), (0.93, 0.46), (0.93, 0.72), (0.68, 0.78), width=0.08)
    pen.shape((0.08, 0.34), (0.74, 0.34), (0.68, 0.96), (0.14, 0.96))
    pen.line((0.13, 0.84), (0.7, 0.84), fill=pen.shade, width=0.05)
    pen.oval(0.41, 0.34, 0.33, 0.075, fill=CREAM)
    pen.oval(0.41, 0.36, 0.25, 0.045, fill=WOOD, line=False)


def chair(pen: Pen) -> None:
    for x in (0.3, 0.84):
        pen.box(x - 0.04, 0.6, x + 0.03, 0.86, fill=pen.shade)
    for x in (0.12, 0.68):
        pen.box(x, 0.62, x + 0.09, 0.99)
    pen.shape((0.12, 0.02), (0.28, 0.0), (0.32, 0.54), (0.12, 0.64))
    pen.shape((0.16, 0.1), (0.25, 0.08), (0.27, 0.38), (0.16, 0.42), fill=pen.shade)
    pen.shape((0.12, 0.66), (0.3, 0.5), (0.92, 0.5), (0.78, 0.66))
    pen.box(0.12, 0.64, 0.78, 0.72, fill=pen.shade)


def hat(pen: Pen) -> None:
    pen.oval(0.5, 0.8, 0.49, 0.13)
    pen.shape((0.24, 0.2), (0.76, 0.2), (0.72, 0.8), (0.5, 0.85), (0.28, 0.8))
    pen.shape((0.27, 0.6), (0.73, 0.6), (0.72, 0.78), (0.5, 0.84), (0.28, 0.78), fill=pen.shade)
    pen.oval(0.5, 0.2, 0.26, 0.07, fill=pen.shade)


def flower(pen: Pen) -> None:
    pen.tube((0.5, 0.4), (0.49, 0.99), width=0.05, fill=LEAF)
    for side in (-1, 1):
        pen.blob(
            (0.5, 0.94),
            (0.5 + side * 0.14, 0.76),
            (0.5 + side * 0.34, 0.7),
            (0.5 + side * 0.24, 0.88),
            fill=LEAF,
        )
    for k in range(6):
        pen.oval(0.5 + 0.2 * sin(k * pi / 3), 0.31 - 0.2 * cos(k * pi / 3), 0.125, 0.125)
    pen.oval(0.5, 0.31, 0.12, 0.12, fill=WOOD)


SHAPES: dict[str, Callable[[Pen], None]] = {
    "cat": animals.cat,
    "dog": animals.dog,
    "bird": animals.bird,
    "fish": animals.fish,
    "rabbit": animals.rabbit,
    "snail": animals.snail,
    "butterfly": animals.butterfly,
    "turtle": animals.turtle,
    "car": vehicles.car,
    "bus": vehicles.bus,
    "boat": vehicles.boat,
    "plane": vehicles.plane,
    "bicycle": vehicles.bicycle,
    "rocket": vehicles.rocket,
    "lamp": lamp,
    "house": house,
    "ball": ball,
    "balloon": balloon,
    "kite": kite,
    "umbrella": umbrella,
    "cup": cup,
    "chair": chair,
    "hat": hat,
    "flower": flower,
}
