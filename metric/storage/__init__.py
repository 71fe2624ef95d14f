"""Files on disk: files that appear whole or not at all, checkpoint folders, the hub's cache.

Imports `metric.runtime` only.
"""
