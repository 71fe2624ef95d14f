"""Recipes at the papers' scale, as data. None was run here. `python -m experiments.paper_scale.run` runs them."""

from experiments.paper_scale import coco, elsewhere, metrics

RECIPES = {**metrics.RECIPES, **coco.RECIPES, **elsewhere.RECIPES}
