"""Patch features of pictures: a CLIP computes them, and memory or a folder keeps them.

Imports `captioner.data` and `metric`.
"""
