"""Recipes for PAC-S++ on COCO, with positives by BLIP and Stable Diffusion, against human judgement."""

from __future__ import annotations

from experiments.paper_scale.coco import BACKBONES, DATA, LAYOUT
from experiments.paper_scale.recipe import Recipe

# agreement with Flickr8k-Expert: Kendall's tau-b x 100 (arXiv 2104.08718, 2303.12112, 2410.07336)
EXPERT = "Flickr8k-Expert tau-b with ViT-B/32: CLIP-S 51.1, PAC-S 53.9, PAC-S++ 54.5"
FLICKR8K = {
    "flickr8k/ExpertAnnotations.txt": "Flickr8k-Expert's judgements",
    "flickr8k/Flickr8k.token.txt": "references of Flickr8k; the pictures lie beside this file",
}
POSITIVES = Recipe(
    title="Positives for COCO: a caption of each picture by BLIP, a picture of each caption by Stable Diffusion",
    source="arXiv 2303.12112 and 2410.07336; the only figure to compare is the printed mean cosine",
    data=LAYOUT,
    commands=(
        f"metric positives --data {DATA} --text Salesforce/blip-image-captioning-large "
        "--image stabilityai/stable-diffusion-2-1 --clip ViT-B-32-quickgelu:openai --drop 0.1 --precision fp16 "
        "--out {out}/positives",
    ),
)


def recipe(backbone: str, clip: str) -> Recipe:
    """The recipe that tunes one CLIP and judges the result."""
    tuned = f"{{out}}/metric-{backbone}"
    return Recipe(
        title=f"PAC-S++ from {clip}, with BLIP's and Stable Diffusion's positives",
        source=f"arXiv 2410.07336; {EXPERT}",
        data={**LAYOUT, **FLICKR8K},
        commands=(
            f"metric train --data {DATA} --clip {clip} --positives {{out}}/positives --batch-size 1024 --chunk 64 "
            f"--steps 2000 --lr 1e-4 --val-every 100 --patience 5 --precision bf16 --out {tuned}",
            f"metric judge --benchmark flickr8k-expert --root {{root}}/flickr8k --clip {clip} "
            f"--metrics clip_s,pac_spp:checkpoint={tuned} --out {tuned}/flickr8k-expert.json",
        ),
        after=("positives-coco",),
    )


RECIPES = {"positives-coco": POSITIVES}
RECIPES |= {f"metric-{name}": recipe(name, clip) for name, clip in BACKBONES.items() if name != "rn50"}
