"""Publishing: a folder for the hub, a model card, and a page in the browser.

Imports `captioner.comparison`, `captioner.scoring` and the rooms below them.
"""
