"""Recipes at the papers' scale, none of which was run here; `experiments/recipe.py` plans and runs them."""

from recipes import coco, elsewhere, metrics

RECIPES = {**metrics.RECIPES, **coco.RECIPES, **elsewhere.RECIPES}
