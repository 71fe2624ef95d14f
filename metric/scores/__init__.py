"""Scores of captions: one module a score, its family, the catalogue, intervals.

Imports `metric.clip`, `metric.scenes`, `metric.programs` and the loose modules of `metric`.
"""
