"""Recipes for COCO in Karpathy's splits: cross-entropy, then each reward, over the features of one CLIP."""

from __future__ import annotations

from experiments.paper_scale.recipe import Recipe

BACKBONES = {
    "rn50": "RN50-quickgelu:openai",
    "vit-b-32": "ViT-B-32-quickgelu:openai",
    "vit-l-14": "ViT-L-14-quickgelu:openai",
    "siglip-b-16": "ViT-B-16-SigLIP:webli",
}
SCORER = "ViT-B-32-quickgelu:openai"  # the CLIP in the definition of CLIP-S (arXiv 2104.08718)
REWARDS = {
    "cider": "cider",
    "clips": f"clips:clip={SCORER}",
    "pacspp": "pacspp:checkpoint={out}/metric-vit-b-32",
}
DATA = "karpathy:file={root}/coco/dataset_coco.json,images={root}/coco"
LAYOUT = {
    "coco/dataset_coco.json": "Karpathy's splits (cs.stanford.edu/people/karpathy/deepimagesent)",
    "coco/train2014": "82,783 pictures (cocodataset.org)",
    "coco/val2014": "40,504 pictures",
}


def recipe(backbone: str, clip: str) -> Recipe:
    """The recipe of one CLIP, whose features the captioner reads."""
    out, shared = f"{{out}}/coco-{backbone}", f"--data {DATA} --clip {clip} --features {{out}}/features-{backbone}"
    shared += " --pac {out}/metric-vit-b-32 --checker languagetool --precision bf16"
    xe = f"train {shared} --out {out}/xe"
    rewards = [
        f"train {shared} --preset pacspp --init {out}/xe --reward {spec} --out {out}/{name}"
        for name, spec in REWARDS.items()
    ]
    runs = " ".join(f"{out}/{name}" for name in ("xe", *REWARDS))
    scores = f"classic,java,text,clip_s:clip={SCORER},ref_clip_s,pac_spp,ref_pac_spp"
    return Recipe(
        title=f"COCO Karpathy, {clip}: XE, then CIDEr, CLIP-S and PAC-S++",
        source="arXiv 2410.07336, its tables of rewards on COCO; their figures are not recorded in this repository",
        data=LAYOUT,
        commands=(xe, *rewards, f"evaluate {runs} --scores {scores}", f"compare {runs} --out {out}/comparison"),
        after=("metric-vit-b-32",),
    )


RECIPES = {f"coco-{backbone}": recipe(backbone, clip) for backbone, clip in BACKBONES.items()}
