"""Data formats: one module turns one format into `Example`s, and names what it leaves out."""
