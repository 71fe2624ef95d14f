"""Synthetic positives made for a whole data set: captions t' of its pictures, pictures v' for its captions."""
