"""The command line: `captioner COMMAND`. Imports nothing heavy until a command runs."""

from __future__ import annotations

import argparse
import sys

from captioner.commands import (
    app,
    caption,
    compare,
    data,
    doctor,
    evaluate,
    features,
    metric,
    push,
    rewards,
    score,
    train,
)
from captioner.flags import SHELLS, Parser, PrintCompletion
from metric.runtime.interrupts import Interrupted

COMMANDS = {
    "train": train,
    "data": data,
    "features": features,
    "caption": caption,
    "evaluate": evaluate,
    "score": score,
    "compare": compare,
    "rewards": rewards,
    "metric": metric,
    "push": push,
    "app": app,
    "doctor": doctor,
}


def parser() -> argparse.ArgumentParser:
    top = Parser(prog="captioner", description="Train image captioners with any reward, and compare.")
    top.add_argument("--traceback", action="store_true", help="show where an error came from")
    top.add_argument(
        "--print-completion", choices=SHELLS, action=PrintCompletion, help="print the completion of a shell, and stop"
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Exit code 0, 2 for input that cannot be used (one line says why), 130 when interrupted, 143 by SIGTERM."""
    args = parser().parse_args(argv)
    args.typed = sys.argv[1:] if argv is None else argv
    try:
        return args.run(args) or 0
    except (ValueError, OSError) as error:
        if args.traceback:
            raise
        print(f"captioner: {in_a_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"captioner: interrupted{f'; {stop}' if str(stop) else ''}", file=sys.stderr)
        return stop.code if isinstance(stop, Interrupted) else 130


def in_a_line(error: ValueError | OSError) -> str:
    text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
