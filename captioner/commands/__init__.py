"""The commands, one module each. A module adds its flags, reads them and calls a work function.

Work functions live in other rooms and take typed arguments: argparse stays in here and in captioner/flags.py.
"""
