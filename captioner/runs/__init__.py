"""A run folder, the interface between commands: its files, origin, signature and outcome.

Imports `captioner.model`, `captioner.data`, `rewards`, `metric`.
"""
