"""The training of a captioner: cross-entropy, then the reward stage.

Imports `captioner.runs`, `captioner.decoding`, `captioner.features`, `captioner.data`, `rewards`, `metric`.
"""
