"""Models of transformers that turn pictures into text: found, loaded, and asked by a prompt or a chat template.

Imports `metric.runtime` and `metric.storage`.
"""
