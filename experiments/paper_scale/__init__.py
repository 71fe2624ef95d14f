"""Recipes at the scale of the papers, as data. No recipe was run here. `experiments.paper_scale.run` runs a recipe."""

from experiments.paper_scale import coco, elsewhere, metrics

RECIPES = {**metrics.RECIPES, **coco.RECIPES, **elsewhere.RECIPES}
