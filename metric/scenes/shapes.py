"""How each kind looks: functions that draw it with a pen into the unit square, standing on its lower side."""

from __future__ import annotations

from math import cos, pi, sin

from metric.scenes.pen import INK, WHITE, Pen

PINK, SKIN, TAN = (240, 150, 165), (226, 196, 150), (176, 186, 120)
BEAK, WOOD, LEAF = (245, 165, 40), (150, 105, 65), (84, 150, 74)
TYRE, STEEL, CREAM = (62, 62, 70), (176, 180, 190), (250, 244, 224)


def cat(pen: Pen):
    pen.tube((0.68, 0.9), (0.9, 0.88), (0.93, 0.66), (0.84, 0.52), width=0.09)
    pen.blob((0.36, 0.52), (0.24, 0.78), (0.26, 0.97), (0.5, 0.99), (0.74, 0.97), (0.76, 0.78), (0.64, 0.52))
    pen.line((0.5, 0.78), (0.5, 0.97))
    for side in (-1, 1):
        pen.shape((0.5 + side * 0.3, 0.34), (0.5 + side * 0.28, 0.02), (0.5 + side * 0.05, 0.17))
        pen.shape((0.5 + side * 0.24, 0.24), (0.5 + side * 0.24, 0.11), (0.5 + side * 0.13, 0.18), fill=PINK)
    pen.oval(0.5, 0.37, 0.31, 0.24)
    for side in (-1, 1):
        pen.eye(0.5 + side * 0.13, 0.34, 0.065)
        for y in (0.4, 0.48):
            pen.line((0.5 + side * 0.16, 0.45), (0.5 + side * 0.44, y), fill=STEEL)
    pen.shape((0.45, 0.43), (0.55, 0.43), (0.5, 0.49), fill=PINK)


def dog(pen: Pen):
    pen.tube((0.14, 0.5), (0.05, 0.4), (0.05, 0.22), width=0.07)
    for x in (0.22, 0.56):
        pen.box(x + 0.1, 0.6, x + 0.19, 0.97, fill=pen.shade)
        pen.box(x - 0.06, 0.6, x + 0.05, 0.99)
    pen.blob((0.1, 0.5), (0.2, 0.42), (0.5, 0.44), (0.58, 0.3), (0.74, 0.4), (0.7, 0.7), (0.4, 0.7), (0.13, 0.7))
    pen.blob((0.54, 0.2), (0.64, 0.08), (0.76, 0.12), (0.97, 0.28), (0.98, 0.4), (0.8, 0.44), (0.6, 0.42))
    pen.blob((0.56, 0.12), (0.48, 0.2), (0.46, 0.44), (0.56, 0.48), (0.64, 0.18), fill=pen.shade)
    pen.oval(0.95, 0.29, 0.05, 0.045, fill=INK)
    pen.line((0.82, 0.39), (0.97, 0.38))
    pen.blob((0.84, 0.4), (0.93, 0.4), (0.9, 0.52), (0.85, 0.5), fill=PINK)
    pen.eye(0.73, 0.22, 0.055)


def bird(pen: Pen):
    for x in (0.45, 0.56):
        pen.line((x, 0.78), (x + 0.02, 0.97), (x + 0.1, 0.97), fill=BEAK, width=0.035)
    pen.shape((0.3, 0.5), (0.0, 0.36), (0.02, 0.62), (0.3, 0.68))
    pen.blob(
        (0.2, 0.55),
        (0.45, 0.4),
        (0.58, 0.16),
        (0.74, 0.12),
        (0.85, 0.24),
        (0.8, 0.6),
        (0.56, 0.82),
        (0.3, 0.74),
    )
    pen.shape((0.82, 0.2), (1.0, 0.29), (0.82, 0.36), fill=BEAK)
    pen.blob((0.6, 0.5), (0.52, 0.7), (0.3, 0.74), (0.1, 0.82), (0.28, 0.52), (0.46, 0.44), fill=pen.shade)
    pen.eye(0.71, 0.26, 0.055)


def fish(pen: Pen):
    pen.shape((0.26, 0.55), (0.0, 0.3), (0.07, 0.55), (0.0, 0.82), fill=pen.shade)
    pen.blob((0.36, 0.36), (0.46, 0.16), (0.68, 0.22), (0.7, 0.4), fill=pen.shade)
    pen.blob((0.42, 0.72), (0.4, 0.92), (0.56, 0.9), (0.64, 0.72), fill=pen.shade)
    pen.blob(
        (0.18, 0.55),
        (0.38, 0.35),
        (0.66, 0.29),
        (0.88, 0.38),
        (0.99, 0.56),
        (0.86, 0.74),
        (0.62, 0.82),
        (0.36, 0.74),
    )
    for x in (0.32, 0.44, 0.56):
        pen.curve((x, 0.44), (x + 0.06, 0.56), (x, 0.68), fill=pen.shade, width=0.035)
    pen.curve((0.7, 0.36), (0.66, 0.56), (0.7, 0.74))
    pen.line((0.88, 0.63), (0.97, 0.6))
    pen.eye(0.82, 0.47, 0.06)


def rabbit(pen: Pen):
    pen.oval(0.11, 0.76, 0.1, 0.1, fill=WHITE)
    pen.blob((0.74, 0.36), (0.8, 0.12), (0.74, 0.0), (0.66, 0.1), (0.64, 0.36), fill=pen.shade)
    pen.blob((0.66, 0.38), (0.6, 0.12), (0.48, 0.0), (0.45, 0.12), (0.54, 0.38))
    pen.blob((0.6, 0.32), (0.56, 0.14), (0.5, 0.08), (0.5, 0.16), (0.57, 0.32), fill=PINK, line=False)
    pen.blob((0.12, 0.76), (0.2, 0.56), (0.42, 0.48), (0.66, 0.58), (0.74, 0.8), (0.7, 0.97), (0.22, 0.98))
    pen.oval(0.7, 0.93, 0.14, 0.05)
    pen.curve((0.26, 0.92), (0.24, 0.72), (0.42, 0.66), (0.52, 0.8), (0.48, 0.96))
    pen.oval(0.3, 0.94, 0.17, 0.05)
    pen.oval(0.7, 0.46, 0.21, 0.17)
    pen.oval(0.9, 0.46, 0.035, 0.03, fill=PINK)
    pen.box(0.8, 0.57, 0.86, 0.65, fill=WHITE)
    pen.eye(0.74, 0.42, 0.055)


def snail(pen: Pen):
    for x in (0.8, 0.94):
        pen.tube((0.86, 0.72), (x, 0.42), width=0.035, fill=SKIN)
        pen.eye(x, 0.4, 0.055)
    pen.blob(
        (0.02, 0.97),
        (0.14, 0.82),
        (0.6, 0.82),
        (0.74, 0.6),
        (0.94, 0.58),
        (0.98, 0.74),
        (0.86, 0.97),
        (0.4, 0.98),
        fill=SKIN,
    )
    pen.oval(0.39, 0.51, 0.35, 0.35)
    turns = [(0.39 + r * cos(a), 0.52 + r * sin(a)) for a, r in ((k * pi / 3, 0.31 - 0.0175 * k) for k in range(17))]
    pen.curve(*turns, fill=INK, width=0.045)


def butterfly(pen: Pen):
    for side in (-1, 1):
        wing = [(0.04, 0.46), (0.14, 0.14), (0.36, 0.03), (0.49, 0.14), (0.44, 0.42), (0.24, 0.56)]
        low = [(0.04, 0.52), (0.3, 0.54), (0.4, 0.7), (0.34, 0.92), (0.2, 0.93), (0.08, 0.76)]
        pen.blob(*((0.5 + side * x, y) for x, y in low), fill=pen.shade)
        pen.blob(*((0.5 + side * x, y) for x, y in wing))
        pen.oval(0.5 + side * 0.31, 0.25, 0.08, 0.09, fill=WHITE)
        pen.oval(0.5 + side * 0.24, 0.74, 0.06, 0.07, fill=WHITE)
        pen.curve((0.5, 0.24), (0.5 + side * 0.06, 0.1), (0.5 + side * 0.16, 0.02))
    pen.oval(0.5, 0.56, 0.055, 0.32, fill=INK)
    pen.oval(0.5, 0.24, 0.09, 0.09, fill=SKIN)
    pen.eye(0.46, 0.24, 0.03)
    pen.eye(0.54, 0.24, 0.03)


def turtle(pen: Pen):
    for x in (0.2, 0.6):
        pen.blob((x - 0.1, 0.76), (x + 0.1, 0.76), (x + 0.08, 0.95), (x - 0.1, 0.95), fill=TAN)
    pen.shape((0.1, 0.74), (0.0, 0.86), (0.16, 0.84), fill=TAN)
    pen.blob(
        (0.68, 0.72),
        (0.78, 0.5),
        (0.88, 0.4),
        (0.99, 0.47),
        (0.98, 0.6),
        (0.86, 0.66),
        (0.78, 0.82),
        fill=TAN,
    )
    pen.blob(
        (0.04, 0.78),
        (0.1, 0.5),
        (0.26, 0.32),
        (0.44, 0.28),
        (0.62, 0.34),
        (0.76, 0.52),
        (0.8, 0.78),
        (0.42, 0.82),
    )
    pen.shape((0.34, 0.42), (0.52, 0.42), (0.6, 0.58), (0.5, 0.72), (0.34, 0.72), (0.26, 0.58), fill=pen.shade)
    for start, end in (
        ((0.34, 0.42), (0.3, 0.32)),
        ((0.52, 0.42), (0.57, 0.33)),
        ((0.6, 0.58), (0.76, 0.56)),
    ):
        pen.line(start, end)
    pen.line((0.26, 0.58), (0.1, 0.56))
    pen.eye(0.9, 0.49, 0.045)


def wheel(pen: Pen, x: float, y: float, r: float):
    pen.oval(x, y, r, r, fill=TYRE)
    pen.oval(x, y, 0.5 * r, 0.5 * r, fill=STEEL)


def car(pen: Pen):
    pen.shape((0.2, 0.56), (0.32, 0.32), (0.64, 0.32), (0.8, 0.56))
    pen.shape((0.27, 0.55), (0.35, 0.38), (0.46, 0.38), (0.46, 0.55), fill=pen.glass)
    pen.shape((0.52, 0.38), (0.61, 0.38), (0.72, 0.55), (0.52, 0.55), fill=pen.glass)
    pen.blob((0.02, 0.58), (0.2, 0.54), (0.78, 0.54), (0.96, 0.6), (0.99, 0.8), (0.5, 0.83), (0.02, 0.81))
    pen.oval(0.93, 0.66, 0.045, 0.045, fill=(255, 240, 170))
    pen.line((0.49, 0.56), (0.49, 0.8))
    wheel(pen, 0.24, 0.82, 0.14)
    wheel(pen, 0.75, 0.82, 0.14)


def bus(pen: Pen):
    pen.shape((0.0, 0.22), (0.04, 0.16), (0.94, 0.16), (1.0, 0.24), (1.0, 0.84), (0.0, 0.84))
    for x in (0.05, 0.24, 0.43, 0.62):
        pen.box(x, 0.26, x + 0.16, 0.48, fill=pen.glass)
    pen.box(0.83, 0.26, 0.96, 0.82, fill=pen.glass)
    pen.box(0.0, 0.56, 0.8, 0.64, fill=pen.shade, line=False)
    wheel(pen, 0.22, 0.86, 0.12)
    wheel(pen, 0.66, 0.86, 0.12)


def boat(pen: Pen):
    pen.box(0.46, 0.02, 0.51, 0.7, fill=WOOD)
    pen.shape((0.54, 0.05), (0.54, 0.6), (0.94, 0.6))
    pen.shape((0.42, 0.14), (0.42, 0.6), (0.12, 0.6), fill=CREAM)
    pen.shape((0.02, 0.67), (0.99, 0.67), (0.84, 0.95), (0.18, 0.95))
    pen.line((0.08, 0.76), (0.94, 0.76), fill=pen.shade, width=0.05)


def plane(pen: Pen):
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


def bicycle(pen: Pen):
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


def rocket(pen: Pen):
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


def lamp(pen: Pen):
    pen.box(0.46, 0.45, 0.54, 0.9, fill=STEEL)
    pen.blob((0.24, 0.97), (0.3, 0.88), (0.7, 0.88), (0.76, 0.97), (0.5, 0.99), fill=TYRE)
    pen.oval(0.5, 0.55, 0.1, 0.11, fill=(255, 244, 150) if pen.state else CREAM)
    pen.shape((0.32, 0.04), (0.68, 0.04), (0.92, 0.54), (0.08, 0.54))
    pen.line((0.3, 0.1), (0.7, 0.1), fill=pen.shade, width=0.04)
    pen.line((0.12, 0.48), (0.88, 0.48), fill=pen.shade, width=0.05)
    pen.line((0.76, 0.54), (0.76, 0.68))


def house(pen: Pen):
    pen.box(0.68, 0.06, 0.8, 0.36, fill=WOOD)
    pen.box(0.12, 0.42, 0.88, 0.98)
    pen.shape((0.01, 0.46), (0.5, 0.02), (0.99, 0.46), fill=pen.shade)
    for x in (0.2, 0.6):
        pen.box(x, 0.54, x + 0.2, 0.72, fill=pen.glass)
        pen.line((x + 0.1, 0.54), (x + 0.1, 0.72))
    pen.oval(0.5, 0.3, 0.07, 0.07, fill=pen.glass)
    pen.box(0.42, 0.7, 0.58, 0.98, fill=WOOD)


def ball(pen: Pen):
    pen.oval(0.5, 0.54, 0.44, 0.44)
    pen.blob((0.5, 0.14), (0.62, 0.34), (0.62, 0.72), (0.5, 0.94), (0.4, 0.72), (0.4, 0.34), fill=CREAM)
    pen.curve((0.5, 0.12), (0.22, 0.36), (0.18, 0.64), (0.34, 0.92))
    pen.curve((0.5, 0.12), (0.78, 0.36), (0.82, 0.64), (0.66, 0.92))
    pen.oval(0.5, 0.15, 0.07, 0.05, fill=pen.shade)


def balloon(pen: Pen):
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


def kite(pen: Pen):
    pen.curve((0.5, 0.68), (0.42, 0.76), (0.3, 0.74), (0.22, 0.86), (0.08, 0.9), width=0.025)
    for x, y in ((0.38, 0.75), (0.22, 0.86), (0.07, 0.92)):
        pen.shape((x - 0.07, y - 0.06), (x + 0.07, y + 0.06), (x + 0.07, y - 0.06), (x - 0.07, y + 0.06), fill=PINK)
    pen.shape((0.62, 0.0), (0.98, 0.26), (0.48, 0.72), (0.2, 0.24))
    pen.shape((0.62, 0.0), (0.98, 0.26), (0.57, 0.25), fill=pen.shade)
    pen.shape((0.2, 0.24), (0.57, 0.25), (0.48, 0.72), fill=pen.shade)


def umbrella(pen: Pen):
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


def cup(pen: Pen):
    for x in (0.3, 0.5):
        pen.curve((x, 0.24), (x - 0.06, 0.16), (x + 0.04, 0.09), (x, 0.0), fill=STEEL, width=0.04)
    pen.tube((0.7, 0.46), (0.93, 0.46), (0.93, 0.72), (0.68, 0.78), width=0.08)
    pen.shape((0.08, 0.34), (0.74, 0.34), (0.68, 0.96), (0.14, 0.96))
    pen.line((0.13, 0.84), (0.7, 0.84), fill=pen.shade, width=0.05)
    pen.oval(0.41, 0.34, 0.33, 0.075, fill=CREAM)
    pen.oval(0.41, 0.36, 0.25, 0.045, fill=WOOD, line=False)


def chair(pen: Pen):
    for x in (0.3, 0.84):
        pen.box(x - 0.04, 0.6, x + 0.03, 0.86, fill=pen.shade)
    for x in (0.12, 0.68):
        pen.box(x, 0.62, x + 0.09, 0.99)
    pen.shape((0.12, 0.02), (0.28, 0.0), (0.32, 0.54), (0.12, 0.64))
    pen.shape((0.16, 0.1), (0.25, 0.08), (0.27, 0.38), (0.16, 0.42), fill=pen.shade)
    pen.shape((0.12, 0.66), (0.3, 0.5), (0.92, 0.5), (0.78, 0.66))
    pen.box(0.12, 0.64, 0.78, 0.72, fill=pen.shade)


def hat(pen: Pen):
    pen.oval(0.5, 0.8, 0.49, 0.13)
    pen.shape((0.24, 0.2), (0.76, 0.2), (0.72, 0.8), (0.5, 0.85), (0.28, 0.8))
    pen.shape((0.27, 0.6), (0.73, 0.6), (0.72, 0.78), (0.5, 0.84), (0.28, 0.78), fill=pen.shade)
    pen.oval(0.5, 0.2, 0.26, 0.07, fill=pen.shade)


def flower(pen: Pen):
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


DRAWN = (cat, dog, bird, fish, rabbit, snail, butterfly, turtle, car, bus, boat, plane, bicycle, rocket)
STILL = (lamp, house, ball, balloon, kite, umbrella, cup, chair, hat, flower)
SHAPES = {shape.__name__: shape for shape in DRAWN + STILL}
