"""Rounds of a metric against captioners that are pressed on it: found phrases, new metrics, new captioners."""
