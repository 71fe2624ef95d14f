"""The captioner: an encoder-decoder Transformer over patch features, its vocabulary, its folder.

Imports `metric`.
"""
