"""Hard text negatives: captions made wrong by rules that know no data set, in form or in what is claimed.

Imports `metric.spec`.
"""
