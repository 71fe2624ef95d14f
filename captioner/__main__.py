"""`python -m captioner COMMAND`, the same as `captioner COMMAND`; `torchrun -m captioner COMMAND` starts several."""

from captioner.cli import program

if __name__ == "__main__":
    program()
