"""Flags made from a dataclass: one for each field, nested ones with dots, the string under the field as help."""

from __future__ import annotations

import argparse
import ast
import inspect
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def add_flags(parser: argparse.ArgumentParser, config: Any, prefix: str = "") -> None:
    """A flag for each field of `config`, a dataclass instance whose values are shown as defaults."""
    hints, docs = get_type_hints(type(config)), field_docs(type(config))
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            add_flags(parser, value, f"{prefix}{item.name}.")
        else:
            add_flag(parser, prefix + item.name, hints[item.name], value, docs[item.name])


def add_flag(parser: argparse.ArgumentParser, name: str, kind: Any, value: Any, doc: str) -> None:
    doc = doc.replace("%", "%%")
    common: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS}
    if kind is bool:
        parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, help=f"{doc} ({value})", **common)
    elif isinstance(value, tuple):  # `rewards` is filled by repeating --reward
        parser.add_argument(f"--{name.removesuffix('s')}", action="append", metavar="SPEC", help=doc, **common)
    else:
        shown = f" ({value})" if value != "" else ""
        parser.add_argument(f"--{name}", type=kind, metavar=kind.__name__.upper(), help=doc + shown, **common)


def given(args: argparse.Namespace, config: Any) -> dict[str, Any]:
    """The fields that were typed, by dotted name: what `config.override` takes."""
    from captioner.config import dotted

    typed = {name: value for name, value in vars(args).items() if name in dotted(config)}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}


def field_docs(kind: type) -> dict[str, str]:
    """The string under each field of a dataclass."""
    (body,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for statement, after in zip(body.body, body.body[1:]):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = doc
    return docs
