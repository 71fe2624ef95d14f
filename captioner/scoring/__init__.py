"""Scores of captions in files and of runs: matched by id, computed, printed, written.

Imports `captioner.runs`, `captioner.decoding`, `captioner.features`, `captioner.data`, `rewards`, `metric`.
"""
