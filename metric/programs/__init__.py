"""Programs in other processes, which stop when this process ends.

This room imports no other room.
"""
