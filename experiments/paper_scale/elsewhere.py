"""Recipes for the captioners of COCO on pictures of other data sets, and for PAC-S++ on videos."""

from __future__ import annotations

from experiments.paper_scale.coco import REWARDS
from experiments.paper_scale.recipe import Recipe

# data set -> --data of `captioner`, and the split
OUT_OF_DOMAIN = {
    "nocaps": ("nocaps:file={root}/nocaps/nocaps_val_4500_captions.json,images={root}/nocaps/images", "val"),
    "vizwiz": ("vizwiz:file={root}/vizwiz/val.json,images={root}/vizwiz/val", "val"),
    "textcaps": ("textcaps:file={root}/textcaps/TextCaps_0.1_val.json,images={root}/textcaps", "val"),
    "cc3m": ("tsv:file={root}/cc3m/Validation_GCC-1.1.0-Validation.tsv,images={root}/cc3m/validation", "val"),
}
LAYOUT = {
    "nocaps/nocaps_val_4500_captions.json": "4,500 pictures with ten captions (nocaps.org)",
    "nocaps/images": "pictures of nocaps",
    "vizwiz/val.json": "VizWiz-Captions (vizwiz.org)",
    "vizwiz/val": "pictures of VizWiz",
    "textcaps/TextCaps_0.1_val.json": "TextCaps (textvqa.org/textcaps)",
    "textcaps/train_images": "pictures of TextCaps, from Open Images",
    "cc3m/Validation_GCC-1.1.0-Validation.tsv": "Conceptual Captions (ai.google.com/research/ConceptualCaptions)",
    "cc3m/validation": "the downloaded pictures, named by CRC32 of the address",
}
VATEX = ("candidates_list.pkl", "gts_list.pkl", "human_scores.pkl", "video_ids.pkl", "videos")
FOIL = (
    *(f"final_{which}_video_sentences.json" for which in ("right", "foil")),
    *(f"anet_entities_test_{n}.json" for n in (1, 2)),
    "videos",
)
SCORES = "classic,text,clip_s:clip=ViT-B-32-quickgelu:openai,pac_spp:checkpoint={out}/metric-vit-b-32"


def commands(name: str, spec: str, split: str) -> list[str]:
    """The commands that caption a data set with each run, and the command that scores all captions side by side."""
    files = {run: f"{{out}}/{name}/{run}.jsonl" for run in ("xe", *REWARDS)}
    captioned = [
        f"caption --model {{out}}/coco-vit-l-14/{run} --images {spec} --split {split} --checker none --out {file}"
        for run, file in files.items()
    ]
    scored = f"score --captions {' '.join(files.values())} --references {spec} --split {split} --scores {SCORES} "
    return [*captioned, scored + f"--partial --out {{out}}/{name}/scores.json"]


RECIPES = {
    "out-of-domain": Recipe(
        title="nocaps, VizWiz, TextCaps, Conceptual Captions, by the captioners of COCO with ViT-L/14",
        source="arXiv 2410.07336, its tables out of domain; their figures are not recorded in this repository",
        data=LAYOUT,
        commands=tuple(line for name, how in OUT_OF_DOMAIN.items() for line in commands(name, *how)),
        after=("coco-vit-l-14", "metric-vit-b-32"),
    ),
    "video": Recipe(
        title="Videos: VATEX-EVAL's judgements and ActivityNet-FOIL's pairs, EMScore in the space of a PAC-S++",
        source="EMScore (arXiv 2111.08919) with the checkpoint swapped in; no figure is recorded in this repository",
        data={
            **dict.fromkeys(
                (f"vatex-eval/{name}" for name in VATEX), "VATEX-EVAL, as metric/judgement/benchmarks/vatex.py says"
            ),
            **dict.fromkeys(
                (f"activitynet-foil/{name}" for name in FOIL), "see metric/judgement/benchmarks/activitynet.py"
            ),
        },
        commands=tuple(
            f"metric judge --benchmark {name} --root {{root}}/{name} --clip ViT-B-32-quickgelu:openai "
            f"--metrics clip_s,pac_spp:checkpoint={{out}}/metric-vit-b-32 --out {{out}}/video-{name}.json"
            for name in ("vatex-eval", "activitynet-foil")
        ),
        after=("metric-vit-b-32",),
    ),
}
