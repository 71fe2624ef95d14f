"""The pressure bench: which rewards survive being optimised. Rewards, brakes and pressures, over seeds.

Paper: arXiv 2410.07336, the table of rewards, on the embedded scenes and under pressures that the paper has not. The
hardened PAC-S++ and its rounds are not in the paper. An independent judge, a second CLIP from another seed and other
alt-text that no run was trained on, scores the captions beside the trained score.
Command: `.venv/bin/python -m experiments.pressure --metrics DIR [--judge DIR] --out runs/pressure`. A second call
continues an interrupted one. `--arms`, `--pressures` and `--seeds` choose a part of the bench.
`--pressures best-of-8` trains nothing: of eight samples of the cross-entropy model the reward takes the best. Nor does
`--arms guided --pressures guidance-1,guidance-2`: a cross-entropy model that saw no picture in a tenth of its examples
decodes with classifier-free guidance (arXiv 2307.16686).
Cost: on one core, 6 minutes for each seed's cross-entropy and 2 to 4 minutes for each reward run. `--jobs 2` runs two
at a time.
Expect: every arm raises its own score. The table and the picture show what that costs. experiments/LOG.md has results.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from shutil import copyfile
from typing import NamedTuple

from experiments.arms import PRESSURES, SCORES, train_and_score
from experiments.commands import run_apart
from experiments.pressure_tables import Result, report

# arm -> reward; {x} is a folder in --metrics. `truth` knows the scene: what a perfect reward keeps
REWARDS = {
    "truth": "truth",
    "cider": "cider",
    "clips": "clips",
    "pacs": "pacs:checkpoint={pacs}",
    "pacspp": "pacspp:checkpoint={pacspp}",
    "hard": "pacspp_hard:checkpoint={hard}",
    "places": "pacspp_hard:checkpoint={places}",
    "rounds": "pacspp_hard:checkpoint={rounds}",
}
TITLES = {
    "truth": "exact truth",
    "cider": "CIDEr",
    "clips": "CLIP-S",
    "pacs": "PAC-S",
    "pacspp": "PAC-S++",
    "hard": "PAC-S++ hard",
    "places": "PAC-S++ hard (places first)",
    "rounds": "PAC-S++ hard after rounds",
    "guided": "XE, features dropped",
}
# what holds a CLIP reward back -> flags
BRAKES: dict[str, tuple[object, ...]] = {
    "": (),
    "+cider": ("--reward", "cider:weight=0.2"),
    "+cider-scaled": ("--reward", "cider:weight=0.2", "--rl.mix", "picture"),
    "+kl": ("--rl.kl", 0.05),
    "+retrieval": ("--reward", "retrieval:weight=0.05"),
    "+repetition": ("--reward", "repetition:weight=0.1"),
}
WITHOUT_CLIP = ("truth", "cider")
LONG = "sampled-2e-4-long"
ALL_PRESSURES = PRESSURES | {LONG: (*PRESSURES["sampled-2e-4"], "--rl.steps", 450, "--val-every", 150)}
BEST = "best-of-8"  # no training: the reward chooses among samples of the cross-entropy model
GUIDED = "guided"  # the arm without a reward, whose cross-entropy model takes guidance
DROPPED = ("--xe.drop-features", 0.1)
GUIDANCE = {f"guidance-{scale}": ("--guidance", scale) for scale in ("1", "1.5", "2", "3")}
JUDGED = "judged.json"  # the judge's score of the captions of a run


class Arm(NamedTuple):
    """A reward with its brake under a pressure, for one seed."""

    name: str
    pressure: str
    seed: str

    @property
    def title(self) -> str:
        """The name in tables: `PAC-S++ hard +kl`."""
        reward, plus, brake = self.name.partition("+")
        return f"{TITLES[reward]} {plus}{brake}".strip()

    @property
    def possible(self) -> bool:
        """Whether the arm has this pressure. Guidance takes the guided arm, and no other.

        A choice among samples takes no brake, and neither CIDEr nor exact truth, which would see what they are
        scored by.
        """
        if GUIDED == self.name or self.pressure in GUIDANCE:
            return GUIDED == self.name and self.pressure in GUIDANCE
        return self.pressure != BEST or not ("+" in self.name or self.name in WITHOUT_CLIP)

    def folder(self, out: Path) -> Path:
        return out / f"{self.name}-{self.pressure}-{self.seed}"

    def start(self, out: Path) -> Path:
        """The cross-entropy model that the arm begins with."""
        return out / f"{'dropped' if self.name == GUIDED else 'xe'}-{self.seed}"

    def reward(self, metrics: Path) -> str:
        """The reward without its brake, as `--reward` takes it."""
        folders = {name: metrics / name for name in ("pacs", "pacspp", "hard", "places", "rounds")}
        return REWARDS[self.name.partition("+")[0]].format(**folders)

    def flags(self, metrics: Path) -> tuple[object, ...]:
        """The flags of the reward and of the pressure. A later flag wins over an earlier one."""
        _, plus, brake = self.name.partition("+")
        return ("--reward", self.reward(metrics), *BRAKES[plus + brake], *ALL_PRESSURES[self.pressure])


def main() -> None:
    args = arguments()
    seeds, pressures = args.seeds.split(","), args.pressures.split(",")
    arms = known([Arm(*each) for each in product(args.arms.split(","), pressures, seeds)])
    shared = ("--features", args.out / "features", "--pac", args.metrics / "pacspp", "--log-every", 1)
    xe = {seed: args.out / f"xe-{seed}" for seed in seeds}
    first: dict[Path, tuple[object, ...]] = {xe[seed]: ("--seed", seed) for seed in seeds}
    first |= {arm.start(args.out): ("--seed", arm.seed, *DROPPED) for arm in arms if arm.name == GUIDED}
    with ThreadPoolExecutor(args.jobs) as pool:
        list(pool.map(lambda model: train_and_score(model, *first[model], *shared, "--val-every", 400), first))
        list(pool.map(lambda arm: trained(arm, args.metrics, args.out, shared), arms))
        if args.judge:
            folders = [*xe.values(), *(arm.folder(args.out) for arm in arms)]
            list(pool.map(lambda folder: judged(folder, args.judge), folders))
    runs: dict[str, list[Path]] = {}
    for arm in arms:
        runs.setdefault(f"{arm.title}, {arm.pressure}", []).append(arm.folder(args.out))
    results = [Result(name, folders, [*xe.values()]) for name, folders in runs.items()]
    report(results, args.table, args.picture or args.out / "pressure.png")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metrics", type=Path, default=Path("runs/metrics"), help="folder of the tuned CLIPs")
    parser.add_argument("--judge", type=Path, help="folder of the independent CLIP; without it no judge scores")
    parser.add_argument("--out", type=Path, default=Path("runs/pressure"))
    parser.add_argument("--arms", default="cider,clips,pacspp,hard")
    parser.add_argument("--pressures", default="sampled-2e-4")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", type=Path, help="file of the plot (pressure.png in --out)")
    parser.add_argument("--table", type=Path, default=Path(__file__).parent / "results" / "pressure.md")
    return parser.parse_args()


def names() -> Iterator[str]:
    """All arms: the guided one, rewards without a CLIP alone, and each reward of a CLIP with each brake."""
    yield from (GUIDED, *WITHOUT_CLIP)
    yield from (reward + brake for reward in REWARDS if reward not in WITHOUT_CLIP for brake in BRAKES)


def known(arms: Sequence[Arm]) -> list[Arm]:
    """The arms that are possible. Ends the program for an arm or a pressure that is not there."""
    pressures = (*ALL_PRESSURES, BEST, *GUIDANCE)
    for arm in arms:
        if arm.name not in names() or arm.pressure not in pressures:
            there = f"arms {', '.join(names())}; pressures {', '.join(pressures)}"
            raise SystemExit(f"unknown arm or pressure {arm.name}, {arm.pressure}; type of {there}")
    for name, pressure in dict.fromkeys((arm.name, arm.pressure) for arm in arms if not arm.possible):
        print(f"{pressure} has no {name}: left out")
    return [arm for arm in arms if arm.possible]


def trained(arm: Arm, metrics: Path, out: Path, shared: Sequence[object]) -> None:
    """Trains and scores an arm; or decodes the model that it begins with in another way, which trains nothing."""
    folder, start = arm.folder(out), arm.start(out)
    if arm.pressure == BEST:
        decoded(folder, start, "--best-of", 8, "--reward", arm.reward(metrics), "--as", arm.name)
    elif arm.name == GUIDED:
        decoded(folder, start, *GUIDANCE[arm.pressure], "--as", arm.pressure)
    else:
        train_and_score(folder, "--seed", arm.seed, *shared, "--init", start, *arm.flags(metrics))


def decoded(folder: Path, model: Path, *flags: object) -> None:
    """Another decoding of a model that is trained, scored. Its captions and scores are copied to the folder of an arm.

    The last flag is the name of the evaluation.
    """
    kinds = {"captions": "jsonl", "scores": "json"}
    if (folder / "scores-test.json").exists():
        return
    run_apart("evaluate", model, "--scores", SCORES, *flags)
    folder.mkdir(parents=True, exist_ok=True)
    for kind, ending in kinds.items():
        copyfile(model / f"{kind}-test@{flags[-1]}.{ending}", folder / f"{kind}-test.{ending}")


def judged(folder: Path, judge: Path) -> None:
    """Scores the test captions of a run with the independent CLIP, once."""
    file = folder / JUDGED
    if not file.exists():
        scores = ("--scores", f"clip_s:clip={judge}", "--out", file)
        run_apart("score", "--captions", folder / "captions-test.jsonl", "--references", "scenes", *scores)


if __name__ == "__main__":
    main()
