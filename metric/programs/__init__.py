"""Programs in other processes: started once, checked, stopped when this process ends.

This room imports no other room.
"""
