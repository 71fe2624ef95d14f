"""Captions for a data set: candidates, a journal of finished blocks, the output formats.

Imports `captioner.decoding`, `captioner.features`, `captioner.runs`, `captioner.data`, `rewards` and `metric`.
"""
