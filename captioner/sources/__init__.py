"""Sources of captions: a captioner of this package, a model of the hub, a file of candidates that others made.

Imports `captioner.decoding`, `captioner.features`, `captioner.runs`, `captioner.model`, `captioner.data` and `metric`.
"""
