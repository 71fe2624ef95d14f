"""Captions from a model: greedy, beam search, samples; their log-probabilities.

Imports `captioner.model` and `captioner.features`.
"""
