"""The plan of a recipe: missing files, data sets, and the work of each command in hours, memory and disk."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

from captioner.cli import parser
from captioner.commands.metric import metric_config
from captioner.commands.train import asked_for
from captioner.config import Run
from captioner.config_checks import check
from captioner.data import stream
from experiments.paper_scale import RECIPES, cost
from experiments.paper_scale.outline import exists, feature_shape
from experiments.paper_scale.recipe import Recipe
from metric.spec import split_spec
from rewards.spec import parse

MEASURED = Path(__file__).parent / "measured.json"
WEIGHTS = ("clips", "refclips", "pacs", "refpacs", "pacspp", "refpacspp")  # rewards with a CLIP
DECODED = 5  # beams of `captioner caption`
# passes over COCO of published captioners: SmallCap, GRIT and ExpansionNet v2 to COS-Net, from their code
FIELD = {"xe": "10 to 35", "reward": "9 to 60"}


@dataclass(frozen=True)
class Work:
    """A piece of work that is done many times, such as a step."""

    kind: str
    times: int
    unit: cost.Cost
    """cost of one time"""
    precision: str = "fp32"
    passes: float = 0
    """passes over the training captions (xe) or pictures (reward)"""
    disk: float = 0
    """bytes on disk after the work"""


@dataclass
class Plan:
    """The plan of one recipe. A recipe with `faults` cannot run."""

    name: str
    root: Path
    """folder of the data sets"""
    out: Path
    """folder of the runs"""
    faults: list[str] = field(default_factory=list)
    works: list[tuple[list[str], list[Work]]] = field(default_factory=list)
    """words of a command, and its work"""
    pictures: dict[tuple[str, str], int] = field(default_factory=dict)
    """(data set, split) -> number of pictures"""
    captions: dict[tuple[str, str], int] = field(default_factory=dict)
    """(data set, split) -> number of captions"""

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self.name]


def plan(name: str, root: Path, out: Path) -> Plan:
    """Reads the configuration and the data of a recipe, and counts its work."""
    made = Plan(name, root, out)
    for place, content in made.recipe.data.items():
        if not (root / place).exists():
            made.faults.append(f"{root / place} does not exist: {content}")
    for words in made.recipe.words(root, out):
        args = parser().parse_args(words)
        made.works.append((words, list(works(made, args))))
    return made


def works(made: Plan, args: argparse.Namespace) -> Iterator[Work]:
    """The long work of a command. Counts the pictures of its data set."""
    if args.command == "train":
        yield from training(made, check(asked_for(args)))
    elif args.command == "caption":
        run = check(asked_for(parsed_run(made, args.model)))
        n = count(made, args.images, args.split)
        captioned = cost.decoding(run, 1, DECODED) + cost.features(clip_of(made, run.clip))
        yield Work("captions", n, captioned)
    elif args.command == "score":
        count(made, args.references, args.split)
    elif args.command == "metric" and args.metric_command in ("train", "positives"):
        count(made, args.data, "train")
        if args.metric_command == "train":
            config = metric_config(args)
            clip_of(made, config.clip)
            with redirect_stdout(StringIO()):  # hides the printed list of LoRA layers
                yield Work("contrastive", config.steps, cost.contrastive(config), config.precision)


def training(made: Plan, run: Run) -> Iterator[Work]:
    """The work of a training: the features and cross-entropy, or the reward stage."""
    clip = clip_of(made, run.clip)
    training = count(made, run.data, "train")
    n = training + min(run.val_count, count(made, run.data, "val"))
    if run.init:
        clips = [clip_of(made, name) for name in scorers(run)]
        passes = run.rl.steps * run.rl.batch_size / max(1, training)
        yield Work("reward", run.rl.steps, cost.reward(run, clips), run.precision, passes)
    else:
        p, f = feature_shape(clip)
        yield Work("features", n, cost.features(clip), disk=2 * p * f * n)  # fp16
        learned = run.xe.steps * run.xe.batch_size * run.xe.references
        passes = learned / max(1, made.captions.get((run.data, "train"), 0))
        yield Work("xe", run.xe.steps, cost.xe(run), run.precision, passes)


def scorers(run: Run) -> list[str]:
    """The CLIPs of the rewards."""
    specs = [parse(text) for text in run.rewards]
    options = [dict(spec.options) for spec in specs if spec.name in WEIGHTS]
    return [option.get("checkpoint") or option.get("clip") or run.clip for option in options]


def parsed_run(made: Plan, out: str) -> argparse.Namespace:
    """The arguments of the command that makes the run `out`, in any recipe. Raises ValueError without one."""
    for words in all_words(made.root, made.out):
        if words[0] == "train" and words[words.index("--out") + 1] == out:
            return parser().parse_args(words)
    raise ValueError(f"no recipe makes {out}")


def all_words(root: Path, out: Path) -> Iterator[list[str]]:
    """The commands of all recipes, as words."""
    return chain.from_iterable(recipe.words(root, out) for recipe in RECIPES.values())


def clip_of(made: Plan, name: str) -> str:
    """The ARCH:TAG of a CLIP. A tuned CLIP has the ARCH:TAG, and so the cost, of the CLIP before tuning."""
    for words in all_words(made.root, made.out):
        if words[:2] == ["metric", "train"] and words[words.index("--out") + 1] == name:
            name = words[words.index("--clip") + 1]
    if not exists(name):
        made.faults.append(f"open_clip has no weights {name}")
    return name


def count(made: Plan, spec: str, split: str) -> int:
    """The number of pictures of a split. A data set that cannot be read is a fault, and has 0 pictures."""
    if (spec, split) not in made.pictures:
        try:
            made.pictures[spec, split], made.captions[spec, split] = counts(spec, split)
        except (ValueError, OSError) as error:
            made.faults.append(f"--data {spec}, split {split}: {error}")
            made.pictures[spec, split] = 0
    return made.pictures[spec, split]


@lru_cache
def counts(spec: str, split: str) -> tuple[int, int]:
    """The numbers of pictures and captions of a split. Raises ValueError for a data set that cannot be read."""
    captions = [len(example.references) for example in stream(spec, split)]
    return len(captions), sum(captions)


def hours(work: Work, tflops: float, seconds: Mapping[str, float]) -> float:
    """Hours of one GPU: by the reader's seconds, else by steps that `--measure` timed, else by FLOPs at `tflops`."""
    if work.kind in seconds:
        return work.times * seconds[work.kind] / 3600
    if "cuda" in machines():
        return scaled(work, "cuda", work.precision)
    return work.times * work.unit.flops / (tflops * 1e12) / 3600


def core_hours(work: Work) -> float:
    """Hours of one core of the machine of measured.json."""
    return scaled(work, "cpu", "fp32")


def scaled(work: Work, device: str, precision: str) -> float:
    """Hours of a device of measured.json: measured steps, scaled by FLOPs."""
    step = machines()[device]["steps"][{"captions": "features"}.get(work.kind, work.kind)]
    return work.times * step["seconds"][precision] * work.unit.flops / step["flops"] / 3600


def machines() -> dict[str, Any]:
    """Device, cpu or cuda -> its name, and the steps that were timed on it."""
    return json.loads(MEASURED.read_text())


def as_text(made: Plan, tflops: float, seconds: Mapping[str, float]) -> str:
    """The plan as text."""
    recipe, timed = made.recipe, machines()
    lines = [f"{made.name}: {recipe.title}", f"  compare with: {recipe.source}", "  not run by us at this size"]
    lines += [f"  after: {name}" for name in recipe.after]
    lines += [f"  {place}: {content}" for place, content in recipe.data.items()]
    lines += [f"  {n:,} pictures of {split}: {shortened(spec)}" for (spec, split), n in made.pictures.items()]
    for words, parts in made.works:
        lines += [
            "",
            "captioner " + " ".join(words),
            *(f"    {line_of(work, tflops, seconds)}" for work in parts),
        ]
    all_works = [work for _, parts in made.works for work in parts]
    total, here = sum(hours(work, tflops, seconds) for work in all_works), sum(map(core_hours, all_works))
    lines += ["", f"in all: {total:,.1f} GPU hours, {sum(work.disk for work in all_works) / 1e9:.1f} GB of features"]
    lines += source_of_hours(timed, tflops)
    lines.append(f"  {here:,.0f} core hours on {timed['cpu']['hardware']}, by steps measured there and scaled by FLOPs")
    return "\n".join([*lines, *(f"missing: {fault}" for fault in made.faults)])


def source_of_hours(timed: Mapping[str, Any], tflops: float) -> list[str]:
    """Where the GPU hours are from."""
    if "cuda" in timed:
        return [f"  GPU hours are of {timed['cuda']['hardware']}, by steps measured there and scaled by FLOPs"]
    return [
        f"  GPU hours are an estimate at {tflops:g} TFLOP/s sustained, which no GPU of ours has shown; --measure",
        "  --device cuda times the steps on your GPU, and --seconds KIND=S takes the `seconds` of your metrics.jsonl",
    ]


def line_of(work: Work, tflops: float, seconds: Mapping[str, float]) -> str:
    """One line of the plan."""
    unit = work.unit
    passes = f", {work.passes:.1f} passes over the data (published: {FIELD[work.kind]})" if work.kind in FIELD else ""
    disk = f", {work.disk / 1e9:.1f} GB on disk" if work.disk else ""
    learn = f", {unit.trained:,} learn" if unit.trained else ""
    return (
        f"{work.kind}: {work.times:,} times {unit.flops / 1e12:.3f} TFLOP, {unit.parameters:,} parameters{learn}, "
        f"{unit.memory / 1e9:.1f} GB{disk}{passes}: {hours(work, tflops, seconds):.1f} GPU hours, "
        f"{core_hours(work):,.0f} core hours"
    )


def shortened(spec: str) -> str:
    """The name and the file of a data set, without the other options."""
    name, options = split_spec(spec)
    return f"{name} {options.get('file', spec)}"
