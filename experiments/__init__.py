"""Runs as Python files. Each starts with the short spin of threads that the commands have."""

from metric.runtime.threads import spin_briefly

spin_briefly()
