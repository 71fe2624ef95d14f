"""Captions for a data set: candidates that are scored and chosen, a journal of finished blocks, the output formats.

Imports `captioner.sources`, `captioner.decoding`, `captioner.features`, `captioner.runs`, `captioner.data`, `rewards`
and `metric`.
"""
