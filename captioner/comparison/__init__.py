"""The comparison of runs: a table, training curves and a page.

Imports `captioner.runs`, `captioner.data`, `metric`.
"""
