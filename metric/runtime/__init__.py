"""How work is run: processes, devices, precision, learning rates, seeds, interrupts.

This room imports no other room.
"""
