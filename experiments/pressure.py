"""The pressure bench: which rewards survive being optimised. Rewards, brakes and pressures, over seeds.

Paper: arXiv 2410.07336, the table of rewards, on the embedded scenes and under pressures that the paper has not. The
hardened PAC-S++ and its rounds are not in the paper. An independent judge, a second CLIP from another seed and other
alt-text that no run was trained on, scores the captions beside the trained score.
Command: `.venv/bin/python -m experiments.pressure --metrics DIR [--judge DIR] --out runs/pressure`. A second call
continues an interrupted one. `--arms`, `--pressures` and `--seeds` choose a part of the bench.
`--pressures best-of-8` trains nothing: of eight samples of the cross-entropy model the reward takes the best.
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
}
# what holds a CLIP reward back -> flags
BRAKES: dict[str, tuple[object, ...]] = {
    "": (),
    "+cider": ("--reward", "cider:weight=0.2"),
    "+cider-scaled": ("--reward", "cider:weight=0.2", "--rl.mix", "picture"),
    "+kl": ("--rl.kl", 0.05),
    "+repetition": ("--reward", "repetition:weight=0.1"),
}
WITHOUT_CLIP = ("truth", "cider")
LONG = "sampled-2e-4-long"
ALL_PRESSURES = PRESSURES | {LONG: (*PRESSURES["sampled-2e-4"], "--rl.steps", 450, "--val-every", 150)}
BEST = "best-of-8"  # no training: the reward chooses among samples of the cross-entropy model
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

    def folder(self, out: Path) -> Path:
        return out / f"{self.name}-{self.pressure}-{self.seed}"

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
    with ThreadPoolExecutor(args.jobs) as pool:
        xe = {seed: args.out / f"xe-{seed}" for seed in seeds}
        list(pool.map(lambda seed: train_and_score(xe[seed], "--seed", seed, *shared, "--val-every", 400), seeds))
        list(pool.map(lambda arm: trained(arm, xe[arm.seed], args.metrics, args.out, shared), arms))
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
    """All arms: rewards without a CLIP alone, and each reward of a CLIP with each brake."""
    yield from WITHOUT_CLIP
    yield from (reward + brake for reward in REWARDS if reward not in WITHOUT_CLIP for brake in BRAKES)


def known(arms: Sequence[Arm]) -> list[Arm]:
    """The arms, without those that have no best of samples: brakes, where nothing is trained, CIDEr and exact truth.

    These two would see what they are scored by. Ends the program for an arm or a pressure that is not there.
    """
    for arm in arms:
        if arm.name not in names() or arm.pressure not in (*ALL_PRESSURES, BEST):
            there = f"arms {', '.join(names())}; pressures {', '.join((*ALL_PRESSURES, BEST))}"
            raise SystemExit(f"unknown arm or pressure {arm.name}, {arm.pressure}; type of {there}")
    left_out = [arm for arm in arms if arm.pressure == BEST and ("+" in arm.name or arm.name in WITHOUT_CLIP)]
    if left_out:
        print(f"{BEST} has no {', '.join(dict.fromkeys(arm.name for arm in left_out))}: left out")
    return [arm for arm in arms if arm not in left_out]


def trained(arm: Arm, start: Path, metrics: Path, out: Path, shared: Sequence[object]) -> None:
    if arm.pressure == BEST:
        chosen(arm, start, metrics, out)
    else:
        train_and_score(arm.folder(out), "--seed", arm.seed, *shared, "--init", start, *arm.flags(metrics))


def chosen(arm: Arm, start: Path, metrics: Path, out: Path) -> None:
    """The best of eight samples of the cross-entropy model by the reward, scored. Its files are copied to the arm."""
    folder, kinds = arm.folder(out), {"captions": "jsonl", "scores": "json"}
    if (folder / "scores-test.json").exists():
        return
    choice = ("--best-of", 8, "--reward", arm.reward(metrics), "--as", arm.name)
    run_apart("evaluate", start, "--scores", SCORES, *choice)
    folder.mkdir(parents=True, exist_ok=True)
    for kind, ending in kinds.items():
        copyfile(start / f"{kind}-test@{arm.name}.{ending}", folder / f"{kind}-test.{ending}")


def judged(folder: Path, judge: Path) -> None:
    """Scores the test captions of a run with the independent CLIP, once."""
    file = folder / JUDGED
    if not file.exists():
        scores = ("--scores", f"clip_s:clip={judge}", "--out", file)
        run_apart("score", "--captions", folder / "captions-test.jsonl", "--references", "scenes", *scores)


if __name__ == "__main__":
    main()
