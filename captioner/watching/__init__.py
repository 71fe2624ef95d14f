"""`captioner watch`: the curves and the latest captions of a run in the terminal, while it trains or later.

Imports `captioner.runs` and `metric`.
"""
