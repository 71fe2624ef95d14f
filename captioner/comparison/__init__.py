"""The reward ablation: runs side by side as a table, curves and a page.

Imports `captioner.runs`, `captioner.data`, `metric`.
"""
