"""Plug-ins that other programs load by their path: a metric folder of Hugging Face evaluate, a filter of data-juicer.

Imports `metric.pictures`, `metric.evaluation` and `metric.scores`. Nothing imports these modules.
"""
