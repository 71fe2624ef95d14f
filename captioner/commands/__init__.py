"""The command line: one module a command, which reads flags and calls a work function.

Only these modules see argparse.
"""
