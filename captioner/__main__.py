"""`python -m captioner COMMAND`, the same as `captioner COMMAND`; `torchrun -m captioner COMMAND` starts several."""

import sys

from captioner.cli import main

if __name__ == "__main__":
    sys.exit(main())
