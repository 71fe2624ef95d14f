"""The parser of the command line, and the flags of a dataclass.

A flag is written with hyphens (`--xe.batch-size`). Underscores and `--scst.` in place of `--rl.` mean the same.
A dataclass gives one flag for each field, and a dot stands before a field of an inner dataclass. The string under a
field is the help of its flag.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn, get_type_hints

from captioner.config import dotted, flag
from metric.spec import did_you_mean, nearest_or_all
from metric.storage.atomic_files import refuse_unwritable
from metric.storage.ledger import LEFT_OUT, beside
from metric.storage.paths import expanded

SHELLS = ("bash", "zsh", "tcsh")


class Parser(argparse.ArgumentParser):
    """An argparse parser that accepts each spelling of a flag. An error is one line with exit code 2."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.typed: list[str] = []
        kwargs["formatter_class"] = partial(argparse.HelpFormatter, max_help_position=30)
        super().__init__(*args, **kwargs)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        words = self.typed = [expanded(word) for word in spelt(sys.argv[1:] if args is None else args)]
        self.refuse_unknown(words)
        return super().parse_known_args(words, namespace)

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Ends with exit code 2 at an unknown flag, before argparse reports a required flag as missing."""
        own_words = takewhile(lambda word: word.startswith("-"), words) if self._subparsers else words
        for word in takewhile(lambda word: word != "--", own_words):
            name = word.partition("=")[0]
            if name.startswith("--") and name not in self._option_string_actions:
                close = did_you_mean(name, self._option_string_actions)
                self.error(f"no flag {name}{close and '; '}{close}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raises ArgumentError for an unknown command or choice, with the nearest one or all."""
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, f"got {value!r}; {nearest_or_all(str(value), names)}")

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2 and the message in one line on stderr."""
        if message.startswith("unrecognized arguments"):
            message += after_comma(self.typed)
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (usage: {self.prog} --help)\n")


def after_comma(words: Sequence[str]) -> str:
    """The end of a message about a word too many: how a list with a space behind a comma is typed. "" without one."""
    pairs = [(one, other) for one, other in zip(words, words[1:]) if one.endswith(",") and not other.startswith("-")]
    return "".join(f"; type a list without spaces: {one}{other}" for one, other in pairs[:1])


class PrintCompletion(argparse.Action):
    """Prints the completion script for a shell: `captioner --print-completion bash`."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: Any = None) -> None:
        import shtab

        for action in path_arguments(parser):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        print(shtab.complete(parser, values))
        parser.exit()


def path_arguments(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The flags and positional arguments that may take a path, with those of all commands."""
    actions = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            actions += [inner for command in action.choices.values() for inner in path_arguments(command)]
        elif action.nargs != 0 and not action.choices and action.type not in (int, finite):
            actions.append(action)
    return actions


def spelt(words: Sequence[str]) -> list[str]:
    """Words with flags in today's spelling: `--scst.batch_size=8` -> `--rl.batch-size=8`.

    Words that are no flags, and words after `--`, stay unchanged.
    """
    end = words.index("--") if "--" in words else len(words)
    return [re.sub(r"^--[^=]+", todays_spelling, word) for word in words[:end]] + list(words[end:])


def todays_spelling(match: re.Match[str]) -> str:
    """The flag of a match with hyphens, and with `--rl.` for `--scst.`."""
    return re.sub(r"^--(no-)?scst\.", r"--\1rl.", match[0].replace("_", "-"))


def positive(text: str) -> int:
    """A whole number from 1, as the type of a flag."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is expected, got {text!r}")
    return int(text)


def finite(text: str) -> float:
    """A number that is not infinite, as the type of a flag."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"a finite number is expected, got {text!r}")
    return number


def add_decoding(group: Any) -> None:
    """Adds the flags that replace the decoding settings of a run."""
    group.add_argument("--beams", type=positive, metavar="INT", help="beams; 1 is greedy decoding (those of the run)")
    group.add_argument(
        "--max-length",
        type=positive,
        metavar="INT",
        help="most tokens of a caption, end of sentence included (those of the run)",
    )
    group.add_argument(
        "--length-penalty",
        type=finite,
        metavar="FLOAT",
        help="power of the length that divides the log-probability of a beam (that of the run)",
    )
    group.add_argument(
        "--no-repeat-ngram",
        type=int,
        metavar="INT",
        help="tokens of the n-grams that a caption has once at most; 0 allows repeats (those of the run)",
    )
    group.add_argument(
        "--guidance",
        type=finite,
        metavar="FLOAT",
        help="weight of the picture, for a run with --xe.drop-features; 1 has no guidance (that of the run)",
    )


def decoding_of(args: argparse.Namespace) -> dict[str, Any]:
    """The decoding settings that were typed, as `captioner.config_checks.decode_with` takes them."""
    names = ("beams", "max_length", "length_penalty", "no_repeat_ngram", "guidance")
    return {name: value for name in names if (value := getattr(args, name)) is not None}


def add_flags(
    parser: argparse.ArgumentParser,
    config: Any,
    groups: Mapping[str, Sequence[str]] = {},
    choices: Mapping[str, Sequence[str]] = {},
    others: str = "settings",
) -> None:
    """Adds a flag for each field of `config`, a dataclass instance. The help shows the values of `config` as defaults.

    `groups` has the headings of the help, each with names of fields and sections. The `others` come last, under a
    heading of that name. `choices` has the values that a field may have.
    """
    heading = {name: heading for heading, names in groups.items() for name in names}
    made = {heading: parser.add_argument_group(heading) for heading in [*groups, others]}
    for name, kind, value, doc in described(config):
        add_flag(made[heading.get(name.partition(".")[0], others)], name, kind, value, doc, choices.get(name))


def seed_number(text: str) -> int:
    """A seed, as the type of a flag: a whole number from 0 to 2**32 - 1, which every generator takes."""
    if not (text.isascii() and text.isdigit()) or int(text) > 2**32 - 1:
        raise argparse.ArgumentTypeError(f"a whole number from 0 to {2**32 - 1} is expected, got {text!r}")
    return int(text)


def add_device(parser: Any) -> None:
    """Adds --device."""
    parser.add_argument(
        "--device", default="auto", help="device of the work: auto, cpu, cuda, cuda:N, mps or xpu (auto)"
    )


def add_strict(parser: argparse.ArgumentParser, left_out: Callable[[argparse.Namespace], Path | None]) -> None:
    """Adds --strict and --take. `left_out` gives the place of the ledger, from the arguments; None for no file."""
    parser.add_argument(
        "--strict", action="store_true", help="exit code 1 if a picture, caption or other part of the input is left out"
    )
    parser.add_argument(
        "--take",
        action="append",
        default=[],
        choices=("large", "truncated"),
        help="pictures that are otherwise left out: large (of any number of pixels) or truncated (what the file "
        "lacks is grey); repeated flags take both",
    )
    parser.set_defaults(left_out=left_out, makes_folder=left_out is in_out)


def add_track(parser: argparse.ArgumentParser) -> None:
    """Adds --track. It is no setting of a run: it changes no number, and a resumed run may do without."""
    parser.add_argument(
        "--track",
        default="",
        metavar="NAMES",
        help="trackers beside TensorBoard, with commas between them: wandb, mlflow or another of accelerate (none)",
    )


def tracked(args: argparse.Namespace) -> list[str]:
    """The names that --track lists."""
    return [name for part in args.track.split(",") if (name := part.strip())]


def is_scenes(data: str) -> bool:
    """Whether a typed data set is that of drawn scenes, for which the preset small is made."""
    return data.partition(":")[0] == "scenes"


def no_place(args: argparse.Namespace) -> None:
    """For a command that reads no data, or writes the ledger itself."""


def refuse_no_place(args: argparse.Namespace) -> None:
    """Raises ValueError for an output that cannot be made, before any work, such as a file where a folder is to be.

    The parser of a command whose --out is a folder sets `makes_folder`.
    """
    out, to = getattr(args, "out", None), getattr(args, "to", None)
    if out:
        refuse_unwritable(out if args.makes_folder else out.absolute().parent)
        if args.left_out is beside_out and out.is_dir():
            raise ValueError(f"--out {out} is a folder, expected a file; type --out {out / 'scores.json'}")
    if to:
        refuse_unwritable(to, "give another --to")


def in_out(args: argparse.Namespace) -> Path | None:
    """The place of the ledger of a command whose --out is a folder."""
    return args.out and args.out / LEFT_OUT


def beside_out(args: argparse.Namespace) -> Path | None:
    """The place of the ledger of a command whose --out is a file."""
    return args.out and beside(args.out)


def described(config: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any, str]]:
    """Dotted name, type, value and help of each field, inner fields included."""
    hints, docs = get_type_hints(type(config)), field_docs(type(config))
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            yield from described(value, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, hints[item.name], value, docs[item.name]


def add_flag(group: Any, name: str, kind: Any, value: Any, doc: str, choices: Sequence[str] | None) -> None:
    """Adds the flag of one field to a group. The help is `doc` with the default `value` in parentheses."""
    doc = doc.replace("%", "%%")
    common: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
    if kind is bool:
        group.add_argument(flag(name), action=argparse.BooleanOptionalAction, help=f"{doc} ({value})", **common)
    elif isinstance(value, tuple):  # `rewards` is filled by repeating --reward
        group.add_argument(flag(name).removesuffix("s"), action="append", metavar="SPEC", help=doc, **common)
    else:
        shown = f"{doc} ({value})" if value != "" else doc
        reader = seed_number if name == "seed" else finite if kind is float else kind
        typed = {"type": reader, "metavar": kind.__name__.upper(), "choices": choices}
        group.add_argument(flag(name), help=shown, **typed, **common)


def given(args: argparse.Namespace, config: Any) -> dict[str, Any]:
    """The fields that were typed, by dotted name, in the form that `config.override` takes."""
    typed = {name: value for name, value in vars(args).items() if name in dotted(config)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}


def field_docs(kind: type) -> dict[str, str]:
    """The string under each field of a dataclass, by the name of the field."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for statement, after in zip(body.body, body.body[1:]):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = doc
    return docs
