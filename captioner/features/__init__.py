"""Patch features of pictures: computed by a CLIP, kept in memory or in a folder, found again.

Imports `captioner.data` and `metric`.
"""
