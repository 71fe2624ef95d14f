"""A CLIP, tuned or not, in the formats of other programs: open_clip, transformers, ONNX. Each is checked when written.

Imports `metric.clip`, `metric.runtime` and `metric.storage`.
"""
