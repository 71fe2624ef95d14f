"""Any CLIP: load it, embed pictures and texts with it, read the authors' checkpoints.

Imports `metric.runtime`, `metric.storage`, `metric.images`, `metric.example`, `metric.spec`.
"""
