"""Whether the pictures' embeddings of a CLIP tell which of two things is where: a linear probe on drawn scenes.

A metric cannot punish a swapped relation when the embedding of the picture does not hold the relation. For each kind of
thing a ridge regression reads from the embedding whether the thing is left or right of the other, or above or below it.
Chance is 50 %.
Command: `.venv/bin/python -m experiments.relation_probe scenes-clip runs/metric ...`.
Cost: a minute of one core for each CLIP.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from captioner.data import load
from metric.clip.embedder import Embedder
from metric.clip.load import load_clip
from metric.example import Example
from metric.scenes.world import KINDS, Scene

AXES = (("left", "right"), ("above", "below"))
PENALTIES = np.logspace(-5, 2, 8)
HELD_OUT = 5  # one part in so many chooses the penalty


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="+", help="CLIPs or tuned CLIPs, as --clip takes them")
    parser.add_argument(
        "--count", type=int, default=12_000, help="training scenes, of which those with a relation count"
    )
    args = parser.parse_args()
    learned = load(f"scenes:count={args.count}", "train")
    unseen = [*load("scenes", "val"), *load("scenes", "test")]
    for name in args.clips:
        embedder = Embedder(load_clip(name))
        embedded = [(examples, pictures(embedder, examples)) for examples in (learned, unseen)]
        parts = [
            f"{' or '.join(axis)}: {100 * right:.1f} % of {n:,}"
            for axis in AXES
            for right, n in [told(axis, *embedded)]
        ]
        print(f"{name}: {', '.join(parts)}", flush=True)


def pictures(embedder: Embedder, examples: Sequence[Example]) -> np.ndarray:
    """Embeddings of pictures, `n d`."""
    return embedder.images([example.image for example in examples]).numpy()


def told(
    axis: tuple[str, str], learned: tuple[Sequence[Example], np.ndarray], unseen: tuple[Sequence[Example], np.ndarray]
) -> tuple[float, int]:
    """The share of unseen things whose side is told right, and their number."""
    right = count = 0
    for kind in KINDS:
        places, sides = sides_of(kind, axis, learned[0])
        asked, truth = sides_of(kind, axis, unseen[0])
        if len(asked) and len(set(sides)) == 2:
            right += int((probe(learned[1][places], sides, unseen[1][asked]) == truth).sum())
            count += len(asked)
    return right / max(count, 1), count


def sides_of(kind: str, axis: tuple[str, str], examples: Sequence[Example]) -> tuple[list[int], np.ndarray]:
    """The places of the examples with such a thing and a relation of the axis, and whether it is on the first side."""
    found: dict[int, bool] = {}
    for place, example in enumerate(examples):
        scene = example.image
        if isinstance(scene, Scene) and scene.relation in axis and kind in {thing.kind for thing in scene.things}:
            found[place] = (scene.relation == axis[0]) == (scene.things[0].kind == kind)
    return list(found), np.array(list(found.values()), dtype=bool)


def probe(x: np.ndarray, sides: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The sides of the embeddings `asked`, `m d`, by a regression on `x`, `n d`, whose last rows choose the penalty."""
    train = len(x) - len(x) // HELD_OUT
    right = [np.mean(ridge(x[:train], sides[:train], x[train:], each) == sides[train:]) for each in PENALTIES]
    return ridge(x, sides, asked, PENALTIES[int(np.argmax(right))])


def ridge(x: np.ndarray, sides: np.ndarray, asked: np.ndarray, penalty: float) -> np.ndarray:
    """Whether the regression of +1 and -1 on the centred embeddings and a constant is positive for each row asked."""
    mean = x.mean(0)
    rows, questions = (np.c_[each - mean, np.ones(len(each))] for each in (x, asked))
    weights = np.linalg.solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T @ np.where(sides, 1.0, -1.0))
    return questions @ weights > 0


if __name__ == "__main__":
    main()
