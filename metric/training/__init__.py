"""How a CLIP is trained: a new one, and a PAC-S++ by LoRA.

Imports `metric.positives`, `metric.negatives`, `metric.clip`, `metric.scenes`.
"""
