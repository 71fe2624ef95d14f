"""The training of the embedded CLIP: four runs of `captioner metric pretrain`, all but the first on alt-text.

Source: the curriculum is ours. The names of objects come first. From keyword lists alone a small ViT learns
colours and settings, but no objects. The last stage keeps the image tower and trains a new text tower (LiT, arXiv
2111.07991).
Command: `.venv/bin/python -m experiments.scenes_clip`. A second call continues an interrupted one. After the last
stage the asset and its model card are written. `--text-tower-only` runs the last stage on the image tower of the asset.
Cost: about 45 minutes of two CPU cores with bf16 (avx512_bf16), more without. The last stage alone: 4 minutes.
Expect: objects and colours are recognised in more than 90 % of held-out pictures. Keyword lists score at least
as high as sentences.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from captioner.data import load
from experiments.commands import resume_flag, run_captioner
from metric.clip.embedder import Embedder
from metric.clip.load import ASSETS, load_clip
from metric.example import Example
from metric.scenes.world import Scene
from metric.storage.provenance import commit, hardware
from metric.training.clip_quality import OBJECTS, appraise
from metric.training.retrieval import recognised

WORDS = ("--words", "scenes:count=3000,text=all")
STAGES = (
    ("--data", "scenes:count=30000,text=names", *WORDS, "--val", "scenes:text=names", "--steps", 1000),
    ("--data", "scenes:count=30000,text=alt", "--val", "scenes", "--steps", 3600, "--init", 1),
    (
        "--data",
        "scenes:count=30000,text=alt,first=30000",
        "--val",
        "scenes",
        "--steps",
        1000,
        "--lr",
        7e-4,
        "--init",
        2,
    ),
    ("--data", "scenes:count=30000,text=alt", *WORDS, "--val", "scenes", "--steps", 1500, "--image-tower", 3),
)
SOURCES = ("--init", "--image-tower")  # the value of these flags is the number of a stage
CARD = """---
license: apache-2.0
library_name: open_clip
---
# scenes-clip

A CLIP of {parameters:,} parameters (ViT, 48 px, patches of 8 px) for the embedded world of drawn scenes, trained from
nothing on 60,000 scenes with web-style alt-text. It is there so that the whole chain runs on a laptop without a
download; it knows nothing but scenes. Made by `experiments/scenes_clip.py` ({commit}, {hardware}):

```
{commands}
```

Zero-shot figures on 1,000 scenes of each split, none seen in training (`ood` holds only object-colour-relation
combinations that training never holds). Texts carry the prefix "A photo depicts ". R@k: one human-style caption each
among 1,000. Objects are asked for as the mean of "a red cat" over the colours. `first`: the best-scored name is in the
picture; `recall`: share of what is shown among as many best names;
`single`: pictures of one kind of object, best name right; scores are 2 max(cos, 0); tau-b against exact quality.

{table}

The image tower shipped here is of 2026-11-24. When stages 2 and 3 ran, alt-text still held function words, and stage 1
saw two copies of a large thing in a row rather than on a slant. The text tower is of 2026-11-25: stage 4 alone
(`--text-tower-only`), with a context of 44 tokens where it had 28. The commands above train on scenes as they are.

As CLIP does, it scores a bare keyword list (`keyword_lists`) at or above a sentence (`human_captions`): that is what
PAC-S++ repairs.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/scenes-clip"))
    parser.add_argument("--asset", type=Path, default=ASSETS / "scenes-clip")
    parser.add_argument("--text-tower-only", action="store_true", help="last stage alone, on the asset's image tower")
    args = parser.parse_args()
    stages = {number: words_of(number, args.out) for number in range(1, len(STAGES) + 1)}
    last = len(STAGES)
    for number in [last] if args.text_tower_only else stages:
        tower = args.out / str(last - 1)
        words = [args.asset if args.text_tower_only and word == tower else word for word in stages[number]]
        run_stage(words, args.out / str(number))
    shutil.copytree(args.out / str(last) / "clip", args.asset, dirs_exist_ok=True)
    write_card(args.asset, [" ".join(["captioner metric pretrain", *map(str, words)]) for words in stages.values()])


def words_of(number: int, out: Path) -> list[Any]:
    """The flags of a stage, with the folders of the earlier stages and of its own."""
    stage = STAGES[number - 1]
    words = [out / str(word) if before in SOURCES else word for before, word in zip(("", *stage), stage)]
    return [*words, "--precision", "bf16", "--out", out / str(number)]


def run_stage(words: list[Any], out: Path) -> None:
    if not (out / "report.json").exists():
        run_captioner("metric", "pretrain", *words, *resume_flag(out))


def write_card(asset: Path, commands: list[str]) -> None:
    """Writes README.md and figures.json into the folder of the asset, and prints the figures."""
    embedder = Embedder(load_clip(str(asset)))
    figures = {split: figures_on(embedder, load("scenes", split)) for split in ("val", "test", "ood")}
    names = list(figures["test"])
    rows = [
        f"| {name} | " + " | ".join(f"{row[name]:.3f}" if name in row else "-" for row in figures.values()) + " |"
        for name in names
    ]
    table = "\n".join(["| | " + " | ".join(figures) + " |", "|---|" + "---:|" * len(figures), *rows])
    parameters = sum(parameter.numel() for parameter in embedder.clip.model.parameters())
    facts = {"commit": commit(), "hardware": hardware(), "commands": "\n".join(commands), "table": table}
    (asset / "README.md").write_text(CARD.format(parameters=parameters, **facts))
    (asset / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(table)


def figures_on(embedder: Embedder, examples: list[Example]) -> dict[str, float]:
    """The figures of `appraise`, and the share of pictures with a single kind that get the right name."""
    singles = [example.image for example in examples if isinstance(example.image, Scene) and example.image.position]
    shown = [{scene.things[0].kind} for scene in singles]
    single = {"object_single": recognised(embedder, singles, OBJECTS, shown)} if singles else {}
    return {**appraise(embedder, examples), **single}


if __name__ == "__main__":
    main()
