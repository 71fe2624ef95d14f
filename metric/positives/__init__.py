"""Synthetic positives v' and t': who makes them, how they are kept as shards, which are used.

Imports `metric.clip`, `metric.image_to_text` and `metric.scenes`.
"""
