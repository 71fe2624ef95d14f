"""A run folder, the interface between commands: its files, its record, its signature, its outcome.

Imports `captioner.model`, `captioner.data`, `rewards`, `metric`.
"""
