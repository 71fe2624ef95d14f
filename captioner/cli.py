"""The command line: `captioner COMMAND`. Heavy modules are imported when a command runs."""

from __future__ import annotations

import argparse
import errno
import io
import os
import select
import sys
from typing import NoReturn

from safetensors import SafetensorError

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
    serve,
    train,
    watch,
)
from captioner.flags import SHELLS, Parser, PrintCompletion, no_place, refuse_no_place
from metric.runtime.interrupts import Interrupted, end_process
from metric.runtime.threads import refuse_no_threads, spin_briefly
from metric.storage.atomic_files import no_room
from metric.storage.ledger import kept

# an operator that such a device lacks runs on the CPU, and torch names the operator in a warning; set before torch
FALL_BACK = ("PYTORCH_ENABLE_MPS_FALLBACK", "PYTORCH_ENABLE_XPU_FALLBACK")
SIGPIPE = 13  # Windows has no such signal
COMMANDS = {
    "train": train,
    "watch": watch,
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
    "serve": serve,
    "doctor": doctor,
}


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = Parser(
        prog="captioner", description="Train image captioners with any reward, use them, and compare their captions."
    )
    top.add_argument("--traceback", action="store_true", help="traceback of an error, in place of one line")
    top.add_argument(
        "--print-completion",
        choices=SHELLS,
        action=PrintCompletion,
        help="completion script for a shell, to be read by the shell",
    )
    top.set_defaults(strict=False, take=[], left_out=no_place, makes_folder=False)  # for those that read no data
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        sub = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add(sub)
        sub.set_defaults(run=module.run)
    return top


def main(argv: list[str] | None = None) -> int:
    """Runs a command and returns the exit code.

    0 is success. 1 is a part of the input that was left out under --strict. 2 is input that cannot be used, with one
    line of the reason. 130 is an interrupt, 143 a SIGTERM. 141 is an output whose reader has ended, such as `head`.
    """
    for name in FALL_BACK:
        os.environ.setdefault(name, "1")
    args = parser().parse_args(argv)
    args.typed = sys.argv[1:] if argv is None else argv
    spin_briefly()
    from metric.images import named_warnings
    from metric.readable import taking

    try:
        refuse_no_threads()
        refuse_no_device(getattr(args, "device", "auto"))
        refuse_no_place(args)
        with named_warnings(), taking(args.take), kept(args.left_out(args)) as ledger:
            code = args.run(args) or 0
            sys.stdout.flush()
        return 1 if ledger and args.strict else code
    except (ValueError, OSError, SafetensorError) as error:
        if args.traceback:
            raise
        if no_reader(error):
            return 128 + SIGPIPE
        print(f"captioner: {not_written(error, args) or in_a_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"captioner: interrupted{f'; {stop}' if str(stop) else ''}", file=sys.stderr)
        return stop.code if isinstance(stop, Interrupted) else 130


def refuse_no_device(name: str) -> None:
    """ValueError for a typed device that is not there, also in a command that would not come to use it."""
    if name not in ("auto", "cpu"):  # which need no PyTorch to be known
        from metric.runtime.device import named

        named(name)


def no_reader(error: Exception) -> bool:
    """Whether the reader of stdout has ended, as `head` does after its lines. What is still to be said goes nowhere."""
    if not isinstance(error, BrokenPipeError) or not hasattr(select, "poll"):
        return False
    poll, stdout = select.poll(), 1
    poll.register(stdout, select.POLLERR)
    if ended := bool(poll.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout)
    return ended


def not_written(error: Exception, args: argparse.Namespace) -> str:
    """What to do when the output cannot be written, for a full disk or a folder without permission; "" for others."""
    if not isinstance(error, (OSError, SafetensorError)):
        return ""
    why = no_room(error)
    places = (getattr(error, "filename", None), getattr(args, "out", None), getattr(args, "to", None))
    place = next((place for place in places if place), "the output")
    if why:
        return f"{why}, and {place} cannot be written; make room, then type the same command again"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{place}: {error.strerror}; give a place that can be read and written, such as another --out"
    return ""


def in_a_line(error: Exception) -> str:
    """The message of an error without line breaks. A message about a file begins with the name of the file."""
    text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    return " ".join(text.split())


def program() -> NoReturn:
    """Run the command that was typed, and end the process.

    A terminal whose encoding lacks a letter gets an escape for it, and the work goes on.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    end_process(main)


if __name__ == "__main__":
    program()
